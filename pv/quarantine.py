"""The quarantine: reports that cannot be counted rightly, each an entry with its reasons, and what became of it.

Rows of forms that cannot be taken are entries too, of the stream `forms`; their number is what they are about. They are
never counted among the reports.

Entries and what closes them are only ever added. An entry waits until

- `stored`: a later file has the report in order;
- `mended`: a person corrected its rows in the sheet of `pvwatch quarantine export`, and they were loaded;
- `replayed`: its rows are in order by today's rules;
- `replaced`: the corrected rows are not in order either and wait as another entry;
- `outdated`: a newer version of the report is in the store;
- `dismissed`: a person has said why it need not be counted;
- `superseded`: a later entry has the same number (not recorded, it follows from the entries).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection, case, exists, select

from pv import store
from pv.schema import case_version, file, quarantine, quarantine_closing
from pv.text import is_among, lookup

WAITING = "waiting"
CLOSED = ("stored", "mended", "replayed", "replaced", "outdated", "dismissed")
STATES = (WAITING, "superseded", *CLOSED)
STANDS_FOR_IT = ("mended", "dismissed")  # the same text need not wait once more
ENTRY_HEADING = "隔离编号Entry"  # of the exported sheet, as headings are compared


class QuarantineError(ValueError):
    """An entry is not there or does not wait; the message says which and what became of it."""


def entries(connection: Connection, stamp: str, stream: str = "") -> pd.DataFrame:
    """All entries at a moment, oldest first, without their raw rows: the columns of `quarantine`, and file (its name),
    format, newest_on (of the file), kept (whether the rows are; their period may have ended), state (one of STATES),
    stored (whether a version of the report is in the store)."""
    table = quarantine.c
    columns = [column for column in table if column.name not in {"raw", "format"}]
    written = case((table.format != "", table.format), else_=file.c.format).label("format")
    kept = case((table.raw != "", 1), else_=0).label("kept")
    found = _with_state(connection, stamp, stream, [*columns, kept, file.c.name.label("file"), written])
    stored = is_among(_report(found), _stored_reports(connection, stamp))
    return found.assign(kept=found["kept"] > 0, stored=stored)


def _with_state(connection: Connection, stamp: str, stream: str, columns: list[ColumnElement[Any]]) -> pd.DataFrame:
    """These columns (at least quarantine_id, stream and case_number) of all entries at a moment, with newest_on and
    state."""
    table = quarantine.c
    statement = select(*columns, file.c.newest_on).join(file, file.c.file_id == table.file_id)
    statement = statement.where(table.recorded_at <= stamp).order_by(table.quarantine_id)
    found = store.read(connection, statement.where(table.stream == stream) if stream else statement)
    closed = lookup(found["quarantine_id"], _closings(connection, stamp))
    superseded = (found["case_number"] != "") & _report(found).duplicated(keep="last")
    state = closed.where(closed != "", pd.Series(np.where(superseded, "superseded", WAITING), found.index, dtype="str"))
    return found.assign(state=state)


def _report(frame: pd.DataFrame) -> pd.Series[str]:
    return frame["stream"] + "\x1f" + frame["case_number"]


def _closings(connection: Connection, stamp: str) -> dict[int, str]:
    table = quarantine_closing.c
    statement = select(table.quarantine_id, table.how).where(table.recorded_at <= stamp).order_by(table.closing_id)
    return {int(key): str(how) for key, how in connection.execute(statement)}


def _stored_reports(connection: Connection, stamp: str) -> pd.Series[str]:
    """The quarantined numbers of which a version is in the store, with their streams."""
    same = (case_version.c.stream == quarantine.c.stream) & (case_version.c.case_number == quarantine.c.case_number)
    stored = exists().where(same, case_version.c.recorded_at <= stamp)  # a join may go through all versions
    statement = select(quarantine.c.stream, quarantine.c.case_number).where(quarantine.c.case_number != "", stored)
    return _report(store.read(connection, statement))


def raw_rows(connection: Connection, keys: Sequence[int]) -> dict[int, str]:
    """The sealed rows of entries."""
    table = quarantine.c
    statement = select(table.quarantine_id, table.raw).where(store.among(connection, table.quarantine_id, keys))
    return {int(key): str(raw) for key, raw in connection.execute(statement)}


def chosen(found: pd.DataFrame, keys: Collection[int]) -> pd.DataFrame:
    """The waiting ones of `entries`; of these the given ones. Raises QuarantineError where one does not wait."""
    waiting = found[found["state"] == WAITING]
    if not keys:
        return waiting
    states = dict(zip(found["quarantine_id"].tolist(), found["state"], strict=True))
    for key in sorted(keys):
        if states.get(key) != WAITING:
            raise QuarantineError(
                f"entry {key} does not wait: it is {states[key]}."
                if key in states
                else f"there is no entry {key} in the quarantine; see: pvwatch quarantine"
            )
    return waiting[waiting["quarantine_id"].isin(keys)]


def close(
    connection: Connection,
    keys: Iterable[int],
    how: str,
    stamp: str,
    *,
    by_file: str = "",
    done_by: str = "",
    reason: str = "",
) -> int:
    """Note what became of entries; gives how many."""
    listed = sorted(set(keys))
    start = store.next_key(connection, quarantine_closing)
    rows = pd.DataFrame({"closing_id": range(start, start + len(listed)), "quarantine_id": listed})
    said = {"how": how, "by_file": by_file, "done_by": done_by, "reason": reason, "recorded_at": stamp}
    store.append(connection, quarantine_closing, rows.assign(**said))
    return len(listed)


def dismiss(connection: Connection, keys: Collection[int], done_by: str, reason: str, stamp: str) -> pd.DataFrame:
    """Entries that need not be counted, as a person says. Raises QuarantineError where one does not wait."""
    if not (keys and done_by.strip() and reason.strip()):
        raise QuarantineError("say which entries are dismissed, by whom and why")
    found = chosen(entries(connection, stamp), keys)
    close(connection, found["quarantine_id"].tolist(), "dismissed", stamp, done_by=done_by.strip(), reason=reason)
    return found


class Waiting:
    """What waits while a file of a stream is loaded: tells which broken reports are new, and which entries it ends.

    A file that has been read before says nothing new: it enters no text that ever waited, and ends only what it
    stores. `replaying`: the rows are those of the entries themselves.
    """

    _FACTS = ("quarantine_id", "stream", "case_number", "content_hash", "modified_on")

    def __init__(self, connection: Connection, stream: str, *, again: bool, replaying: bool = False) -> None:
        found = _with_state(connection, "9999", stream, [quarantine.c[name] for name in self._FACTS])
        known = found if again else found[found["state"].isin([WAITING, *STANDS_FOR_IT])]
        self._again, self._mended = again, "replayed" if replaying else "mended"
        self._known = Counter(known["content_hash"])
        self._here: Counter[str] = Counter()
        open_entries = found[found["state"] == WAITING]
        numbers = open_entries["case_number"]
        self._open = set(open_entries["quarantine_id"].tolist())
        facts = zip(
            numbers,
            open_entries["quarantine_id"].tolist(),
            open_entries["modified_on"],
            open_entries["newest_on"],
            strict=True,
        )
        self._by_number = {number: (key, modified, newest) for number, key, modified, newest in facts if number}
        self._ended: dict[str, set[int]] = {}
        self._told: dict[int, str] = {}  # entries that this file tells in order; the export it must not be older than

    def is_new(self, content: str, number: str) -> bool:
        """Whether a broken report is to be entered. Reports without a number are told apart by nothing but their place:
        two of equal content are two entries, and only as many wait as one file has."""
        self._here[content] += 1
        if self._here[content] <= self._known[content]:
            return False
        return not number or not (self._known[content] or self._here[content] > 1)

    def good(self, rows: pd.DataFrame, stored: pd.Series[bool]) -> None:
        """Rows in order (case_number, modified_on, entry: the number written in the sheet or ""): ends their entries.
        `stored`: those that are new to the store."""
        if not self._open:
            return
        self._end(self._mended, _numbers(rows["entry"]))
        told = rows[stored] if self._again else rows
        told = told[told["case_number"].isin(self._by_number.keys())]
        for number, modified in zip(told["case_number"], told["modified_on"], strict=True):
            key, of_entry, newest = self._by_number[number]
            dated = bool(modified and of_entry)
            if not (dated and modified < of_entry):
                self._told[key] = min(self._told.get(key, "9999"), "" if dated else newest)

    def ends(self, newest: str) -> dict[str, set[int]]:
        """How which entries end, now that the newest receipt of the file is known: where nothing says when a report was
        changed, the newer export is right."""
        self._end("stored", [key for key, export in self._told.items() if newest >= export])
        return self._ended

    def bad(self, written: pd.Series[str]) -> None:
        """Rows that are entered anew: the entries they were to mend are replaced."""
        self._end("replaced", _numbers(written))

    def outdated(self, written: pd.Series[str]) -> None:
        """Rows of entries of which something newer is in force."""
        self._end("outdated", _numbers(written))

    def _end(self, how: str, keys: Iterable[int]) -> None:
        for key in keys:
            if key in self._open:
                self._open.remove(key)
                self._ended.setdefault(how, set()).add(key)


def _numbers(written: pd.Series[str]) -> list[int]:
    return [int(text) for text in written.unique() if text.isascii() and text.isdigit()]


def outdated(connection: Connection, first: int) -> list[int]:
    """Entries from the number `first` on of which a version with a later modification is in the store."""
    table = quarantine.c
    newer = (
        (case_version.c.stream == table.stream)
        & (case_version.c.case_number == table.case_number)
        & (case_version.c.modified_on > table.modified_on)
    )
    statement = select(table.quarantine_id).join(case_version, newer).distinct()
    mine = (table.quarantine_id >= first) & (table.modified_on != "") & (table.case_number != "")
    return [int(key) for key in connection.execute(statement.where(mine)).scalars()]


def by_state(found: pd.DataFrame) -> Mapping[str, int]:
    """How many entries are in each of STATES."""
    counts = found["state"].value_counts()
    return {state: int(counts.get(state, 0)) for state in STATES}
