"""What people have decided about pairs of reports: the same event, or different ones. It binds every rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, select

from pv.schema import case_decision

VERDICTS = ("same", "different")
Pair = tuple[str, str]


def ordered(one: str, other: str) -> Pair:
    """A pair as it is stored: the smaller number first."""
    return (one, other) if one <= other else (other, one)


def verdicts(connection: Connection, stream: str, as_of: str = "") -> dict[Pair, str]:
    """The last verdict on each pair, as of an instant (ISO text; "" for now)."""
    table = case_decision.c
    wanted = select(table.case_number, table.other_number, table.verdict).where(table.stream == stream)
    if as_of:
        wanted = wanted.where(table.recorded_at <= as_of)
    rows = connection.execute(wanted.order_by(table.decision_id))
    return {(str(one), str(other)): str(verdict) for one, other, verdict in rows}


def decided_apart(connection: Connection, stream: str) -> Callable[[str, str], bool]:
    """Whether people have decided that two reports tell different events."""
    return apart_by(verdicts(connection, stream))


def apart_by(said: Mapping[Pair, str]) -> Callable[[str, str], bool]:
    """The same by given verdicts."""
    return lambda one, other: said.get(ordered(one, other)) == "different"
