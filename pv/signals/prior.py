"""The prior of the gamma-Poisson shrinker, fitted to the cells of a table by maximum likelihood.

    prior = fit(cells_from_margins(counts, "zeros"), "zeros").prior

`pv.signals.mixture` has the model and its likelihood, `pv.signals.squash` the cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from pv.signals.mixture import PARAMETERS, TRUNCATED, VARIANTS, Floats, Points, Prior, check_variant
from pv.signals.newton import Minimum, minimise
from pv.signals.squash import Cells, cells_from_expected, cells_from_margins, neg_log_likelihood

__all__ = ["VARIANTS", "Cells", "Fit", "Prior", "cells_from_expected", "cells_from_margins", "fit", "fixed", "refit"]

BOUND = 15.0  # of the logarithms of α and β and of the logit of p: from 3·10⁻⁷ to 3·10⁶
_HIGH = np.full(5, BOUND)
_DUMOUCHEL = Prior(alpha1=0.2, beta1=0.1, alpha2=2.0, beta2=4.0, p=1 / 3)
# Two components out of one gamma: what is added to log α, log β of it for each, and the logit of p.
_RARE_AND_LARGE = (1.0, 0.0, 0.0, 0.0, -3.0)
_BROAD_AND_LARGE = (-1.0, -2.0, 1.0, 1.0, -1.0)
_BROAD_AND_NARROW = (-1.0, -1.0, 2.0, 2.0, 0.0)
# Akaike's criterion: a model is preferred if each parameter that it has more gains 1 in log likelihood.
_MORE_THAN_ONE_GAMMA, _MORE_THAN_ONE_RATE = 3.0, 4.0


@dataclass(frozen=True)
class Fit:
    """A fitted prior, the component of the larger mean α/β first (of equal means the one of the larger α).

    `neg_log_likelihood`: -log L over all cells of the variant, squashed or not; `squash_error`: by how much that of
    the squashed points is off, 0 if nothing was squashed. `points`: of the likelihood that was maximised; `starts`:
    places that it was maximised from. `warnings`: those that hold, in this order:

    - "few_points": no more different points than parameters
    - "no_association": less than 4 better in log likelihood than a single λ for all cells (by Akaike's criterion):
      no cell stands out, and EBGM is nearly the same for all
    - "not_identified": less than 3 better than one gamma: the data do not tell two components apart. EBGM is in
      effect that of one gamma and can be used; the five parameters taken singly mean nothing
    - "boundary_alpha1", "boundary_beta1", "boundary_alpha2", "boundary_beta2", "boundary_p": the parameter is at the
      end of its range, e^-15 or e^15 (p: 3·10⁻⁷ from 0 or 1), and the likelihood would go on rising slowly beyond
    - "not_converged": gradient and Hessian say that a better prior is close by, but it could not be reached
    """

    prior: Prior
    variant: str
    neg_log_likelihood: float
    points: int
    starts: int
    warnings: tuple[str, ...]
    squash_error: float


def fit(cells: Cells, variant: str, start: Prior | None = None) -> Fit:
    """The prior under which the cells are most likely; for the same arguments, the same to the last digit.

    log α, log β and logit p are fitted within ±15 by Newton's method with exact derivatives, from four places: that
    of DuMouchel 1999, and the best single gamma split in three ways. The likelihood often has two or three local
    maxima (on the CAERS reports of 2012, a fifth of a unit apart in the truncated variant), so that the best of the
    four results is kept. With `start`, last week's prior say, it begins there and looks from two of the four besides.
    Raises ValueError if there is no cell, the variant is unknown, or a cell of the truncated variant has a = 0.
    """
    _check(cells, variant)
    points = Points(cells.a, cells.expected, cells.weight, variant)
    gamma = minimise(points.single, np.zeros(2), -_HIGH[:2], _HIGH[:2])
    starts = _starts(gamma.place, start)
    best = min((minimise(points.mixture, place, -_HIGH, _HIGH) for place in starts), key=lambda found: found.value)
    prior = _prior(best.place)
    whole = best.value if cells.exact is None else cells.exact(prior)
    return Fit(
        prior=prior,
        variant=variant,
        neg_log_likelihood=whole,
        points=len(cells.a),
        starts=len(starts),
        warnings=_warnings(prior, best, gamma, _one_rate(points), len(cells.a)),
        squash_error=abs(whole - best.value),
    )


def refit(cells: Cells, last: Fit) -> Fit:
    """The prior of cells that are nearly those of `last`, from its prior alone; a full fit where that leads nowhere.

    The warnings are those of `last`: what they say changes slowly.
    """
    _check(cells, last.variant)
    points = Points(cells.a, cells.expected, cells.weight, last.variant)
    best = minimise(points.mixture, _place(last.prior), -_HIGH, _HIGH)
    if not best.converged:
        return fit(cells, last.variant, last.prior)
    prior = _prior(best.place)
    whole = best.value if cells.exact is None else cells.exact(prior)
    return Fit(prior, last.variant, whole, len(cells.a), 1, last.warnings, abs(whole - best.value))


def fixed(cells: Cells, variant: str, prior: Prior) -> Fit:
    """A prior that is given, with its likelihood: no start, no warning. Raises ValueError as `fit` does."""
    _check(cells, variant)
    squashed = neg_log_likelihood(cells.a, cells.expected, cells.weight, variant, prior)
    whole = squashed if cells.exact is None else cells.exact(prior)
    return Fit(prior, variant, whole, len(cells.a), 0, (), abs(whole - squashed))


def _check(cells: Cells, variant: str) -> None:
    check_variant(variant)
    if not len(cells.a):
        raise ValueError("there is no cell to fit a prior to")
    if variant == TRUNCATED and (cells.a < 1).any():
        raise ValueError("a = 0 in a cell, but the truncated variant has cells with a ≥ 1 only")


def _starts(gamma: Floats, start: Prior | None) -> list[Floats]:
    def split(apart: tuple[float, ...]) -> Floats:
        return np.array([*gamma, *gamma, 0.0]) + apart

    if start is not None:
        return [_place(start), _place(_DUMOUCHEL), split(_RARE_AND_LARGE)]
    return [_place(_DUMOUCHEL), *map(split, (_RARE_AND_LARGE, _BROAD_AND_LARGE, _BROAD_AND_NARROW))]


def _one_rate(points: Points) -> Minimum:
    """The best single λ, as a gamma of α = e^15, within which λ varies by 0.06 %."""
    return minimise(points.single, np.array([BOUND, BOUND]), np.array([BOUND, -BOUND]), np.array([BOUND, BOUND]))


def _place(prior: Prior) -> Floats:
    """log α1, log β1, log α2, log β2, logit p."""
    first, second = prior.components
    return np.array([*np.log(first), *np.log(second), logit(prior.p)])


def _prior(place: Floats) -> Prior:
    first, second = np.exp(place[:2]).tolist(), np.exp(place[2:4]).tolist()
    lead = float(place[4])
    if _mean_and_alpha(*second) > _mean_and_alpha(*first):
        first, second, lead = second, first, -lead
    return Prior(first[0], first[1], second[0], second[1], float(expit(lead)))


def _mean_and_alpha(alpha: float, beta: float) -> tuple[float, float]:
    return alpha / beta, alpha


def _warnings(prior: Prior, best: Minimum, gamma: Minimum, one_rate: Minimum, points: int) -> tuple[str, ...]:
    at_bound = np.abs(_place(prior)) > BOUND - 1e-6
    found = {
        "few_points": points <= len(PARAMETERS),
        "no_association": best.value > one_rate.value - _MORE_THAN_ONE_RATE,
        "not_identified": best.value > gamma.value - _MORE_THAN_ONE_GAMMA,
        **{f"boundary_{name}": bool(there) for name, there in zip(PARAMETERS, at_bound, strict=True)},
        "not_converged": not best.converged,
    }
    return tuple(name for name, holds in found.items() if holds)
