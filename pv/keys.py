"""Which key does what: `PVWATCH_KEY` encrypts; a key of the store's own, kept in it under `PVWATCH_KEY`, hashes.

The hashes of patients, names, birth dates, record numbers and contents have to stay comparable when `PVWATCH_KEY` is
changed: then only the wrapping of the store's key is. A store whose hashes were made with `PVWATCH_KEY` itself, as
earlier versions did, goes on with that very key.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet
from sqlalchemy import Connection, select

from pv import archive
from pv.schema import file as file_table
from pv.schema import quarantine, store_key
from pv.settings import SettingsError
from pv.week import instant_text


class WrongKeyError(SettingsError):
    """`PVWATCH_KEY` is not the key of this store; the message says which one is."""


def mark_of(key: str) -> str:
    """Eight digits by which people tell keys apart; nothing of the key can be told from them."""
    return hmac.digest(key.encode(), b"pvwatch mark", "sha256").hex()[:8]


def hash_key(connection: Connection, key: str, archive_folder: Path) -> str:
    """The key of the store's hashes; made, or taken over, on the first use of a store.

    Call it inside `store.writing`. Raises WrongKeyError.
    """
    known = _known(connection, key)
    if known:
        return known
    made = _earlier(connection, key, archive_folder) or Fernet.generate_key().decode("ascii")
    values = {"store_key_id": 1, **_wrapped(made, key)}
    connection.execute(store_key.insert().values(values))
    return made


def check(connection: Connection, key: str, archive_folder: Path) -> None:
    """Whether the key is that of the store, before anything is written. Raises WrongKeyError."""
    if not _known(connection, key):
        _earlier(connection, key, archive_folder)


def wrap_again(connection: Connection, key: str) -> bool:
    """Keep the store's key under the first of several; whether it was not yet. Raises WrongKeyError."""
    known = _known(connection, key)
    first = archive.keys_of(key)[0]
    if not known or connection.execute(select(store_key.c.mark)).scalar_one() == mark_of(first):
        return False
    connection.execute(store_key.update().values(_wrapped(known, key)))
    return True


def _wrapped(made: str, key: str) -> dict[str, str]:
    mark, now = mark_of(archive.keys_of(key)[0]), instant_text(datetime.now(UTC))
    return {"recorded_at": now, "sealed": archive.seal(made, key), "mark": mark}


def _known(connection: Connection, key: str) -> str:
    """The store's key; "" where it has none yet."""
    row = connection.execute(select(store_key.c.sealed, store_key.c.mark)).one_or_none()
    if row is None:
        return ""
    try:
        return archive.unseal(row.sealed, key)
    except archive.ArchiveError:
        given = ", ".join(map(mark_of, archive.keys_of(key)))
        raise WrongKeyError(
            f"PVWATCH_KEY is not the key of this store: the store needs the key with the mark {row.mark}, "
            f"PVWATCH_KEY has {given}. Nothing was read or written. Set the right key "
            "(pvwatch make-key --mark shows the mark of the one that is set); a lost key cannot be replaced, "
            "see docs/privacy.md"
        ) from None


def _earlier(connection: Connection, key: str, archive_folder: Path) -> str:
    """The key with which an earlier version made the hashes of this store; "" for a store without files.

    What that version encrypted tells which one it was.
    """
    newest = select(file_table.c.sha256).order_by(file_table.c.file_id.desc())
    files = [str(sha256) for sha256 in connection.execute(newest.limit(100)).scalars()]
    if not files:
        return ""
    keys = archive.keys_of(key)
    text = connection.execute(select(quarantine.c.raw).where(quarantine.c.raw != "").limit(1)).scalar()
    kept = next((path for sha256 in files if (path := archive.stored_path(archive_folder, sha256)).is_file()), None)
    if text is None and kept is None:
        return keys[-1]
    for one in keys:
        if _unseals(str(text), one) if text is not None else archive.is_readable(Path(str(kept)), one):
            return one
    raise WrongKeyError(
        "PVWATCH_KEY is not the key of this store: it does not open what the store has encrypted. "
        "Nothing was read or written. Set the key that was used so far; see docs/privacy.md"
    )


def _unseals(text: str, key: str) -> bool:
    try:
        return bool(archive.unseal(text, key))
    except archive.ArchiveError:
        return False
