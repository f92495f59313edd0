"""FAERS quarterly extracts of the FDA, both generations: 2004Q1–2012Q3 (ISR, CASE) and from 2012Q4 (primaryid, caseid).

A quarter is a zip archive or a folder of `$`-delimited tables DEMO, DRUG, REAC and, where present, OUTC, THER and INDI,
known by their headings. Counted is one record of DEMO, a version of a case; all of them are given, ordered by
`caseversion` (ISR in the first generation), so that the last one stands and the earlier ones are history. A version is
received when the FDA first received the case (`init_fda_dt`, else `fda_dt`) and in force from `fda_dt`.

Serious is every report with an outcome code (the FDA lists serious outcomes only). Dates that are a year or a year and
month stay as written; the checks take them as missing with a warning. A drug's use starts on the earliest whole day
of its therapies. Case numbers of the deleted-cases list are marked deleted where the quarter has them and given as
retractions where it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from pv.sources import foreign, linked, tables
from pv.sources.extract import Extract
from pv.sources.layouts import Layout
from pv.sources.linked import Part, Rows, Source
from pv.sources.refusal import FileRefused
from pv.sources.zips import Member, is_archive, members

FORM = tables.Form("$")
DELETED = "删除"
BESIDE = ("DELETED.caseid",)  # of a kept row: whether the deleted-cases list of its set had its case
_LISTED = 20_000  # retractions in a batch
# A table is known by the column that no other has; the key of the two generations.
_TELLTALE = {
    "fda_dt": "DEMO",
    "drugname": "DRUG",
    "pt": "REAC",
    "outc_cod": "OUTC",
    "outc_code": "OUTC",
    "start_dt": "THER",
    "indi_pt": "INDI",
    "rpsr_cod": "RPSR",
}
_KEYS = ("primaryid", "isr")


@dataclass(frozen=True)
class _Quarter:
    """The tables of one quarter: name → members and the headings of the first."""

    tables: dict[str, list[Member]]
    headings: dict[str, list[str]]


def recognises(path: Path) -> bool:
    """Whether there is a DEMO table among the files. Raises FileRefused where the archive must not be looked into."""
    return is_archive(path) and any(_table(member)[0] == "DEMO" for member in members(path))


def layout_of(_path: Path) -> Layout:
    """The layout of its batches."""
    return foreign.layout("faers")


def read_batches(path: Path) -> Iterator[Extract]:
    """Extracts of at most 20,000 versions, one row per version × drug; then strays and retractions.

    Raises FileRefused where a table that is needed is missing or the archive is unsafe or damaged.
    """
    files = members(path)
    deleted = _deleted(files)
    layout = layout_of(path)
    wanted = frozenset(deleted)
    for quarter in _quarters(files).values():
        for rows in linked.read(_source(quarter)):
            if rows.stray:
                yield foreign.extract_strays(layout, rows, ("caseid", *_KEYS))
            else:
                found = foreign.extract(layout, _in_order(rows), translate)
                numbers = found.fields["report_number"].str.strip()
                for number in numbers[numbers.isin(wanted)].unique():
                    deleted.pop(number, None)
                marks = numbers.isin(wanted).map({True: DELETED, False: ""}).astype("str")
                raw = found.raw.assign(**dict.fromkeys(BESIDE, marks))
                yield Extract(layout, found.fields.assign(deleted=marks), raw)
    yield from _retractions(deleted)


def table_of(member: Member) -> str:
    """Which table of a quarter a member is, "DELETED" for a list of deleted cases; "" for none."""
    return _table(member)[0] or ("DELETED" if _is_deleted_list(member) else "")


def label_of(member: Member) -> str:
    """The quarter in the name of a table, as 17q2; "" where there is none."""
    found = re.search(r"\d\dq\d", Path(member.name).name.lower())
    return found[0] if found else ""


def _is_deleted_list(member: Member) -> bool:
    return "delet" in member.name.lower() and member.name.lower().endswith((".txt", ".csv"))


def _table(member: Member) -> tuple[str, list[str]]:
    """Which table a member is ("" for none), and its headings."""
    if not member.name.lower().endswith((".txt", ".csv")) or not member.size:
        return "", []
    names = tables.headings(member, FORM)
    if not set(_KEYS) & set(names):
        return "", []
    return next((table for column, table in _TELLTALE.items() if column in names), ""), names


def _quarters(files: tuple[Member, ...]) -> dict[str, _Quarter]:
    """Tables by quarter, as the names say (`DEMO17Q2`), the earliest first."""
    found: dict[str, _Quarter] = {}
    for member in files:
        table, names = _table(member)
        if table:
            quarter = found.setdefault(label_of(member), _Quarter({}, {}))
            quarter.tables.setdefault(table, []).append(member)
            quarter.headings.setdefault(table, names)
    return dict(sorted(found.items()))


def _source(quarter: _Quarter) -> Source:
    for table in ("DEMO", "DRUG", "REAC"):
        if table not in quarter.tables:
            raise FileRefused("table_missing", table=table)
    key = next(name for name in _KEYS if name in quarter.headings["DEMO"])

    def part(table: str, *more: str) -> Part:
        return Part(table, tuple(quarter.tables[table]), (key, *more))

    def column(table: str, *names: str) -> str:
        return next((name for name in names if name in quarter.headings[table]), names[0])

    listed = [(part("REAC"), ("pt",))]
    if "OUTC" in quarter.tables:
        listed.append((part("OUTC"), (column("OUTC", "outc_cod", "outc_code"),)))
    if "THER" in quarter.tables:
        listed.append((part("THER", column("THER", "dsg_drug_seq", "drug_seq")), ("start_dt",)))
    if "INDI" in quarter.tables:
        listed.append((part("INDI", column("INDI", "indi_drug_seq", "drug_seq")), ("indi_pt",)))
    return Source(
        form=FORM,
        main=part("DEMO"),
        case=column("DEMO", "caseid", "case"),
        product=part("DRUG"),
        listed=tuple(listed),
        product_key=(key, "drug_seq"),
        per_product=frozenset({"THER", "INDI"}),
    )


def _in_order(rows: Rows) -> Rows:
    """Versions of a case in the order of their numbers, then of their receipt."""
    table = rows.raw

    def text(*names: str) -> pd.Series[str]:
        """The first of these columns that the quarter has."""
        there = [name for name in names if name in table.column_names]
        return table[there[0]].to_pandas() if there else pd.Series("", index=range(table.num_rows), dtype="str")

    case = pd.factorize(text("DEMO.caseid", "DEMO.case"))[0]
    number = pd.to_numeric(text("DEMO.caseversion", "DEMO.isr"), errors="coerce").fillna(0).to_numpy()
    received = text("DEMO.fda_dt").to_numpy().astype("U")
    order = np.lexsort((np.arange(len(case)), received, number, case))
    if np.array_equal(order, np.arange(len(order))):
        return rows
    index = pa.array(order)
    return Rows(table.take(index), rows.sheet.take(index), rows.row[order], rows.ragged[order])


def translate(_raw: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    said = partial(foreign.wording, "faers")
    codes = fields["severity"]
    severity = foreign.worst(codes, said("severity"), ("严重",), linked.JOIN)
    age, unit = foreign.in_years(fields["age"], foreign.translated(fields["age_unit"], said("age_unit")))
    substance = foreign.substances(fields["substance"])
    return fields.assign(
        substance=substance,
        received_on=fields["received_on"].where(fields["received_on"].ne(""), fields["modified_on"]),
        name=fields["name"].where(fields["name"].ne(""), substance),
        role=foreign.translated(fields["role"], said("role")),
        sex=foreign.translated(fields["sex"], said("sex")),
        age=age,
        age_unit=unit,
        severity=severity.where(codes.ne(""), "一般"),
        outcome=foreign.any_of(codes, said("outcome"), linked.JOIN),
        used_from=foreign.earliest(fields["used_from"]),
    )


def _deleted(files: tuple[Member, ...]) -> dict[str, tuple[str, int]]:
    """Case numbers of the deleted-cases lists → where they stand. A list has one number a line and no heading."""
    found: dict[str, tuple[str, int]] = {}
    for member in files:
        if _is_deleted_list(member):
            with member.open() as stream:
                for row, line in enumerate(stream, start=1):
                    number = line.decode("ascii", errors="replace").strip().strip("$")
                    if number.isdigit():
                        found.setdefault(number, (member.name, row))
    return found


def _retractions(deleted: dict[str, tuple[str, int]]) -> Iterator[Extract]:
    listed = pd.DataFrame(
        [(sheet, row, number) for number, (sheet, row) in deleted.items()], columns=["sheet", "row", "number"]
    )
    for sheet, group in listed.groupby("sheet", sort=True):
        for start in range(0, len(group), _LISTED):
            part = group.iloc[start : start + _LISTED]
            yield foreign.extract_retractions(
                foreign.layout("faers"), str(sheet), part["row"].tolist(), part["number"].tolist(), DELETED
            )
