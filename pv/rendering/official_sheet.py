"""The sheet 官方数填报: a form (`official`) of months × areas, our figures beside those of the official systems."""

from __future__ import annotations

import math

import pandas as pd

from pv.appraisal import Appraisal
from pv.rendering.columns import STREAM, Column, Table
from pv.rendering.hospital_columns import OFFICIAL
from pv.rendering.workbook import Book
from pv.sources.forms import form

SHEET = "官方数填报"
_FORM = form("official")


def _entry(name: str, width: int, codes: str = "") -> Column:
    """A column by whose heading the form is known again."""
    zh, en = _FORM.heading(name, "zh"), _FORM.heading(name, "en")
    return Column(name, zh, en, "code" if codes else "text", codes, width)


_VALUE = Column("value", _FORM.heading("value", "zh"), _FORM.heading("value", "en"), "count", width=10)
_COLUMNS = (
    _entry("stream", STREAM.width, STREAM.codes),
    _entry("area", 12),
    Column("name", "地区名称", "Name of the area", width=18),
    _entry("hospital", 14),
    _entry("period", 10),
    _entry("basis", 14, "counting_basis"),
    Column("ours", "本系统数", "Ours", "count", width=10),
    _VALUE,
    _entry("source", 30),
)


def disagreeing(appraisal: Appraisal) -> Table:
    """Official figures that are not ours."""
    return Table.of(appraisal.official[appraisal.official["difference"] != 0], OFFICIAL)


def official_form(appraisal: Appraisal) -> Table:
    """A row a stream, month of receipt and area, with our official count; figures entered before stand there."""
    rows = appraisal.months[appraisal.months["scope"].isin(["whole", "district"])]
    rows = rows.rename(columns={"month": "period", "official": "ours"}).assign(hospital="", basis="received")
    known = appraisal.official[["stream", "area", "hospital", "period", "basis", "official", "source"]]
    filled = rows.merge(known, on=["stream", "area", "hospital", "period", "basis"], how="left")
    filled = filled.assign(value=filled["official"].astype("float64"), source=filled["source"].fillna("").astype("str"))
    return Table.of(pd.DataFrame(filled), _COLUMNS)


def put_official_form(book: Book, table: Table) -> None:
    """What is known, then coloured cells for people."""
    sheet = book.table_sheet(SHEET, table, frozen=6, form=True)
    style, number = book.style(entry=True), book.style(entry=True, number="#,##0")
    for row, cells in enumerate(table.rows, start=1):
        known = dict(zip((column.name for column in table.columns), cells, strict=True))
        for name in ("area", "hospital", "source"):  # what is not known is blank here, since it is read back
            if not known[name]:
                sheet.write_blank(row, table.place(name), None, style)
        if math.isnan(known["value"]):
            sheet.write_blank(row, table.place("value"), None, number)
        else:
            sheet.write_number(row, table.place("value"), known["value"], number)
