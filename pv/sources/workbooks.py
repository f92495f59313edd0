"""Workbooks (XLSX, XLS) as grids. Macros, links to other files and formulas are never run or followed: only the values
that the workbook holds are read."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import fastexcel
import numpy as np
import pyarrow as pa

from pv.sources.grids import HEAD_ROWS, MAX_COLUMNS, Block, Grid
from pv.sources.refusal import FileRefused

MAX_UNZIPPED = 4 * 1024**3  # bytes; a 100,000 × 60 sheet unzips to about 0.3 GB
MAX_RATIO = 200  # of unzipped to zipped; real sheets have 5 to 40, a bomb of zeros 1,000
RATIO_FROM = 16 * 1024**2  # smaller parts do no harm, however well they pack
MAX_CELL = 32_767  # characters, by the format itself
BLOCK = 50_000  # rows

OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def is_workbook(path: Path) -> bool:
    """Whether a zip archive is a workbook. Raises FileRefused where it is no archive."""
    return "xl/workbook.xml" in {info.filename for info in _parts(path)}


def _parts(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, zlib.error):
        raise FileRefused("truncated") from None


def check(path: Path) -> None:
    """Raises FileRefused for a workbook that unpacks to more than may be read."""
    parts = _parts(path)
    size = sum(part.file_size for part in parts)
    if size > MAX_UNZIPPED:
        raise FileRefused("too_large", size=f"{size / 1024**3:.1f} GiB", limit=f"{MAX_UNZIPPED // 1024**3} GiB")
    for part in parts:
        if part.file_size > max(RATIO_FROM, MAX_RATIO * part.compress_size):
            raise FileRefused("archive_bomb", name=part.filename, limit=MAX_RATIO)


def open_sheets(path: Path) -> Iterator[Grid]:
    """The sheets, each read when it is asked for. Raises FileRefused where one cannot be read."""
    try:
        book = fastexcel.read_excel(path)
        for name in book.sheet_names:
            yield _sheet(book, name)
    except fastexcel.FastExcelError as error:
        encrypted = "password" in str(error).lower() or "encrypt" in str(error).lower()
        raise FileRefused("encrypted" if encrypted else "truncated") from None


def _sheet(book: fastexcel.ExcelReader, name: str) -> Grid:
    # Unpacking the sheet is the whole cost (4 s for 100,000 × 60), so it is read once for heading and body.
    batch = book.load_sheet(name, header_row=None, dtypes="string").to_arrow()
    if batch.num_columns > MAX_COLUMNS:
        raise FileRefused("too_wide", columns=batch.num_columns, limit=MAX_COLUMNS)
    columns = [column.to_pylist() for column in batch.slice(0, HEAD_ROWS).columns]
    head = [[cell or "" for cell in row] for row in zip(*columns, strict=True)]

    def blocks(after: int, only: Sequence[int]) -> Iterator[Block]:
        for start in range(after + 1, batch.num_rows, BLOCK):
            part = batch.slice(start, BLOCK)
            texts = {place: _text(part, place) for place in only}
            rows = np.arange(start + 1, start + 1 + part.num_rows)
            yield Block(texts, rows, np.zeros(len(rows), dtype=bool))

    return Grid(name, head, blocks)


def _text(part: pa.RecordBatch, place: int) -> pa.Array:
    if place >= part.num_columns:
        return pa.repeat(pa.scalar("", pa.large_string()), part.num_rows)
    return part.column(place).fill_null("").cast(pa.large_string())
