"""Interpolation: as good as promised, silent where it cannot be, and no other for other company."""

import numpy as np
import pytest

from pv.signals import interpolation
from pv.signals.interpolation import Crowds, Interpolation


def smooth(places, log_x):
    return (places + 1) * np.log1p(np.exp(log_x)) + np.sin(log_x)


def crowd(seed=1, size=20_000):
    random = np.random.default_rng(seed)
    return random.integers(0, 3, size), np.exp(random.normal(-1, 2, size))


def test_crowded_stretches_are_interpolated_to_the_accuracy_promised():
    places, x = crowd()
    found = Interpolation(smooth, Crowds(places, x))(places, np.log(x))
    there = ~np.isnan(found)
    assert 0.95 < there.mean() < 1
    assert np.abs(found[there] - smooth(places, np.log(x))[there]).max() < 2e-13


def test_a_kink_is_not_interpolated_but_what_is_beside_it_is():
    places, x = crowd()

    def kinked(places, log_x):
        return smooth(places, log_x) + np.abs(log_x + 0.7)

    found = Interpolation(kinked, Crowds(places, x))(places, np.log(x))
    near = np.abs(np.log(x) + 0.7) < 0.001
    assert np.isnan(found[near]).all()
    beside = (np.abs(np.log(x) + 0.7) > 0.07) & (np.abs(np.log(x) + 0.7) < 0.4)
    assert np.isnan(found[beside]).mean() < 0.01
    there = ~np.isnan(found)
    assert np.abs(found - kinked(places, np.log(x)))[there].max() < 2e-13


def test_few_values_are_left_alone():
    places, x = np.repeat([0, 1, 2], 39), np.full(117, 0.5)
    found = Interpolation(smooth, Crowds(places, x))
    assert np.isnan(found(places, np.log(x))).all()
    assert np.isnan(found(np.array([1]), np.array([40.0]))).all()
    assert len(Interpolation(smooth, Crowds(places[:0], x[:0]))(places[:0], x[:0])) == 0


def test_a_value_does_not_depend_on_the_others():
    places, x = crowd()
    more = np.concatenate([places, crowd(2, 500)[0]]), np.concatenate([x, crowd(2, 500)[1] * 1e-6])
    some, all_ = (Interpolation(smooth, Crowds(*given))(places, np.log(x)) for given in ((places, x), more))
    both = ~np.isnan(some) & ~np.isnan(all_)
    assert both.mean() > 0.95
    assert (some[both] == all_[both]).all()


def test_a_range_too_wide_for_a_table_is_left_alone(monkeypatch):
    monkeypatch.setattr(interpolation, "_MOST", 100)
    places, x = crowd()
    assert np.isnan(Interpolation(smooth, Crowds(places, x))(places, np.log(x))).all()


def test_worth_is_decided_by_the_crowd():
    places, x = np.zeros(100, dtype=np.int64), np.exp(np.linspace(0.01, 0.05, 100))
    found = Interpolation(smooth, Crowds(places, x))
    assert found(np.array([0]), np.array([0.03])) == pytest.approx(smooth(0, 0.03), abs=1e-13)
