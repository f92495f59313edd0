"""Counts that move by entering and leaving cases against a full recount of every week."""

import numpy as np
import pytest
from hypothesis import given, settings
from signals_by_hand import case, make_view, running_counts, views

from pv.signals.counts import pair_counts
from pv.signals.running import Tally


def recount(counts, week, extra=None):
    """a of every pair of the running counts, counted anew among the segments of the week."""
    among = counts.segments.at(week) if extra is None else counts.segments.at(week) & extra
    full = pair_counts(counts.incidence, among)
    found = {(p, e): a for p, e, a in zip(full.product, full.event, full.a, strict=True)}
    return [found.get(pair, 0) for pair in zip(counts.product, counts.event, strict=True)], full


@pytest.mark.parametrize("window", ["all", "12m"])
@settings(max_examples=10, deadline=None)
@given(view=views("device"))
def test_moving_gives_what_a_recount_gives(window, view):
    counts = running_counts(view, window)
    segments = counts.segments
    for week in range(18):
        counts.advance(week)
        a, full = recount(counts, week)
        assert counts.a.tolist() == a
        assert counts.serious.tolist() == recount(counts, week, segments.serious)[0]
        assert counts.deaths.tolist() == recount(counts, week, segments.death)[0]
        assert counts.n == full.n
        assert (counts.n_product[full.product] == full.n_product).all()
        assert counts.n_product.sum() == counts.incidence.D[segments.at(week)].sum()
        assert counts.n_event.sum() == counts.incidence.E[segments.at(week)].sum()
        there = segments.at(week)
        assert counts.cases == there.sum()
        assert counts.no_product == (there & counts.incidence.no_product).sum()
        assert counts.no_event == (there & counts.incidence.no_event).sum()
        hospitals = np.zeros(len(counts.a), dtype=int)
        for code in range(segments.hospital.max(initial=-1) + 1):
            hospitals += np.array(recount(counts, week, segments.hospital == code)[0], dtype=int) > 0
        assert counts.hospitals().tolist() == hospitals.tolist()


def test_a_corrected_case_moves_from_one_pair_to_another():
    view = make_view(
        "drug",
        [
            case("1", ["G"], ["rash"], start=0, end=2),
            case("1", ["H"], ["rash"], start=2, received=0, serious=True),
            case("2", ["H"], ["rash"], start=1, hospital="h2"),
        ],
    )
    counts = running_counts(view, "all")
    seen = []
    for week in range(3):
        counts.advance(week)
        seen.append((counts.a.tolist(), counts.n, counts.serious.tolist(), counts.hospitals().tolist()))
    assert seen == [([1, 0], 1, [0, 0], [1, 0]), ([1, 1], 2, [0, 0], [1, 1]), ([0, 2], 2, [0, 1], [0, 2])]


def test_a_tally_has_0_where_it_has_no_key():
    tally = Tally(np.array([2, 5, 9]))
    tally.add(np.array([5, 5, 9]), np.array([1, 2, 4]))
    assert tally.get(np.array([0, 2, 5, 6, 9, 10])).tolist() == [0, 0, 3, 0, 4, 0]
    assert Tally(np.zeros(0, dtype=np.int64)).get(np.array([1])).tolist() == [0]
