from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pv.rendering.charts import axis, bars, interval_chart

NUMBER = st.floats(0, 1e7, allow_nan=False)


@given(value=NUMBER, low=NUMBER, high=st.one_of(NUMBER, st.just(math.inf)), scale=st.floats(0.1, 1e7), mark=NUMBER)
def test_nothing_is_drawn_outside(value: float, low: float, high: float, scale: float, mark: float) -> None:
    drawing = interval_chart(value, low, high, scale, "label", marks=[mark], peers=value)
    root = ET.fromstring(str(drawing))  # noqa: S314 - our own drawing
    places = [float(e.get(name, "0")) for e in root.iter() for name in ("cx", "x1", "x2") if e.get(name)]
    assert all(0 <= place <= 212 for place in places)


def test_places_on_the_axis() -> None:
    root = ET.fromstring(str(interval_chart(50, 25, 75, 100, "half")))  # noqa: S314 - our own drawing
    circle = next(e for e in root.iter() if e.tag == "circle")
    assert circle.get("cx") == "106.0"
    whisker = [e for e in root.iter() if e.get("stroke-width") == "2"]
    assert (whisker[0].get("x1"), whisker[0].get("x2")) == ("56.0", "156.0")
    assert root.get("aria-label") == "half"


def test_an_interval_that_runs_off_ends_in_an_arrow() -> None:
    assert "<path" in interval_chart(50, 25, math.inf, 100, "")
    assert "<path" not in interval_chart(50, 25, 100, 100, "")


def test_without_a_value_there_is_no_dot() -> None:
    assert "<circle" not in interval_chart(math.nan, math.nan, math.nan, 100, "")


def test_labels_are_escaped() -> None:
    drawing = interval_chart(1, 0, 2, 3, '"><script>alert(1)</script>')
    assert "<script" not in drawing
    assert ET.fromstring(str(drawing)).get("aria-label") == '"><script>alert(1)</script>'  # noqa: S314


def test_axis_ends_at_the_scale() -> None:
    texts = [e.text for e in ET.fromstring(str(axis(1000))).iter() if e.tag == "text"]  # noqa: S314
    assert texts == ["0", "250", "500", "750", "1,000"]


@pytest.mark.parametrize("values", [(), (0, 0), (3, 0, 1)])
def test_a_bar_for_each_week(values: tuple[int, ...]) -> None:
    root = ET.fromstring(str(bars(values, "weeks")))  # noqa: S314 - our own drawing
    heights = [float(e.get("height", "")) for e in root.iter() if e.tag == "rect"]
    assert heights == [24 * value / max(values) if max(values) else 0 for value in values]
