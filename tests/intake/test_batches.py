"""What a file leaves in the store does not depend on the batches in which it was read."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from pv import intake, sources, store
from pv.intake import FileAccount, loading
from pv.schema import case_event, case_merge, case_product, case_version, file_refusal, metadata, quarantine
from pv.schema import file as file_table
from pv.sources import Extract, FileRefused, Source, foreign
from pv.sources.icsr_rows import layout as icsr_layout
from pv.sources.layouts import layouts
from tests.conftest import DEFAULTS, KEY, NOW, Export

TABLES = (file_table, case_version, case_product, case_event, case_merge, quarantine)
DRUG = next(layout for layout in layouts() if layout.name == "drug_national")


def _load(url: str, path: Path, size: int, patch: pytest.MonkeyPatch) -> FileAccount:
    patch.setattr(loading, "open_source", partial(sources.open_source, size=size))
    engine = store.open_store(url)
    account = intake.load_file(engine, path, path.parent / "archive", KEY, NOW)
    engine.dispose()
    return account


def _content(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table; sealed texts, which no two runs share, left out."""
    engine = store.open_store(url)
    with store.reading(engine) as connection:
        found = {
            table.name: [
                tuple(row)
                for row in connection.execute(
                    select(*(c for c in table.columns if c.name != "raw")).order_by(*table.primary_key.columns)
                )
            ]
            for table in TABLES
        }
    engine.dispose()
    return found


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "报告表编码": st.sampled_from(["", "D1", "D2", "D3", "D4"]),
            "国家中心接收时间": st.sampled_from(["2026-11-10", "2026-11-10", "2026-11-12", "去年"]),
            "最后修改时间": st.sampled_from(["", "", "2026-11-15", "2026-11-17"]),
            "通用名称": st.sampled_from(["阿莫西林", "头孢", ""]),
            "不良反应名称": st.sampled_from(["皮疹", "皮疹；瘙痒", "无"]),
            "怀疑/并用": st.sampled_from(["怀疑", "并用"]),
            "患者姓名": st.sampled_from(["", "甲"]),
            "不良反应发生时间": st.sampled_from(["", "2026-11-01"]),
        }
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=ROWS, rows=ROWS, size=st.integers(1, 9))
def test_any_batches_give_the_same_store(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    before: list[dict[str, str]],
    rows: list[dict[str, str]],
    size: int,
) -> None:
    """With an earlier file, so that there are corrections, repeats and late versions."""
    folder = tmp_path_factory.mktemp("b")
    columns = [column.name for column in DRUG.columns]
    paths = []
    for name, part in (("1.csv", before), ("2.csv", rows)):
        paths.append(folder / name)
        with paths[-1].open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(columns)
            writer.writerows([(DEFAULTS["drug"] | row).get(column, "") for column in columns] for row in part)
    urls = [f"sqlite:///{folder / name}.sqlite" for name in ("whole", "cut")]
    monkeypatch.setattr("pv.keys.Fernet.generate_key", KEY.encode)  # the stores' own, so that hashes compare
    accounts = [
        [_load(url, path, n, monkeypatch) for path in paths] for url, n in zip(urls, (10_000, size), strict=True)
    ]
    assert accounts[0] == accounts[1]
    assert _content(urls[0]) == _content(urls[1])
    for account in accounts[0]:
        assert account.read == account.stored + account.unchanged + account.quarantined


def _extract(rows: Sequence[dict[str, str]], first: int, **more: Any) -> Extract:
    """Messages with the fields of E2B, numbered from `first`."""
    layout = icsr_layout("e2b_r3")
    blank = {column.field: "" for column in layout.columns if column.field}
    plain = {"received_on": "2026-11-02", "name": "甲", "role": "怀疑", "reaction": "皮疹", "severity": "一般"}
    fields = pd.DataFrame([blank | plain | row for row in rows], dtype="str")
    numbers = [int(row.get("message", first + place)) for place, row in enumerate(rows)]
    fields = fields.drop(columns="message", errors="ignore").assign(sheet="", row=numbers, ragged=False, **more)
    return Extract(layout, fields.astype({"sheet": "str"}), fields[["report_number"]].set_axis(["C.1.1"], axis=1))


def _take(engine: Engine, patch: pytest.MonkeyPatch, path: Path, parts: Sequence[Extract]) -> FileAccount:
    def batches() -> Iterator[Extract]:
        yield from parts

    path.write_text(str(id(parts)), encoding="utf-8")
    patch.setattr(loading, "open_source", lambda path, **_own: Source(parts[0].layout, batches, path))
    return intake.load_file(engine, path, path.parent / "archive", KEY, NOW)


def _versions(engine: Engine) -> pd.DataFrame:
    with store.reading(engine) as connection:
        return store.read(connection, select(case_version).order_by(case_version.c.version_id))


def test_versions_of_a_case_in_several_batches(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first message of a case may come last: it is the one in force from the receipt."""
    rows = [
        {"report_number": "C1", "modified_on": "2026-11-09", "reaction": "肝损伤"},
        {"report_number": "C2", "modified_on": "2026-11-03"},
        {"report_number": "C1", "modified_on": "2026-11-05", "reaction": "皮疹"},
        {"report_number": "C1", "modified_on": "2026-11-07", "reaction": "瘙痒"},
        {"report_number": "C1", "modified_on": "2026-11-07", "reaction": "瘙痒"},
    ]
    account = _take(engine, monkeypatch, tmp_path / "x", [_extract([row], n) for n, row in enumerate(rows, start=1)])
    assert (account.read, account.stored, account.unchanged, account.cases) == (5, 4, 1, 2)
    found = _versions(engine)
    assert dict(zip(found["modified_on"], found["effective_on"], strict=True)) == {
        "2026-11-09": "2026-11-09",
        "2026-11-03": "2026-11-02",
        "2026-11-05": "2026-11-02",
        "2026-11-07": "2026-11-07",
    }


def test_a_message_of_several_rows_counts_once(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"report_number": "C1", "message": "1"},
        {"report_number": "C1", "message": "1", "name": "乙"},
        {"report_number": "C2", "message": "2", "role": "?"},
        {"report_number": "C2", "message": "2", "name": "乙"},
    ]
    account = _take(engine, monkeypatch, tmp_path / "x", [_extract(rows, 1)])
    assert (account.read, account.stored, account.quarantined, account.cases) == (2, 1, 1, 2)
    with store.reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(case_product)).scalar() == 2
        assert connection.execute(select(quarantine.c.rows)).scalar() == "2"


def test_a_broken_message_is_quarantined_for_that_reason_alone(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = dict.fromkeys(("received_on", "name", "role", "reaction", "severity"), "") | {
        "fault": "not well-formed, line 3"
    }
    account = _take(engine, monkeypatch, tmp_path / "x", [_extract([{"report_number": "C1"}, broken], 1)])
    assert (account.read, account.stored, account.quarantined, account.cases) == (2, 1, 1, 1)
    assert [(problem.code, problem.value) for problem in account.problems] == [
        ("message_broken", "not well-formed, line 3")
    ]


def test_a_nullification_needs_no_product_and_takes_the_case_out(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = dict.fromkeys(("name", "role", "reaction", "severity"), "")
    rows = [{"report_number": "C1"}, bare | {"report_number": "C1", "deleted": "删除", "modified_on": "2026-11-09"}]
    account = _take(engine, monkeypatch, tmp_path / "x", [_extract(rows, 1)])
    assert (account.stored, account.quarantined) == (2, 0)
    assert _versions(engine)["left_out"].tolist() == ["", "deleted"]


def test_withdrawn_numbers_leave_out_the_cases_that_are_known(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = replace(_extract([{"report_number": "F1"}, {"report_number": "F2"}], 1), layout=foreign.layout("faers"))
    told.fields["standing"] = ""
    list_ = foreign.extract_retractions(foreign.layout("faers"), "deleted.txt", [1, 2], ["F1", "F9"], "删除")
    first = _take(engine, monkeypatch, tmp_path / "x", [told, list_])
    assert (first.read, first.stored, first.unchanged) == (4, 3, 1)
    found = _versions(engine)
    assert found[["case_number", "left_out", "effective_on"]].to_numpy().tolist() == [
        ["F1", "", "2026-11-02"],
        ["F2", "", "2026-11-02"],
        ["F1", "deleted", "2026-11-02"],
    ]
    again = _take(engine, monkeypatch, tmp_path / "y", [list_])
    assert (again.read, again.stored, again.unchanged) == (2, 0, 2)


def test_a_stray_record_stands_alone_in_quarantine(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = _extract([{"report_number": "F1"}, {"report_number": "F1", "received_on": ""}], 1)
    part.fields["standing"] = pd.Series(["", "stray"], dtype="str")
    account = _take(engine, monkeypatch, tmp_path / "x", [replace(part, layout=foreign.layout("faers"))])
    assert (account.read, account.stored, account.quarantined) == (2, 1, 1)
    assert [problem.code for problem in account.problems] == ["stray"]


def test_a_file_that_is_refused_midway_leaves_nothing_but_its_refusal(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def batches() -> Iterator[Extract]:
        yield _extract([{"report_number": "C1"}], 1)
        raise FileRefused("xml_truncated", root="x", message=2)

    (tmp_path / "x").write_text("x", encoding="utf-8")
    monkeypatch.setattr(loading, "open_source", lambda path, **_own: Source(icsr_layout("e2b_r3"), batches, path))
    account = intake.load_file(engine, tmp_path / "x", tmp_path / "archive", KEY, NOW)
    assert (account.refused, account.read, account.refused_values["message"]) == ("xml_truncated", 0, 2)
    assert not [path for path in (tmp_path / "archive").rglob("*") if path.is_file()]
    with store.reading(engine) as connection:
        for table in metadata.sorted_tables:
            kept = connection.execute(select(func.count()).select_from(table)).scalar()
            assert kept == (1 if table is file_refusal else 0), table


def test_vaccines_side_by_side_are_products_of_one_report(engine: Engine, tmp_path: Path) -> None:
    from tests.sources.test_declared_layouts import CARD, CASE

    path = tmp_path / "x.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([CARD, CASE])
    account = intake.load_file(engine, path, tmp_path / "archive", KEY, NOW)
    assert (account.stream, account.read, account.stored) == ("aefi", 1, 1)
    with store.reading(engine) as connection:
        listed = store.read(connection, select(case_product).order_by(case_product.c.case_product_id))
        terms = store.read(connection, select(case_event.c.event).order_by(case_event.c.case_event_id))
    shown = listed[["product", "class", "maker", "lot", "used_from", "role"]]
    assert shown.to_numpy().tolist() == [
        ["麻腮风疫苗", "麻腮风疫苗", "甲厂", "A1", "2026-11-01", "suspect"],
        ["水痘疫苗", "水痘疫苗", "乙厂", "B1", "2026-11-02", "suspect"],
    ]
    assert sorted(terms["event"]) == ["发热", "过敏性皮疹"]


def test_a_sentinel_report_keeps_the_roles_of_its_blocks(engine: Engine, tmp_path: Path) -> None:
    headings = ["药品不良反应流水号", "报告类型", "报告时间", "怀疑药品通用名", "合并药品通用名", "不良反应名称"]
    path = tmp_path / "x.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([headings, ["S1", "一般", "2026-11-10", "甲", "乙", "皮疹"]])
    intake.load_file(engine, path, tmp_path / "archive", KEY, NOW)
    with store.reading(engine) as connection:
        listed = store.read(connection, select(case_product).order_by(case_product.c.case_product_id))
    assert listed[["name", "role"]].to_numpy().tolist() == [["甲", "suspect"], ["乙", "concomitant"]]


@pytest.mark.parametrize("stream", ["drug", "device", "cosmetic"])
def test_the_content_of_a_report_does_not_depend_on_what_stands_beside_it(
    engine: Engine, export: Export, stream: str, tmp_path: Path
) -> None:
    number = {"drug": "报告表编码", "device": "报告编码", "cosmetic": "报告表编号"}[stream]
    first = intake.load_file(engine, export(stream, [{}]), tmp_path / "a", KEY, NOW)
    beside = [{}, {number: "Z"}, {number: "Z", "产品名称" if stream == "device" else "生产批号": "另一个"}]
    second = intake.load_file(engine, export(stream, beside, "more.csv"), tmp_path / "a", KEY, NOW)
    assert (first.stored, second.unchanged) == (1, 1)


# Real file → stream, rows in, stored, cases, and how often each reason was told. Of MAUDE one report has no event type;
# in the quarter of 2017 24 reports have a month or year as onset, and 36 report-days one as first use, once a report.
REAL = {
    "faers_ascii/aers_ascii_2004q1.zip": ("faers", 100, 100, 100, {"use_after_onset": 9}),
    "faers_ascii/faers_ascii_2017q2.zip": ("faers", 100, 100, 100, {"date_partial": 60}),
    "vaers/1990VAERSData.zip": ("vaers", 2106, 2106, 2106, {"onset_after_receipt": 1, "use_after_onset": 1}),
    "maude/maude.csv": ("maude", 535, 534, 535, {"no_event": 1}),
    **{
        f"e2b_r3/FAERS2022Scenario{scenario}.xml": ("drug", 1, 1, 1, {}) for scenario in ("1", "2", "5-1", "5-2", "5-3")
    },
}


def test_public_databases_are_loaded(shared: Path, tmp_path: Path) -> None:
    engine = store.open_store(f"sqlite:///{tmp_path / 's.sqlite'}")
    for name, expected in REAL.items():
        account = intake.load_file(engine, shared / "data" / name, tmp_path / "archive", KEY, NOW)
        reasons = dict(Counter(problem.code for problem in account.problems))
        # The scenarios tell one case several times over.
        stored = account.stored + account.unchanged * name.startswith("e2b")
        assert (account.stream, account.read, stored, account.cases, reasons) == expected, name
    engine.dispose()
