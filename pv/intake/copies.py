"""Copies that take the place of archived files: of a case that is forgotten they hold nothing of its patient.

- A table: the personal cells of these cases are empty, all else is as it was read.
- Linked sheets: the rows of these cases are empty in every sheet; sheets that do not say whose rows they are, are left
  out.
- A batch of messages: the messages of these cases are cut out, and those that cannot be read and may be of them.

A copy is read again before it is used. Where it does not read as the file did (a row that is ragged), or the file is of
another format (sets of tables in an archive), there is none.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import xlsxwriter
from sqlalchemy import Connection

from pv import archive, contracts, store
from pv.intake import forgotten as forgotten_cases
from pv.intake.forgotten import NUMBERS, are_numbers, impersonal, numbers, without_persons
from pv.schema import redaction
from pv.sources import Extract, FileRefused, Source, delimited, feedback, open_source, xml_copy
from pv.sources.grids import Grid
from pv.sources.icsr_rows import Dialect
from pv.sources.opening import dialect, grids_of, reports
from pv.sources.xml_safety import Message


def withhold(connection: Connection, source: Source, archived: tuple[Path, str], key: str, stamp: str) -> str:
    """Keep a copy without the forgotten cases beside an archived file (folder, SHA-256), and note that it takes its
    place: call `remove` once that is written for good. Gives the SHA-256 of the copy, "" where there is none.

    `source`: the file in clear.
    """
    folder, sha256 = archived
    with private_place(folder) as place:
        copy = copy_of(source, numbers(connection, source.layout.stream), place)
        replaced_by = "" if copy is None else archive.file_sha256(copy)
        if copy is not None:
            archive.keep(copy, folder, replaced_by, key)
    values = {"sha256": sha256, "replaced_by": replaced_by, "recorded_at": stamp}
    connection.execute(redaction.insert().values(redaction_id=store.next_key(connection, redaction), **values))
    return replaced_by


def remove(archived: tuple[Path, str], replaced_by: str) -> None:
    """Take a file out of the archive in whose place another stands, or none."""
    folder, sha256 = archived
    if replaced_by != sha256:
        archive.stored_path(folder, sha256).unlink(missing_ok=True)


@contextmanager
def private_place(folder: Path, name: str = "copy") -> Iterator[Path]:
    """A folder for a file in clear while it is worked on; what a killed run has left there is removed first."""
    place = folder / f".open-{name}"
    shutil.rmtree(place, ignore_errors=True)
    archive.private_folder(place)
    try:
        yield Path(tempfile.mkdtemp(dir=place))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def copy_of(source: Source, forgotten: frozenset[str], place: Path) -> Path | None:
    """A copy in the folder `place`, a batch at a time; None where there can be none."""
    target = place / f"copy{source.path.suffix}"
    messages = dialect(source.layout)
    try:
        if messages is not None:
            return _of_messages(source, messages, forgotten, target)
        grids = grids_of(source.path)
        linked = feedback.linked(grids) if source.layout.name == feedback.LAYOUT else None
        sheets = _reports(grids, source) if linked is None else [_linked(sheet) for sheet in linked.sheets]
        if _is_text(source.path):
            _write_text(target, sheets[0].lines(forgotten))
        else:
            target = target.with_suffix(".xlsx")
            _write_workbook(target, sheets, forgotten)
        wanted = _sum(_fields(extract, forgotten, linked is not None) for extract in source.batches())
        found = _sum(extract.fields for extract in open_source(target, own=source.own).batches())
    except (FileRefused, csv.Error, xlsxwriter.exceptions.XlsxWriterException):
        return None
    return target if wanted == found else None


def _of_messages(source: Source, messages: Dialect, forgotten: frozenset[str], target: Path) -> Path | None:
    theirs: set[int] = set()
    telling = forgotten_cases.telling(forgotten)
    for extract in source.batches():
        fields = extract.fields
        theirs |= set(map(int, fields.loc[contracts.case_numbers(fields).isin(forgotten), "row"]))

    def leave_out(message: Message) -> bool:
        if message.tree is not None:
            return message.number in theirs
        whole = len(message.text.encode()) == message.end - message.begin
        return not whole or telling.search(message.text) is not None

    return target if xml_copy.copy_without(source.path, messages, leave_out, target) else None


@dataclass(frozen=True)
class _Sheet:
    """A sheet of a known heading. `told`: the positions of the numbers of a case; `hidden`: those that are emptied;
    `text`: the text file that it is."""

    grid: Grid
    heading_row: int
    width: int
    told: Mapping[str, int]
    hidden: Sequence[int]
    text: Path | None = None

    def lines(self, forgotten: frozenset[str]) -> Iterator[list[str]]:
        """All lines, each in the place that it has in the file."""
        written = self.heading_row + 1
        records = enumerate(delimited.records(self.text), start=1) if self.text is not None else iter(())
        yield from (list(line) for line in self.grid.head[:written])
        for block in self.grid.blocks(self.heading_row, range(self.width)):
            empty = pa.array([""] * len(block), pa.large_string())
            cells = [block.columns.get(place, empty) for place in range(self.width)]
            fields = {field: pd.Series(cells[place].to_pandas(), dtype="str") for field, place in self.told.items()}
            theirs = contracts.case_numbers(pd.DataFrame(fields)).isin(forgotten).to_numpy(dtype=bool)
            rows = [list(row) for row in zip(*(cell.to_pylist() for cell in cells), strict=True)]
            kept = {self.told[field]: are_numbers(told, forgotten).to_numpy() for field, told in fields.items()}
            for number in np.flatnonzero(theirs):
                if block.ragged[number]:
                    alone = [place in kept and kept[place][number] for place in range(self.width)]
                    rows[number] = [cell if its else "" for cell, its in zip(rows[number], alone, strict=True)]
                for place in self.hidden:
                    rows[number][place] = ""
            places = zip(rows, block.row.tolist(), block.ragged.tolist(), theirs.tolist(), strict=True)
            for row, number, ragged, mine in places:
                yield from ([""] * self.width for _ in range(number - written - 1))
                yield row if not ragged else [*row, ""] if mine else _record(records, number, forgotten)
                written = number


def _record(records: Iterator[tuple[int, list[str]]], number: int, forgotten: frozenset[str]) -> list[str]:
    """A ragged record with all its cells. Raises FileRefused where there is none, or where it has swallowed a record
    of a forgotten case."""
    found = next((cells for place, cells in records if place == number), None)
    if found is None or any(one in cell for cell in found for one in forgotten):
        raise FileRefused("truncated")
    return found


def _reports(grids: Sequence[Grid], source: Source) -> list[_Sheet]:
    found = []
    for table in reports(grids, source.own):
        known = impersonal(table.layout)
        hidden = [place for place, name in enumerate(table.headings) if name not in known]
        told = {field: place for field, place in table.positions.items() if field in NUMBERS}
        text = source.path if _is_text(source.path) else None
        found.append(_Sheet(table.grid, table.heading_row, len(table.headings), told, hidden, text))
    return found


def _linked(sheet: feedback.Sheet) -> _Sheet:
    width = len(sheet.headings)
    return _Sheet(sheet.grid, sheet.heading_row, width, {"report_number": sheet.code}, range(width))


def _is_text(path: Path) -> bool:
    with path.open("rb") as handle:
        return not handle.read(2).startswith((b"PK", b"\xd0\xcf"))


def _fields(extract: Extract, forgotten: frozenset[str], linked: bool) -> pd.DataFrame:
    """What a copy is to say."""
    if linked:
        return extract.fields[~contracts.case_numbers(extract.fields).isin(forgotten)]
    return without_persons(extract, forgotten)[0].fields


def _sum(batches: Iterable[pd.DataFrame]) -> tuple[list[str], bytes]:
    """The fields and a sum of all rows in their order, wherever the batches end; places are left aside."""
    names: list[str] = []
    found = hashlib.sha256()
    for batch in batches:
        told = batch.drop(columns=["row", "sheet"])
        names = names or [str(name) for name in told]
        found.update(pd.util.hash_pandas_object(told[names], index=False).to_numpy().tobytes())
    return names, found.digest()


def _write_text(target: Path, lines: Iterable[Sequence[str]]) -> None:
    with target.open("w", encoding="utf-8-sig", newline="") as handle:
        csv.writer(handle).writerows(lines)


def _write_workbook(target: Path, sheets: Sequence[_Sheet], forgotten: frozenset[str]) -> None:
    """A row at a time; its temporary files stand beside it."""
    options = {"constant_memory": True, "tmpdir": str(target.parent)}
    book = xlsxwriter.Workbook(str(target), options | {"strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC)})  # the same copy whenever it is made
    for of in sheets:
        sheet = book.add_worksheet(of.grid.sheet)
        for row, cells in enumerate(of.lines(forgotten)):
            for place, text in enumerate(cells):
                if text:
                    sheet.write_string(row, place, text)
    book.close()
