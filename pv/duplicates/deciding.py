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


class DecisionError(ValueError):
    """A verdict that cannot be: its problem in `messages.toml`, and the report that it is about ("": the verdict)."""

    def __init__(self, code: str, message: str, report: str = "") -> None:
        super().__init__(message)
        self.code, self.report = code, report


def decide(
    connection: Connection,
    stream: str,
    reports: Pair,
    verdict: str,
    decided_by: str,
    recorded_at: str,
    note: str = "",
) -> Decided:
    """One verdict, as of `Deciding.decide`."""
    return Deciding(connection, stream).decide(reports, verdict, decided_by, recorded_at, note)


class Deciding:
    """Verdicts of one stream, one after the other; what is merged and decided is read once."""

    def __init__(self, connection: Connection, stream: str) -> None:
        self._connection, self._stream = connection, stream
        self._merged, self._said = groups.merges(connection, stream), verdicts(connection, stream)

    def decide(self, reports: Pair, verdict: str, decided_by: str, recorded_at: str, note: str = "") -> Decided:
        """Record that two reports tell the "same" event, or "different" ones.

        The verdict binds every rule from now on; a later one on the same pair takes its place. Raises DecisionError
        where a report is not in the store, or where other verdicts contradict it: reports of the two groups are
        different, or others hold the two together. Raises ValueError where nobody is named.
        """
        if verdict not in VERDICTS or not decided_by.strip():
            raise ValueError(
                f"a decision is {' or '.join(VERDICTS)} and names who made it, not “{verdict}” by “{decided_by}”"
            )
        pair = ordered(*reports)
        if pair[0] == pair[1]:
            raise DecisionError("pair_of_one", f"{pair[0]} is one report: a decision is about two", pair[1])
        after, received = self._after(pair, verdict)
        changed = groups.changes(self._merged, after)
        _record(self._connection, self._stream, pair, verdict, decided_by.strip(), recorded_at, note)
        groups.record(self._connection, self._stream, changed, RULE, recorded_at)
        self._merged, self._said = after, self._said | {pair: verdict}
        return Decided(tuple(case for case, _ in changed), tuple(sorted({received[case] for case, _ in changed})))

    def _after(self, pair: Pair, verdict: str) -> tuple[dict[str, str], dict[str, str]]:
        """All merges with the verdict in effect, and the receipts of the reports of both groups."""
        known = groups.Groups(self._merged)
        members = [*known.of(pair[0]), *known.of(pair[1])]
        received = received_first(self._connection, self._stream, members)
        said = self._said | {pair: verdict}
        if verdict == "same":
            return _together(known, self._merged, pair, received, said), received
        if not known.joined(*pair):
            return self._merged, received
        after = groups.remade(
            self._merged, members, received, apart_by(said), bonds(self._connection, self._stream, said)
        )
        for one, other in (
            (a, b) for (a, b), says in sorted(said.items()) if says == "same" and {a, b} <= set(members)
        ):
            if groups.root(one, after) != groups.root(other, after):
                raise DecisionError(
                    "decision_chain",
                    f"{pair[0]} and {pair[1]} cannot be different: people have decided that both are of one event with "
                    f"others, such as {one} and {other}; decide on those pairs first",
                )
        return after, received


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
        raise DecisionError(
            "decision_apart",
            f"{pair[0]} and {pair[1]} cannot be one: people have decided that reports of their groups differ",
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
    """First receipt of each report. Raises DecisionError where one is not in the store."""
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
        raise DecisionError("report_unknown", f"there is no report {missing[0]} in the stream {stream}", missing[0])
    return found
