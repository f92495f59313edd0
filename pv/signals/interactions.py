"""Two products that are reported with an event more often together than either explains: Ω of all triplets.

The unit is the case, as in `pv.signals.counts`. With the event's cases as numerator, the cases fall into four groups:

                        product 2                  not product 2
      product 1         n111 of n11                n101 of n10
      not product 1     n011 of n01                n001 of n00          n11 + n10 + n01 + n00 = N cases
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from pv.signals.counts import Incidence, Ints, PairCounts
from pv.signals.measures import Floats
from pv.signals.strata import ic_of, spans

INTERACTION_COLUMNS = (
    "product1",
    "product2",
    "event",
    "n111",
    "n11",
    "n101",
    "n10",
    "n011",
    "n01",
    "n001",
    "n00",
    "expected",
    "omega",
    "omega025",
    "omega975",
)
LEAST = 3
# Pairs of products within a case that are looked at together (some 100 MB), and product × product cells.
_PAIRS = 2**20
_CELLS = 2**21


def interactions(incidence: Incidence, counts: PairCounts, least: int = LEAST) -> pd.DataFrame:
    """Ω of every two products and event that at least `least` cases have together; columns `INTERACTION_COLUMNS`.

        Ω = log2[(n111 + ½) / (E111 + ½)],  E111 = n11 · g11
        g11 = 1 - 1 / [max(o00, o10) + max(o00, o01) - o00 + 1],  o = f / (1 - f)
        Ω025, Ω975 = log2 of the 2.5 % and 97.5 % quantiles of Gamma(shape n111 + ½, rate E111 + ½)

    f00 = n001/n00, f10 = n101/n10 and f01 = n011/n01 are the event's shares among the cases with neither or one of the
    products: g11 is its share among those with both if their excess odds add up, and a product with lower odds than
    neither has takes nothing away. Ω025 > 0 suggests an interaction.

    `counts`: `pair_counts` of the same incidence, all of it. Rows are sorted by product1 < product2 and event, by code
    point. Source: Norén, Sundberg, Bate and Edwards 2008.
    Zero cells: f = 1 in any of the groups makes the odds infinite and g11 = 1. Where one of the three groups has no
    case at all there is nothing to compare with: expected and Ω are NaN, as for two products that are always reported
    together.
    Raises ValueError if `least` is below 1, or if `counts` is of other cases.
    """
    if least < 1:
        raise ValueError(f"least = {least}: a triplet has at least 1 case with both products and the event")
    if (counts.n, len(counts.row_totals)) != (int(incidence.counted.sum()), incidence.D.shape[1]):
        raise ValueError("the pairs were counted among other cases; count those of the same incidence, all of it")
    parts = list(_triplets(incidence, least))
    first, second, event, n111, n11 = (
        np.concatenate([part[place] for part in parts]) if parts else np.zeros(0, dtype=np.int64) for place in range(5)
    )
    n101, n011 = (_cases_with(counts, product, event) - n111 for product in (first, second))
    n10, n01 = counts.row_totals[first] - n11, counts.row_totals[second] - n11
    n001, n00 = counts.column_totals[event] - n111 - n101 - n011, counts.n - n11 - n10 - n01
    expected = n11 * _share_if_added(n001, n00, n101, n10, n011, n01)
    omega = ic_of(n111, expected)
    columns = (
        *(incidence.products.take(product) for product in (first, second)),
        incidence.events.take(event),
        *(n111, n11, n101, n10, n011, n01, n001, n00),
        *(expected, omega.value, omega.low, omega.high),
    )
    return pd.DataFrame(dict(zip(INTERACTION_COLUMNS, columns, strict=True)))


def _triplets(incidence: Incidence, least: int) -> Iterator[tuple[Ints, Ints, Ints, Ints, Ints]]:
    """Codes of product 1, product 2 and event, n111 and n11 of the triplets, by blocks of product 1, all sorted."""
    D, E = incidence.D, incidence.E
    products = D.shape[1]
    members = D.T.tocsr()
    pairs_in_case = np.diff(D.indptr)[members.indices]  # with the product itself: more than are made
    pairs = np.add.reduceat(np.append(pairs_in_case, 0), members.indptr[:-1]) * (np.diff(members.indptr) > 0)
    for first, last in spans(pairs / _PAIRS + products / _CELLS):
        both, product1, product2, n11 = _cases_of_two(D, members, first, last, least)
        counts = (both @ E).tocsr()
        counts.sort_indices()
        enough = counts.data >= least
        row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))[enough]
        event, n111 = (values[enough].astype(np.int64) for values in (counts.indices, counts.data))
        yield product1[row], product2[row], event, n111, n11[row]


def _cases_of_two(
    D: csr_array, members: csr_array, first: int, last: int, least: int
) -> tuple[csr_array, Ints, Ints, Ints]:
    """The cases of two products (pairs × cases), their codes, and how many cases.

    Of product 1 from `first` up to `last` with every product 2 after it, where there are `least` cases. `members`: the
    transpose of D.
    """
    start, end = members.indptr[first], members.indptr[last]
    case = members.indices[start:end]
    product1 = np.repeat(np.arange(first, last), np.diff(members.indptr[first : last + 1]))
    together = D[case]
    entry = np.repeat(np.arange(len(case)), np.diff(together.indptr))
    later = together.indices > product1[entry]
    entry, product2 = entry[later], together.indices[later].astype(np.int64)
    key = (product1[entry] - first) * D.shape[1] + product2
    cases = np.bincount(key, minlength=(last - first) * D.shape[1])
    kept = np.flatnonzero(cases >= least)
    place = np.full(len(cases), -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    row = place[key]
    frequent = row >= 0
    ones = np.ones(int(frequent.sum()), dtype=D.dtype)
    both = csr_array((ones, (row[frequent], case[entry[frequent]])), shape=(len(kept), D.shape[0]))
    return both, first + kept // D.shape[1], kept % D.shape[1], cases[kept]


def _cases_with(counts: PairCounts, product: Ints, event: Ints) -> Ints:
    """a of pairs of a product and an event, each of which is in `counts`."""
    events = len(counts.column_totals)
    known = counts.product.astype(np.int64) * events + counts.event
    return counts.a[np.searchsorted(known, product * events + event)]


def _share_if_added(n001: Ints, n00: Ints, n101: Ints, n10: Ints, n011: Ints, n01: Ints) -> Floats:
    """g11."""
    neither, one, other = (_odds(*group) for group in ((n001, n00), (n101, n10), (n011, n01)))
    infinite = np.isinf(neither) | np.isinf(one) | np.isinf(other)
    unknown = np.isnan(neither) | np.isnan(one) | np.isnan(other)
    neither, one, other = (np.where(infinite, 0, odds) for odds in (neither, one, other))
    added = neither + np.maximum(one - neither, 0) + np.maximum(other - neither, 0)
    share: Floats = np.where(infinite, 1, added / (1 + added))
    share[unknown] = np.nan
    return share


def _odds(with_event: Ints, cases: Ints) -> Floats:
    """f / (1 - f) with f = with_event / cases: infinite at f = 1, NaN without cases."""
    without = cases - with_event
    odds: Floats = np.where(cases > 0, np.inf, np.nan)
    np.divide(with_event, without, out=odds, where=without > 0)
    return odds
