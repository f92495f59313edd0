"""Seeded draws. Every random choice of the demo goes through a Dice, so that a seed gives the same bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class Dice:
    """Uniform numbers of a NumPy generator, fetched in blocks: single draws cost ten times as much."""

    def __init__(self, *seed: int, block: int = 4096) -> None:
        self._generator = np.random.default_rng(seed)
        self._block = block
        self._left: list[float] = []

    def uniform(self) -> float:
        """A number in [0, 1)."""
        if not self._left:
            self._left = self._generator.random(self._block).tolist()
        return self._left.pop()

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def below(self, upper: int) -> int:
        """An integer from 0 to upper − 1."""
        return int(self.uniform() * upper)

    def between(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + self.below(high - low + 1)

    def pick(self, values: Sequence[T]) -> T:
        return values[self.below(len(values))]

    def sample(self, values: Sequence[T], size: int) -> list[T]:
        """Distinct members, at most all of them."""
        left = list(values)
        return [left.pop(self.below(len(left))) for _ in range(min(size, len(left)))]

    def poisson(self, mean: float) -> int:
        return int(self._generator.poisson(mean))

    def days(self, mean: float, longest: int) -> int:
        """An exponential waiting time in whole days, cut off at `longest`."""
        return min(longest, int(self._generator.exponential(mean)))


class Weighted(Generic[T]):
    """Values drawn in proportion to their weights."""

    def __init__(self, weights: Mapping[T, float]) -> None:
        total = sum(weights.values())
        self.share: dict[T, float] = {value: weight / total for value, weight in weights.items()}
        self._values = list(self.share)
        self._cumulative = list(accumulate(self.share.values()))

    def draw(self, dice: Dice) -> T:
        place = bisect_right(self._cumulative, dice.uniform())
        return self._values[min(place, len(self._values) - 1)]
