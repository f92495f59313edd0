"""Pairs that were merged or put before people, with score and explanation, as the store keeps them.

`case_pair` is a log: the last record of a pair counts. A pair that no longer stands out is recorded as different.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection, func, or_, select

from pv import store
from pv.duplicates.decisions import Pair, verdicts
from pv.duplicates.groups import ALONE, merges, root
from pv.duplicates.scoring import Scored
from pv.schema import case_merge, case_pair, case_version

HELD = "held"  # would merge, but its file brought too many merges
EXACT, PEOPLE = "exact", "decision"  # how the names of the rules begin that are not of the weights
GROUP = "group"  # the limit of a pair that would join reports which contradict each other
_OPEN = ("review", HELD)
WAITING = ("stream", "case", "other", "probability", "weight", "zone", "explanation", "recorded_at")


@dataclass(frozen=True)
class Judged:
    """A pair with its zone; `explanation` is JSON: {"levels": {comparison: [level, bits]}, "limits": [...]}."""

    pair: Pair
    weight: float
    probability: float
    zone: str
    explanation: str


def judged(scored: Scored, zone: str, limits: Iterable[str]) -> Judged:
    """A scored pair with its zone and all that keeps it from merging."""
    levels = {name: [level, round(scored.weights[name], 2)] for name, level in scored.levels.items()}
    text = json.dumps({"levels": levels, "limits": sorted(limits)}, separators=(",", ":"))
    return Judged(scored.pair, round(scored.weight, 6), round(scored.probability, 9), zone, text)


def reads_the_same(one: str, other: str) -> bool:
    """Whether two explanations name the same levels and limits; weights of names and products move with the store."""
    told = [json.loads(text) for text in (one, other)]
    levels = [{name: level for name, (level, _) in explanation["levels"].items()} for explanation in told]
    return levels[0] == levels[1] and told[0]["limits"] == told[1]["limits"]


def out_of_sight(pair: Pair) -> Judged:
    """A pair that is no longer compared, for its reports have changed."""
    return Judged(pair, 0.0, 0.0, "different", '{"levels":{},"limits":[]}')


def record(connection: Connection, stream: str, found: Iterable[Judged], rule: str, recorded_at: str) -> None:
    """Add records of pairs."""
    start = store.next_key(connection, case_pair)
    rows = [
        {
            "pair_id": start + number,
            "stream": stream,
            "case_number": one.pair[0],
            "other_number": one.pair[1],
            "weight": one.weight,
            "probability": one.probability,
            "zone": one.zone,
            "explanation": one.explanation,
            "rule": rule,
            "recorded_at": recorded_at,
        }
        for number, one in enumerate(found)
    ]
    if rows:
        connection.execute(case_pair.insert(), rows)


def last(connection: Connection, stream: str, as_of: str = "", first_version: int = 0) -> dict[Pair, Any]:
    """The last record of each pair, as of an instant (ISO text; "" for now).

    With `first_version` those of reports alone that have a version from it on.
    """
    table = case_pair.c
    wanted = select(case_pair).where(table.stream == stream).order_by(table.pair_id)
    if as_of:
        wanted = wanted.where(table.recorded_at <= as_of)
    if first_version:
        version = case_version.c
        fresh = select(version.case_number).where(version.version_id >= first_version, version.stream == stream)
        wanted = wanted.where(or_(table.case_number.in_(fresh), table.other_number.in_(fresh)))
    return {(row.case_number, row.other_number): row for row in connection.execute(wanted)}


def waiting(connection: Connection, stream: str, as_of: str = "") -> pd.DataFrame:
    """Pairs that wait for people, likeliest first; columns WAITING.

    `zone` is review, or held where a whole file was held back. Pairs on which people have decided, of one merged group,
    or with a report that is left out by now are not among them.
    """
    decided, parent = verdicts(connection, stream, as_of), merges(connection, stream, as_of)
    found = [
        (stream, *pair, row.probability, row.weight, row.zone, row.explanation, row.recorded_at)
        for pair, row in last(connection, stream, as_of).items()
        if row.zone in _OPEN and pair not in decided and root(pair[0], parent) != root(pair[1], parent)
    ]
    counted = _counted(connection, stream, {case for row in found for case in row[1:3]}, as_of)
    frame = pd.DataFrame([row for row in found if {row[1], row[2]} <= counted], columns=list(WAITING))
    frame = frame.astype({name: "float64" if name in {"probability", "weight"} else "str" for name in WAITING})
    return frame.sort_values(["weight", "case", "other"], ascending=[False, True, True], ignore_index=True)


def merged_by(connection: Connection, stream: str, as_of: str = "") -> dict[str, int]:
    """Reports that are merged at an instant, by what has merged them: exact, likely or people."""
    table = case_merge.c
    wanted = select(table.case_number, table.merged_into, table.rule).where(table.stream == stream)
    if as_of:
        wanted = wanted.where(table.recorded_at <= as_of)
    last = {case: (into, rule) for case, into, rule in connection.execute(wanted.order_by(table.merge_id))}
    kinds = {EXACT: "exact", PEOPLE: "people"}
    found = Counter(kinds.get(rule.split("-")[0], "likely") for into, rule in last.values() if into != ALONE)
    return {kind: found[kind] for kind in ("exact", "likely", "people")}


def regrouped(connection: Connection) -> list[tuple[str, str]]:
    """When groups of any stream have changed, and from which day (ISO) on cases are counted otherwise since."""
    of_case = (case_merge.c.stream == case_version.c.stream) & (case_merge.c.case_number == case_version.c.case_number)
    merges = select(case_merge.c.recorded_at, func.min(case_version.c.effective_on)).join(case_version, of_case)
    return [(str(at), str(day)) for at, day in connection.execute(merges.group_by(case_merge.c.recorded_at))]


def _counted(connection: Connection, stream: str, cases: Iterable[str], as_of: str) -> set[str]:
    """Those of the cases whose last version is not left out."""
    table = case_version.c
    wanted = select(table.case_number, table.left_out).where(
        table.stream == stream, store.among(connection, table.case_number, sorted(cases))
    )
    if as_of:
        wanted = wanted.where(table.recorded_at <= as_of)
    order = (table.effective_on, table.modified_on, table.version_id)
    state = {row.case_number: row.left_out for row in connection.execute(wanted.order_by(*order))}
    return {case for case, left_out in state.items() if not left_out}
