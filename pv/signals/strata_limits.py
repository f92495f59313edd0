"""Exact lower limit of an odds ratio that strata have in common, for pairs whose odds ratio is unbounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pv.signals.measures import TAIL, Floats, Ints

_WIDE = 2**22  # numbers of a matrix of terms: 32 MB


@dataclass(frozen=True)
class _Terms:
    """The tables (places in the columns) whose sums have up to so many terms, with log r_j for each j from 1."""

    at: Ints
    j: Floats
    log_r: Floats


def exact_low(cells: Floats, pair: Ints, pairs: int) -> Floats:
    """Lower 95 % limit (two-sided) of the common odds ratio of each pair, given all margins of its strata.

    `cells`: a, b, c, d (4 × tables), each table that of a pair in one stratum; `pair`: the table's pair, from 0 to
    pairs - 1. Every table must have b = 0 or c = 0; tables that are left out must have a row or a column of zeros, so
    that only one table is possible with their margins. Given its margins each table follows Fisher's noncentral
    hypergeometric distribution and holds the largest a it can. So P(ΣA ≥ Σa) is the product of the P(A = a), and the
    limit, the odds ratio ω at which that is 0.025, solves

        Σ log(1 + Σ_j r_j ω^-j) = log 40,   r_j = a! b! c! d! / [(a-j)! (b+j)! (c+j)! (d-j)!],  j ≤ min(a, d)

    with the outer sum over the pair's tables. The left side rises and is convex in t = -log ω, so that Newton's steps
    from the right of the root come down to it. With one table it is the limit of `measures.exact_low`. 0 for pairs
    without a table with min(a, d) > 0: nothing but what was seen is possible.
    Source: Cornfield 1956 for one table, Gart 1970 for several.
    """
    several = np.minimum(cells[0], cells[3]) > 0
    cells, pair = cells[:, several], pair[several]
    low = np.zeros(pairs)
    if len(pair):
        numbers, of_number = np.unique(pair, return_inverse=True)
        low[numbers] = np.exp(-_log_inverse_limit(_terms(cells), of_number, len(numbers)))
    return low


def _terms(cells: Floats) -> list[_Terms]:
    widths = 2 ** np.ceil(np.log2(np.minimum(cells[0], cells[3]))).astype(np.int64)
    found = []
    for width in np.unique(widths):
        tables = np.flatnonzero(widths == width)
        for at in np.array_split(tables, -(-len(tables) * width // _WIDE)):
            a, b, c, d = (cell[at, None] for cell in cells)
            j = np.arange(1.0, width + 1)
            there = j <= np.minimum(a, d)
            # r_j / r_(j-1), so that no logarithm of a factorial as large as n! takes its digits away.
            steps = np.where(there, (a - j + 1) * (d - j + 1) / ((b + j) * (c + j)), 1.0)
            found.append(_Terms(at, j, np.where(there, np.cumsum(np.log(steps), axis=1), -np.inf)))
    return found


def _log_inverse_limit(terms: list[_Terms], pair: NDArray[np.intp], pairs: int) -> Floats:
    """t = -log ω of each pair."""
    target = np.log(1 / TAIL)
    # A single term of a single table is at most the whole, so the least of their own roots lies right of the root.
    t: Floats = np.full(pairs, np.inf)
    for part in terms:
        np.minimum.at(t, pair[part.at], ((np.log(1 / TAIL - 1) - part.log_r) / part.j).min(axis=1))
    moving = np.ones(pairs, dtype=bool)
    value, slope = np.empty(len(pair)), np.empty(len(pair))
    for _ in range(100):
        for part in terms:
            exponent = part.log_r + part.j * t[pair[part.at], None]
            peak = np.maximum(exponent.max(axis=1), 0)
            weight = np.exp(exponent - peak[:, None])
            total = weight.sum(axis=1) + np.exp(-peak)
            value[part.at], slope[part.at] = peak + np.log(total), (weight * part.j).sum(axis=1) / total
        step = (np.bincount(pair, value, pairs) - target) / np.bincount(pair, slope, pairs)
        # A pair that has arrived stays as it is, so that its value does not depend on the others.
        t = np.where(moving, t - step, t)
        moving &= np.abs(step) > 1e-14 * np.maximum(1.0, np.abs(t))
        if not moving.any():
            break
    return t
