"""Totals of every product and every event in every stratum, and what becomes of them in strata without a case of both.

Two forms of the same: plain matrices, or sparse ones where strata are so many and small that most totals are 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from pv.signals.counts import Ints
from pv.signals.measures import Floats

_PLAIN = 64  # multiplications of a plain matrix product that take the time of one of a sparse product
_LARGEST = 2**25  # strata × events of a plain matrix: 0.9 GB with all of them


@dataclass(frozen=True)
class Cells:
    """The product × stratum × event cells with a ≥ 1 of a block of products, sorted by product and stratum.

    `pair`: the place of product and event among the block's pairs. n: cases of the stratum.
    """

    pair: Ints
    product: Ints
    event: Ints
    stratum: Ints
    a: Floats
    n_product: Floats
    n_event: Floats
    n: Floats


class Margins(Protocol):
    """Totals n_i of the products and n_j of the events in strata of n cases."""

    def expected(self, first: int, last: int) -> Floats:
        """Σ n_i n_j / n of the products from `first` up to `last`: products × events."""

    def of_event(self, stratum: Ints, event: Ints) -> Floats:
        """n_j of the events in the strata."""

    def unvisited(self, product: Ints, event: Ints, cells: Cells) -> tuple[Floats, Floats]:
        """Σ n_i n_j / n and Σ (n_i + n_j) n_i n_j / n² over the strata with a = 0, of each of the pairs.

        `product` and `event` are the pairs of whole products, sorted, and `cells` all their cells with a ≥ 1.
        """


def margins(n_product: csr_array, n_event: csr_array, size: Floats) -> Margins:
    """In the form that is faster. `n_product`: products × strata, `n_event`: strata × events, `size`: cases."""
    strata, events = n_event.shape
    products_of = np.bincount(n_product.indices, minlength=strata)
    sparse_cost = float(products_of @ np.diff(n_event.indptr).astype(np.float64))
    plain = strata * events <= _LARGEST and n_product.shape[0] * strata * events <= _PLAIN * sparse_cost
    return (PlainMargins if plain else SparseMargins)(n_product, n_event, size)


class PlainMargins:
    """`Margins` as plain matrices."""

    def __init__(self, n_product: csr_array, n_event: csr_array, size: Floats) -> None:
        self._size = size
        self._of_product = n_product.toarray()
        self._high, self._low, self._unit = _in_two_parts(n_event, size, float(n_product.sum(axis=1).max(initial=1)))
        # Events × strata, so that the strata of a pair stand side by side.
        self._of_event = n_event.T.toarray(order="C").astype(np.int32)
        self._shares = _shares(n_event, size).T.toarray(order="C")

    def expected(self, first: int, last: int) -> Floats:
        of_product = self._of_product[first:last]
        expected: Floats = (of_product @ self._high + (of_product @ self._low) * self._unit) * self._unit
        return expected

    def of_event(self, stratum: Ints, event: Ints) -> Floats:
        return self._of_event[event, stratum].astype(np.float64)

    def unvisited(self, product: Ints, event: Ints, cells: Cells) -> tuple[Floats, Floats]:
        sums, crossed = np.zeros(len(product)), np.zeros(len(product))
        products = np.unique(product)
        pairs = np.searchsorted(product, np.append(products, products[-1:] + 1))
        visited = np.searchsorted(cells.product, np.append(products, products[-1:] + 1))
        for place, number in enumerate(products):
            start, end = pairs[place : place + 2]
            of_product, shares = self._of_product[number], self._shares.take(event[start:end], axis=0)
            here = slice(*visited[place : place + 2])
            shares[cells.pair[here] - start, cells.stratum[here]] = 0
            # einsum, not a product of matrices, whose last digits depend on the number of threads.
            sums[start:end] = np.einsum("ps,s->p", shares, of_product)
            crossed[start:end] = np.einsum("ps,s->p", shares, of_product**2 / self._size)
            crossed[start:end] += np.einsum("ps,ps,s->p", shares, shares, of_product)
        return sums, crossed


class SparseMargins:
    """`Margins` as sparse matrices.

    Sums over strata with a = 0 are those over all strata less those over the strata with a ≥ 1, and exactly 0 where
    all strata with product and event have such a case; their rounding error is about 10⁻¹⁵ of the whole sum.
    """

    def __init__(self, n_product: csr_array, n_event: csr_array, size: Floats) -> None:
        self._size = size
        self._of_product, self._of_event, self._shares = n_product, n_event, _shares(n_event, size)

    def expected(self, first: int, last: int) -> Floats:
        expected: Floats = (self._of_product[first:last] @ self._shares).toarray()
        return expected

    def of_event(self, stratum: Ints, event: Ints) -> Floats:
        return np.asarray(self._of_event[stratum, event], dtype=np.float64)

    def unvisited(self, product: Ints, event: Ints, cells: Cells) -> tuple[Floats, Floats]:
        if not len(product):
            return np.zeros(0), np.zeros(0)
        first, last = int(product[0]), int(product[-1]) + 1
        place = product - first, event
        of_product, shares = self._of_product[first:last], self._shares
        squares = _with_data(of_product, of_product.data**2 / self._size[of_product.indices])
        common = (_ones(of_product) @ _ones(shares)).toarray()[place]
        crossed = (squares @ shares + of_product @ _with_data(shares, shares.data**2)).toarray()[place]

        def less_visited(whole: Floats, parts: Floats | None = None) -> Floats:
            rest: Floats = whole - np.bincount(cells.pair, parts, len(product))
            return rest

        left = less_visited(common) > 0
        parts = cells.n_product * cells.n_event / cells.n
        # No term is below 1/n, and none of the second sum above that of the first.
        sums = np.where(
            left, np.maximum(less_visited(self.expected(first, last)[place], parts), 1 / self._size.max()), 0
        )
        return sums, np.clip(less_visited(crossed, (cells.n_product + cells.n_event) / cells.n * parts), 0, sums)


def _in_two_parts(n_event: csr_array, size: Floats, most: float) -> tuple[Floats, Floats, float]:
    """n_j/n as (high + low · unit) · unit, both whole numbers, so small that n_i high summed over strata is exact.

    Sums of whole numbers are the same in any order, and so on any machine and any number of threads. `most`: the
    highest Σ n_i. What is cut off is less than 10⁻⁹ of n_j/n even with 20 million cases in a stratum.
    """
    unit = 2.0 ** -(52 - int(most).bit_length())
    scaled = _shares(n_event, size).toarray() / unit
    high = np.floor(scaled)
    return high, np.floor((scaled - high) / unit), unit


def _shares(n_event: csr_array, size: Floats) -> csr_array:
    return _with_data(n_event, n_event.data / np.repeat(size, np.diff(n_event.indptr)))


def _ones(matrix: csr_array) -> csr_array:
    return _with_data(matrix, np.ones(matrix.nnz))


def _with_data(matrix: csr_array, data: NDArray[np.float64]) -> csr_array:
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
