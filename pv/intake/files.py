"""The record of a file in the store: made when its loading begins, filled in when it ends; and of what was refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePath

from sqlalchemy import Connection, Engine, select

from pv import store
from pv.intake.account import AGAIN, FIRST, FileAccount
from pv.schema import file, file_load, file_refusal

_COUNTS = ("read", "stored", "unchanged", "quarantined", "warnings", "cases")


@dataclass(frozen=True)
class FileRecord:
    """A file of the store; `kind`: how its rows come now, see `FileAccount`."""

    file_id: int
    name: str
    sha256: str
    kind: str


def file_record(connection: Connection, sha256: str, name: str, stream: str, layout: str, stamp: str) -> FileRecord:
    """The record of a file. One that has been read before keeps the account of that time, beside that of now."""
    known = connection.execute(select(file.c.file_id).where(file.c.sha256 == sha256)).scalar()
    if known is not None:
        return FileRecord(int(known), name, sha256, AGAIN)
    file_id = store.next_key(connection, file)
    values: dict[str, object] = {column.name: 0 for column in file.columns}
    texts = {"sha256": sha256, "name": name, "recorded_at": stamp, "weeks": "", "newest_on": ""}
    values |= texts | {"file_id": file_id, "stream": stream, "format": layout}
    connection.execute(file.insert().values(values))
    return FileRecord(file_id, name, sha256, FIRST)


def close_record(
    connection: Connection, record: FileRecord, account: FileAccount, stamp: str, newest: str = ""
) -> None:
    """Write what became of the rows, and the newest receipt among them."""
    weeks = ";".join(account.weeks)
    if record.kind == FIRST:
        values: dict[str, object] = {name: getattr(account, name) for name in _COUNTS}
        update = file.update().where(file.c.file_id == record.file_id)
        connection.execute(update.values(values | {"weeks": weeks, "newest_on": newest}))
    key = store.next_key(connection, file_load)
    known = {"load_id": key, "file_id": record.file_id, "recorded_at": stamp, "weeks": weeks}
    counts = {column.name: getattr(account, column.name) for column in file_load.columns if column.name not in known}
    connection.execute(file_load.insert().values(known | counts))


def note_refusal(engine: Engine, account: FileAccount, stamp: str) -> None:
    """Remember that a file was refused, by its name without folders."""
    detail = json.dumps(account.refused_values, ensure_ascii=False, default=str)
    values = {"sha256": account.sha256, "name": PurePath(account.file).name, "recorded_at": stamp}
    with store.writing(engine) as connection:
        key = store.next_key(connection, file_refusal)
        connection.execute(file_refusal.insert().values(refusal_id=key, code=account.refused, detail=detail, **values))
