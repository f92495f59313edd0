"""The workbook that holders get back from the national system: sheets linked by 反馈码 → a table of reports × drugs.

The main sheet has a row per report; the sheet of suspected and concomitant drugs one per drug, that of reactions one
per reaction. A drug of a report that the main sheet does not have comes out as a row of its own sheet, with nothing but
its cells, so that it is seen and not counted. The other sheets (illnesses, earlier reactions) are not needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa

from pv.sources.grids import Block, Grid
from pv.sources.layouts import normalise_heading, number_repeats
from pv.text import lookup

LAYOUT = "drug_mah_feedback"
_KEY = "反馈码"
_MAIN = "报告日期"
_REACTION = ("不良反应名称", "不良反应-术语", "不良反应术语")
_JOIN = "；"
# Columns of the drug sheet by their place, as public tools use them, where a heading is another one.
_DRUG_PLACES = {
    1: "怀疑/合并",
    2: "序号",
    4: "通用名称",
    5: "商品名",
    6: "剂型",
    9: "用量",
    10: "用量单位",
    11: "次数",
    12: "日数",
    13: "途径",
    14: "开始",
    15: "结束",
    16: "原因",
}


@dataclass(frozen=True)
class Sheet:
    """A sheet with the code of the reports; `heading_row`: 0-based."""

    grid: Grid
    heading_row: int
    headings: list[str]

    @property
    def code(self) -> int:
        """The position of the code."""
        return self.headings.index(_KEY)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Rows with any text; columns: headings, index: row numbers."""
        places = [place for place, heading in enumerate(self.headings) if heading]
        blocks = [block for block in self.grid.blocks(self.heading_row, places) if len(block)]
        columns = {
            self.headings[place]: [text for block in blocks for text in block.columns[place].to_pylist()]
            for place in places
        }
        rows = np.concatenate([block.row for block in blocks]) if blocks else np.zeros(0, dtype=np.int64)
        frame = pd.DataFrame(columns, index=rows, dtype="str")
        return frame[(frame != "").any(axis=1)]


@dataclass(frozen=True)
class Linked:
    """All sheets with the code, in the order of the workbook; that of the reports and that of the drugs."""

    sheets: Sequence[Sheet]
    main: Sheet
    drugs: Sheet


def linked(grids: Sequence[Grid]) -> Linked | None:
    """The sheets of a workbook that belong together; None where there is no sheet of drugs."""
    sheets = [sheet for grid in grids if (sheet := _sheet(grid)) is not None]
    main = next((sheet for sheet in sheets if _MAIN in sheet.headings), None)
    drugs = next((sheet for sheet in sheets if "怀疑/合并" in sheet.headings or "怀疑用药" in sheet.grid.sheet), None)
    return None if main is None or drugs is None or drugs is main else Linked(sheets, main, drugs)


def joined(grids: Sequence[Grid]) -> list[Grid]:
    """The linked sheets as one grid, and one of drugs without a report; the grids as they are where there is no drug
    sheet."""
    together = linked(grids)
    if together is None:
        return list(grids)
    sheets, main, drugs = together.sheets, together.main, together.drugs
    listed = _with_places(drugs.frame)
    listed = listed[[_KEY, *(name for name in listed if name not in main.frame)]]
    wide = main.frame.rename_axis("row").reset_index().merge(listed, on=_KEY, how="left", sort=False)
    wide["不良反应名称"] = lookup(wide[_KEY], _terms(sheets, main))
    stray = listed[~listed[_KEY].isin(main.frame[_KEY])]
    found = [_grid(main.grid.sheet, wide.drop(columns="row"), wide["row"].to_numpy())]
    if not stray.empty:
        alone = stray.reindex(columns=wide.columns.drop("row"), fill_value="")
        found.append(_grid(drugs.grid.sheet, alone, stray.index.to_numpy()))
    return found


def _sheet(grid: Grid) -> Sheet | None:
    for number, cells in enumerate(grid.head):
        headings = number_repeats(cells)
        if _KEY in headings:
            return Sheet(grid, number, headings)
    return None


def _with_places(frame: pd.DataFrame) -> pd.DataFrame:
    names = list(frame.columns)
    known = set(names)
    for place, name in _DRUG_PLACES.items():
        if name not in known and place < len(names):
            names[place] = name
    return frame.set_axis(names, axis=1)


def _terms(sheets: Sequence[Sheet], main: Sheet) -> dict[str, str]:
    """Per report its reactions, joined."""
    found: dict[str, list[str]] = {}
    for sheet in sheets:
        column = next((name for name in map(normalise_heading, _REACTION) if name in sheet.frame), None)
        if column is not None and sheet is not main:
            for code, term in zip(sheet.frame[_KEY], sheet.frame[column], strict=True):
                found.setdefault(code, []).append(term)
    return {code: _JOIN.join(dict.fromkeys(filter(None, terms))) for code, terms in found.items()}


def _grid(sheet: str, frame: pd.DataFrame, rows: np.ndarray) -> Grid:
    filled = frame.fillna("")

    def blocks(_after: int, only: Sequence[int]) -> Iterator[Block]:
        columns = {
            place: pa.array(filled.iloc[:, place], pa.large_string())
            if place < filled.shape[1]
            else pa.repeat(pa.scalar("", pa.large_string()), len(filled))
            for place in only
        }
        yield Block({place: _whole(column) for place, column in columns.items()}, rows, np.zeros(len(rows), dtype=bool))

    return Grid(sheet, [[str(name) for name in filled.columns]], blocks)


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
