"""The reference tables as they were kept at a moment."""

from __future__ import annotations

from sqlalchemy import Connection, select

from pv import reference
from pv.reference import Reference
from pv.schema import reference_snapshot


def texts(connection: Connection, stamp: str) -> dict[str, str]:
    """The latest content of each table at a moment; before there were any, those that came first stand in."""
    table = reference_snapshot
    ordered = select(table.c.name, table.c.content, table.c.recorded_at).order_by(table.c.snapshot_id)
    kept = connection.execute(ordered).all()
    moment = max(stamp, min((recorded_at for _, _, recorded_at in kept), default=stamp))
    return {name: content for name, content, recorded_at in kept if recorded_at <= moment}


def tables(connection: Connection, stamp: str) -> Reference:
    """The tables themselves."""
    return reference.build(texts(connection, stamp))
