"""Delimited text files as grids: UTF-8 or GB18030, streamed, every record kept.

A file is parsed as bytes and each distinct cell decoded once, which takes a third of the time of decoding it whole:
in GB18030 no separator but "|" and no quotation mark or line break is part of another character. Where a record has
another number of cells than the heading, and for "|", the file is decoded first, since Arrow then tells the record.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from pv.sources.grids import HEAD_ROWS, MAX_COLUMNS, Block, Grid
from pv.sources.refusal import FileRefused
from pv.sources.zips import Member

MAX_CELL = 1024**2  # bytes; the longest narrative a form takes is far below
BLOCK = 8 << 20  # bytes read at a time, and so the longest record
GARBLED = "\ufffd"  # stands for bytes that no character has
_SAMPLE = 1 << 16
_CHUNK = 1 << 20

csv.field_size_limit(MAX_CELL)


def open_text(path: Path) -> Grid:
    """The one grid of a text file. Raises FileRefused where it is no text or no table."""
    encoding, separator, head, lines = _detected(path)
    if any(len(row) > MAX_COLUMNS for row in head):
        raise FileRefused("too_wide", columns=max(map(len, head)), limit=MAX_COLUMNS)
    text = _Text(path, encoding, separator, head, lines, decode_first=separator == "|")
    return Grid("", head, text.blocks)


def records(path: Path) -> Iterator[list[str]]:
    """All records of a text file, those of another width than the heading with every cell. Raises FileRefused."""
    encoding, separator, _, _ = _detected(path)
    with path.open(encoding=encoding, newline="", errors="replace") as handle:
        yield from csv.reader(handle, delimiter=separator)


def _detected(path: Path) -> tuple[str, str, list[list[str]], list[int]]:
    """Encoding, separator, the first records and after each of them how many lines have been read."""
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="", errors="replace") as handle:
        sample = handle.read(_SAMPLE)
    try:
        heads = {separator: _head(sample, separator) for separator in ",\t;|$"}
    except csv.Error:
        raise FileRefused("not_a_table") from None
    separator = max(heads, key=lambda one: _two_widest(heads[one][0]))
    return encoding, separator, *heads[separator]


def _encoding(path: Path) -> str:
    """What most of the first characters beyond ASCII are: UTF-8 (with or without mark), else GB18030, else refused.

    Text in GB18030 read as UTF-8 is garbled throughout; a few bytes that no character has cost only their rows.
    """
    with path.open("rb") as handle:
        chunk = handle.read(_CHUNK)
        if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise FileRefused("encoding")
        while chunk and chunk.isascii():
            if b"\0" in chunk:
                raise FileRefused("not_a_table")
            chunk = handle.read(_CHUNK)
    if b"\0" in chunk:
        raise FileRefused("not_a_table")
    for encoding in ("utf-8-sig", "gb18030"):
        text = codecs.getincrementaldecoder(encoding)("replace").decode(chunk)
        garbled = text.count(GARBLED)
        if len(text) - len(text.encode("ascii", "ignore")) - garbled > 4 * garbled or text.isascii():
            return encoding
    raise FileRefused("encoding")


def _two_widest(head: list[list[str]]) -> list[int]:
    """Cells of the second widest row and of the widest: one cell may hold more semicolons than there are columns."""
    return sorted([0, *map(len, head)])[-2:]


def _head(sample: str, separator: str) -> tuple[list[list[str]], list[int]]:
    """The first records, and after each of them how many lines have been read."""
    reader = csv.reader(io.StringIO(sample), delimiter=separator)
    rows, lines = [], []
    for row in reader:
        rows.append(row)
        lines.append(reader.line_num)
        if len(rows) == HEAD_ROWS:
            break
    return rows, lines


@dataclass
class _Text:
    path: Path
    encoding: str
    separator: str
    head: list[list[str]]
    lines: list[int]
    decode_first: bool

    def blocks(self, after: int, only: Sequence[int]) -> Iterator[Block]:
        given = 0
        if not self.decode_first:
            try:
                for block in self._read(after, only):
                    given += len(block)
                    yield block
            except pa.ArrowInvalid:
                self.decode_first = True  # also whenever it is read again
            else:
                return
        for block in self._read(after, only):
            seen, given = min(given, len(block)), given - min(given, len(block))
            if seen < len(block):
                yield _without_first(block, seen)

    def _read(self, after: int, only: Sequence[int]) -> Iterator[Block]:
        size = self.path.stat().st_size
        with Member(self.path.name, size, size, lambda: self.path.open("rb")).open() as stream:
            for _ in range(self.lines[after]):
                stream.readline(BLOCK)
            first = stream.read(_CHUNK)
            if first.strip():
                joined = _Joined(first, stream)
                body = io.BufferedReader(_Decoded(joined, self.encoding) if self.decode_first else joined)
                encoding = "" if self.decode_first else self.encoding
                yield from _Reader(self.separator, len(self.head[after]), tuple(only), after + 1, encoding).blocks(body)


def _without_first(block: Block, count: int) -> Block:
    columns = {place: column[count:] for place, column in block.columns.items()}
    return Block(columns, block.row[count:], block.ragged[count:])


class _Joined(io.RawIOBase):
    """Bytes already read, then the rest of the stream."""

    def __init__(self, first: bytes, rest: io.BufferedReader) -> None:
        self._first, self._rest = memoryview(first), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._first:
            return self._rest.readinto(buffer)
        count = min(len(buffer), len(self._first))
        buffer[:count] = self._first[:count]
        self._first = self._first[count:]
        return count


class _Decoded(io.RawIOBase):
    """The stream as UTF-8; bytes that no character has become U+FFFD."""

    def __init__(self, source: io.RawIOBase, encoding: str) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = b"x"
        while not self._held and data:
            data = self._source.read(_CHUNK) or b""
            self._held = memoryview(self._decoder.decode(data, final=not data).encode())
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count


@dataclass
class _Reader:
    """Parses one body (`encoding` is "" where it has been decoded), records of another width in their places."""

    separator: str
    width: int
    only: tuple[int, ...]
    last: int  # number of the last row given
    encoding: str
    odd: dict[int, str] = field(default_factory=dict)

    def blocks(self, body: IO[bytes]) -> Iterator[Block]:
        first = self.last
        try:
            for batch in self._open(body, first):
                yield self._block([_checked(column, self.last) for column in batch.columns], batch.num_rows)
        except pa.ArrowInvalid as error:
            if self.encoding and "straddling" not in str(error):
                raise
            raise FileRefused("cell_too_long", limit=MAX_CELL, row=self.last + 1) from None
        if self.odd:
            yield self._block([pa.array([], pa.binary()) for _ in self.only], 0)

    def _open(self, body: IO[bytes], first: int) -> arrow_csv.CSVStreamingReader:
        def note(row: arrow_csv.InvalidRow) -> str:
            self.odd[first + row.number] = row.text
            return "skip"

        names = [str(place) for place in range(self.width)]
        return arrow_csv.open_csv(
            pa.PythonFile(body, mode="r"),
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=BLOCK, use_threads=False),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.separator,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=None if self.encoding else note,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                strings_can_be_null=False,
                include_columns=[str(place) for place in self.only],
            ),
        )

    def _block(self, cells: list[pa.Array], good: int) -> Block:
        """`good` records of the right width with the others before the last of them; those left come at the end."""
        waiting = np.array(sorted(self.odd), dtype=np.int64)
        numbers = np.arange(self.last + 1, self.last + 1 + good + len(waiting))
        row = np.setdiff1d(numbers, waiting, assume_unique=True)[:good]
        odd = waiting[waiting < row[-1]] if good else waiting
        columns = dict(zip(self.only, (_text(column, self.encoding) for column in cells), strict=True))
        self.last = int(max([self.last, *row[-1:], *odd[-1:]]))
        ragged = np.zeros(good, dtype=bool)
        if len(odd):
            fitted = [self._fitted(self.odd.pop(int(number)), int(number)) for number in odd]
            row = np.concatenate([row, odd])
            order = np.argsort(row, kind="stable")
            ragged = np.concatenate([ragged, [bool(any(record)) for record in fitted]])[order]
            row = row[order]
            for place in self.only:
                more = pa.array([record[place] for record in fitted], pa.large_string())
                columns[place] = pa.concat_arrays([columns[place], more]).take(pa.array(order))
        return Block(columns, row, ragged)

    def _fitted(self, text: str, number: int) -> list[str]:
        try:
            cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=self.separator), [])
        except csv.Error:
            raise FileRefused("cell_too_long", limit=MAX_CELL, row=number) from None
        return [*cells[: self.width], *[""] * (self.width - len(cells))]


def _checked(column: pa.BinaryArray, before: int) -> pa.BinaryArray:
    """Raises FileRefused where a cell is longer than any form takes."""
    lengths = pc.binary_length(column)
    if len(column) and pc.max(lengths).as_py() > MAX_CELL:
        place = int(np.argmax(lengths.to_numpy(zero_copy_only=False)))
        raise FileRefused("cell_too_long", limit=MAX_CELL, row=before + 1 + place)
    return column


def _text(column: pa.BinaryArray, encoding: str) -> pa.Array:
    """Cells decoded; `encoding` is "" for UTF-8 that is known to be valid."""
    if not encoding or _is_ascii(column):
        return column.cast(pa.string()).cast(pa.large_string())
    if encoding.startswith("utf-8"):
        try:
            return column.cast(pa.string()).cast(pa.large_string())
        except pa.ArrowInvalid:
            pass
    distinct = column.dictionary_encode()
    plain = encoding.removesuffix("-sig")
    texts = [cell.decode(plain, "replace") for cell in distinct.dictionary.to_pylist()]
    return pa.array(texts, pa.large_string()).take(distinct.indices)


def _is_ascii(column: pa.BinaryArray) -> bool:
    data = column.buffers()[2]
    return data is None or data.to_pybytes().isascii()
