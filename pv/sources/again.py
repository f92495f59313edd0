"""Rows that were kept as they were exported, read once more: by today's layouts, without their file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pv.sources import e2b_r2, e2b_r3
from pv.sources.extract import MARKS, Extract
from pv.sources.grids import Block, Grid
from pv.sources.layouts import Layout, layouts
from pv.sources.whole_reports import Table, table_frame


@dataclass(frozen=True)
class KeptRows:
    """Rows of one report: the headings they stood under, their cells, places and what only their reader could tell."""

    columns: Sequence[str]
    data: Sequence[Sequence[str]]
    sheets: Sequence[str]
    rows: Sequence[int]
    marks: Mapping[str, Sequence[Any]]


def layout_of(name: str) -> Layout | None:
    """The layout of a format whose rows can be read again from their cells alone; None for linked sets of tables."""
    messages = (e2b_r3.DIALECT.layout, e2b_r2.DIALECT.layout)
    return next((layout for layout in (*layouts(), *messages) if layout.name == name), None)


def is_message(layout: Layout) -> bool:
    """Whether its rows come from messages, not from a table that people could correct."""
    return not layout.detect


def read_again(layout: Layout, kept: Sequence[KeptRows]) -> Extract:
    """Rows of the same headings as a batch; the rows of each report stay together."""
    (columns,) = {tuple(one.columns) for one in kept}
    raw = pd.DataFrame([row for one in kept for row in one.data], columns=list(columns), dtype="str")
    numbers = np.array([number for one in kept for number in one.rows], dtype=np.int64)
    sheets = [sheet for one in kept for sheet in one.sheets]
    fields = _message(layout, raw) if is_message(layout) else _table(layout, raw, numbers)
    fields = fields.assign(row=numbers, sheet=pd.Series(sheets, dtype="str"))
    for mark in MARKS:
        if any(mark in one.marks for one in kept):
            fields[mark] = [value for one in kept for value in one.marks.get(mark, [_NONE[mark]] * len(one.rows))]
    return Extract(layout, fields, raw)


_NONE: Mapping[str, Any] = {"ragged": False, "garbled": False, "fault": "", "standing": ""}


def _message(layout: Layout, raw: pd.DataFrame) -> pd.DataFrame:
    """The columns of the layout but the message itself."""
    named = {column.name: column.field for column in layout.columns if column.field}
    return raw[[name for name in named if name in raw]].rename(columns=named).assign(ragged=False)


def _table(layout: Layout, raw: pd.DataFrame, numbers: np.ndarray) -> pd.DataFrame:
    cells = {place: pa.array(raw.iloc[:, place], pa.large_string()) for place in range(raw.shape[1])}
    block = Block(cells, numbers, np.zeros(len(raw), dtype=bool))
    table = Table(Grid("", [], lambda _row, _only: iter([block])), layout, 0, list(raw.columns))
    return pd.concat([*table_frame(table)], ignore_index=True)
