"""Workbooks as Excel 2007 and WPS read them: a sheet a table, Chinese headings with English beneath.

Text is written as text, whatever it looks like: never a formula, never a link. The same model gives the same bytes.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from pv.rendering import formats
from pv.rendering.columns import Column, Table
from pv.rendering.labels import is_share
from pv.rendering.language import Language, language

MOST_ROWS = 1_048_575  # below the heading, Excel 2007
_MOST_CHARACTERS = 32_767  # of a cell
_FIRST_DAY = "1900-03-01"  # before it Excel's calendar is wrong: such days are written as text
_MOST_LINES = 8  # of a row; what is longer can be read in the cell
_NOTHING = "无 None"
_WIDE = 20  # characters; wider columns hold running text
_PAGE_WIDTH = 260  # characters on an A4 page across before print gets too small
_NUMBER_FORMATS = {
    "count": "#,##0",
    "change": "+#,##0;-#,##0;0",
    "growth": "+0.0%;-0.0%;0.0%",
    "number": "#,##0.0",
    "ratio": "#,##0.00",
    "probability": "0.000",
    "percent": "0.0%",
    "population": "#,##0",
    "measure": "#,##0.0",
    "day": "yyyy-mm-dd",
    "text": "@",
}


class Book:
    """One workbook; use it as a context manager."""

    def __init__(self, path: Path, title: str, made: datetime, screen_titles: dict[str, str] | None = None) -> None:
        options = {
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "in_memory": True,
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._book.set_properties({"title": title, "created": made.replace(tzinfo=None), "author": "pvwatch"})
        self._title = title
        self._zh: Language = language("zh", screen_titles)
        self._en: Language = language("en")
        self._formats: dict[tuple[Any, ...], Format] = {}

    def __enter__(self) -> Book:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._book.close()

    def table_sheet(self, name: str, table: Table, *, frozen: int = 1, form: bool = False) -> Worksheet:
        """A sheet of one table: heading frozen and repeated in print, filter, the first columns frozen too.

        A table without rows says so, but for a form, which is read back.
        """
        sheet = self.empty_sheet(name)
        widths = self.put_table(sheet, 0, table)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        sheet.fit_to_pages(math.ceil(sum(widths) / _PAGE_WIDTH), 0)
        sheet.freeze_panes(1, frozen)
        sheet.repeat_rows(0)
        sheet.repeat_columns(0, frozen - 1)
        sheet.autofilter(0, 0, max(1, len(table)), len(table.columns) - 1)
        if not len(table) and not form:
            self.put_text(sheet, 1, 0, _NOTHING, italic=True, font_color="#595959")
        return sheet

    def empty_sheet(self, name: str) -> Worksheet:
        sheet = self._book.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
        sheet.set_header(f"&L{_plain(self._title)}&R{_plain(name)}")
        sheet.set_footer("&C&P / &N")
        return sheet

    def put_table(self, sheet: Worksheet, row: int, table: Table) -> list[int]:
        """Heading and rows from a row on; returns the width in characters that each column asks for."""
        texts = [
            [self._text(c, value) for c, value in zip(table.columns, values, strict=True)] for values in table.rows
        ]
        widths = [_width(column, [line[place] for line in texts]) for place, column in enumerate(table.columns)]
        headings = [f"{column.zh}\n{column.en}" for column in table.columns]
        sheet.set_row(row, _height(headings, widths))
        for place, (column, heading) in enumerate(zip(table.columns, headings, strict=True)):
            sheet.write_string(row, place, heading, self.style(heading=True, **_side(column)))
        lines = zip(table.rows[:MOST_ROWS], texts, strict=False)
        for offset, (values, line) in enumerate(lines, start=row + 1):
            wrapped = ["" if column.numeric else text for column, text in zip(table.columns, line, strict=True)]
            sheet.set_row(offset, _height(wrapped, widths))
            for place, (column, value) in enumerate(zip(table.columns, values, strict=True)):
                number = _number_format(column, table, values)
                self._put(sheet, offset, place, column, value, line[place], number)
        return widths

    def put_text(self, sheet: Worksheet, row: int, place: int, text: str, **style: Any) -> None:
        sheet.write_string(row, place, text[:_MOST_CHARACTERS], self.style(**style))

    def style(self, *, number: str = "", heading: bool = False, entry: bool = False, **extra: Any) -> Format:
        """A cell format, each made once."""
        key = (number, heading, entry, *extra.items())
        if key not in self._formats:
            wanted: dict[str, Any] = {"font_name": "微软雅黑", "font_size": 10, "valign": "top", **extra}
            if number:
                wanted["num_format"] = number
            if heading:
                wanted |= {"bold": True, "text_wrap": True, "bg_color": "#DCE6F1", "bottom": 1, "valign": "vcenter"}
            if entry:
                wanted |= {"bg_color": "#FFF8DC", "border": 1, "border_color": "#BFBFBF", "text_wrap": True}
            self._formats[key] = self._book.add_format(wanted)
        return self._formats[key]

    def _put(self, sheet: Worksheet, row: int, place: int, column: Column, value: Any, text: str, number: str) -> None:
        if formats.is_missing(value) or (column.numeric and math.isinf(value)):
            sheet.write_string(row, place, text, self.style(**_side(column)))
        elif column.kind == "day" and value >= _FIRST_DAY:
            style = self.style(number=number, align="left", indent=1)
            sheet.write_datetime(row, place, date.fromisoformat(value), style)
        elif column.numeric:
            sheet.write_number(row, place, value, self.style(number=number))
        else:
            sheet.write_string(row, place, text, self.style(number="@", text_wrap=True, align="left", indent=1))

    def _text(self, column: Column, value: Any) -> str:
        """A cell as people read it; a translated code stands in both languages."""
        if column.numeric:
            return formats.write(value, "ratio" if column.kind == "measure" else column.kind, "en")
        zh = self._zh.cell(column, value)
        if column.kind in {"code", "codes", "flag"}:
            en = self._en.cell(column, value)
            return zh if en == zh else f"{zh} {en}"
        return zh[:_MOST_CHARACTERS]


def _side(column: Column) -> dict[str, Any]:
    """Numbers stand on the right; words on the left, a little off the number before them."""
    return {"align": "right"} if column.numeric else {"align": "left", "indent": 1}


def _width(column: Column, texts: Sequence[str]) -> int:
    """The declared width; more where a word of the heading, a number (it would be shown as ###) or short words, such as
    translated codes, need it."""
    least = max(column.width, *(len(word) + 2 for word in column.en.split()))
    needed = max([least, *(_measure(text) + 2 for text in texts)])
    if column.numeric:
        return needed
    return least if column.width > _WIDE else min(_WIDE + 6, needed)


def _height(texts: Sequence[str], widths: Sequence[int]) -> float:
    """Points for a row, so that wrapped text is seen in every program: not all of them fit rows on opening."""
    lines = max(
        (
            sum(max(1, math.ceil(_measure(part) / (width - 1))) for part in text.split("\n"))
            for text, width in zip(texts, widths, strict=True)
        ),
        default=1,
    )
    return 4 + 14 * min(lines, _MOST_LINES)


def _measure(text: str) -> int:
    """Width in characters of the workbook's grid: a Chinese character takes two."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _number_format(column: Column, table: Table, values: tuple[Any, ...]) -> str:
    kind = column.kind
    if kind == "measure" and is_share(values[table.place("metric")]):
        kind = "percent"
    return _NUMBER_FORMATS.get(kind, "@")


def _plain(text: str) -> str:
    """Text for a page header, where & begins a command and 255 characters are the most."""
    return text.replace("&", "&&")[:200]
