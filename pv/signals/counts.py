"""All pair counts of a set of cases as one sparse matrix product.

Counting policy. The unit is the case. A case adds at most 1 to a cell (product, event), and to the count of a
product or of an event, however often it is written in the case; a case with two products and three events adds
to six cells. Counted are the cases that have at least one product and at least one event of the kind in question:
N is their number, and row and column totals are taken over them alone. What is left out is counted beside, by
reason: no product, else no event.

With D (cases × products) and E (cases × events) holding 0 and 1, the pair counts are Dᵀ E.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


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


@dataclass(frozen=True)
class PairCounts:
    """One entry a pair with a ≥ 1, sorted by product and event: their codes, a, and the totals of row and column."""

    product: Ints
    event: Ints
    a: Ints
    n_product: Ints
    n_event: Ints
    n: int


def pair_counts(incidence: Incidence, among: Bools | None = None) -> PairCounts:
    """Count every pair, among all cases or among those that a mask picks."""
    picked = incidence.counted if among is None else incidence.counted & among
    D, E = incidence.D[picked], incidence.E[picked]
    counts = (D.T @ E).tocsr()
    counts.sort_indices()
    product = np.repeat(np.arange(counts.shape[0], dtype=np.int64), np.diff(counts.indptr))
    event = counts.indices.astype(np.int64)
    return PairCounts(
        product=product,
        event=event,
        a=counts.data.astype(np.int64),
        n_product=column_sums(D)[product],
        n_event=column_sums(E)[event],
        n=int(picked.sum()),
    )


def incidence_matrix(rows: Ints, columns: Ints, shape: tuple[int, int]) -> csr_array:
    """0-1 matrix with 1 at the given places; a place given more than once still holds 1."""
    matrix = csr_array((np.ones(len(rows), dtype=np.int64), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def column_sums(matrix: csr_array) -> Ints:
    sums = np.zeros(matrix.shape[1], dtype=np.int64)
    np.add.at(sums, matrix.indices, matrix.data)
    return sums


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
