"""Merged groups: which report stands for which, and how groups grow without joining what contradicts.

`case_merge` is a log: the last record of a report says into which other one it is merged, or that it stands alone
again. A group is named by its root, the report received first (then the smaller number).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np
from sqlalchemy import Connection, select

from pv import store
from pv.schema import case_merge

ALONE = ""  # `merged_into` of a report that people have taken out of its group
Apart = Callable[[str, str], bool]


def merges(connection: Connection, stream: str, as_of: str = "") -> dict[str, str]:
    """Merged report → the one it is merged into, as recorded up to an instant (ISO text; "" for all)."""
    table = case_merge.c
    wanted = select(table.case_number, table.merged_into).where(table.stream == stream)
    if as_of:
        wanted = wanted.where(table.recorded_at <= as_of)
    last = {str(case): str(into) for case, into in connection.execute(wanted.order_by(table.merge_id))}
    return {case: into for case, into in last.items() if into != ALONE}


def record(connection: Connection, stream: str, merged: Iterable[tuple[str, str]], rule: str, recorded_at: str) -> None:
    """Add (report, merged into) records."""
    start = store.next_key(connection, case_merge)
    records = [
        {
            "merge_id": start + number,
            "stream": stream,
            "case_number": case,
            "merged_into": into,
            "rule": rule,
            "recorded_at": recorded_at,
        }
        for number, (case, into) in enumerate(merged)
    ]
    if records:
        connection.execute(case_merge.insert(), records)


def root(case: str, parent: Mapping[str, str]) -> str:
    """The report that a case has been merged into, directly or through others."""
    while case in parent:
        case = parent[case]
    return case


def roots(cases: np.ndarray, parent: Mapping[str, str]) -> np.ndarray:
    """`root` of every case number."""
    return np.array([root(case, parent) for case in cases], dtype=object) if parent else cases


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, str]]:
    """The (report, merged into) records that lead from the one state to the other, in order."""
    changed = {case for case in {*before, *after} if before.get(case) != after.get(case)}
    return [(case, after.get(case, ALONE)) for case in sorted(changed)]


def remade(
    before: Mapping[str, str],
    members: Collection[str],
    received: Mapping[str, str],
    apart: Apart,
    bonds: Iterable[tuple[str, str]],
) -> dict[str, str]:
    """All merges, with the groups of some reports made anew from the `bonds` that hold them, strongest first."""
    among, anew = set(members), Groups({})
    for bond in bonds:
        if among.issuperset(bond):
            anew.join(*bond, received, apart)
    elsewhere = {case: into for case, into in before.items() if case not in among}
    return elsewhere | {case: anew.root(case) for case in among if anew.root(case) != case}


class Groups:
    """The groups of a stream, which grow by joining their roots, so that no earlier record changes."""

    def __init__(self, parent: Mapping[str, str]) -> None:
        self._parent = dict(parent)
        self._members: dict[str, list[str]] = defaultdict(list)
        for case in self._parent:
            self._members[root(case, self._parent)].append(case)

    def root(self, case: str) -> str:
        return root(case, self._parent)

    def of(self, case: str) -> list[str]:
        """All reports of the group that a report is in, the root first."""
        first = self.root(case)
        return [first, *self._members.get(first, ())]

    def joined(self, one: str, other: str) -> bool:
        return self.root(one) == self.root(other)

    def join(self, one: str, other: str, received: Mapping[str, str], apart: Apart) -> tuple[str, str] | None:
        """Make one group of two; the (report, merged into) record of it.

        None where they are one already, or where a report of the one is `apart` from a report of the other.
        """
        groups = [self.of(one), self.of(other)]
        if self.joined(one, other) or any(apart(a, b) for a in groups[0] for b in groups[1]):
            return None
        stays, goes = sorted((group[0] for group in groups), key=lambda case: (received.get(case, ""), case))
        self._parent[goes] = stays
        self._members[stays] += [goes, *self._members.pop(goes, ())]
        return goes, stays
