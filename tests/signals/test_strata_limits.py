"""Exact limits of unbounded odds ratios over strata."""

import numpy as np
import pytest
from exact_limits import exact_by_root

from pv.signals import measures
from pv.signals.strata_limits import exact_low


def test_exact_limits_of_one_table_and_of_several():
    tables = [(3, 0, 4, 90), (30, 0, 500, 9000), (2, 9, 0, 700), (5, 0, 0, 0), (0, 0, 7, 9)]
    cells = np.array(tables, dtype=float).T
    low = exact_low(cells, np.array([0, 1, 1, 2, 2]), 4)
    assert low[0] == pytest.approx(measures.exact_low([3], [0], [4], [90])[0], rel=1e-12)
    assert low[1] == pytest.approx(exact_by_root(tables[1:3]), rel=1e-9)
    assert low[2:].tolist() == [0, 0]
    # The strata join, and a pair does not depend on the others.
    assert low[1] > max(exact_by_root(tables[1:2]), exact_by_root(tables[2:3]))
    assert exact_low(cells[:, 1:3], np.array([0, 0]), 1)[0] == low[1]
