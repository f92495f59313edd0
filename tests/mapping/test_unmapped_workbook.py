"""What is asked, the workbook, and its way back through the inbox."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from pv import intake, reference, store
from pv.cases import StreamCases
from pv.forms import learned
from pv.mapping import Question, Suggestion, questions, write_unmapped
from pv.reference import Reference
from pv.week import instant_text
from tests.conftest import KEY, NOW, Export

HOSPITALS = (
    "hospital_id,name,former_names,level,kind,district,sentinel,registered,reports_for\n"
    "H1,第一医院,市第一人民医院,3,综合医院,,,,\nH2,第二医院,,2,综合医院,,,,\n"
)
NAMED = "stream,kind,wording,preferred\ndrug,event,药疹,皮疹\ndrug,event,恶心,恶心\n"


def known(synonyms: str = "") -> Reference:
    files = {"hospitals": HOSPITALS, "areas": "code,name,parent\nA,城,\n"}
    return reference.build(files | ({"synonyms": synonyms} if synonyms else {}))


def asked(engine: Engine, files: Reference, *names: str, hours: int = 0) -> list[Question]:
    at = NOW + timedelta(hours=hours)
    with store.reading(engine) as connection:
        with_answers = learned.applied(files, connection, instant_text(at))
        return questions([StreamCases(connection, name, at, with_answers) for name in names], with_answers)


def load(engine: Engine, path: Path, hours: int = 0) -> intake.FileAccount:
    account = intake.load_file(engine, path, path.parent / "archive", KEY, NOW + timedelta(hours=hours))
    assert not account.refused
    return account


def drugs(export: Export, **counts: int) -> Path:
    """Reports with so many of each reaction."""
    names = [name for name, count in counts.items() for _ in range(count)]
    return export("drug", [{"报告表编码": f"D{n}", "不良反应名称": name} for n, name in enumerate(names)])


def test_a_unit_of_all_streams_is_asked_about_once_with_the_best_name_of_each(engine: Engine, export: Export) -> None:
    load(engine, export("drug", [{"报告单位名称": "市一人民医院"}]))
    load(engine, export("device", [{"单位名称": "市一人民医院"}]))
    (one,) = asked(engine, known(), "drug", "device")
    assert (one.stream, one.kind, one.wording, one.reason, one.cases) == (
        "",
        "hospital",
        "市一人民医院",
        "unknown_hospital",
        2,
    )
    # 市一人民医院 in 市第一人民医院: 2 × 6 / 13
    assert one.suggestions[0] == Suggestion("H1", "H1 第一医院", 92, "reference", 0)
    assert [found.answer for found in one.suggestions] == ["H1", "H2"]


def test_only_what_people_have_named_or_write_far_more_often_is_suggested(engine: Engine, export: Export) -> None:
    load(engine, drugs(export, 过敏性休克=10, 过敏性休克症=2, 过敏样休克=3, 皮疹瘙痒=1, 头晕=4, 恶心=1))
    found = {one.wording: [s.answer for s in one.suggestions] for one in asked(engine, known(NAMED), "drug")}
    # 过敏样休克 (3) is not five times rarer than 过敏性休克 (10); 皮疹 is named, so a part is enough.
    assert found == {"过敏性休克症": ["过敏性休克", "过敏样休克"], "皮疹瘙痒": ["皮疹"]}


def test_one_synonym_does_not_make_every_other_event_unknown(engine: Engine, export: Export) -> None:
    load(engine, drugs(export, 头晕=2, 呕吐=3, 发热=1))
    assert asked(engine, known(NAMED), "drug") == []


def test_an_odd_number_is_asked_about_with_its_name(engine: Engine, export: Export) -> None:
    column = "注册证编号/曾用注册证编号"
    rows = [("E1", "国械注准20153141234"), ("E2", "国械注准20153141234"), ("E3", "国械注准2015314I234")]
    load(engine, export("device", [{"报告编码": number, column: text} for number, text in rows]))
    (one,) = asked(engine, known(), "device")
    assert (one.wording, one.beside, one.reason) == ("国械注准2015314I234", "一次性使用输液器", "number_form")
    (best,) = one.suggestions
    assert (best.answer, best.cases) == ("国械注准20153141234", 2)
    assert best.shown == "国械注准20153141234 一次性使用输液器"


def _fill(path: Path, answers: dict[str, str]) -> None:
    """Write answers into the sheets, as a person does."""
    book = openpyxl.load_workbook(path)
    for sheet in book.worksheets[1:]:
        names = [str(cell.value).split("\n")[0] for cell in sheet[1]]
        for row in range(2, sheet.max_row + 1):
            wording = sheet.cell(row, names.index("原文") + 1).value
            if wording in answers:
                sheet.cell(row, names.index("对照为") + 1).value = answers[wording]
                sheet.cell(row, names.index("填写人") + 1).value = "李四"
    book.save(path)


def test_a_filled_workbook_is_learned_and_its_rows_are_not_asked_again(
    engine: Engine, export: Export, tmp_path: Path
) -> None:
    load(engine, drugs(export, 过敏性休克=10, 过敏性休克症=2, 皮疹瘙痒=1))
    load(engine, export("device", [{"单位名称": "市一人民医院"}, {"报告编码": "E2", "单位名称": "别处"}]))
    path = tmp_path / "unmapped.xlsx"
    before = asked(engine, known(NAMED), "drug", "device")
    assert [one.wording for one in before] == ["别处", "市一人民医院", "过敏性休克症", "皮疹瘙痒"]
    write_unmapped(path, before, {}, NOW)
    said = {"市一人民医院": "H1 第一医院", "过敏性休克症": "过敏性休克", "皮疹瘙痒": "原文正确 as written"}
    _fill(path, said)
    with store.writing(engine) as connection:  # the units must be known to the store
        connection.execute(learned_files())
    account = load(engine, path, 1)
    assert (account.format, account.read, account.stored, account.unchanged) == ("mapping", 4, 3, 1)
    assert account.problems == ()
    assert account.weeks == ("2026-W46",)
    assert [one.wording for one in asked(engine, known(NAMED), "drug", "device", hours=1)] == ["别处"]
    with store.reading(engine) as connection:
        answers = learned.answers(connection, "9999")
    assert {wording: answer for (_, _, wording), answer in answers.items()} == said
    write_unmapped(path, [], answers, NOW)  # now take one back, in the sheet of what was learned
    _fill(path, {"过敏性休克症": "取消对照 withdraw"})
    account = load(engine, path, 2)
    assert (account.read, account.stored, account.unchanged) == (3, 1, 2)
    after = asked(engine, known(NAMED), "drug", "device", hours=2)
    assert [one.wording for one in after] == ["别处", "过敏性休克症"]


def learned_files() -> object:
    from pv.schema import reference_snapshot

    values = {"snapshot_id": 1, "name": "hospitals", "sha256": "h", "recorded_at": instant_text(NOW)}
    return reference_snapshot.insert().values(content=HOSPITALS, **values)


def test_the_workbook_is_the_same_for_the_same_questions_and_offers_choices(tmp_path: Path) -> None:
    suggestions = (Suggestion("瘙痒", "瘙痒", 90, "frequent", 7), Suggestion("=1+1", "=1+1", 60, "frequent", 1))
    one = Question("drug", "event", "皮肤瘙痒", "", "resembles", 3, suggestions)
    first, second = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    for path in (first, second):
        write_unmapped(path, [one], {("drug", "event", "丁"): "戊"}, NOW)
    assert first.read_bytes() == second.read_bytes()
    book = openpyxl.load_workbook(first)
    assert book.sheetnames == ["填写说明", "事件", "已学习"]
    sheet = book["事件"]
    (rule,) = sheet.data_validations.dataValidation
    start, end = (part.strip("$").rstrip("2") for part in rule.formula1.strip("=").split(":"))
    choices = [cell.value for cell in sheet[f"{start}2:{end}2"][0]]
    assert choices[:3] == ["原文正确 as written", "瘙痒", "=1+1"]
    assert not any(choices[3:])
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


cell = st.text(alphabet="痒疹头 a；;,\"'（）|—", min_size=1, max_size=8).map(str.strip).filter(bool)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_written_is_read_back(kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    from pv.sources import forms, open_source
    from pv.text import clean

    wordings = data.draw(st.lists(cell, min_size=1, max_size=5, unique_by=clean))
    folder = tmp_path_factory.mktemp("round")
    path = folder / f"answers.{kind}"
    asking = [Question("drug", "event", wording, "", "resembles", 1, ()) for wording in wordings]
    answers = {wording: data.draw(cell) for wording in wordings}
    if kind == "xlsx":
        write_unmapped(path, asking, {}, NOW)
        _fill(path, answers)
    else:
        with path.open("w", encoding="gb18030", newline="") as handle:
            rows = [["药品", "事件", wording, answers[wording], "李四"] for wording in wordings]
            csv.writer(handle).writerows([["报告类别", "种类", "原文", "对照为", "填写人"], *rows])
    (extract,) = open_source(path).batches()
    assert isinstance(extract.layout, forms.Form)
    read = dict(zip(extract.fields["wording"], extract.fields["answer"], strict=True))
    assert {clean(a): clean(b) for a, b in read.items()} == {clean(a): clean(b) for a, b in answers.items()}
