"""The screens file: what ships, what is refused and how it is said."""

import numpy as np
import pytest

from pv.reference import ReferenceDataError, streams
from pv.signals.measures import MEASURE_COLUMNS, all_measures
from pv.signals.screens import Criterion, Rule, Table, load_screens, parse_strata, screens_text, tables_of

HEAD = 'title = "t"\nsource = "s"\nreviewed = 2026-11-22\n'
KEYS = {
    "zh": '"甲"',
    "en": '"A"',
    "source": '"S"',
    "mark": '"K"',
    "streams": '"all"',
    "level": '"default"',
    "event_kinds": '"all"',
    "comparator": '"stream"',
    "window": '"all"',
    "all": '[["prr", ">=", 2]]',
}


def entry(name="mine", **changes):
    keys = {key: value for key, value in (KEYS | changes).items() if value is not None}
    return f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in keys.items()) + "\n"


@pytest.fixture
def load(tmp_path):
    def from_text(*entries, head=HEAD):
        path = tmp_path / "screens.toml"
        path.write_text(head + "\n".join(entries), encoding="utf-8")
        return load_screens(path)

    return from_text


def test_the_shipped_screens():
    screens = {screen.name: screen for screen in load_screens()}
    assert str(screens["evans"].rule) == "PRR ≥ 2, χ² ≥ 4, a ≥ 3"
    assert str(screens["three"].rule) == "PRR ≥ 2, χ² ≥ 4, a ≥ 3, ROR025 > 1, IC025 > 0"
    general = "evans ror ic ror_ema ic_medium ic_strong eb05 ebgm_mhra three".split()
    assert [name for name, screen in screens.items() if screen.general] == general
    assert [name for name, screen in screens.items() if screen.needs_prior] == ["eb05", "ebgm_mhra"]
    assert str(screens["ebgm_mhra"].rule) == "EBGM ≥ 2.5, EB05 ≥ 1.8, a ≥ 3"
    assert "过敏性休克" in screens["designated"].events
    assert screens["device_class"].comparator == "class"
    assert (screens["drug_approval"].level, screens["drug_approval"].comparator) == ("approval", "generic")
    assert {screen.mark for screen in screens.values()} <= {"S", "W", "K"}


def test_an_unbounded_ratio_meets_at_least_2_and_an_undefined_one_meets_nothing():
    measures = all_measures([5, 5, 5], [0, 5, 3], [0, 0, 0], [90, 90, 0])
    rule = Rule("all", (Criterion("prr", ">=", 2), Criterion("a", ">=", 3)))
    assert rule.met(measures).tolist() == [True, True, False]  # the last has nobody to compare with
    assert Criterion("prr_low", ">", 1).met(measures).tolist() == [False, False, False]
    assert Criterion("prr", "<", 2).met(measures).tolist() == [False, False, False]


def test_all_and_any():
    measures = {"a": np.array([1, 3, 5]), "ic025": np.array([1.0, -1.0, 1.0])}
    parts = (Criterion("a", ">=", 3), Criterion("ic025", ">", 0))
    assert Rule("all", parts).met(measures).tolist() == [False, False, True]
    assert Rule("any", parts).met(measures).tolist() == [True, True, True]
    nested = Rule("all", (Rule("any", parts), Criterion("a", "<=", 3)))
    assert nested.met(measures).tolist() == [True, True, False]
    assert str(nested) == "(a ≥ 3 / IC025 > 0), a ≤ 3"


@pytest.mark.parametrize(
    ("rule", "least"),
    [
        (Criterion("a", ">=", 3), 3),
        (Criterion("a", ">", 3), 4),
        (Criterion("a", ">=", 2.5), 3),
        (Criterion("a", "<", 9), 1),
        (Criterion("prr", ">=", 7), 1),
        (Rule("all", (Criterion("a", ">=", 3), Criterion("a", ">=", 5))), 5),
        (Rule("any", (Criterion("a", ">=", 3), Criterion("a", ">=", 5))), 3),
        (Rule("any", (Criterion("a", ">=", 3), Criterion("ic025", ">", 0))), 1),
    ],
)
def test_the_least_a_that_can_meet(rule, least):
    assert rule.least_a == least


def test_another_screens_criteria_are_taken_on_ones_own_table(load):
    base = entry("base", all='[["ic025", ">", 0]]')
    mine = entry(streams='["device"]', comparator='"class"', all='["base", ["a", ">=", 5]]')
    screens = load(mine, base)
    assert str(screens[0].rule) == "IC025 > 0, a ≥ 5"
    assert next(screens[0].tables("device")) == Table("device", "failure", "registration", "class", "all")
    assert list(screens[0].tables("drug")) == []


def test_tables_come_in_the_order_of_the_streams_file(load):
    assert list(tables_of("device", ())) == [
        Table("device", kind, "registration", "stream", "all") for kind in streams()["device"].event_kinds
    ]
    lot = entry("lot", streams='["drug"]', level='"lot"', window='"12m"')
    year = entry("year", window='"12m"')
    tables = tables_of("drug", load(lot, year, entry()))
    assert [(t.level, t.window, [s.name for s in of]) for t, of in tables.items()] == [
        ("generic", "all", ["mine"]),
        ("generic", "12m", ["year"]),
        ("lot", "12m", ["lot"]),
    ]


def test_one_event_kind(load):
    [screen] = load(entry(event_kinds='["harm"]'))
    assert [table.event_kind for table in screen.tables("device")] == ["harm"]
    assert list(screen.tables("drug")) == []
    assert not screen.general


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (entry(zh=None), "screen “mine”, key “zh” is missing or empty"),
        (entry(mark='"X"'), "key “mark” is “X”. To mend: write one of S, W, K"),
        (entry(streams='["drugs"]'), "key “streams” holds “drugs”. To mend: known here: drug, device, cosmetic"),
        (entry(streams="[]"), "key “streams” is missing or no list"),
        (entry(level='"approval"'), "key “level” is “approval”, which device does not have"),
        (entry(comparator='"generic"'), "key “comparator” is “generic”, which device does not have"),
        (entry(streams='["drug"]', comparator='"generic"'), "key “comparator” is the level itself"),
        (entry(event_kinds='["harms"]'), "key “event_kinds” holds “harms”"),
        (entry(window='"6m"'), "key “window” is “6m”. To mend: write one of all, 12m"),
        (entry(colour='"red"'), "key “colour” is unknown"),
        (entry(any='[["a", ">", 1]]'), "key “all / any” 2 of the two are there"),
        (entry(all=None), "key “all / any” 0 of the two are there"),
        (entry(all="[]"), "key “all” holds no criterion"),
        (entry(all='[["pr", ">=", 2]]'), "has no measure “pr”. To mend: known: a, b, c, d, expected, prr"),
        (entry(all='[["prr", "=>", 2]]'), "has no operator “=>”. To mend: known: >=, >, <=, <"),
        (entry(all='[["prr", ">=", "2"]]'), r"holds ['prr', '>=', '2']. To mend: write [measure, operator, number]"),
        (entry(all='[["prr", ">=", true]]'), "holds ['prr', '>=', True]"),
        (entry(all='[["prr", ">=", inf]]'), "bounds prr by inf"),
        (entry(all='["yours"]'), "names the screen “yours”, which is not there"),
        (entry(all='["mine"]'), "goes in a circle: mine → mine"),
        (entry("Mine"), "key “Mine” is no name for a screen"),
        ("stray = 1\n", "“stray” is no screen"),
        ("[", "cannot be read as TOML"),
    ],
)
def test_what_is_refused_names_file_screen_key_and_fix(load, text, message):
    with pytest.raises(ReferenceDataError) as caught:
        load(text)
    assert message in str(caught.value)
    assert "screens.toml" in str(caught.value)


def test_missing_head_and_missing_file(load, tmp_path):
    with pytest.raises(ReferenceDataError, match="“reviewed” is missing at the top"):
        load(entry(), head='title = "t"\nsource = "s"\n')
    with pytest.raises(ReferenceDataError, match=r"none\.toml is missing"):
        load_screens(tmp_path / "none.toml")


def test_too_many_screens(load):
    with pytest.raises(ReferenceDataError, match="60 screens; at most 59"):
        load(*(entry(f"s{number}") for number in range(60)))


def test_every_measure_of_the_table_can_be_bounded(load):
    bounds = ", ".join(f'["{name}", ">", 0]' for name in (*MEASURE_COLUMNS, "serious", "deaths"))
    [screen] = load(entry(any=f"[{bounds}]", all=None))
    assert len(screen.rule.parts) == len(MEASURE_COLUMNS) + 2


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("events", "[]", "“mine”, key “events” is an empty list. To mend: name some, or leave the key out"),
        ("events", '"rash"', "“mine”, key “events” holds 'rash'. To mend: write a list of texts"),
        ("products", "[1]", r"“mine”, key “products” holds \[1\]"),
    ],
)
def test_labels_that_are_no_list_of_texts(load, key, value, message):
    with pytest.raises(ReferenceDataError, match=message):
        load(entry(**{key: value}))


def test_what_the_signals_are_stratified_by():
    assert parse_strata(screens_text()) == ("age_band", "sex")
    assert parse_strata('title = "t"') == ()
    with pytest.raises(ReferenceDataError, match=r"key “strata” holds \['weight'\]\. Write a list of sex, age_band"):
        parse_strata('strata = ["weight"]')
