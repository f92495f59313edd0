"""CAERS files of the FDA (foods, supplements, cosmetics), in the headings of 2016–2017, 2018–2020 and from 2021.

One CSV table with a row per report × product, which is what is counted. A row states the report's symptoms and outcomes
joined by ", ". MedDRA terms can hold ", " themselves (`HALLUCINATION, AUDITORY`): the file does not tell the two apart
and the dictionary is licensed, so such a term counts as its parts, each under its own wording; nothing is joined by
guess. Serious are the outcomes that the FDA calls so; visits to a doctor or an emergency room are not. The row's
`Product Type` is its role; a product that is withheld (`EXEMPTION 4`) counts under that name.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from pv.sources import foreign, tables
from pv.sources.extract import Extract
from pv.sources.layouts import Layout, normalise_heading
from pv.sources.linked import BATCH, Rows
from pv.sources.refusal import FileRefused
from pv.sources.zips import Member, members

FORM = tables.Form(",", quoted=True)
_MARKS = 4  # columns that must be there to know the file; other tables have a Report ID too


def recognises(path: Path) -> bool:
    """Whether the first line has the headings of CAERS. Raises FileRefused where an archive is unsafe."""
    return not path.is_dir() and any(_columns(member) for member in members(path))


def layout_of(_path: Path) -> Layout:
    """The layout of its batches."""
    return foreign.layout("caers")


def read_batches(path: Path) -> Iterator[Extract]:
    """Extracts of at most 20,000 reports, in the order in which they are first met.

    Raises FileRefused where a required column is missing or the file is damaged.
    """
    layout = layout_of(path)
    for member in members(path):
        names = _columns(member)
        if names:
            for rows in _batches(member, names, layout):
                yield foreign.extract(layout, rows, translate)


def _columns(member: Member) -> dict[str, str]:
    """Headings, in lower case as `tables` gives them, → names of the layout; none where it is another table."""
    layout = foreign.layout("caers")
    try:
        headings = tables.headings(member, FORM)
    except FileRefused as refusal:
        if refusal.code in {"nul_bytes", "cell_too_long", "too_wide"}:
            return {}
        raise
    known = {
        normalise_heading(alias).lower(): column.name
        for column in layout.columns
        for alias in (column.name, *column.aliases)
    }
    found = {heading: known[normalise_heading(heading)] for heading in headings if normalise_heading(heading) in known}
    detected = {normalise_heading(name).lower() for name in layout.detect} & {normalise_heading(h) for h in headings}
    return found if detected and len(found) >= _MARKS else {}


def _batches(member: Member, names: dict[str, str], layout: Layout) -> Iterator[Rows]:
    """The rows with those of a report side by side. The file is held whole: all years are 250,000 rows, 60 MB."""
    blocks = list(tables.blocks(member, FORM))
    if not blocks:
        return
    table = pa.concat_tables([block.columns for block in blocks])
    table = table.rename_columns([names.get(heading, heading) for heading in table.column_names]).combine_chunks()
    row = np.concatenate([block.row for block in blocks])
    ragged = np.concatenate([block.ragged for block in blocks])
    number = layout.heading_of("report_number")
    if number not in table.column_names:
        raise FileRefused("column_missing", sheet=member.name, row=1, column=number)
    reports = pd.factorize(table[number].to_numpy())[0]
    order = np.argsort(reports, kind="stable")
    cuts = np.searchsorted(reports[order], np.arange(BATCH, reports.max() + 1, BATCH))
    for part in np.split(order, cuts):
        sheet = pa.repeat(member.name, len(part))
        yield Rows(table.take(pa.array(part)), sheet, row[part], ragged[part])


def translate(_raw: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    said = partial(foreign.wording, "caers")
    units = fields["age_unit"].str.lower().str.replace("(s)", "", regex=False)
    age, unit = foreign.in_years(fields["age"], foreign.translated(units, said("age_unit")))
    outcomes = fields["severity"].str.lower()
    died = foreign.any_of(outcomes, {"death": "死亡"}, ",")
    severity = foreign.worst(outcomes, said("severity"), ("严重", "一般"), ",")
    return fields.assign(
        received_on=foreign.us_dates(fields["received_on"]),
        onset_on=foreign.us_dates(fields["onset_on"]),
        role=foreign.translated(fields["role"], said("role")),
        sex=foreign.translated(fields["sex"], said("sex")),
        age=age,
        age_unit=unit,
        severity=severity,
        outcome=died,
        reaction=foreign.listed(fields["reaction"], ", "),
    )
