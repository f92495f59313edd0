"""The reference tables as they were kept at a moment."""

from __future__ import annotations

from sqlalchemy import Connection, select

from pv import reference
from pv.reference import Reference
from pv.schema import reference_snapshot


def texts(connection: Connection, stamp: str) -> dict[str, str]:
    """The latest content of each table at a moment; before there were any, those that came first stand in."""
    table = reference_snapshot.c
    wanted = [number for number, _ in _latest(connection, stamp).values()]
    found = connection.execute(select(table.name, table.content).where(table.snapshot_id.in_(wanted)))
    return {str(name): str(content) for name, content in found}


def digests(connection: Connection) -> dict[str, str]:
    """SHA-256 of the latest content of each table, whatever the moment."""
    return {name: sha256 for name, (_, sha256) in _latest(connection, "9999").items()}


def _latest(connection: Connection, stamp: str) -> dict[str, tuple[int, str]]:
    """Number and SHA-256 of the content of each table at a moment; contents are up to 10 MB and stay where they are."""
    table = reference_snapshot.c
    ordered = select(table.name, table.snapshot_id, table.sha256, table.recorded_at).order_by(table.snapshot_id)
    kept = connection.execute(ordered).all()
    moment = max(stamp, min((recorded_at for *_, recorded_at in kept), default=stamp))
    return {name: (number, sha256) for name, number, sha256, recorded_at in kept if recorded_at <= moment}


def tables(connection: Connection, stamp: str) -> Reference:
    """The tables themselves."""
    return reference.build(texts(connection, stamp))
