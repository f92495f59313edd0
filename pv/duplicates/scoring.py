"""The match weight of pairs of reports, with what each comparison adds to it (Fellegi and Sunter 1969).

    weight = log2(prior / (1 − prior)) + Σ log2(m / u),   probability = 2^weight / (1 + 2^weight)

For the few pairs of a weekly file; those of a large one are scored by Splink (`bulk.py`), to the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pv.duplicates.comparisons import TESTS, Side
from pv.duplicates.decisions import Pair
from pv.duplicates.model import Comparison, Model
from pv.duplicates.records import Array, Records


@dataclass(frozen=True)
class Scored:
    """A pair (smaller number first) with its level and weight at each comparison."""

    pair: Pair
    weight: float
    probability: float
    levels: Mapping[str, str]
    weights: Mapping[str, float]


def prior_weight(prior: float) -> float:
    return math.log2(prior / (1 - prior))


def probability(weight: float) -> float:
    """2^weight / (1 + 2^weight)."""
    return 1 / (1 + math.exp2(-weight)) if weight >= 0 else math.exp2(weight) / (1 + math.exp2(weight))


def score(model: Model, reports: int, compared: Records, pairs: Sequence[Pair]) -> list[Scored]:
    """Every pair of which both reports are among the records, in the order given."""
    place = compared.place()
    known = [pair for pair in pairs if pair[0] in place and pair[1] in place]
    if not known:
        return []
    left = compared.take([place[one] for one, _ in known])
    right = compared.take([place[other] for _, other in known])
    levels = {comparison.name: TESTS[comparison.name].levels(left, right) for comparison in model.comparisons}
    weights = {
        comparison.name: _weights(comparison, levels[comparison.name], left, right) for comparison in model.comparisons
    }
    total = prior_weight(model.prior(reports)) + np.sum(list(weights.values()), axis=0)
    names = list(levels)
    return [
        Scored(
            pair, weight, probability(weight), dict(zip(names, at, strict=True)), dict(zip(names, adds, strict=True))
        )
        for pair, weight, at, adds in zip(
            known,
            total.tolist(),
            zip(*(column.tolist() for column in levels.values()), strict=True),
            zip(*(column.tolist() for column in weights.values()), strict=True),
            strict=True,
        )
    ]


def _weights(comparison: Comparison, levels: Array, left: Side, right: Side) -> Array:
    weights = np.zeros(len(levels))
    for level in comparison.levels:
        here = levels == level.name
        if level.frequency and here.any():
            column = f"{level.frequency}_share"
            weights[here] = np.log2(level.m / np.maximum(left[column][here], right[column][here]))
        else:
            weights[here] = level.weight
    return weights
