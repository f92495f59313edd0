"""Answers about wordings: what holds at which moment, what is refused, which weeks are touched."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from pv import intake, reference, store
from pv.cases import StreamCases
from pv.codes.synonyms import followed
from pv.forms import learned
from pv.intake import FileAccount
from pv.mapping import waiting
from pv.schema import reference_snapshot
from pv.week import Week, instant_text
from tests.conftest import KEY, NOW, Export

EN = ["Stream", "Kind", "As written", "Counts as", "Filled in by", "Note"]
HOSPITALS = (
    "hospital_id,name,former_names,level,kind,district,sentinel,registered,reports_for\n"
    "H1,第一医院,市医院,3,综合医院,,,,\nH2,第二医院,,2,综合医院,,,,\n"
)
FILES = {
    "hospitals": HOSPITALS,
    "areas": "code,name,parent\nA,城,\n",
    "synonyms": "stream,kind,wording,preferred\ndrug,event,药疹,皮疹\n",
}
W46 = Week.parse("2026-W46")


@pytest.fixture
def city(engine: Engine) -> Engine:
    """A store that knows the files."""
    stamp = instant_text(NOW)
    with store.writing(engine) as connection:
        for key, (name, content) in enumerate(FILES.items()):
            values = {"snapshot_id": key, "name": name, "sha256": name, "recorded_at": stamp, "content": content}
            connection.execute(reference_snapshot.insert().values(values))
    return engine


def load(engine: Engine, path: Path, hours: int = 0) -> FileAccount:
    return intake.load_file(engine, path, path.parent / "archive", KEY, NOW + timedelta(hours=hours))


def answer(engine: Engine, folder: Path, hours: int, *rows: tuple[str, str, str, str]) -> FileAccount:
    """Load answers (stream, kind, wording, answer) so many hours later."""
    path = folder / f"answers-{hours}.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        csv.writer(handle).writerows([EN, *([*row, "李四", ""] for row in rows)])
    account = load(engine, path, hours)
    assert not account.refused
    return account


def events(engine: Engine, hours: int) -> list[str]:
    return sorted(cases(engine, "drug", hours).view().events["event"])


def cases(engine: Engine, stream: str, hours: int) -> StreamCases:
    at: datetime = NOW + timedelta(hours=hours)
    with store.reading(engine) as connection:
        return StreamCases(connection, stream, at, learned.reference_at(connection, instant_text(at)))


def waits(engine: Engine, stream: str, hours: int) -> list[str]:
    with store.reading(engine) as connection:
        known = learned.reference_at(connection, instant_text(NOW + timedelta(hours=hours)))
    return waiting(cases(engine, stream, hours), known)["wording"].tolist()


def codes(account: FileAccount) -> list[tuple[str, str]]:
    return [(problem.code, problem.value) for problem in account.problems]


def test_an_answer_holds_from_its_moment_until_it_is_taken_back(city: Engine, export: Export, tmp_path: Path) -> None:
    rows = [
        {"报告表编码": "D1", "不良反应名称": "皮肤瘙痒", "国家中心接收时间": "2026-10-06"},
        {"报告表编码": "D2", "不良反应名称": "瘙痒"},
    ]
    load(city, export("drug", rows))
    account = answer(city, tmp_path, 1, ("drug", "event", "皮肤瘙痒", "瘙痒"))
    assert (account.stored, account.weeks) == (1, ("2026-W41",))
    again = answer(city, tmp_path, 2, ("药品", "事件", "皮肤瘙痒", "瘙痒"))
    assert (again.stored, again.unchanged, again.weeks) == (0, 1, ())
    withdrawn = answer(city, tmp_path, 3, ("drug", "event", "皮肤瘙痒", "取消对照 withdraw"))
    assert withdrawn.weeks == ("2026-W41",)
    assert events(city, 0) == events(city, 3) == ["瘙痒", "皮肤瘙痒"]
    assert events(city, 1) == events(city, 2) == ["瘙痒", "瘙痒"]


def test_a_unit_is_learned_by_id_name_or_both_and_a_stranger_is_not_asked_about_again(
    city: Engine, export: Export, tmp_path: Path
) -> None:
    names = ["一院", "二院", "省外医院", "外地诊所"]
    load(city, export("drug", [{"报告表编码": f"D{n}", "报告单位名称": name} for n, name in enumerate(names)]))
    assert waits(city, "drug", 0) == sorted(names)
    account = answer(
        city,
        tmp_path,
        1,
        ("", "报告单位", "一院", "H1 第一医院"),
        ("drug", "hospital", "二院", "第二医院"),
        ("", "hospital", "省外医院", "As written"),
        ("", "hospital", "外地诊所", "H9"),
        ("", "hospital", "市医院", "H2"),
        ("", "hospital", "甲；乙", "H2"),
    )
    assert codes(account) == [("mapping_hospital", "H9"), ("mapping_file", "H2"), ("mapping_separator", "甲；乙")]
    assert (account.stored, account.quarantined, account.weeks) == (3, 3, ("2026-W46",))
    filings = cases(city, "drug", 1).filings(W46).set_index("hospital")["hospital_id"]
    assert filings.to_dict() == {"一院": "H1", "二院": "H2", "省外医院": "", "外地诊所": ""}
    assert waits(city, "drug", 1) == ["外地诊所"]


def test_a_device_number_mended_counts_with_the_right_one_on_every_level(
    city: Engine, export: Export, tmp_path: Path
) -> None:
    right, wrong = "国械注准20153141234", "国械注淮20153141234"
    number = "注册证编号/曾用注册证编号"
    load(city, export("device", [{"报告编码": "E1", number: right}, {"报告编码": "E2", number: wrong}]))
    assert waits(city, "device", 0) == [wrong]
    answer(city, tmp_path, 1, ("device", "product", wrong, f"{right} 一次性使用输液器"))
    assert waits(city, "device", 1) == []
    assert set(cases(city, "device", 1).view().products["registration"]) == {f"{right} 一次性使用输液器"}


@pytest.mark.parametrize(("said", "label"), [("as written", "20-3 号 一次性使用输液器"), ("输液器", "输液器")])
def test_an_odd_number_that_is_right_or_is_a_name_waits_no_more(
    city: Engine, export: Export, tmp_path: Path, said: str, label: str
) -> None:
    load(city, export("device", [{"注册证编号/曾用注册证编号": "20-3 号"}]))
    (wording,) = waits(city, "device", 0)
    answer(city, tmp_path, 1, ("device", "product", wording, said))
    assert waits(city, "device", 1) == []
    (shown,) = cases(city, "device", 1).view().products["registration"]
    assert shown.replace(" ", "") == label.replace(" ", "")


def test_a_drug_number_is_mended_without_touching_its_name(city: Engine, export: Export, tmp_path: Path) -> None:
    load(city, export("drug", [{"批准文号": "国药准字H2008O123"}]))
    answer(city, tmp_path, 1, ("drug", "product", "国药准字H2008O123", "国药准字H20080123"))
    row = cases(city, "drug", 1).view().products.iloc[0]
    assert (row["generic"], row["approval"]) == ("阿莫西林胶囊", "国药准字H20080123")
    assert waits(city, "drug", 1) == []


def test_what_the_files_say_stands_and_circles_are_refused(city: Engine, export: Export, tmp_path: Path) -> None:
    load(city, export("drug", [{"不良反应名称": "药疹"}]))
    account = answer(
        city,
        tmp_path,
        1,
        ("drug", "event", "药疹", "皮炎"),  # synonyms.csv says 皮疹
        ("drug", "event", "药疹", "皮疹"),  # the same as the file
        ("drug", "event", "皮疹", "药疹"),  # back again
        ("drug", "event", "甲", "乙"),
        ("drug", "event", "乙", "丙"),
        ("drug", "event", "丙", "甲"),
        ("", "event", "丁", "戊"),
    )
    assert codes(account) == [("mapping_circle", "药疹"), ("mapping_circle", "甲"), ("form_empty", "")]
    assert events(city, 1) == ["皮疹"]
    refused = answer(city, tmp_path, 2, ("drug", "event", "药疹", "皮炎"))
    assert codes(refused) == [("mapping_file", "皮炎")]


def test_a_file_that_speaks_later_wins(city: Engine, export: Export, tmp_path: Path) -> None:
    load(city, export("drug", [{"不良反应名称": "皮肤瘙痒"}]))
    answer(city, tmp_path, 1, ("drug", "event", "皮肤瘙痒", "瘙痒"))
    content = FILES["synonyms"] + "drug,event,皮肤瘙痒,瘙痒症\n"
    with store.writing(city) as connection:
        stamp = instant_text(NOW + timedelta(hours=2))
        values = {"snapshot_id": 9, "name": "synonyms", "sha256": "later", "recorded_at": stamp, "content": content}
        connection.execute(reference_snapshot.insert().values(values))
    assert (events(city, 1), events(city, 2)) == (["瘙痒"], ["瘙痒症"])


def test_a_chain_touches_the_weeks_of_its_first_wording(city: Engine, export: Export, tmp_path: Path) -> None:
    load(city, export("drug", [{"不良反应名称": "皮肤瘙痒"}]))
    answer(city, tmp_path, 1, ("drug", "event", "皮肤瘙痒", "瘙痒"))
    account = answer(city, tmp_path, 2, ("drug", "event", "瘙痒", "瘙痒症"))
    assert account.weeks == ("2026-W46",)
    assert events(city, 2) == ["瘙痒症"]


def test_chains_end_and_circles_of_files_do_no_harm() -> None:
    assert followed({"A": "B", "B": "C", "C": "C"}) == {"A": "C", "B": "C"}
    assert followed({"A": "B", "B": "A"}) == {"A": "B", "B": "A"}
    assert followed({"X": "A", "A": "B", "B": "A"}) == {"X": "A", "A": "B", "B": "A"}


def test_without_answers_the_files_stand_as_they_are(city: Engine) -> None:
    files = reference.build(FILES)
    with store.reading(city) as connection:
        assert learned.applied(files, connection, instant_text(NOW)) is files
        assert learned.answers(connection, "9999") == {}
        pd.testing.assert_frame_equal(learned.reference_at(connection, "9999").hospitals, files.hospitals)
