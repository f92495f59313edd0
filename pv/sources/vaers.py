"""VAERS years of CDC and FDA: a zip archive or folder of VAERSDATA, VAERSVAX and VAERSSYMPTOMS tables.

One record of VAERSDATA is a report; several years in one archive are read one after another. A product is a vaccine
(`VAX_NAME`; its `VAX_TYPE` is the class), all are suspected; the events are SYMPTOM1 to SYMPTOM5 of all its records.
Serious is what 21 CFR 600.80 calls so: death, danger to life, stay in hospital or its prolongation, disability,
congenital anomaly; a visit to an emergency room is not. The tables are Windows-1252 or UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from pv.sources import foreign, linked, tables
from pv.sources.extract import Extract
from pv.sources.layouts import Layout
from pv.sources.linked import Part, Source
from pv.sources.refusal import FileRefused
from pv.sources.zips import Member, is_archive, members

FORM = tables.Form(",", quoted=True)
_TELLTALE = {"recvdate": "DATA", "vax_type": "VAX", "symptom1": "SYMPTOMS"}
_SYMPTOMS = tuple(f"symptom{number}" for number in range(1, 6))
_SERIOUS = ("died", "l_threat", "hospital", "x_stay", "disable", "birth_defect")


def recognises(path: Path) -> bool:
    """Whether there is a VAERSDATA table among the files. Raises FileRefused where the archive is unsafe."""
    return is_archive(path) and any(table_of(member) == "DATA" for member in members(path))


def layout_of(_path: Path) -> Layout:
    """The layout of its batches."""
    return foreign.layout("vaers")


def read_batches(path: Path) -> Iterator[Extract]:
    """Extracts of at most 20,000 reports, one row per report × vaccine; then the records without a report.

    Raises FileRefused where a year lacks a table or the archive is unsafe or damaged.
    """
    layout = layout_of(path)
    for found in _years(members(path)).values():
        for rows in linked.read(_source(found)):
            if rows.stray:
                yield foreign.extract_strays(layout, rows, ("vaers_id",))
            else:
                yield foreign.extract(layout, rows, translate)


def table_of(member: Member) -> str:
    """Which table of a year a member is; "" for none."""
    if not member.name.lower().endswith(".csv") or not member.size:
        return ""
    names = tables.headings(member, FORM)
    return next((table for column, table in _TELLTALE.items() if column in names and "vaers_id" in names), "")


def label_of(member: Member) -> str:
    """What stands before `VAERS…` in the name of a table: a year, or nondomestic."""
    return re.split(r"vaers(?:data|vax|symptoms)", Path(member.name).name.lower())[0]


def _years(files: tuple[Member, ...]) -> dict[str, dict[str, list[Member]]]:
    """Tables by what stands before `VAERS…` in their names: a year, or NonDomestic."""
    found: dict[str, dict[str, list[Member]]] = {}
    for member in files:
        table = table_of(member)
        if table:
            found.setdefault(label_of(member), {}).setdefault(table, []).append(member)
    return dict(sorted(found.items()))


def _source(found: dict[str, list[Member]]) -> Source:
    for table in _TELLTALE.values():
        if table not in found:
            raise FileRefused("table_missing", table=f"VAERS{table}")
    data, vaccines, symptoms = (Part(table, tuple(found[table]), ("vaers_id",)) for table in _TELLTALE.values())
    return Source(form=FORM, main=data, case="vaers_id", product=vaccines, listed=((symptoms, _SYMPTOMS),))


def translate(raw: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    said = partial(foreign.wording, "vaers")
    died = foreign.column(raw, "DATA.died").eq("Y")
    serious = pd.concat([foreign.column(raw, f"DATA.{name}").eq("Y") for name in _SERIOUS], axis=1).any(axis=1)
    recovered = foreign.translated(fields["outcome"], said("outcome"))
    blank = pd.Series("", index=raw.index, dtype="str")
    dates = ("received_on", "onset_on", "reported_on", "died_on", "used_from")
    age = fields["age"].where(fields["age"].ne(""), _computed_age(raw))
    return fields.assign(
        **{name: foreign.us_dates(fields[name]) for name in dates},
        sex=foreign.translated(fields["sex"], said("sex")),
        age=age,
        age_unit=blank.where(age.eq(""), "岁"),
        severity=serious.map({True: "严重", False: "一般"}).astype("str"),
        outcome=recovered.where(~died, "死亡"),
        reaction=foreign.together(foreign.column(raw, f"SYMPTOMS.{name}") for name in _SYMPTOMS),
    )


def _computed_age(raw: pd.DataFrame) -> pd.Series[str]:
    """Years and parts of a year from vaccination that VAERS computed (CAGE_YR, CAGE_MO); "" where neither is given."""
    parts = [pd.to_numeric(foreign.column(raw, f"DATA.{name}"), errors="coerce") for name in ("cage_yr", "cage_mo")]
    known = parts[0].notna() | parts[1].notna()
    years = parts[0].fillna(0) + parts[1].fillna(0)
    texts = [f"{value:g}" if there else "" for value, there in zip(years, known, strict=True)]
    return pd.Series(texts, index=raw.index, dtype="str")
