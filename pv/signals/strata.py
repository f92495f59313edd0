"""Measures within strata: expected counts summed over strata, and the Mantel–Haenszel odds ratio, of all pairs.

A stratum is a set of cases that are alike in what could confuse the comparison (age band, sex, year …). Within each
of them every pair has a 2×2 table of its own, in the notation of `pv.signals.measures`,

                      event j    other events
      product i          a            b          n_i = a + b
      other products     c            d          n_j = a + c,  n = a + b + c + d cases of the stratum

so that what differs between strata is no longer taken for an association. What is counted is what `pv.signals.counts`
counts: cases that have at least one product and one event.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import gammaincinv

from pv.signals.counts import Bools, Incidence, Ints, PairCounts
from pv.signals.empty_cells import EmptyCells
from pv.signals.measures import TAIL, Z_95, Floats, Information, whole_counts
from pv.signals.strata_limits import exact_low
from pv.signals.strata_margins import Cells
from pv.signals.strata_tables import Tables

# A block of products: at most so many product × event cells (8 MB a matrix) and so many rows (case, product, event),
# but one product at the least.
_CELLS = 2**20
_ROWS = 2**21


@dataclass(frozen=True)
class Stratified:
    """One value a pair of the `PairCounts`, in its order: E, and the odds ratio with its two-sided 95 % limits.

    `zeros`: E and number of the product × event cells without a case (a = 0, E > 0), gathered in bins of E at most
    1/512 wide (relative), each at its mean. `zeros_error`: a bound of half the sum over these cells of
    ((E - mean of the bin) / (1 + lower edge of the bin))². By Taylor's theorem the binning changes the log likelihood
    of a mixture of gammas (α1, β1, α2, β2, P) over the cells with a = 0 by at most

        zeros_error · max over k = 1, 2 of α_k (α_k + 1) max(1, 1/β_k)²
    """

    expected: Floats
    ror_mh: Floats
    ror_mh_low: Floats
    ror_mh_high: Floats
    zeros: tuple[Floats, Floats]
    zeros_error: float


def stratified(incidence: Incidence, strata: ArrayLike, counts: PairCounts) -> Stratified:
    """Expected counts and odds ratios adjusted for strata, of every pair of `counts`.

        E      = Σ n_i n_j / n                                    over the strata
        ROR_MH = R / S,  R = Σ ad/n,  S = Σ bc/n                  Mantel and Haenszel 1959
        var log ROR_MH = Σ PR / 2R² + Σ (PS + QR) / 2RS + Σ QS / 2S²      Robins, Breslow and Greenland 1986,
                         sums of each stratum's own R, S, P = (a + d)/n and Q = (b + c)/n

    `strata`: a code of 0 or more for every case of the incidence (see `stratum_codes`); `counts`: `pair_counts` of the
    same incidence, all of it. With one stratum E, ROR and limits are those of the crude table.

    Zero cells are never corrected. S = 0 < R: unbounded, the value and the upper limit are ∞, the lower limit is the
    exact conditional one (`pv.signals.strata_limits`). R = 0 < S: the value and the lower limit are 0, the upper limit
    is not computed (NaN). R = S = 0, as with one case a stratum: nothing to compare with, the value is NaN and the
    limits are 0 and ∞.

    Only the strata in which a pair has a case need its 2×2 table; in the others R = 0, and what is left of the sums
    comes from the margins alone. Time grows with the rows (case, product, event), and with the pairs and the products ×
    events, each times the strata.

    Raises ValueError if `strata` is not one such code a case, or if `counts` is of other cases.
    """
    tables = Tables.of(incidence, _checked(incidence, strata, counts))
    edges = np.searchsorted(counts.product, np.arange(len(counts.row_totals) + 1, dtype=np.int32))
    results = {name: np.empty(len(counts.a)) for name in ("expected", "ror_mh", "ror_mh_low", "ror_mh_high")}
    # No E of two that meet in a stratum is below 1/n there, none is above the number of all cases.
    empty = EmptyCells(1 / tables.size.max(initial=1), max(1, counts.n))

    def compute(block: tuple[int, int]) -> tuple[Floats, Floats]:
        pairs = slice(*edges[list(block)])
        product, event = (codes[pairs].astype(np.int64) for codes in (counts.product, counts.event))
        cells = tables.cells(product, event, *block)
        sums = _Sums.of(cells, tables.margins.unvisited(product, event, cells))
        for result, values in zip(results.values(), (sums.expected, *_odds_ratio(sums)), strict=True):
            result[pairs] = values
        expected = tables.margins.expected(*block)
        expected[product - block[0], event] = 0
        return empty.binned(expected.ravel())

    rows = np.bincount(counts.product, weights=counts.a, minlength=len(counts.row_totals))
    blocks = spans(rows / _ROWS + len(counts.column_totals) / _CELLS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for weight, total in pool.map(compute, blocks):
            empty.add(weight, total)
    return Stratified(**results, zeros=empty.points(), zeros_error=empty.error())


def stratum_codes(columns: pd.DataFrame) -> tuple[Ints, pd.DataFrame]:
    """Strata as the crossing of text columns, one row a case: a code for each row, and the columns' values by code.

    Only combinations that occur have a code; codes follow the values, column by column, by code point. A missing value
    ("", or none at all) is a value of its own, shown as "". Raises ValueError if there is no column or if two have the
    same name.
    """
    names = list(columns.columns)
    if not names:
        raise ValueError("strata need at least one column; name one")
    twice = columns.columns[columns.columns.duplicated()]
    if len(twice):
        raise ValueError(f"strata: the column “{twice[0]}” is there twice; rename or remove one of them")
    texts = columns.astype("str").fillna("")
    codes: Ints = np.zeros(len(texts), dtype=np.int64)
    for name in names:
        values, distinct = pd.factorize(texts[name], sort=True)
        # Numbered anew after each column, so that there are never more numbers than rows.
        codes = pd.factorize(codes * len(distinct) + values, sort=True)[0].astype(np.int64)
    _, first = np.unique(codes, return_index=True)
    return codes, texts.iloc[first].reset_index(drop=True)


def ic_of(a: ArrayLike, expected: ArrayLike) -> Information:
    """Information component of counts against expected counts that need not come from one table's margins.

        IC = log2[(a + ½) / (E + ½)]
        IC025, IC975 = log2 of the 2.5 % and 97.5 % quantiles of Gamma(shape a + ½, rate E + ½)

    With E of one 2×2 table it is `measures.ic`. NaN where a = 0, as nothing is computed there, and where E is NaN.
    Source: Norén, Hopstadius and Bate 2013. Raises ValueError that names the row of an a that is no count of cases or
    of a negative E.
    """
    observed = whole_counts({"a": a})["a"]
    rate = np.broadcast_to(np.asarray(expected, dtype=np.float64), observed.shape)
    if (rate < 0).any():
        row = int(np.argmax(rate < 0))
        raise ValueError(f"row {row + 1}: expected = {rate[row]} is negative; no number of cases is")
    rate = np.where(observed > 0, np.log2(rate + 0.5), np.nan)
    # But for the rate the quantiles depend on a alone, and most pairs share a few small values of it.
    which, shapes = pd.factorize(observed)
    low, high = (np.log2(gammaincinv(shapes + 0.5, share))[which] for share in (TAIL, 1 - TAIL))
    return Information(np.log2(observed + 0.5) - rate, low - rate, high - rate)


def _checked(incidence: Incidence, strata: ArrayLike, counts: PairCounts) -> Ints:
    codes, size = np.asarray(strata), len(incidence.counted)
    if codes.shape != (size,) or (codes.dtype.kind not in "iu" and size):
        raise ValueError(
            f"strata must be one whole number for each of the {size} cases, not {codes.dtype} of shape {codes.shape}"
        )
    if size and codes.min() < 0:
        row = int(np.argmax(codes < 0))
        raise ValueError(f"row {row + 1}: stratum = {codes[row]} is negative; the code of a stratum is 0 or more")
    counted, shape = int(incidence.counted.sum()), (incidence.D.shape[1], incidence.E.shape[1])
    of_counts = (len(counts.row_totals), len(counts.column_totals))
    if (counts.n, of_counts) != (counted, shape):
        raise ValueError(
            f"the pairs were counted among {counts.n} cases (products, events: {of_counts}), but the strata are of "
            f"{counted} cases ({shape}); count the pairs of the same incidence, all of it"
        )
    return codes.astype(np.int64, copy=False)


def spans(cost: Floats) -> list[tuple[int, int]]:
    """Blocks of whole items, as first and one after the last: each costs at most about 1, or is one item."""
    number = np.floor(np.cumsum(cost))
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(cost)]
    return list(pairwise(edges)) if len(cost) else []


@dataclass(frozen=True)
class _Sums:
    """Sums over the strata of each pair: n_i n_j / n, and R, S, PR, PS + QR and QS of the variance.

    `low`: exact lower limits of the pairs with S = 0 < R.
    """

    expected: Floats
    r: Floats
    s: Floats
    pr: Floats
    ps_qr: Floats
    qs: Floats
    low: Floats

    @classmethod
    def of(cls, cells: Cells, unvisited: tuple[Floats, Floats]) -> _Sums:
        """`cells`: those with a ≥ 1; `unvisited`: Σ S and Σ QS over the strata with a = 0, of each pair.

        There R = 0, S = n_i n_j / n, Q = (n_i + n_j) / n and P = 1 - Q.
        """
        s_there, qs_there = unvisited
        pairs = len(s_there)
        a, b, c, n = cells.a, cells.n_product - cells.a, cells.n_event - cells.a, cells.n
        d = n - cells.n_product - c
        r, s, p, q = a * d / n, b * c / n, (a + d) / n, (b + c) / n

        def summed(values: Floats) -> Floats:
            sums: Floats = np.bincount(cells.pair, values, pairs).astype(np.float64, copy=False)
            return sums

        sums_r, sums_s = summed(r), summed(s) + s_there
        of_unbounded = ((sums_s == 0) & (sums_r > 0))[cells.pair]
        return cls(
            expected=summed(cells.n_product * cells.n_event / n) + s_there,
            r=sums_r,
            s=sums_s,
            pr=summed(p * r),
            ps_qr=summed(p * s + q * r) + s_there - qs_there,
            qs=summed(q * s) + qs_there,
            low=exact_low(np.stack([a, b, c, d])[:, of_unbounded], cells.pair[of_unbounded], pairs),
        )


def _odds_ratio(sums: _Sums) -> tuple[Floats, Floats, Floats]:
    """Value and limits."""
    r, s = sums.r, sums.s
    bounded: Bools = (r > 0) & (s > 0)
    r, s = np.where(bounded, r, 1), np.where(bounded, s, 1)
    variance = sums.pr / (2 * r * r) + sums.ps_qr / (2 * r * s) + sums.qs / (2 * s * s)
    spread = np.exp(Z_95 * np.sqrt(np.where(bounded, variance, 0)))
    value, low, high = r / s, r / s / spread, r / s * spread
    nothing, unbounded, zero = (sums.r == 0) & (sums.s == 0), (sums.r > 0) & (sums.s == 0), (sums.r == 0) & (sums.s > 0)
    value[nothing], low[nothing], high[nothing] = np.nan, 0, np.inf
    value[unbounded], low[unbounded], high[unbounded] = np.inf, sums.low[unbounded], np.inf
    value[zero], low[zero], high[zero] = 0, 0, np.nan
    return value, low, high
