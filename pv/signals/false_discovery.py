"""Adjusted p-values over a family of tests of which only some are given.

The family is all combinations of a product and an event. Those that no case reports together have p = 1; there are
so many of them that they are counted, not listed. Left out of the family they would make everything look
significant: the pairs that are listed are listed because somebody reported them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma

from pv.signals.measures import Floats


def benjamini_hochberg(p: ArrayLike, family: int) -> Floats:
    """q-values: pairs with q ≤ t hold an expected share of at most t of false discoveries.

        q_(k) = min over j ≥ k of  m p_(j) / j,  at most 1,   p_(1) ≤ p_(2) ≤ … ≤ p_(m),  m = family

    Holds for independent tests and for those with positive regression dependence. Source: Benjamini and Hochberg
    1995. `p` has one value a pair of the family that is given; the others count as p = 1, and so does NaN (a = 0,
    nothing computed), whose q is NaN.
    Raises ValueError that names the row where p is outside 0 to 1, or if the family is smaller than what is given.
    """
    return _adjusted(p, family, 1.0)


def benjamini_yekutieli(p: ArrayLike, family: int) -> Floats:
    """q-values that hold whatever the dependence between the tests: Benjamini and Hochberg's m times Σ_{i=1..m} 1/i.

        q_(k) = min over j ≥ k of  m p_(j) (1 + 1/2 + … + 1/m) / j,  at most 1

    Source: Benjamini and Yekutieli 2001. Arguments, NaN and errors as for `benjamini_hochberg`.
    """
    harmonic = float(digamma(family + 1.0) + np.euler_gamma) if family > 0 else 1.0
    return _adjusted(p, family, harmonic)


def _adjusted(p: ArrayLike, family: int, factor: float) -> Floats:
    values = _probabilities(p)
    if family < len(values):
        raise ValueError(f"the family has {family} tests, but {len(values)} p-values are given")
    q = np.where(np.isnan(values), np.nan, 1.0)
    # No rank is above the number of p-values given, so that m p / j is above 1 for the p left out here: they neither
    # have a q below 1 nor give one to others. Of a family that is mostly unobserved few are left to sort.
    candidates = np.flatnonzero(values * (family * factor) <= len(values))
    order = candidates[np.argsort(values[candidates])]
    adjusted = values[order]
    adjusted *= family * factor
    adjusted /= np.arange(1, len(order) + 1)
    rising = adjusted[::-1]
    np.minimum.accumulate(rising, out=rising)
    q[order] = np.minimum(adjusted, 1.0, out=adjusted)
    return q


def _probabilities(p: ArrayLike) -> NDArray[np.float64]:
    values = np.atleast_1d(np.asarray(p, dtype=np.float64))
    if values.ndim != 1:
        raise ValueError(f"p must be one column, but has the shape {values.shape}")
    outside = (values < 0) | (values > 1)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(f"row {row + 1}: p = {values[row]} is outside 0 to 1")
    return values
