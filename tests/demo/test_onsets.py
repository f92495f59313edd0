"""Times from the first use to the onset, read from the files."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pv.demo.dice import Dice
from pv.demo.onsets import Onset
from tests.demo.demo_files import EVENTS, KEYS, STREAMS, City, Line, day, left_out, narrow, terms

FIRST_USE = {"drug": "用药开始时间", "device": "器械使用日期", "cosmetic": "开始使用日期"}
USUAL = {"drug": 3.0, "device": 2.0, "cosmetic": 9.0}  # mean days of the exponential times


def _rows(city: City, stream: str) -> list[Line]:
    """Rows of the last versions that count, with a product that counts and both dates."""
    dated = [line for rows in city.last.values() for line in rows if line.stream == stream and not left_out(rows[0])]
    dated = [line for line in dated if line["怀疑/并用"] != "并用"]
    return [line for line in dated if day(line[FIRST_USE[stream]]) and day(line[KEYS[stream][6]])]


def _days(line: Line) -> int:
    return (day(line[KEYS[line.stream][6]]) - day(line[FIRST_USE[line.stream]])).days


def _is_of(line: Line, entry: dict[str, str]) -> bool:
    name = narrow(line["通用名称"]) or f"{line['注册证编号/曾用注册证编号']} {line['产品名称']}".strip()
    number = line["特殊化妆品注册证书编号/普通化妆品备案编号"]
    name = f"{number} {line['化妆品名称']}" if number else name
    return name == entry["product"] and entry["event"] in terms(line[EVENTS[entry["kind"]]])


@pytest.mark.parametrize(("shape", "scale"), [(0.5, 2.0), (3.0, 28.0)])
def test_planted_times_are_weibull_in_whole_days(shape: float, scale: float) -> None:
    onset = Onset("drug", "reaction", "generic", "x", "y", shape, scale, "x")
    assert onset.pattern == ("early" if shape < 1 else "late")
    days = np.array([onset.days(Dice(1, n, block=1)) for n in range(3000)])
    for at in (0, 1, 5, 20, 30):
        expected = stats.weibull_min(shape, scale=scale).cdf(at + 1)
        assert (days <= at).mean() == pytest.approx(expected, abs=0.03)  # three standard errors


def test_pairs_with_an_early_and_a_late_onset_are_as_the_truth_says(city: City) -> None:
    """Per pattern, all pairs together: the planted distribution explains the times better than the usual one."""
    gained = {"early": 0.0, "late": 0.0}
    for entry in city.truth["onsets"]:
        lines = [line for line in _rows(city, entry["stream"]) if _is_of(line, entry)]
        assert len(lines) >= entry["a"] > 0  # copies of a report are one case
        assert entry["pattern"] == ("early" if entry["shape"] < 1 else "late")
        planted = stats.weibull_min(entry["shape"], scale=entry["scale"])
        usual = stats.expon(scale=USUAL[entry["stream"]])
        days = np.array([_days(line) for line in lines])
        chances = [known.cdf(days + 1) - known.cdf(days) for known in (planted, usual)]
        gained[entry["pattern"]] += float(np.log(chances[0] / chances[1]).sum())
    assert gained["early"] > 2
    assert gained["late"] > 20


@pytest.mark.parametrize("stream", STREAMS)
def test_other_products_start_an_exponential_time_before_the_onset(city: City, stream: str) -> None:
    planted = [entry for entry in city.truth["onsets"] if entry["stream"] == stream]
    warned = {entry["case"] for entry in city.truth["broken"] if "use_after_onset" in entry["reasons"]}
    rows = [line for line in _rows(city, stream) if line.case not in warned]
    days = np.array([_days(line) for line in rows if not any(_is_of(line, entry) for entry in planted)])
    assert days.min() == 0
    expected = 1 / np.expm1(1 / USUAL[stream])  # of an exponential time rounded down
    assert days.mean() == pytest.approx(expected, rel=4 / np.sqrt(len(days)))
