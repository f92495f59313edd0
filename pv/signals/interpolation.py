"""A function of (place, log x) that is smooth in log x, interpolated where many x of one place are close together.

The line of log x is cut into stretches. On one where a place has many x, the function is computed at Chebyshev's
nodes and, to see how good the polynomial through them is, at points between the nodes. A stretch whose polynomial is
off by more than 10⁻¹³ at any of these is cut in halves; what remains bad at the end, or has too few x, is left to be
computed one by one. The ends of the stretches are fixed, so that a polynomial depends on nothing but the function.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial.chebyshev import cheb2poly

from pv.signals.blocks import ROWS, Columns, in_blocks
from pv.signals.mixture import Floats, Ints

Function = Callable[[Ints, Floats], Floats]  # places and log x, one value a row

_ACCURATE = 1e-13
_SHORTEST, _HALVINGS = 1 / 16, 3  # so that the longest stretch is ½
_LONGEST = 2**_HALVINGS  # in shortest ones
_WORTH = 40  # x from which a polynomial pays, which takes 17 values of the function
_MOST = 2**24  # shortest stretches of all places, of 12 bytes each

_DEGREE = 11
_ORDERS = np.arange(_DEGREE + 1)
_ANGLES = np.pi * (_ORDERS + 0.5) / (_DEGREE + 1)
_NODES = np.cos(_ANGLES)
_BETWEEN = np.cos(np.pi * np.array([0, 3, 6, 9, 12]) / (_DEGREE + 1))  # the error is largest about here
# From values at the nodes to coefficients of Chebyshev polynomials, and from those to coefficients of powers. In one
# matrix these would lose three digits, since the latter are up to 2^10 times the former.
_TO_CHEBYSHEV = np.cos(np.outer(_ANGLES, _ORDERS)) * np.where(_ORDERS == 0, 1, 2) / (_DEGREE + 1)
_TO_POWERS = np.array([np.pad(cheb2poly(row[: n + 1]), (0, _DEGREE - n)) for n, row in enumerate(np.eye(_DEGREE + 1))])


class Crowds:
    """How many x each place has on each of the shortest stretches of log x."""

    def __init__(self, places: Ints, x: Floats) -> None:
        """`places`: whole numbers from 0, as `distinct` gives them; `x`: above 0."""
        often = np.bincount(places) >= _WORTH
        self._row = np.where(often, np.cumsum(often) - 1, -1)
        self.places = np.flatnonzero(often)
        low, high = (float(np.log(end)) for end in (x.min(initial=1.0), x.max(initial=1.0)))
        self.first = int(np.floor(low / _SHORTEST / _LONGEST)) * _LONGEST
        self.width = (int(np.floor(high / _SHORTEST / _LONGEST)) + 1) * _LONGEST - self.first
        if len(self.places) * self.width > _MOST:
            self._row[:], self.places = -1, self.places[:0]
        counts = np.zeros(len(self.places) * self.width, dtype=np.int32)
        for start in range(0, len(x), ROWS):
            stretch = self.stretch(places[start : start + ROWS], np.log(x[start : start + ROWS]))
            np.add.at(counts, stretch[stretch >= 0], 1)
        self.counts = counts.reshape(len(self.places), self.width)

    def stretch(self, places: Ints, log_x: Floats) -> Ints:
        """Place in the flat `counts`; -1 if the place has too few x altogether."""
        row = self._row[places]
        along = np.floor(log_x * (1 / _SHORTEST)).astype(np.int64) - self.first
        return np.where(row < 0, -1, row * self.width + along)


class Interpolation:
    """The function's polynomials on the stretches that are worth it."""

    def __init__(self, function: Function, crowds: Crowds) -> None:
        self._crowds = crowds
        index = np.full(crowds.counts.shape, -1, dtype=np.int32)
        middles, halves, coefficients = [np.empty(0)], [np.empty(0)], [np.empty((0, _DEGREE + 1))]
        for halving in range(_HALVINGS + 1):
            size = _LONGEST >> halving
            shape = (len(index), crowds.width // size, size)
            known = index.reshape(shape)  # a view: what is set here is set there
            row, along = np.nonzero((crowds.counts.reshape(shape).sum(axis=2) >= _WORTH) & (known[:, :, 0] < 0))
            half = size * _SHORTEST / 2
            middle = (crowds.first + (along + 0.5) * size) * _SHORTEST
            good, powers = _polynomials(function, crowds.places[row], middle, half)
            known[row[good], along[good]] = (np.arange(good.sum()) + sum(map(len, middles)))[:, None]
            middles.append(middle[good])
            halves.append(np.full(good.sum(), half))
            coefficients.append(powers[good])
        self._index = index.ravel()
        self._middle, self._scale = np.concatenate(middles), 1 / np.concatenate(halves)
        self._powers = np.ascontiguousarray(np.concatenate(coefficients).T)

    def __call__(self, places: Ints, log_x: Floats) -> Floats:
        """The function, NaN where it is not interpolated."""
        value = np.full(len(places), np.nan)
        if not self._powers.size:
            return value
        stretch = self._crowds.stretch(places, log_x)
        number = np.where(stretch < 0, -1, self._index[stretch])
        rows = np.flatnonzero(number >= 0)
        number = number[rows]
        t = (log_x[rows] - self._middle[number]) * self._scale[number]
        total = self._powers[-1][number]
        for powers in self._powers[-2::-1]:
            total *= t
            total += powers[number]
        value[rows] = total
        return value


def _polynomials(function: Function, places: Ints, middle: Floats, half: float) -> tuple[Floats, Floats]:
    """Which of the stretches have a good polynomial, and coefficients of the powers (stretches × powers) of all."""
    t = np.concatenate([_NODES, _BETWEEN])

    def values(place: Ints, log_x: Floats) -> Columns:
        return {"value": function(place, log_x)}

    log_x = (middle[:, None] + half * t).ravel()
    found = in_blocks(values, [np.repeat(places, len(t)), log_x])["value"].reshape(-1, len(t))
    nodes, between = found[:, : len(_NODES)], found[:, len(_NODES) :]
    # einsum and not a BLAS, which could round otherwise with another number of rows or threads
    chebyshev = np.einsum("ij,jk->ik", nodes, _TO_CHEBYSHEV)
    powers = np.einsum("ij,jk->ik", chebyshev, _TO_POWERS)
    error = np.abs(np.einsum("ij,jk->ik", powers, _BETWEEN ** _ORDERS[:, None]) - between)
    return (error <= _ACCURATE).all(axis=1), powers
