"""Public databases of other countries: their layouts and wording, declared in `reference/foreign_layouts.toml`.

Each reader makes wide rows of text in the source's own columns (`raw`); `extract` names their fields as the national
layouts do, and the reader's `translate` puts the values into our wording. Beside the fields of the layouts stand

- `version`: tells apart versions of a case that were received on the same day;
- `standing`: "" for a record of the main table; "stray" for one that belongs to no report or that is ragged and stands
  beside its report; "retraction" for a case number that the source withdraws.

A row is counted by its `sheet` (table) and `row` (record): the product rows of a report share them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa

from pv import reference
from pv.sources.extract import Extract
from pv.sources.layouts import Layout, _columns, normalise_heading
from pv.sources.linked import JOIN, Rows
from pv.sources.refusal import FileRefused
from pv.text import iso_date, over_unique

STRAY = "stray"
RETRACTION = "retraction"
Translate = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]


@cache
def layout(name: str) -> Layout:
    """A layout of `foreign_layouts.toml`."""
    entry = reference.shipped_toml("foreign_layouts")[name]
    return Layout(name, entry["stream"], entry["grain"], tuple(entry["detect"]), _columns(name))


@cache
def wording(name: str, field: str) -> Mapping[str, str]:
    """What a source writes in a field → our wording."""
    values: Mapping[str, str] = reference.shipped_toml("foreign_layouts")[name]["values"][field]
    return values


def extract(layout: Layout, rows: Rows, translate: Translate) -> Extract:
    """Fields of a batch. `translate(raw, fields)` puts their values into our wording.

    Raises FileRefused where a required column is missing.
    """
    raw = rows.raw.to_pandas().astype("str")
    positions = layout.positions([normalise_heading(name) for name in raw.columns])
    missing = layout.missing(positions)
    if missing:
        raise FileRefused("column_missing", sheet=str(rows.sheet[0]), row=1, column="、".join(missing))
    fields = _blank(layout, raw.index)
    fields = fields.assign(**{field: raw.iloc[:, position] for field, position in positions.items()})
    return Extract(layout, _marked(translate(raw, fields), rows, ""), raw)


def extract_strays(layout: Layout, rows: Rows, numbers: Sequence[str]) -> Extract:
    """Records that belong to no report: only their number is known, by the first of the columns `numbers` they have."""
    raw = rows.raw.to_pandas().astype("str")
    known = {name.rpartition(".")[2]: name for name in raw.columns}
    number = next(known[name] for name in numbers if name in known)
    fields = _blank(layout, raw.index).assign(report_number=raw[number])
    return Extract(layout, _marked(fields, rows, STRAY), raw)


def extract_retractions(
    layout: Layout, sheet: str, row: Sequence[int], numbers: Sequence[str], wording: str
) -> Extract:
    """Case numbers that the source withdraws: `wording` is what stands in the field `deleted`."""
    raw = pd.DataFrame({layout.heading_of("deleted"): pd.Series(list(numbers), dtype="str")})
    rows = Rows(pa.table({}), pa.repeat(sheet, len(raw)), np.asarray(row), np.zeros(len(raw), bool))
    fields = _blank(layout, raw.index).assign(report_number=raw.iloc[:, 0], deleted=wording)
    return Extract(layout, _marked(fields, rows, RETRACTION), raw)


def _blank(layout: Layout, index: pd.Index) -> pd.DataFrame:
    """Every field of the layout, empty."""
    names = dict.fromkeys(column.field for column in layout.columns if column.field)
    return pd.DataFrame("", index=index, columns=list(names), dtype="str")


def _marked(fields: pd.DataFrame, rows: Rows, standing: str) -> pd.DataFrame:
    sheet = rows.sheet.to_pandas().to_numpy()
    marked = fields.assign(standing=standing, sheet=sheet, row=rows.row, ragged=rows.ragged)
    return marked.astype({"standing": "str", "sheet": "str", "row": "int64", "ragged": bool})


def translated(values: pd.Series[str], known: Mapping[str, str]) -> pd.Series[str]:
    """Each value in our wording; as written where it is not listed."""
    return over_unique(values, lambda text: known.get(text.strip(), text))


def worst(values: pd.Series[str], known: Mapping[str, str], order: Sequence[str], split: str) -> pd.Series[str]:
    """Of the codes in each text, the first of `order` that one of them means.

    As written, so that the checks report it, where an unknown code could be worse.
    """

    def one(text: str) -> str:
        codes = _codes(text, split)
        meant = {known.get(code, "") for code in codes}
        if order[0] not in meant and "" in meant:
            return text
        return next((wording for wording in order if wording in meant), "")

    return over_unique(values, one)


def any_of(values: pd.Series[str], known: Mapping[str, str], split: str) -> pd.Series[str]:
    """The wording of the first known code in each text; "" where there is none."""

    def one(text: str) -> str:
        return next((known[code] for code in _codes(text, split) if code in known), "")

    return over_unique(values, one)


def _codes(text: str, split: str) -> list[str]:
    return [code.strip() for code in re.split(split, text) if code.strip()]


def each(values: pd.Series[str], known: Mapping[str, str]) -> pd.Series[str]:
    """Joined codes as joined terms; a code that is not known stays."""
    return over_unique(values, lambda text: JOIN.join(known.get(code, code) for code in text.split(JOIN)))


def in_years(ages: pd.Series[str], units: pd.Series[str]) -> tuple[pd.Series[str], pd.Series[str]]:
    """Ages and units with decades made years; an age without a unit gets one that no check takes for years."""
    decades = units.eq("十年")
    numbers = pd.to_numeric(ages.where(decades, ""), errors="coerce")
    years = pd.Series([f"{number * 10:g}" for number in numbers], index=ages.index, dtype="str")
    ages = ages.where(numbers.isna(), years)
    units = units.where(~decades | numbers.isna(), "岁")
    return ages, units.where(ages.eq("") | units.ne(""), "?")


def age_and_unit(values: pd.Series[str]) -> tuple[pd.Series[str], pd.Series[str]]:
    """`67 YR` of the first patient → 67 and YR; an age of another form stays whole, so that the checks report it."""
    parts = first(values).str.strip().str.extract(r"^(?P<age>[\d.]+)\s*(?P<unit>[A-Za-z]+)$")
    matched = parts["age"].notna()
    age = parts["age"].where(matched, first(values)).astype("str")
    return age, parts["unit"].where(matched, "").astype("str")


_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(.*)")


def us_dates(values: pd.Series[str]) -> pd.Series[str]:
    """Month/day/year as year-month-day; as written where it is something else."""

    def one(text: str) -> str:
        match = _US_DATE.fullmatch(text.strip())
        return text if match is None else f"{match[3]}-{match[1]:0>2}-{match[2]:0>2}{match[4]}"

    return over_unique(values, one)


def earliest(values: pd.Series[str]) -> pd.Series[str]:
    """Of joined dates the earliest whole day; where none is whole, the first as written."""

    def one(text: str) -> str:
        if JOIN not in text:
            return text
        dates = text.split(JOIN)
        return min((date for date in dates if iso_date(date)), key=iso_date, default=dates[0])

    return over_unique(values, one)


def substances(values: pd.Series[str]) -> pd.Series[str]:
    """The substances of a combination, between which the FDA writes a backslash, joined."""
    return values.str.replace("\\", JOIN, regex=False)


def listed(values: pd.Series[str], separator: str) -> pd.Series[str]:
    """Texts that a source joins by `separator`, joined our way."""
    return over_unique(values, lambda text: JOIN.join(filter(None, map(str.strip, text.split(separator)))))


def first(values: pd.Series[str]) -> pd.Series[str]:
    """The first of joined texts."""
    return over_unique(values, lambda text: text.split(JOIN)[0])


def together(columns: Iterable[pd.Series[str]]) -> pd.Series[str]:
    """Texts of several columns joined, blanks left out."""
    lists = list(columns)
    texts = [JOIN.join(filter(None, cells)) for cells in zip(*lists, strict=True)]
    return pd.Series(texts, index=lists[0].index, dtype="str")


def column(raw: pd.DataFrame, name: str) -> pd.Series[str]:
    """A column without white space around its values; blank where the source has none."""
    return raw[name].str.strip() if name in raw else pd.Series("", index=raw.index, dtype="str")
