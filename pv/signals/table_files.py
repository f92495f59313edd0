"""Tables that a user brings: CSV, Parquet and workbooks, read as text."""

from __future__ import annotations

import csv
import io
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import fastexcel
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

_UNREADABLE = (
    pa.ArrowException,
    fastexcel.FastExcelError,
    pd.errors.ParserError,
    pd.errors.ParserWarning,
    pd.errors.EmptyDataError,
)


class TableError(ValueError):
    """A table cannot be read or used; the message names the file or column, what is wrong and the fix."""


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
        return _text_frame(pa.parquet.ParquetFile(path).read())
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        book = fastexcel.read_excel(path)
        frame = _text_frame(pa.table(book.load_sheet(0, dtypes="string").to_arrow()))
        heading = book.load_sheet(0, header_row=None, n_rows=1, dtypes="string").to_arrow().to_pylist()
        frame.attrs["repeated"] = _repeated(value for row in heading for value in row.values() if value)
        return frame
    return _read_csv(path)


def _text_frame(table: pa.Table) -> pd.DataFrame:
    texts = []
    for raw in table.columns:
        column = raw.cast(raw.type.value_type) if pa.types.is_dictionary(raw.type) else raw
        texts.append(column.cast(pa.string()).fill_null("").to_pandas().astype("str"))
    frame = pd.DataFrame(dict(enumerate(texts))).set_axis(table.column_names, axis=1)
    frame.attrs["repeated"] = _repeated(table.column_names)
    return frame


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
        frame = pd.read_csv(io.StringIO(text), sep=separator, dtype="str", keep_default_na=False, index_col=False)
    frame.attrs["repeated"] = _repeated(next(csv.reader(io.StringIO(text), delimiter=separator), []))
    return frame


def text_columns(frame: pd.DataFrame, wanted: Mapping[str, str]) -> dict[str, pd.Series]:
    """The wanted columns, by the role that each has, as text without white space at the ends.

    Raises TableError where one is missing, or is there more than once.
    """
    names = {str(name).strip(): position for position, name in enumerate(frame.columns)}
    found = {}
    for role, name in wanted.items():
        file = frame.attrs.get("file", "the table")
        if name.strip() not in names:
            there = ", ".join(map(str, frame.columns[:30]))
            raise TableError(f"{file}: there is no column “{name}”, wanted as {role}. Its columns: {there}.")
        if name.strip() in frame.attrs.get("repeated", _repeated(frame.columns)):
            raise TableError(f"{file}: column “{name}”, wanted as {role}, is there more than once. Rename the others.")
        column = frame.iloc[:, names[name.strip()]]
        found[role] = column.astype("str").fillna("").str.strip().rename(name)
    return found


def _repeated(names: Iterable[object]) -> list[str]:
    counts = Counter(str(name).strip() for name in names)
    return sorted(name for name, times in counts.items() if times > 1)
