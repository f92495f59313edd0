"""Forms that people have filled in, into the store; rows that cannot be taken, into the quarantine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection

from pv import archive, forms, messages, store
from pv.intake.account import FIRST, FileAccount, Problem
from pv.intake.files import FileRecord, close_record, file_record
from pv.intake.waiting import entry_numbers
from pv.quarantine import Waiting, close
from pv.schema import quarantine
from pv.sources import Extract, Source
from pv.sources.forms import STREAM, Form, whole
from pv.sources.layouts import normalise_heading
from pv.text import clean
from pv.week import weeks_of


def load_filled(
    connection: Connection, source: Source, path: Path, sha256: str, keys_given: tuple[str, str], stamp: str
) -> FileAccount:
    """Take the forms of a file; gives its account in rows.

    Unchanged are rows that say what is in force, that say nothing, or that a later row of the file speaks over;
    quarantined those that cannot be taken: each waits as an entry of its own, unless a lower row of its sheet says the
    same thing in order.
    """
    extracts = list(source.batches())
    names = ";".join(sorted({extract.layout.name for extract in extracts}))
    record = file_record(connection, sha256, path.name, STREAM, names, stamp)
    taking = Taking(connection, record, keys_given, stamp)
    for extract in extracts:
        taking.take(extract)
    return taking.finish(names, str(path))


def replay_filled(
    connection: Connection,
    extracts: Sequence[Extract],
    record: FileRecord,
    keys_given: tuple[str, str],
    stamp: str,
    waiting_since: Mapping[str, str],
) -> FileAccount:
    """Check rows of one form again that have waited in the quarantine; what is in order is kept as of now.

    `waiting_since`: number of the entry → since when. A row about a thing of which something was entered since is
    outdated.
    """
    taking = Taking(connection, record, keys_given, stamp, waiting_since)
    for extract in extracts:
        taking.take(whole(extract))
    return taking.finish(extracts[0].layout.name, record.name)


class Taking:
    """Rows of forms on their way into the store, sheet by sheet. `waiting_since`: they are those of the quarantine."""

    def __init__(
        self,
        connection: Connection,
        record: FileRecord,
        keys_given: tuple[str, str],
        stamp: str,
        waiting_since: Mapping[str, str] | None = None,
    ) -> None:
        self._connection, self._record, self._stamp = connection, record, stamp
        self._key, hashing = keys_given
        self._hashed = archive.hasher(hashing, "content")
        self._since = waiting_since or {}
        self._waiting = Waiting(connection, STREAM, again=record.kind != FIRST, replaying=bool(self._since))
        self._read = self._stored = self._bad = self._entered = 0
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._days: set[str] = set()

    def take(self, extract: Extract) -> None:
        """Take a sheet."""
        form = extract.layout
        assert isinstance(form, Form)  # noqa: S101 - `filled` makes them so
        checked = forms.checked(form, extract.fields)
        rows, about = checked.rows, checked.about
        written = entry_numbers(extract)
        if self._since:
            since = written[rows.index].map(self._since)
            overtaken = forms.entered_between(self._connection, form, rows, since, self._stamp)
            self._waiting.outdated(written[rows.index[overtaken]])
            rows = rows[~overtaken]
        taken = forms.take(self._connection, form, rows, self._record.file_id, self._stamp)
        faults = [*checked.faults, *taken.effect.faults]
        # A row without a product, say, is about something else than what it will be about once that is filled in.
        unnamed = {fault.row for fault in taken.effect.faults if fault.field in form.key and _is_of_cell(fault)}
        about = about.where(~about.index.isin(unnamed), "")
        bad = sorted({fault.row for fault in faults})
        good = pd.DataFrame({"case_number": about, "modified_on": "", "entry": written[about.index]}).drop(index=bad)
        self._waiting.good(good, pd.Series(good.index.isin(taken.stored), index=good.index))
        self._read += len(extract.fields)
        self._stored += len(taken.stored)
        self._bad += len(bad)
        self._days |= set(taken.effect.days)
        problems = _problems(form, extract, faults)
        masked = [fault for fault in checked.masked if fault.row in taken.stored]
        self._problems += [problem for _, problem in problems]
        self._warnings += [problem for _, problem in _problems(form, extract, masked)]
        if not self._since:
            lowest = dict(zip(good["case_number"], good.index.tolist(), strict=True)) | {"": -1}
            self._enter(extract, [row for row in bad if row > lowest.get(about[row], -1)], about, problems)

    def _enter(
        self, extract: Extract, labels: Sequence[int], about: pd.Series[str], problems: Sequence[tuple[int, Problem]]
    ) -> None:
        """Rows into the quarantine that do not wait there already."""
        form, fields = extract.layout, extract.fields
        names = {column.field: normalise_heading(column.name) for column in form.columns if column.field}
        found = []
        for label in labels:
            cells = {field: str(fields.at[label, field]) for field in names}
            content = self._hashed("\x1f".join([form.name, *(f"{f}\x1e{clean(t)}" for f, t in cells.items() if t)]))
            if not self._waiting.is_new(content, about[label]):
                continue
            sheet, row = str(fields.at[label, "sheet"]), int(str(fields.at[label, "row"]))
            raw = {"columns": [*names.values()], "data": [[*cells.values()]], "rows": [row], "sheets": [sheet]}
            found.append(
                {
                    "stream": STREAM,
                    "format": form.name,
                    "case_number": about[label],
                    "sheet": sheet,
                    "rows": str(row),
                    "row_count": 1,
                    "reasons": json.dumps([_reason(one) for of, one in problems if of == label], ensure_ascii=False),
                    "content_hash": content,
                    "raw": archive.seal(json.dumps(raw, ensure_ascii=False), self._key),
                    "label": label,
                }
            )
        if found:
            waiting = pd.DataFrame(found)
            start = store.next_key(self._connection, quarantine)
            waiting["quarantine_id"] = range(start, start + len(found))
            self._waiting.bad(entry_numbers(extract)[waiting["label"]])
            waiting = waiting.assign(file_id=self._record.file_id, recorded_at=self._stamp)
            store.append(self._connection, quarantine, waiting.assign(received_on="", modified_on="", hospital=""))
            self._entered += len(found)

    def finish(self, names: str, path: str) -> FileAccount:
        """The account of the file, and its record."""
        cleared = sum(
            close(self._connection, entries, how, self._stamp, by_file=self._record.sha256)
            for how, entries in self._waiting.ends("").items()
        )
        account = FileAccount(
            file=path,
            sha256=self._record.sha256,
            stream=STREAM,
            format=names,
            read=self._read,
            stored=self._stored,
            unchanged=self._read - self._stored - self._bad,
            quarantined=self._bad,
            weeks=tuple(weeks_of(self._days)),
            warnings=len(self._warnings),
            problems=(*self._problems, *self._warnings),
            kind=self._record.kind,
            entered=self._entered,
            entries=self._entered,
            cleared=cleared,
        )
        close_record(self._connection, self._record, account, self._stamp)
        return account


def _is_of_cell(fault: forms.Fault) -> bool:
    """Whether it is the cell that is wrong, not what it points to."""
    return fault.code.startswith("form_")


def _problems(form: Form, extract: Extract, faults: Iterable[forms.Fault]) -> list[tuple[int, Problem]]:
    """With the label of the row."""
    found = []
    for fault in faults:
        row = extract.fields.loc[fault.row].to_dict()
        value = forms.told(form, fault.field, str(row[fault.field]))[:80]
        place = str(row["sheet"]), int(row["row"]), form.heading_of(fault.field), value
        found.append((fault.row, Problem(fault.code, messages.outcome(fault.code), *place, "")))
    return found


def _reason(problem: Problem) -> dict[str, object]:
    """As the quarantine keeps it."""
    told = asdict(problem)
    return {name: told[name] for name in ("code", "sheet", "row", "column")} | {"value": problem.value[:40]}
