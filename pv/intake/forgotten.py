"""Cases that are forgotten: counted as before, without anything of their patients.

Their rows lose every personal cell before they are hashed, whenever a file tells them again; in the archive a copy
without them takes the place of the file (`copies.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd
from sqlalchemy import Connection, select

from pv import contracts
from pv.schema import forgotten_case, redaction
from pv.sources import Extract, feedback
from pv.sources.extract import MARKS
from pv.sources.layouts import MESSAGE, Layout, normalise_heading
from pv.text import clean_all

NUMBERS = ("report_number", "unique_id")


def numbers(connection: Connection, stream: str) -> frozenset[str]:
    """The forgotten cases of a stream."""
    table = forgotten_case.c
    return frozenset(connection.execute(select(table.case_number).where(table.stream == stream)).scalars())


def without_persons(extract: Extract, forgotten: frozenset[str]) -> tuple[Extract, bool]:
    """A batch in which the rows of forgotten cases have lost their personal cells, and whether its file is to be
    replaced: it tells any of these cells, or it is of a format from which cases are cut out whole.

    Of `raw` only columns that are known not to be personal keep their cells; of a row that is ragged, whose cells may
    stand under each other's headings, only the number of the case.
    """
    theirs = contracts.case_numbers(extract.fields).isin(forgotten)
    if not theirs.any():
        return extract, False
    fields, raw = extract.fields.copy(), extract.raw.copy()
    personal = {column.field for column in extract.layout.columns if column.personal}
    fields.loc[theirs, sorted(personal & set(fields))] = ""
    known = impersonal(extract.layout)
    raw.loc[theirs.to_numpy(), [name for name in raw if normalise_heading(str(name)) not in known]] = ""
    ragged = theirs & fields["ragged"].astype(bool)
    if ragged.any():
        fields.loc[ragged, [name for name in fields if name not in {*NUMBERS, "sheet", "row", *MARKS}]] = ""
        for name in set(NUMBERS) & set(fields):
            fields.loc[ragged & ~are_numbers(fields[name], forgotten), name] = ""
        hidden = ragged.to_numpy()
        for heading in raw:
            raw.loc[hidden & ~are_numbers(raw[heading], forgotten).to_numpy(), heading] = ""
    told = is_cut_out(extract.layout) or not (fields.equals(extract.fields) and raw.equals(extract.raw))
    return Extract(extract.layout, fields, raw), told


def telling(numbers: Iterable[str]) -> re.Pattern[str]:
    """Finds any of these numbers in a text, not within a longer number or word."""
    return re.compile(rf"(?<![0-9A-Za-z])(?:{'|'.join(map(re.escape, sorted(numbers)))})(?![0-9A-Za-z])")


def are_numbers(cells: pd.Series[str], forgotten: frozenset[str]) -> pd.Series[bool]:
    """Whether each cell is the number of a forgotten case and nothing else."""
    return clean_all(cells).isin(forgotten)


def is_cut_out(layout: Layout) -> bool:
    """Whether a file says more of a case than its rows show: messages, and sheets beside the reports."""
    return layout.grain == MESSAGE or layout.name == feedback.LAYOUT


def impersonal(layout: Layout) -> set[str]:
    """Headings of columns that are known not to be personal."""
    told = [column for column in layout.columns if not column.personal]
    return {normalise_heading(name) for column in told for name in (column.name, *column.aliases)}


def kept_copy(connection: Connection, sha256: str) -> str | None:
    """The SHA-256 of the copy in a file's place; "" where none is kept, None where the file was not replaced."""
    found = None
    seen: set[str] = set()
    while sha256 and sha256 not in seen:  # a copy may have been replaced in its turn
        seen.add(sha256)
        last = select(redaction.c.replaced_by).where(redaction.c.sha256 == sha256)
        following = connection.execute(last.order_by(redaction.c.redaction_id.desc()).limit(1)).scalar()
        if following is None:
            break
        found = sha256 = str(following)
    return found
