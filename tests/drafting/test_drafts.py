"""Drafts of mapping files: those of the shipped layouts give back their fields; other tables are read as they mean."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from pv.demo import write_city
from pv.drafting import draft, mapping_text
from pv.drafting.drafts import folded
from pv.drafting.profile import heading_row, profile
from pv.reference import ReferenceDataError, streams
from pv.sources.layouts import Layout, layouts, normalise_heading
from pv.sources.own_layouts import NEEDED, fields, fields_of, parse
from pv.text import code_list

OWN = [layout for layout in layouts() if not streams()[layout.stream].foreign]
LONG = ["Case ID", "Suspect Drug", "Batch No", "Reaction", "Serious?", "Onset date", "Report received date", "Sex"]
ROWS = [
    ["C-1", "Amoxicillin; Ibuprofen", "A1; B2", "Rash, papular; Nausea", "Y", "03/11/2026", "12/11/2026", "F"],
    ["C-2", "Metformin", "M7", "Lactic acidosis", "N", "13/10/2026", "15/11/2026", "U"],
    ["C-3", "Warfarin", "", "Haemorrhage", "maybe", "01/11/2026", "10/11/2026", "M"],
    ["C-3", "Aspirin", "", "Haemorrhage", "maybe", "01/11/2026", "10/11/2026", "M"],
]


def table(path: Path, headings: Sequence[str], rows: Sequence[Sequence[str]] = (), above: Sequence[str] = ()) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([*([above] if above else []), headings, *rows])
    return path


def agreement(layout: Layout, path: Path, stream: str = "") -> float:
    """Share of the layout's columns in the file that the draft maps to the same field."""
    found = {normalise_heading(one.heading): one.field for one in draft(path, stream).guesses if one.confidence >= 0.6}
    columns = [column for column in layout.columns if column.field and normalise_heading(column.name) in found]
    assert len(columns) >= len({column.field for column in layout.columns if column.required})
    return sum(found[normalise_heading(column.name)] == column.field for column in columns) / len(columns)


@pytest.mark.parametrize("layout", OWN, ids=lambda layout: layout.name)
def test_the_headings_of_a_shipped_layout_give_back_its_fields(layout: Layout, tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [column.name.removesuffix(".1").removesuffix(".2") for column in layout.columns])
    found = draft(path)
    assert (found.stream, found.known, found.missing) == (layout.stream, layout.name, ())
    assert agreement(layout, path) >= 0.95


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    write_city(folder, seed=1, weeks=4, hospitals=8, reports_per_week=20)
    return folder / "exports"


@pytest.mark.parametrize("stream", ["drug", "device", "cosmetic"])
def test_the_exports_of_the_demo_city_give_back_their_fields(exports: Path, stream: str) -> None:
    layout = next(layout for layout in OWN if layout.name == f"{stream}_national")
    path = next(path for path in sorted(exports.rglob(f"{stream}*")))
    assert agreement(layout, path) >= 0.95
    assert draft(path).split == {}


def test_a_foreign_long_table_is_drafted_with_days_codes_and_several_entries_in_a_cell(tmp_path: Path) -> None:
    found = draft(table(tmp_path / "long.csv", LONG, ROWS, above=["Export of 2026-11-20"]))
    fields_told = ["report_number", "name", "lot", "reaction", "severity", "onset_on", "received_on", "sex"]
    assert [one.field for one in found.guesses] == fields_told
    assert (found.stream, found.known, found.missing) == ("drug", "", ())
    # 12/11 and 10/11 alone would not tell; 15/11 does, and 13/10 in the other column.
    assert found.dates == {"onset_on": "day/month/year", "received_on": "day/month/year"}
    assert found.split == {"name": ";", "lot": ";", "reaction": ";"}
    assert found.values == {"severity": {"maybe": "", "Y": "严重", "N": "一般"}, "sex": {"U": "不详"}}


@pytest.mark.parametrize(("terms", "sign"), [("Rash; Nausea", ";"), ("Hallucination, auditory", "?"), ("Rash", None)])
def test_commas_in_foreign_terms_are_left_to_the_user(tmp_path: Path, terms: str, sign: str | None) -> None:
    headings = ["Case ID", "Received", "Drug", "Reaction"]
    path = table(tmp_path / "a.csv", headings, [["C1", "2026-11-03", "A", terms]])
    found = draft(path)
    assert found.split.get("reaction") == sign
    assert tomllib.loads(mapping_text(found, path)).get("split", {}) == ({"reaction": ";"} if sign == ";" else {})


def test_what_is_doubtful_is_proposed_and_not_drafted(tmp_path: Path) -> None:
    rows = [["A7", "2026-11-03", "甲", "皮疹"], ["A8", "2026-11-04", "乙", "头晕"]]
    path = table(tmp_path / "a.csv", ["序", "登记", "药品名称", "不良反应"], rows)
    found = draft(path)
    assert [(one.field, one.confidence >= 0.6) for one in found.guesses[:2]] == [
        ("report_number", False),
        ("received_on", False),
    ]
    assert found.missing == ("report_number", "received_on")
    text = mapping_text(found, path)
    assert tomllib.loads(text)["columns"] == {"序": "", "登记": "", "药品名称": "name", "不良反应": "reaction"}
    assert '#? "登记" = "received_on"' in text
    with pytest.raises(ReferenceDataError, match="report_number"):
        parse("a", tomllib.loads(text))


def test_days_that_nobody_can_tell_are_left_to_the_user(tmp_path: Path) -> None:
    rows = [[f"C{n}", f"0{n}/0{n + 1}/2026", "甲", "皮疹"] for n in range(1, 5)]
    path = table(tmp_path / "a.csv", ["Case ID", "Received", "Drug", "Reaction"], rows)
    found = draft(path)
    assert found.dates == {"received_on": "?"}
    assert tomllib.loads(mapping_text(found, path))["dates"] == {}


def test_what_a_column_holds_speaks_against_its_heading(tmp_path: Path) -> None:
    rows = [["C1", "张三", "甲", "皮疹", "2026-11-03"], ["C2", "李四", "乙", "头晕", "2026-11-04"]]
    found = draft(table(tmp_path / "a.csv", ["Case ID", "Received", "Drug", "Reaction", "Received date"], rows))
    assert found.filled["received_on"].heading == "Received date"


def test_the_day_of_report_is_that_of_receipt_where_there_is_no_other(tmp_path: Path) -> None:
    rows = [["C1", "2026-11-03", "甲", "皮疹", "2026-11-05"]]
    headings = ["编号", "填报日期", "药品名称", "不良反应"]
    alone = draft(table(tmp_path / "a.csv", headings, [rows[0][:4]]))
    assert (alone.filled["received_on"].heading, alone.filled["received_on"].confidence) == ("填报日期", 0.7)
    both = draft(table(tmp_path / "b.csv", [*headings, "接收日期"], rows))
    assert (both.filled["reported_on"].heading, both.filled["received_on"].heading) == ("填报日期", "接收日期")


def test_a_sheet_among_others_is_found_and_the_stream_can_be_told(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("notes").write_row(0, 0, ["made by", "somebody"])
        sheet = book.add_worksheet("data")
        sheet.write_row(0, 0, ["Case ID", "Received", "Product", "Skin finding"])
        sheet.write_row(1, 0, ["C1", "2026-11-03", "Cream", "Erythema"])
    found = draft(path)
    assert (found.sheet, found.stream, found.missing) == ("data", "cosmetic", ())
    assert draft(path, "drug").missing == ("reaction",)
    with pytest.raises(ValueError, match="there is no stream faers of your own"):
        draft(path, "faers")


def test_numbers_of_spreadsheet_days_are_days() -> None:
    assert profile(["46329", "46330.5"]).day_form == "excel"
    assert profile(["3-Nov-2026", "14 December 2026"]).day_form == "day-mon-year"
    assert profile(["20261103", "2026年11月4日"]).day_form == "year-month-day"
    assert profile(["12", "abc"]).day_form == ""


def test_the_heading_is_the_first_wide_row_of_words() -> None:
    assert heading_row([["List of 2026", "", ""], ["a", "b", "c"], ["1", "2", "3"]]) == 1
    assert heading_row([["1", "2", "3"], ["4", "5", "6"]]) == 0
    assert heading_row([]) == 0


headings = st.lists(
    st.text(alphabet='Aa药"\\.[]=#\n ？é', min_size=1, max_size=6).filter(lambda text: normalise_heading(text) != ""),
    min_size=3,
    max_size=6,
    unique_by=normalise_heading,
)


@given(headings)
def test_any_headings_make_a_file_that_can_be_read(names: list[str]) -> None:
    from pv.drafting.drafts import Draft, Guess

    found = Draft("s", "drug", "", tuple(Guess(name, "", 0.0, "", profile([])) for name in names), ())
    assert list(tomllib.loads(mapping_text(found, Path("a\n.csv")))["columns"]) == names


def test_the_words_of_fields_are_each_of_one_field_and_every_code_is_ours() -> None:
    from pv.reference import shipped_toml

    claimed: dict[str, str] = {}
    for name, row in fields().items():
        for word in filter(None, row["headings"].split(";")):
            assert claimed.setdefault(folded(word), name) in {
                name,
                *("class", "device_category", "symptom", "reaction"),
            }
        assert row["kind"] in {"date", "number", "number_value", "text", "code", "personal"}
    for name, values in shipped_toml("drafting")["values"].items():
        assert set(values) <= set(code_list(name)), name
    for stream in ("drug", "device"):
        assert set(NEEDED) <= set(fields_of(stream))
    assert {column.field for layout in OWN for column in layout.columns if column.field} <= {
        field for layout in OWN for field in fields_of(layout.stream)
    }
