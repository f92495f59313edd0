"""Seeded draws and the seasons."""

from __future__ import annotations

from collections import Counter

import pytest

from pv.demo.dice import Dice, Weighted
from pv.demo.seasons import season
from pv.week import Week, weeks_between


def test_a_seed_gives_the_same_draws() -> None:
    one, other = Dice(7, 1), Dice(7, 1)
    assert [one.below(100) for _ in range(50)] == [other.below(100) for _ in range(50)]
    assert Dice(7, 1).uniform() != Dice(7, 2).uniform()


def test_draws_stay_in_their_bounds() -> None:
    dice = Dice(1)
    assert {dice.between(3, 5) for _ in range(200)} == {3, 4, 5}
    assert sorted(dice.sample("abc", 5)) == ["a", "b", "c"]
    assert max(dice.days(50, 9) for _ in range(200)) == 9


def test_weights_are_shares() -> None:
    dice, coin = Dice(2), Weighted({"a": 3.0, "b": 1.0})
    assert coin.share == {"a": 0.75, "b": 0.25}
    drawn = Counter(coin.draw(dice) for _ in range(4000))
    assert drawn["a"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_a_year_has_its_festival_and_its_rush_and_is_ordinary_on_average() -> None:
    year = weeks_between(Week.parse("2025-W01"), Week.parse("2025-W52"))
    factors = {str(week): season(week) for week in year}
    assert min(factors, key=lambda week: factors[week]) == "2025-W05"  # 29 January 2025
    assert factors["2025-W51"] > 1.2
    assert factors["2025-W40"] < 0.6  # 1 October
    assert sum(factors.values()) / len(factors) == pytest.approx(1, abs=0.04)
