"""Status of a pair from week to week, one story a test."""

import numpy as np
import pytest

from pv.signals.history import NEVER, STATUSES, History, Meeting

NO = None


def meets(screens=1, ic=1.0, low=0.5, high=1.5, serious=0, deaths=0):
    return screens, ic, low, high, serious, deaths


def story(*weeks, first=100):
    """Statuses of one pair, week by week; its neighbours on both sides never meet."""
    history, statuses = History(3), []
    for week, state in enumerate(weeks, start=first):
        columns = np.array([state] if state else [], dtype=float).reshape(-1, 6).T
        screens, serious, deaths = (columns[i].astype(np.int64) for i in (0, 4, 5))
        pairs = np.full(columns.shape[1], 1)
        history.step(week, Meeting(pairs, screens, columns[1], columns[2], columns[3], serious, deaths))
        assert history.status[0] == history.status[2] == 0
        statuses.append(STATUSES[history.status[1]])
    first_week = int(history.first_week[1])
    return statuses, None if first_week == NEVER else first_week


def test_a_pair_that_never_meets_has_no_status():
    assert story(NO, NO, NO) == (["", "", ""], None)


def test_new_then_continuing():
    assert story(NO, meets(), meets(), meets()) == (["", "new", "continuing", "continuing"], 101)


def test_lapsed_only_after_two_weeks_below():
    assert story(meets(), NO, NO, NO)[0] == ["new", "continuing", "lapsed", "lapsed"]


def test_one_week_below_is_no_lapse():
    assert story(meets(), NO, meets(), NO, meets())[0] == ["new"] + ["continuing"] * 4


def test_returned_keeps_its_first_week():
    assert story(meets(), NO, NO, meets(), meets()) == (
        ["new", "continuing", "lapsed", "returned", "continuing"],
        100,
    )


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (meets(ic=1.4, low=1.01, high=1.8), "strengthened"),  # IC025 above the IC of then, 1.0
        (meets(ic=1.4, low=1.0, high=1.8), "continuing"),  # only as high as it
        (meets(screens=3), "strengthened"),  # a further screen
        (meets(deaths=1), "strengthened"),
        (meets(serious=1), "strengthened"),
        (meets(ic=0.6, low=0.1, high=0.99), "weakened"),  # IC975 below the IC of then
        (meets(screens=2), "strengthened"),  # one screen gained, one lost
        (meets(screens=3, ic=0.6, low=0.1, high=0.9), "strengthened"),
    ],
)
def test_against_the_state_when_it_was_new(now, status):
    statuses, _ = story(meets(), now, now)
    assert statuses == ["new", status, status]


def test_fewer_screens_than_then_is_weakened():
    assert story(meets(screens=7), meets(screens=3))[0] == ["new", "weakened"]


def test_a_second_death_is_not_the_first():
    assert story(meets(deaths=1, serious=1), meets(deaths=2, serious=3))[0] == ["new", "continuing"]


def test_slow_change_adds_up_since_the_reference_stays():
    drift = [meets(ic=1 + step / 10, low=0.5 + step / 10, high=1.5 + step / 10) for step in range(8)]
    assert story(*drift)[0] == ["new"] + ["continuing"] * 5 + ["strengthened"] * 2


def test_a_return_sets_a_new_reference():
    strong = meets(ic=3.0, low=2.0, high=4.0)
    assert story(meets(), NO, NO, strong, strong)[0][-2:] == ["returned", "continuing"]
    assert story(meets(), NO, strong)[0][-1] == "strengthened"


def since(*weeks):
    """`status_since` of one pair after each week, counted from the first week, 0."""
    history, found = History(1), []
    for week, state in enumerate(weeks):
        columns = np.array([state] if state else [], dtype=float).reshape(-1, 6).T
        screens, serious, deaths = (columns[i].astype(np.int64) for i in (0, 4, 5))
        pairs = np.zeros(columns.shape[1], dtype=np.int64)
        history.step(week, Meeting(pairs, screens, columns[1], columns[2], columns[3], serious, deaths))
        found.append(int(history.status_since[0]))
    return found


def test_a_status_is_dated_by_its_beginning():
    assert since(meets(), meets(), meets()) == [0, 1, 1]  # new, then continuing
    assert since(meets(), NO, NO, NO, meets()) == [0, 1, 2, 2, 4]  # new, continuing, lapsed, lapsed, returned


def test_a_further_reason_dates_a_strengthened_pair_anew_but_not_the_same_reason_again():
    stronger, plain = meets(screens=3), meets()
    assert since(meets(), stronger, stronger, meets(screens=3, deaths=1)) == [0, 1, 1, 3]
    # It wavers around the second screen: continuing from week 2, but strengthened since week 1.
    assert since(meets(), stronger, plain, stronger, stronger) == [0, 1, 2, 1, 1]
