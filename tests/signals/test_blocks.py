"""Blocks: the same values for any size of block and number of threads, and errors that are not lost."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pv.signals.blocks import ROWS, in_blocks


def sums_and_roots(x, y):
    return {"sum": x + y, "root": np.sqrt(np.abs(x)), "large": x > 5}


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(-9, 9), st.floats(-1e9, 1e9)), max_size=40),
    st.integers(1, 50),
    st.integers(1, 4),
)
def test_the_same_for_any_block_and_any_threads(rows, block, threads):
    x = np.array([row[0] for row in rows], dtype=np.int64)
    y = np.array([row[1] for row in rows], dtype=np.float64)
    whole = sums_and_roots(x, y)
    found = in_blocks(sums_and_roots, [x, y], threads, rows=block)
    assert list(found) == list(whole)
    for name, values in whole.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def test_the_default_block_and_threads():
    x = np.arange(2 * ROWS + 3)
    found = in_blocks(lambda x: {"double": 2 * x}, [x])
    np.testing.assert_array_equal(found["double"], 2 * x)


def test_short_columns_go_straight_through():
    seen = []

    def function(x):
        seen.append((len(x), threading.current_thread()))
        return {"x": x}

    x = np.arange(5)
    assert in_blocks(function, [x], rows=5)["x"] is x
    assert len(in_blocks(function, [x[:0]])["x"]) == 0
    assert seen == [(5, threading.current_thread()), (0, threading.current_thread())]


def test_no_more_rows_at_once_than_asked_for():
    sizes = []

    def function(x):
        sizes.append(len(x))
        return {"x": x}

    in_blocks(function, [np.arange(10)], threads=2, rows=4)
    assert sorted(sizes) == [2, 4, 4]


def test_the_error_state_of_the_caller_holds_in_the_threads():
    x = np.zeros(10)
    with np.errstate(divide="ignore"):
        found = in_blocks(lambda x: {"inverse": 1 / x}, [x], threads=2, rows=2)
    assert np.isinf(found["inverse"]).all()
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        in_blocks(lambda x: {"inverse": 1 / x}, [np.arange(7.0, -1, -1)], threads=2, rows=2)


def test_the_first_block_that_fails_is_heard():
    def function(x):
        if (x >= 4).any():
            raise ValueError(f"from {x[0]}")
        return {"x": x}

    with pytest.raises(ValueError, match=r"^from 4$"):
        in_blocks(function, [np.arange(20)], threads=3, rows=2)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: {"x": x if x[0] == 0 else x[:1]}, r"x: a block of 2 rows gave int64 values of shape \(1,\)"),
        (lambda x: {"x": x if x[0] == 0 else x / 2}, r"x: .*gave float64 values .* the first block int64"),
        (lambda x: {"x": x} if x[0] == 0 else {"y": x}, r"columns \['y'\], the first one \['x'\]"),
        (lambda x: {"x": x[:1]}, r"x: a block of 2 rows gave int64 values of shape \(1,\)"),
    ],
)
def test_blocks_that_do_not_fit_together(function, message):
    with pytest.raises(ValueError, match=message):
        in_blocks(function, [np.arange(6)], rows=2)


def test_columns_of_two_lengths():
    with pytest.raises(ValueError, match=r"of one length, but have \[3, 4\]"):
        in_blocks(sums_and_roots, [np.arange(3), np.arange(4)])
