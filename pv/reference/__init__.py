"""Data that experts edit: what the package ships, and the reference tables of one installation.

Shipped files (layouts, streams, screens, code lists, targets) stand beside this module. The installation's own tables
(hospitals, areas, denominators, targets, quotas, synonyms, and the counts of other places: background, foreign) are
CSV files in its reference folder; the store keeps each as a snapshot, so that a week of the past is computed with the
tables of its time.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pv.reference import counts_elsewhere, meddra
from pv.reference.meddra import MedDRA

SHIPPED = Path(__file__).parent

# Columns of the installation's tables (the first is required to be filled), and which tables are required.
COLUMNS: dict[str, tuple[str, ...]] = {
    "hospitals": (
        "hospital_id",
        "name",
        "former_names",
        "level",
        "kind",
        "district",
        "sentinel",
        "registered",
        "reports_for",
    ),
    "areas": ("code", "name", "parent"),
    "denominators": ("scope", "id", "year", "measure", "value", "source"),
    "targets": ("set", "metric", "stream", "area", "year", "comparison", "value", "nature", "source"),
    "quotas": ("hospital_id", "stream", "year", "value", "source"),
    "synonyms": ("stream", "kind", "wording", "preferred"),
    "devices": ("di", "number", "name", "source"),
    "background": counts_elsewhere.BACKGROUND_COLUMNS,
    "foreign": counts_elsewhere.FOREIGN_COLUMNS,
}
REQUIRED = ("hospitals", "areas")
# The files of the reference folder; `screens.toml` there takes the place of the shipped one.
FILES = {name: f"{name}.csv" for name in COLUMNS} | {"screens": "screens.toml"} | meddra.FILES
_INTEGERS = {
    "denominators": ("year",),
    "quotas": ("year",),
    "background": ("cases",),
    "foreign": ("a", "b", "c", "d"),
}
_NUMBERS = {"denominators": ("value",), "targets": ("value",), "quotas": ("value",)}


class ReferenceDataError(Exception):
    """A reference file is missing or wrong; the message names file, row, column, value and the fix."""


@dataclass(frozen=True)
class Reference:
    """The installation's tables, one DataFrame each: text columns as text, `value` float64, years and counts int64."""

    hospitals: pd.DataFrame
    areas: pd.DataFrame
    denominators: pd.DataFrame
    targets: pd.DataFrame
    quotas: pd.DataFrame
    synonyms: pd.DataFrame
    devices: pd.DataFrame
    background: pd.DataFrame
    foreign: pd.DataFrame
    meddra: MedDRA = field(default_factory=MedDRA, repr=False)

    @property
    def root_area(self) -> str:
        """Name of the area without a parent."""
        roots = self.areas.loc[self.areas["parent"] == "", "name"]
        return "" if roots.empty else str(roots.iloc[0])


@cache
def shipped_toml(name: str) -> Mapping[str, Any]:
    """A shipped TOML file; `title`, `source` and `reviewed` are kept in it."""
    return tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def shipped_csv(name: str) -> tuple[Mapping[str, str], ...]:
    """The rows of a shipped CSV file."""
    with (SHIPPED / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return tuple(csv.DictReader(handle))


@dataclass(frozen=True)
class Stream:
    """What a stream counts, and how its files are read; see `streams.toml`.

    `levels` maps a product level to its column of `case_product`, `event_fields` a field of the layouts to its kind.
    """

    name: str
    zh: str
    en: str
    event_kinds: Mapping[str, Mapping[str, str]]
    event_fields: Mapping[str, str]
    default_level: str
    levels: Mapping[str, str]
    roles: tuple[str, ...]
    core: bool
    foreign: bool
    counts_by: str
    class_from_name: bool
    serious_by: str
    evaluated_by: str
    event_optional: bool
    meddra: tuple[str, ...]

    @property
    def event_levels(self) -> dict[str, tuple[str, int]]:
        """Kinds made of MedDRA's higher levels (`reaction_soc`) → the kind of the terms and the place of the level."""
        return {f"{kind}_{level}": (kind, place) for kind in self.meddra for place, level in enumerate(meddra.LEVELS)}


@cache
def streams() -> Mapping[str, Stream]:
    """All streams by name, in the order of `streams.toml`."""
    return {
        name: Stream(
            name=name,
            zh=entry["zh"],
            en=entry["en"],
            event_kinds=entry["event_kinds"],
            default_level=entry["default_level"],
            levels=entry["levels"],
            roles=tuple(entry["roles"]),
            event_fields=entry["event_fields"],
            core=entry.get("core", False),
            foreign=entry.get("foreign", False),
            counts_by=entry.get("counts_by", "name"),
            class_from_name=entry.get("class_from_name", False),
            serious_by=entry.get("serious_by", "severity"),
            evaluated_by=entry.get("evaluated_by", "date_or_state"),
            event_optional=entry.get("event_optional", False),
            meddra=tuple(entry.get("meddra", ())),
        )
        for name, entry in shipped_toml("streams").items()
        if isinstance(entry, dict)
    }


def reported(with_cases: Collection[str]) -> tuple[str, ...]:
    """The streams that a report has a section for: the core ones, and those others of our own that have cases.

    Foreign databases are shown beside, never among them: see `foreign_streams`.
    """
    return tuple(
        name for name, stream in streams().items() if stream.core or (name in with_cases and not stream.foreign)
    )


def foreign_streams() -> tuple[str, ...]:
    """Public databases of other countries, in their order."""
    return tuple(name for name, stream in streams().items() if stream.foreign)


def read_texts(folder: Path) -> dict[str, str]:
    """The reference files of a folder as text. Raises ReferenceDataError where a required one is missing."""
    texts = {}
    for name, file in FILES.items():
        path = folder / file
        if path.is_file():
            texts[name] = _decode(path)
        elif name in REQUIRED:
            raise ReferenceDataError(
                f"{path} is missing. It is required; its columns are: {', '.join(COLUMNS[name])}. "
                "Put it there, or set PVWATCH_REFERENCE to the folder that holds it."
            )
    return texts


def _decode(path: Path) -> str:
    data = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ReferenceDataError(f"{path} is neither UTF-8 nor GB18030. Save it as “CSV UTF-8”.")


def build(texts: Mapping[str, str]) -> Reference:
    """Parse and check reference texts. Raises ReferenceDataError naming file, row, column, value and fix."""
    frames = {name: _parse(name, texts.get(name)) for name in COLUMNS}
    _check_keys(frames)
    for name, problem in (
        ("background", counts_elsewhere.background_problem(frames["background"], streams())),
        ("foreign", counts_elsewhere.foreign_problem(frames["foreign"], streams())),
    ):
        if problem:
            raise ReferenceDataError(f"{name}.csv, {problem}")
    try:
        terms = meddra.parse(*(texts.get(name, "") for name in meddra.FILES))
    except meddra.MedDRAError as error:
        raise ReferenceDataError(str(error)) from None
    return Reference(**frames, meddra=terms)


def _parse(name: str, text: str | None) -> pd.DataFrame:
    columns = COLUMNS[name]
    file = f"{name}.csv"
    rows = list(csv.reader(io.StringIO(text or "")))
    header = [cell.strip() for cell in rows[0]] if rows else list(columns)
    required = [column for column in columns if column not in {"former_names", "reports_for", "source"}]
    missing = [column for column in required if column not in header]
    if missing:
        raise ReferenceDataError(f"{file}: column “{missing[0]}” is missing. Expected: {', '.join(columns)}.")
    body = [[cell.strip() for cell in row] for row in rows[1:] if any(cell.strip() for cell in row)]
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise ReferenceDataError(
                f"{file}, row {number}: {len(row)} cells where the heading has {len(header)}. "
                "Quote cells that contain a comma."
            )
    frame = pd.DataFrame(body, columns=header, dtype="str").reindex(columns=list(columns), fill_value="")
    for column in _NUMBERS.get(name, ()):
        frame[column] = _numbers(frame[column], file, column)
    for column in _INTEGERS.get(name, ()):
        frame[column] = _whole_numbers(frame[column], file, column)
    return frame


def _numbers(values: pd.Series[str], file: str, column: str) -> pd.Series[float]:
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    _refuse(~numbers.between(0, np.inf, inclusive="left"), values, file, column, "is not a number of 0 or more")
    return numbers


def _whole_numbers(values: pd.Series[str], file: str, column: str) -> pd.Series[int]:
    numbers = _numbers(values, file, column)
    # From 2^53 on not every whole number has a float of its own.
    _refuse((numbers % 1 != 0) | (numbers >= 2**53), values, file, column, "is not a whole number of 0 or more")
    return numbers.astype("int64")


def _refuse(wrong: pd.Series[bool], values: pd.Series[str], file: str, column: str, problem: str) -> None:
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise ReferenceDataError(
            f"{file}, row {row + 2}, column {column}: “{values.iloc[row]}” {problem}. Write digits only."
        )


def _check_keys(frames: Mapping[str, pd.DataFrame]) -> None:
    for name, key in (("hospitals", "hospital_id"), ("areas", "code")):
        values = frames[name][key]
        repeated = values[(values == "") | values.duplicated()]
        if not repeated.empty:
            row = int(repeated.index[0]) + 2
            raise ReferenceDataError(
                f"{name}.csv, row {row}, column {key}: “{repeated.iloc[0]}” is empty or repeated. "
                "Each needs a code of its own."
            )
    hospitals, known = frames["hospitals"], set(frames["areas"]["code"])
    stray = hospitals.loc[~hospitals["district"].isin(known | {""}), "district"]
    if not stray.empty:
        raise ReferenceDataError(
            f"hospitals.csv, row {int(stray.index[0]) + 2}, column district: “{stray.iloc[0]}” is not a code of "
            "areas.csv. Add the area or mend the code."
        )
