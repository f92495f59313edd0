"""A recall on a small store: worked answers, and nothing of a lot is missed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from pv import intake, snapshots, store
from pv.cases import StreamCases
from pv.cli import main
from pv.duplicates import link_new
from pv.settings import Settings
from pv.text import AGE_BANDS
from pv.tracing import Question, Trace, output, trace
from pv.tracing.summaries import PATIENTS, tables, totals
from tests.conftest import KEY, Export
from tests.duplicates.told import NOW, crowd, tell

LATER = datetime(2026, 11, 22, tzinfo=UTC)
FIRST = datetime(2026, 11, 12, tzinfo=UTC)


def row(number: str, **cells: str) -> dict[str, str]:
    return {
        "报告表编码": number,
        "批准文号": "国药准字H1",
        "生产批号": "A260403",
        "报告单位名称": "第一医院",
        "患者姓名": "张三",
        **cells,
    }


REPORTS = [
    row("D1", 生产批号="ａ-260403", 性别="女", 年龄="30", 年龄单位="岁", **{"报告类型-严重程度": "严重"}),
    row("D2", 报告单位名称="第二医院", 不良反应名称="休克", 国家中心接收时间="2026-11-08"),
    row("D2", 报告单位名称="第二医院", 通用名称="氯化钠注射液", 生产批号="S1", 国家中心接收时间="2026-11-08",
        **{"怀疑/并用": "并用"}),
    row("D3", 生产批号="A260404", 不良反应名称="发热"),
    row("D4", 生产批号="A260403", 删除标识="删除", 不良反应名称="头晕"),
    row("D5", 通用名称="头孢拉定胶囊", 批准文号="国药准字H2", 不良反应名称="腹泻"),
    row("D6", 国家中心接收时间="2026-99-99", 生产批号="A260403"),
    row("D7", 国家中心接收时间="", 生产批号="Z9"),
]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, export: Export) -> Settings:
    """Seven reports of three lots; D3 names A260403 at first and is corrected ten days later."""
    settings = Settings.load({"PVWATCH_HOME": str(tmp_path / "home"), "PVWATCH_KEY": KEY})
    engine = store.open_store(settings.database_url)
    first = [cells | ({"生产批号": "A260403"} if cells["报告表编码"] == "D3" else {}) for cells in REPORTS]
    for moment, rows, name in ((FIRST, first, "a.csv"), (LATER, REPORTS, "b.csv")):
        path = export("drug", rows, name=name)
        account = intake.load_file(engine, path, settings.archive, KEY, moment)
        assert not account.refused
    return settings


def asked(settings: Settings, *texts: str, at: datetime = LATER, **options: object) -> Trace:
    return trace(settings, Question(texts, **options), at)  # type: ignore[arg-type]


def states(found: Trace) -> dict[str, str]:
    return dict(zip(found.reports["case"], found.reports["state"], strict=True))


def table(found: Trace, name: str, *columns: str) -> list[tuple[object, ...]]:
    return list(tables(found)[name].only(*columns).rows)


def test_a_lot_however_it_is_typed(home: Settings) -> None:
    for typed in ("A260403", "ａ２６０４０３", "a 26-0403", " A-260403 "):
        found = asked(home, typed)
        assert states(found) == {
            "D1": "counted", "D2": "counted", "D5": "counted", "D3": "corrected", "D4": "left_out",
        }  # fmt: skip
        total = totals(found)
        assert (total["reports"], total["cases"], total["serious"], total["deaths"]) == (3, 3, 1, 0)
        assert (total["hospitals"], total["first_on"], total["last_on"]) == (2, "2026-11-08", "2026-11-10")
        assert (total["left_out"], total["corrected"], total["merged"]) == (1, 1, 0)


def test_products_and_lots_hold_together(home: Settings) -> None:
    assert set(states(asked(home, "头孢拉定胶囊", "A260403"))) == {"D5"}
    assert set(states(asked(home, "国药准字 h1", lots=("A260403",)))) == {"D1", "D2", "D3", "D4"}
    assert set(states(asked(home, lots=("A260403", "A260404"), numbers=("国药准字H1",)))) == {"D1", "D2", "D3", "D4"}
    assert states(asked(home, "S1")) == {"D2": "counted"}  # used beside: a recall asks for that too
    assert asked(home, "S1").reports["role"].tolist() == ["concomitant"]


def test_summaries(home: Settings) -> None:
    found = asked(home, "国药准字H1", "A260403")
    assert table(found, "hospitals", "hospital", "reports", "cases", "serious", "lots") == [
        ("第一医院", 1, 1, 1, "a-260403"),
        ("第二医院", 1, 1, 0, "A260403"),
    ]
    assert table(found, "days", "day", "onsets", "received") == [("2026-11-08", 0, 1), ("2026-11-10", 0, 1)]
    assert table(found, "patients", *(column.name for column in PATIENTS)) == [
        ("18–44", "female", 1, 1, 0),
        ("", "", 1, 0, 0),
    ]
    assert table(found, "lots", "relation", "lot", "reports") == [
        ("asked", "A-260403", 1),
        ("asked", "A260403", 1),
        ("adjacent", "A260404", 1),
        ("other", "S1", 1),
    ]


def test_patient_groups_stand_in_the_order_of_their_ages(home: Settings) -> None:
    ages = [label for _, label in AGE_BANDS]
    assert len(ages) == len(set(ages))
    found = asked(home, "A260403")
    bands = [age for (age,) in table(found, "patients", "age_band")]
    assert bands == sorted(bands, key=[*ages, ""].index)


def test_a_lot_that_nobody_reported_shows_those_near_it(home: Settings) -> None:
    found = asked(home, "A26O4O3")
    assert found.reports.empty
    assert found.asked[0].near == ("A260403", "a-260403", "A260404")
    beside = asked(home, "阿莫西林胶囊", "A260405")
    assert beside.reports.empty
    assert ("adjacent", "A260404", 1) in table(beside, "lots", "relation", "lot", "reports")
    part = asked(home, products=("头孢",))
    assert part.asked[0].near == ("头孢拉定胶囊",)


DI, OTHER_DI = "06931234567899", "06901234567892"
DEVICES = [
    {"报告编码": "E1", "产品批号": "L-77", "UDI": ""},
    {"报告编码": "E2", "产品批号": "", "UDI": f"(01){DI}(17)280131(10)L77(21)S1"},
    {"报告编码": "E3", "产品批号": "", "UDI": f"(01){DI}(10)L78(21)S2"},
    {
        "报告编码": "E4",
        "产品批号": "L77",
        "UDI": f"(01){OTHER_DI}(10)L77",
        "注册证编号/曾用注册证编号": "国械注准20193140002",
    },
    {
        "报告编码": "E5",
        "产品批号": "L77",
        "产品名称": "输液管路",
        "注册证编号/曾用注册证编号": "国械注准2015-3-14-1234",
    },
    {"报告编码": "E6", "产品批号": "L99、批号：l77", "注册证编号/曾用注册证编号": "国械注准（2015）3661234"},
]


@pytest.fixture
def devices(tmp_path: Path, export: Export) -> Settings:
    """Reports of one registration and its renewal, and of another; with UDI and without."""
    number = {"注册证编号/曾用注册证编号": "国械注准20153661234"}
    settings = Settings.load({"PVWATCH_HOME": str(tmp_path / "home"), "PVWATCH_KEY": KEY})
    path = export("device", [number | cells for cells in DEVICES])
    account = intake.load_file(store.open_store(settings.database_url), path, settings.archive, KEY, FIRST)
    assert account.stored == len(DEVICES), account.problems
    return settings


def test_udi(devices: Settings) -> None:
    def cases_of(*texts: str, **options: object) -> set[str]:
        return set(states(asked(devices, *texts, **options)))

    # A lot is found in the UDI too, and among several in a cell.
    assert cases_of("l77") == {"E1", "E2", "E4", "E5", "E6"}
    # A UDI with a lot: the same DI and lot, and that lot of the numbers under which the DI is reported.
    assert cases_of(f"(01){DI}(10)L77") == {"E1", "E2", "E5", "E6"}
    assert cases_of(f"01{DI}17280131" + "10L77") == {"E1", "E2", "E5", "E6"}
    assert cases_of(udis=(f"(01){DI}(10)L78",)) == {"E3"}
    # Without a lot: the DI alone.
    assert cases_of(DI) == {"E2", "E3"}
    assert cases_of(f"(01){OTHER_DI}(10)L99") == set()
    found = asked(devices, f"(01){DI}(10)L77")
    assert {relation for (relation,) in table(found, "lots", "relation")} == {"asked", "adjacent", "other"}
    assert table(found, "lots", "relation", "lot", "reports")[-1] == ("other", "L99", 1)


def test_every_code_of_a_cell_is_found(tmp_path: Path, export: Export) -> None:
    settings = Settings.load({"PVWATCH_HOME": str(tmp_path / "home"), "PVWATCH_KEY": KEY})
    first, second = "81234567890123456789", "81234567890123456788"
    rows = [{"唯一标识": "D1", "药品追溯码": f"{first}；{second}"}, {"唯一标识": "D2", "药品追溯码": second}]
    account = intake.load_file(
        store.open_store(settings.database_url), export("drug", rows), settings.archive, KEY, FIRST
    )
    assert (account.stored, account.warnings) == (2, 0)
    assert set(states(asked(settings, first))) == {"D1"}
    assert set(states(asked(settings, second))) == {"D1", "D2"}


def test_a_number_finds_its_renewals_however_written(devices: Settings) -> None:
    for typed in ("国械注准20153661234", "注册证编号：国械注准 2015 3 66 1234", "国械注准20153141234"):
        assert set(states(asked(devices, typed))) == {"E1", "E2", "E3", "E5", "E6"}, typed


def test_lots_stand_under_the_name_that_most_reports_give(devices: Settings) -> None:
    """Not under the key that renewals share; however the number was written it is one, a renewal another."""
    name, number = "一次性使用输液器", "国械注准20153661234"
    found = asked(devices, "国械注准20153141234")
    assert table(found, "lots", "product", "identifier", "lot", "reports") == [
        (name, number, "L-77", 1),
        (name, "国械注准20153141234", "L77", 1),
        (name, number, "L77", 2),
        (name, number, "L78", 1),
        (name, number, "L99", 1),
    ]


def test_a_renewal_is_no_other_product(devices: Settings) -> None:
    """E4 alone is of another one."""
    said = [english for _, english in output.facts(asked(devices, "l77"))]
    assert "The lot is one of 2 products: 国械注准20153661234; 国械注准20193140002." in " ".join(said)


def test_as_of_an_earlier_moment(home: Settings) -> None:
    then = asked(home, "A260403", at=FIRST)
    assert states(then)["D3"] == "counted"
    assert asked(home, "A260404", at=FIRST).reports.empty
    assert asked(home, "A260403", at=datetime(2026, 11, 1, tzinfo=UTC)).reports.empty


def test_quarantined_reports_are_searched_with_the_key_only(home: Settings) -> None:
    found = asked(home, "a260403")
    assert found.waiting["case"].tolist() == ["D6"]
    assert found.unsearched == 0
    keyless = Settings.load({"PVWATCH_HOME": str(home.home)})
    assert totals(asked(keyless, "A260403"))["quarantined_unsearched"] == 2
    other = Settings.load({"PVWATCH_HOME": str(home.home), "PVWATCH_KEY": "A" * 43 + "="})
    assert totals(asked(other, "A260403"))["quarantined_unsearched"] == 2


def test_quarantined_reports_without_a_number_are_not_taken_for_one_another(tmp_path: Path, export: Export) -> None:
    """They stand on the same row of two files."""
    settings = Settings.load({"PVWATCH_HOME": str(tmp_path / "home"), "PVWATCH_KEY": KEY})
    engine = store.open_store(settings.database_url)
    for name, lot in (("a.csv", "A260403"), ("b.csv", "A260404")):
        path = export("drug", [row("", 生产批号=lot)], name=name)
        intake.load_file(engine, path, settings.archive, KEY, FIRST)
    assert asked(settings, "A260403").waiting["file"].tolist() == ["a.csv"]
    assert asked(settings, "A260404").waiting["file"].tolist() == ["b.csv"]


def test_nothing_asked(home: Settings) -> None:
    with pytest.raises(ValueError, match="nothing is asked for"):
        asked(home, "不详")
    with pytest.raises(ValueError, match="there is no stream dug"):
        asked(home, "A260403", streams=("dug",))


def test_merged_reports_count_once_and_partners_are_listed(tmp_path: Path) -> None:
    settings = Settings.load({"PVWATCH_HOME": str(tmp_path)})
    with store.writing(store.open_store(settings.database_url)) as connection:
        same = {"products": [("阿莫西林胶囊", "国药准字H1", "L1")], "record": "r1"}
        bare = same | {"products": [("阿莫西林胶囊", "国药准字H1", "")]}
        first = tell(connection, same, same | {"number": "B", "unit": "第二医院"}, bare | {"number": "C"})
        link_new(connection, "drug", first, NOW)
    found = asked(settings, "L1")
    assert states(found) == {"A": "counted", "B": "merged", "C": "partner"}
    assert found.reports.set_index("case")["merged_into"].to_dict() == {"A": "", "B": "A", "C": "A"}
    assert (totals(found)["reports"], totals(found)["cases"]) == (2, 1)
    assert table(found, "hospitals", "hospital", "reports", "cases") == [("第一医院", 1, 1), ("第二医院", 1, 1)]
    assert table(found, "lots", "lot", "reports", "cases") == [("L1", 2, 1)]
    assert sum(cases for (cases,) in table(found, "patients", "cases")) == 1


@pytest.mark.parametrize("seed", range(3))
def test_nothing_of_a_lot_is_missed(engine: Engine, store_url: str, tmp_path: Path, seed: int) -> None:
    """The trace of each lot holds what a plain filter finds, and counts the cases that the view counts."""
    told = crowd(120, seed)
    with store.writing(engine) as connection:
        link_new(connection, "drug", tell(connection, *told), NOW)
    settings = Settings.load({"PVWATCH_HOME": str(tmp_path), "PVWATCH_DATABASE_URL": store_url})
    with store.reading(engine) as connection:
        view = StreamCases(connection, "drug", LATER, snapshots.tables(connection, NOW)).view()
    for lot in sorted({lot for report in told for _, _, lot in report["products"]} - {""}):
        found = asked(settings, lot.lower())
        plain = {report["number"]: report["left_out"] for report in told if lot in {p[2] for p in report["products"]}}
        named = found.reports[found.reports["state"] != "partner"]
        assert dict(zip(named["case"], named["left_out"], strict=True)) == plain
        segments = view.products.loc[view.products["lot"] == lot, "segment"].unique()
        counted = view.cases.loc[np.isin(np.arange(len(view.cases)), segments), "case"].nunique()
        assert totals(found)["cases"] == counted


def test_the_command(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PVWATCH_HOME", str(home.home))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    monkeypatch.delenv("PVWATCH_DATABASE_URL", raising=False)
    monkeypatch.setenv("PVWATCH_LANG", "en")

    def run(*words: str) -> str:
        result = CliRunner().invoke(main, ["trace", *words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    at = ("--as-of", "2026-11-23")
    shown = run("A260403", *at)
    assert "3 reports, 3 cases with duplicates merged: 1 serious, 0 died; 2 units." in shown
    assert "1 quarantined reports name it" in shown
    assert "The lot is one of 2 products: 国药准字H1; 国药准字H2." in shown
    monkeypatch.setenv("PVWATCH_LANG", "zh")
    assert "3 份报告，合并重复后 3 例" in run("A260403", *at)
    told = json.loads(run("A260403", *at, "--json"))
    assert told["totals"]["reports"] == 3
    assert {case["case"] for case in told["cases"]} == {"D1", "D2", "D3", "D4", "D5"}
    book = tmp_path / "recall.xlsx"
    run("A260403", *at, "--out", str(book))
    opened = openpyxl.load_workbook(book)
    assert opened.sheetnames == ["摘要", "病例", "报告单位", "日期", "批号", "患者人群", "隔离报告"]
    assert opened["病例"].max_row == 6
    first = book.read_bytes()
    run("A260403", *at, "--out", str(book))
    assert book.read_bytes() == first
    page = tmp_path / "recall.html"
    run("A260403", *at, "--out", str(page))
    text = page.read_text(encoding="utf-8")
    assert "产品追溯：A260403" in text
    assert "http" not in text.replace("http-equiv", "")
    for made in (shown, text, json.dumps(told, ensure_ascii=False)):
        assert "张三" not in made
    assert CliRunner().invoke(main, ["trace"]).exit_code == 2
    assert CliRunner().invoke(main, ["trace", "A", "--out", "a.pdf"]).exit_code == 2
