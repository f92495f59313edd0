"""Duplicates found without doubt: the same patient, the same day of onset, a product in common.

Two reports of different numbers are one event when patient (name, birth date or age, sex), onset and at least one
counted product (default level) are equal in what they tell by now.
"""

from __future__ import annotations

from sqlalchemy import Connection

from pv import store
from pv.duplicates.decisions import Pair, ordered
from pv.duplicates.records import last_versions
from pv.reference import streams

RULE = "exact-1"


def exact_pairs(connection: Connection, stream: str, first_version: int) -> list[Pair]:
    """The pairs of which a report has a version from `first_version` on, in order.

    Only the last version of a report counts: what a correction has taken back makes no pair.
    """
    roles = streams()[stream].roles
    values = {"stream": stream, "first": first_version, "role": roles[0], "other_role": roles[-1]}
    found = store.read(connection, store.query("exact_duplicates"), values)
    if found.empty:
        return []
    cases = {*found["case_number"], *found["other_number"]}
    last = {version.version_id for version in last_versions(connection, stream, cases)}
    standing = found[found["version_id"].isin(last) & found["other_version_id"].isin(last)]
    return sorted({ordered(*pair) for pair in zip(standing["case_number"], standing["other_number"], strict=True)})
