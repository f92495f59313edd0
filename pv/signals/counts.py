"""All pair counts of a set of cases as one sparse matrix product.

Counting policy. The unit is the case. A case adds at most 1 to a cell (product, event), and to the count of a
product or of an event, however often it is written in the case; a case with two products and three events adds
to six cells. Counted are the cases that have at least one product and at least one event of the kind in question:
N is their number, and row and column totals are taken over them alone. What is left out is counted beside, by
reason: no product, else no event.

With D (cases × products) and E (cases × events) holding 0 and 1, the pair counts are Dᵀ E.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_WORTH_THREADS = 1_000_000  # entries of D from which a second thread gains more than it costs


@dataclass(frozen=True)
class Incidence:
    """Which case has which product and which event. Rows of D and E are cases, those not counted are empty.

    `products` and `events` are the labels, sorted by code point; a code is a place in them.
    """

    products: pd.Index
    events: pd.Index
    D: csr_array
    E: csr_array
    counted: Bools
    no_product: Bools
    no_event: Bools

    @classmethod
    def of(cls, size: int, products: pd.DataFrame, events: pd.DataFrame) -> Incidence:
        """From long tables of two columns: the case's row number from 0 to size - 1, and the label ("" is none)."""
        products, events = _known(products), _known(events)
        has_product, has_event = _having(size, products), _having(size, events)
        counted = has_product & has_event
        D, product_labels = _matrix(size, products[counted[_row_numbers(products)]])
        E, event_labels = _matrix(size, events[counted[_row_numbers(events)]])
        return cls(
            products=product_labels,
            events=event_labels,
            D=D,
            E=E,
            counted=counted,
            no_product=~has_product,
            no_event=has_product & ~has_event,
        )

    def only(self, cases: Bools) -> Incidence:
        """The counted ones among the cases that a mask picks, and no others; labels and codes stay."""
        picked = self.counted & cases
        none = np.zeros(int(picked.sum()), dtype=bool)
        return replace(self, D=self.D[picked], E=self.E[picked], counted=~none, no_product=none, no_event=none)


@dataclass(frozen=True)
class PairCounts:
    """One entry a pair with a ≥ 1, sorted by product and event.

    `product`, `event`: their codes; `a`: cases with both; `row_totals` and `column_totals`: cases by code of the
    product and of the event; `n`: cases counted. 23 million pairs of 20 million cases take 0.5 GB.
    """

    product: NDArray[np.int32]
    event: NDArray[np.int32]
    a: Ints
    row_totals: Ints
    column_totals: Ints
    n: int

    @property
    def n_product(self) -> Ints:
        """Cases with the product, for each pair."""
        return self.row_totals[self.product]

    @property
    def n_event(self) -> Ints:
        """Cases with the event, for each pair."""
        return self.column_totals[self.event]

    @property
    def family(self) -> int:
        """All combinations of a product and an event that occur, whether together or not."""
        return int((self.row_totals > 0).sum()) * int((self.column_totals > 0).sum())


def pair_counts(incidence: Incidence, among: Bools | None = None) -> PairCounts:
    """Count every pair, among all cases or among those that a mask picks."""
    picked = incidence.counted if among is None else incidence.counted & among
    everything = bool(picked.all())
    D, E = (matrix if everything else matrix[picked] for matrix in (incidence.D, incidence.E))
    counts = _crossed(D, E)
    return PairCounts(
        product=np.repeat(np.arange(D.shape[1], dtype=np.int32), np.concatenate([np.diff(p.indptr) for p in counts])),
        event=np.concatenate([part.indices for part in counts]).astype(np.int32, copy=False),
        a=np.concatenate([part.data for part in counts]).astype(np.int64, copy=False),
        row_totals=column_sums(D),
        column_totals=column_sums(E),
        n=int(picked.sum()),
    )


def _crossed(D: csr_array, E: csr_array) -> list[csr_array]:
    """Dᵀ E as slabs of rows, one a thread (SciPy's product lets go of the interpreter), columns in order."""
    products = D.T.tocsr()
    threads = (os.cpu_count() or 1) if D.nnz >= _WORTH_THREADS else 1
    shares = np.searchsorted(products.indptr, np.linspace(0, D.nnz, threads + 1)[1:-1])
    edges = np.concatenate([[0], shares, [D.shape[1]]])

    def slab(number: int) -> csr_array:
        part: csr_array = (products[edges[number] : edges[number + 1]] @ E).tocsr()
        part.sort_indices()
        return part

    if threads == 1:
        return [slab(0)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(slab, range(threads)))


def incidence_matrix(rows: Ints, columns: Ints, shape: tuple[int, int]) -> csr_array:
    """0-1 matrix with 1 at the given places; a place given more than once still holds 1."""
    matrix = csr_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def column_sums(matrix: csr_array) -> Ints:
    sums = np.bincount(matrix.indices, weights=matrix.data, minlength=matrix.shape[1])
    return sums.astype(np.int64)


def encode(labels: pd.Series) -> tuple[Ints, pd.Index]:
    """Codes of text into its distinct values, which are sorted by code point."""
    codes, distinct = pd.factorize(labels, sort=True)
    return codes.astype(np.int64), pd.Index(distinct)


def _known(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows.iloc[:, 1] != ""]


def _row_numbers(rows: pd.DataFrame) -> Ints:
    return rows.iloc[:, 0].to_numpy(dtype=np.int64)


def _having(size: int, rows: pd.DataFrame) -> Bools:
    having = np.zeros(size, dtype=bool)
    having[_row_numbers(rows)] = True
    return having


def _matrix(size: int, rows: pd.DataFrame) -> tuple[csr_array, pd.Index]:
    codes, labels = encode(rows.iloc[:, 1])
    return incidence_matrix(_row_numbers(rows), codes, (size, len(labels))), labels
