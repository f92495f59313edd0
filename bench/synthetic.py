"""Case sets as numbers: no text, no file, the same bytes for the same seed.

A report has 1 + a Poisson number of products, and of events; a repeat within a report counts once. The r-th most
frequent product or event is drawn with a weight of r^-EXPONENT; which code has which rank is shuffled, so that
neighbours in the tables are not alike. Associations come from groups of products: each group has a ranking of the
events of its own, and part of the events of a report are drawn by the ranking of its first product's group. Without
groups products and events are independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from pv.signals.counts import Incidence

EXPONENT = 0.97
_AT_ONCE = 1_000_000  # cases drawn together: 150 MB


@dataclass(frozen=True)
class Shape:
    """How many different products and events there are, and how many a report has on average.

    `groups` of products; `own` is the part of the events that is drawn by the ranking of the group.
    """

    products: int
    products_a_case: float
    events: int
    events_a_case: float
    groups: int = 0
    own: float = 0.0


# A million reports have 3 million distinct pairs and 20 million have 23 million, as large national systems do.
NATIONAL = Shape(5_000, 2.75, 15_000, 3.0, groups=100, own=0.2)
CITY = Shape(400, 1.5, 300, 1.8)


def incidence(cases: int, seed: int = 1, shape: Shape = NATIONAL) -> Incidence:
    """A case set; every case has at least one product and one event."""
    of_products, of_events = np.random.default_rng([seed]).spawn(2)
    everyone = np.zeros(cases, dtype=np.int16)
    D = _matrix(_Ranking(shape.products, 0, 0.0, of_products), everyone, shape.products_a_case, of_products)
    group = D.indices[D.indptr[:-1]] % shape.groups if shape.groups else everyone
    ranking = _Ranking(shape.events, shape.groups, shape.own, of_events)
    return from_matrices(D, _matrix(ranking, group, shape.events_a_case, of_events))


def from_matrices(D: csr_array, E: csr_array) -> Incidence:
    """All cases counted; labels whose order is that of the codes."""
    cases = D.shape[0]
    none = np.zeros(cases, dtype=bool)
    return Incidence(
        products=pd.Index([f"product {code:05d}" for code in range(D.shape[1])], dtype="str"),
        events=pd.Index([f"event {code:05d}" for code in range(E.shape[1])], dtype="str"),
        D=D,
        E=E,
        counted=np.ones(cases, dtype=bool),
        no_product=none,
        no_event=none,
    )


def weights(size: int) -> NDArray[np.float64]:
    """How often the most frequent, the second, … is drawn; they sum to 1."""
    raw = np.arange(1, size + 1, dtype=np.float64) ** -EXPONENT
    shares: NDArray[np.float64] = raw / raw.sum()
    return shares


class _Ranking:
    """Draws codes: by the ranking of all, or by that of a group."""

    def __init__(self, size: int, groups: int, own: float, random: np.random.Generator) -> None:
        self.size, self._own = size, own
        self._limits = np.cumsum(weights(size))
        self._code_of_rank = np.array([random.permutation(size) for _ in range(1 + groups)], dtype=np.int32)

    def draw(self, group: NDArray[np.integer[Any]], random: np.random.Generator) -> NDArray[np.int32]:
        """A code for every group given."""
        ranks = np.searchsorted(self._limits, random.random(len(group)), side="right")
        ranking = np.where(random.random(len(group)) < self._own, 1 + group, 0)
        codes: NDArray[np.int32] = self._code_of_rank[ranking, np.minimum(ranks, self.size - 1)]
        return codes


def _matrix(
    ranking: _Ranking, group: NDArray[np.integer[Any]], a_case: float, random: np.random.Generator
) -> csr_array:
    """0-1 matrix, cases × size, columns in order within each row. `group`: of each case."""
    parts = [_block(ranking, group[at : at + _AT_ONCE], a_case, random) for at in range(0, len(group), _AT_ONCE)]
    ends = np.cumsum(np.concatenate([[0], *(lengths for lengths, _ in parts)]), dtype=np.int64)
    indices = np.concatenate([codes for _, codes in parts])
    index = np.int32 if len(indices) < 2**31 else np.int64
    data = np.ones(len(indices), dtype=np.int32)
    return csr_array((data, indices.astype(index, copy=False), ends.astype(index)), shape=(len(group), ranking.size))


def _block(
    ranking: _Ranking, group: NDArray[np.integer[Any]], a_case: float, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The number of codes of each case, and the codes."""
    case = np.repeat(np.arange(len(group)), 1 + random.poisson(a_case - 1, len(group)))
    cells = np.sort(case * ranking.size + ranking.draw(group[case], random))
    cells = cells[np.concatenate([[True], cells[1:] != cells[:-1]])]
    return np.bincount(cells // ranking.size, minlength=len(group)), (cells % ranking.size).astype(np.int32)
