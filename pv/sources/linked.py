"""A main table with one record per report, and tables linked to it by the report's key → wide rows, in batches.

What comes out is one row per report × product with the columns of both, named `TABLE.column`; the texts of the other
tables (events, outcomes, therapy dates) stand in one cell, joined by "；". Memory holds the linked tables (as Arrow
text) and the keys of the main table, which itself is streamed; reports of a case that the main table has several times
wait until its end, so that all rows of a case come in one batch.

Nothing is dropped: a linked record whose report is not in the main table, and each ragged one, comes out as a row of
its own (`stray`), and a ragged record marks its report. A ragged line can hide the beginning of another record, so
every key among its cells is marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pv.sources import tables
from pv.sources.refusal import FileRefused
from pv.sources.tables import Form
from pv.sources.zips import Member

BATCH = 20_000  # reports
MAX_LINKED = 4 * 1024**3  # bytes of text; a FAERS quarter has 0.4 GB, a MAUDE year 1 GB
JOIN = "；"  # no public database writes it, so that terms with commas or semicolons stay whole


@dataclass(frozen=True)
class Part:
    """A table of a source. `key`: the columns that name the record it belongs to.

    `names`: the columns of the members that have no heading, by member.
    """

    name: str
    members: tuple[Member, ...]
    key: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def names_of(self, member: Member) -> tuple[str, ...]:
        return self.names.get(member.name, ())

    def columns_of(self, member: Member, form: Form) -> Sequence[str]:
        return self.names_of(member) or tables.headings(member, form)


@dataclass(frozen=True)
class Source:
    """The tables of one set. `case`: the column of the main table by which its reports are versions of one case.

    `product`: the table whose records become rows. `listed`: tables with the columns, where they have them, whose texts
    are joined per report (per product for the tables in `per_product`, linked by `product_key` of the product table).
    """

    form: Form
    main: Part
    case: str
    product: Part
    listed: tuple[tuple[Part, tuple[str, ...]], ...]
    product_key: tuple[str, ...] = ()
    per_product: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rows:
    """A batch: `raw` text columns; beside them the main member, the number of its record, and the marks."""

    raw: pa.Table
    sheet: pa.Array
    row: np.ndarray
    ragged: np.ndarray
    stray: bool = False

    def cut(self, start: int, end: int) -> Rows:
        raw, sheet = self.raw.slice(start, end - start), self.sheet.slice(start, end - start)
        return Rows(raw, sheet, self.row[start:end], self.ragged[start:end], self.stray)


class _Keys:
    """Keys of records → dense numbers, in the order in which they are met."""

    def __init__(self, keys: pa.Array) -> None:
        encoded = keys.dictionary_encode()
        self.codes: np.ndarray = encoded.indices.to_numpy(zero_copy_only=False)
        self._values = encoded.dictionary

    def __len__(self) -> int:
        return len(self._values)

    def find(self, keys: pa.Array) -> np.ndarray:
        """The number of each key; −1 where it is not known."""
        found: np.ndarray = pc.fill_null(pc.index_in(keys, value_set=self._values), -1).to_numpy()
        return found


def _key(table: pa.Table, columns: Sequence[str]) -> pa.Array:
    """Key texts; numbers that an export wrote as ` 123.0` are the same as `123`."""
    texts = [_plain(table[name]) for name in columns]
    joined = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "\x1f")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _plain(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    trimmed = pc.ascii_trim_whitespace(texts)
    decimal = pc.any(pc.ends_with(trimmed, ".0")).as_py()
    return pc.replace_substring_regex(trimmed, r"^(\d+)\.0$", r"\1") if decimal else trimmed


@dataclass
class _Linked:
    """The records of a linked table, sorted by the number of their owner: those of n are start[n] up to start[n+1]."""

    table: pa.Table
    start: np.ndarray

    def of(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the records of each number, one after another, and how many each has."""
        first, counts = self.start[numbers], self.start[numbers + 1] - self.start[numbers]
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        return np.arange(total) + np.repeat(first - ends + counts, counts), counts

    def joined(self, column: str, numbers: np.ndarray) -> pa.Array:
        """Per number the texts of a column that are not blank, in their order, joined."""
        positions, counts = self.of(numbers)
        texts = self.table[column].take(pa.array(positions)).combine_chunks()
        filled = pc.not_equal(texts, "").to_numpy(zero_copy_only=False)
        owner = np.repeat(np.arange(len(numbers)), counts)[filled]
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(numbers)))])
        lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts.filter(pa.array(filled)))
        return pc.fill_null(pc.binary_join(lists, JOIN), "")


@dataclass
class _Main:
    """What is known of the main table before its records are read: keys, cases, and which reports are damaged."""

    keys: _Keys
    cases: _Keys
    damaged: np.ndarray

    @property
    def repeated(self) -> np.ndarray:
        """Per record: whether its case has others."""
        counts = np.bincount(self.cases.codes, minlength=len(self.cases))
        again: np.ndarray = counts[self.cases.codes] > 1
        return again


def read(source: Source, size: int = BATCH) -> Iterator[Rows]:
    """Batches of at most `size` reports (more where one case has more), then the records without a report."""
    _check(source)
    strays: list[Rows] = []
    main = _main(source)
    if not len(main.keys):
        return
    product = _load(source.form, source.product, main.keys, main, strays)
    products = _Keys(_key(product.table, source.product_key)) if source.product_key else main.keys
    listed: list[tuple[str, list[str], _Linked]] = []
    for part, columns in source.listed:
        owners = products if part.name in source.per_product else main.keys
        linked = _load(source.form, part, owners, main, strays, columns)
        listed.append((part.name, [name for name in linked.table.column_names if name in columns], linked))
    for records in _main_batches(source, main, size):
        reports = main.keys.codes[records.position]
        positions, counts = product.of(reports)
        # A report without a product keeps one row, with the product's cells blank.
        repeats = np.maximum(counts, 1)
        owner = np.repeat(np.arange(len(reports)), repeats)
        taken = np.full(len(owner), -1)
        taken[np.repeat(counts > 0, repeats)] = positions
        cells = _prefixed(source.main.name, records.columns.take(pa.array(owner)))
        cells |= _prefixed(source.product.name, product.table.take(pa.array(taken, mask=taken < 0)))
        for name, present, linked in listed:
            for column in present:
                if name in source.per_product:
                    cells[f"{name}.{column}"] = _per_product(linked, column, products.codes, taken)
                else:
                    cells[f"{name}.{column}"] = linked.joined(column, reports).take(pa.array(owner))
        wide = pa.table({name: pc.fill_null(column, "") for name, column in cells.items()})
        ragged = records.ragged | main.damaged[reports]
        yield Rows(wide, records.sheet.take(pa.array(owner)), records.row[owner], ragged[owner])
    for rows in strays:
        yield from (rows.cut(start, start + size) for start in range(0, len(rows.row), size))


def _check(source: Source) -> None:
    """Every table has the columns that link it, and the linked ones fit in memory."""
    linked = [part for part, _ in source.listed]
    needed = {source.main.name: [source.case], source.product.name: source.product_key}
    for part in (source.main, source.product, *linked):
        for member in part.members:
            present = part.columns_of(member, source.form)
            missing = [name for name in (*part.key, *needed.get(part.name, ())) if name not in present]
            if missing:
                raise FileRefused("column_missing", sheet=member.name, row=1, column="、".join(missing))
    size = sum(member.size for part in (source.product, *linked) for member in part.members)
    if size > MAX_LINKED:
        raise FileRefused(
            "archive_too_large", size=f"{size / 1024**3:.1f} GiB", limit=f"{MAX_LINKED / 1024**3:.0f} GiB"
        )


def _prefixed(name: str, table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return {f"{name}.{column}": table[column] for column in table.column_names}


def _per_product(linked: _Linked, column: str, codes: np.ndarray, taken: np.ndarray) -> pa.Array:
    known = taken >= 0
    texts = np.full(len(taken), "", dtype=object)
    texts[known] = linked.joined(column, codes[taken[known]]).to_numpy(zero_copy_only=False)
    return pa.array(texts, pa.string())


def _main(source: Source) -> _Main:
    """Keys and cases of all records; a record without a case is one by itself."""
    part = source.main
    wanted = dict.fromkeys([*part.key, source.case])
    keys, cases = [], []
    for member in part.members:
        for block in tables.blocks(member, source.form, part.names_of(member), tuple(wanted)):
            key, case = _key(block.columns, part.key), _key(block.columns, [source.case])
            keys.append(key)
            cases.append(pc.if_else(pc.equal(case, ""), pc.binary_join_element_wise("\x1f", key, ""), case))
    none = pa.array([], pa.string())
    found = _Keys(pa.concat_arrays([*keys, none]))
    return _Main(found, _Keys(pa.concat_arrays([*cases, none])), np.zeros(len(found), dtype=bool))


def _load(form: Form, part: Part, owners: _Keys, main: _Main, strays: list[Rows], only: Sequence[str] = ()) -> _Linked:
    """Read a linked table (of its columns `only`; all where it says none) and sort it by its owners."""
    records = _records(form, part)
    number = owners.find(_key(records.columns, part.key))
    apart = records.chosen(np.flatnonzero((number < 0) | records.ragged))
    if len(apart):
        ragged = apart.chosen(np.flatnonzero(apart.ragged)).columns
        main.damaged[_named(ragged, main.keys, form.separator)] = True
        raw = pa.table(_prefixed(part.name, apart.columns))
        strays.append(Rows(raw, apart.sheet, apart.row, apart.ragged, stray=True))
    kept = [name for name in records.columns.column_names if name in {*part.key, *only}]
    table = records.columns.select(kept) if only else records.columns
    order = np.argsort(number, kind="stable")[np.count_nonzero(number < 0) :]
    if not np.array_equal(order, np.arange(len(number))):
        table = _sorted(table, pa.array(order))
    counts = np.bincount(number[order], minlength=len(owners))
    return _Linked(table, np.concatenate([[0], np.cumsum(counts)]))


def _records(form: Form, part: Part) -> _Records:
    """A whole table; of one without records the columns."""
    pieces = list(_blocks(form, part))
    if pieces:
        return _together(pieces)
    names = dict.fromkeys(name for member in part.members for name in part.columns_of(member, form))
    none = pa.array([], pa.string())
    return _Records(pa.table(dict.fromkeys(names, none)), none, np.zeros(0, int), np.zeros(0, bool), np.zeros(0, int))


def _named(ragged: pa.Table, keys: _Keys, separator: str) -> np.ndarray:
    """Numbers of all keys among the cells of ragged records; surplus cells stand together in the last one."""
    cells = [pc.list_flatten(pc.split_pattern(column.combine_chunks(), separator)) for column in ragged.columns]
    found = keys.find(_key(pa.table([pa.concat_arrays(cells)], names=["cell"]), ["cell"]))
    return found[found >= 0]


def _filled(pieces: list[pa.Table]) -> pa.Table:
    """One table of pieces whose headings may differ, in whole columns; cells of absent columns are blank."""
    together = pa.concat_tables(pieces, promote_options="default")
    pieces.clear()
    for number, name in enumerate(together.column_names):
        column = pc.fill_null(together.column(number), "").combine_chunks()
        together = together.set_column(number, name, column)
    return together


def _sorted(table: pa.Table, order: pa.Array) -> pa.Table:
    return pa.table({name: table.column(name).take(order).combine_chunks() for name in table.column_names})


@dataclass(frozen=True)
class _Records:
    """Records of the main table: their member, number, mark, and position among all records of the main table."""

    columns: pa.Table
    sheet: pa.Array
    row: np.ndarray
    ragged: np.ndarray
    position: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def chosen(self, which: np.ndarray) -> _Records:
        index = pa.array(which)
        columns, sheet = self.columns.take(index), self.sheet.take(index)
        return _Records(columns, sheet, self.row[which], self.ragged[which], self.position[which])


def _together(pieces: list[_Records]) -> _Records:
    """One run of records. The list is emptied, so that the text is there twice one column at a time."""
    sheet = pa.concat_arrays([piece.sheet for piece in pieces])
    row = np.concatenate([piece.row for piece in pieces])
    ragged = np.concatenate([piece.ragged for piece in pieces])
    position = np.concatenate([piece.position for piece in pieces])
    columns = [piece.columns for piece in pieces]
    pieces.clear()
    return _Records(_filled(columns), sheet, row, ragged, position)


def _main_batches(source: Source, main: _Main, size: int) -> Iterator[_Records]:
    """The main table in batches: the cases with one report as they stand, then those with several, side by side."""
    buffer: list[_Records] = []
    held: list[_Records] = []
    repeated = main.repeated
    for records in _blocks(source.form, source.main):
        again = repeated[records.position]
        if again.any():
            held.append(records.chosen(np.flatnonzero(again)))
        buffer.append(records.chosen(np.flatnonzero(~again)) if again.any() else records)
        if sum(map(len, buffer)) >= size:
            whole = _together(buffer)
            full = len(whole) - len(whole) % size
            yield from (whole.chosen(np.arange(start, start + size)) for start in range(0, full, size))
            buffer.append(whole.chosen(np.arange(full, len(whole))))
    if sum(map(len, buffer)):
        yield _together(buffer)
    if held:
        waiting = _together(held)
        order = np.argsort(main.cases.codes[waiting.position], kind="stable")
        yield from _whole_cases(waiting.chosen(order), main.cases, size)


def _blocks(form: Form, part: Part) -> Iterator[_Records]:
    position = 0
    for member in part.members:
        for block in tables.blocks(member, form, part.names_of(member)):
            here = np.arange(position, position + len(block.row))
            position += len(block.row)
            yield _Records(block.columns, pa.repeat(member.name, len(here)), block.row, block.ragged, here)


def _whole_cases(records: _Records, cases: _Keys, size: int) -> Iterator[_Records]:
    """Pieces of about `size` records, sorted by case, that end where a case ends."""
    codes = cases.codes[records.position]
    firsts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
    start = 0
    while start < len(codes):
        later = firsts[firsts >= start + size]
        end = int(later[0]) if len(later) else len(codes)
        yield records.chosen(np.arange(start, end))
        start = end
