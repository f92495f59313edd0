"""Merges that a correction contradicts are undone: a wrong merge hides an event, a missing one only counts it twice."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from sqlalchemy import Connection, select

from pv.duplicates import groups
from pv.duplicates.comparisons import TESTS
from pv.duplicates.deciding import bonds, received_first
from pv.duplicates.decisions import Pair, apart_by, ordered, verdicts
from pv.duplicates.model import Model, contradictions
from pv.duplicates.records import Records, records
from pv.schema import case_version


def part_contradicting(
    connection: Connection, stream: str, first_version: int, weights: Model, recorded_at: str
) -> list[str]:
    """Part the merged groups in which a version from `first_version` on contradicts another report; gives the receipts
    (ISO) of the reports whose group has changed.

    What else holds a group together goes on doing so. Groups that people have made are left to them.
    """
    before = groups.merges(connection, stream)
    touched = _touched(connection, stream, first_version, groups.Groups(before)) if before else {}
    said = verdicts(connection, stream)
    of_rules = [members for members in touched.values() if not _by_people(members, said)]
    if not of_rules:
        return []
    facts = records(connection, stream, {case for members in of_rules for case in members})
    against = apart_where_known(facts, weights)
    wrong = {case for members in of_rules if _any_apart(members, against) for case in members}
    if not wrong:
        return []
    received, decided = received_first(connection, stream, wrong), apart_by(said)
    holding = bonds(connection, stream, said)
    after = groups.remade(before, wrong, received, lambda a, b: decided(a, b) or against(a, b), holding)
    changed = groups.changes(before, after)
    groups.record(connection, stream, changed, weights.rule, recorded_at)
    return sorted({received[case] for case, _ in changed})


def _touched(connection: Connection, stream: str, first_version: int, known: groups.Groups) -> dict[str, list[str]]:
    """The groups, by their root, of which a report has a new version."""
    table = case_version.c
    # `|| ''`: by the version numbers, of which there are few, and not by the index of the stream.
    fresh = select(table.case_number).where(table.version_id >= first_version, table.stream + "" == stream)
    roots = {known.root(str(case)) for case in connection.execute(fresh.distinct()).scalars()}
    return {root: members for root in sorted(roots) if len(members := known.of(root)) > 1}


def _by_people(members: list[str], said: Mapping[Pair, str]) -> bool:
    return any(said.get(ordered(*pair)) == "same" for pair in combinations(members, 2))


def _any_apart(members: list[str], apart: groups.Apart) -> bool:
    return any(apart(*pair) for pair in combinations(members, 2))


def apart_where_known(facts: Records, weights: Model) -> groups.Apart:
    """Whether a comparison with a limit finds two reports different (not merely unknown)."""
    place = facts.place()

    def apart(one: str, other: str) -> bool:
        return one in place and other in place and _contradict(facts, weights, place[one], place[other])

    return apart


def _contradict(facts: Records, weights: Model, one: int, other: int) -> bool:
    left, right = facts.take([one]), facts.take([other])
    levels = {comparison.name: str(TESTS[comparison.name].levels(left, right)[0]) for comparison in weights.comparisons}
    return bool(contradictions(weights.limits(levels)))
