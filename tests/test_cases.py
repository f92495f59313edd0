"""The view of a week at a moment: two time axes, versions, deletions and merges, from small exports."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from pv import reference, store
from pv.cases import OPEN_END, StreamCases, StreamView, _cut, week_index
from pv.intake import load_file
from pv.mapping import waiting
from pv.week import Week
from tests.conftest import KEY, NOW, Export

W45, W46, W47 = (Week.parse(f"2026-W{number}") for number in (45, 46, 47))
HOSPITALS = (
    "hospital_id,name,former_names,level,kind,district,sentinel,registered,reports_for\nH1,第一医院,,3,综合医院,,,,\n"
)
REFERENCE = reference.build({"hospitals": HOSPITALS, "areas": "code,name,parent\nA,城,\n"})


def _ingest(engine: Engine, export: Export, stream: str, rows: list[dict[str, str]], at: datetime) -> None:
    path = export(stream, rows, f"{at.timestamp()}.csv")
    assert not load_file(engine, path, path.parent / "archive", KEY, at).refused


def _cases(engine: Engine, stream: str, as_of: datetime, known: reference.Reference = REFERENCE) -> StreamCases:
    with store.reading(engine) as connection:
        return StreamCases(connection, stream, as_of, known)


def _in_week(view: StreamView, week: Week) -> list[str]:
    return sorted(view.cases.loc[(view.cases["start"] <= week.index) & (week.index < view.cases["end"]), "case"])


def test_a_backlog_loaded_today_fills_its_past_week(engine: Engine, export: Export) -> None:
    _ingest(engine, export, "drug", [{"报告表编码": "D1", "国家中心接收时间": "2026-11-03"}], NOW)
    view = _cases(engine, "drug", NOW).view()
    assert _in_week(view, Week.parse("2026-W44")) == []
    assert _in_week(view, W45) == _in_week(view, W46) == ["D1"]
    assert _cases(engine, "drug", NOW - timedelta(seconds=1)).view().cases.empty


def test_a_deletion_takes_effect_when_it_was_made(engine: Engine, export: Export) -> None:
    _ingest(engine, export, "drug", [{"报告表编码": "D1", "国家中心接收时间": "2026-11-03"}], NOW)
    removed = {"报告表编码": "D1", "国家中心接收时间": "2026-11-03", "删除标识": "删除", "最后修改时间": "2026-11-11"}
    _ingest(engine, export, "drug", [removed], NOW + timedelta(hours=1))
    then, now = _cases(engine, "drug", NOW), _cases(engine, "drug", NOW + timedelta(hours=1))
    assert _in_week(then.view(), W46) == ["D1"]
    assert _in_week(now.view(), W45) == ["D1"]
    assert _in_week(now.view(), W46) == []
    assert now.filings(W46)["left_out"].tolist() == ["deleted"]
    assert now.filings(W45)["left_out"].tolist() == [""]
    view = now.view()
    assert (view.cases["start"].tolist(), view.cases["end"].tolist()) == ([W45.index], [W46.index])


def test_a_report_left_out_from_the_first(engine: Engine, export: Export) -> None:
    _ingest(engine, export, "device", [{"报告编码": "E1", "是否为错报误报报告": "是"}], NOW)
    loaded = _cases(engine, "device", NOW)
    assert loaded.view().cases.empty
    assert loaded.filings(W46)["left_out"].tolist() == ["misreport"]


def test_only_counted_roles_are_in_the_view(engine: Engine, export: Export) -> None:
    rows = [{"通用名称": "甲"}, {"通用名称": "乙", "怀疑/并用": "并用"}, {"通用名称": "丙", "怀疑/并用": "相互作用"}]
    _ingest(engine, export, "drug", rows, NOW)
    loaded = _cases(engine, "drug", NOW)
    assert loaded.view().products["generic"].tolist() == ["丙", "甲"]
    assert loaded.filings(W46)["products"].tolist() == ["甲; 丙"]


def test_levels_have_the_columns_of_their_stream(engine: Engine, export: Export) -> None:
    _ingest(engine, export, "device", [{"型号": "A-1", "产品批号": "20260101"}], NOW)
    row = _cases(engine, "device", NOW).view().products.iloc[0]
    assert row.drop("segment").to_dict() == {
        "registration": "国械注准20153141234 一次性使用输液器",
        "model": "A-1",
        "lot": "20260101",
        "class": "一次性使用输液器",
        "catalogue": "14",
        "used_from": "",
    }


def test_numbers_lots_and_models_go_by_their_product(engine: Engine, export: Export) -> None:
    _ingest(engine, export, "device", [{"型号": "A-1", "产品批号": "20260101"}], NOW)
    device = "国械注准20153141234 一次性使用输液器"
    assert _cases(engine, "device", NOW).product_names() == {("model", "A-1"): device, ("lot", "20260101"): device}
    _ingest(engine, export, "drug", [{"批准文号": "国药准字H20079133", "生产批号": ""}], NOW)
    assert _cases(engine, "drug", NOW).product_names() == {("approval", "国药准字H20079133"): "阿莫西林胶囊"}


def test_hospitals_known_unknown_and_blank(engine: Engine, export: Export) -> None:
    rows = [
        {"报告表编码": "D1"},
        {"报告表编码": "D2", "报告单位名称": "外地医院"},
        {"报告表编码": "D3", "报告单位名称": ""},
    ]
    _ingest(engine, export, "drug", rows, NOW)
    loaded = _cases(engine, "drug", NOW)
    assert loaded.view().cases["hospital"].tolist() == ["H1", "?外地医院", ""]
    assert loaded.filings(W46)["hospital_id"].tolist() == ["H1", "", ""]
    waits = waiting(loaded, REFERENCE)
    assert waits[["kind", "wording", "cases"]].to_numpy().tolist() == [["hospital", "外地医院", 1]]


def test_synonyms_join_products_and_events(engine: Engine, export: Export) -> None:
    rows = [
        {"报告表编码": "D1", "通用名称": "阿莫西林", "不良反应名称": "皮疹"},
        {"报告表编码": "D2", "通用名称": "阿莫西林胶囊", "不良反应名称": "药疹"},
    ]
    _ingest(engine, export, "drug", rows, NOW)
    lines = [
        "stream,kind,wording,preferred",
        "drug,product,阿莫西林,阿莫西林胶囊",
        "drug,event,药疹,皮疹",
        "drug,event,皮疹,皮疹",
    ]
    synonyms = "\n".join(lines)
    known = reference.build({"synonyms": synonyms})
    view = _cases(engine, "drug", NOW, known).view()
    assert set(view.products["generic"]) == {"阿莫西林胶囊"}
    assert set(view.events["event"]) == {"皮疹"}


def test_week_index_agrees_with_the_calendar() -> None:
    days = ["2026-11-09", "2026-11-15", "2026-11-16", "1970-01-05", "1969-12-31"]
    assert week_index(pd.Series(days, dtype="str")).tolist() == [W46.index, W46.index, W47.index, 0, -1]


SPANS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=5)


@given(SPANS)
def test_cut_spans_cover_the_same_weeks(spans: list[tuple[int, int]]) -> None:
    group = pd.DataFrame(
        [("r", version, start, start + length) for version, (start, length) in enumerate(spans)],
        columns=["root", "version_id", "start", "end"],
    )
    pieces = _cut(group)
    for week in range(20):
        before = set(group.loc[(group["start"] <= week) & (week < group["end"]), "version_id"])
        after = pieces[(pieces["start"] <= week) & (week < pieces["end"])]
        assert set(after["version_id"]) == before
        assert len(after[["start", "end"]].drop_duplicates()) <= 1


DAY = st.integers(1, 28).map(lambda day: f"2026-10-{day:02d}")
REPORT = st.fixed_dictionaries(
    {
        "报告表编码": st.sampled_from(["D1", "D2", "D3", "D4"]),
        "国家中心接收时间": DAY,
        "最后修改时间": st.one_of(st.just(""), DAY),
        "删除标识": st.sampled_from(["", "", "", "删除"]),
        "患者姓名": st.sampled_from(["张三", "李四", ""]),
        "不良反应发生时间": st.just("2026-10-01"),
        "通用名称": st.sampled_from(["甲", "乙"]),
    }
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(files=st.lists(st.lists(REPORT, min_size=1, max_size=4), min_size=1, max_size=3))
def test_any_history_gives_each_case_once_a_week(
    files: list[list[dict[str, str]]], export: Export, tmp_path_factory: object
) -> None:
    """Whatever comes in whatever order: filed = counted + merged + left out, and the view counts the counted."""
    folder = tmp_path_factory.mktemp("any")  # type: ignore[attr-defined]
    engine = store.open_store(f"sqlite:///{folder / 's.sqlite'}")
    for number, rows in enumerate(files):
        _ingest(engine, export, "drug", rows, NOW + timedelta(minutes=number))
    loaded = _cases(engine, "drug", NOW + timedelta(hours=1))
    view = loaded.view()
    assert (view.cases["start"] < view.cases["end"]).all()
    assert (view.cases["end"] <= OPEN_END).all()
    for week in range(Week.parse("2026-W40").index, Week.parse("2026-W48").index):
        current = view.cases[(view.cases["start"] <= week) & (week < view.cases["end"])]
        filed = loaded.filings(Week(week))
        assert not current["case"].duplicated().any()
        assert not filed["case"].duplicated().any()
        counted = filed[(filed["left_out"] == "") & (filed["merged_into"] == "")]
        assert len(current) == len(counted)
        assert set(filed["merged_into"]) - {""} <= set(counted["case"])
    engine.dispose()
