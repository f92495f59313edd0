"""Sheets and delimited files as grids of text, with the row numbers a person sees."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import fastexcel
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from pv.sources.refusal import FileRefused

HEAD_ROWS = 20  # a heading is looked for in the first rows; real exports have 0 to 3 title rows
MAX_COLUMNS = 1_000  # the widest known layout has 74
MAX_UNZIPPED = 4 * 1024**3  # a 100,000 × 60 sheet unzips to about 0.3 GB
MAX_CELL = 1024**2  # characters; the longest narrative a form takes is far below

csv.field_size_limit(MAX_CELL)


@dataclass(frozen=True)
class Grid:
    """One sheet. `head` is its first rows; `body(n)` the rows after row n (0-based) as text columns.

    `body` gives a DataFrame with columns 0…width−1, missing cells as "", and a column `row` with the number that a
    spreadsheet program shows; rows with the wrong number of cells carry True in the column `ragged`.
    """

    sheet: str
    head: list[list[str]]
    body: Callable[[int], pd.DataFrame]


def open_grids(path: Path) -> list[Grid]:
    """Open a file by its content. Raises FileRefused where it is empty, encrypted, truncated or no table."""
    with path.open("rb") as handle:
        start = handle.read(8)
    if not start:
        raise FileRefused("empty")
    if start.startswith(b"PK"):
        _check_zip(path)
        return _sheets(path)
    if start == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _sheets(path)
    return [_delimited(path)]


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        raise FileRefused("truncated") from None
    if size > MAX_UNZIPPED:
        raise FileRefused("too_large", size=f"{size / 1024**3:.1f} GiB", limit=f"{MAX_UNZIPPED // 1024**3} GiB")
    if "xl/workbook.xml" not in names:
        raise FileRefused("not_a_table")


def _sheets(path: Path) -> list[Grid]:
    try:
        book = fastexcel.read_excel(path)
        return [_sheet(book, name) for name in book.sheet_names]
    except fastexcel.FastExcelError as error:
        encrypted = "password" in str(error).lower() or "encrypt" in str(error).lower()
        raise FileRefused("encrypted" if encrypted else "truncated") from None


def _sheet(book: fastexcel.ExcelReader, name: str) -> Grid:
    # Unpacking the sheet is the whole cost (4 s for 100,000 × 60), so it is read once for heading and body.
    batch = book.load_sheet(name, header_row=None, dtypes="string").to_arrow()
    if batch.num_columns > MAX_COLUMNS:
        raise FileRefused("too_wide", columns=batch.num_columns, limit=MAX_COLUMNS)
    columns = [column.to_pylist() for column in batch.slice(0, HEAD_ROWS).columns]
    rows = [[cell or "" for cell in row] for row in zip(*columns, strict=True)]

    def body(after: int) -> pd.DataFrame:
        return _frame(batch.slice(after + 1).columns, batch.num_columns, after + 2)

    return Grid(name, rows, body)


def _frame(columns: Sequence[pa.Array], width: int, first_row: int) -> pd.DataFrame:
    """Text columns padded to `width`; `row` counts from `first_row`; rows without any text are dropped."""
    filled = [column.fill_null("") for column in columns]
    frame = pa.table(filled, names=[str(number) for number in range(len(columns))]).to_pandas()
    frame.columns = range(len(columns))
    for number in range(len(columns), width):
        frame[number] = ""
    blank = [pc.equal(column, "") for column in filled]
    used = ~np.logical_and.reduce(blank) if blank else np.zeros(0, dtype=bool)
    frame["row"] = range(first_row, first_row + len(frame))
    frame["ragged"] = False
    kept: pd.DataFrame = frame if used.all() else frame[used].reset_index(drop=True)
    return kept


def _encoding(path: Path) -> str:
    """UTF-8 (with or without mark) where the whole file is valid UTF-8, else GB18030, else refused."""
    with path.open("rb") as handle:
        first = handle.read(2)
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileRefused("encoding")
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as handle:
                while chunk := handle.read(1 << 20):
                    if b"\0" in chunk:
                        raise FileRefused("not_a_table")
                    decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise FileRefused("encoding")


def _delimited(path: Path) -> Grid:
    encoding = _encoding(path)
    try:
        with path.open(encoding=encoding, newline="") as handle:
            sample = handle.read(1 << 16)
        heads = {separator: _head(sample, separator) for separator in ",\t;|$"}
        separator = max(heads, key=lambda one: max(map(len, heads[one][0]), default=0))
        head, starts = heads[separator]
    except csv.Error:
        raise FileRefused("not_a_table") from None
    if any(len(row) > MAX_COLUMNS for row in head):
        raise FileRefused("too_wide", columns=max(map(len, head)), limit=MAX_COLUMNS)

    def body(after: int) -> pd.DataFrame:
        width = len(head[after])
        fast = _fast_body(path, encoding, separator, width, starts[after], after)
        return _slow_body(path, encoding, separator, width, after) if fast is None else fast

    return Grid("", head, body)


def _head(sample: str, separator: str) -> tuple[list[list[str]], list[int]]:
    """The first records and the physical line on which each starts."""
    reader = csv.reader(io.StringIO(sample), delimiter=separator)
    rows, starts = [], []
    before = 0
    for row in reader:
        rows.append(row)
        starts.append(before)
        before = reader.line_num
        if len(rows) == HEAD_ROWS:
            break
    return rows, starts


def _fast_body(
    path: Path, encoding: str, separator: str, width: int, skip_lines: int, after: int
) -> pd.DataFrame | None:
    """Read with Arrow; None where a row has the wrong number of cells or the parser gives up."""
    names = [str(number) for number in range(width)]
    ragged = []

    def note(row: object) -> str:
        ragged.append(row)
        return "skip"

    with path.open("rb") as handle:
        if encoding == "utf-8-sig" and handle.read(3) != codecs.BOM_UTF8:
            handle.seek(0)
        try:
            reader = arrow_csv.open_csv(
                pa.PythonFile(handle, mode="r"),
                read_options=arrow_csv.ReadOptions(
                    encoding="utf8" if encoding == "utf-8-sig" else encoding,
                    column_names=names,
                    skip_rows=skip_lines,
                    skip_rows_after_names=1,
                    block_size=8 << 20,
                    use_threads=False,
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=separator,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=note,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={name: pa.string() for name in names}, strings_can_be_null=False
                ),
            )
            table = reader.read_all()
        except (pa.ArrowInvalid, UnicodeDecodeError):
            return None
    if ragged:
        return None
    return _frame(table.columns, width, after + 2)


def _slow_body(path: Path, encoding: str, separator: str, width: int, after: int) -> pd.DataFrame:
    """Read record by record, so that every ragged row is kept, padded and marked."""
    with path.open(encoding=encoding, newline="") as handle:
        try:
            rows = list(_records(handle, separator, width, after))
        except csv.Error:
            raise FileRefused("cell_too_long", limit=MAX_CELL) from None
    columns: list[object] = [*range(width), "row", "ragged"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype(dict.fromkeys(range(width), "str"))


def _records(handle: io.TextIOBase, separator: str, width: int, after: int) -> Iterator[list[object]]:
    for number, cells in enumerate(csv.reader(handle, delimiter=separator)):
        if number > after and any(cells):
            ragged = len(cells) != width
            padded = [*cells[:width], *[""] * (width - len(cells))]
            yield [*padded, number + 1, ragged]
