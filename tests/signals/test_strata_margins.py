"""Margins in strata: expected counts of cells that hold a single case among millions."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from pv.signals.strata_margins import PlainMargins, SparseMargins, margins

SIZE = np.array([20_000_000.0, 3.0])
OF_PRODUCT = np.array([[6_000_000.0, 0.0], [1.0, 3.0], [0.0, 1.0]])
OF_EVENT = np.array([[1.0, 9_000_001.0, 0.0], [0.0, 1.0, 3.0]])


@pytest.mark.parametrize("form", [PlainMargins, SparseMargins])
def test_expected_counts_of_rare_products_and_events(form):
    found = form(csr_array(OF_PRODUCT), csr_array(OF_EVENT), SIZE).expected(0, 3)
    # 6,000,000 · 1 / 20,000,000, 6,000,000 · 9,000,001 / 20,000,000, none together, …
    wanted = [[0.3, 2_700_000.3, 0], [5e-8, 9_000_001 / 20e6 + 1, 3], [0, 1 / 3, 1]]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert found[0, 2] == found[2, 0] == 0


def test_sums_of_plain_matrices_do_not_depend_on_the_order_of_strata():
    random = np.random.default_rng(1)
    of_product, of_event = random.poisson(0.7, (7, 300)), random.poisson(0.5, (300, 90))
    size = np.maximum(of_product.max(axis=0), of_event.max(axis=1)) + random.integers(1, 50, 300)
    one, other = (
        PlainMargins(csr_array(of_product[:, order] * 1.0), csr_array(of_event[order] * 1.0), size[order].astype(float))
        for order in (np.arange(300), random.permutation(300))
    )
    assert one.expected(0, 7).tobytes() == other.expected(0, 7).tobytes()
    np.testing.assert_allclose(one.expected(0, 7), of_product @ (of_event / size[:, None]), rtol=1e-12)


def test_few_large_strata_are_plain_and_many_small_ones_sparse():
    full = np.ones((50, 4)), np.ones((4, 60))
    assert isinstance(margins(*map(csr_array, full), np.full(4, 9.0)), PlainMargins)
    alone = np.eye(500)  # a product and an event of its own in each of 500 strata
    assert isinstance(margins(csr_array(alone), csr_array(alone), np.ones(500)), SparseMargins)
