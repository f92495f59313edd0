"""openFDA drug and device events: one JSON document `{"meta": …, "results": [ … ]}`, plain, `.gz`, or in a zip archive.

A drug record is a case of FAERS in the words of E2B (`safetyreportid`; a combination's substances, one outcome per
reaction, of which the worst is the case's), a device record a report of MAUDE. A record gives a row per drug or device
and is counted once. Of a record only the fields of the layout are kept; the `openfda` annotations and narratives are
not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pv.sources import foreign, json_records
from pv.sources.extract import Extract
from pv.sources.layouts import Layout
from pv.sources.linked import JOIN, Rows
from pv.sources.maude import worded
from pv.sources.refusal import FileRefused
from pv.sources.zips import Member, members

BATCH = 10_000  # reports; one has 4 drugs on average
_LAYOUTS = {"safetyreportid": "openfda_drug", "mdr_report_key": "openfda_device"}
_OUTCOMES = ("死亡", "有后遗症", "未好转", "好转", "痊愈", "不详")  # the worst first


def recognises(path: Path) -> bool:
    """Whether the first record is a drug or device event. Raises FileRefused where an archive is unsafe."""
    return not path.is_dir() and any(_layout(member) for member in _documents(path))


def layout_of(path: Path) -> Layout:
    """The layout of the first document."""
    return next(found for found in map(_layout, _documents(path)) if found is not None)


def read_batches(path: Path) -> Iterator[Extract]:
    """Extracts of at most 10,000 records of each document, one row per record × product.

    `row` is the number of the record in its document. Raises FileRefused where a document is damaged or of another kind
    than the first, also after some batches.
    """
    layout = layout_of(path)
    columns = list(dict.fromkeys(column.name for column in layout.columns))
    for member in _documents(path):
        if _layout(member) != layout:
            raise FileRefused("json_unknown", name=member.name)
        rows_of = _drugs if layout.name == "openfda_drug" else _devices
        with member.open() as stream:
            # Each record is cut down to its cells before the next is read.
            numbered = enumerate(json_records.records(stream), start=1)
            cells = ((number, list(rows_of(record, columns))) for number, record in numbered)
            while some := list(islice(cells, BATCH)):
                yield _extract(layout, columns, member.name, some)


def _documents(path: Path) -> list[Member]:
    return [member for member in members(path) if member.name.lower().endswith((".json", ".gz")) or not _zipped(path)]


def _zipped(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(2) == b"PK"


def _layout(member: Member) -> Layout | None:
    """The layout of a document by its first record; None where it is something else."""
    try:
        with member.open() as stream:
            record = next(json_records.records(stream), {})
    except FileRefused as refusal:
        if refusal.code in {"json_broken", "encoding", "nul_bytes"}:
            return None
        raise
    return next((foreign.layout(name) for key, name in _LAYOUTS.items() if key in record), None)


def _extract(layout: Layout, columns: list[str], sheet: str, some: list[tuple[int, list[list[str]]]]) -> Extract:
    rows = [(number, cells) for number, found in some for cells in found]
    raw = pa.table(
        {name: pa.array([cells[place] for _, cells in rows], pa.string()) for place, name in enumerate(columns)}
    )
    row = np.array([number for number, _ in rows])
    batch = Rows(raw, pa.repeat(sheet, len(rows)), row, np.zeros(len(rows), dtype=bool))
    return foreign.extract(layout, batch, translate_drug if layout.name == "openfda_drug" else translate_device)


def _drugs(record: dict[str, Any], columns: list[str]) -> Iterator[list[str]]:
    patient = _dict(record.get("patient"))
    reactions = _dicts(patient.get("reaction"))
    report = {name: _text(record.get(name)) for name in columns if "." not in name}
    report |= {f"patient.{name}": _text(value) for name, value in patient.items()}
    for name in ("reactionmeddrapt", "reactionoutcome"):
        report[f"patient.reaction.{name}"] = _joined(reaction.get(name) for reaction in reactions)
    for drug in _dicts(patient.get("drug")) or [{}]:
        cells = report | {f"patient.drug.{name}": _text(value) for name, value in drug.items()}
        substance = _dict(drug.get("activesubstance")).get("activesubstancename")
        cells["patient.drug.activesubstance.activesubstancename"] = _text(substance)
        yield [cells.get(name, "") for name in columns]


def _devices(record: dict[str, Any], columns: list[str]) -> Iterator[list[str]]:
    patients = _dicts(record.get("patient"))
    report = {name: _text(record.get(name)) for name in columns if "." not in name}
    for name in columns:
        table, _, column = name.partition(".")
        if table == "patient":
            report[name] = _joined(patient.get(column) for patient in patients)
    for device in _dicts(record.get("device")) or [{}]:
        cells = report | {f"device.{name}": _text(value) for name, value in device.items()}
        yield [cells.get(name, "") for name in columns]


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    """A text as it is (half surrogates, which no file can hold, replaced); the texts of a list joined; else ""."""
    if isinstance(value, list):
        return _joined(value)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _joined(values: Iterable[object]) -> str:
    return JOIN.join(filter(None, map(_text, values)))


def translate_drug(raw: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    said = partial(foreign.wording, "openfda_drug")
    flags = [name for name in raw.columns if name.startswith("seriousness")]
    flagged = pd.concat([foreign.column(raw, name).eq("1") for name in flags], axis=1).any(axis=1)
    severity = foreign.translated(fields["severity"], said("severity"))
    outcome = foreign.worst(fields["outcome"], said("outcome"), _OUTCOMES, JOIN)
    age, unit = foreign.in_years(fields["age"], foreign.translated(fields["age_unit"], said("age_unit")))
    return fields.assign(
        severity=severity.where(~flagged, "严重"),
        outcome=outcome.where(foreign.column(raw, "seriousnessdeath").ne("1"), "死亡"),
        role=foreign.translated(fields["role"], said("role")),
        sex=foreign.translated(fields["sex"], said("sex")),
        substance=foreign.substances(fields["substance"]),
        age=age,
        age_unit=unit,
    )


def translate_device(_raw: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    return worded("openfda_device", fields, rf"[,;{JOIN}]|\d+\.\s")  # "1, Life Threatening", "2. Hospitalization"
