"""Rows into the store: what is stored, unchanged, quarantined or warned about, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine, func, select

from pv import archive, cases, messages, reference, store
from pv.intake import FileAccount, load_file
from pv.schema import case_event, case_merge, case_product, case_version, quarantine
from pv.schema import file as file_table
from pv.week import Week
from tests.conftest import KEY, NOW, Export


def _load(engine: Engine, path: Path, at: datetime = NOW, dry_run: bool = False) -> FileAccount:
    account = load_file(engine, path, path.parent / "archive", KEY, at, dry_run)
    if not account.refused:
        assert account.read == account.stored + account.unchanged + account.quarantined
    return account


def _versions(engine: Engine) -> pd.DataFrame:
    with store.reading(engine) as connection:
        return store.read(connection, select(case_version).order_by(case_version.c.version_id))


def _codes(account: FileAccount, outcome: str) -> list[str]:
    return [problem.code for problem in account.problems if problem.outcome == outcome]


def test_a_drug_report_with_two_products(engine: Engine, export: Export) -> None:
    rows = [
        {"不良反应名称": "皮疹（一般）；过敏性休克（严重）", "报告类型-严重程度": "严重", "报告类型-新的": "新的"},
        {"通用名称": "头孢拉定胶囊", "怀疑/并用": "并用"},
    ]
    account = _load(engine, export("drug", rows))
    assert (account.read, account.stored, account.cases, account.weeks) == (2, 2, 1, ("2026-W46",))
    version = _versions(engine).iloc[0]
    assert (version["case_number"], version["received_on"], version["effective_on"]) == (
        "D1",
        "2026-11-10",
        "2026-11-10",
    )
    assert (version["serious"], version["new"], version["death"], version["evaluated"]) == (1, 1, 0, 0)
    with store.reading(engine) as connection:
        products = store.read(connection, select(case_product).order_by(case_product.c.case_product_id))
        events = store.read(connection, select(case_event).order_by(case_event.c.case_event_id))
    assert list(zip(products["product"], products["role"], strict=True)) == [
        ("阿莫西林胶囊", "suspect"),
        ("头孢拉定胶囊", "concomitant"),
    ]
    assert events["event"].tolist() == ["皮疹", "过敏性休克"]


def test_a_device_report_counts_the_last_harm(engine: Engine, export: Export) -> None:
    rows = [
        {"报告编码": "E1", "伤害": "其他", "伤害.1": "严重伤害"},
        {"报告编码": "E2", "伤害": "死亡"},
        {"报告编码": "E3", "伤害": "严重伤害", "伤害.1": "其他", "是否为错报误报报告": "是"},
        {"报告编码": "E4", "经营企业使用单位报告状态": "审核通过", "审核日期": "2026-11-12"},
    ]
    _load(engine, export("device", rows))
    found = _versions(engine)
    assert found["serious"].tolist() == [1, 1, 0, 0]
    assert found["death"].tolist() == [0, 1, 0, 0]
    assert found["left_out"].tolist() == ["", "", "misreport", ""]
    assert found["evaluated"].tolist() == [0, 0, 0, 1]


def test_a_cosmetic_report_has_three_kinds_of_events(engine: Engine, export: Export) -> None:
    _load(engine, export("cosmetic", [{"自觉症状": "瘙痒、灼热感", "省级评价结果": "很可能"}], encoding="gb18030"))
    with store.reading(engine) as connection:
        events = store.read(connection, select(case_event.c.kind, case_event.c.event))
    assert sorted(zip(events["kind"], events["event"], strict=True)) == [
        ("diagnosis", "接触性皮炎"),
        ("finding", "丘疹"),
        ("finding", "红斑"),
        ("symptom", "灼热感"),
        ("symptom", "瘙痒"),
    ]
    assert _versions(engine)["evaluated"].tolist() == [1]


def _first_uses(engine: Engine) -> list[tuple[str, str]]:
    with store.reading(engine) as connection:
        rows = store.read(connection, select(case_product).order_by(case_product.c.case_product_id))
    return list(zip(rows["name"], rows["used_from"], strict=True))


def test_a_product_is_used_from_its_earliest_known_start(engine: Engine, export: Export) -> None:
    """Rows of one product that differ in nothing else are one; another lot is another row."""
    starts = ["", "2026-11-05 08:00", "2026/11/3"]
    rows = [{"用药开始时间": start} for start in starts]
    rows += [{"生产批号": "B2", "用药开始时间": "2026-11-01"}, {"通用名称": "头孢拉定胶囊"}]
    account = _load(engine, export("drug", rows))
    assert (account.stored, account.warnings) == (5, 0)
    assert _first_uses(engine) == [
        ("阿莫西林胶囊", "2026-11-03"),
        ("阿莫西林胶囊", "2026-11-01"),
        ("头孢拉定胶囊", ""),
    ]


@pytest.mark.parametrize(
    ("stream", "start", "onset"),
    [
        ("drug", "用药开始时间", "不良反应发生时间"),
        ("device", "器械使用日期", "事件发生日期"),
        ("cosmetic", "开始使用日期", "不良反应发生日期"),
    ],
)
def test_every_stream_has_a_first_use(engine: Engine, export: Export, stream: str, start: str, onset: str) -> None:
    _load(engine, export(stream, [{start: "2026-11-01", onset: "2026-11-04"}]))
    assert [day for _, day in _first_uses(engine)] == ["2026-11-01"]
    assert _versions(engine)["onset_on"].tolist() == ["2026-11-04"]


def test_a_use_after_the_onset_is_kept_with_a_warning_but_for_what_was_given_beside(
    engine: Engine, export: Export
) -> None:
    onset = {"不良反应发生时间": "2026-11-04"}
    later = {"用药开始时间": "2026-11-05"}
    rows = [onset | later, onset | later | {"通用名称": "地塞米松", "怀疑/并用": "并用"}]
    account = _load(engine, export("drug", rows))
    assert (account.stored, account.warnings) == (2, 1)
    version = _versions(engine).iloc[0]
    assert version["warnings"] == "use_after_onset(用药开始时间=2026-11-05)"
    assert version["onset_on"] == "2026-11-04"
    assert _first_uses(engine) == [("阿莫西林胶囊", "2026-11-05"), ("地塞米松", "2026-11-05")]


def test_the_same_file_twice_changes_nothing(engine: Engine, export: Export) -> None:
    path = export("drug", [{"报告表编码": f"D{n}"} for n in range(5)])
    first, second = _load(engine, path), _load(engine, path, NOW + timedelta(days=1))
    assert (first.stored, second.stored, second.unchanged, second.weeks) == (5, 0, 5, ())
    with store.reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(file_table)).scalar() == 1
        assert connection.execute(select(func.count()).select_from(case_product)).scalar() == 5


def test_a_correction_is_a_version_from_its_modification_on(engine: Engine, export: Export) -> None:
    _load(engine, export("drug", [{"报告表编码": "D1"}, {"报告表编码": "D2"}]))
    later = {"不良反应名称": "肝损伤", "最后修改时间": "2026-11-18 10:00:00"}
    account = _load(engine, export("drug", [{"报告表编码": "D1"} | later, {"报告表编码": "D2"}], "w2.csv"))
    assert (account.stored, account.unchanged, account.weeks) == (1, 1, ("2026-W47",))
    assert _versions(engine)["effective_on"].tolist() == ["2026-11-10", "2026-11-10", "2026-11-18"]


def test_a_correction_without_a_date_counts_from_the_newest_receipt_of_its_file(engine: Engine, export: Export) -> None:
    _load(engine, export("device", [{"报告编码": "E1"}]))
    newest = {"报告编码": "E2", "报告日期": "2026-11-20"}
    account = _load(engine, export("device", [{"报告编码": "E1", "器械故障表现": "断裂"}, newest], "w2.csv"))
    assert account.weeks == ("2026-W47",)
    assert _versions(engine)["effective_on"].tolist() == ["2026-11-10", "2026-11-20", "2026-11-20"]


def test_an_older_version_that_arrives_late_does_not_win(engine: Engine, export: Export) -> None:
    newer = {"不良反应名称": "肝损伤", "最后修改时间": "2026-11-18"}
    older = {"不良反应名称": "皮疹", "最后修改时间": "2026-11-12"}
    _load(engine, export("drug", [newer]))
    _load(engine, export("drug", [older], "old.csv"), NOW + timedelta(hours=1))
    with store.reading(engine) as connection:
        loaded = cases.StreamCases(connection, "drug", NOW + timedelta(hours=2), reference.build({}))
    for week in ("2026-W46", "2026-W47"):
        assert loaded.filings(Week.parse(week))["events"].tolist() == ["肝损伤"]


def test_versions_within_one_file_follow_their_modification(engine: Engine, export: Export) -> None:
    rows = [
        {"不良反应名称": "肝损伤", "最后修改时间": "2026-11-18"},
        {"不良反应名称": "皮疹", "最后修改时间": "2026-11-11"},
    ]
    account = _load(engine, export("drug", rows))
    assert (account.stored, account.cases) == (2, 1)
    found = _versions(engine)
    assert found["effective_on"].tolist() == ["2026-11-10", "2026-11-18"]
    assert found["modified_on"].tolist() == ["2026-11-11", "2026-11-18"]


QUARANTINED = [
    ("drug", {"报告表编码": ""}, "no_number"),
    ("drug", {"国家中心接收时间": ""}, "no_receipt"),
    ("drug", {"国家中心接收时间": "2026-02-30"}, "receipt_impossible"),
    ("drug", {"国家中心接收时间": "1899-01-01"}, "receipt_early"),
    ("drug", {"国家中心接收时间": "2026-11-23"}, "receipt_future"),
    ("drug", {"怀疑/并用": "可疑"}, "role_unknown"),
    ("drug", {"怀疑/并用": ""}, "role_unknown"),
    ("drug", {"通用名称": " "}, "no_product"),
    ("drug", {"不良反应名称": "无"}, "no_event"),
    ("device", {"产品名称": ""}, "no_product"),
    ("device", {"器械故障表现": "", "伤害表现": "无"}, "no_event"),
    ("cosmetic", {"皮损形态": "", "初步判断": "/"}, "no_event"),
    ("cosmetic", {"化妆品名称": ""}, "no_product"),
    ("cosmetic", {"报告日期": "去年"}, "receipt_impossible"),
]


@pytest.mark.parametrize(("stream", "fault", "code"), QUARANTINED)
def test_a_report_that_cannot_be_counted_is_quarantined_whole(
    tmp_path: Path, export: Export, stream: str, fault: dict[str, str], code: str
) -> None:
    engine = store.open_store(f"sqlite:///{tmp_path / 'q.sqlite'}")
    number = {"drug": "报告表编码", "device": "报告编码", "cosmetic": "报告表编号"}[stream]
    good, bad = {number: "GOOD"}, {number: "BAD"} | fault
    account = _load(engine, export(stream, [good, bad]))
    assert (account.stored, account.quarantined) == (1, 1)
    assert _codes(account, "quarantine") == [code]
    problem = account.problems[0]
    assert problem.row == 3
    assert all(messages.problem(code, lang) for lang in ("zh", "en"))
    assert _versions(engine)["case_number"].tolist() == ["GOOD"]
    engine.dispose()


def test_one_bad_row_takes_its_whole_report_with_every_reason(engine: Engine, export: Export) -> None:
    rows = [
        {"报告表编码": "D1", "患者姓名": "金丝雀甲"},
        {"报告表编码": "D1", "通用名称": "", "怀疑/并用": "?"},
        {"报告表编码": "D2", "批准文号": ""},  # no approval number is no reason
    ]
    account = _load(engine, export("drug", rows))
    assert (account.stored, account.quarantined) == (1, 2)
    assert sorted(_codes(account, "quarantine")) == ["no_product", "role_unknown"]
    with store.reading(engine) as connection:
        waiting = store.read(connection, select(quarantine)).iloc[0]
        shown = cases.quarantined(connection, NOW, reference.build({}), "zh")
    assert waiting["rows"] == "2,3"
    assert {reason["code"] for reason in json.loads(waiting["reasons"])} == {"no_product", "role_unknown"}
    assert "金丝雀甲" not in waiting["raw"]
    assert "金丝雀甲" in archive.unseal(waiting["raw"], KEY)
    assert "第3行, “怀疑/并用”列 “?”" in shown["reasons"].iloc[0]
    assert (shown["case"].iloc[0], shown["received_on"].iloc[0], shown["stored"].iloc[0]) == ("D1", "2026-11-10", False)


def test_after_the_fix_the_rest_is_taken(engine: Engine, export: Export) -> None:
    broken = [{"报告表编码": "D1"}, {"报告表编码": "D2", "怀疑/并用": ""}]
    assert _load(engine, export("drug", broken)).quarantined == 1
    again = _load(engine, export("drug", broken), NOW + timedelta(minutes=1))
    assert (again.stored, again.unchanged, again.quarantined) == (0, 1, 1)
    mended = [{"报告表编码": "D1"}, {"报告表编码": "D2", "怀疑/并用": "怀疑"}]
    account = _load(engine, export("drug", mended, "mended.csv"), NOW + timedelta(minutes=2))
    assert (account.stored, account.unchanged, account.quarantined) == (1, 1, 0)
    with store.reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(quarantine)).scalar() == 1
        earlier = cases.quarantined(connection, NOW + timedelta(minutes=1), reference.build({}), "en")
        now = cases.quarantined(connection, NOW + timedelta(minutes=2), reference.build({}), "en")
    assert (len(earlier), len(now)) == (1, 0)


WARNED = [
    ("drug", {"年龄": "九百"}, "age_unreadable"),
    ("drug", {"性别": "雄"}, "sex_unknown"),
    ("drug", {"报告类型-严重程度": "很重"}, "severity_unknown"),
    ("drug", {"报告类型-新的": "??"}, "new_unknown"),
    ("drug", {"不良反应结果": "未见好"}, "outcome_unknown"),
    ("drug", {"不良反应发生时间": "2026-11-11"}, "onset_after_receipt"),
    ("drug", {"不良反应发生时间": "2026-11-31"}, "date_unreadable"),
    ("drug", {"用药开始时间": "2026-13"}, "date_unreadable"),
    *(
        ("drug", {"用药开始时间": part}, "date_partial")
        for part in ("2026", "202611", "2026-11", "2026/9", "2026年11月")
    ),
    ("device", {"伤害": "重伤"}, "harm_unknown"),
]


@pytest.mark.parametrize(("stream", "fault", "code"), WARNED)
def test_a_bad_value_that_counts_do_not_need_is_missing_with_a_warning(
    tmp_path: Path, export: Export, stream: str, fault: dict[str, str], code: str
) -> None:
    engine = store.open_store(f"sqlite:///{tmp_path / 'w.sqlite'}")
    account = _load(engine, export(stream, [fault]))
    assert (account.stored, account.quarantined, account.warnings) == (1, 0, 1)
    (column, value), *_ = fault.items()
    version = _versions(engine).iloc[0]
    assert version["warnings"] == f"{code}({column}={value})"
    assert (version["onset_on"], version["sex"]) == ("", "")
    assert pd.isna(version["age_years"])
    engine.dispose()


def test_a_refused_file_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    account = _load(engine, path)
    assert (account.refused, account.read) == ("unknown_layout", 0)
    assert not (tmp_path / "archive").exists()
    with store.reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(file_table)).scalar() == 0


@pytest.mark.parametrize("stream", ["drug", "device", "cosmetic"])
def test_an_export_of_a_week_without_reports_is_taken(tmp_path: Path, export: Export, stream: str) -> None:
    engine = store.open_store(f"sqlite:///{tmp_path / 'e.sqlite'}")
    account = _load(engine, export(stream, []))
    assert (account.refused, account.read, account.cases, account.weeks) == ("", 0, 0, ())
    engine.dispose()


def test_a_dry_run_keeps_nothing(engine: Engine, export: Export) -> None:
    account = _load(engine, export("drug", [{}]), dry_run=True)
    assert account.stored == 1
    assert _versions(engine).empty


def test_names_never_reach_the_store_in_clear(tmp_path: Path, export: Export) -> None:
    engine = store.open_store(f"sqlite:///{tmp_path / 's.sqlite'}")
    secrets = {
        "患者姓名": "金丝雀乙",
        "患者联系方式": "13900001234",
        "病历号/门诊号": "ZY778899",
        "出生日期": "1971-02-03",
    }
    path = export("drug", [secrets, secrets | {"报告表编码": "D2", "怀疑/并用": ""}])
    _load(engine, path)
    engine.dispose()
    kept = [p for p in tmp_path.rglob("*") if p.is_file() and p != path]
    assert any(p.suffix == ".enc" for p in kept)
    for file in kept:
        for secret in secrets.values():
            assert secret.encode() not in file.read_bytes(), file
    assert archive.bring_back(tmp_path / "archive", archive.file_sha256(path), KEY) == path.read_bytes()


PERSON = {"患者姓名": "张三", "出生日期": "1980-01-01", "性别": "男", "不良反应发生时间": "2026-11-01"}


def test_the_same_event_from_two_hospitals_is_merged(engine: Engine, export: Export) -> None:
    rows = [
        PERSON | {"报告表编码": "D1", "国家中心接收时间": "2026-11-12", "不良反应名称": "皮疹"},
        PERSON | {"报告表编码": "D2", "报告单位名称": "第二医院", "不良反应名称": "瘙痒"},
        PERSON | {"报告表编码": "D3", "通用名称": "另一种药"},
        PERSON | {"报告表编码": "D4", "不良反应发生时间": "2026-09-02"},
        PERSON | {"报告表编码": "D5", "患者姓名": ""},
    ]
    _load(engine, export("drug", rows))
    with store.reading(engine) as connection:
        merges = store.read(connection, select(case_merge.c.case_number, case_merge.c.merged_into))
        loaded = cases.StreamCases(connection, "drug", NOW, reference.build({}))
    assert merges.to_numpy().tolist() == [["D1", "D2"]]  # D2 was received first
    view = loaded.view()
    assert sorted(view.cases["case"]) == ["D2", "D3", "D4", "D5"]
    segment = int(view.cases.index[view.cases["case"] == "D2"][0])
    assert view.events.loc[view.events["segment"] == segment, "event"].tolist() == ["瘙痒", "皮疹"]
    filed = loaded.filings(Week.parse("2026-W46")).set_index("case")
    assert len(filed) == 5
    assert filed["merged_into"].to_dict() == {"D1": "D2", "D2": "", "D3": "", "D4": "", "D5": ""}


def test_a_duplicate_that_comes_in_a_later_file(engine: Engine, export: Export) -> None:
    _load(engine, export("drug", [PERSON | {"报告表编码": "D1"}]))
    _load(engine, export("drug", [PERSON | {"报告表编码": "D2", "国家中心接收时间": "2026-11-20"}], "w2.csv"))
    third = PERSON | {"报告表编码": "D0", "国家中心接收时间": "2026-11-03"}
    _load(engine, export("drug", [third], "w3.csv"))
    with store.reading(engine) as connection:
        loaded = cases.StreamCases(connection, "drug", NOW, reference.build({}))
    assert set(loaded.view().cases["case"]) == {"D0"}
    assert loaded.filings(Week.parse("2026-W47"))["merged_into"].tolist().count("D0") == 2
