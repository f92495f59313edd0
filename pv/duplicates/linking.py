"""Duplicates found by their likeness: the pairs of a load scored, and merged, put before people or left.

A merge needs a probability, the same person known as such, and nothing that speaks against it (`duplicates.toml`).
What people have decided binds; a load that would merge too much merges nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from pv.duplicates import groups, pairs
from pv.duplicates.candidates import candidates
from pv.duplicates.decisions import Pair, decided_apart, ordered, verdicts
from pv.duplicates.exact import RULE, exact_pairs
from pv.duplicates.model import Model, model
from pv.duplicates.pairs import Judged
from pv.duplicates.parting import apart_where_known, part_contradicting
from pv.duplicates.records import Records, Shares, records
from pv.duplicates.scoring import Scored, score
from pv.reference import streams
from pv.schema import case_version


@dataclass(frozen=True)
class Linked:
    """What came of a load: reports merged, pairs put before people, merges held back.

    `cases`: reports of the load that were compared; `days` (ISO): receipts of the reports merged, from which the counts
    of a week differ.
    """

    cases: int = 0
    merged: int = 0
    review: int = 0
    held: int = 0
    days: tuple[str, ...] = ()

    @property
    def stopped(self) -> bool:
        """Whether the load would have merged more than the stated share, so that nothing of it was merged."""
        return self.held > 0


def link_new(connection: Connection, stream: str, first_version: int, recorded_at: str) -> Linked:
    """Link the reports of the versions from `first_version` on with one another and with all stored ones.

    First what is one event without doubt (`exact.py`), then what is likely one. Foreign databases are left out: they
    name nobody, and nobody decides on their pairs.
    """
    weights = model()
    cases = 0 if streams()[stream].foreign else _compared(connection, stream, first_version)
    if not cases:
        return Linked()
    decided = verdicts(connection, stream)
    parted = part_contradicting(connection, stream, first_version, weights, recorded_at)
    sure = [pair for pair in exact_pairs(connection, stream, first_version) if pair not in decided]
    found = scored(connection, stream, first_version, cases, weights, sure)
    found = [one for one in found if one.pair not in decided]
    zones = {one.pair: weights.zone(one.probability, one.levels) for one in found} | dict.fromkeys(sure, "merged")
    grown = grow(connection, stream, weights, sure, [one for one in found if zones[one.pair] == "merged"])
    added = len(grown.sure) + len(grown.likely)
    stopped = added > weights.merge_limit(cases)
    if stopped:
        zones |= dict.fromkeys(grown.joined, pairs.HELD)
    else:
        groups.record(connection, stream, grown.sure, RULE, recorded_at)
        groups.record(connection, stream, grown.likely, weights.rule, recorded_at)
    zones |= dict.fromkeys(grown.blocked, "review")
    seen = [_judged(one, zones[one.pair], weights, grown) for one in found]
    known = pairs.last(connection, stream, first_version=first_version)
    pairs.record(connection, stream, _news(seen, known, decided), weights.rule, recorded_at)
    return Linked(
        cases=cases,
        merged=0 if stopped else added,
        review=sum(zone == "review" for zone in zones.values()),
        held=added if stopped else 0,
        days=tuple(sorted({*parted, *(() if stopped else grown.days)})),
    )


def release(connection: Connection, stream: str, recorded_at: str) -> Linked:
    """Merge the pairs that were held back because their file brought too many."""
    weights, decided = model(), verdicts(connection, stream)
    waiting = pairs.last(connection, stream)
    held = [row for pair, row in waiting.items() if row.zone == pairs.HELD and pair not in decided]
    likely = [Scored((row.case_number, row.other_number), row.weight, row.probability, {}, {}) for row in held]
    grown = grow(connection, stream, weights, [], likely)
    groups.record(connection, stream, grown.likely, weights.rule, recorded_at)
    now = {pair: "review" if pair in grown.blocked else "merged" for pair in (one.pair for one in likely)}
    again = [
        Judged(p, waiting[p].weight, waiting[p].probability, zone, waiting[p].explanation) for p, zone in now.items()
    ]
    pairs.record(connection, stream, again, weights.rule, recorded_at)
    return Linked(merged=len(grown.likely), days=grown.days)


def _compared(connection: Connection, stream: str, first_version: int) -> int:
    """Reports with a version from `first_version` on that is not left out."""
    table = case_version.c
    # `|| ''`: by the version numbers, of which there are few, and not by the index of the stream.
    mine = (table.version_id >= first_version) & (table.stream + "" == stream) & (table.left_out == "")
    return int(connection.execute(select(func.count(table.case_number.distinct())).where(mine)).scalar_one())


def scored(
    connection: Connection, stream: str, first_version: int, cases: int, weights: Model, sure: Collection[Pair] = ()
) -> list[Scored]:
    """The pairs of the load with their scores, and those given; of a large load only those that are likely enough to be
    looked at."""
    shares = Shares(connection, stream, weights)
    found: list[Scored] = []
    wanted = set(sure)
    if cases >= weights.bulk_from:
        from pv.duplicates.bulk import score_bulk  # DuckDB and Splink take seconds to load

        found = score_bulk(connection, stream, first_version, weights, shares)
        wanted -= {one.pair for one in found}
    else:
        wanted |= set(candidates(connection, stream, first_version, weights))
    if wanted:
        compared = records(connection, stream, {case for pair in wanted for case in pair}, shares)
        found = [*found, *score(weights, shares.reports, compared, sorted(wanted))]
    return sorted(found, key=lambda one: one.pair)


@dataclass(frozen=True)
class Grown:
    """How pairs that are to merge make the groups grow: (report, merged into) records of the sure and of the likely
    pairs, receipts of the merged reports, pairs that become of one group, and likely ones left out because their groups
    contradict each other."""

    sure: tuple[Pair, ...] = ()
    likely: tuple[Pair, ...] = ()
    days: tuple[str, ...] = ()
    joined: frozenset[Pair] = frozenset()
    blocked: frozenset[Pair] = frozenset()


def grow(connection: Connection, stream: str, weights: Model, sure: Sequence[Pair], likely: Sequence[Scored]) -> Grown:
    """Join groups by the sure pairs, then by the likeliest first; no group gets two reports that contradict each other.

    Reports contradict each other where people say so, or where a comparison with a limit finds them different.
    """
    if not sure and not likely:
        return Grown()
    parent = groups.merges(connection, stream)
    before, growing = groups.Groups(parent), groups.Groups(parent)
    asked = {*sure, *(one.pair for one in likely)}
    facts = records(connection, stream, {member for pair in asked for case in pair for member in growing.of(case)})
    received = dict(zip(facts.numbers, facts.columns["received"].tolist(), strict=True))
    apart = _apart(facts, weights, decided_apart(connection, stream), asked)
    added = [growing.join(*pair, received, apart) for pair in sure]
    more = [
        growing.join(*one.pair, received, apart)
        for one in sorted(likely, key=lambda one: (-round(one.weight, 6), one.pair))
    ]
    merged = [record for record in (*added, *more) if record]
    joined = {pair for pair in asked if growing.joined(*pair) and not before.joined(*pair)}
    return Grown(
        sure=tuple(record for record in added if record),
        likely=tuple(record for record in more if record),
        days=tuple(sorted({received[goes] for goes, _ in merged if goes in received})),
        joined=frozenset(joined),
        blocked=frozenset(pair for pair in asked if not growing.joined(*pair)),
    )


def _apart(facts: Records, weights: Model, decided: groups.Apart, like: Collection[Pair]) -> groups.Apart:
    """Whether two reports cannot be of one group; the pairs that are alike are not compared once more."""
    against = apart_where_known(facts, weights)
    return lambda one, other: decided(one, other) or (ordered(one, other) not in like and against(one, other))


def _judged(one: Scored, zone: str, weights: Model, grown: Grown) -> Judged:
    limits = [*weights.limits(one.levels), *([pairs.GROUP] if one.pair in grown.blocked else [])]
    return pairs.judged(one, zone, limits)


def _news(seen: Iterable[Judged], known: Mapping[Pair, Any], decided: Collection[Pair]) -> list[Judged]:
    """What is worth a record: pairs in sight that read otherwise than before, and those that no longer stand out."""
    news = []
    found = {one.pair: one for one in seen}
    for pair, one in found.items():
        before = known.get(pair)
        same = (
            before is not None and before.zone == one.zone and pairs.reads_the_same(before.explanation, one.explanation)
        )
        if not same and (one.zone != "different" or before is not None):
            news.append(one)
    gone = [
        pair for pair, row in known.items() if row.zone != "different" and pair not in found and pair not in decided
    ]
    return news + [pairs.out_of_sight(pair) for pair in sorted(gone)]
