"""A district against the rest of its province: a worked table, and every cell recounted from the cases themselves."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signals_by_hand import OPEN, case, make_view, running_counts

from pv.reference import COLUMNS, build
from pv.signals.background import Background, BackgroundError, background_rows, rows_of
from pv.signals.counts import Incidence
from pv.signals.measures import all_measures, cells_from_margins
from pv.signals.running import RunningCounts, Segments
from pv.week import Week

UNTIL = Week(3)
SOURCE = "province"

# The 5 cases of the district, among the 50 of the province: see docs/bias.md.
DISTRICT = [
    case("d1", ["P"], ["e"], start=1),
    case("d2", ["P"], ["e", "f"], start=2),
    case("d3", ["P"], ["f"], start=3),
    case("d4", ["Q"], ["e"], start=3),
    case("d5", ["Q"], ["f"], start=0),
]
REST = [
    *(case(f"p{n}", ["P"], ["e"]) for n in range(4)),
    *(case(f"q{n}", ["P"], ["g"]) for n in range(5)),
    *(case(f"r{n}", ["Q", "R"], ["e"], start=2) for n in range(13)),
    *(case(f"s{n}", ["R"], ["g"], start=1) for n in range(23)),
]
PROVINCE = [*DISTRICT, *REST]


def published(segments, until=UNTIL, stream="drug"):
    """The province's file as the district reads it."""
    rows = background_rows(make_view(stream, segments), until, SOURCE)
    return build({"background": rows.to_csv(index=False)}).background


def at_week(segments, week, rows, window="all"):
    """Counts of a district in a week, and its comparator."""
    view = make_view("drug", segments)
    counts = running_counts(view, window)
    against = Background(counts, rows, Segments.of(view.cases, "all"))
    for index in range(-1, week + 1):
        counts.advance(index)
        against.advance(index)
    return counts, against


def tables(counts, against):
    """(product, event) → (a, b, c, d) of the pairs with a case."""
    pairs = against.comparable(np.flatnonzero(counts.a > 0))
    a = counts.a[pairs]
    cells = (a, *cells_from_margins(a, *against.margins(pairs)))
    products, events = counts.incidence.products[counts.product[pairs]], counts.incidence.events[counts.event[pairs]]
    rows = zip(*(column.tolist() for column in cells), strict=True)
    return dict(zip(zip(products, events, strict=True), rows, strict=True))


def test_five_cases_of_a_district_in_a_province_of_fifty():
    rows = published(PROVINCE)
    totals = rows.set_index(["product", "event"])["cases"]
    assert (totals["", ""], totals["P", ""], totals["", "e"], totals["P", "e"]) == (50, 12, 20, 6)
    counts, against = at_week(DISTRICT, 3, rows)
    found = tables(counts, against)
    # c: 20 - 6 of the province, less 1 - 0 of the district … d: 50 - 12 - 14, less 1
    assert found["P", "e"] == (2, 1, 13, 23)
    assert all_measures(*found["P", "e"])["prr"][0] == pytest.approx((2 / 3) / (13 / 36))
    assert found["P", "f"] == (2, 1, 0, 36)  # nobody else has f
    assert found["Q", "e"] == (1, 1, 4, 28)
    assert found["Q", "f"] == (1, 1, 0, 32)
    assert not against.ungrouped().any()


def test_weeks_before_and_after_have_the_same_background():
    rows = published(PROVINCE)
    later = [*DISTRICT, case("d6", ["P"], ["e"], start=5), case("d7", ["N"], ["e", "new"], start=5)]
    assert tables(*at_week(later, 1, rows))["P", "e"] == (1, 0, 13, 23)
    found = tables(*at_week(later, 5, rows))
    assert found["P", "e"] == (3, 1, 13, 23)
    # The background does not know N, so all its other cases are without it; of `new` it has none.
    assert found["N", "e"] == (1, 0, 20 - 3, 50 - 20 - 2)
    assert found["N", "new"] == (1, 0, 0, 45)


def test_a_window_does_not_shorten_the_background():
    old = [case("d0", ["Q"], ["e"], start=-1, received=-60), *DISTRICT]
    rows = published([*old, *REST])
    found, recent = (tables(*at_week(old, 3, rows, window)) for window in ("all", "12m"))
    assert (found["P", "e"], recent["P", "e"]) == ((2, 1, 13, 23), (2, 1, 13, 23))
    assert (found["Q", "e"], recent["Q", "e"]) == ((2, 1, 4, 28), (1, 1, 4, 28))


def test_a_case_counts_as_it_read_in_the_last_week_of_the_background():
    changed = [
        case("d1", ["Q"], ["e"], end=2),
        case("d1", ["P"], ["f"], start=2, end=4),
        case("d1", ["R"], ["e"], start=4),
    ]
    assert tables(*at_week(changed, 4, published([*changed, *REST])))["R", "e"] == (1, 0, 4, 5)


# --- what does not fit -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("province", "said"),
    [
        (
            REST[:3],
            "5 own cases in all, 3 in the background; product “P”: 3 own cases, 3|product “Q”: 2 own cases, 0 in",
        ),
        (REST, r"product “P”, event “f”: 2 own cases with both, 0 in the background; .*“Q”, event “f”: 1 own"),
        (
            [*REST, *DISTRICT[:2], case("", ["P", "Q"], ["f"]), DISTRICT[3]],
            "product “P”, event “f”: 1 own cases with the event but not the product, 0 in the background",
        ),
    ],
)
def test_a_background_without_the_own_cases_is_refused(province, said):
    with pytest.raises(BackgroundError, match=said) as raised:
        at_week(DISTRICT, 3, published(province))
    for part in ("background.csv, drug, reaction, generic", "up to 1970-02-01", "same synonyms", "take the table out"):
        assert part in str(raised.value)


def test_the_first_of_many_contradictions_are_named_and_the_others_counted():
    own = [case("", [f"P{n}"], ["e"]) for n in range(9)]
    with pytest.raises(BackgroundError, match=r"“P0”.*“P1”.*“P2”: 1 own cases, 0 in the background \(and 15 more\)"):
        at_week(own, 3, published([case("", ["Q"], ["e"])] * 20))


def test_cases_with_neither_are_compared_too():
    # 2 own cases, (P, e) and (Q, f); the province shows them as (P, f) and (Q, e) beside others of P, e.
    own = [case("", ["P"], ["e"]), case("", ["P"], ["e"], start=4), case("", ["Q"], ["f"])]
    province = [case("", ["P"], ["e", "f"]), case("", ["P", "Q"], ["e", "f"])]
    with pytest.raises(BackgroundError, match="product “P”, event “e”: 1 own cases with neither, 0 in the background"):
        at_week(own, 3, published(province))


def test_another_wording_of_the_own_product_is_seen():
    """The province counts Q(20 mg), which the district maps to P."""
    province = [*REST[4:], *(dict(each, products=["P(20 mg)"]) for each in DISTRICT[:3]), *DISTRICT[3:]]
    province = [each for each in province if each["products"] != ["P"]]
    with pytest.raises(BackgroundError, match="product “P”: 3 own cases, 0 in the background"):
        at_week(DISTRICT, 3, published(province))


def test_a_new_wording_after_the_last_day_of_the_background_is_no_contradiction():
    new = case("", ["P(20 mg)"], ["e"], start=4)
    assert tables(*at_week([*DISTRICT, new], 4, published(PROVINCE)))["P(20 mg)", "e"] == (1, 0, 17, 28)


def test_rows_that_are_no_single_table_are_refused():
    rows = published(PROVINCE)
    for wrong in (
        rows.iloc[:0],
        pd.concat([rows, rows.assign(level="lot")]),
        pd.concat([rows, rows.assign(until="x")]),
    ):
        with pytest.raises(BackgroundError, match="the rows of one stream"):
            at_week(DISTRICT, 3, wrong)
    with pytest.raises(BackgroundError, match="2026-11-16 is no Sunday"):
        at_week(DISTRICT, 3, rows.assign(until="2026-11-16"))


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_file_of_a_small_province():
    segments = [
        case("a", ["P"], [("failure", "x"), ("harm", "h")]),
        case("b", ["P", "Q"], [("failure", "x")], start=1, end=OPEN),
        case("c", ["Q"], [("failure", "y")], start=4),  # later
        case("d", ["Q"], [("failure", "y")], end=2),  # withdrawn before
        case("e", [], [("failure", "x")]),
    ]
    rows = background_rows(make_view("device", segments), UNTIL, SOURCE)
    assert tuple(rows.columns) == COLUMNS["background"]
    assert set(rows["until"]) == {"1970-02-01"}  # the Sunday of week 3
    assert set(rows["source"]) == {SOURCE}
    assert rows[["event_kind", "level", "product", "event", "cases"]].to_numpy().tolist() == [
        ["failure", "registration", "", "", 2],
        ["failure", "registration", "P", "", 2],
        ["failure", "registration", "Q", "", 1],
        ["failure", "registration", "", "x", 2],
        ["failure", "registration", "P", "x", 2],
        ["failure", "registration", "Q", "x", 1],
        ["harm", "registration", "", "", 1],
        ["harm", "registration", "P", "", 1],
        ["harm", "registration", "", "h", 1],
        ["harm", "registration", "P", "h", 1],
    ]
    read = build({"background": rows.to_csv(index=False)}).background
    pd.testing.assert_frame_equal(read, rows)
    harm = rows_of(read, "device", "harm", "registration")
    assert harm["cases"].tolist() == [1, 1, 1, 1]
    assert rows_of(read, "device", "harm", "lot").empty


def test_another_level_of_the_file():
    lots = [case("a", [{"generic": "P", "lot": "L1"}], ["x"]), case("b", [{"generic": "P"}], ["x"])]
    rows = background_rows(make_view("drug", lots), UNTIL, SOURCE, "lot")
    assert rows[["level", "product", "event", "cases"]].to_numpy().tolist() == [
        *(["lot", product, event, 1] for product, event in (("", ""), ("L1", ""), ("", "x"), ("L1", "x"))),
    ]


def test_a_province_without_a_case_has_an_empty_file():
    rows = background_rows(make_view("drug", []), UNTIL, SOURCE)
    assert rows.empty
    assert build({"background": rows.to_csv(index=False)}).background.empty


# --- a second way ----------------------------------------------------------------------------------------------------


@st.composite
def provinces(draw):
    """Segments with `own` set for those of the district. A case may change once, and enter when the background has
    ended."""
    label_lists = [st.lists(st.sampled_from(letters), max_size=2) for letters in ("PQRS", "efgh")]
    edges = st.sampled_from([(0,), (1,), (2,), (3,), (4,), (0, 2), (1, 4), (3, 5), (5, 6)])
    segments = []
    for number, (own, starts) in enumerate(draw(st.lists(st.tuples(st.booleans(), edges), max_size=16))):
        for start, end in itertools.pairwise([*starts, OPEN]):
            segments.append(case(f"c{number}", *map(draw, label_lists), start=start, end=end) | {"own": own})
    return segments


def counted(segments, week):
    """(products, events, own) of the counted cases in a week."""
    there = [s for s in segments if s["start"] <= week < s["end"] and s["products"] and s["events"]]
    return [(set(s["products"]), set(s["events"]), s["own"]) for s in there]


@settings(max_examples=25, deadline=None)
@given(provinces(), st.integers(0, 7))
def test_every_cell_is_what_the_cases_say(segments, week):
    own = [segment for segment in segments if segment["own"]]
    rest = [each for each in counted(segments, UNTIL.index) if not each[2]]
    here = counted(own, week)
    rows = background_rows(make_view("drug", segments), UNTIL, SOURCE)
    if rows.empty:
        return
    counts, against = at_week(own, week, rows)
    expected = {}
    for product, event in {pair for products, events, _ in here for pair in itertools.product(products, events)}:
        mine = [event in events for products, events, _ in here if product in products]
        others = [event in events for products, events, _ in rest if product not in products]
        expected[product, event] = (sum(mine), len(mine) - sum(mine), sum(others), len(others) - sum(others))
    assert tables(counts, against) == expected

    # The family: every product here with every event here or in the rest; those without a case here have only E.
    products = {product for each in here for product in each[0]}
    events = {event for each in (*here, *rest) for event in each[1]}
    assert against.family() == len(products) * len(events)
    if not here:
        return
    empty = []
    for product, event in set(itertools.product(products, events)) - set(expected):
        n = sum(product in each[0] for each in here)
        others = [event in each[1] for each in rest if product not in each[0]]
        empty += [n * sum(others) / (n + len(others))] if any(others) else []
    cells = against.cells()
    observed = all_measures(*zip(*expected.values(), strict=True))
    assert (cells.a * cells.weight).sum() == observed["a"].sum()
    for some, values, tolerance in ((cells.a > 0, observed["expected"], 1e-12), (cells.a == 0, empty, 1 / 512)):
        found = np.repeat(cells.expected[some], cells.weight[some].astype(int))
        np.testing.assert_allclose(np.sort(found), np.sort(values), rtol=tolerance)


def test_blocks_of_products_change_nothing(monkeypatch):
    random = np.random.default_rng(3)
    segments = [
        case("", [f"p{random.integers(12)}"], [f"e{random.integers(30)}"], start=int(random.integers(6)))
        for _ in range(400)
    ]
    rows = published(segments)
    found = []
    for cells in (2**20, 30):
        monkeypatch.setattr("pv.signals.background._CELLS", cells)
        _, against = at_week(segments[::3], 5, rows)
        found.append(against.cells())
    np.testing.assert_allclose(found[0].expected, found[1].expected, rtol=1e-12)
    np.testing.assert_array_equal(found[0].weight, found[1].weight)


def test_the_rest_of_another_area_alone_gives_no_ratio():
    """A background of nothing but the own cases: nobody to compare with."""
    counts, against = at_week(DISTRICT[:3], 3, published(DISTRICT[:3]))
    assert tables(counts, against)["P", "e"] == (2, 1, 0, 0)
    assert np.isnan(all_measures(2, 1, 0, 0)["prr"][0])
    assert (against.cells().a > 0).all()


def test_segments_of_the_counts_are_taken_where_no_others_are_given():
    view = make_view("drug", DISTRICT)
    events = view.events[["segment", "event"]]
    incidence = Incidence.of(len(view.cases), view.products[["segment", "generic"]], events)
    counts = RunningCounts(incidence, Segments.of(view.cases, "all"))
    for week in range(4):
        counts.advance(week)
    assert tables(counts, Background(counts, published(PROVINCE)))["P", "e"] == (2, 1, 13, 23)
