"""Counts and measures of any long table, and measures of given 2×2 tables, without a store."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastexcel
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from pv.signals.counts import Incidence, encode, pair_counts
from pv.signals.measures import MEASURE_COLUMNS, all_measures, cells_from_margins
from pv.signals.screens import Screen, load_screens

EXCLUSIONS = ("no_case", "no_product", "no_event")
CELLS = ("a", "b", "c", "d")
_UNREADABLE = (
    pa.ArrowException,
    fastexcel.FastExcelError,
    pd.errors.ParserError,
    pd.errors.ParserWarning,
    pd.errors.EmptyDataError,
)


class TableError(ValueError):
    """A table cannot be read or used; the message names the file or column, what is wrong and the fix."""


@dataclass(frozen=True)
class ScreenResult:
    """All pairs of a long table.

    `pairs`: product, event, the columns of `MEASURE_COLUMNS`, and screens (names joined by ";"); sorted by product
    and event. `n`: cases counted. `excluded`: rows left out, by the first reason that holds. `cases_left_out`: cases
    none of whose rows could be used. `met`: pairs by screen, `met_unbounded`: those of them whose ROR is unbounded.
    """

    pairs: pd.DataFrame
    n: int
    products: int
    events: int
    rows: int
    excluded: dict[str, int]
    cases_left_out: int
    met: dict[str, int]
    met_unbounded: dict[str, int]

    def summary(self) -> dict[str, Any]:
        """The counts by name, for people and JSON."""
        return {
            "rows": self.rows,
            "excluded": self.excluded,
            "cases": self.n,
            "cases_left_out": self.cases_left_out,
            "products": self.products,
            "events": self.events,
            "pairs": len(self.pairs),
            "unbounded_ror": int(np.isinf(self.pairs["ror"]).sum()),
            "met": self.met,
            "met_unbounded": self.met_unbounded,
        }


def read_table(path: Path) -> pd.DataFrame:
    """A CSV (UTF-8 or GB18030; comma, semicolon or tab), Parquet, XLSX or XLS file as text; missing is "".

    The first sheet of a workbook is read. Raises TableError that names the file and the fix.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(8)
    except OSError as error:
        raise TableError(f"{path} cannot be opened: {error.strerror}. Check the path.") from None
    if not head:
        raise TableError(f"{path} is empty. A heading and rows are expected.")
    try:
        frame = _read(path, head)
    except _UNREADABLE as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise TableError(f"{path} cannot be read: {reason}. Save it as CSV (UTF-8), Parquet or XLSX.") from None
    frame.attrs["file"] = str(path)  # for the messages of what uses it
    return frame


def _read(path: Path, head: bytes) -> pd.DataFrame:
    if head.startswith(b"PAR1"):
        return _text_frame(pa.parquet.read_table(path))
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        sheet = fastexcel.read_excel(path).load_sheet(0, dtypes="string")
        return _text_frame(pa.table(sheet.to_arrow()))
    return _read_csv(path)


def _text_frame(table: pa.Table) -> pd.DataFrame:
    texts = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        texts[name] = column.cast(pa.string()).fill_null("").to_pandas().astype("str")
    return pd.DataFrame(texts)


def _read_csv(path: Path) -> pd.DataFrame:
    data = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise TableError(f"{path} is neither UTF-8 nor GB18030. Save it as “CSV UTF-8”.")
    heading = text.split("\n", 1)[0]
    separator = max(",;\t", key=heading.count)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the heading would be cut
        return pd.read_csv(io.StringIO(text), sep=separator, dtype="str", keep_default_na=False, index_col=False)


def screen(
    frame: pd.DataFrame, case: str, product: str, event: str, screens: Sequence[Screen] | None = None
) -> ScreenResult:
    """Count and measure all pairs of a long table: one row a case, product and event, in text.

    A case has every product and every event of its rows, so the pairs of a case are all of them crossed. A row in
    which one of the three is blank is left out and counted. Wording is taken as it is, but for white space at its
    ends. Screens: those of the shipped file that suit any stream. Raises TableError where a column is missing.
    """
    columns = _columns(frame, {"case": case, "product": product, "event": event})
    missing = {reason: columns[name] == "" for reason, name in zip(EXCLUSIONS, columns, strict=True)}
    used = ~np.logical_or.reduce(list(missing.values()))
    numbers, cases = encode(columns["case"][used])
    labels = {name: columns[name][used].to_numpy() for name in ("product", "event")}
    incidence = Incidence.of(
        len(cases),
        pd.DataFrame({"case": numbers, "product": pd.Series(labels["product"], dtype="str")}),
        pd.DataFrame({"case": numbers, "event": pd.Series(labels["event"], dtype="str")}),
    )
    counts = pair_counts(incidence)
    measures = all_measures(counts.a, *cells_from_margins(counts.a, counts.n_product, counts.n_event, counts.n))
    general = [s for s in (load_screens() if screens is None else screens) if s.general]
    met = {s.name: s.rule.met(measures) for s in general}
    pairs = pd.DataFrame(
        {
            "product": incidence.products.take(counts.product),
            "event": incidence.events.take(counts.event),
            **measures,
            "screens": _joined_names(met, len(counts.a)),
        }
    )
    return ScreenResult(
        pairs=pairs,
        n=counts.n,
        products=len(incidence.products),
        events=len(incidence.events),
        rows=len(frame),
        excluded=_by_first_reason(missing),
        cases_left_out=columns["case"][columns["case"] != ""].nunique() - len(cases),
        met={name: int(meets.sum()) for name, meets in met.items()},
        met_unbounded={name: int((meets & np.isinf(pairs["ror"])).sum()) for name, meets in met.items()},
    )


def measure_tables(frame: pd.DataFrame) -> pd.DataFrame:
    """Measures of given 2×2 tables: columns a, b, c, d, as text or numbers; other columns are kept in front.

    Columns with the name of a measure are replaced. Raises TableError where a column is missing, ValueError that names
    the row where a cell is no count of cases.
    """
    columns = _columns(frame, {name: name for name in CELLS})
    cells = [_numbers(columns[name]) for name in CELLS]
    measures = pd.DataFrame(all_measures(*cells), index=frame.index)
    kept = frame.drop(columns=[name for name in frame.columns if str(name).strip() in MEASURE_COLUMNS])
    return pd.concat([kept, measures], axis=1)


def _numbers(texts: pd.Series) -> np.ndarray:
    numbers = pd.to_numeric(texts, errors="coerce")
    wrong = numbers.isna()
    if wrong.any():
        row = int(np.argmax(wrong))
        text = texts.iloc[row]
        raise ValueError(f"row {row + 1}: {texts.name} = “{text}” is no number; a count of cases is a whole number")
    return numbers.to_numpy()


def _columns(frame: pd.DataFrame, wanted: dict[str, str]) -> dict[str, pd.Series]:
    """The wanted columns as text without white space at the ends."""
    names = {str(name).strip(): position for position, name in enumerate(frame.columns)}
    found = {}
    for role, name in wanted.items():
        if name.strip() not in names:
            there = ", ".join(map(str, frame.columns[:30]))
            file = frame.attrs.get("file", "the table")
            raise TableError(f"{file}: there is no column “{name}”, wanted as {role}. Its columns: {there}.")
        column = frame.iloc[:, names[name.strip()]]
        found[role] = column.astype("str").fillna("").str.strip().rename(name)
    return found


def _by_first_reason(missing: dict[str, pd.Series]) -> dict[str, int]:
    excluded, seen = {}, np.zeros(len(next(iter(missing.values()))), dtype=bool)
    for reason, rows in missing.items():
        excluded[reason] = int((rows & ~seen).sum())
        seen |= rows.to_numpy()
    return excluded


def _joined_names(met: dict[str, np.ndarray], rows: int) -> pd.Series:
    joined = pd.Series("", index=range(rows), dtype="str")
    for name, meets in met.items():
        joined = joined.where(~meets, joined + ";" + name)
    return joined.str.removeprefix(";")
