"""Tables in batches that never cut a case: all rows of a case number come together, wherever they stand in the file.

A first pass reads the columns of the case number only (a tenth of the time of reading the file). Cases whose rows stand
side by side, as in every export seen, are streamed; those whose rows are scattered come after them, in the order in
which they begin, and for every 200,000 of their rows the file is read once more: memory holds a batch, never the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pv.sources.date_forms import read_day
from pv.sources.delimited import GARBLED
from pv.sources.extract import Extract
from pv.sources.grids import Block, Grid
from pv.sources.layouts import Layout
from pv.sources.refusal import FileRefused
from pv.sources.several import several_in_a_cell
from pv.text import clean, clean_all, over_unique

BATCH = 50_000  # rows; about 100 MB while they are worked on
SCATTERED = 200_000  # rows


@dataclass(frozen=True)
class Table:
    """A sheet whose heading has been recognised. Raises FileRefused where a required column is missing."""

    grid: Grid
    layout: Layout
    heading_row: int
    headings: list[str]

    def __post_init__(self) -> None:
        missing = self.layout.missing(self.positions)
        if missing:
            raise FileRefused(
                "column_missing", sheet=self.grid.sheet or "–", row=self.heading_row + 1, column="、".join(missing)
            )

    @property
    def positions(self) -> dict[str, int]:
        return self.layout.positions(self.headings)

    def blocks(self, only: Sequence[int] | None = None) -> Iterator[Block]:
        return self.grid.blocks(self.heading_row, range(len(self.headings)) if only is None else only)

    def raw_names(self) -> list[str]:
        """Headings, each once: a column without one is known by its place."""
        return [heading or f"#{place + 1}" for place, heading in enumerate(self.headings)]


@dataclass(frozen=True)
class _Piece:
    """Rows of one table that go into a batch."""

    table: Table
    block: Block

    def taken(self, which: np.ndarray) -> _Piece:
        index = pa.array(which)
        columns = {place: column.take(index) for place, column in self.block.columns.items()}
        return _Piece(self.table, Block(columns, self.block.row[which], self.block.ragged[which]))

    def __len__(self) -> int:
        return len(self.block)


def batches(tables: Sequence[Table], size: int = BATCH) -> Iterator[Extract]:
    """Extracts of about `size` rows (more where one case has more), at least one; in an order that depends on the file
    alone."""
    cases = _cases(tables)
    scattered = _scattered(cases)
    apart = scattered[cases]
    together = cases[~apart]
    some = False
    for pieces in _cut(_pieces(tables, ~apart), _ends(together, size)):
        some = True
        yield _extract(tables, pieces)
    for first, last in _groups(cases[apart]):
        chosen = apart & (cases >= first) & (cases <= last)
        order = np.argsort(cases[chosen], kind="stable")
        ends = _ends(cases[chosen][order], size)
        yield from (_extract(tables, pieces) for pieces in _cut(_sorted(_pieces(tables, chosen), order), ends))
        some = True
    if not some:
        yield _extract(tables, [])


def table_frame(table: Table) -> Iterator[pd.DataFrame]:
    """The fields of a table's rows, block by block; rows without any text are left out."""
    for fields, _ in table_frames(table):
        yield fields


def table_frames(table: Table) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The fields of a table's rows and their cells as written, as in an `Extract`."""
    for block in table.blocks():
        yield _frames(_Piece(table, block))


def _cases(tables: Sequence[Table]) -> np.ndarray:
    """The case of every row, as numbers in the order in which cases begin; a row without a number is one by itself."""
    keys: list[pa.Array] = []
    for table in tables:
        positions = table.positions
        wanted = [positions[field] for field in ("unique_id", "report_number") if field in positions]
        for block in table.blocks(wanted):
            texts = [clean_all(pd.Series(block.columns[place].to_pandas(), dtype="str")) for place in wanted]
            keys.append(pa.array(reduce(lambda one, other: one.where(one != "", other), texts), pa.large_string()))
    if not keys:
        return np.zeros(0, dtype=np.int64)
    flat = [part for key in keys for part in (key.chunks if isinstance(key, pa.ChunkedArray) else [key])]
    whole = pa.concat_arrays(flat)
    alone = pc.equal(whole, "").to_numpy(zero_copy_only=False)
    encoded = whole.dictionary_encode()
    codes: np.ndarray = encoded.indices.to_numpy().astype(np.int64)
    if not alone.any():
        return codes
    codes[alone] = len(encoded.dictionary) + np.arange(alone.sum())
    return pd.factorize(codes)[0].astype(np.int64)


def _scattered(cases: np.ndarray) -> np.ndarray:
    """Per case whether its rows stand in more than one place."""
    begins = np.concatenate([[True], cases[1:] != cases[:-1]]) if len(cases) else np.zeros(0, dtype=bool)
    places: np.ndarray = np.bincount(cases[begins], minlength=1)
    return places > 1


def _ends(cases: np.ndarray, size: int) -> list[int]:
    """Where batches of about `size` rows end: at the ends of cases."""
    if not len(cases):
        return []
    bounds: np.ndarray = np.append(np.flatnonzero(cases[1:] != cases[:-1]) + 1, len(cases))
    ends = [0]
    while ends[-1] < len(cases):
        place = min(int(np.searchsorted(bounds, ends[-1] + size)), len(bounds) - 1)
        ends.append(int(bounds[place]))
    return ends[1:]


def _groups(cases: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last case of each group of scattered cases that is held at a time."""
    if len(cases):
        ordered = np.sort(cases)
        start = 0
        for end in _ends(ordered, SCATTERED):
            yield int(ordered[start]), int(ordered[end - 1])
            start = end


def _pieces(tables: Sequence[Table], wanted: np.ndarray) -> Iterator[_Piece]:
    """The wanted rows of all tables, in order."""
    position = 0
    for table in tables:
        for block in table.blocks():
            here = wanted[position : position + len(block)]
            position += len(block)
            if here.all():
                yield _Piece(table, block)
            elif here.any():
                yield _Piece(table, block).taken(np.flatnonzero(here))


def _sorted(pieces: Iterator[_Piece], order: np.ndarray) -> Iterator[_Piece]:
    """The rows of all pieces in another order, as pieces of a run of rows each."""
    held = list(pieces)
    owner = np.repeat(np.arange(len(held)), [len(piece) for piece in held])
    within = np.concatenate([np.arange(len(piece)) for piece in held])
    runs = np.flatnonzero(np.diff(owner[order])) + 1
    for part in np.split(order, runs):
        yield held[owner[part[0]]].taken(within[part])


def _cut(pieces: Iterator[_Piece], ends: Sequence[int]) -> Iterator[list[_Piece]]:
    """Runs of pieces up to each end; an end may stand within a piece."""
    held: list[_Piece] = []
    rest: _Piece | None = None
    position = 0
    for end in ends:
        while position < end:
            piece = next(pieces) if rest is None else rest
            take = min(len(piece), end - position)
            held.append(piece if take == len(piece) else piece.taken(np.arange(take)))
            rest = None if take == len(piece) else piece.taken(np.arange(take, len(piece)))
            position += take
        yield held
        held = []


def _extract(tables: Sequence[Table], pieces: Sequence[_Piece]) -> Extract:
    """The rows of a batch without those that hold no text; every field that some table of the file has is a column."""
    known = list(dict.fromkeys(field for table in tables for field in table.positions))
    names = list(dict.fromkeys(name for table in tables for name in table.raw_names()))
    parts = [_frames(piece) for piece in pieces]
    if len(parts) == 1:
        fields, raw = parts[0]
    elif parts:
        fields = pd.concat([part[0] for part in parts], ignore_index=True)
        raw = pd.concat([part[1] for part in parts], ignore_index=True)
    else:
        fields, raw = _frames(_Piece(tables[0], Block({}, np.zeros(0, np.int64), np.zeros(0, bool))))
    if len(tables) > 1:
        fields = _with_columns(fields, [*known, *_MARKS])
        raw = _with_columns(raw, names)
    return Extract(tables[0].layout, fields, raw)


_MARKS = ("sheet", "row", "ragged", "garbled")


def _with_columns(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    for name in names:
        if name not in frame:
            frame[name] = ""
        elif isinstance(frame[name].dtype, pd.StringDtype):
            frame[name] = frame[name].fillna("")
    return frame[names]


def _frames(piece: _Piece) -> tuple[pd.DataFrame, pd.DataFrame]:
    table, block = piece.table, piece.block
    empty = pa.array([""] * len(block), pa.large_string())
    cells = [block.columns.get(place, empty) for place in range(len(table.headings))]
    used = np.zeros(len(block), dtype=bool)
    for column in cells:
        if used.all():
            break
        used |= pc.not_equal(column, "").to_numpy(zero_copy_only=False)
    if not used.all():
        return _frames(piece.taken(np.flatnonzero(used)))
    raw = pa.table(cells, names=[str(place) for place in range(len(cells))]).to_pandas()
    raw = raw.set_axis(table.raw_names(), axis=1)
    fields = pd.DataFrame({field: raw.iloc[:, place] for field, place in table.positions.items()}, index=raw.index)
    garbled = np.zeros(len(block), dtype=bool)
    for place in set(table.positions.values()):
        garbled |= pc.match_substring(cells[place], GARBLED).to_numpy(zero_copy_only=False)
    for name in table.layout.values.keys() & set(fields.columns):
        fields[name] = _worded(fields[name], table.layout, name)
    for name, form in table.layout.dates.items():
        if name in fields:
            fields[name] = over_unique(fields[name], partial(read_day, form=form))
    fields["sheet"] = pd.Series(table.grid.sheet, index=fields.index, dtype="str")
    fields = fields.assign(row=block.row, ragged=block.ragged, garbled=garbled)
    return several_in_a_cell(fields, raw, table.layout.split) if table.layout.split else (fields, raw)


def _worded(values: pd.Series[str], layout: Layout, field: str) -> pd.Series[str]:
    known = layout.values[field]

    def one(text: str) -> str:
        written = clean(text)
        return known.get(written, known.get("*", text) if written else text)

    return over_unique(values, one)
