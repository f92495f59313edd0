"""The record of a file in the store: made when its loading begins, filled in when it ends."""

from __future__ import annotations

from sqlalchemy import Connection, select

from pv import store
from pv.intake.account import FileAccount
from pv.schema import file

_COUNTS = ("read", "stored", "unchanged", "quarantined", "warnings", "cases")


def file_record(
    connection: Connection, sha256: str, name: str, stream: str, layout: str, stamp: str
) -> tuple[int, bool]:
    """The file's number, and whether it has been read before: then its record stays as it is."""
    known = connection.execute(select(file.c.file_id).where(file.c.sha256 == sha256)).scalar()
    if known is not None:
        return int(known), True
    file_id = store.next_key(connection, file)
    values: dict[str, object] = {column.name: 0 for column in file.columns}
    texts = {"sha256": sha256, "name": name, "recorded_at": stamp, "weeks": "", "newest_on": ""}
    values |= texts | {"file_id": file_id, "stream": stream, "format": layout}
    connection.execute(file.insert().values(values))
    return file_id, False


def close_record(connection: Connection, file_id: int, account: FileAccount, newest: str = "") -> None:
    """Write what became of the file's rows, and the newest receipt in it."""
    values: dict[str, object] = {name: getattr(account, name) for name in _COUNTS}
    update = file.update().where(file.c.file_id == file_id)
    connection.execute(update.values(values | {"weeks": ";".join(account.weeks), "newest_on": newest}))
