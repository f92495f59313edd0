"""A verdict of a person on two reports, recorded and put into effect: their groups become one, or are parted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from pv import store
from pv.duplicates import groups, pairs
from pv.duplicates.decisions import VERDICTS, Pair, apart_by, ordered, verdicts
from pv.schema import case_decision, case_version

RULE = "decision"


@dataclass(frozen=True)
class Decided:
    """The reports whose group has changed, and their receipts (ISO), from which the counts of a week differ."""

    changed: tuple[str, ...] = ()
    days: tuple[str, ...] = ()


def decide(
    connection: Connection,
    stream: str,
    reports: Pair,
    verdict: str,
    decided_by: str,
    recorded_at: str,
    note: str = "",
) -> Decided:
    """Record that two reports tell the "same" event, or "different" ones.

    The verdict binds every rule from now on; a later one on the same pair takes its place. Raises ValueError where a
    report is not in the store, nobody is named, or the reports' groups hold two that were decided to be different.
    """
    if verdict not in VERDICTS or not decided_by.strip():
        raise ValueError(
            f"a decision is {' or '.join(VERDICTS)} and names who made it, not “{verdict}” by “{decided_by}”"
        )
    pair = ordered(*reports)
    if pair[0] == pair[1]:
        raise ValueError(f"{pair[0]} is one report: a decision is about two")
    before = groups.merges(connection, stream)
    known = groups.Groups(before)
    members = [*known.of(pair[0]), *known.of(pair[1])]
    received = received_first(connection, stream, members)
    said = verdicts(connection, stream) | {pair: verdict}
    if verdict == "same":
        after = _together(known, before, pair, received, said)
    elif known.joined(*pair):
        after = groups.remade(before, members, received, apart_by(said), bonds(connection, stream, said))
    else:
        after = before
    _record(connection, stream, pair, verdict, decided_by.strip(), recorded_at, note)
    changed = groups.changes(before, after)
    groups.record(connection, stream, changed, RULE, recorded_at)
    return Decided(tuple(case for case, _ in changed), tuple(sorted({received[case] for case, _ in changed})))


def _record(
    connection: Connection, stream: str, pair: Pair, verdict: str, decided_by: str, recorded_at: str, note: str
) -> None:
    row = {
        "decision_id": store.next_key(connection, case_decision),
        "stream": stream,
        "case_number": pair[0],
        "other_number": pair[1],
        "verdict": verdict,
        "decided_by": decided_by,
        "note": note,
        "recorded_at": recorded_at,
    }
    connection.execute(case_decision.insert(), [row])


def _together(
    known: groups.Groups,
    before: Mapping[str, str],
    pair: Pair,
    received: Mapping[str, str],
    said: Mapping[Pair, str],
) -> dict[str, str]:
    """All merges, with the groups of two reports made one."""
    added = known.join(*pair, received, apart_by(said))
    if added is None and not known.joined(*pair):
        raise ValueError(
            f"{pair[0]} and {pair[1]} cannot be one: people have decided that reports of their groups differ"
        )
    return {**before, **dict([added] if added else [])}


def bonds(connection: Connection, stream: str, said: Mapping[Pair, str]) -> list[Pair]:
    """What holds groups together, strongest first: verdicts, pairs by weight, then the merges themselves."""
    found = [row for row in pairs.last(connection, stream).values() if row.zone == "merged"]
    alike = sorted(found, key=lambda row: (-row.weight, row.case_number, row.other_number))
    return [
        *(pair for pair, verdict in sorted(said.items()) if verdict == "same"),
        *((row.case_number, row.other_number) for row in alike),
        *sorted(groups.merges(connection, stream).items()),
    ]


def received_first(connection: Connection, stream: str, cases: Iterable[str]) -> dict[str, str]:
    """First receipt of each report. Raises ValueError where one is not in the store."""
    wanted = sorted(set(cases))
    table = case_version.c
    rows = select(table.case_number, table.received_on).where(
        table.stream == stream, store.among(connection, table.case_number, wanted)
    )
    found: dict[str, str] = {}
    for case, day in connection.execute(rows.order_by(table.version_id)):
        found.setdefault(case, day)
    missing = [case for case in wanted if case not in found]
    if missing:
        raise ValueError(f"there is no report {missing[0]} in the stream {stream}")
    return found
