"""What is exported from one store and loaded into another says the same there; what cannot be told is named."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from pv import intake, store
from pv.exporting import files
from pv.exporting.selection import Wanted
from pv.schema import case_event, case_product, case_version
from pv.settings import Settings
from pv.sources.e2b_r3 import read_cases
from pv.sources.layouts import layouts
from pv.text import BLANK, clean
from pv.week import Week
from tests.conftest import DEFAULTS, KEY, LAYOUT_OF, NOW, Export

LATER = NOW + timedelta(hours=1)
# What a store knows of a version beside its numbers, keyed hashes and warnings.
FACTS = (
    "case_number effective_on left_out received_on reported_on onset_on discovered_on evaluated_on evaluated serious "
    "death new outcome sex age_years hospital area"
).split()
# E2B has no place for these.
NOT_IN_E2B = {"reported_on", "discovered_on", "evaluated_on", "evaluated", "new"}


def _settings(home: Path, url: str = "") -> Settings:
    return Settings(home, url or f"sqlite:///{home / 's.sqlite'}", home / "out", home / "in", home / "ref", KEY)


def _load(target: Settings, path: Path, at: datetime = NOW) -> intake.FileAccount:
    engine = store.open_store(target.database_url)
    account = intake.load_file(engine, path, target.archive, KEY, at)
    engine.dispose()
    assert not account.refused
    return account


def _told(source: Settings, stream: str, without: set[str] = frozenset()) -> list[dict[str, Any]]:  # type: ignore[assignment]
    """Every version as facts, products and events, in the order in which they came into force."""
    engine = store.open_store(source.database_url)
    with store.reading(engine) as connection:
        versions = store.read(connection, select(case_version).where(case_version.c.stream == stream))
        products = store.read(connection, select(case_product))
        events = store.read(connection, select(case_event))
    engine.dispose()
    versions = versions.sort_values(["case_number", "effective_on", "modified_on", "version_id"], kind="stable")
    found = []
    for version in versions.to_dict("records"):
        mine = products[products["version_id"] == version["version_id"]]
        said = events[events["version_id"] == version["version_id"]]
        facts = {name: version[name] for name in FACTS if name not in without}
        facts["age_years"] = None if pd.isna(facts["age_years"]) else facts["age_years"]
        if "new" in without:  # E2B: any reason is a nullification, and what is unknown is said to be so
            facts["left_out"] = bool(facts["left_out"])
            facts["outcome"] = facts["outcome"] or "unknown"
        names = [name for name in mine.columns if name not in {"case_product_id", "version_id"}]
        found.append(
            facts
            | {"products": sorted(map(str, mine[names].to_dict("records")))}
            | {"events": sorted(zip(said["kind"], said["event"], strict=True))}
        )
    return found


def _wanted(stream: str = "drug", **more: Any) -> Wanted:
    return Wanted(stream, more.pop("as_of", LATER), **more)


def _e2b(source: Settings, path: Path, **wanted: Any) -> files.Exported:
    return files.export_e2b(source, _wanted(**wanted), path, "SHI-CENTRE", "PROVINCE")


DRUGS = [
    {
        "报告类型-新的": "新的",
        "报告类型-严重程度": "严重",
        "性别": "男",
        "年龄": "6",
        "年龄单位": "月",
        "患者姓名": "诸葛亮",
        "出生日期": "1981-02-03",
        "病历号/门诊号": "ZY777",
        "批准文号": "国药准字H20050001",
        "生产厂家": "甲药业",
        "生产批号": "A1",
        "用药开始时间": "2026-11-01",
        "不良反应名称": "皮疹（一般）；过敏性休克（严重）",
        "不良反应发生时间": "2026-11-05",
        "不良反应结果": "好转",
        "报告日期": "2026-11-08",
        "报告地区名称": "东区",
        "市评价时间": "2026-11-12",
        "最后修改时间": "2026-11-11",
    },
    {"生产批号": "A2", "用药开始时间": "2026-11-03", "批准文号": "国药准字H20050001", "生产厂家": "甲药业"},
    {"怀疑/并用": "并用", "通用名称": "布洛芬"},
    {"最后修改时间": "2026-11-18", "不良反应结果": "死亡"},
    {"报告表编码": "D2", "删除标识": "删除", "最后修改时间": "2026-11-19"},
    {"报告表编码": "D3", "重复报告": "重复报告"},
    {"报告表编码": "D4", "国家中心接收时间": "2026-11-17", "不良反应名称": "头晕(直立性，轻度)"},
]
# The rows of a report say the same of the report.
DRUGS = [row if place in {0, 3} or place > 3 else DRUGS[0] | row for place, row in enumerate(DRUGS)]


@pytest.mark.parametrize("history", [False, True])
def test_drugs_come_back_through_e2b_and_through_the_national_layout(
    store_url: str, tmp_path: Path, export: Export, history: bool
) -> None:
    source = _settings(tmp_path, store_url)
    _load(source, export("drug", DRUGS))
    expected = _told(source, "drug")
    kept = expected if history else expected[1:]  # the first is the first version of D1
    assert len(kept) == len(expected) - (not history)
    for name in ("out.csv", "out.xlsx"):
        back = _settings(tmp_path / f"store of {name}")
        done = files.export_national(source, _wanted(history=history), tmp_path / name, "gb18030")
        assert (done.reports, done.withdrawn, done.unwritten) == (len(kept), 2, [])
        account = _load(back, tmp_path / name)
        assert (account.quarantined, account.cases) == (0, 4)
        assert _as_new(_told(back, "drug")) == _as_new(kept)
    back = _settings(tmp_path / "e2b")
    assert _e2b(source, tmp_path / "out.xml", history=history).withdrawn == 2
    assert _load(back, tmp_path / "out.xml").quarantined == 0
    of_e2b = _told(back, "drug", NOT_IN_E2B)
    assert _as_new(of_e2b) == _as_new(_cut(kept))


def _as_new(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A store that gets the last version only knows it from its receipt on."""
    numbers = [one["case_number"] for one in told]
    return [one if numbers.count(one["case_number"]) > 1 else one | {"effective_on": ""} for one in told]


def _cut(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in one.items() if name not in NOT_IN_E2B}
        | {"left_out": bool(one["left_out"]), "outcome": one["outcome"] or "unknown"}
        for one in told
    ]


def test_what_is_loaded_again_into_the_same_store_is_the_same_case(tmp_path: Path, export: Export) -> None:
    """A table that came from the store differs from the first one only by what the store does not keep."""
    source = _settings(tmp_path)
    _load(source, export("cosmetic", [{"性别": "女", "年龄": "45岁"}]))
    files.export_national(source, _wanted("cosmetic"), tmp_path / "c.csv", "utf-8-sig")
    again = _settings(tmp_path / "again")
    assert _load(again, tmp_path / "c.csv").stored == 1
    files.export_national(again, _wanted("cosmetic"), tmp_path / "again" / "c.csv", "utf-8-sig")
    assert (tmp_path / "again" / "c.csv").read_bytes() == (tmp_path / "c.csv").read_bytes()
    assert _load(again, tmp_path / "again" / "c.csv").unchanged == 1


def test_persons_are_not_exported(tmp_path: Path, export: Export) -> None:
    source = _settings(tmp_path)
    _load(source, export("drug", DRUGS))
    _e2b(source, tmp_path / "a.xml")
    files.export_national(source, _wanted(), tmp_path / "a.csv", "utf-8-sig")
    text = (tmp_path / "a.xml").read_text("utf-8") + (tmp_path / "a.csv").read_text("utf-8")
    assert not [secret for secret in ("诸葛亮", "1981-02-03", "19810203", "ZY777") if secret in text]


def test_the_same_moment_gives_the_same_bytes(tmp_path: Path, export: Export) -> None:
    source = _settings(tmp_path)
    _load(source, export("drug", DRUGS))
    made = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        _e2b(source, tmp_path / folder / "x.xml")
        files.export_national(source, _wanted(), tmp_path / folder / "x.xlsx", "utf-8")
        made.append([(tmp_path / folder / name).read_bytes() for name in ("x.xml", "x.xlsx")])
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == ["x.xlsx", "x.xml"]
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("wanted", "cases"),
    [
        ({}, ["D1", "D2", "D3", "D4"]),
        ({"first": Week.parse("2026-W47"), "last": Week.parse("2026-W47")}, ["D1", "D4"]),
        ({"first": Week.parse("2026-W46"), "last": Week.parse("2026-W46")}, ["D1", "D2", "D3"]),
        ({"last": Week.parse("2026-W45")}, []),
        ({"numbers": ("D3", "D1")}, ["D1", "D3"]),
        ({"as_of": NOW - timedelta(days=1)}, []),
    ],
)
def test_weeks_are_those_in_which_a_version_came_into_force(
    tmp_path: Path, export: Export, wanted: dict[str, Any], cases: list[str]
) -> None:
    source = _settings(tmp_path)
    _load(source, export("drug", DRUGS))
    done = _e2b(source, tmp_path / "x.xml", **wanted)
    found = list(read_cases(tmp_path / "x.xml"))
    assert [case.number for case in found] == cases
    assert done.reports == len(cases)
    if "D1" in cases:  # the death was known in week 47 only
        died = found[0].reactions[0].outcome == "death"
        assert died == ("last" not in wanted or wanted["last"] == Week.parse("2026-W47"))


def test_a_follow_up_and_a_withdrawal_go_out_in_the_week_after(tmp_path: Path, export: Export) -> None:
    source = _settings(tmp_path)
    _load(source, export("drug", [{}, {"报告表编码": "D2"}], "a.csv"))
    _load(source, export("drug", [{"不良反应结果": "痊愈", "最后修改时间": "2026-11-17"}], "b.csv"), NOW)
    _load(
        source, export("drug", [{"报告表编码": "D2", "删除标识": "删除", "最后修改时间": "2026-11-18"}], "c.csv"), NOW
    )
    back = _settings(tmp_path / "back")
    for week in ("2026-W46", "2026-W47"):
        _e2b(source, tmp_path / f"{week}.xml", first=Week.parse(week), last=Week.parse(week))
        _load(back, tmp_path / f"{week}.xml")
    assert _told(back, "drug", NOT_IN_E2B) == _cut(_told(source, "drug"))
    (reason,) = [case.change_reason for case in read_cases(tmp_path / "2026-W47.xml") if case.change]
    assert reason == "报告已删除。The report has been deleted."


def test_thousands_of_cases_in_one_file(tmp_path: Path, export: Export) -> None:
    source = _settings(tmp_path)
    lots = [{"报告表编码": f"D{number:05}", "生产批号": str(number)} for number in range(2_500)]
    _load(source, export("drug", lots))
    assert _e2b(source, tmp_path / "x.xml").reports == 2_500
    assert [case.number for case in read_cases(tmp_path / "x.xml")] == [lot["报告表编码"] for lot in lots]


def test_what_cannot_be_told_is_named(tmp_path: Path, export: Export) -> None:
    source = _settings(tmp_path)
    _load(source, export("drug", [{}]))
    _e2b(source, tmp_path / "x.xml")
    text = (tmp_path / "x.xml").read_text("utf-8").replace(">皮疹<", ">Hallucination, auditory<")
    (tmp_path / "y.xml").write_text(text.replace("D1", "D7"), "utf-8")
    other = _settings(tmp_path / "other")
    _load(other, tmp_path / "y.xml")
    done = files.export_national(other, _wanted(), tmp_path / "y.csv", "utf-8")
    assert [(one.case, one.code, one.value) for one in done.unwritten] == [("D7", "term", "Hallucination, auditory")]
    assert done.reports == 0
    assert _e2b(other, tmp_path / "z.xml").reports == 1  # E2B tells each term by itself


@pytest.mark.parametrize(
    ("wanted", "sender", "message"),
    [
        ({}, "", r"who the sender is is not known\. Give --sender, or set “sender” in pvwatch\.toml"),
        ({}, "x" * 61, "at most 60 characters"),
        ({}, "a\nb", "on one line"),
        ({"stream": "device"}, "S", "E2B.R3. is for medicinal products"),
        ({"numbers": ("D9", "D8", "D1")}, "S", r"no case “D8” of the stream drug .* nor 1 more"),
    ],
)
def test_what_is_wrong_is_said_and_leaves_no_file(
    tmp_path: Path, export: Export, wanted: dict[str, Any], sender: str, message: str
) -> None:
    source = _settings(tmp_path)
    _load(source, export("drug", [{}]))
    with pytest.raises(ValueError, match=message):
        files.export_e2b(source, _wanted(**wanted), tmp_path / "x.xml", sender, "R")
    assert not (tmp_path / "x.xml").exists()


def test_the_national_layout_is_csv_or_xlsx_and_has_its_limits(tmp_path: Path) -> None:
    source = _settings(tmp_path)
    with pytest.raises(ValueError, match=r"End the name in \.csv or \.xlsx"):
        files.export_national(source, _wanted(), tmp_path / "x.txt", "utf-8")
    with pytest.raises(ValueError, match="no national layout of the stream “aefi”"):
        files.export_national(source, _wanted("aefi"), tmp_path / "x.csv", "utf-8")
    with pytest.raises(ValueError, match="no date of modification"):
        files.export_national(source, _wanted("device", history=True), tmp_path / "x.csv", "utf-8")


def test_a_sheet_that_is_too_long_is_refused(tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    from pv.exporting import national

    monkeypatch.setattr(national, "MAX_ROWS", 1)
    source = _settings(tmp_path)
    _load(source, export("drug", [{}, {"报告表编码": "D2"}]))
    with pytest.raises(ValueError, match="a sheet holds 1 rows"):
        files.export_national(source, _wanted(), tmp_path / "x.xlsx", "utf-8")
    assert not (tmp_path / "x.xlsx").exists()


# Any report → store → file → store

LONG = "～"  # stands for a very long text, so that examples stay readable
_SIGNS = "皮疹瘙痒阿莫西林（）()；，,、/ =+'\"-<&>]abcXYZ12😀𠮷\x08\u2028\uffff"  # the last three are read as blanks
WORDS = st.text(st.sampled_from(_SIGNS + LONG), min_size=1, max_size=8)
SOME = st.one_of(st.just(""), WORDS.filter(lambda text: clean(text) not in BLANK))  # E2B reads “-” as nothing
DAY = st.sampled_from(["", "2026-11-01", "2026/11/3", "2026年11月5日", "20261110", "2026", "202611", "2026-11-31"])
LOTS = st.sampled_from(["", "A1", "20260301", "批号９", "A1、A2；2603001", "20260301 20260302", "L-1/2"])
CODES = st.sampled_from(
    [
        "",
        "(01)06901234567892",
        "(01)06901234567892(17)280131(10)A2B(21)S-1",
        "01069012345678921728013110A2B\x1d21S-1",
        "MA.156.M0.100761.21234561.L7.M220117",
        "81234567890123456789",
        "看不清",
    ]
)
COMMON: dict[str, st.SearchStrategy[str]] = {"性别": st.sampled_from(["", "男", "女", "不详"])}
ANY = {
    "drug": {
        **COMMON,
        "报告表编码": st.sampled_from(["D1", "D2", "D3"]),
        "报告类型-新的": st.sampled_from(["", "新的"]),
        "报告类型-严重程度": st.sampled_from(["严重", "一般"]),
        "怀疑/并用": st.sampled_from(["怀疑", "并用", "相互作用"]),
        "通用名称": WORDS,
        "批准文号": st.sampled_from(["", "国药准字H20050001", "藏药制字Z1"]),
        "生产厂家": SOME,
        "生产批号": LOTS,
        "药品追溯码": CODES,
        "用药开始时间": DAY,
        "年龄": st.sampled_from(["", "5", "45", "0.5", "2岁"]),
        "年龄单位": st.sampled_from(["岁", "月", "天"]),
        "不良反应名称": WORDS,
        "不良反应发生时间": DAY,
        "不良反应结果": st.sampled_from(["", "痊愈", "死亡", "有后遗症"]),
        "报告单位名称": SOME,
        "报告地区名称": SOME,
        "报告日期": DAY,
        "市评价时间": DAY,
        "评价状态": st.sampled_from(["", "已评价", "待评价"]),
        "最后修改时间": st.sampled_from(["", "2026-11-12", "2026-11-18"]),
        "删除标识": st.sampled_from(["", "", "删除"]),
        "重复报告": st.sampled_from(["", "", "重复报告"]),
    },
    "device": {
        **COMMON,
        "产品名称": WORDS,
        "注册证编号/曾用注册证编号": st.sampled_from(["", "国械注准20153141234"]),
        "型号": SOME,
        "产品批号": LOTS,
        "UDI": CODES,
        "管理类别": st.sampled_from(["", "Ⅱ类", "第三类", "?"]),
        "上市许可持有人名称": SOME,
        "年龄": st.sampled_from(["", "5", "45"]),
        "年龄类型": st.sampled_from(["岁", "月"]),
        "伤害": st.sampled_from(["死亡", "严重伤害", "其他", ""]),
        "伤害.1": st.sampled_from(["死亡", "其他", ""]),
        "伤害表现": WORDS,
        "器械故障表现": SOME,
        "事件发生日期": DAY,
        "发现或获知日期": DAY,
        "器械使用日期": DAY,
        "经营企业使用单位报告状态": st.sampled_from(["", "审核通过", "待审核"]),
        "审核日期": DAY,
        "是否为错报误报报告": st.sampled_from(["", "是", "否"]),
        "单位名称": SOME,
        "上报单位所属地区": SOME,
    },
    "cosmetic": {
        **COMMON,
        "报告类型": st.sampled_from(["严重", "一般", ""]),
        "化妆品名称": WORDS,
        "化妆品分类": SOME,
        "特殊化妆品注册证书编号/普通化妆品备案编号": st.sampled_from(["", "国妆特字20201234"]),
        "生产企业": SOME,
        "生产批号": LOTS,
        "年龄": st.sampled_from(["", "45", "6月", "3天"]),
        "自觉症状": SOME,
        "皮损形态": WORDS,
        "初步判断": SOME,
        "开始使用日期": DAY,
        "不良反应发生日期": DAY,
        "省级评价结果": st.sampled_from(["", "很可能"]),
        "报告单位名称": SOME,
        "报告地区": SOME,
    },
}
NUMBER = {"device": "报告编码", "cosmetic": "报告表编号"}


# Two loads an example take half a second: there are few, of many reports each, and they are not made smaller.
few = settings(
    max_examples=6,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _rows(stream: str) -> st.SearchStrategy[list[dict[str, str]]]:
    return st.lists(st.fixed_dictionaries(ANY[stream]), min_size=4, max_size=25)


def _national(path: Path, stream: str, rows: list[dict[str, str]]) -> Path:
    columns = [c.name for layout in layouts() if layout.name == LAYOUT_OF[stream] for c in layout.columns]
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(columns)
        for place, row in enumerate(rows):
            numbered = {NUMBER[stream]: f"N{place}"} if stream in NUMBER else {}
            cells = (DEFAULTS[stream] | numbered | row).get
            writer.writerow([cells(column, "").replace(LONG, "很长的描述" * 400) for column in columns])
    return path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty store to copy: a new one takes 0.3 s."""
    folder = tmp_path_factory.mktemp("any")
    store.open_store(_settings(folder).database_url).dispose()
    return folder


def _fresh(folders: Path, number: int) -> Settings:
    home = folders / str(number)
    home.mkdir(exist_ok=True)
    for old in home.glob("s.sqlite*"):
        old.unlink()
    (home / "s.sqlite").write_bytes((folders / "s.sqlite").read_bytes())
    return _settings(home)


@pytest.mark.parametrize("stream", ["drug", "device", "cosmetic"])
@few
@given(data=st.data())
def test_any_report_comes_back_from_the_national_layout(folders: Path, stream: str, data: st.DataObject) -> None:
    source, back = _fresh(folders, 1), _fresh(folders, 2)
    _load(source, _national(folders / "in.csv", stream, data.draw(_rows(stream))))
    history = stream == "drug"
    done = files.export_national(source, _wanted(stream, history=history), folders / "out.csv", "gb18030")
    assert {one.code for one in done.unwritten} <= {"term"}  # brackets that do not close
    left = {one.case for one in done.unwritten}
    assert _load(back, folders / "out.csv").quarantined == 0
    told, expected = (
        [one for one in _told(where, stream) if one["case_number"] not in left] for where in (back, source)
    )
    assert told == expected


@few
@given(rows=_rows("drug"))
def test_any_report_comes_back_from_e2b(folders: Path, rows: list[dict[str, str]]) -> None:
    source, back = _fresh(folders, 1), _fresh(folders, 2)
    without_codes = [row | {"药品追溯码": ""} for row in rows]  # E2B has no place for them
    _load(source, _national(folders / "in.csv", "drug", without_codes))
    assert not _e2b(source, folders / "out.xml", history=True).unwritten
    assert _load(back, folders / "out.xml").quarantined == 0
    assert _told(back, "drug", NOT_IN_E2B) == _cut(_told(source, "drug"))
