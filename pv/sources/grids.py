"""Sheets and delimited files as grids of text, with the row numbers a person sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

HEAD_ROWS = 20  # a heading is looked for in the first rows; real exports have 0 to 3 title rows
MAX_COLUMNS = 1_000  # the widest known layout has 74


@dataclass(frozen=True)
class Block:
    """A run of rows in their order. `columns`: position → text; `row`: the number that a spreadsheet program shows.

    `ragged`: rows with the wrong number of cells. Rows without any text are among them.
    """

    columns: Mapping[int, pa.Array]
    row: np.ndarray
    ragged: np.ndarray

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class Grid:
    """One sheet. `head`: its first rows. `blocks(n, only)`: the rows after row n (0-based), as often as asked.

    Every call gives the same rows in the same order; `only` names the positions that are wanted.
    """

    sheet: str
    head: list[list[str]]
    blocks: Callable[[int, Sequence[int]], Iterator[Block]]
