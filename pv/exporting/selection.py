"""Which case versions of the store are handed on, and their products and events, a thousand cases at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import pandas as pd
from sqlalchemy import Connection, Table, select

from pv import store
from pv.schema import case_event, case_product, case_version
from pv.week import Week, instant_text

BATCH = 1_000  # versions; their rows take a few MB
Frames: TypeAlias = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class Wanted:
    """Cases of a stream as known at a moment.

    Of each case the version in force at the end of the week `last` (of all, where there is none), if it came into force
    in the week `first` or later: new reports, follow-ups and withdrawals, whenever the report was received. `numbers`:
    only these cases. `history`: every version that came into force in these weeks, oldest first.
    """

    stream: str
    as_of: datetime
    first: Week | None = None
    last: Week | None = None
    numbers: tuple[str, ...] = ()
    history: bool = False


def chosen(connection: Connection, wanted: Wanted) -> pd.DataFrame:
    """version_id and case_number of the versions wanted, by case and in the order in which they came into force.

    Raises ValueError where a number that is asked for is not in the store.
    """
    table = case_version.c
    known = select(table.version_id, table.case_number, table.effective_on, table.modified_on).where(
        table.stream == wanted.stream, table.recorded_at <= instant_text(wanted.as_of)
    )
    if wanted.numbers:
        known = known.where(store.among(connection, table.case_number, wanted.numbers))
    versions = store.read(connection, known)
    absent = sorted(set(wanted.numbers) - set(versions["case_number"]))
    if absent:
        raise ValueError(
            f"no case “{absent[0]}” of the stream {wanted.stream} was in the store then"
            + (f", nor {len(absent) - 1} more of those named" if absent[1:] else "")
            + ". Check the number, --stream and --as-of."
        )
    if wanted.last is not None:
        versions = versions[versions["effective_on"] < wanted.last.end.isoformat()]
    order = ["case_number", "effective_on", "modified_on", "version_id"]
    versions = versions.sort_values(order, kind="stable", ignore_index=True)
    if not wanted.history:
        versions = versions.drop_duplicates("case_number", keep="last", ignore_index=True)
    if wanted.first is not None:
        versions = versions[versions["effective_on"] >= wanted.first.start.isoformat()]
    return versions[["version_id", "case_number"]].reset_index(drop=True)


def batches(connection: Connection, versions: pd.DataFrame, size: int = BATCH) -> Iterator[Frames]:
    """Rows of `case_version`, in the order of `versions`, with those of `case_product` and `case_event`."""
    for start in range(0, len(versions), size):
        ids = versions["version_id"].iloc[start : start + size].tolist()
        found = _rows(connection, case_version, ids).set_index("version_id", drop=False).loc[ids]
        products, events = (_rows(connection, table, ids) for table in (case_product, case_event))
        yield found.reset_index(drop=True), products, events


def _rows(connection: Connection, table: Table, ids: list[int]) -> pd.DataFrame:
    wanted = select(table).where(table.c.version_id.in_(ids)).order_by(*table.primary_key.columns)
    return store.read(connection, wanted)
