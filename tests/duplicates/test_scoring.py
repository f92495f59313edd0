"""Levels and weights of pairs, worked by hand, and the same numbers by Splink."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from pv import store
from pv.duplicates.bulk import score_bulk
from pv.duplicates.candidates import candidates
from pv.duplicates.comparisons import TESTS
from pv.duplicates.model import Level, Model, contradictions, model, read
from pv.duplicates.records import Shares, records
from pv.duplicates.scoring import Scored, prior_weight, probability, score
from pv.reference import shipped_toml
from tests.duplicates.told import REPORT, crowd, tell, written_otherwise


def _score(connection: Connection, weights: Model, first: int = 1) -> list[Scored]:
    pairs = candidates(connection, "drug", first, weights)
    shares = Shares(connection, "drug", weights)
    compared = records(connection, "drug", {case for pair in pairs for case in pair}, shares)
    return score(weights, shares.reports, compared, pairs)


def _pair(engine: Engine, one: Mapping[str, Any], other: Mapping[str, Any]) -> Scored:
    with store.writing(engine) as connection:
        tell(connection, {"number": "A", **one}, {"number": "B", **other})
        compared = records(connection, "drug", ["A", "B"], Shares(connection, "drug", model()))
        (found,) = score(model(), 2, compared, [("A", "B")])
        connection.rollback()
    return found


def test_the_weight_of_a_pair_is_the_sum_of_what_agrees_and_differs(engine: Engine) -> None:
    """Two reports of one person and event from two hospitals: every number worked from duplicates.toml."""
    found = _pair(engine, {}, {"unit": "第二医院", "outcome": "death"})
    # Both reports of the store have this name and this product: (2 + share × weight) ÷ (2 + weight).
    name, product = (2 + 0.0001 * 20_000) / (2 + 20_000), (2 + 0.02 * 1_000) / (2 + 1_000)
    by_hand = {
        "name": math.log2(0.93 / name),
        "age": math.log2(0.75 / 0.00002),
        "sex": math.log2(0.99 / 0.52),
        "onset": math.log2(0.82 / 0.0015),
        "product": math.log2(0.93 / product),
        "identifier": math.log2(0.95 / 0.6),
        "lot": math.log2(0.85 / 0.08),
        "event": math.log2(0.65 / 0.05),
        "unit": math.log2(0.6 / 0.934999),
        "outcome": math.log2(0.2 / 0.58),
    }
    assert found.weights == pytest.approx(by_hand)
    prior = 2 * 0.01 / 20_000
    total = math.log2(prior / (1 - prior)) + math.fsum(by_hand.values())
    assert found.weight == pytest.approx(total)
    assert found.probability == pytest.approx(2**total / (1 + 2**total))


LEVELS = [
    ("name", {"name": ""}, {}, "unknown"),
    ("name", {}, {"name": "张玮"}, "different"),
    ("age", {"age": 20.0}, {}, "same_birth"),  # the age was mistyped
    ("age", {"birth": "", "age": None}, {}, "unknown"),
    ("age", {"birth": ""}, {"age": 47.0}, "close"),
    ("age", {"birth": ""}, {"age": 47.5}, "near"),
    ("age", {"birth": ""}, {"age": 48.01}, "apart"),
    ("age", {"birth": "1980-06-01"}, {}, "other_birth"),
    ("age", {"birth": "1980-06-01", "age": None}, {}, "other_birth"),
    ("age", {"birth": "1950-06-01", "age": 76.0}, {}, "apart"),
    ("age", {"birth": "", "age": 0.2}, {"age": 0.25}, "close"),
    ("age", {"birth": "", "age": 0.2}, {"age": 0.5}, "near"),
    ("sex", {"sex": "unknown"}, {}, "unknown"),
    ("sex", {"sex": "female"}, {}, "different"),
    ("onset", {"onset": ""}, {}, "unknown"),
    ("onset", {"onset": "2026-09-28"}, {}, "days"),
    ("onset", {"onset": "2026-09-27"}, {}, "weeks"),
    ("onset", {"onset": "2026-10-31"}, {}, "weeks"),
    ("onset", {"onset": "2026-11-01"}, {}, "far"),
    ("product", {"products": []}, {}, "unknown"),
    ("product", {"products": [("头孢", "", "")]}, {}, "other"),
    ("product", {"role": "concomitant"}, {}, "unknown"),
    ("identifier", {"products": [("阿莫西林胶囊", "国药准字H2", "L1")]}, {}, "other"),
    ("identifier", {"products": [("头孢", "国药准字H1", "L1")]}, {}, "unknown"),
    ("lot", {"products": [("阿莫西林胶囊", "", "L2")]}, {}, "other"),
    ("lot", {"products": [("头孢", "", "L1"), ("阿莫西林胶囊", "", "")]}, {}, "other"),
    ("lot", {"products": [("阿莫西林胶囊", "", "")]}, {}, "unknown"),
    *(
        ("identifier", {"products": [("x", one, "")]}, {"products": [("x", other, "")]}, level)
        for one, other, level in (
            ("国药准字H20053456", "批准文号：国药准字（ｈ20053456）", "shared"),
            ("国药准字H20053456", "国药准字Z20053456", "other"),
            ("h1", "H1", "shared"),  # of no known form
        )
    ),
    *(
        ("lot", {"products": [("x", "", *one)]}, {"products": [("x", "", *other)]}, level)
        for one, other, level in (
            (("批号：ａ2101001",), ("A2101001",), "shared"),
            (("2101001、2101002",), ("2101003,2101002",), "shared"),
            (("2101001、2101002",), ("2101003",), "other"),
            (("21-01",), ("2101",), "other"),
            (("不知道",), ("2101001",), "unknown"),
            (("", "(01)06901234567892(10)A2B"), ("a2b",), "shared"),
            (("不知道", "(01)06901234567892(10)A2B"), ("a2c",), "other"),
            (("A2C", "(01)06901234567892(10)A2B"), ("a2b",), "other"),  # what is written counts
        )
    ),
    ("event", {"events": []}, {}, "unknown"),
    ("event", {"events": [("reaction", "皮疹"), ("reaction", "瘙痒")]}, {}, "some"),
    ("event", {"events": [("reaction", "瘙痒")]}, {}, "other"),
    ("unit", {"unit": ""}, {}, "unknown"),
    ("unit", {"record": "7"}, {"record": "7"}, "same_record"),
    ("unit", {"record": "7"}, {"record": "8"}, "other_record"),
    ("unit", {"record": "7"}, {}, "same"),
    ("unit", {"record": "7", "unit": "第二医院"}, {"record": "7"}, "other"),
    ("outcome", {"outcome": "unknown"}, {"outcome": "unknown"}, "unknown"),
    ("outcome", {"outcome": "death"}, {}, "different"),
]


@pytest.mark.parametrize(("comparison", "one", "other", "level"), LEVELS)
@pytest.mark.parametrize("swapped", [False, True])
def test_levels(
    tmp_path_factory: pytest.TempPathFactory, comparison: str, one: Any, other: Any, level: str, swapped: bool
) -> None:
    engine = store.open_store(f"sqlite:///{tmp_path_factory.getbasetemp() / 'levels.sqlite'}")
    found = _pair(engine, other, one) if swapped else _pair(engine, one, other)
    engine.dispose()
    assert found.levels[comparison] == level


def test_renewals_of_a_device_have_one_number(engine: Engine) -> None:
    numbers = ("国械注准20153661234", "国械注准20153141234")
    told = [{"stream": "device", "products": [("国械注准20153··1234", number, "")]} for number in numbers]
    with store.writing(engine) as connection:
        tell(connection, *({"number": name, **one} for name, one in zip("AB", told, strict=True)))
        compared = records(connection, "device", ["A", "B"])
        found = TESTS["identifier"].levels(compared.take([0]), compared.take([1]))
    assert found.tolist() == ["shared"]


def test_every_level_of_the_weights_has_its_test_and_its_words() -> None:
    assert list(TESTS) == [comparison.name for comparison in model().comparisons]
    for comparison in model().comparisons:
        assert set(TESTS[comparison.name].sql) == {level.name for level in comparison.levels}
        assert next(iter(TESTS[comparison.name].sql)) == "unknown"
        assert comparison.level("unknown").weight == 0.0
        for level in comparison.levels:
            assert level.zh
            assert level.en
            assert level.limit in {"", "review", "different"}
    levels = {f"{name}.{level}" for name, test in TESTS.items() for level in test.sql}
    assert model().needs <= levels


def test_shares_that_do_not_sum_to_one_are_refused() -> None:
    data = {**shipped_toml("duplicates")}
    levels = {"unknown": {"zh": "", "en": ""}, "equal": {"zh": "", "en": "", "m": 0.9, "u": 1.0}}
    data["comparison"] = {"sex": {"zh": "性别", "en": "Sex", "levels": levels}}
    with pytest.raises(ValueError, match=r"comparison sex: m of its levels sum to 0\.9"):
        read(data)


def test_probability_and_weight_are_two_ways_to_say_the_same() -> None:
    assert probability(0) == 0.5
    assert probability(-2000) == 0
    assert probability(2000) == 1
    for share in (1e-6, 0.2, 0.95):
        assert probability(prior_weight(share)) == pytest.approx(share)


def test_the_prior_falls_with_the_size_of_the_store() -> None:
    assert model().prior(100) == model().prior(20_000) == pytest.approx(1e-6)
    assert model().prior(1_000_000) == pytest.approx(2e-8)


def test_a_common_name_and_a_common_product_say_less(engine: Engine) -> None:
    """300 of 303 reports have the one name, 302 the one product."""
    rare = [("新药", "", "")]
    with store.writing(engine) as connection:
        tell(connection, *({"number": f"{n}", "name": "王伟"} for n in range(300)), {"number": "x"}, {"number": "y"})
        tell(connection, {"number": "z", "products": [*rare, *REPORT["products"]]})
        shares = Shares(connection, "drug", model())
        compared = records(connection, "drug", ["0", "1", "x", "y", "z"], shares)
    alike, namesakes, both = score(model(), shares.reports, compared, [("x", "y"), ("0", "1"), ("x", "z")])
    assert namesakes.weights["name"] == pytest.approx(math.log2(0.93 * 20_303 / 302))
    assert alike.weights["name"] == pytest.approx(math.log2(0.93 * 20_303 / 5))
    # The commonest of several products counts, be another one ever so rare.
    assert both.weights["product"] == pytest.approx(math.log2(0.93 * 1_303 / 323))


def test_what_limits_a_pair_and_what_two_limits_mean() -> None:
    alike = {one.name: next(level.name for level in one.levels if level.m) for one in model().comparisons}
    assert model().limits(alike) == {}
    assert model().zone(0.99, alike) == "merged"
    assert model().zone(0.94, alike) == "review"
    assert model().zone(0.79, alike) == "different"
    one_limit = alike | {"onset": "weeks"}
    assert model().zone(0.9999, one_limit) == "review"
    assert model().zone(0.9999, alike | {"sex": "different"}) == "different"
    assert model().zone(0.9999, one_limit | {"product": "other"}) == "different"
    nobody = alike | {"name": "unknown", "onset": "unknown", "unit": "other"}
    assert model().limits(nobody) == {"onset.unknown": "review", "needs": "review"}
    assert contradictions(model().limits(nobody)) == []
    assert model().zone(0.9999, nobody) == "review"
    assert model().limits(nobody | {"unit": "same_record", "onset": "same"}) == {}


def test_splink_gives_the_same_levels_and_weights(engine: Engine) -> None:
    """Every candidate pair among 150 reports that have few values and many gaps, by arrays and by Splink."""
    everything = replace(model(), zones={"merged": 0.95, "review": 1e-300})
    with store.writing(engine) as connection:
        tell(connection, *written_otherwise(crowd(150)))
        ours = _score(connection, everything)
        splinks = score_bulk(connection, "drug", 1, everything, Shares(connection, "drug", everything))
    assert len(ours) > 300
    assert [one.pair for one in splinks] == [one.pair for one in ours]
    seen: set[tuple[str, str]] = set()
    for one, other in zip(ours, splinks, strict=True):
        assert one.levels == other.levels
        assert one.weights == pytest.approx(other.weights, abs=1e-9)
        assert one.weight == pytest.approx(other.weight, abs=1e-9)
        assert one.probability == pytest.approx(other.probability, rel=1e-9)
        seen |= set(one.levels.items())
    ruled_out = {("sex", "different"), ("age", "apart")}  # no candidates
    assert seen | ruled_out == {(name, level) for name, test in TESTS.items() for level in test.sql}


def test_a_level_without_shares_says_nothing() -> None:
    assert Level("unknown", "未知", "unknown").weight == 0.0
    assert Level("equal", "相同", "equal", m=0.8, u=0.1).weight == pytest.approx(3.0)
