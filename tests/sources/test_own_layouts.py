"""Mapping files of a centre: read, refused with file, key and fix, and used like a shipped layout."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, select

from pv import intake, quarantine, store
from pv.drafting import draft, mapping_text
from pv.reference import ReferenceDataError, streams
from pv.schema import case_event, case_product, case_version
from pv.sources import detect, open_source, read_own
from pv.sources.date_forms import read_day
from pv.sources.layouts import layouts
from pv.sources.own_layouts import parse
from tests.conftest import KEY
from tests.drafting.test_drafts import LONG, ROWS, table

AT = datetime(2026, 12, 1, tzinfo=UTC)
COLUMNS = {
    "Case": "report_number",
    "Received": "received_on",
    "Drug": "name",
    "Event": "reaction",
    "Serious": "severity",
}


def entry(**changes: Any) -> dict[str, Any]:
    return {"stream": "drug", "columns": COLUMNS} | changes


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / "layouts" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_drafted_and_checked_file_makes_ingest_read_the_table(engine: Engine, tmp_path: Path) -> None:
    path = table(tmp_path / "long.csv", LONG, ROWS, above=["Export of 2026-11-20"])
    assert detect(path) is None
    text = mapping_text(draft(path), path)
    write(tmp_path, "county", text.replace('#? "maybe" = ""', '"maybe" = "一般"'))
    own = read_own(tmp_path)
    account = intake.load_file(engine, path, tmp_path / "archive", KEY, AT, own=own)
    assert (account.format, account.stream) == ("county", "drug")
    assert (account.read, account.stored, account.quarantined, account.cases) == (4, 4, 0, 3)
    assert account.problems == ()
    again = intake.load_file(engine, path, tmp_path / "archive", KEY, AT, own=own)
    assert (again.stored, again.unchanged) == (0, 4)
    with store.reading(engine) as connection:
        versions = store.read(connection, select(case_version).order_by(case_version.c.case_number))
        products = store.read(connection, select(case_product).order_by(case_product.c.case_product_id))
        events = store.read(connection, select(case_event))
    assert versions["received_on"].tolist() == ["2026-11-12", "2026-11-15", "2026-11-10"]
    assert versions["onset_on"].tolist() == ["2026-11-03", "2026-10-13", "2026-11-01"]
    assert versions["serious"].tolist() == [1, 0, 0]
    assert versions["sex"].tolist() == ["female", "unknown", "male"]
    assert products[["name", "lot"]].to_numpy().tolist() == [
        ["Amoxicillin", "A1"],
        ["Ibuprofen", "B2"],
        ["Metformin", "M7"],
        ["Warfarin", ""],
        ["Aspirin", ""],
    ]
    assert sorted(events["event"]) == ["Haemorrhage", "Lactic acidosis", "Nausea", "Rash, papular"]


def test_a_product_among_several_that_changes_makes_a_new_version(engine: Engine, tmp_path: Path) -> None:
    headings = ["Case", "Received", "Drug", "Event"]
    own = (parse("county", entry(columns={name: COLUMNS[name] for name in headings}, split={"name": "+"})),)
    for number, drugs in enumerate(["A+B", "A+C", "A + C"]):
        path = table(tmp_path / f"{number}.csv", headings, [["1", "2026-11-03", drugs, "皮疹、头晕"]])
        account = intake.load_file(engine, path, tmp_path / "archive", KEY, AT, own=own)
        assert (account.read, account.stored) == (1, [1, 1, 0][number])


def test_pieces_go_together_where_their_numbers_agree(tmp_path: Path) -> None:
    columns = {**COLUMNS, "Lot": "lot", "Maker": "maker"}
    layout = parse("county", entry(columns=columns, split={"name": ";", "lot": ";", "maker": ";"}))
    rows = [["1", "2026-11-03", "A；B", "x", "", "L1;L2", "M1;M2;M3"], ["2", "2026-11-04", "C", "y", "", "L3;L4", ""]]
    path = table(tmp_path / "a.csv", list(columns), rows)
    (extract,) = open_source(path, own=[layout]).batches()
    names = ["row", "name", "lot", "maker"]
    # Three makers of two products: nobody can say whose they are, so all stand beside each.
    assert extract.fields[names].to_numpy().tolist() == [
        [2, "A", "L1", "M1;M2;M3"],
        [2, "B", "L2", "M1;M2;M3"],
        [3, "C", "L3;L4", ""],
    ]
    assert extract.raw["Drug"].tolist() == ["A；B", "A；B", "C"]


def test_a_shipped_layout_that_fits_wins_and_one_that_lacks_a_column_does_not(tmp_path: Path) -> None:
    shipped = next(layout for layout in layouts() if layout.name == "drug_national")
    headings = [column.name for column in shipped.columns]
    assert detect(table(tmp_path / "a.csv", headings), [parse("county", entry())]).name == "drug_national"  # type: ignore[union-attr]
    fewer = [name for name in headings if name != "国家中心接收时间"]
    columns = dict.fromkeys(fewer, "") | {
        "报告表编码": "report_number",
        "报告日期": "received_on",
        "通用名称": "name",
        "不良反应名称": "reaction",
    }
    own = parse("county", entry(columns=columns))
    path = table(tmp_path / "b.csv", fewer)
    found = detect(path, [own])
    assert found is not None
    assert found.name == "county"


WRONG = [
    ({"streams": "drug"}, "key: “streams” is not known. Write one of: “stream”"),
    ({"stream": "faers"}, "stream: “faers” is not known"),
    ({"columns": {}}, r"\[columns\] is missing"),
    ({"columns": COLUMNS | {"Day": "recieved_on"}}, "“Day”: “recieved_on” is not known. Write one of: “received_on”"),
    ({"columns": COLUMNS | {"Day": "received_on"}}, "the field “received_on” is filled by two columns"),
    ({"columns": COLUMNS | {"c ase": "", "Case ": ""}}, "stands twice"),
    ({"columns": {"Case": "report_number", "Drug": "name"}}, "no column fills “received_on” .接收日期"),
    ({"columns": {**COLUMNS, "Event": ""}}, "no column tells what happened. Fill one of: reaction"),
    ({"columns": COLUMNS | {"x": "failure"}}, "“failure” is not known"),
    (
        {"dates": {"received_on": "dd/mm/yyyy"}},
        r"\[dates\] received_on: “dd/mm/yyyy” is not known. Write one of: .*“day/month/year”",
    ),
    ({"dates": {"onset_on": "excel"}}, r"\[dates\]: “onset_on” is not known. Write one of: “received_on”"),
    ({"split": {"severity": ";"}}, r"\[split\]: “severity” is not known"),
    ({"split": {"name": "and"}}, "write the sign between two entries"),
    (
        {"values": {"severity": {"Y": "serious"}}},
        r"\[values.severity\] “Y”: “serious” is not known.*严重",
    ),
    ({"values": {"name": {}}}, r"\[values\]: “name” is not known"),
    ({"values": {"severity": "x"}}, "must be a section"),
    ({"required": "Case"}, "must be a list"),
    ({"required": ["Sex"]}, "required: “Sex” is not known"),
    ({"roles": ["first"]}, "roles: “first” is not known"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_a_wrong_file_is_refused_with_file_key_and_fix(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ReferenceDataError, match=f"^layouts/county.toml: .*{message}"):
        parse("county", entry(**changes))


def test_files_that_cannot_be_read_shadow_or_collide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReferenceDataError, match="stream is missing"):
        parse("county", {"columns": COLUMNS})
    with pytest.raises(ReferenceDataError, match="a layout of this name comes with pvwatch"):
        parse("drug_national", entry())
    shipped = next(layout for layout in layouts() if layout.name == "abuse_list")
    same = {column.name: column.field for column in shipped.columns}
    with pytest.raises(ReferenceDataError, match="read as abuse_list already"):
        parse("county", {"stream": "abuse", "columns": same})
    text = 'stream = "drug"\n[columns]\n' + "".join(f'"{name}" = "{field}"\n' for name, field in COLUMNS.items())
    write(tmp_path, "one", text)
    assert [layout.name for layout in read_own(tmp_path)] == ["one"]
    other = write(tmp_path, "two", text)
    with pytest.raises(ReferenceDataError, match=r"two.toml: .* same columns as one.toml"):
        read_own(tmp_path)
    other.write_text("stream = drug", encoding="utf-8")
    with pytest.raises(ReferenceDataError, match=r"two.toml cannot be read: .*line 1"):
        read_own(tmp_path)
    other.write_bytes('# 本县的表\nstream = "drug"'.encode("gb18030"))
    with pytest.raises(ReferenceDataError, match="not UTF-8"):
        read_own(tmp_path)
    assert read_own(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    "layout",
    [one for one in layouts() if not streams()[one.stream].foreign and one.stream != "aefi"],
    ids=lambda one: one.name,
)
def test_the_draft_of_a_shipped_layout_is_a_file_that_would_only_shadow_it(layout: Any, tmp_path: Path) -> None:
    import tomllib

    headings: Sequence[str] = [column.name.removesuffix(".1") for column in layout.columns]
    path = table(tmp_path / "a.csv", headings)
    written = tomllib.loads(mapping_text(draft(path), path))
    with pytest.raises(ReferenceDataError, match=f"read as {layout.name} already"):
        parse("county", written)


def test_days_are_read_in_their_form_or_the_usual_one() -> None:
    assert read_day("03/11/2026", "month/day/year") == "2026-03-11"
    assert read_day("31/11/2026", "day/month/year") == "31/11/2026"
    assert read_day("3-nov-2026", "day-mon-year") == "2026-11-03"
    # 1 January 1900 was day 1, and the calendar has a day too many: 46329 is 3 November 2026.
    assert read_day("46329", "excel") == (pd.Timestamp("1899-12-30") + pd.Timedelta(days=46329)).date().isoformat()
    assert read_day("", "excel") == ""


def test_a_csv_dialect_makes_no_difference(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", encoding="gb18030", newline="") as handle:
        csv.writer(handle, delimiter=";").writerows([list(COLUMNS), ["1", "2026-11-03", "甲", "皮疹", "严重"]])
    found = detect(path, [parse("county", entry())])
    assert found is not None
    assert found.name == "county"


def _states(engine: Engine) -> list[str]:
    with store.reading(engine) as connection:
        return quarantine.entries(connection, "9999")["state"].tolist()


def test_rows_of_an_own_layout_are_replayed_by_the_mapping_file_of_today(engine: Engine, tmp_path: Path) -> None:
    """Role “W” is not understood at first; the cells of row 2 hold two products, whose role both of them have."""
    headings = ["Case", "Received", "Drug", "Event", "Role"]
    columns = {name: COLUMNS[name] for name in headings[:4]} | {"Role": "role"}
    rows = [["1", "2026-11-03", "A+B", "皮疹", "W"], ["1", "2026-11-03", "C", "皮疹", "W"], ["2", "", "D", "头晕", "W"]]
    before = parse("county", entry(columns=columns, split={"name": "+"}))
    path = table(tmp_path / "a.csv", headings, rows)
    account = intake.load_file(engine, path, tmp_path / "archive", KEY, AT, own=[before])
    assert (account.read, account.quarantined, account.entries) == (3, 3, 2)

    def replayed(own: Sequence[Any]) -> intake.Replayed:
        return intake.replay(engine, tmp_path / "archive", KEY, AT + timedelta(days=1), own=own)

    gone = replayed([])
    assert (gone.accounts, gone.left["quarantine_id"].tolist()) == ((), [1, 2])
    other = replayed([parse("county", entry(columns=columns | {"Role": "", "Place": "role"}, required=["Place"]))])
    assert (other.accounts, len(other.left)) == ((), 2)  # the rows lack a column that is required now
    mended = parse("county", entry(columns=columns, split={"name": "+"}, values={"role": {"W": "怀疑"}}))
    (account,) = replayed([mended]).accounts
    assert (account.read, account.stored, account.quarantined, account.cleared) == (3, 2, 1, 1)
    assert _states(engine) == ["replayed", "waiting"]
    with store.reading(engine) as connection:
        products = store.read(connection, select(case_product).order_by(case_product.c.case_product_id))
    assert products["name"].tolist() == ["A", "B", "C"]
    # What was stored is what the file itself says by now.
    again = intake.load_file(engine, path, tmp_path / "archive", KEY, AT + timedelta(days=2), own=[mended])
    assert (again.read, again.stored, again.unchanged, again.quarantined) == (3, 0, 2, 1)


def test_an_own_layout_has_no_name_of_ours() -> None:
    for name in ("faers", "openfda_drug", "official", "e2b_r3"):
        with pytest.raises(ReferenceDataError, match="a layout of this name comes with pvwatch"):
            parse(name, entry())
