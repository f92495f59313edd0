"""Duplicates found without doubt: the same patient, the same day of onset, a product in common.

Two reports of different numbers merge when patient (name, birth date or age, sex), onset and at least one counted
product (default level) are equal. A merge is a record; the report received first (then the smaller number) stays.
"""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection, select

from pv import store
from pv.reference import streams
from pv.schema import case_merge

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
    known = select(case_merge.c.case_number, case_merge.c.merged_into).where(case_merge.c.stream == stream)
    parent = {str(number): str(into) for number, into in connection.execute(known)}
    received = dict(zip(pairs["case_number"], pairs["received_on"], strict=True))
    received |= dict(zip(pairs["other_number"], pairs["other_received_on"], strict=True))
    added = _join(list(zip(pairs["case_number"], pairs["other_number"], strict=True)), parent, received)
    start = store.next_key(connection, case_merge)
    records = [
        {
            "merge_id": start + number,
            "stream": stream,
            "case_number": case,
            "merged_into": into,
            "rule": RULE,
            "recorded_at": recorded_at,
        }
        for number, (case, into) in enumerate(added)
    ]
    if records:
        connection.execute(case_merge.insert(), records)
    return len(records)


def root(case: str, parent: dict[str, str]) -> str:
    """The report that a case has been merged into, directly or through others."""
    while case in parent:
        case = parent[case]
    return case


def _join(pairs: list[tuple[str, str]], parent: dict[str, str], received: dict[str, str]) -> list[tuple[str, str]]:
    """New (case, merged into) records; groups grow by their roots, so that no earlier record changes."""
    added = []
    for one, other in sorted(pairs):
        roots = {root(one, parent), root(other, parent)}
        if len(roots) == 2:
            stays, goes = sorted(roots, key=lambda case: (received.get(case, ""), case))
            parent[goes] = stays
            added.append((goes, stays))
    return added


def roots(cases: np.ndarray, parent: dict[str, str]) -> np.ndarray:
    """`root` of every case number."""
    return np.array([root(case, parent) for case in cases], dtype=object) if parent else cases
