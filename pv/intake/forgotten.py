"""Cases that are forgotten: counted as before, without anything of their patients.

Their rows lose every personal cell before they are hashed, whenever a file tells them again; in the archive a copy
without these cells takes the place of the file. Where no copy can be written that reads the same (E2B, linked sheets,
rows that are ragged), the file is not kept at all.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import xlsxwriter
from sqlalchemy import Connection, select

from pv import archive, contracts, store
from pv.schema import forgotten_case, redaction
from pv.sources import Extract, FileRefused, Source, open_source
from pv.sources.grids import Grid
from pv.sources.layouts import Layout, normalise_heading, recognise
from pv.sources.opening import grids_of


def numbers(connection: Connection, stream: str) -> frozenset[str]:
    """The forgotten cases of a stream."""
    table = forgotten_case.c
    return frozenset(connection.execute(select(table.case_number).where(table.stream == stream)).scalars())


def without_persons(extract: Extract, forgotten: frozenset[str]) -> tuple[Extract, bool]:
    """A batch in which the rows of forgotten cases have lost their personal cells, and whether that changes anything.

    Of `raw` only columns that are known not to be personal keep their cells.
    """
    theirs = contracts.case_numbers(extract.fields).isin(forgotten)
    if not theirs.any():
        return extract, False
    fields, raw = extract.fields.copy(), extract.raw.copy()
    personal = {column.field for column in extract.layout.columns if column.personal}
    fields.loc[theirs, sorted(personal & set(fields))] = ""
    known = _impersonal(extract.layout)
    raw.loc[theirs.to_numpy(), [name for name in raw if normalise_heading(str(name)) not in known]] = ""
    return Extract(extract.layout, fields, raw), not (fields.equals(extract.fields) and raw.equals(extract.raw))


def _impersonal(layout: Layout) -> set[str]:
    told = [column for column in layout.columns if not column.personal]
    return {normalise_heading(name) for column in told for name in (column.name, *column.aliases)}


def withhold(connection: Connection, path: Path, archived: tuple[Path, str], key: str, stamp: str) -> str:
    """Put a copy without the personal cells of forgotten cases into the place of an archived file (folder, SHA-256);
    gives the SHA-256 of the copy, "" where there is none. `path`: the file in clear."""
    folder, sha256 = archived
    source = open_source(path)
    with private_place(folder) as place:
        copy = redacted(path, source, numbers(connection, source.layout.stream), place / f"copy{path.suffix}")
        replaced_by = "" if copy is None else archive.file_sha256(copy)
        if copy is not None:
            archive.keep(copy, folder, replaced_by, key)
    values = {"sha256": sha256, "replaced_by": replaced_by, "recorded_at": stamp}
    connection.execute(redaction.insert().values(redaction_id=store.next_key(connection, redaction), **values))
    if replaced_by != sha256:
        archive.stored_path(folder, sha256).unlink(missing_ok=True)
    return replaced_by


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


def redacted(path: Path, source: Source, forgotten: frozenset[str], target: Path) -> Path | None:
    """Write a copy without the personal cells of forgotten cases, and read it again; None where it reads otherwise."""
    wanted = [without_persons(extract, forgotten)[0] for extract in source.batches()]
    try:
        sheets = [sheet for grid in grids_of(path) if (sheet := _sheet(grid, forgotten)) is not None]
        if not sheets:
            return None
        if _is_text(path):
            _write_text(target, sheets[0][1])
        else:
            target = target.with_suffix(".xlsx")
            _write_workbook(target, sheets)
        found = list(open_source(target).batches())
    except (FileRefused, xlsxwriter.exceptions.XlsxWriterException):
        return None
    return target if _same(wanted, found) else None


def _is_text(path: Path) -> bool:
    with path.open("rb") as handle:
        return not handle.read(2).startswith((b"PK", b"\xd0\xcf"))


def _same(wanted: Sequence[Extract], found: Sequence[Extract]) -> bool:
    """Whether two files say the same, in the same order of rows."""
    one, other = (
        pd.concat([extract.fields for extract in extracts], ignore_index=True).drop(columns=["row", "sheet"])
        for extracts in (wanted, found)
    )
    return list(one) == list(other) and one.equals(other)


def _sheet(grid: Grid, forgotten: frozenset[str]) -> tuple[str, list[list[str]]] | None:
    """Name and lines of a sheet of a known layout, personal cells of forgotten cases left out; None for others."""
    match = recognise(grid.head)
    if match is None:
        return None
    layout, heading, headings = match
    positions = layout.positions(headings)
    known = _impersonal(layout)
    hidden = [place for place, name in enumerate(headings) if name not in known]
    lines = [list(line) for line in grid.head[: heading + 1]]
    for block in grid.blocks(heading, range(len(headings))):
        empty = pa.array([""] * len(block), pa.large_string())
        cells = [block.columns.get(place, empty) for place in range(len(headings))]
        fields = pd.DataFrame(
            {field: pd.Series(cells[place].to_pandas(), dtype="str") for field, place in positions.items()}
        )
        theirs = contracts.case_numbers(fields).isin(forgotten).to_numpy()
        rows = list(map(list, zip(*(cell.to_pylist() for cell in cells), strict=True)))
        for number in np.flatnonzero(theirs):
            for place in hidden:
                rows[number][place] = ""
        for row, number in zip(rows, block.row.tolist(), strict=True):
            lines += [[""] * len(headings) for _ in range(number - len(lines) - 1)]
            lines.append(row)
    return grid.sheet, lines


def _write_text(target: Path, lines: list[list[str]]) -> None:
    with target.open("w", encoding="utf-8-sig", newline="") as handle:
        csv.writer(handle).writerows(lines)


def _write_workbook(target: Path, sheets: Sequence[tuple[str, list[list[str]]]]) -> None:
    book = xlsxwriter.Workbook(str(target), {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    for name, lines in sheets:
        sheet = book.add_worksheet(name)
        for row, cells in enumerate(lines):
            for place, text in enumerate(cells):
                if text:
                    sheet.write_string(row, place, text)
    book.close()


def kept_copy(connection: Connection, sha256: str) -> str | None:
    """The SHA-256 of the copy in a file's place; "" where none is kept, None where the file was not replaced."""
    found = None
    seen: set[str] = set()
    while sha256 and sha256 not in seen:  # a copy may have been replaced in its turn
        seen.add(sha256)
        last = select(redaction.c.replaced_by).where(redaction.c.sha256 == sha256)
        following = connection.execute(last.order_by(redaction.c.redaction_id.desc()).limit(1)).scalar()
        if following is None:
            break
        found = sha256 = str(following)
    return found
