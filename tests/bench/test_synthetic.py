"""The case sets that benchmarks and trials are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.backfill import view
from bench.synthetic import CITY, EXPONENT, NATIONAL, Shape, incidence, weights
from pv.signals.counts import Incidence, pair_counts

SMALL = Shape(products=8, products_a_case=1.5, events=5, events_a_case=2.0)


@pytest.mark.parametrize("shape", [NATIONAL, CITY, SMALL])
def test_every_case_has_distinct_products_and_events(shape: Shape) -> None:
    made = incidence(2_000, 3, shape)
    assert made.D.shape == (2_000, shape.products)
    assert made.E.shape == (2_000, shape.events)
    assert made.counted.all()
    for matrix in (made.D, made.E):
        assert np.diff(matrix.indptr).min() >= 1
        assert (matrix.data == 1).all()
        rows = np.repeat(np.arange(2_000), np.diff(matrix.indptr))
        assert (np.diff(rows * matrix.shape[1] + matrix.indices) > 0).all()


def test_same_seed_same_set_other_seed_another_one() -> None:
    one, same, other = incidence(500, 1, SMALL), incidence(500, 1, SMALL), incidence(500, 2, SMALL)
    for name in ("indptr", "indices"):
        assert np.array_equal(getattr(one.D, name), getattr(same.D, name))
        assert np.array_equal(getattr(one.E, name), getattr(same.E, name))
    assert not np.array_equal(one.E.indices, other.E.indices)


def test_blocks_do_not_repeat_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.synthetic._AT_ONCE", 300)
    made = incidence(1_000, 1, CITY)
    assert made.D.shape[0] == 1_000
    assert np.diff(made.D.indptr).min() >= 1
    first, second = made.D[:300], made.D[300:600]
    assert not np.array_equal(first.indices[:100], second.indices[:100])


def test_weights_fall_with_the_rank() -> None:
    shares = weights(4)
    raw = [1, 2**-EXPONENT, 3**-EXPONENT, 4**-EXPONENT]
    assert shares == pytest.approx([value / sum(raw) for value in raw], rel=1e-14)


def test_numbers_are_those_described() -> None:
    """1.5 products and 1.8 events a report are drawn; the most frequent product is on 1 - (1 - w) e^(-w/2) of them."""
    made = incidence(20_000, 1, CITY)
    w = weights(400)
    assert made.D.nnz / 20_000 == pytest.approx((1 - (1 - w) * np.exp(-0.5 * w)).sum(), rel=0.01)
    w = weights(300)
    assert made.E.nnz / 20_000 == pytest.approx((1 - (1 - w) * np.exp(-0.8 * w)).sum(), rel=0.01)
    assert np.bincount(made.E.indices).max() / 20_000 == pytest.approx(1 - (1 - w[0]) * np.exp(-0.8 * w[0]), rel=0.03)


def test_groups_bring_associations() -> None:
    """Against chance within two standard errors about 5 % of the pairs stand out without groups, many with."""
    share = []
    for shape in (SMALL, replace(SMALL, groups=2, own=0.5)):
        counts = pair_counts(incidence(20_000, 1, shape))
        expected = counts.n_product * counts.n_event / counts.n
        share.append((abs(counts.a - expected) > 2 * np.sqrt(expected)).mean())
    assert share[0] < 0.15
    assert share[1] > 0.3


def test_the_stream_of_the_backfill_holds_the_same_pairs() -> None:
    made = incidence(400, 1, SMALL)
    stream = view(made, 4)
    again = Incidence.of(400, stream.products[["segment", "generic"]], stream.events[["segment", "event"]])
    for name in ("product", "event", "a"):
        assert np.array_equal(getattr(pair_counts(made), name), getattr(pair_counts(again), name))
    assert stream.cases["start"].value_counts().tolist() == [100] * 4
    assert (stream.cases["start"] == stream.cases["received"]).all()
