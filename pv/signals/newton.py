"""Minimum of a function of a few bounded parameters by Newton steps in a trust region."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pv.signals.mixture import Floats

Objective = Callable[[Floats], tuple[float, Floats, Floats]]  # value, gradient and Hessian

_STEPS = 200
_LONGEST = 4.0
_AT_BOUND = 1e-12


@dataclass(frozen=True)
class Minimum:
    """`gain`: what the quadratic model at `place` promises of the best step of length 1 within the bounds."""

    place: Floats
    value: float
    gain: float

    @property
    def converged(self) -> bool:
        """Whether no more is to be gained than 10⁻⁶, or than sums as large as the value are good for."""
        return self.gain <= 1e-6 + 1e-12 * abs(self.value)


def minimise(objective: Objective, start: Floats, low: Floats, high: Floats) -> Minimum:
    """A local minimum of the objective between the bounds, from `start`.

    Each step minimises the quadratic model made of gradient and Hessian within a radius, which grows where the model
    foretells the value well and shrinks where it does not (Moré and Sorensen 1983). A parameter at its bound stays
    there as long as a step would leave. The last step is the one that promised next to nothing.
    """
    place = np.clip(start, low, high)
    value, gradient, hessian = objective(place)
    radius = 1.0
    for _ in range(_STEPS):
        step = _step(place, gradient, hessian, low, high, radius)
        last = _gain(step, gradient, hessian) <= 1e-9 + 1e-13 * abs(value)
        step = _cut_short(step, place, low, high)
        gain = _gain(step, gradient, hessian)
        there = objective(np.clip(place + step, low, high))
        fall = value - there[0]
        if fall < 0.25 * gain:
            radius = math.hypot(*step) / 4
        elif fall > 0.75 * gain and math.hypot(*step) > 0.9 * radius:
            radius = min(2 * radius, _LONGEST)
        if fall > 0.1 * gain or (last and fall >= 0):
            place, (value, gradient, hessian) = np.clip(place + step, low, high), there
        if last:
            break
    return Minimum(place, value, _gain(_step(place, gradient, hessian, low, high, 1.0), gradient, hessian))


def _gain(step: Floats, gradient: Floats, hessian: Floats) -> float:
    """What the step gains by the model."""
    return -float(gradient @ step + step @ hessian @ step / 2)


def _step(place: Floats, gradient: Floats, hessian: Floats, low: Floats, high: Floats, radius: float) -> Floats:
    """The model's best step of those parameters that are not held at their bounds."""
    free = np.ones(len(place), dtype=bool)
    step = np.zeros(len(place))
    while True:
        step[:] = 0.0
        step[free] = _within(gradient[free], hessian[free][:, free], radius)
        leaving = ((place <= low + _AT_BOUND) & (step < 0)) | ((place >= high - _AT_BOUND) & (step > 0))
        if not leaving.any():
            return step
        pushed = leaving & (gradient * step < 0)
        if pushed.any():
            free &= ~pushed
        else:  # its own slope leads inwards, so that it may be needed: the flattest alone is held
            free[np.argmin(np.where(leaving, np.abs(gradient), np.inf))] = False


def _cut_short(step: Floats, place: Floats, low: Floats, high: Floats) -> Floats:
    """The step as far as the first bound."""
    room = np.where(step < 0, low - place, high - place)
    reach = np.divide(room, step, out=np.ones(len(step)), where=step != 0)
    return step * min(1.0, float(reach.min()))


def _within(gradient: Floats, hessian: Floats, radius: float) -> Floats:
    """The step of at most that length which minimises gᵀs + sᵀHs/2: (H + μ) s = -g with the least μ that does."""
    curvature, axes = np.linalg.eigh(hessian)
    slope = axes.T @ gradient
    bend, steep = curvature.tolist(), slope.tolist()

    def length(mu: float) -> float:
        return math.hypot(*(g / (b + mu) for g, b in zip(steep, bend, strict=True)))

    # From here on H + μ is positive; and from `over` on the step is short enough.
    least = max(0.0, -min(bend, default=0.0)) + 1e-12 * max(map(abs, bend), default=0.0) + 1e-100
    mu = least
    if length(least) > radius:
        under, over = math.log(least), math.log(least + math.hypot(*steep) / radius)
        for _ in range(20):
            middle = (under + over) / 2
            under, over = (middle, over) if length(math.exp(middle)) > radius else (under, middle)
        mu = math.exp(over)
    return np.asarray(-axes @ (slope / (curvature + mu)))
