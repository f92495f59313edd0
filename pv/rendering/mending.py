"""Quarantined rows as a workbook that people correct and drop into the inbox: the export's headings, and reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pv.quarantine import ENTRY_HEADING
from pv.rendering.workbook import Book
from pv.sources.again import KeptRows
from pv.sources.layouts import Layout, number_repeats

_BESIDE = (("隔离编号 Entry", 10), ("隔离原因", 44), ("Reasons", 44), ("原文件 File", 24), ("原行号 Row", 9))
assert number_repeats([_BESIDE[0][0]]) == [ENTRY_HEADING]  # noqa: S101 - what is written is what is recognised
_WIDTH = 16  # characters
_MARKED = "#FFD9B3"


@dataclass(frozen=True)
class Mending:
    """An entry with its rows: reasons in both languages, and where its faults stand: (row, column of the layout)."""

    entry: int
    file: str
    zh: str
    en: str
    faults: frozenset[tuple[int, str]]
    kept: KeptRows


def write_mending_workbook(entries: Sequence[Mending], layout: Layout, path: Path, made: datetime) -> None:
    """One sheet of all rows: what is known of each entry first, then the columns as exported, all of them text."""
    columns = _columns([one.kept for one in entries])
    fields = layout.positions(columns)
    named = {column.name: fields.get(column.field, -1) for column in layout.columns if column.field}
    with Book(path, f"隔离报告 Quarantine {layout.name}", made) as book:
        sheet = book.empty_sheet("隔离报告")
        headings = [*(heading for heading, _ in _BESIDE), *_as_exported(columns)]
        for place, heading in enumerate(headings):
            book.put_text(sheet, 0, place, heading, heading=True)
        row = 1
        for one in entries:
            faults = {(number, named.get(column, -1)) for number, column in one.faults}
            for number, cells in zip(one.kept.rows, _cells(one.kept, columns), strict=True):
                beside = (str(one.entry), one.zh, one.en, one.file, str(number))
                for place, text in enumerate(beside):
                    book.put_text(sheet, row, place, text, number="@", text_wrap=True)
                for place, text in enumerate(cells):
                    marked = {"bg_color": _MARKED} if (number, place) in faults else {}
                    book.put_text(sheet, row, len(beside) + place, text, number="@", **marked)
                row += 1
        for place, (_, width) in enumerate(_BESIDE):
            sheet.set_column(place, place, width)
        sheet.set_column(len(_BESIDE), len(headings) - 1, _WIDTH)
        sheet.freeze_panes(1, 1)


def _columns(kept: Sequence[KeptRows]) -> list[str]:
    """The headings of all rows, in the order of the files; those without a heading only stand for themselves."""
    found = dict.fromkeys(name for one in kept for name in one.columns)
    return [name for name in found if not name.startswith("#")]


def _as_exported(columns: Sequence[str]) -> list[str]:
    """Repeated headings without the number that tells them apart, where reading gives it to them again."""
    bare = [name.rpartition(".")[0] if name.rpartition(".")[2].isdigit() and "." in name else name for name in columns]
    return bare if number_repeats(bare) == list(columns) else list(columns)


def _cells(kept: KeptRows, columns: Sequence[str]) -> list[list[str]]:
    places: Mapping[str, int] = {name: place for place, name in enumerate(kept.columns)}
    return [[row[places[name]] if name in places else "" for name in columns] for row in kept.data]
