"""Revisions of a week: written aside, compared with the last one, put in its place; the earlier ones are kept."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from pv import store
from pv.schema import alert, revision
from pv.week import Week

EDITION = "internal"
LOOK_BACK = "as-of-"  # folders beside the earlier revisions: the week as it was known at an older moment
PAIR = ["stream", "event_kind", "level", "comparator", "window", "product", "event"]


@dataclass(frozen=True)
class Current:
    """The latest revision of a week on disk; number 0 where there is none."""

    number: int
    folder: Path
    summary: dict[str, Any]

    @property
    def as_of(self) -> str:
        return str(self.summary.get("as_of", ""))

    @property
    def fingerprint(self) -> str:
        return str(self.summary.get("fingerprint", ""))


def current(out: Path, week: Week) -> Current:
    """What `<out>/<week>` holds; an unreadable summary counts as nothing rendered."""
    folder = out / str(week)
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        summary = {}
    return Current(int(summary.get("revision", 0)), folder, summary)


def fingerprint(frames: dict[str, pd.DataFrame]) -> str:
    """SHA-256 over what a week says, whatever the moment of its making."""
    digest = hashlib.sha256()
    for name in sorted(frames):
        digest.update(f"{name}\n".encode())
        digest.update(frames[name].to_csv(index=False, lineterminator="\n").encode())
    return digest.hexdigest()


def changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Alerts that appeared, disappeared or changed between two revisions: pair, a and screens before and after."""
    merged = _alerts(before).merge(_alerts(after), on=PAIR, how="outer", suffixes=("_before", "_after"))
    merged["screens_before"] = merged["screens_before"].fillna("")
    merged["screens_after"] = merged["screens_after"].fillna("")
    merged[["a_before", "a_after"]] = merged[["a_before", "a_after"]].fillna(0).astype("int64")
    differs = (merged["screens_before"] != merged["screens_after"]) | (merged["a_before"] != merged["a_after"])
    merged["change"] = "changed"
    merged.loc[merged["screens_before"] == "", "change"] = "appeared"
    merged.loc[merged["screens_after"] == "", "change"] = "disappeared"
    return merged[differs].sort_values(PAIR, kind="stable", ignore_index=True)


def _alerts(signals: pd.DataFrame) -> pd.DataFrame:
    return signals.loc[signals["screens"] != "", [*PAIR, "a", "screens"]]


def recover(out: Path, week: Week) -> None:
    """Finish a swap that was killed half-way: bring the last complete folder back, or drop what it replaced."""
    folder, old = out / str(week), out / f".{week}.old"
    if old.is_dir() and not folder.is_dir():
        old.replace(folder)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(out / f".{week}.part", ignore_errors=True)


def put_in_place(aside: Path, now: Current, number: int) -> None:
    """Make a rendered folder the week's latest; the one it replaces goes to `revisions/<n>`.

    Everything is copied aside before two renames; `recover` mends what a kill between them leaves.
    """
    earlier = now.folder / "revisions"
    if earlier.is_dir():
        shutil.copytree(earlier, aside / "revisions")
    if now.number and now.number != number:
        kept = aside / "revisions" / str(now.number)
        kept.mkdir(parents=True, exist_ok=True)
        for path in now.folder.iterdir():
            if path.is_file():
                shutil.copy2(path, kept / path.name)
    old = now.folder.with_name(f".{now.folder.name}.old")
    if now.folder.is_dir():
        now.folder.replace(old)
    aside.replace(now.folder)
    shutil.rmtree(old, ignore_errors=True)


def recorded(connection: Connection, week: Week) -> tuple[int, str]:
    """Number and fingerprint of the week's last recorded revision; (0, "") where there is none."""
    last = (
        select(revision.c.revision, revision.c.sha256)
        .where(revision.c.week == str(week), revision.c.edition == EDITION)
        .order_by(revision.c.revision.desc())
        .limit(1)
    )
    found = connection.execute(last).one_or_none()
    return (int(found[0]), str(found[1])) if found else (0, "")


def number_of(now: Current, last: tuple[int, str], mark: str) -> int:
    """The number under which a content is rendered: its own where it is the latest, else one more than any yet."""
    number, fingerprint_recorded = last
    if mark == fingerprint_recorded:
        return number
    if mark == now.fingerprint and now.number > number:  # put in place, but killed before it was recorded
        return now.number
    return max(now.number, number) + 1


def record(connection: Connection, week: Week, number: int, as_of: str, mark: str, signals: pd.DataFrame) -> None:
    """Keep the revision and what people act on, the pairs that meet a screen or have a status."""
    if recorded(connection, week) == (number, mark):
        return
    key = store.next_key(connection, revision)
    connection.execute(
        revision.insert().values(
            revision_id=key, week=str(week), revision=number, as_of=as_of, edition=EDITION, sha256=mark
        )
    )
    acted_on = signals[(signals["screens"] != "") | (signals["status"] != "")]
    first = store.next_key(connection, alert)
    store.append(connection, alert, acted_on.assign(revision_id=key, alert_id=range(first, first + len(acted_on))))
