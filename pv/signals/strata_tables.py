"""Which case of which product is in which stratum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from pv.signals.counts import Incidence, Ints
from pv.signals.measures import Floats
from pv.signals.strata_margins import Cells, Margins, margins


@dataclass(frozen=True)
class Tables:
    """All strata's tables.

    `size`: cases of each stratum. `units`: one row a product and stratum that meet, with their cases as columns,
    sorted by product (`unit_product`) and stratum (`unit_stratum`); `unit_cases`: how many. `E`: cases × events.
    """

    size: Floats
    margins: Margins
    units: csr_array
    unit_product: Ints
    unit_stratum: Ints
    unit_cases: Floats
    E: csr_array

    @classmethod
    def of(cls, incidence: Incidence, strata: Ints) -> Tables:
        """`strata`: a code for each case of the incidence; those of counted cases are numbered anew, in their order."""
        counted = np.flatnonzero(incidence.counted)
        codes, distinct = pd.factorize(strata[counted], sort=True)
        # NumPy sorts short integers by digits, ten times as fast as long ones.
        order = np.argsort(codes.astype(np.min_scalar_type(len(distinct))), kind="stable")
        codes, cases = codes[order].astype(np.int64), counted[order]
        size = np.bincount(codes, minlength=len(distinct)).astype(np.float64)

        members = incidence.D[cases].T.tocsr()  # the cases of each product, in the order of their strata
        product = np.repeat(np.arange(members.shape[0]), np.diff(members.indptr))
        stratum = codes[members.indices]
        starts = _starts(product, stratum)
        edges = np.append(starts, members.nnz)
        units = csr_array((members.data, cases[members.indices], edges), shape=(len(starts), len(strata)))
        product, stratum = product[starts], stratum[starts]
        of_unit = np.diff(edges).astype(np.float64)
        n_product = csr_array((of_unit, (product, stratum)), shape=(members.shape[0], len(size)))
        of_margins = margins(n_product, _within(incidence.E, cases, size), size)
        return cls(size, of_margins, units, product, stratum, of_unit, incidence.E)

    def cells(self, product: Ints, event: Ints, first: int, last: int) -> Cells:
        """The cells with a case of the products from `first` up to `last`; `product`, `event`: their pairs."""
        number = np.full((last - first, self.E.shape[1]), -1, dtype=np.int32)
        number[product - first, event] = np.arange(len(product), dtype=np.int32)
        start, end = np.searchsorted(self.unit_product, [first, last])
        counts = (self.units[start:end] @ self.E).tocsr()
        unit = np.repeat(np.arange(start, end), np.diff(counts.indptr))
        of_product, stratum = self.unit_product[unit], self.unit_stratum[unit]
        return Cells(
            pair=number[of_product - first, counts.indices].astype(np.int64),
            product=of_product,
            event=counts.indices,
            stratum=stratum,
            a=counts.data.astype(np.float64),
            n_product=self.unit_cases[unit],
            n_event=self.margins.of_event(stratum, counts.indices),
            n=self.size[stratum],
        )


def _starts(product: Ints, stratum: Ints) -> NDArray[np.intp]:
    """Places where a run of equal product and stratum starts."""
    new = np.ones(len(product), dtype=bool)
    new[1:] = (product[1:] != product[:-1]) | (stratum[1:] != stratum[:-1])
    return np.flatnonzero(new)


def _within(E: csr_array, cases: NDArray[np.intp], size: Floats) -> csr_array:
    """Cases with each event in each stratum: strata × events. `cases` are sorted by stratum."""
    edges = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    members = csr_array((np.ones(len(cases), dtype=E.dtype), cases, edges), shape=(len(size), E.shape[0]))
    totals: csr_array = (members @ E).astype(np.float64)
    totals.sort_indices()
    return totals
