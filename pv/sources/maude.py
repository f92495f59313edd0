"""MAUDE tables of the FDA: mdrfoi (reports), foidev or device, patient, and the problem codes, in an archive or folder.

Counted is one record of mdrfoi, the report of one source; `MDR_REPORT_KEY` is its number and links the tables. A report
gives a row per device (brand, generic name as class). Events are the event type (death, injury, malfunction), the
problem codes of device and patient, with their terms where the set holds the code tables. Serious are deaths and
injuries, and reports with a serious outcome of a patient. Age and sex are the first patient's.

The tables are written without quoting: a text with a line break is put together again, one with a separator in the
middle makes its report ragged. Their headings differ by year; some have none. The narratives (foitext) are not read:
nothing of them is kept.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from pv.sources import foreign, linked, tables
from pv.sources.extract import Extract
from pv.sources.layouts import Layout
from pv.sources.linked import Part, Source
from pv.sources.refusal import FileRefused
from pv.sources.zips import Member, is_archive, members
from pv.text import BLANK

FORM = tables.Form("|")
_KEY = "mdr_report_key"
# A table is known by the columns that it alone has.
_TELLTALE = {
    "mdr_text_key": "FOITEXT",
    "event_key": "MDRFOI",
    "event_type": "MDRFOI",
    "device_problem_code": "DEVICEPROBLEM",
    "problem_code": "PATIENTPROBLEM",
    "sequence_number_outcome": "PATIENT",
    "generic_name": "DEVICE",
}
# Tables that have come without a heading: how their names begin → table, columns.
_WITHOUT_HEADING = {
    "foidevproblem": ("DEVICEPROBLEM", (_KEY, "device_problem_code", "date_added", "date_changed")),
    "patientproblemcode": (
        "PATIENTPROBLEM",
        (_KEY, "patient_sequence_no", "problem_code", "date_added", "date_changed"),
    ),
    "patient(?!problem)": (
        "PATIENT",
        (_KEY, "patient_sequence_number", "date_received", "sequence_number_treatment", "sequence_number_outcome"),
    ),
    "foitext": ("FOITEXT", (_KEY,)),
}
_LISTED = {
    "PATIENT": ("sequence_number_outcome", "patient_age", "patient_sex"),
    "DEVICEPROBLEM": ("device_problem_code",),
    "PATIENTPROBLEM": ("problem_code",),
}
# Names of the code tables. That of patientproblemdata.zip is patientproblemcodes.csv, beside the patientproblemcode.txt
# of the reports.
_CODE_TABLES = {"failure": r"deviceproblemcodes.*", "harm_finding": r"patientproblem(?:data.*|codes?.*\.csv)"}
BESIDE = tuple(f"TERMS.{field}" for field in _CODE_TABLES)  # of a kept row: the terms of its codes
_MAX_CODES = 1 << 22  # bytes of a code table; the present ones have 0.2 MB


def recognises(path: Path) -> bool:
    """Whether there is an mdrfoi table among the files. Raises FileRefused where the archive is unsafe."""
    return is_archive(path) and any(_table(member)[0] == "MDRFOI" for member in members(path))


def layout_of(_path: Path) -> Layout:
    """The layout of its batches."""
    return foreign.layout("maude")


def read_batches(path: Path) -> Iterator[Extract]:
    """Extracts of at most 20,000 reports, one row per report × device; then the records without a report.

    Raises FileRefused where the device table is missing or the archive is unsafe or damaged.
    """
    files = members(path)
    layout = layout_of(path)
    terms = {field: _terms(files, name) for field, name in _CODE_TABLES.items()}
    for rows in linked.read(_source(files)):
        if rows.stray:
            yield foreign.extract_strays(layout, rows, (_KEY,))
        else:
            found = foreign.extract(layout, rows, partial(_translate, terms))
            beside = {column: found.fields[field] for field, column in zip(terms, BESIDE, strict=True)}
            yield Extract(layout, found.fields, found.raw.assign(**beside))


def table_of(member: Member) -> str:
    """Which table of the set a member is, "CODES" for one of the code tables; "" for none."""
    codes = any(_is_called(member, pattern) for pattern in _CODE_TABLES.values())
    return _table(member)[0] or ("CODES" if codes else "")


def _is_called(member: Member, pattern: str) -> bool:
    return re.fullmatch(pattern, Path(member.name).name.lower()) is not None


def label_of(_member: Member) -> str:
    """Tables of all years make one set."""
    return ""


def _table(member: Member) -> tuple[str, tuple[str, ...]]:
    """Which table a member is ("" for none), and its columns where it has no heading."""
    name = Path(member.name).name.lower()
    if not name.endswith(".txt") or not member.size:
        return "", ()
    names = tables.headings(member, FORM)
    if _KEY in names:
        return next((table for column, table in _TELLTALE.items() if column in names), ""), ()
    if re.fullmatch(r"\s*\d+(\.0)?", names[0] if names else ""):
        for start, (table, columns) in _WITHOUT_HEADING.items():
            if re.match(start, name):
                return table, columns[: len(names)]
    return "", ()


def _source(files: tuple[Member, ...]) -> Source:
    found: dict[str, list[Member]] = {}
    names: dict[str, tuple[str, ...]] = {}
    for member in files:
        table, columns = _table(member)
        found.setdefault(table, []).append(member)
        names[member.name] = columns
    for table, name in (("MDRFOI", "mdrfoi"), ("DEVICE", "foidev")):
        if table not in found:
            raise FileRefused("table_missing", table=name)
    part = {table: Part(table, tuple(listed), (_KEY,), names) for table, listed in found.items()}
    listed = tuple((part[table], columns) for table, columns in _LISTED.items() if table in part)
    return Source(form=FORM, main=part["MDRFOI"], case=_KEY, product=part["DEVICE"], listed=listed)


def _terms(files: tuple[Member, ...], name: str) -> dict[str, str]:
    """Code → term of a code table of the set, by its first two columns."""
    found: dict[str, str] = {}
    for member in files:
        if _is_called(member, name):
            with member.open() as stream:
                text = stream.read(_MAX_CODES).decode("cp1252", errors="replace")
            separator = "|" if "|" in text.split("\n", 1)[0] else ","
            rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
            found |= {row[0].strip(): row[1].strip() for row in rows if len(row) > 1 and row[0].strip().isdigit()}
    return found


def translate(raw: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    """As `_translate` of rows that are read again: the terms of their codes stand in them."""
    terms = {field: raw[column] for field, column in zip(_CODE_TABLES, BESIDE, strict=True)}
    return _translate({field: {} for field in terms}, raw, fields).assign(**terms)


def _translate(terms: Mapping[str, Mapping[str, str]], _raw: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    dates = ("received_on", "modified_on", "reported_on", "onset_on", "discovered_on")
    return worded("maude", fields, "[^A-Z]+").assign(  # the outcomes of a patient: "1,L;2,R;" or "D;H"
        **{name: foreign.us_dates(fields[name]) for name in dates},
        **{name: foreign.each(fields[name], terms[name]) for name in terms},
    )


def worded(name: str, fields: pd.DataFrame, between: str) -> pd.DataFrame:
    """The fields of a report in our wording, by the lists of the source `name`.

    `between`: what stands between the outcomes of patients (a pattern). A brand that is not given is known by its
    kind.
    """
    said = partial(foreign.wording, name)
    event = foreign.translated(fields["event_type"], said("event_type"))
    serious = foreign.any_of(fields["severity"], said("severity"), between).ne("") | event.isin(["Death", "Injury"])
    died = foreign.any_of(fields["outcome"], said("outcome"), between).ne("") | event.eq("Death")
    age, unit = foreign.age_and_unit(fields["age"])
    return fields.assign(
        event_type=event,
        name=fields["name"].where(~fields["name"].str.strip().isin(BLANK), fields["class"]),
        sex=foreign.translated(foreign.first(fields["sex"]), said("sex")),
        age=age,
        age_unit=foreign.translated(unit, said("age_unit")),
        severity=serious.map({True: "严重", False: "一般"}).astype("str"),
        outcome=died.map({True: "死亡", False: ""}).astype("str"),
    )
