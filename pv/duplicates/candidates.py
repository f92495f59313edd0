"""Pairs worth comparing: the query `candidate_pairs`, run in the store or on a copy of its columns in DuckDB."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from pv import store
from pv.duplicates.comparisons import APART
from pv.duplicates.decisions import Pair, ordered
from pv.duplicates.model import Model
from pv.reference import streams

QUERY = "candidate_pairs"


def values(stream: str, first_version: int, model: Model) -> Mapping[str, object]:
    """What the query asks for."""
    roles = streams()[stream].roles
    return {
        "stream": stream,
        "first": first_version,
        "role": roles[0],
        "other_role": roles[-1],
        "largest": model.largest_block,
        "largest_day": model.largest_day,
        "apart": APART,
    }


def candidates(connection: Connection, stream: str, first_version: int, model: Model) -> list[Pair]:
    """The pairs of the versions from `first_version` on, in order."""
    found = connection.execute(text(store.query(QUERY)), values(stream, first_version, model))
    return sorted({ordered(str(one), str(other)) for one, other in found})
