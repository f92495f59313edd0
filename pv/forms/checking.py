"""Cells of a form read by their kind; what cannot be read is named with its row."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import pandas as pd

from pv import shown
from pv.forms.periods import is_of_our_time, period, span
from pv.reference import streams
from pv.sources.forms import Form
from pv.text import clean, code_list, iso_date, over_unique, tidy


@dataclass(frozen=True)
class Fault:
    """Why a row is not taken: `row` is its label in the table of rows, `code` a problem of `messages.toml`."""

    row: int
    field: str
    code: str


@dataclass(frozen=True)
class Checked:
    """Rows that can be taken, in one form (numbers as the text of a float, "" for none); faults of the others; what
    each row that says anything is about ("" where that cannot be read); remarks of which something was left out."""

    rows: pd.DataFrame
    faults: tuple[Fault, ...]
    about: pd.Series[str]
    masked: tuple[Fault, ...]


def checked(form: Form, fields: pd.DataFrame) -> Checked:
    """Check the rows of a form. A required cell that is empty, a day, number or code that cannot be read is a fault; a
    row of blanks says nothing."""
    rows = fields.copy()
    for name, kind in form.kinds.items():
        rows[name] = over_unique(rows[name], tidy if kind == REMARK else clean)
    silent = rows[form.answer] == "" if form.answer else (rows[list(form.kinds)] == "").all(axis=1)
    said = rows[~silent].copy()
    faults: list[Fault] = []
    masked: list[Fault] = []
    required = {column.field for column in form.columns if column.required}
    for name, kind in form.kinds.items():
        read = over_unique(said[name], _reader(kind))
        empty = said[name] == ""
        if name in required:
            faults += [Fault(int(row), name, "form_empty") for row in said.index[empty]]
        faults += [Fault(int(row), name, _FAULTS.get(kind, "form_code")) for row in said.index[~empty & (read == "")]]
        if kind == REMARK:
            masked += [Fault(int(row), name, "form_masked") for row in said.index[said[name] != read]]
        said[name] = read
    bad = {fault.row for fault in faults}
    faults.sort(key=lambda fault: fault.row)
    unreadable = {fault.row for fault in faults if fault.field in form.key}
    for name in form.key:
        if form.kinds[name] == "text":
            unreadable |= {
                int(row) for row in said.index[over_unique(said[name], partial(told, form, name)) != said[name]]
            }
    about = pd.Series([_BETWEEN.join((form.name, *key)) for key in said[list(form.key)].to_numpy()], said.index, "str")
    about = about.where(~said.index.isin(unreadable), "")
    return Checked(said[~said.index.isin(bad)], tuple(faults), about, tuple(masked))


_BETWEEN = "│"  # a box drawing, which nobody types
REMARK = "remark"  # a free text, in which something of a person may stand
_FAULTS = {"date": "form_date", "period": "form_period", "span": "form_span", "number": "form_number"}


def _remark(text: str) -> str:
    """A remark as it is written; folded where something has to be left out of it, since a number may be full-width."""
    folded = clean(text)
    bare = shown.remark(folded)
    return text if bare == folded else bare


def _date(text: str) -> str:
    day = iso_date(text)
    return day if day and is_of_our_time(int(day[:4])) else ""


def number(text: str) -> str:
    """A number as Python writes it; "" where it is none, not finite, or that of a telephone. Thousands may be parted by
    commas."""
    if shown.is_telephone(text):
        return ""
    bare = text.replace(",", "") if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", text) else text
    try:
        value = float(bare)
    except ValueError:
        return ""
    return repr(value) if math.isfinite(value) else ""


@cache
def _stream_names() -> dict[str, str]:
    names = ((name, (name, stream.zh, stream.en, f"{stream.zh} {stream.en}")) for name, stream in streams().items())
    return {clean(written).casefold(): name for name, words in names for written in words}


def told(form: Form, field: str, written: str) -> str:
    """What of a cell may be told where its row is not taken; see `shown`."""
    kind = form.kinds[field]
    if kind in _FAULTS:
        return shown.time(written)
    if kind in {"text", REMARK}:
        return shown.number(written) if field in {"case_number", "other_number"} else shown.remark(written)
    return shown.code(written, [kind])


def _reader(kind: str) -> Callable[[str], str]:
    if kind == "text":
        return str
    if kind == REMARK:
        return _remark
    if kind == "stream":
        return lambda text: _stream_names().get(text.casefold(), "")
    if kind in _FAULTS:
        return {"date": _date, "period": period, "span": span, "number": number}[kind]
    known = {clean(written).casefold(): code for written, code in code_list(kind).items()}
    return lambda text: known.get(text.casefold(), "")
