"""The access log: who looked at or took out personal or raw data, when, which, and why. Entries are only ever added."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pandas as pd
from sqlalchemy import Connection, select

from pv import store
from pv.schema import access_log
from pv.week import instant_text


def user(environment: Mapping[str, str] | None = None) -> str:
    """Who runs the command: PVWATCH_USER where it is set, else the user of the operating system."""
    env = os.environ if environment is None else environment
    if named := env.get("PVWATCH_USER", "").strip():
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user need not have a name
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def record(
    connection: Connection,
    who: str,
    what: str,
    why: str,
    moment: datetime,
    *,
    stream: str = "",
    subjects: Iterable[str] = ("",),
) -> None:
    """Note an access, one entry for each of `subjects` (case numbers, or the SHA-256 of files).

    `what` is the command. Call it in a transaction of `store.writing` that ends before anything is shown: what cannot
    be recorded is not shown.
    """
    first = store.next_key(connection, access_log)
    entry = {
        "recorded_at": instant_text(moment.astimezone(UTC)),
        "who": who,
        "what": what,
        "stream": stream,
        "why": why,
    }
    entries = [{"access_id": key, "subject": subject, **entry} for key, subject in enumerate(subjects, start=first)]
    if entries:
        connection.execute(access_log.insert(), entries)


def entries(connection: Connection) -> pd.DataFrame:
    """The whole log, oldest first."""
    return store.read(connection, select(access_log).order_by(access_log.c.access_id))
