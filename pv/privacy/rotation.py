"""Another PVWATCH_KEY: what the old one encrypted is encrypted with the new one, a file or some rows at a time.

While it goes on, and where it was killed, both keys are given and everything can be read; a second run goes on where
the first one stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, bindparam, select

from pv import archive, keys, store
from pv.schema import quarantine

_ROWS = 500  # of the quarantine in a transaction: another writer waits no longer than for these
_STALE = 86_400  # seconds after which a file that is being written is one that a killed run has left


@dataclass
class Rotation:
    """What was encrypted anew, and what no given key opens."""

    files: int = 0
    files_changed: int = 0
    rows: int = 0
    rows_changed: int = 0
    hash_key_changed: bool = False
    unreadable: list[str] = field(default_factory=list)


def rotate(
    engine: Engine, archive_folder: Path, key: str, progress: Callable[[int, int], None] | None = None
) -> Rotation:
    """Bring everything under the first of the keys. `progress` is told how many of how many parts are done.

    Raises WrongKeyError where no key is that of the store; what single files or rows cannot be read is listed.
    """
    found = Rotation()
    with store.writing(engine) as connection:
        keys.hash_key(connection, key, archive_folder)
        found.hash_key_changed = keys.wrap_again(connection, key)
        rows = _sealed_rows(connection)
    files = archive.objects(archive_folder)
    parts = [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]
    found.rows, found.files = len(rows), len(files)
    total = len(parts) + len(files)
    for done, part in enumerate(parts, start=1):
        with store.writing(engine) as connection:
            _rotate_rows(connection, part, key, found)
        if progress is not None:
            progress(done, total)
    for done, path in enumerate(files, start=len(parts) + 1):
        _rotate_file(path, key, found)
        if progress is not None:
            progress(done, total)
    _remove_unfinished(archive_folder)
    return found


def _sealed_rows(connection: Connection) -> list[int]:
    statement = select(quarantine.c.quarantine_id).where(quarantine.c.raw != "").order_by(quarantine.c.quarantine_id)
    return list(map(int, connection.execute(statement).scalars()))


def _rotate_rows(connection: Connection, numbers: list[int], key: str, found: Rotation) -> None:
    first, changed = archive.keys_of(key)[0], []
    statement = select(quarantine.c.quarantine_id, quarantine.c.raw).where(
        quarantine.c.quarantine_id.between(numbers[0], numbers[-1]), quarantine.c.raw != ""
    )
    for number, sealed in connection.execute(statement).all():
        try:
            archive.unseal(sealed, first)
        except archive.ArchiveError:
            try:
                changed.append({"number": number, "sealed": archive.seal(archive.unseal(sealed, key), key)})
            except archive.ArchiveError:
                found.unreadable.append(f"quarantine {number}")
    if changed:
        update = quarantine.update().where(quarantine.c.quarantine_id == bindparam("number"))
        connection.execute(update.values(raw=bindparam("sealed")), changed)
    found.rows_changed += len(changed)


def _rotate_file(path: Path, key: str, found: Rotation) -> None:
    try:
        found.files_changed += archive.reseal(path, key)
    except archive.ArchiveError:
        found.unreadable.append(str(path))
    except FileNotFoundError:  # deleted meanwhile
        found.files -= 1


def _remove_unfinished(folder: Path) -> None:
    for path in archive.unfinished(folder):
        if time.time() - path.stat().st_mtime > _STALE:
            path.unlink(missing_ok=True)
