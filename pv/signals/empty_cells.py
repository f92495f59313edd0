"""Cells without a case (a = 0), of which there are tens of millions, as a few thousand weighted points of E."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pv.signals.measures import Floats

_DIGITS = 9  # leading binary digits of E after the first that make a bin: 512 bins from a power of 2 to the next
_SHIFT = 52 - _DIGITS  # digits of a float64 that follow them


class EmptyCells:
    """Bins of E, each at most 1/512 wide (relative to E), with their cells' number and mean E."""

    def __init__(self, least: float, most: float) -> None:
        """Every E to come is 0, which is left out, or from `least` to `most`, but for rounding."""
        # As whole numbers, the leading bits of positive floats go up by one from bin to bin.
        self._first, last = _leading(np.array([least / 2, most * 2.0]))
        self._size = int(last - self._first) + 1
        self._weight, self._total = np.zeros(self._size), np.zeros(self._size)

    def binned(self, expected: Floats) -> tuple[Floats, Floats]:
        """Number of cells and sum of E of each bin, for `add`. 0 stands for a cell that is not to be counted."""
        some = expected[expected > 0]
        bins = _leading(some) - self._first
        weight: Floats = np.bincount(bins, minlength=self._size).astype(np.float64)
        total: Floats = np.bincount(bins, weights=some, minlength=self._size).astype(np.float64, copy=False)
        return weight, total

    def add(self, weight: Floats, total: Floats) -> None:
        self._weight += weight
        self._total += total

    def points(self) -> tuple[Floats, Floats]:
        """Mean E and number of cells of each bin that has any, by ascending E."""
        filled = self._weight > 0
        low, high = self._edges(filled)
        # Rounding of a sum of millions must not take the mean out of its bin.
        return np.clip(self._total[filled] / self._weight[filled], low, high), self._weight[filled]

    def error(self) -> float:
        """Bound of ½ Σ ((E - mean) / (1 + lower edge))² over all cells.

        Numbers from `low` to `high` with a given mean have at most the variance (high - mean)(mean - low)
        (Bhatia and Davis 2000).
        """
        low, high = self._edges(self._weight > 0)
        mean, weight = self.points()
        return float((weight * (high - mean) * (mean - low) / (1 + low) ** 2).sum() / 2)

    def _edges(self, filled: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        leading = self._first + np.flatnonzero(filled)
        low, high = ((leading + more) << _SHIFT for more in (0, 1))
        return low.view(np.float64), high.view(np.float64)


def _leading(values: Floats) -> NDArray[np.int64]:
    return values.view(np.int64) >> _SHIFT
