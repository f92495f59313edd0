"""Trials on simulated reports whose truth is known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import hypergeom
from statsmodels.stats.multitest import multipletests

from bench import trials
from bench.synthetic import Shape, incidence
from bench.trials import Judge, cells_of, discoveries, permuted, planted, year
from pv.signals.counts import Incidence, pair_counts
from pv.signals.screens import load_screens

SMALL = Shape(products=12, products_a_case=1.5, events=9, events_a_case=1.8, groups=3, own=0.5)
CLOSED = [screen for screen in load_screens() if screen.name in ("evans", "ror", "ic")]


def rows_of(matrix) -> list[tuple[int, ...]]:
    return [tuple(matrix.indices[i:j].tolist()) for i, j in zip(matrix.indptr, matrix.indptr[1:], strict=False)]


def test_permuting_hands_whole_sets_of_events_to_other_cases() -> None:
    base = incidence(300, 1, SMALL)
    other = permuted(base, np.random.default_rng(1))
    assert rows_of(other.D) == rows_of(base.D)
    assert rows_of(other.E) != rows_of(base.E)
    assert Counter(rows_of(other.E)) == Counter(rows_of(base.E))


def test_planted_pairs_are_there_as_often_as_said() -> None:
    """E = 10 and × 4: 40 cases on average; the mean of 40 such pairs has a standard error of about 1."""
    shape = Shape(products=30, products_a_case=1.2, events=40, events_a_case=1.5)
    seen: dict[tuple[int, float], list[int]] = {}
    for seed in range(10):
        cases, plants = planted(4_000, seed, shape, expected=(3, 10), strengths=(1.0, 4.0), each=4)
        assert len({plant.product for plant in plants}) == len({plant.event for plant in plants}) == len(plants) == 16
        assert (cases.E.data == 1).all()
        table = (cases.D.T @ cases.E).toarray()
        for plant in plants:
            seen.setdefault((plant.expected, plant.strength), []).append(int(table[plant.product, plant.event]))
    assert {cell: len(numbers) for cell, numbers in seen.items()} == dict.fromkeys(seen, 40)
    for (expected, strength), numbers in seen.items():
        assert np.mean(numbers) == pytest.approx(expected * strength, abs=5 * np.sqrt(expected * strength / 40))


def test_planting_leaves_the_other_products_alone() -> None:
    shape = Shape(products=30, products_a_case=1.2, events=40, events_a_case=1.5)
    cases, plants = planted(1_000, 1, shape, expected=(3,), strengths=(2.0,), each=2)
    plain = incidence(1_000, 1, shape)
    assert cases.D.shape == (1_000, 32)
    assert rows_of(cases.D[:, :30].tocsr()) == rows_of(plain.D)
    of_planted = {plant.event for plant in plants}
    others = [event for event in range(40) if event not in of_planted]
    assert (cases.E[:, others] != plain.E[:, others]).nnz == 0


def test_discoveries_are_those_of_statsmodels() -> None:
    """Over the whole family by adding p = 1 for every pair that was never reported."""
    sets = [incidence(250, seed, SMALL) for seed in range(3)]
    found = discoveries(iter(sets))
    for number, one in enumerate(sets):
        counts = pair_counts(one)
        a, b, c, d = cells_of(counts)
        p = hypergeom.sf(a - 1, a + b + c + d, a + c, a + b)
        family = np.concatenate([p, np.ones(counts.family - len(p))])
        assert counts.family > len(p)
        for name, method, values in (
            ("q_bh", "fdr_bh", family),
            ("q_by", "fdr_by", family),
            ("observed", "fdr_bh", p),
        ):
            assert found[name][number] == multipletests(values, 0.05, method)[0].sum()
    assert found["q_by"].sum() <= found["q_bh"].sum() <= found["observed"].sum() <= found["observed_mid"].sum()
    assert found["q_bh"].sum() > 0


def year_by_hand(whole: Incidence, judge: Judge, weeks: int, looks: int) -> dict[str, tuple[int, int, int]]:
    """new, ever and last of each criterion, from sets of pairs."""
    cases = len(whole.counted)
    met = []
    for week in range(weeks - looks, weeks + 1):
        size = cases * week // weeks
        counts, flags = judge.look(trials.from_matrices(whole.D[:size], whole.E[:size]))
        pairs = list(zip(counts.product.tolist(), counts.event.tolist(), strict=True))
        met.append({name: {pairs[i] for i in np.flatnonzero(flag)} for name, flag in flags.items()})
    often = {pair for pair, a in zip(pairs, counts.a, strict=True) if a >= 3}
    result = {}
    for name in judge.criteria:
        ever = set().union(*(week[name] for week in met[1:]))
        result[name] = (len(ever - met[0][name]), len(ever & often), len(met[-1][name] & often))
    return result


def test_a_year_by_hand() -> None:
    whole = incidence(600, 1, SMALL)
    result = year(whole, Judge(CLOSED), weeks=12, looks=6)
    by_hand = year_by_hand(whole, Judge(CLOSED), weeks=12, looks=6)
    assert {name: (result.new[name], result.ever[name], result.last[name]) for name in by_hand} == by_hand
    assert result.often == int((pair_counts(whole).a >= 3).sum())
    assert by_hand["ror"][0] > 0
    assert by_hand["ror"][1] > by_hand["ror"][2] > 0
