"""Forms that people have filled in, into the store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection

from pv import forms
from pv.intake.account import FileAccount, Problem
from pv.intake.files import close_record, file_record
from pv.sources import Extract, Source
from pv.sources.forms import STREAM, Form
from pv.week import weeks_of


def load_filled(connection: Connection, source: Source, path: Path, sha256: str, stamp: str) -> FileAccount:
    """Take the forms of a file; gives its account in rows.

    Unchanged are rows that say what is in force, that say nothing, or that a later row of the file speaks over;
    quarantined those that cannot be taken: they are named in the account, and taken once the sheet is mended.
    """
    extracts = list(source.batches())
    names = ";".join(sorted({extract.layout.name for extract in extracts}))
    record = file_record(connection, sha256, path.name, STREAM, names, stamp)
    read = stored = 0
    problems: list[Problem] = []
    bad: set[tuple[int, int]] = set()
    days: set[str] = set()
    for sheet, extract in enumerate(extracts):
        form = extract.layout
        assert isinstance(form, Form)  # noqa: S101 - `filled` makes them so
        checked = forms.checked(form, extract.fields)
        taken = forms.take(connection, form, checked.rows, record.file_id, stamp)
        faults = [*checked.faults, *taken.effect.faults]
        read, stored = read + len(extract.fields), stored + len(taken.stored)
        bad |= {(sheet, fault.row) for fault in faults}
        problems += _problems(form, extract, faults)
        days |= set(taken.effect.days)
    account = FileAccount(
        file=str(path),
        sha256=sha256,
        stream=STREAM,
        format=names,
        read=read,
        stored=stored,
        unchanged=read - stored - len(bad),
        quarantined=len(bad),
        weeks=tuple(weeks_of(days)),
        problems=tuple(problems),
        kind=record.kind,
    )
    close_record(connection, record, account, stamp)
    return account


def _problems(form: Form, extract: Extract, faults: Iterable[forms.Fault]) -> list[Problem]:
    found = []
    for fault in faults:
        row = extract.fields.loc[fault.row].to_dict()
        place = str(row["sheet"]), int(row["row"]), form.heading_of(fault.field), str(row[fault.field])[:80]
        found.append(Problem(fault.code, "quarantine", *place, ""))
    return found
