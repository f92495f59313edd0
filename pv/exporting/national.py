"""Case versions of the store → rows of the national export of their stream, which the intake reads back equal.

Columns of persons stay empty: the store has only keyed hashes of what stood in them. So do those that it does not keep
(doses, narratives, tests). What the layout has no place for at all is told per case.
"""

from __future__ import annotations

import csv
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from pv.codes import events
from pv.exporting.stored import age
from pv.exporting.unwritten import Unwritten
from pv.reference import streams
from pv.sources.icsr import codes
from pv.sources.layouts import Layout, layouts
from pv.text import code_list

STREAMS = ("drug", "device", "cosmetic")
JOIN = "；"
MAX_ROWS = 1_048_575  # of a sheet, below its heading
# What a mark of the store is called in the export.
_MARKS = {"deleted": "删除", "duplicate": "重复报告", "misreport": "是"}
_EVALUATED = {"drug": "已评价", "device": "审核通过", "cosmetic": "已评价"}
_COPIED = "case_number received_on reported_on onset_on discovered_on evaluated_on modified_on hospital area".split()
Record = Mapping[Hashable, Any]


def layout_of(stream: str) -> Layout:
    return next(layout for layout in layouts() if layout.name == f"{stream}_national")


def rows(
    versions: pd.DataFrame, products: pd.DataFrame, terms: pd.DataFrame, stream: str
) -> Iterator[list[list[str]] | Unwritten]:
    """Per version its rows in the columns of the layout, or why it cannot be written."""
    layout = layout_of(stream)
    place = {column.field: number for number, column in enumerate(layout.columns) if column.field}
    mine = {key: found.to_dict("records") for key, found in products.groupby("version_id", sort=False)}
    said = {key: found.to_dict("records") for key, found in terms.groupby("version_id", sort=False)}
    for version in versions.to_dict("records"):
        key = version["version_id"]
        listed = mine.get(key, [])
        report = _report(version, said.get(key, []), stream)
        why = _unsayable(version, listed, said.get(key, []), layout)
        if why is not None:
            yield why
        else:
            yield [_cells(report | _product(one), place, len(layout.columns)) for one in listed or [{}]]


def _cells(fields: Mapping[str, str], place: Mapping[str, int], width: int) -> list[str]:
    cells = [""] * width
    for field, value in fields.items():
        if field in place:
            cells[place[field]] = value
    return cells


def _report(version: Record, terms: Sequence[Record], stream: str) -> dict[str, str]:
    """What all rows of a report have in common, by field."""
    fields = {name: str(version[name]) for name in _COPIED}
    if not fields["modified_on"] and version["effective_on"] != version["received_on"]:
        fields["modified_on"] = str(version["effective_on"])  # the day from which it has been in force
    years, unit = age(version["age_years"])
    unit = str(codes("age_unit", "code", "text").get(unit, ""))
    split = any(column.field == "age_unit" for column in layout_of(stream).columns)
    number = fields.pop("case_number")
    return fields | {
        "report_number": number,
        "unique_id": number,
        "age": years if split else years + unit,
        "age_unit": unit,
        "sex": _written("sex", version["sex"]),
        "new": "新的" if version["new"] else "",
        "severity": "严重" if version["serious"] else "一般",
        "outcome": "死亡" if version["death"] else _written("outcome", version["outcome"]),
        "harm": "死亡" if version["death"] else "严重伤害" if version["serious"] else "其他",
        "evaluation": _EVALUATED[stream] if version["evaluated"] else "",
        version["left_out"]: _MARKS.get(version["left_out"], ""),
        **_terms(terms, stream),
    }


def _terms(terms: Sequence[Record], stream: str) -> dict[str, str]:
    """Field → its terms. A kind is filled from one field only: of the device layout not from the degree of harm."""
    fields = {kind: field for field, kind in reversed([*streams()[stream].event_fields.items()])}
    return {field: JOIN.join(term["event"] for term in terms if term["kind"] == kind) for kind, field in fields.items()}


def _product(row: Record) -> dict[str, str]:
    if not row:
        return {}
    names = ("name", "identifier", "maker", "model", "lot", "class", "udi", "used_from")
    device_class = {"1": "Ⅰ", "2": "Ⅱ", "3": "Ⅲ"}.get(str(row["risk_class"]), "")
    return {name: str(row[name]) for name in names} | {
        "role": _written("role", row["role"]),
        "device_class": device_class,
    }


@cache
def _first_written(name: str) -> dict[str, str]:
    """Code → the first of its wordings in the code list, which is that of the national system."""
    return {code: written for written, code in reversed(code_list(name).items())}


def _written(name: str, code: str) -> str:
    return _first_written(name).get(code, "")


def _unsayable(
    version: Record, products: Sequence[Record], terms: Sequence[Record], layout: Layout
) -> Unwritten | None:
    """Why a version could not be read back from this layout; None where it can."""
    number, mark = version["case_number"], version["left_out"]
    if mark and mark not in {column.field for column in layout.columns}:
        return Unwritten(number, "mark", mark)
    if layout.grain == "report" and len(products) > 1:
        return Unwritten(number, "products", str(len(products)))
    for field, text in _terms(terms, layout.stream).items():
        kind = streams()[layout.stream].event_fields[field]
        if events.terms(text) != tuple(term["event"] for term in terms if term["kind"] == kind):
            return Unwritten(number, "term", text)
    return None


def write_csv(path: Path, stream: str, lines: Iterable[Sequence[str]], encoding: str) -> None:
    """A comma-separated file with the headings as exported, lines ended as on Windows."""
    with path.open("w", encoding=encoding, newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(headings(stream))
        writer.writerows(lines)


def write_xlsx(path: Path, stream: str, lines: Iterable[Sequence[str]], made: datetime) -> None:
    """One sheet, cells of text, so that no number loses its zeros. Raises ValueError beyond what a sheet can hold."""
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"created": made.replace(tzinfo=None)})
        sheet = book.add_worksheet()
        for place, heading in enumerate(headings(stream)):
            sheet.write_string(0, place, heading)
        for number, line in enumerate(lines, start=1):
            if number > MAX_ROWS:
                raise ValueError(f"a sheet holds {MAX_ROWS} rows and there are more. Write CSV, or fewer weeks.")
            for place, cell in enumerate(line):
                if cell:
                    sheet.write_string(number, place, cell)


def headings(stream: str) -> list[str]:
    """As exported: a heading that repeats is the same text."""
    return [column.name.removesuffix(".1") for column in layout_of(stream).columns]
