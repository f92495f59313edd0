"""Which rows of the district table a hospital counts into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pv.reference import Reference

UNASSIGNED = ""  # the hospital_id, and the area, of reports that cannot be assigned


@dataclass(frozen=True)
class AreaTree:
    """The areas below the whole one, as rows of the district table.

    `root` is the code of the one area without a parent; "" where there is none or several, and then the areas
    without a parent are the districts.

    `rows`: scope, area (code), name, parent. A scope is `whole`, `district` (next below the whole), `area`
    (deeper, contained in its district), `direct` (hospitals of the whole area that stand in no district) or
    `unassigned`. So that whole = districts + direct + unassigned.

    `membership`: hospital_id, scope, area; a line for each row a hospital counts into. hospital_id "" stands
    for the reports of unknown hospitals.
    """

    root: str
    rows: pd.DataFrame
    membership: pd.DataFrame

    def find(self, wording: str) -> str | None:
        """Code of the area of that code or name; of the whole area if nothing is given; None if unknown."""
        if not wording:
            return self.root
        named = self.rows[self.rows["scope"].isin(["whole", "district", "area"])]
        for column in ("area", "name"):
            found = named.loc[named[column] == wording, "area"]
            if not found.empty:
                return str(found.iloc[0])
        return None

    def hospitals_in(self, area: str) -> frozenset[str]:
        """Ids of the hospitals of an area and all below it; the whole area includes the unassigned id ""."""
        scopes = ["whole"] if area == self.root else ["district", "area"]
        within = self.membership["scope"].isin(scopes) & (self.membership["area"] == area)
        return frozenset(self.membership.loc[within, "hospital_id"])


def area_tree(reference: Reference) -> AreaTree:
    """The tree of `areas.csv` with the hospitals of `hospitals.csv` in it, in the order of the files."""
    areas, hospitals = reference.areas, reference.hospitals
    parents = _parents(areas)
    names = dict(zip(areas["code"], areas["name"], strict=True))
    tops = [code for code, parent in parents.items() if not parent]
    root = tops[0] if len(tops) == 1 else ""
    children: dict[str, list[str]] = {}
    for code, parent in parents.items():
        children.setdefault(parent, []).append(code)
    below = list(_descend(root, children))
    district_of = {code: path[0] for code, path in below}
    rows = [("whole", root, names.get(root, ""), "")]
    rows += [("district" if len(path) == 1 else "area", code, names[code], parents[code]) for code, path in below]

    membership = [(UNASSIGNED, "whole", root), (UNASSIGNED, "unassigned", UNASSIGNED)]
    paths = dict(below)
    for hospital, district in zip(hospitals["hospital_id"], hospitals["district"], strict=True):
        membership.append((hospital, "whole", root))
        if district in paths:
            scoped = [("district" if code == district_of[code] else "area", code) for code in paths[district]]
            membership += [(hospital, scope, code) for scope, code in scoped]
        elif root and district == root:
            membership.append((hospital, "direct", root))
        else:
            membership.append((hospital, "unassigned", UNASSIGNED))
    if any(scope == "direct" for _, scope, _ in membership):
        rows.append(("direct", root, names[root], root))
    rows.append(("unassigned", UNASSIGNED, "", root))
    return AreaTree(
        root,
        pd.DataFrame(rows, columns=["scope", "area", "name", "parent"], dtype="str"),
        pd.DataFrame(membership, columns=["hospital_id", "scope", "area"], dtype="str"),
    )


def _parents(areas: pd.DataFrame) -> dict[str, str]:
    """Parent by code; a parent that is not in the table itself counts as none."""
    known = set(areas["code"])
    pairs = zip(areas["code"], areas["parent"], strict=True)
    return {code: parent if parent in known else "" for code, parent in pairs}


def _descend(
    area: str, children: Mapping[str, list[str]], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The areas below one, each followed by its own, with the path from the district down to itself.

    Areas that name each other as parent are reached from nowhere; their hospitals show as unassigned.
    """
    for code in children.get(area, []):
        own = (*path, code)
        yield code, own
        yield from _descend(code, children, own)
