"""Numbers side by side: duplicates, strata, foreign databases."""

import numpy as np
import pandas as pd
import pytest
from case_lists import incidence_of, repeated_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from signals_by_hand import pair_counts_by_hand

from pv.reference import build
from pv.signals.comparison import (
    CRUDE_COLUMNS,
    DUPLICATE_COLUMNS,
    FOREIGN_COLUMNS,
    STRATIFIED_COLUMNS,
    LabelledCounts,
    crude_beside_stratified,
    effect_of_duplicates,
    foreign_beside,
)
from pv.signals.counts import pair_counts
from pv.signals.measures import all_measures, cells_from_margins
from pv.signals.screens import load_screens

SCREENS = [screen for screen in load_screens() if screen.name in ("evans", "ror", "ic", "three")]


def labelled(cases):
    incidence = incidence_of(cases)
    return LabelledCounts(incidence.products, incidence.events, pair_counts(incidence))


# --- duplicates ------------------------------------------------------------------------------------------------------

REST = [*[(["Q"], ["x"])] * 10, *[(["Q"], ["y"])] * 100, *[(["P"], ["y"])] * 2]


def test_three_reports_of_two_cases_make_an_alert_that_is_none():
    frame = effect_of_duplicates(
        labelled([*[(["P"], ["x"])] * 2, *REST]), labelled([*[(["P"], ["x"])] * 3, *REST]), SCREENS
    )
    p = frame.set_index(["product", "event"]).loc[("P", "x")]
    assert (p["a"], p["a_as_filed"]) == (2, 3)
    assert p["prr"] == pytest.approx((2 / 4) / (10 / 110))
    assert p["prr_as_filed"] == pytest.approx((3 / 5) / (10 / 110))
    assert (p["screens"], p["screens_as_filed"]) == ("", "evans;ror")
    assert frame.set_index(["product", "event"])["only_as_filed"].to_dict() == {
        ("P", "x"): True,
        ("Q", "x"): False,
        ("Q", "y"): False,
    }
    assert list(frame.columns) == [
        *("product", "event"),
        *DUPLICATE_COLUMNS,
        *(f"{name}_as_filed" for name in DUPLICATE_COLUMNS),
        "only_as_filed",
    ]


def test_a_merged_case_can_have_a_pair_that_no_report_has():
    merged, as_filed = [(["P", "Q"], ["x", "y"])] * 3, [*[(["P"], ["x"])] * 3, *[(["Q"], ["y"])] * 3]
    frame = effect_of_duplicates(labelled(merged), labelled(as_filed), SCREENS)
    p_y = frame.set_index(["product", "event"]).loc[("P", "y")]
    assert (p_y["a"], p_y["a_as_filed"]) == (3, 0)
    assert np.isnan(p_y["prr_as_filed"])
    assert p_y["screens_as_filed"] == ""


def test_without_any_case_there_is_an_empty_table():
    frame = effect_of_duplicates(labelled([]), labelled([]), SCREENS)
    assert frame.empty
    assert frame["only_as_filed"].dtype == bool


@settings(max_examples=20, deadline=None)
@given(repeated_cases(), st.integers(2, 5), st.integers(1, 4))
def test_plain_dictionaries_give_the_same(as_filed, together, least):
    """Every so many reports in a row are one case."""
    groups = [as_filed[first : first + together] for first in range(0, len(as_filed), together)]
    merged = [tuple([label for case in group for label in case[place]] for place in (0, 1)) for group in groups]
    frame = effect_of_duplicates(labelled(merged), labelled(as_filed), SCREENS, least)
    both = {"": pair_counts_by_hand(merged), "_as_filed": pair_counts_by_hand(as_filed)}
    listed = sorted({pair for counts in both.values() for pair, numbers in counts.items() if numbers[0] >= least})
    assert list(zip(frame["product"], frame["event"], strict=True)) == listed
    for ending, counts in both.items():
        margins = np.array([counts.get(pair, (0, 0, 0, 0)) for pair in listed], dtype=np.int64).reshape(-1, 4).T
        measures = all_measures(margins[0], *cells_from_margins(*margins))
        for name in ("a", "prr", "ror_low", "ic025"):
            np.testing.assert_allclose(frame[name + ending], measures[name], rtol=1e-12)
        met = {screen.name: screen.rule.met(measures) for screen in SCREENS}
        expected = [";".join(name for name in met if met[name][place]) for place in range(len(listed))]
        assert frame["screens" + ending].tolist() == expected
    only = [not here and bool(there) for here, there in zip(frame["screens"], frame["screens_as_filed"], strict=True)]
    assert frame["only_as_filed"].tolist() == only


# --- strata ----------------------------------------------------------------------------------------------------------


def crude_and_stratified(limits):
    """Pairs with the given (crude, stratified) lower limits of the ROR; E is 2, in strata 3."""
    size = len(limits)
    pairs = pd.DataFrame({"product": ["P"] * size, "event": [f"e{n}" for n in range(size)], "a": 5, "prr": 1.0})
    pairs = pairs.assign(**dict.fromkeys(CRUDE_COLUMNS, 1.0)).assign(expected=2.0, ror_low=[low for low, _ in limits])
    stratified = {name: np.ones(size) for name in STRATIFIED_COLUMNS}
    stratified |= {"expected_stratified": np.full(size, 3.0), "ror_mh_low": np.array([low for _, low in limits])}
    return pairs, stratified


def test_what_vanishes_and_what_appears_in_strata():
    nan = float("nan")
    limits = [(1.2, 0.9), (0.9, 1.2), (1.2, 1.1), (0.8, 0.9), (1.2, nan), (nan, 1.2), (1.0, 1.2)]
    frame = crude_beside_stratified(*crude_and_stratified(limits))
    assert frame["effect"].tolist() == ["vanishes", "appears", "", "", "vanishes", "appears", "appears"]
    assert frame["expected_ratio"].tolist() == [1.5] * 7
    assert "prr" not in frame


def test_what_cannot_be_set_side_by_side_is_named():
    pairs, stratified = crude_and_stratified([(1.0, 1.0)])
    with pytest.raises(ValueError, match="column ic025 is missing"):
        crude_beside_stratified(pairs.drop(columns="ic025"), stratified)
    with pytest.raises(ValueError, match="column ror_mh is missing"):
        crude_beside_stratified(pairs, {name: v for name, v in stratified.items() if name != "ror_mh"})
    with pytest.raises(ValueError, match="ror_mh has 2 values where there are 1 pairs"):
        crude_beside_stratified(pairs, stratified | {"ror_mh": np.ones(2)})


# --- foreign databases -----------------------------------------------------------------------------------------------

FOREIGN = """database,stream,event_kind,product,event,a,b,c,d,as_of,source
VigiBase,drug,reaction,P,x,30,70,100,9800,2026-09-30,query
FAERS,drug,reaction,P,x,10,90,200,9700,2026-09-30,release
FAERS,drug,reaction,P,y,0,100,50,9850,2026-09-30,release
FAERS,device,failure,P,x,5,5,5,5,2026-09-30,release
"""


def test_foreign_tables_stand_beside_the_pairs():
    pairs = pd.DataFrame(
        [("drug", "reaction", *pair) for pair in (("P", "y"), ("P", "x"), ("P", "x"), ("Q", "x"))],
        columns=["stream", "event_kind", "product", "event"],
    )
    frame = foreign_beside(pairs.assign(a=99), build({"foreign": FOREIGN}).foreign)
    assert tuple(frame.columns) == FOREIGN_COLUMNS
    assert frame[["event", "database", "a"]].to_numpy().tolist() == [
        ["y", "FAERS", 0],
        ["x", "FAERS", 10],
        ["x", "VigiBase", 30],
    ]
    assert np.isnan(frame["prr"][0])
    assert frame["prr"][1] == pytest.approx((10 / 100) / (200 / 9900))
    assert frame["ror"][2] == pytest.approx(30 * 9800 / (70 * 100))
    assert frame["ic"][1] == pytest.approx(np.log2(10.5 / (100 * 210 / 10000 + 0.5)))
    assert frame["source"].tolist() == ["release", "release", "query"]


def test_no_foreign_tables_give_an_empty_table():
    pairs = pd.DataFrame([("drug", "reaction", "P", "x")], columns=["stream", "event_kind", "product", "event"])
    frame = foreign_beside(pairs, build({}).foreign)
    assert frame.empty
    assert tuple(frame.columns) == FOREIGN_COLUMNS


def test_a_cell_that_is_no_count_is_named_by_its_row():
    foreign = build({"foreign": FOREIGN}).foreign
    pairs = foreign.iloc[:1]
    with pytest.raises(ValueError, match="row 3: b = -1"):
        foreign_beside(pairs, foreign.assign(b=[70, 90, -1, 5]))
