"""signals_of_weeks against the same in plain dictionaries, and its edges."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signals_by_hand import all_tables_by_hand, case, make_view, views

from pv.reference import streams
from pv.signals.alerts import COUNTED_COLUMNS, SIGNAL_COLUMNS, signals_of_weeks
from pv.signals.long_table import screen as screen_table
from pv.signals.measures import MEASURE_COLUMNS
from pv.signals.pair_measures import MORE_COLUMNS
from pv.signals.screens import BACKGROUND, Criterion, Rule, load_screens
from pv.signals.stratified_measures import STRATIFIED_COLUMNS
from pv.week import Week

SCREENS = tuple(screen for screen in load_screens() if screen.comparator != BACKGROUND)
NUMBERS = (*MEASURE_COLUMNS, "serious", "deaths", "hospitals")


def eager_screens():
    """The shipped screens with bounds that tiny tables can meet."""
    loose = {
        "evans": Criterion("prr", ">=", 1.5),
        "ror": Criterion("ror_low", ">", 0.3),
        "ic": Criterion("ic025", ">", -2.0),
    }
    rule = {name: Rule("all", (bound, Criterion("a", ">=", 2))) for name, bound in loose.items()}
    rule["three"] = Rule("all", (rule["evans"], rule["ror"], rule["ic"]))
    unlimited = {"products": (), "events": ()}
    return tuple(replace(screen, rule=rule.get(screen.name, rule["ror"]), **unlimited) for screen in SCREENS)


NO_TABLE = dict.fromkeys(("a", "b", "c", "d", "serious", "deaths", "hospitals"), 0)


def assert_same(frame, by_hand):
    place = 0
    for table, expected in by_hand.items():
        rows = frame.iloc[place : place + len(expected)]
        place += len(expected)
        pairs = sorted(expected)
        assert list(zip(rows["product"], rows["event"], strict=True)) == pairs
        for name in ("event_kind", "level", "comparator", "window"):
            assert set(rows[name]) <= {getattr(table, name)}
        for name in ("screens", "status"):
            assert list(rows[name]) == [expected[pair][name] for pair in pairs]
        first = [expected[pair]["first_week"] for pair in pairs]
        assert list(rows["first_week"]) == ["" if week is None else str(Week(week)) for week in first]
        numbers = [[expected[pair].get(name, NO_TABLE.get(name, np.nan)) for name in NUMBERS] for pair in pairs]
        if pairs:
            np.testing.assert_allclose(rows[list(NUMBERS)].to_numpy(float), numbers, rtol=1e-12)
    assert place == len(frame)


@pytest.mark.parametrize("stream", ["drug", "device", "cosmetic"])
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_every_week_is_what_plain_dictionaries_give(stream, data):
    view = data.draw(views(stream))
    screens = eager_screens()
    last = data.draw(st.integers(8, 12))
    by_hand = all_tables_by_hand(view, screens, range(last + 1))
    found = {
        week.index: frame for week, frame, _ in signals_of_weeks(view, [Week(w) for w in range(last + 1)], screens)
    }
    for week in by_hand:
        assert_same(found[week], by_hand[week])


@settings(max_examples=4, deadline=None)
@given(views("drug"), st.integers(0, 14))
def test_a_week_reads_the_same_whichever_weeks_are_asked_for(view, week):
    screens = eager_screens()
    [(_, alone, counted_alone)] = signals_of_weeks(view, [Week(week)], screens)
    every = list(signals_of_weeks(view, [Week(w) for w in reversed(range(15))], screens))
    assert [w.index for w, _, _ in every] == list(range(15))
    assert alone.equals(every[week][1])
    assert counted_alone.equals(every[week][2])


@settings(max_examples=4, deadline=None)
@given(views("device"), st.integers(0, 14))
def test_a_week_does_not_know_what_came_later(view, week):
    screens = eager_screens()
    known = make_view("device", [segment for segment in view.segments if segment["start"] <= week])
    [(_, full, counted_full)] = signals_of_weeks(view, [Week(week)], screens)
    [(_, early, counted_early)] = signals_of_weeks(known, [Week(week)], screens)
    assert full.reset_index(drop=True).equals(early)
    assert counted_full.equals(counted_early)


def test_what_is_counted_and_what_is_left_out():
    view = make_view(
        "device",
        [
            case("1", [{"registration": "x", "class": "A"}], ["leak", "leak", ("harm", "burn")]),
            case("2", [{"registration": "x", "class": ""}, {"registration": "y", "class": ""}], ["leak"]),
            case("3", [{"registration": "", "class": "A"}], ["leak"]),
            case("4", [{"registration": "x", "class": "A"}], []),
            case("5", [], []),
            case("6", [{"registration": "x", "class": "A"}], ["stop"], start=1),
        ],
    )
    [(week, frame, counted)] = signals_of_weeks(view, [Week(0)], SCREENS)
    assert week == Week(0)
    assert list(frame.columns) == list(SIGNAL_COLUMNS)
    assert list(counted.columns) == list(COUNTED_COLUMNS)
    first = counted.iloc[0].to_dict()
    assert first["event_kind"] == "failure"
    assert (first["cases_in_view"], first["n"], first["no_product"], first["no_event"]) == (5, 2, 2, 1)
    assert (first["products"], first["events"], first["pairs"]) == (2, 1, 2)
    ungrouped = counted[(counted["event_kind"] == "failure") & (counted["comparator"] == "class")]
    assert list(ungrouped["ungrouped_products"]) == [1, 1]  # no row gives y a class
    assert (counted["cases_in_view"] == counted["n"] + counted["no_product"] + counted["no_event"]).all()
    assert list(frame[["event_kind", "product", "event", "a"]].itertuples(index=False, name=None)) == [
        ("failure", "x", "leak", 2),
        ("failure", "y", "leak", 1),
        ("harm", "x", "burn", 1),
    ]


def test_a_pair_that_lost_all_its_cases_stays_listed():
    lapsed = [case(str(i), ["G"], ["rash"], start=0, end=3) for i in range(5)]
    others = [case(f"o{i}", ["H"], ["fever"]) for i in range(40)]
    view = make_view("drug", lapsed + others)
    weeks = {week.index: frame for week, frame, _ in signals_of_weeks(view, [Week(2), Week(3), Week(4)], SCREENS)}
    row = {
        index: frame[(frame["product"] == "G") & (frame["window"] == "all")].iloc[0] for index, frame in weeks.items()
    }
    met = "evans;ror;ic;ror_ema;eb05;ebgm_mhra;three"
    assert (row[2]["status"], row[2]["a"], row[2]["screens"]) == ("continuing", 5, met)
    assert (row[3]["status"], row[3]["a"], row[3]["screens"]) == ("continuing", 0, "")
    assert (row[4]["status"], row[4]["a"], row[4]["d"]) == ("lapsed", 0, 40)
    assert row[4][["prr", "ror", "chi_square", "ic", "ic025"]].isna().all()
    assert row[4]["first_week"] == str(Week(0))


def test_twelve_months_are_the_last_52_weeks_with_this_one():
    view = make_view("drug", [case("1", ["G"], ["rash"], start=3, received=0)])
    n = {}
    for week, _, counted in signals_of_weeks(view, [Week(w) for w in (2, 3, 51, 52)], SCREENS):
        generic = counted[counted["level"] == "generic"]
        n[week.index] = dict(zip(generic["window"], generic["n"], strict=True))
    assert n[2] == {"all": 0, "12m": 0}
    assert n[3] == {"all": 1, "12m": 1}
    assert n[51] == {"all": 1, "12m": 1}
    assert n[52] == {"all": 1, "12m": 0}


@pytest.mark.parametrize("stream", list(streams()))
def test_a_stream_without_cases_gives_empty_tables_of_the_same_kinds(stream):
    [(_, frame, counted)] = signals_of_weeks(make_view(stream, []), [Week(2900)], SCREENS)
    full = make_view(stream, [case("1", ["G"], ["rash"])])
    [(_, filled, _)] = signals_of_weeks(full, [Week(1)], SCREENS)
    assert frame.empty
    assert (frame.dtypes == filled.dtypes).all()
    assert (counted["n"] == 0).all()


def test_no_weeks_asked_for_give_nothing():
    assert list(signals_of_weeks(make_view("drug", [case("1", ["G"], ["rash"])]), [], SCREENS)) == []


def test_without_screens_the_whole_stream_is_still_listed():
    [(_, frame, _)] = signals_of_weeks(make_view("drug", [case("1", ["G"], ["rash"])]), [Week(5)], ())
    assert list(frame["product"]) == ["G"]
    assert list(frame["status"]) == [""]


# --- the measures that need the whole table -----------------------------------------------------------------------


def spread_cases(size=400):
    """Cases of two sexes; A goes with rash, B with fever among women, all else is chance."""
    random = np.random.default_rng(7)
    cases = []
    for i in range(size):
        sex = "female" if random.random() < 0.5 else "male"
        product = random.choice(list("ABCDEFGH"))
        event = random.choice(["rash", "fever", "cough", "itch", "pain"])
        if product == "A" and random.random() < 0.5:
            event = "rash"
        if product == "B" and sex == "female" and random.random() < 0.4:
            event = "fever"
        cases.append(case(str(i), [str(product)], [str(event)]) | {"sex": sex})
    return cases


def test_measures_of_the_whole_table_are_those_of_the_long_table():
    cases = spread_cases()
    view = make_view("drug", cases)
    view.cases["sex"] = pd.Series([c["sex"] for c in cases], dtype="str")
    [(_, frame, counted)] = signals_of_weeks(view, [Week(0)], SCREENS, strata=("sex",))
    listed = frame[(frame["window"] == "all") & (frame["level"] == "generic")].reset_index(drop=True)
    rows = [(c["case"], c["products"][0], c["events"][0], c["sex"]) for c in cases]
    table = pd.DataFrame(rows, columns=["case", "product", "event", "sex"])
    expected = screen_table(table, "case", "product", "event", strata=["sex"])
    assert listed[["product", "event"]].equals(expected.pairs[["product", "event"]])
    columns = [*MEASURE_COLUMNS, *MORE_COLUMNS, *STRATIFIED_COLUMNS]
    found, wanted = listed[columns].to_numpy(float), expected.pairs[columns].to_numpy(float)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert not np.isnan(found).all(axis=0).any()
    assert counted["neg_log_likelihood"].iloc[0] == pytest.approx(expected.fit.neg_log_likelihood, abs=1e-6)


def test_a_table_that_is_not_stratified_has_no_stratified_measures():
    [(_, frame, _)] = signals_of_weeks(make_view("drug", spread_cases(60)), [Week(0)], SCREENS)
    assert frame[list(STRATIFIED_COLUMNS)].isna().all().all()


def test_q_counts_the_pairs_that_were_never_reported():
    # A goes with x in 8 of 8 cases, so that p = 1 / C(16, 8); of 2 × 2 combinations two were reported.
    view = make_view("drug", [case(f"{p}{i}", [p], [e]) for p, e in (("A", "x"), ("B", "y")) for i in range(8)])
    [(_, frame, _)] = signals_of_weeks(view, [Week(0)], ())
    assert frame["p"].tolist() == pytest.approx([1 / 12870] * 2)
    assert frame["p_mid"].tolist() == pytest.approx([0.5 / 12870] * 2)
    assert frame["q_bh"].tolist() == pytest.approx([4 / 2 / 12870] * 2)
    assert frame["q_by"].tolist() == pytest.approx([4 / 2 / 12870 * (1 + 1 / 2 + 1 / 3 + 1 / 4)] * 2)


def test_a_screen_limited_to_events_looks_at_no_others():
    [designated] = [screen for screen in SCREENS if screen.name == "designated"]
    cases = [case("1", ["A", "B"], ["过敏性休克"]), case("2", ["A"], ["rash"], start=1)]
    [(_, frame, _)] = signals_of_weeks(make_view("drug", cases), [Week(1)], [designated])
    found = frame[["product", "event", "screens", "status", "first_week"]].itertuples(index=False, name=None)
    assert list(found) == [
        ("A", "rash", "", "", ""),
        ("A", "过敏性休克", "designated", "continuing", str(Week(0))),
        ("B", "过敏性休克", "designated", "continuing", str(Week(0))),
    ]


def test_a_screen_limited_to_products():
    [designated] = [screen for screen in SCREENS if screen.name == "designated"]
    watched = replace(designated, events=(), products=("B",))
    [(_, frame, _)] = signals_of_weeks(make_view("drug", [case("1", ["A", "B"], ["rash"])]), [Week(0)], [watched])
    assert dict(zip(frame["product"], frame["screens"], strict=True)) == {"A": "", "B": "designated"}


def background_rows(**changed):
    """A province of 50 cases: 10 with G, 12 with rash, 4 with both; the district's own 5 are among them."""
    counts = {("", ""): 50, ("G", ""): 10, ("H", ""): 40, ("", "rash"): 12, ("", "fever"): 38, ("G", "rash"): 4}
    counts |= {("G", "fever"): 6, ("H", "rash"): 8, ("H", "fever"): 32}
    rows = [(product, event, cases) for (product, event), cases in counts.items()]
    frame = pd.DataFrame(rows, columns=["product", "event", "cases"])
    fixed = {"stream": "drug", "event_kind": "reaction", "level": "generic", "until": "1970-01-11", "source": "test"}
    return frame.assign(**(fixed | changed))


def test_against_the_rest_of_the_province():
    [shipped] = [screen for screen in load_screens() if screen.comparator == BACKGROUND]
    eager = replace(shipped, rule=Criterion("a", ">=", 2))
    view = make_view("drug", [case(str(i), ["G"], ["rash"]) for i in range(3)] + [case("x", ["H"], ["fever"])] * 2)
    [(_, frame, counted)] = signals_of_weeks(view, [Week(0)], [eager], background=background_rows())
    row = frame[frame["comparator"] == BACKGROUND].iloc[0]
    # Outside the district: 45 cases, 7 with G; 8 with rash and without G, 30 with neither.
    assert (row["product"], row["event"], *row[["a", "b", "c", "d"]]) == ("G", "rash", 3, 0, 8, 30)
    assert row[["ebgm", "p"]].isna().all()  # no screen of this table asks for them
    assert set(counted["comparator"]) == {"stream", BACKGROUND}


def test_without_a_background_there_is_no_table_against_it():
    view = make_view("drug", [case("1", ["G"], ["rash"])])
    for background in (None, background_rows(stream="device")):
        [(_, _, counted)] = signals_of_weeks(view, [Week(0)], load_screens(), background=background)
        assert BACKGROUND not in set(counted["comparator"])
