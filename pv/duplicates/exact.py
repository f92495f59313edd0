"""Duplicates found without doubt: the same patient, the same day of onset, a product in common.

Two reports of different numbers merge when patient (name, birth date or age, sex), onset and at least one counted
product (default level) are equal, unless people have decided that they are different. A merge is a record; the report
received first (then the smaller number) stays.
"""

from __future__ import annotations

from sqlalchemy import Connection

from pv import store
from pv.duplicates.decisions import decided_apart
from pv.duplicates.groups import Groups, merges, record
from pv.reference import streams

RULE = "exact-1"


def merge_exact(connection: Connection, stream: str, first_version: int, recorded_at: str) -> int:
    """Record merges that the versions from `first_version` on bring about; gives how many."""
    roles = streams()[stream].roles
    pairs = store.read(
        connection,
        store.query("exact_duplicates"),
        {"stream": stream, "first": first_version, "role": roles[0], "other_role": roles[-1]},
    )
    if pairs.empty:
        return 0
    received = dict(zip(pairs["case_number"], pairs["received_on"], strict=True))
    received |= dict(zip(pairs["other_number"], pairs["other_received_on"], strict=True))
    groups, apart = Groups(merges(connection, stream)), decided_apart(connection, stream)
    ordered = sorted(zip(pairs["case_number"], pairs["other_number"], strict=True))
    added = [groups.join(one, other, received, apart) for one, other in ordered]
    merged = [one for one in added if one is not None]
    record(connection, stream, merged, RULE, recorded_at)
    return len(merged)
