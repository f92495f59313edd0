"""Every measure of chosen pairs of one table, each family computed when it is first asked for.

Closed forms cost next to nothing; the gamma-Poisson shrinker needs a fit over the whole table, and q-values the exact
tails of all its pairs. A week in which no screen asks for those does not pay for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pv.signals.counts import Ints
from pv.signals.ebgm import ebgm
from pv.signals.exact import tail
from pv.signals.false_discovery import benjamini_hochberg, benjamini_yekutieli
from pv.signals.measures import FURTHER_COLUMNS, MEASURE_COLUMNS, Floats, all_measures
from pv.signals.prior import Prior

SHRUNK_COLUMNS = ("ebgm", "eb05", "eb95")
TAIL_COLUMNS = ("p", "p_mid", "q_bh", "q_by")
MORE_COLUMNS = (*FURTHER_COLUMNS, *SHRUNK_COLUMNS, *TAIL_COLUMNS)
ALL_COLUMNS = (*MEASURE_COLUMNS, *MORE_COLUMNS)

Columns = dict[str, NDArray[Any]]


class PairMeasures(Mapping[str, NDArray[Any]]):
    """`ALL_COLUMNS` and what is given besides; one value a pair. NaN where a = 0."""

    def __init__(
        self,
        cells: tuple[Ints, Ints, Ints, Ints],
        besides: Mapping[str, NDArray[Any]],
        prior: Callable[[], Prior],
        significance: Callable[[], Columns],
    ) -> None:
        """`cells`: a, b, c, d. `prior` gives the table's; `significance` the `TAIL_COLUMNS` of these pairs."""
        self._known: Columns = {**all_measures(*cells), **besides}
        self._families: dict[str, Callable[[], Columns]] = dict.fromkeys(SHRUNK_COLUMNS, self._shrunk)
        self._families |= dict.fromkeys(TAIL_COLUMNS, significance)
        self._prior = prior

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._known:
            self._known |= self._families[name]()
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._known, *self._families)))

    def __len__(self) -> int:
        return len(self._known.keys() | self._families.keys())

    def _shrunk(self) -> Columns:
        a = self._known["a"]
        if not (a > 0).any():  # a table without a case has no prior either
            return {name: np.full(len(a), np.nan) for name in SHRUNK_COLUMNS}
        return shrunk(a, self._known["expected"], self._prior())


def shrunk(a: NDArray[Any], expected: Floats, prior: Prior) -> Columns:
    """`SHRUNK_COLUMNS` of pairs; NaN where a = 0."""
    some = a > 0
    if some.all():
        found = ebgm(a, expected, prior)
        return dict(zip(SHRUNK_COLUMNS, (found.value, found.low, found.high), strict=True))
    columns: Columns = {name: np.full(len(a), np.nan) for name in SHRUNK_COLUMNS}
    for name, values in shrunk(a[some], expected[some], prior).items():
        columns[name][some] = values
    return columns


def significance(cells: tuple[Ints, Ints, Ints, Ints], family: int) -> Columns:
    """`TAIL_COLUMNS` of all pairs of a table with a ≥ 1. `family`: all combinations of a product and an event of it."""
    tails = tail(*cells)
    return {
        "p": tails.p,
        "p_mid": tails.p_mid,
        "q_bh": benjamini_hochberg(tails.p, family),
        "q_by": benjamini_yekutieli(tails.p, family),
    }
