"""Rows that were kept as they were exported, read once more: by today's layouts, without their file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pv.sources import caers, e2b_r2, e2b_r3, faers, foreign, forms, maude, openfda, vaers
from pv.sources.extract import MARKS, Extract
from pv.sources.grids import Block, Grid
from pv.sources.layouts import Layout, layouts
from pv.sources.linked import Rows
from pv.sources.refusal import FileRefused
from pv.sources.whole_reports import Table, table_frames

_PUBLIC: Mapping[str, foreign.Translate] = {
    "faers": faers.translate,
    "vaers": vaers.translate,
    "maude": maude.translate,
    "openfda_drug": openfda.translate_drug,
    "openfda_device": openfda.translate_device,
    "caers": caers.translate,
}
_BESIDE = {"faers": faers.BESIDE, "maude": maude.BESIDE}  # what their reader says of a kept row besides its cells
_NUMBERS = ("caseid", "primaryid", "isr", "vaers_id", "mdr_report_key")  # of a record that belongs to no report


@dataclass(frozen=True)
class KeptRows:
    """Rows of one report: the headings they stood under, their cells, places and what only their reader could tell."""

    columns: Sequence[str]
    data: Sequence[Sequence[str]]
    sheets: Sequence[str]
    rows: Sequence[int]
    marks: Mapping[str, Sequence[Any]]

    def once(self) -> KeptRows:
        """Rows of a table, each once: one with several products in a cell was kept once for each of them."""
        places = list(zip(self.sheets, self.rows, map(tuple, self.data), strict=True))
        first = [number for number, place in enumerate(places) if place not in places[:number]]
        return replace(
            self,
            data=[self.data[number] for number in first],
            sheets=[self.sheets[number] for number in first],
            rows=[self.rows[number] for number in first],
            marks={name: [values[number] for number in first] for name, values in self.marks.items()},
        )

    def with_column(self, name: str, text: str) -> KeptRows:
        """With a column of one text, in the place of the one that has the name."""
        there = [place for place, column in enumerate(self.columns) if column != name]
        data = [[*(row[place] for place in there), text] for row in self.data]
        return replace(self, columns=[*(self.columns[place] for place in there), name], data=data)


def shipped() -> Iterator[Layout]:
    """The layouts of all formats that come with pvwatch and whose rows can wait in the quarantine."""
    yield from (*layouts(), e2b_r3.DIALECT.layout, e2b_r2.DIALECT.layout, *forms.forms())
    yield from map(foreign.layout, _PUBLIC)


def layout_of(name: str, own: Sequence[Layout] = ()) -> Layout | None:
    """The layout of a format; None where there is none of this name any more. `own`: those of the centre."""
    return next((layout for layout in (*shipped(), *own) if layout.name == name), None)


def is_message(layout: Layout) -> bool:
    """Whether its rows come from messages."""
    return not layout.detect


def is_table(layout: Layout) -> bool:
    """Whether people could correct its rows in a table; messages and public databases are their sender's to mend."""
    return not is_message(layout) and layout.name not in _PUBLIC


def read_again(layout: Layout, kept: Sequence[KeptRows]) -> Extract:
    """Rows of the same headings as a batch; the rows of each report stay together.

    Raises FileRefused where they lack what the layout needs: it has changed, or their reader kept less in its time.
    """
    (columns,) = {tuple(one.columns) for one in kept}
    raw = pd.DataFrame([row for one in kept for row in one.data], columns=list(columns), dtype="str")
    numbers = np.array([number for one in kept for number in one.rows], dtype=np.int64)
    sheets = pd.Series([sheet for one in kept for sheet in one.sheets], dtype="str")
    marks: dict[str, list[Any]] = {
        mark: [value for one in kept for value in one.marks.get(mark, [_NONE[mark]] * len(one.rows))]
        for mark in MARKS
        if any(mark in one.marks for one in kept)
    }
    if layout.name in _PUBLIC:
        fields = _public(layout, raw, foreign.STRAY in marks.get("standing", ()))
    elif is_message(layout):
        fields = _message(layout, raw)
    else:
        fields, raw = _table(layout, raw)
    place = fields["row"].to_numpy()
    beside = {mark: [values[number] for number in place] for mark, values in marks.items()}
    return Extract(layout, fields.assign(row=numbers[place], sheet=sheets.take(place).array, **beside), raw)


_NONE: Mapping[str, Any] = {"ragged": False, "garbled": False, "fault": "", "standing": ""}


def _message(layout: Layout, raw: pd.DataFrame) -> pd.DataFrame:
    """The columns of the layout but the message itself."""
    named = {column.name: column.field for column in layout.columns if column.field}
    fields = raw[[name for name in named if name in raw]].rename(columns=named)
    return fields.assign(ragged=False, row=np.arange(len(raw)))


def _public(layout: Layout, raw: pd.DataFrame, stray: bool) -> pd.DataFrame:
    """Whole rows of a public database hold all tables that are linked; a stray one is known by its number alone."""
    places = np.arange(len(raw))
    cells = pa.table({name: pa.array(raw[name], pa.string()) for name in raw})
    rows = Rows(cells, pa.repeat("", len(raw)), places, np.zeros(len(raw), dtype=bool), stray)
    if stray:
        return foreign.extract_strays(layout, rows, _NUMBERS).fields
    lacking = [name for name in _BESIDE.get(layout.name, ()) if name not in raw]
    if lacking:
        raise FileRefused("column_missing", sheet="", row=0, column="、".join(lacking))
    return foreign.extract(layout, rows, _PUBLIC[layout.name]).fields


def _table(layout: Layout, raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    cells = {place: pa.array(raw.iloc[:, place], pa.large_string()) for place in range(raw.shape[1])}
    block = Block(cells, np.arange(len(raw)), np.zeros(len(raw), dtype=bool))
    table = Table(Grid("", [], lambda _row, _only: iter([block])), layout, 0, list(raw.columns))
    ((fields, written),) = table_frames(table)
    return fields, written
