"""Exports in the exact layouts of the national systems, and small CSV tables; the same bytes for the same rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import xlsxwriter

from pv import reference
from pv.demo.cells import Row
from pv.week import Week

FILE_NAMES = {"drug": "drug.xlsx", "device": "device.csv", "cosmetic": "cosmetic.csv"}
SHEET = "药品不良反应报告"
# Rows before the first report, as a spreadsheet counts them: title and heading, or heading.
ROWS_BEFORE = {"drug": 2, "device": 1, "cosmetic": 1}
_TITLE = "药品不良反应/事件报告表"
BEYOND = "+"  # a cell to the right of the last heading
# Where the national system breaks a line inside a heading.
_BREAK_AFTER = ("报告类型-", "不良反应", "报告单位", "国家中心", "用药", "停药减药后反应")
_ENCODING = {"device": "gb18030", "cosmetic": "utf-8-sig"}


@dataclass(frozen=True)
class Layout:
    """`columns` as the rows name them (repeated headings carry `.1`), `personal` among them."""

    columns: tuple[str, ...]
    personal: tuple[str, ...]

    @property
    def headings(self) -> list[str]:
        """As exported: repeated headings are the same text."""
        return [re.sub(r"\.\d+$", "", column) for column in self.columns]


def layout(stream: str) -> Layout:
    rows = reference.shipped_csv(f"layouts/{stream}_national")
    return Layout(
        tuple(row["column"] for row in rows),
        tuple(row["column"] for row in rows if row["personal"] == "yes"),
    )


def write_export(folder: Path, stream: str, week: Week, rows: Sequence[Row]) -> str:
    """Write one week's export of a stream; returns its path below the demo's folder."""
    path = folder / "exports" / str(week) / FILE_NAMES[stream]
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = layout(stream)
    if stream == "drug":
        _write_xlsx(path, week, columns, rows)
    else:
        body = [_cells(row, columns.columns) for row in rows]
        path.write_bytes(csv_bytes(columns.headings, body, _ENCODING[stream]))
    return path.relative_to(folder).as_posix()


def _cells(row: Row, columns: Sequence[str]) -> list[str]:
    cells = [row.get(column, "") for column in columns]
    return [*cells, row[BEYOND]] if BEYOND in row else cells


def heading_with_break(heading: str) -> str:
    """`报告类型-⏎新的`: a line break after the first words, in some headings."""
    for words in _BREAK_AFTER:
        if heading.startswith(words) and len(heading) > len(words):
            return f"{words}\n{heading[len(words) :]}"
    return heading


def _write_xlsx(path: Path, week: Week, columns: Layout, rows: Sequence[Row]) -> None:
    # The date of creation is that of the export, not of this run.
    made = datetime.combine(week.end + timedelta(days=2), datetime.min.time())
    book = xlsxwriter.Workbook(path, {"in_memory": True})
    book.set_properties({"title": _TITLE, "created": made})
    bold = book.add_format({"bold": True, "align": "center"})
    wrapped = book.add_format({"bold": True, "text_wrap": True, "align": "center", "border": 1})
    sheet = book.add_worksheet(SHEET)
    sheet.merge_range(0, 0, 0, 11, f"{_TITLE}（{week.start:%Y-%m-%d}至{week.last_day:%Y-%m-%d}接收）", bold)
    for number, heading in enumerate(columns.headings):
        sheet.write_string(1, number, heading_with_break(heading), wrapped)
    sheet.set_row(1, 32)
    sheet.set_column(0, len(columns.columns) - 1, 14)
    sheet.freeze_panes(2, 1)
    where = {column: number for number, column in enumerate(columns.columns)}
    for line, row in enumerate(rows, start=ROWS_BEFORE["drug"]):
        for column, value in row.items():
            if value:
                sheet.write_string(line, where[column], value)
    book.close()


def csv_bytes(headings: Sequence[str], rows: Sequence[Sequence[object]], encoding: str = "utf-8") -> bytes:
    """Comma-separated, quoted where needed, lines ended as on Windows."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """A reference table: UTF-8, one line a record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(csv_bytes(columns, [[row[column] for column in columns] for row in rows]))
