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
        found = _find(open_grids(path))
    except (FileRefused, OSError):
        return None
    return None if found is None else found[1]


def read(path: Path) -> Extract:
    """Read a whole file. Raises FileRefused with the reason where it cannot be read as a known layout."""
    try:
        grids = open_grids(path)
    except OSError as error:
        raise FileRefused("unreadable", detail=error.strerror or str(error)) from None
    found = _find(grids)
    if found is None:
        raise FileRefused("unknown_layout")
    grid, layout, heading_row, headings = found
    positions = layout.positions(headings)
    missing = layout.missing(positions)
    if missing:
        raise FileRefused("column_missing", sheet=grid.sheet, row=heading_row + 1, column="、".join(missing))
    body = grid.body(heading_row)
    fields = pd.DataFrame({field: body[position] for field, position in positions.items()})
    fields["sheet"] = grid.sheet
    fields["row"] = body["row"]
    fields["ragged"] = body["ragged"]
    raw = body.iloc[:, : len(headings)].set_axis(headings, axis=1)
    return Extract(layout, fields, raw)


def _find(grids: list[Grid]) -> tuple[Grid, Layout, int, list[str]] | None:
    for grid in grids:
        found = recognise(grid.head)
        if found is not None:
            return (grid, *found)
    return None
