"""Which reader takes a file: told by its content, never by its name."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pv.sources import e2b_r2, e2b_r3, feedback, forms, public, whole_reports, workbooks, xml_safety
from pv.sources.delimited import open_text
from pv.sources.extract import Extract
from pv.sources.grids import Grid
from pv.sources.icsr_rows import Dialect
from pv.sources.layouts import Layout, recognise, use_layouts
from pv.sources.own_layouts import recognise_own
from pv.sources.refusal import FileRefused
from pv.sources.whole_reports import Table

_HEAD = 1 << 16  # bytes; a root element stands within them
_XML = {e2b_r3.ROOT: e2b_r3, e2b_r2.ROOT: e2b_r2}


@dataclass(frozen=True)
class Source:
    """A file that is known. `batches()`: its rows, those of one report together; also midway it raises FileRefused.

    Of a filled-in form (`layout` is a Form) there is a batch a sheet, each with a layout of its own. `own`: the layouts
    of the centre that it was opened with.
    """

    layout: Layout
    batches: Callable[[], Iterator[Extract]]
    path: Path
    own: Sequence[Layout] = ()


def open_source(path: Path, size: int = whole_reports.BATCH, own: Sequence[Layout] = ()) -> Source:
    """Recognise a file; `size`: rows of a batch of a table; `own`: layouts of the centre (`read_own`).

    Raises FileRefused where it is not of one layout.
    """
    try:
        with path.open("rb") as handle:
            start = handle.read(_HEAD)
        if not start:
            raise FileRefused("empty")
        return _public(path, start) or _markup(path, start) or _tables(path, start, size, own)
    except OSError as error:
        raise FileRefused("unreadable", detail=error.strerror or str(error)) from None


def detect(path: Path, own: Sequence[Layout] = ()) -> Layout | None:
    """The layout of a file by its first rows; None where it is not recognised or cannot be read."""
    try:
        return open_source(path, own=own).layout
    except FileRefused:
        return None


def read(path: Path) -> Extract:
    """A whole file at once. Raises FileRefused where it cannot be read as one layout."""
    source = open_source(path)
    parts = list(source.batches())
    if len(parts) == 1:
        return parts[0]
    return Extract(
        source.layout,
        pd.concat([part.fields for part in parts], ignore_index=True),
        pd.concat([part.raw for part in parts], ignore_index=True).fillna(""),
    )


def dialect(layout: Layout) -> Dialect | None:
    """How the messages of a layout are read; None where it is no layout of messages."""
    known = (module.DIALECT for module in _XML.values())
    return next((one for one in known if one.layout.name == layout.name), None)


def _public(path: Path, start: bytes) -> Source | None:
    """A public database of another country; an office document is none."""
    if start.startswith(b"PK") and workbooks.is_workbook(path):
        return None
    if start.startswith((workbooks.OLD_WORKBOOK, b"<")):
        return None
    module = public.reader(path)
    if module is not None:
        first = module.read_batches(path)
        extract = next(first, None)
        if extract is not None:
            return Source(extract.layout, lambda: module.read_batches(path), path)
    if start.startswith((b"PK", b"\x1f\x8b")):
        raise FileRefused("not_a_table")
    return None


def _markup(path: Path, start: bytes) -> Source | None:
    text = start.lstrip(codecs.BOM_UTF8 + b" \t\r\n")
    if not text.startswith((b"<", codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    root = xml_safety.root_name(start)
    if root in _XML:
        module = _XML[root]
        return Source(module.DIALECT.layout, lambda: module.read_batches(path), path)
    if root and root.lower() != "html":
        raise FileRefused("xml_unknown", root=root)
    return None


def _tables(path: Path, start: bytes, size: int, own: Sequence[Layout]) -> Source:
    grids = list(_grids(path, start))
    entries = [(grid, recognise(grid.head, forms.forms())) for grid in grids]
    answers = [Table(grid, *match) for grid, match in entries if match is not None]
    if answers:  # what else the workbook holds is there for the reader
        return Source(answers[0].layout, lambda: forms.filled(answers), path)
    matched = [(grid, recognise(grid.head)) for grid in grids]
    if any(match is not None and match[0].name == feedback.LAYOUT for _, match in matched):
        grids = feedback.joined(grids)
    found = reports(grids, own)
    if not found:
        return _quantities(grids, path)
    if len({table.layout.name for table in found}) > 1:
        raise FileRefused("two_layouts", sheets="、".join(table.grid.sheet for table in found))
    return Source(found[0].layout, lambda: whole_reports.batches(found, size), path, own)


def reports(grids: Sequence[Grid], own: Sequence[Layout]) -> list[Table]:
    """Those grids that hold reports of a known layout. Raises FileRefused where a required column is missing."""
    matched = [(grid, recognise(grid.head)) for grid in grids]
    if own:
        matched = [(grid, _own_or_shipped(grid, match, own)) for grid, match in matched]
    return [Table(grid, *match) for grid, match in matched if match is not None]


_Match = tuple[Layout, int, list[str]]


def _own_or_shipped(grid: Grid, match: _Match | None, own: Sequence[Layout]) -> _Match | None:
    """A layout of the centre's own, unless one of ours fits with all that it requires."""
    if match is not None and not match[0].missing(match[0].positions(match[2])):
        return match
    return recognise_own(grid.head, own) or match


def _quantities(grids: list[Grid], path: Path) -> Source:
    """A table of quantities of products (`exposure.read_use` reads it). Raises FileRefused where it is none either."""
    found = [Table(grid, *match) for grid in grids if (match := recognise(grid.head, use_layouts())) is not None]
    if not found:
        raise FileRefused("unknown_layout")
    return Source(found[0].layout, lambda: forms.filled(found), path)


def grids_of(path: Path) -> list[Grid]:
    """The sheets of a workbook or the one grid of a text file. Raises FileRefused where it is neither."""
    try:
        with path.open("rb") as handle:
            start = handle.read(_HEAD)
        if not start:
            raise FileRefused("empty")
        if start.startswith(b"PK") and not workbooks.is_workbook(path):
            raise FileRefused("not_a_table")
        return list(_grids(path, start))
    except OSError as error:
        raise FileRefused("unreadable", detail=error.strerror or str(error)) from None


def _grids(path: Path, start: bytes) -> Iterator[Grid]:
    """Every sheet; those of no known layout (explanations, code lists) are passed over."""
    if start.startswith((b"PK", workbooks.OLD_WORKBOOK)):
        if start.startswith(b"PK"):
            workbooks.check(path)
        yield from workbooks.open_sheets(path)
    else:
        yield open_text(path)
