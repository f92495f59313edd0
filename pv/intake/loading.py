"""A file into the store, batch by batch, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, Table

from pv import archive, contracts, duplicates, keys, store
from pv.intake import copies, forgotten
from pv.intake.account import DRY_RUN, FIRST, FileAccount, Problem, Tally
from pv.intake.content import with_hashes
from pv.intake.files import FileRecord, close_record, file_record, note_refusal
from pv.intake.filled import load_filled
from pv.intake.items import event_rows, product_rows
from pv.intake.quantities import load_quantities
from pv.intake.retractions import withdrawn_versions, without_retractions
from pv.intake.undated import returned, settle_undated
from pv.intake.versions import (
    PENDING,
    in_order,
    known_versions,
    only_new,
    settle_pending,
    settle_split_cases,
    versions_of,
)
from pv.intake.waiting import entry_numbers, quarantine_rows
from pv.quarantine import Waiting, close, outdated
from pv.schema import case_event, case_person, case_product, case_version, quarantine
from pv.sources import Extract, FileRefused, Source, open_source
from pv.sources.forms import Form
from pv.sources.layouts import USE, Layout
from pv.week import instant_text, local_day

_LARGE = 16 << 20  # bytes of a file for which indexes are made anew
_A_REPORT = 1_000  # bytes, more than most: so many a stored version make a file that holds more than the store
_FILLED = (case_version, case_product, case_event, case_person)
_MANY = 1_000  # versions; joins of so many that PostgreSQL does not expect take minutes


def load_file(
    engine: Engine,
    path: Path,
    archive_folder: Path,
    key: str,
    recorded_at: datetime,
    dry_run: bool = False,
    own: Sequence[Layout] = (),
) -> FileAccount:
    """Load a file; of a refused one nothing is stored but that it was refused, and why.

    With `dry_run` the account is the same and nothing is kept. `own`: layouts of the centre (`sources.read_own`).
    """
    try:
        sha256 = _sha256(path)
        return _into_store(
            engine, open_source(path, own=own), (path, sha256), archive_folder, key, recorded_at, dry_run
        )
    except FileRefused as refusal:
        account = _refused(path, refusal)
        if dry_run:
            return replace(account, kind=DRY_RUN)
        note_refusal(engine, account, instant_text(recorded_at.astimezone(UTC)))
        return account


def _sha256(path: Path) -> str:
    try:
        return archive.file_sha256(path)
    except OSError as error:
        raise FileRefused("unreadable", detail=error.strerror or str(error)) from None


def _into_store(
    engine: Engine,
    source: Source,
    file: tuple[Path, str],
    archive_folder: Path,
    key: str,
    recorded_at: datetime,
    dry_run: bool,
) -> FileAccount:
    path, sha256 = file
    with _archiving(path, archive_folder, sha256, key, dry_run) as finish, store.writing(engine) as connection:
        keys_given = (key, keys.hash_key(connection, key, archive_folder))
        stamp = instant_text(recorded_at.astimezone(UTC))
        forgotten_met, replaced_by = False, sha256
        if isinstance(source.layout, Form):
            account = load_filled(connection, source, path, sha256, keys_given, stamp)
        elif source.layout.grain == USE:
            account = load_quantities(connection, source.layout, path, sha256, stamp)
        else:
            account, forgotten_met = _load_reports(connection, source, keys_given, recorded_at, file)
        finish()
        if dry_run:
            connection.rollback()
            return replace(account, kind=DRY_RUN)
        if forgotten_met:
            replaced_by = copies.withhold(connection, source, (archive_folder, sha256), key, stamp)
    copies.remove((archive_folder, sha256), replaced_by)
    return account


def _load_reports(
    connection: Connection, source: Source, keys_given: tuple[str, str], recorded_at: datetime, file: tuple[Path, str]
) -> tuple[FileAccount, bool]:
    """The account of a file of reports, and whether it tells cases that are forgotten."""
    path, sha256 = file
    stamp = instant_text(recorded_at.astimezone(UTC))
    record = file_record(connection, sha256, path.name, source.layout.stream, source.layout.name, stamp)
    loading = Loading(connection, source.layout, keys_given, recorded_at, record)
    makes_up_store = path.stat().st_size > max(_LARGE, _A_REPORT * loading.stored_before)
    alone = loading.stored_before == 0 or not store.is_server(connection)
    with store.unhindered(connection, _FILLED, but=("stream",)) if makes_up_store and alone else nullcontext():
        for batch in _ahead(map(loading.prepared, source.batches())):
            loading.take(batch)
    return replace(loading.finish(), file=str(path)), loading.forgotten_met


def _refused(path: Path, refusal: FileRefused) -> FileAccount:
    try:
        sha256 = archive.file_sha256(path)
    except OSError:
        sha256 = ""
    return FileAccount(str(path), sha256, refused=refusal.code, refused_values=refusal.values)


@contextmanager
def _archiving(path: Path, folder: Path, sha256: str, key: str, dry_run: bool) -> Iterator[Callable[[], None]]:
    """Archive a file beside the loading of it (packing 400 MB takes 10 s of the other core); a file of which nothing
    is taken leaves nothing. `finish()` waits until it is kept."""
    target = archive.stored_path(folder, sha256)
    if dry_run or target.is_file():
        yield lambda: None
        return
    with ThreadPoolExecutor(1) as pool:
        kept = pool.submit(archive.keep, path, folder, sha256, key)
        try:
            yield lambda: _wait(kept)
        except BaseException:
            if kept.exception() is None:
                target.unlink(missing_ok=True)
            raise


def _wait(kept: Future[Path]) -> None:
    kept.result()


def _ahead(batches: Iterator[_Batch]) -> Iterator[_Batch]:
    """Prepare the next batch while the database, or its server, stores the present one."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = pool.submit(next, batches, None)
            yield batch


@dataclass(frozen=True)
class _Batch:
    """A checked batch: its rows with hashes, and beside them the case numbers that are withdrawn."""

    extract: Extract
    checked: contracts.Checked
    rows: pd.DataFrame
    withdrawn: pd.Series[str]


class Loading:
    """Rows of a file on their way into the store. Keys are given out densely: this is the only writer.

    `replaying`: the rows are those of the quarantine, so what is not in order waits already; the newest receipt of the
    file that they came in.
    """

    def __init__(
        self,
        connection: Connection,
        layout: Layout,
        keys_given: tuple[str, str],
        recorded_at: datetime,
        record: FileRecord,
        replaying: str | None = None,
    ) -> None:
        self._connection, self._record = connection, record
        self._key, self._hashing = keys_given  # that encrypts, and that of the store's hashes
        self._layout, self._stream = layout.name, layout.stream
        self._today: date = local_day(recorded_at)
        self._stamp = instant_text(recorded_at.astimezone(UTC))
        self._tally = Tally()
        self._forgotten = forgotten.numbers(connection, layout.stream)
        self.forgotten_met = False
        self._next = {
            table: store.next_key(connection, table) for table in (case_version, case_product, case_event, quarantine)
        }
        self._first_version, self._first_entry = self._next[case_version], self._next[quarantine]
        self._rows_of: dict[int, int] = {}
        self._replaying = replaying is not None
        self._tally.newest = replaying or ""
        self._waiting = Waiting(connection, layout.stream, again=record.kind != FIRST, replaying=self._replaying)
        self._file_id = record.file_id
        self.stored_before = self._first_version - 1

    def prepared(self, extract: Extract) -> _Batch:
        """What can be done to a batch without the store."""
        rest, withdrawn = without_retractions(extract)
        if self._forgotten:
            rest, met = forgotten.without_persons(rest, self._forgotten)
            self.forgotten_met |= met
        checked = contracts.check(rest, self._today)
        return _Batch(rest, checked, with_hashes(checked.rows, rest, self._hashing), withdrawn)

    def take(self, batch: _Batch) -> None:
        """Store a batch."""
        self._withdraw(batch.withdrawn)
        if batch.rows.empty:
            return
        extract, checked, rows = batch.extract, batch.checked, batch.rows
        self._tally.add(extract, checked)
        bad = rows["report"].isin(checked.quarantined)
        self._take_good(rows[~bad] if bad.any() else rows, extract, checked)
        if bad.any():
            self._take_bad(rows[bad], extract, checked)

    def _withdraw(self, numbers: pd.Series[str]) -> None:
        if not numbers.empty:
            versions = withdrawn_versions(self._connection, numbers, self._stream, self._hashing)
            self._append(case_version, versions)
            self._tally.read += len(numbers)
            self._tally.stored += len(versions)

    def _take_good(self, good: pd.DataFrame, extract: Extract, checked: contracts.Checked) -> None:
        self._tally.newest = max(self._tally.newest, str(good["received_on"].max()) if len(good) else "")
        versions = in_order(versions_of(good, checked.problems, extract))
        known = known_versions(self._connection, versions["case_number"], self._stream)
        versions = only_new(versions, known, returned(versions, known, self._first_version))
        versions = settle_split_cases(self._connection, versions, known, self._first_version)
        new = good["report"].isin(versions["report"])
        self._waiting.good(good.assign(entry=entry_numbers(extract).loc[good.index]), new)
        kept = good if new.all() else good[new]
        versions = self._append(case_version, versions)
        self._note_pending(versions, kept)
        keys = versions.set_index("report")["version_id"]
        for table, frame in (
            (case_product, product_rows(kept, extract.layout)),
            (case_event, event_rows(kept, extract.layout)),
        ):
            self._append(table, frame.assign(version_id=frame["report"].map(keys)))
        told = (versions["name_hash"] != "") | (versions["birth_hash"] != "")
        store.append(self._connection, case_person, versions[told])
        self._tally.stored += int(kept["counts"].sum())
        self._tally.touch(versions["effective_on"].unique())

    def _note_pending(self, versions: pd.DataFrame, rows: pd.DataFrame) -> None:
        """How many rows each version has that may not hold once the whole file is read."""
        pending = versions[versions["effective_on"] == PENDING]
        if len(pending):
            counted = rows.groupby("report")["counts"].sum()
            self._rows_of |= dict(zip(pending["version_id"], pending["report"].map(counted), strict=True))

    def _take_bad(self, rows: pd.DataFrame, extract: Extract, checked: contracts.Checked) -> None:
        self._tally.quarantined += int(rows["counts"].sum())
        if self._replaying:
            return
        waiting = quarantine_rows(rows, extract, checked, self._waiting, self._key)
        self._waiting.bad(waiting["entry"])
        self._append(quarantine, waiting)
        self._tally.entries += len(waiting)
        self._tally.entered += int(waiting["row_count"].sum())
        self._tally.touch(waiting["received_on"].unique())

    def _append(self, table: Table, frame: pd.DataFrame) -> pd.DataFrame:
        """Number rows, mark them as this file's and store them."""
        (key,) = table.primary_key.columns
        start = self._next[table]
        self._next[table] = start + len(frame)
        numbered = frame.assign(**{key.name: np.arange(start, start + len(frame))})
        if "file_id" in table.columns:
            numbered = numbered.assign(file_id=self._file_id, recorded_at=self._stamp)
        store.append(self._connection, table, numbered)
        return numbered

    def finish(self) -> FileAccount:
        """What needs the whole file: dates that wait for the newest receipt, duplicates, the file's record."""
        newest = self._tally.newest or self._today.isoformat()
        if self._next[case_version] - self._first_version > _MANY:
            store.refresh_statistics(self._connection, _FILLED)
        self._settle_undated(newest)
        if settle_pending(self._connection, self._first_version, newest):
            self._tally.touch([newest])
        linked = duplicates.link_new(self._connection, self._stream, self._first_version, self._stamp)
        self._tally.touch(linked.days)
        if linked.stopped:
            self._tally.warn(Problem("merging_held", "warning", "", 0, "", str(linked.held), ""))
        self._tally.versions += self._next[case_version] - self._first_version
        self._end_entries(newest)
        account = self._tally.account(
            self._record.name, self._record.sha256, self._stream, self._layout, self._record.kind
        )
        close_record(self._connection, self._record, account, self._stamp, self._tally.newest)
        return account

    def _settle_undated(self, newest: str) -> None:
        settled = settle_undated(self._connection, self._stream, self._first_version, newest)
        self._tally.stored -= sum(int(self._rows_of[version]) for version in settled.dropped)
        self._tally.versions -= len(settled.dropped)
        for code, count in (("older_export", settled.outdated), ("newer_export_loaded", settled.doubtful)):
            if count:
                self._tally.warn(Problem(code, "warning", "", 0, "", str(count), ""))

    def _end_entries(self, newest: str) -> None:
        """Note which entries of the quarantine need not wait any more."""
        ended = self._waiting.ends(newest)
        if self._next[quarantine] > self._first_entry:
            ended["outdated"] = set(outdated(self._connection, self._first_entry))
        for how, entries in ended.items():
            self._tally.cleared += close(self._connection, entries, how, self._stamp, by_file=self._record.sha256)
