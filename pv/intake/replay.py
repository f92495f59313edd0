"""Quarantined reports checked once more by today's rules, code lists and layouts; those in order are stored."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, select

from pv import archive, keys, quarantine, store
from pv.intake.account import REPLAY, FileAccount
from pv.intake.files import FileRecord
from pv.intake.loading import Loading
from pv.schema import file
from pv.sources import Extract
from pv.sources.again import KeptRows, layout_of, read_again
from pv.week import instant_text


@dataclass(frozen=True)
class Replayed:
    """`accounts`: one a file whose rows were checked again. `left`: entries (as of `quarantine.entries`) whose
    rows are kept no longer or tell too little by themselves: their file is to be loaded again."""

    accounts: tuple[FileAccount, ...]
    left: pd.DataFrame


def replay(
    engine: Engine,
    archive_folder: Path,
    key: str,
    recorded_at: datetime,
    stream: str = "",
    chosen: Collection[int] = (),
) -> Replayed:
    """Check waiting entries again, all in one transaction: what is in order is stored as of its own file.

    Raises QuarantineError where one of the `chosen` does not wait.
    """
    stamp = instant_text(recorded_at.astimezone(UTC))
    with store.writing(engine) as connection:
        keys_given = (key, keys.hash_key(connection, key, archive_folder))
        waiting = quarantine.chosen(quarantine.entries(connection, stamp, stream), chosen)
        known = waiting["kept"] & waiting["format"].map(lambda name: layout_of(name) is not None).astype("bool")
        accounts = [
            _replay_file(connection, keys_given, recorded_at, entries)
            for _, entries in waiting[known].groupby("file_id", sort=True)
        ]
    return Replayed(tuple(accounts), waiting[~known])


def _replay_file(
    connection: Connection, keys_given: tuple[str, str], recorded_at: datetime, entries: pd.DataFrame
) -> FileAccount:
    first = entries.iloc[0]
    layout = layout_of(first["format"])
    assert layout is not None  # noqa: S101 - the caller has looked
    of_file = select(file.c.sha256).where(file.c.file_id == int(first["file_id"]))
    record = FileRecord(int(first["file_id"]), first["file"], str(connection.execute(of_file).scalar_one()), REPLAY)
    loading = Loading(connection, layout, keys_given, recorded_at, record, replaying=first["newest_on"])
    kept = kept_rows(connection, entries, keys_given[0])
    for group in _by_headings(kept):
        extract = read_again(layout, list(group.values()))
        written = [str(entry) for entry, rows in group.items() for _ in rows.rows]
        raw = extract.raw.assign(**{quarantine.ENTRY_HEADING: pd.Series(written, dtype="str")})
        loading.take(loading.prepared(Extract(layout, extract.fields, raw)))
    return loading.finish()


def _by_headings(kept: dict[int, KeptRows]) -> Iterator[dict[int, KeptRows]]:
    groups: dict[tuple[str, ...], dict[int, KeptRows]] = {}
    for entry, rows in kept.items():
        groups.setdefault(tuple(rows.columns), {})[entry] = rows
    yield from groups.values()


def kept_rows(connection: Connection, entries: pd.DataFrame, key: str) -> dict[int, KeptRows]:
    """The rows of entries, decrypted. Raises ArchiveError where the key is another one."""
    sealed = quarantine.raw_rows(connection, entries["quarantine_id"].tolist())
    return {
        int(entry["quarantine_id"]): _opened(
            entry, json.loads(archive.unseal(sealed[int(entry["quarantine_id"])], key))
        )
        for entry in entries.to_dict("records")
    }


def _opened(entry: dict[Any, Any], raw: dict[str, Any]) -> KeptRows:
    size = len(raw["data"])
    if "rows" in raw:
        marks = {name: raw[name] for name in raw.keys() - {"columns", "data", "rows", "sheets"}}
        return KeptRows(raw["columns"], raw["data"], raw["sheets"], raw["rows"], marks)
    # An entry of an earlier version: places and marks follow from what it says of itself.
    rows = [int(number) for number in entry["rows"].split(",")]
    rows = rows if len(rows) == size else [rows[0]] * size
    faults = {reason["row"]: reason["code"] for reason in json.loads(entry["reasons"])}
    marks = {
        "ragged": [faults.get(row) == "ragged" for row in rows],
        "fault": ["?" if faults.get(row) == "message_broken" else "" for row in rows],
        "standing": ["stray" if faults.get(row) == "stray" else "" for row in rows],
    }
    return KeptRows(raw["columns"], raw["data"], [entry["sheet"]] * size, rows, marks)
