"""Delimited tables of public databases: every record is read, those of a wrong width are kept and marked.

Two ways of writing are met. FAERS (`$`) and MAUDE (`|`) quote nothing: a quotation mark is text, a separator or a line
break inside a text breaks the record. A line that does not begin with a record number goes on with the record before
it; the empty cell at the end of every line that the quarters before 2012Q4 write is dropped. VAERS is CSV with
quotation marks. A record is ragged where it has more or fewer cells than the heading: missing cells are "", surplus
text stays in the last cell.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from pv.sources.refusal import FileRefused
from pv.sources.zips import Member

BLOCK = 8 << 20  # bytes read at a time
CHUNK = 1 << 20
MAX_RECORD = 1 << 20  # bytes of a record or heading; the longest narrative has 64 KB
MAX_COLUMNS = 1_000  # the widest table (mdrfoi) has 90
_TAIL = "\x00tail"  # the cell after a separator at the end of a line


@dataclass(frozen=True)
class Form:
    """How a source writes its tables. `quoted`: cells may stand in quotation marks, with separators and line breaks."""

    separator: str
    quoted: bool = False


@dataclass(frozen=True)
class Block:
    """A run of records: text columns, the number of each (the heading is 1) and whether it is ragged."""

    columns: pa.Table
    row: np.ndarray
    ragged: np.ndarray


def headings(member: Member, form: Form) -> list[str]:
    """The names in the first line: lower case, no white space around them, repeated ones numbered."""
    with member.open() as stream:
        return _headings(stream, form)


def _headings(stream: io.BufferedReader, form: Form) -> list[str]:
    line = stream.readline(MAX_RECORD)
    if len(line) == MAX_RECORD:
        raise FileRefused("cell_too_long", limit=MAX_RECORD)
    names = _cells(line.decode("utf-8-sig", errors="replace").rstrip("\r\n"), form)
    if len(names) > MAX_COLUMNS:
        raise FileRefused("too_wide", columns=len(names), limit=MAX_COLUMNS)
    seen: dict[str, int] = {}
    found = []
    for name in (cell.strip().lower() for cell in names):
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}.{seen[name] - 1}")
    return found


def _cells(text: str, form: Form) -> list[str]:
    if not form.quoted:
        return text.split(form.separator)
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=form.separator), [])
    except csv.Error:
        return [text]


def blocks(
    member: Member, form: Form, names: Sequence[str] = (), only: Sequence[str] = (), width: int = BLOCK
) -> Iterator[Block]:
    """The records of a table in their order, block by block (of `width` bytes). Empty lines are no records.

    `names`: the columns of a table that has no heading; its first record is then number 1. `only`: the columns wanted.
    """
    with member.open() as stream:
        columns = list(names) or _headings(stream, form)
        chunks = _utf8(_chunks(stream) if form.quoted else _whole_lines(_chunks(stream), form.separator))
        first = next(chunks, b"")
        if not first:
            return
        if not form.quoted and _ends_with_separator(first, form.separator, len(columns)):
            columns.append(_TAIL)
        reader = _Reader(form, columns, tuple(only) or tuple(columns), 0 if names else 1)
        yield from reader.blocks(_Stream(first, chunks), width)


def _chunks(stream: io.BufferedReader) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def _whole_lines(chunks: Iterator[bytes], separator: str) -> Iterator[bytes]:
    """The text with the line breaks that do not begin a record made spaces."""
    held = b""
    for chunk in chunks:
        text = held + chunk
        # What follows a line break tells whether it is one, so the last line waits for the next chunk.
        cut = max(text.rfind(b"\n"), text.rfind(b"\r"))
        cut = cut - 1 if cut > 0 and text[cut - 1 : cut + 1] == b"\r\n" else cut
        if cut <= 0 and len(text) > 2 * MAX_RECORD:
            raise FileRefused("cell_too_long", limit=MAX_RECORD)
        whole, held = (text[:cut], text[cut:]) if cut > 0 else (b"", text)
        if whole:
            yield _mended(whole, ord(separator))
    if held.strip():
        yield _mended(held.rstrip(b"\r\n"), ord(separator))


_IN_KEY = np.isin(np.arange(256), list(b"0123456789. "))
_LONGEST_KEY = 24


def _mended(text: bytes, mark: int) -> bytes:
    """A line begins a record where only digits (with spaces or a point) stand before its first separator."""
    data = np.frombuffer(text, np.uint8)
    breaks = np.flatnonzero((data == 10) | (data == 13))
    paired = np.zeros(len(breaks), dtype=bool)  # the first half of \r\n
    paired[:-1] = (data[breaks[:-1]] == 13) & (data[breaks[1:]] == 10) & (np.diff(breaks) == 1)
    ends = breaks[~paired]
    begins = np.zeros(len(ends), dtype=bool)
    going = np.arange(len(ends))
    for place in range(1, _LONGEST_KEY + 2):
        at = ends[going] + place
        going, at = going[at < len(data)], at[at < len(data)]
        here = data[at]
        begins[going[here == mark]] = place > 1
        going = going[_IN_KEY[here]]
    if begins.all():
        return text
    mended = data.copy()
    broken = ends[~begins]
    mended[broken] = 32
    mended[np.intersect1d(breaks[paired], broken - 1)] = 32
    return mended.tobytes()


def _utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Each byte as the character of that number, so that nothing is undecodable; `_decoded` finds the encoding."""
    for chunk in chunks:
        yield chunk if chunk.isascii() else chunk.decode("latin-1").encode()


def _ends_with_separator(sample: bytes, separator: str, width: int) -> bool:
    """Whether most records have one cell more than the heading, an empty one."""
    lines = sample.splitlines()[:1000]
    mark = separator.encode()
    longer = sum(line.count(mark) == width and line.rstrip().endswith(mark) for line in lines)
    return longer * 2 > len(lines)


class _Stream(io.RawIOBase):
    """Chunks of bytes as a file for Arrow."""

    def __init__(self, first: bytes, chunks: Iterator[bytes]) -> None:
        self._held, self._chunks = memoryview(first), chunks

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._held:
            self._held = memoryview(next(self._chunks, b""))
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count


@dataclass
class _Reader:
    """Reads the body of one table with Arrow and puts the records that Arrow leaves out back into their places."""

    form: Form
    names: list[str]
    only: tuple[str, ...]
    last: int  # number of the last record given
    left_out: dict[int, str] = field(default_factory=dict)

    def blocks(self, stream: io.RawIOBase, width: int) -> Iterator[Block]:
        handed = 0 if self.last == 0 else 1
        try:
            reader = self._open(stream, width, handed)
            for batch in reader:
                yield from self._block(pa.Table.from_batches([batch]))
        except pa.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                raise FileRefused("cell_too_long", limit=MAX_RECORD) from None
        yield from self._block(self._texts([]))

    def _open(self, stream: io.RawIOBase, width: int, handed: int) -> arrow_csv.CSVStreamingReader:
        def note(row: arrow_csv.InvalidRow) -> str:
            self.left_out[row.number + handed] = row.text
            return "skip"

        wanted = [*self.only, _TAIL] if _TAIL in self.names and _TAIL not in self.only else list(self.only)
        return arrow_csv.open_csv(
            pa.PythonFile(io.BufferedReader(stream, CHUNK), mode="r"),
            read_options=arrow_csv.ReadOptions(column_names=self.names, block_size=width, use_threads=False),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.form.separator,
                quote_char='"' if self.form.quoted else False,
                newlines_in_values=self.form.quoted,
                ignore_empty_lines=True,
                invalid_row_handler=note,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(self.names, pa.string()), strings_can_be_null=False, include_columns=wanted
            ),
        )

    def _block(self, table: pa.Table) -> Iterator[Block]:
        """The records of a batch with those left out among them."""
        good = table.num_rows
        end, waiting = self.last + good, sorted(self.left_out)
        for number in waiting:
            end += number <= end
        odd = [number for number in waiting if number <= end or not good]
        end = max([end, *odd])
        row = np.setdiff1d(np.arange(self.last + 1, end + 1), odd, assume_unique=True)
        self.last = end
        columns, ragged = self._without_tail(table)
        texts = {number: self.left_out.pop(number) for number in odd}
        odd = [number for number, text in texts.items() if text.strip()]
        if odd:
            cells = [self._fitted(texts[number]) for number in odd]
            columns = pa.concat_tables([columns, self._texts([cell for cell, _ in cells])])
            row = np.concatenate([row, odd])
            ragged = np.concatenate([ragged, [bad for _, bad in cells]])
            order = np.argsort(row, kind="stable")
            columns, row, ragged = columns.take(order), row[order], ragged[order]
        if columns.num_rows:
            yield Block(_decoded(columns), row, ragged.astype(bool))

    def _fitted(self, text: str) -> tuple[list[str], bool]:
        """The cells of a record of another width, made to fit, and whether it is ragged."""
        if len(text) > MAX_RECORD:
            raise FileRefused("cell_too_long", limit=MAX_RECORD)
        width = len(self.names) - (_TAIL in self.names)
        cells = _cells(text, self.form)
        # Where lines end with a separator, one that has all cells but not that separator is whole.
        whole = _TAIL in self.names and len(cells) == width and bool(cells[-1].strip())
        surplus = self.form.separator.join(cells[width - 1 :])
        fitted = [*cells[: width - 1], surplus] if len(cells) > width else cells + [""] * (width - len(cells))
        return fitted, not whole

    def _texts(self, rows: list[list[str]]) -> pa.Table:
        where = {name: number for number, name in enumerate(self.names) if name != _TAIL}
        kept = [name for name in self.only if name != _TAIL]
        columns = [pa.array([cells[where[name]] for cells in rows], pa.string()) for name in kept]
        return pa.table(columns, names=kept)

    def _without_tail(self, table: pa.Table) -> tuple[pa.Table, np.ndarray]:
        """Records whose cell after the last separator holds text are ragged; it joins the last cell."""
        ragged = np.zeros(table.num_rows, dtype=bool)
        if _TAIL not in table.column_names:
            return table, ragged
        tail = table.column(_TAIL)
        surplus = pc.not_equal(pc.utf8_trim_whitespace(tail), "")
        table = table.drop_columns([_TAIL])
        if pc.any(surplus).as_py():
            last = table.column_names[-1]
            joined = pc.binary_join_element_wise(table.column(last), tail, self.form.separator)
            table = table.set_column(table.num_columns - 1, last, pc.if_else(surplus, joined, table.column(last)))
            ragged = surplus.to_numpy()
        return table, ragged


def _decoded(table: pa.Table) -> pa.Table:
    """Columns with bytes beyond ASCII read as UTF-8 where all of them are, else as Windows-1252."""
    for number, name in enumerate(table.column_names):
        column = table.column(number).combine_chunks()
        beyond = pc.not_equal(pc.binary_length(column), pc.utf8_length(column))
        if pc.any(beyond).as_py():
            found = [text.encode("latin-1") for text in column.filter(beyond).to_pylist()]
            texts = pa.array(_read(found), pa.string())
            table = table.set_column(number, name, pc.replace_with_mask(column, beyond, texts))
    return table


def _read(found: list[bytes]) -> list[str]:
    for decode in (_as_utf8, _as_windows):
        try:
            return [decode(text) for text in found]
        except UnicodeDecodeError:
            continue
    return [text.decode("latin-1") for text in found]


_as_utf8: Callable[[bytes], str] = bytes.decode


def _as_windows(text: bytes) -> str:
    return text.decode("cp1252")
