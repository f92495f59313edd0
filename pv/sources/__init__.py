"""From a file of any format to columns of text: read(path) → tables of fields, with sheet and row number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pv.sources.grids import Grid, open_grids
from pv.sources.layouts import Layout, recognise
from pv.sources.refusal import FileRefused

__all__ = ["Extract", "FileRefused", "detect", "read"]


@dataclass(frozen=True)
class Extract:
    """What a file holds, as text.

    `fields`: one column per field of the layout that the file has, plus `sheet`, `row` and `ragged`.
    `raw`: every column as exported, in the same order of rows, for the quarantine.
    """

    layout: Layout
    fields: pd.DataFrame
    raw: pd.DataFrame


def detect(path: Path) -> Layout | None:
    """The layout of a file by its first rows; None where it is not recognised or cannot be read."""
    try:
        return _recognised(open_grids(path))[0].layout
    except (FileRefused, OSError):
        return None


def read(path: Path) -> Extract:
    """Read a whole file, every sheet of its layout. Raises FileRefused where it cannot be read as one layout."""
    try:
        grids = open_grids(path)
    except OSError as error:
        raise FileRefused("unreadable", detail=error.strerror or str(error)) from None
    extracts = [_extract(table) for table in _recognised(grids)]
    if len(extracts) == 1:
        return extracts[0]
    return Extract(
        extracts[0].layout,
        pd.concat([extract.fields for extract in extracts], ignore_index=True),
        pd.concat([extract.raw for extract in extracts], ignore_index=True).fillna(""),
    )


@dataclass(frozen=True)
class _Table:
    """A sheet whose heading has been recognised."""

    grid: Grid
    layout: Layout
    heading_row: int
    headings: list[str]


def _recognised(grids: list[Grid]) -> list[_Table]:
    """The sheets that hold a known layout; other sheets (explanations, code lists) are passed over."""
    found = [(grid, recognise(grid.head)) for grid in grids]
    tables = [_Table(grid, *match) for grid, match in found if match is not None]
    if not tables:
        raise FileRefused("unknown_layout")
    if len({table.layout.name for table in tables}) > 1:
        raise FileRefused("two_layouts", sheets="、".join(table.grid.sheet for table in tables))
    return tables


def _extract(table: _Table) -> Extract:
    grid, layout = table.grid, table.layout
    positions = layout.positions(table.headings)
    missing = layout.missing(positions)
    if missing:
        raise FileRefused(
            "column_missing", sheet=grid.sheet or "–", row=table.heading_row + 1, column="、".join(missing)
        )
    body = grid.body(table.heading_row)
    fields = pd.DataFrame({field: body[position] for field, position in positions.items()})
    fields["sheet"] = grid.sheet
    fields["row"] = body["row"]
    fields["ragged"] = body["ragged"]
    raw = body.iloc[:, : len(table.headings)].set_axis(table.headings, axis=1)
    return Extract(layout, fields, raw)
