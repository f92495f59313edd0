"""Quarantined reports that name what is asked for: their sealed rows are opened one by one, if the key is there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from pv import archive, quarantine
from pv.text import fold
from pv.tracing.question import Asked, folds


def search_waiting(
    connection: Connection, waiting: pd.DataFrame, asked: Sequence[Asked], key: str
) -> tuple[pd.DataFrame, int]:
    """Of the reports in quarantine those with a cell that is one of the texts asked; and how many stay unsearched.

    The whole of a cell must be the text (or one of several lots in it). Nothing of the rows themselves is given back.
    """
    if waiting.empty or not key:
        return waiting.iloc[:0], len(waiting)
    sealed = quarantine.raw_rows(connection, waiting["entry"].tolist())
    forms = {fold(text) for one in asked for text in (one.text, *one.wordings)} - {""}
    forms |= {form for one in asked if "lot" in one.kinds for form in folds(one.text, "lot")}
    found, unsearched = [], 0
    for place, row in enumerate(waiting.itertuples(index=False)):
        names = _names(sealed[int(str(row.entry))], forms, key)
        unsearched += names is None
        if names:
            found.append(place)
    return waiting.iloc[found].reset_index(drop=True), unsearched


def _names(sealed: str, forms: set[str], key: str) -> bool | None:
    """Whether a report names one of the texts; None where it cannot be opened."""
    try:
        raw = json.loads(archive.unseal(sealed, key))
    except (archive.ArchiveError, ValueError):
        return None
    return any(forms & set(folds(cell, "lot")) for cell in _cells(raw))


def _cells(raw: dict[str, Any]) -> Iterator[str]:
    for row in raw["data"]:
        yield from (str(cell) for cell in row if cell)
