"""Quarantined reports checked once more by today's rules, code lists and layouts; those in order are stored."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, select

from pv import archive, keys, quarantine, store
from pv.intake.account import REPLAY, FileAccount
from pv.intake.files import FileRecord
from pv.intake.filled import replay_filled
from pv.intake.loading import Loading
from pv.schema import file
from pv.sources import Extract, FileRefused
from pv.sources.again import KeptRows, is_table, layout_of, read_again
from pv.sources.forms import STREAM as FORMS
from pv.sources.forms import Form
from pv.sources.layouts import Layout
from pv.week import instant_text


@dataclass(frozen=True)
class Replayed:
    """`accounts`: one a file whose rows were checked again. `left`: entries (as of `quarantine.entries`) whose rows are
    kept no longer, whose mapping file is gone, or that tell too little for today's layout: their file is to be loaded
    again."""

    accounts: tuple[FileAccount, ...]
    left: pd.DataFrame


def replay(
    engine: Engine,
    archive_folder: Path,
    key: str,
    recorded_at: datetime,
    stream: str = "",
    chosen: Collection[int] = (),
    own: Sequence[Layout] = (),
) -> Replayed:
    """Check waiting entries again, all in one transaction: what is in order is stored as of its own file.

    `own`: layouts of the centre (`sources.read_own`). Raises QuarantineError where one of the `chosen` does not wait.
    """
    stamp = instant_text(recorded_at.astimezone(UTC))
    accounts: list[FileAccount] = []
    done: set[int] = set()
    with store.writing(engine) as connection:
        keys_given = (key, keys.hash_key(connection, key, archive_folder))
        waiting = quarantine.chosen(quarantine.entries(connection, stamp, stream), chosen)
        # Forms come last: a verdict may be about a report that has waited as well.
        groups = waiting[waiting["kept"]].assign(form=lambda rows: rows["stream"] == FORMS)
        for _, entries in groups.groupby(["form", "file_id", "format"], sort=True):
            layout = layout_of(entries["format"].iloc[0], own)
            kept = {} if layout is None else kept_rows(connection, entries, layout, key)
            extracts = list(_extracts(layout, kept, done)) if layout is not None else []
            if layout is not None and extracts:
                accounts.append(_replay_file(connection, keys_given, recorded_at, entries, layout, extracts))
    return Replayed(tuple(accounts), waiting[~waiting["quarantine_id"].isin(done)])


def _extracts(layout: Layout, kept: dict[int, KeptRows], done: set[int]) -> Iterator[Extract]:
    """Batches of rows of the same headings, with the numbers of their entries; `done` gets those that can be read."""
    groups: dict[tuple[str, ...], list[KeptRows]] = {}
    numbers: dict[tuple[str, ...], list[int]] = {}
    for entry, rows in kept.items():
        marked = rows.with_column(quarantine.ENTRY_HEADING, str(entry))
        groups.setdefault(tuple(marked.columns), []).append(marked)
        numbers.setdefault(tuple(marked.columns), []).append(entry)
    for columns, group in groups.items():
        try:
            extract = read_again(layout, group)
        except FileRefused:
            continue
        done.update(numbers[columns])
        yield extract


def _replay_file(
    connection: Connection,
    keys_given: tuple[str, str],
    recorded_at: datetime,
    entries: pd.DataFrame,
    layout: Layout,
    extracts: Sequence[Extract],
) -> FileAccount:
    entry = entries.iloc[0]
    of_file = select(file.c.sha256).where(file.c.file_id == int(entry["file_id"]))
    sha256 = str(connection.execute(of_file).scalar_one())
    record = FileRecord(int(entry["file_id"]), entry["file"], sha256, REPLAY)
    if isinstance(layout, Form):
        stamp = instant_text(recorded_at.astimezone(UTC))
        since = dict(zip(entries["quarantine_id"].astype("str"), entries["recorded_at"], strict=True))
        return replay_filled(connection, extracts, record, keys_given, stamp, since)
    loading = Loading(connection, layout, keys_given, recorded_at, record, replaying=entry["newest_on"])
    for extract in extracts:
        loading.take(loading.prepared(extract))
    return loading.finish()


def kept_rows(connection: Connection, entries: pd.DataFrame, layout: Layout, key: str) -> dict[int, KeptRows]:
    """The rows of entries of a layout, decrypted. Raises ArchiveError where the key is another one."""
    sealed = quarantine.raw_rows(connection, entries["quarantine_id"].tolist())
    found = {}
    for entry in entries.to_dict("records"):
        number = int(entry["quarantine_id"])
        kept = _opened(entry, json.loads(archive.unseal(sealed[number], key)))
        found[number] = kept.once() if is_table(layout) else kept
    return found


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
