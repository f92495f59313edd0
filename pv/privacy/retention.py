"""How long raw data are kept: what is older than its period is deleted, and the access log says what was.

Nothing is deleted of which no period is set. Cases, counts, hashes, reasons and receipts' rows in the store stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from pv import access, archive, store
from pv.schema import file as file_table
from pv.schema import quarantine, redaction
from pv.settings import Settings
from pv.week import instant_text

_YEAR = 365.2425  # days


@dataclass(frozen=True)
class Due:
    """Something whose period has ended. `subject`: SHA-256 of a file, name of a receipt, number in the quarantine;
    `since`: the moment from which its period counts."""

    kind: str
    subject: str
    stream: str
    since: str
    place: Path | None = None


def due(connection: Connection, settings: Settings, now: datetime) -> list[Due]:
    """What is to be deleted, by kind and age."""
    last = {kind: instant_text(now - timedelta(days=years * _YEAR)) for kind, years in settings.retention.items()}
    found = [
        *_archived(connection, settings, last),
        *_quarantined(connection, last),
        *(one for kind in ("done", "refused") for one in _beside(settings, kind, last)),
    ]
    return sorted(found, key=lambda one: (one.kind, one.since, one.subject))


def _archived(connection: Connection, settings: Settings, last: Mapping[str, str]) -> list[Due]:
    """Files by the moment of their first loading; refused ones, and what no load knows, by that of their keeping."""
    columns = (file_table.c.sha256, file_table.c.recorded_at, file_table.c.stream)
    known = {str(sha256): (str(at), str(stream)) for sha256, at, stream in connection.execute(select(*columns))}
    copies = select(redaction.c.sha256, redaction.c.replaced_by).order_by(redaction.c.redaction_id)
    for sha256, copy in connection.execute(copies):  # a copy is as old as the file whose place it has
        if sha256 in known:
            known[str(copy)] = known[sha256]
    found = []
    for path in archive.objects(settings.archive):
        refused = archive.REFUSED in path.relative_to(settings.archive).parts
        kind, sha256 = "refused" if refused else "archive", archive.sha256_of(path)
        since, stream = (_kept_at(path), "") if refused else known.get(sha256, (_kept_at(path), ""))
        if kind in last and since <= last[kind]:
            found.append(Due(kind, sha256, stream, since, path))
    return found


def _kept_at(path: Path) -> str:
    return instant_text(datetime.fromtimestamp(path.stat().st_mtime, UTC))


def _quarantined(connection: Connection, last: Mapping[str, str]) -> list[Due]:
    if "quarantine" not in last:
        return []
    table = quarantine.c
    old = select(table.quarantine_id, table.stream, table.recorded_at).where(
        table.raw != "", table.recorded_at <= last["quarantine"]
    )
    return [Due("quarantine", str(key), str(stream), str(at)) for key, stream, at in connection.execute(old)]


def _beside(settings: Settings, kind: str, last: Mapping[str, str]) -> list[Due]:
    """Receipts and reasons, and files that earlier versions moved there as they came."""
    folder = settings.inbox / kind
    if kind not in last or not folder.is_dir():
        return []
    paths = [path for path in folder.iterdir() if path.is_file() and _kept_at(path) <= last[kind]]
    return [Due(kind, path.name, "", _kept_at(path), path) for path in paths]


def delete(engine: Engine, found: list[Due], who: str, why: str, now: datetime) -> None:
    """Delete what is due; recorded before, so that nothing goes without an entry."""
    with store.erasing(engine) as connection:
        for kind in sorted({one.kind for one in found}):
            for stream in sorted({one.stream for one in found if one.kind == kind}):
                subjects = [one.subject for one in found if (one.kind, one.stream) == (kind, stream)]
                access.record(connection, who, f"retention {kind}", why, now, stream=stream, subjects=subjects)
        for one in found:
            if one.kind == "quarantine":
                row = quarantine.c.quarantine_id == int(one.subject)
                connection.execute(quarantine.update().where(row).values(raw=""))
    for one in found:
        if one.place is not None:
            one.place.unlink(missing_ok=True)
