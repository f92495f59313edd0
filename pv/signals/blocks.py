"""Row-wise functions over long columns, a block of rows at a time on all processors."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]

ROWS = 2**16  # a block; a float column of it is half a MB, so that a dozen temporaries stay near the processor


def in_blocks(
    function: Callable[..., Columns], columns: Sequence[NDArray[Any]], threads: int | None = None, *, rows: int = ROWS
) -> Columns:
    """function(*columns), computed over `rows` rows at a time by `threads` threads (None: one a processor).

    `function` takes one array a column and returns arrays by name with one value a row, of the same names and types
    for every block. Each row's values must depend on that row alone; the result is then the same for any `rows` and
    `threads`. NumPy and SciPy let other threads run while they compute, so blocks really run side by side. Beside
    the results, only the temporaries of the blocks at work are in memory; columns of one block or less go straight
    through, without threads, and a result that is an argument itself is then not copied.

    Check the columns before, not in `function`: it sees neither which rows it was given nor the others, so its
    messages could not name a row. What it raises is raised here, by the first block that fails. Raises ValueError
    if the columns differ in length, or if a block's values are not one a row or not of the first block's type.
    """
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise ValueError(f"the columns must be of one length, but have {lengths}")
    size = lengths[0] if lengths else 0
    if size <= rows:
        return function(*columns)

    def of(start: int) -> Columns:
        return function(*(column[start : start + rows] for column in columns))

    first = of(0)
    results = {name: np.empty(size, dtype=values.dtype) for name, values in first.items()}
    _fill(results, first, slice(0, rows))

    def compute(start: int) -> None:
        _fill(results, of(start), slice(start, min(start + rows, size)))

    starts = range(rows, size, rows)
    # NumPy's error state belongs to the context: without this the caller's np.errstate would not hold in a thread.
    contexts = [copy_context() for _ in starts]
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        list(pool.map(lambda context, start: context.run(compute, start), contexts, starts))
    return results


def _fill(results: Columns, values: Columns, place: slice) -> None:
    if values.keys() != results.keys():
        raise ValueError(f"a block has the columns {list(values)}, the first one {list(results)}")
    for name, result in results.items():
        part, shape = values[name], (place.stop - place.start,)
        if part.shape != shape or part.dtype != result.dtype:
            raise ValueError(
                f"{name}: a block of {shape[0]} rows gave {part.dtype} values of shape {part.shape}, "
                f"the first block {result.dtype}"
            )
        result[place] = part
