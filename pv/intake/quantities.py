"""Tables of quantities that sentinel hospitals export, kept as entries of the form `exposure`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection

from pv import forms, shown
from pv.forms.registers import EXPOSURE
from pv.intake.account import FileAccount, Problem
from pv.intake.files import close_record, file_record
from pv.sources.exposure import Use, read_use
from pv.sources.forms import STREAM, form
from pv.sources.layouts import Layout
from pv.week import weeks_of

_MEASURES = {"use": "used", "purchase": "purchased"}
_CODES = {"day": "form_date", "quantity": "form_number"}


def load_quantities(connection: Connection, layout: Layout, path: Path, sha256: str, stamp: str) -> FileAccount:
    """Take a table of quantities: per hospital, product, channel and month their sum, which replaces the one before.

    The account counts rows of the file. Quarantined are rows without a product, day, quantity or hospital, and those
    whose sum is below 0.
    """
    use = read_use(path)
    record = file_record(connection, sha256, path.name, STREAM, layout.name, stamp)
    sums = _entries(use, layout.stream)
    checked = forms.checked(form(EXPOSURE), sums)
    sums_of = checked.rows.assign(sheet="", row=0)  # a sum stands in no row of its own
    taken = forms.take(connection, form(EXPOSURE), sums_of, record.file_id, stamp)
    faults = [*checked.faults, *taken.effect.faults]
    rows = use.quantities["rows"]
    stored = int(rows.loc[list(taken.stored)].sum())
    bad = int(rows.loc[sorted({fault.row for fault in faults})].sum()) + len(use.left_out)
    account = FileAccount(
        file=str(path),
        sha256=sha256,
        stream=STREAM,
        format=layout.name,
        read=use.read,
        stored=stored,
        unchanged=use.read - stored - bad,
        quarantined=bad,
        weeks=tuple(weeks_of(taken.effect.days)),
        problems=(*_left_out(use, layout), *_faults(faults, sums)),
        kind=record.kind,
    )
    close_record(connection, record, account, stamp)
    return account


def _entries(use: Use, stream: str) -> pd.DataFrame:
    """The sums as rows of the form, as text."""
    found = use.quantities.rename(columns={"name": "product", "month": "period"})
    texts = [repr(value) for value in found["quantity"].tolist()]
    found = found.assign(quantity=pd.Series(texts, index=found.index, dtype="str"), stream=stream)
    found = found.assign(measure=_MEASURES[use.measure], area="", lot="", source="哨点医院")
    found["unit"] = found["unit"].where(found["unit"] != "", "—")
    return found.astype(dict.fromkeys(("stream", "measure", "area", "lot", "source"), "str"))


def _left_out(use: Use, layout: Layout) -> Iterator[Problem]:
    codes = {layout.heading_of(field): code for field, code in _CODES.items()}
    for row in use.left_out.itertuples(index=False):
        code, value = codes.get(str(row.column), "form_unnamed"), str(row.value)[:80]
        told = shown.time(value) if code in _CODES.values() else value
        yield Problem(code, "quarantine", str(row.sheet), int(str(row.row)), str(row.column), told, "")


def _faults(faults: list[forms.Fault], sums: pd.DataFrame) -> Iterator[Problem]:
    """A sum has no row of its own; it is known by its product and month."""
    for fault in faults:
        row = sums.loc[fault.row]
        named = " ".join(filter(None, (str(row[name]) for name in ("period", "hospital", "product", "quantity"))))
        yield Problem(fault.code, "quarantine", "", 0, form(EXPOSURE).heading_of(fault.field), named[:80], "")
