"""What screens and q-values do to simulated data whose truth is known.

Every trial is one case set made from a seed of its own, and its pairs go through the measures and screens that real
reports go through. The gamma-Poisson prior is fitted to each set anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from bench.synthetic import Shape, from_matrices, incidence
from pv.signals.counts import Bools, Incidence, Ints, PairCounts, incidence_matrix, pair_counts
from pv.signals.false_discovery import benjamini_hochberg
from pv.signals.measures import cells_from_margins
from pv.signals.pair_measures import PairMeasures, significance
from pv.signals.prior import Prior, fit
from pv.signals.prior import cells_from_margins as fitting_cells
from pv.signals.screens import Screen

Q = 0.05
LEAST = 3
Flags = dict[str, Bools]
Random = np.random.Generator


class Judge:
    """Applies screens and q-values to case sets; the prior of one look is where the fit of the next one starts."""

    def __init__(self, screens: Sequence[Screen]) -> None:
        self._screens = screens
        self._prior: Prior | None = None

    @property
    def criteria(self) -> dict[str, str]:
        """What is applied: name and criteria, in the order of the tables."""
        rules = {screen.name: str(screen.rule) for screen in self._screens}
        return rules | {"q_bh": f"q (BH) ≤ {Q:g}", "q_by": f"q (BY) ≤ {Q:g}"}

    def look(self, at: Incidence) -> tuple[PairCounts, Flags]:
        """The pair counts of a set, and for each criterion which pairs meet it."""
        counts = pair_counts(at)
        prior = self._prior = fit(fitting_cells(counts, "zeros"), "zeros", self._prior).prior
        cells = cells_of(counts)
        measures = PairMeasures(cells, {}, lambda: prior, lambda: significance(cells, counts.family))
        met = {screen.name: screen.rule.met(measures) for screen in self._screens}
        return counts, met | {name: measures[name] <= Q for name in ("q_bh", "q_by")}


def cells_of(counts: PairCounts) -> tuple[Ints, Ints, Ints, Ints]:
    """a, b, c, d of every pair."""
    return counts.a, *cells_from_margins(counts.a, counts.n_product, counts.n_event, counts.n)


# --- sets ------------------------------------------------------------------------------------------------------------


def permuted(base: Incidence, random: Random) -> Incidence:
    """Every case keeps its products and gets the events of another: all margins stay, all associations go."""
    return replace(base, E=base.E[random.permutation(base.E.shape[0])])


@dataclass(frozen=True)
class Plant:
    """A pair (codes) that chance would give `expected` times and that is there `strength` times as often."""

    product: int
    event: int
    expected: int
    strength: float


def planted(
    cases: int, seed: int, shape: Shape, expected: Sequence[int], strengths: Sequence[float], each: int
) -> tuple[Incidence, list[Plant]]:
    """An independent set with further products, each of which has one event more often than chance would have it.

    For every expected number and strength there are `each` pairs, all of different products and events. A product is
    on so many random cases that the pair is expected that often by the event's frequency; the event is then added to
    enough of those cases for `strength` times as many on average. Its frequency rises with that, as it does in life.
    """
    plain = incidence(cases, seed, shape)
    random = np.random.default_rng([seed, 2])
    totals = np.bincount(plain.E.indices, minlength=shape.events)
    plants = _plan(totals, shape.products, expected, strengths, each, random)
    of_product, of_event = [], []
    for plant in plants:
        share = totals[plant.event] / cases
        chosen = random.choice(cases, round(plant.expected / share), replace=False)
        without = chosen[plain.E[chosen][:, [plant.event]].toarray()[:, 0] == 0]
        of_product.append(chosen)
        of_event.append(without[random.random(len(without)) < (plant.strength - 1) * share / (1 - share)])
    further = _ones(of_product, list(range(len(plants))), (cases, len(plants)))
    extra = _ones(of_event, [plant.event for plant in plants], (cases, shape.events))
    return from_matrices(csr_array(hstack([plain.D, further], format="csr")), csr_array(plain.E + extra)), plants


def _plan(
    totals: Ints, first: int, expected: Sequence[int], strengths: Sequence[float], each: int, random: Random
) -> list[Plant]:
    """The more cases expected, the more frequent the event; within an expected number strengths fall at random."""
    events = iter(np.argsort(-totals, kind="stable")[3:].tolist())  # the first few are on too many cases to be planted
    cells = [
        (number, strength)
        for number in sorted(expected, reverse=True)
        for strength in random.permutation(np.repeat(np.asarray(strengths, dtype=float), each)).tolist()
    ]
    return [Plant(first + place, next(events), *cell) for place, cell in enumerate(cells)]


def _ones(rows: Sequence[Ints], columns: Sequence[int], shape: tuple[int, int]) -> csr_array:
    """1 in the given column of all the rows that go with it."""
    return incidence_matrix(np.concatenate(rows), np.repeat(columns, list(map(len, rows))), shape)


# --- trials ----------------------------------------------------------------------------------------------------------


def discoveries(sets: Iterator[Incidence]) -> dict[str, NDArray[np.int64]]:
    """How many pairs have q ≤ 5 % in each set: q_bh, q_by, and BH over the observed pairs alone, of p and of mid-P."""
    found: dict[str, list[int]] = {name: [] for name in ("q_bh", "q_by", "observed", "observed_mid")}
    for one in sets:
        counts = pair_counts(one)
        tails = significance(cells_of(counts), counts.family)
        for name in ("q_bh", "q_by"):
            found[name].append(int((tails[name] <= Q).sum()))
        for name, p in (("observed", tails["p"]), ("observed_mid", tails["p_mid"])):
            found[name].append(int((benjamini_hochberg(p, len(p)) <= Q).sum()))
    return {name: np.array(numbers) for name, numbers in found.items()}


@dataclass(frozen=True)
class Year:
    """What 52 weekly looks at one growing set gave, by criterion.

    `new`: pairs that met it at a look but not at the one before the year; `ever`, `last`: pairs with a ≥ 3 at the end
    that met it at any of the looks, and at the last one; `often`: the pairs with a ≥ 3 at the end.
    """

    new: Mapping[str, int]
    ever: Mapping[str, int]
    last: Mapping[str, int]
    often: int


def year(whole: Incidence, judge: Judge, weeks: int = 104, looks: int = 52) -> Year:
    """As many cases arrive in each of the weeks; the last `looks` weeks are looked at, and the week before them."""
    cases = len(whole.counted)
    places = _Places(pair_counts(whole), whole.E.shape[1])
    met: dict[str, list[Bools]] = {name: [] for name in judge.criteria}
    for week in range(weeks - looks, weeks + 1):
        counts, flags = judge.look(_first(whole, cases * week // weeks))
        for name, pairs in flags.items():
            met[name].append(places.spread(counts, pairs))
    often = places.a >= LEAST
    ever = {name: np.any(flags[1:], axis=0) for name, flags in met.items()}
    return Year(
        new={name: int((ever[name] & ~flags[0]).sum()) for name, flags in met.items()},
        ever={name: int((flags & often).sum()) for name, flags in ever.items()},
        last={name: int((flags[-1] & often).sum()) for name, flags in met.items()},
        often=int(often.sum()),
    )


def _first(whole: Incidence, cases: int) -> Incidence:
    return from_matrices(whole.D[:cases], whole.E[:cases])


class _Places:
    """The pairs of the last week, among which those of the weeks before have their places."""

    def __init__(self, last: PairCounts, events: int) -> None:
        self.a, self._events = last.a, events
        self._keys = self._keys_of(last)

    def _keys_of(self, counts: PairCounts) -> Ints:
        keys: Callable[..., Ints] = np.ravel_multi_index
        return keys((counts.product, counts.event), (len(counts.row_totals), self._events))

    def spread(self, counts: PairCounts, flags: Bools) -> Bools:
        there = np.zeros(len(self._keys), dtype=bool)
        there[np.searchsorted(self._keys, self._keys_of(counts))] = flags
        return there
