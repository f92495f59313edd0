"""Subgroups: who is in them, the tables within them, the file and what is refused."""

import numpy as np
import pandas as pd
import pytest
from case_lists import incidence_of, repeated_cases
from hypothesis import given, settings
from hypothesis import strategies as st

from pv.reference import ReferenceDataError
from pv.signals.measures import MEASURE_COLUMNS, all_measures
from pv.signals.screens import Criterion, Rule, load_screens
from pv.signals.subgroups import load_subgroups, subgroup_masks, subgroup_tables

HEAD = 'title = "t"\nsource = "s"\nreviewed = 2026-11-22\n'
KEYS = {"zh": '"甲"', "en": '"A"', "source": '"S"', "mark": '"K"', "all": '[["age_years", "<", 15]]'}


def section(name="mine", **changes):
    keys = {key: value for key, value in (KEYS | changes).items() if value is not None}
    return f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in keys.items()) + "\n"


@pytest.fixture
def load(tmp_path):
    def from_text(text, head=HEAD):
        path = tmp_path / "subgroups.toml"
        path.write_text(head + text, encoding="utf-8")
        return load_subgroups(path)

    return from_text


def facts(**columns):
    """Cases that are known to be nothing, but for what is given."""
    size = len(next(iter(columns.values())))
    nothing = {"sex": "", "district": "", "age_years": np.nan, "sentinel": False, "serious": False, "death": False}
    types = {"sex": "str", "district": "str", "age_years": "float64"}
    return pd.DataFrame({name: columns.get(name, [empty] * size) for name, empty in nothing.items()}).astype(types)


def test_who_is_in_the_shipped_subgroups():
    cases = facts(
        age_years=[0.0, 14.9, 15.0, 64.9, 65.0, np.nan],
        sex=["female", "male", "unknown", "", "female", "male"],
        district=["B", "A", "", "A", "甲", "B"],
        sentinel=[True, False, False, True, False, False],
        serious=[False, True, True, False, False, False],
    )
    members = {name: np.flatnonzero(mask).tolist() for name, mask in subgroup_masks(cases).items()}
    assert members == {
        "children": [0, 1],
        "elderly": [4],
        "female": [0, 4],
        "male": [1, 5],
        "sentinel": [0, 3],
        "serious": [1, 2],
        "district:A": [1, 3],
        "district:B": [0, 5],
        "district:甲": [4],
    }
    assert list(members) == [*list(members)[:6], "district:A", "district:B", "district:甲"]


def test_nobody_is_in_no_subgroup():
    masks = subgroup_masks(facts(sex=[]))
    assert list(masks) == ["children", "elderly", "female", "male", "sentinel", "serious"]
    assert all(mask.shape == (0,) and mask.dtype == bool for mask in masks.values())


def test_all_conditions_together(load):
    girls = load(section(all='[["age_years", "<", 15], ["sex", "=", "female"], ["death", "=", false]]'))
    cases = facts(
        age_years=[3, 3, 30, 3], sex=["female", "male", "female", "female"], death=[False, False, False, True]
    )
    assert subgroup_masks(cases, girls)["mine"].tolist() == [True, False, False, False]


def test_cases_without_a_column():
    with pytest.raises(ValueError, match="no column “sentinel”"):
        subgroup_masks(facts(sex=["male"]).drop(columns="sentinel"))


SCREENS = load_screens()


def test_a_pair_of_children_only():
    # Among children A and x go together; among the far more adults with A they do not.
    children = [("A", "x")] * 6 + [("A", "y")] * 2 + [("B", "x")] * 3 + [("B", "y")] * 30
    adults = [("A", "y")] * 150 + [("B", "x")] * 200 + [("B", "y")] * 200
    incidence = incidence_of(children + adults)
    cases = facts(age_years=[5.0] * len(children) + [40.0] * len(adults))
    table = subgroup_tables(incidence, subgroup_masks(cases), SCREENS)
    # Among children B and y, too: 30 of 33 with B, 2 of 8 without it.
    assert table[["subgroup", "product", "event"]].to_numpy().tolist() == [
        ["children", "A", "x"],
        ["children", "B", "y"],
    ]
    row = table.iloc[0]
    assert row[["a", "b", "c", "d"]].tolist() == [6, 2, 3, 30]
    assert row["expected"] == pytest.approx(8 * 9 / 41)
    assert row["ror"] == pytest.approx(6 * 30 / (2 * 3))
    assert set(row["screens"].split(";")) >= {"evans", "ror"}
    everyone = subgroup_tables(incidence, {"all": np.ones(len(cases), dtype=bool)}, SCREENS)
    assert ["A", "x"] not in everyone[["product", "event"]].to_numpy().tolist()


def by_hand(cases, mask, screens):
    """Rows (product, event, a, b, c, d, names) from plain counting."""
    some = [
        (set(products), set(events))
        for (products, events), m in zip(cases, mask, strict=True)
        if m and products and events
    ]
    rows = []
    for product in sorted(set().union(*(products for products, _ in some))):
        for event in sorted(set().union(*(events for _, events in some))):
            cells = [0, 0, 0, 0]
            for products, events in some:
                cells[2 * (product not in products) + (event not in events)] += 1
            if cells[0]:
                measures = all_measures(*([cell] for cell in cells))
                names = [s.name for s in screens if s.rule.measures <= measures.keys() and s.rule.met(measures)[0]]
                if names:
                    rows.append([product, event, *cells, ";".join(names)])
    return rows


@settings(max_examples=25, deadline=None)
@given(repeated_cases(), st.integers(0, 99))
def test_plain_counting_agrees(cases, seed):
    masks = {name: np.random.default_rng(seed).random(len(cases)) < share for name, share in (("b", 0.7), ("a", 1))}
    table = subgroup_tables(incidence_of(cases), masks, SCREENS)
    general = [screen for screen in SCREENS if screen.general]
    wanted = [[name, *row] for name, mask in masks.items() for row in by_hand(cases, mask, general)]
    assert table[["subgroup", "product", "event", *"abcd", "screens"]].to_numpy().tolist() == wanted


def test_columns_whatever_there_is():
    incidence = incidence_of([("A", "x")] * 5 + [("B", "y")] * 5)
    full = subgroup_tables(incidence, {"all": np.ones(10, dtype=bool)}, SCREENS)
    assert full.columns[:3].tolist() == ["subgroup", "product", "event"]
    assert full.columns[3 : 3 + len(MEASURE_COLUMNS)].tolist() == list(MEASURE_COLUMNS)
    assert full.columns[-1] == "screens"
    assert len(full) == 2
    for empty in (
        subgroup_tables(incidence, {}, SCREENS),
        subgroup_tables(incidence, {"none": np.zeros(10, dtype=bool)}, SCREENS),
        subgroup_tables(incidence, {"all": np.ones(10, dtype=bool)}, ()),
        subgroup_tables(incidence_of([]), {"all": np.ones(0, dtype=bool)}, SCREENS),
    ):
        assert empty.empty
        pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_only_general_screens_on_closed_forms_count():
    [ror] = [screen for screen in SCREENS if screen.name == "ror"]
    names = {
        "closed": Rule("all", (Criterion("a", ">=", 4),)),
        "shrunk": Rule("all", (Criterion("eb05", ">", 0),)),
        "grave": Rule("any", (Criterion("serious", ">=", 0), Criterion("a", ">=", 1))),
    }
    screens = [type(ror)(**{**vars(ror), "name": name, "rule": rule}) for name, rule in names.items()]
    screens.append(type(ror)(**{**vars(ror), "name": "class", "comparator": "class"}))
    incidence = incidence_of([("A", "x")] * 5 + [("B", "y")] * 3)
    table = subgroup_tables(incidence, {"all": np.ones(8, dtype=bool)}, screens)
    assert table[["product", "screens"]].to_numpy().tolist() == [["A", "closed"]]


def test_a_mask_of_other_cases():
    with pytest.raises(ValueError, match="subgroup “few”"):
        subgroup_tables(incidence_of([("A", "x")] * 3), {"few": np.ones(2, dtype=bool)}, SCREENS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (section(zh=None), "subgroup “mine”, key “zh” is missing or empty. To mend: write zh = "),
        (section(source='" "'), "key “source” is missing or empty"),
        (section(mark='"X"'), "key “mark” is “X”. To mend: write one of S, W, K"),
        (section(name="Kinder"), "key “Kinder” is no name for a subgroup"),
        (section(note='"n"'), "key “note” is unknown. To mend: known keys: zh, en, source, mark, all, each"),
        (section(all=None), "key “all / each” are both there or both missing"),
        (section(each='"district"'), "key “all / each” are both there or both missing"),
        (section(all=None, each='"age_years"'), "key “each” is 'age_years'. To mend: write one of sex, district"),
        (section(all="[]"), "key “all” holds no condition"),
        (
            section(all='["age_years", "<", 15]'),
            "key “all” holds 'age_years'. To mend: write [column, operator, value]",
        ),
        (section(all='[["age", "<", 15]]'), "has no column “age”. To mend: known: age_years, sex"),
        (section(all='[["age_years", "=", 15]]'), "compares age_years by “=”. To mend: known for it: <, <=, >, >="),
        (section(all='[["age_years", "<", "15"]]'), "compares age_years with '15'. To mend: write a number"),
        (section(all='[["age_years", "<", nan]]'), "compares age_years with nan. To mend: write a number"),
        (section(all='[["age_years", "<", true]]'), "compares age_years with True"),
        (section(all='[["sentinel", "=", 1]]'), "compares sentinel with 1. To mend: write true or false"),
        (section(all='[["district", "=", " "]]'), "compares district with ' '. To mend: write a text"),
        (section(all='[["sex", "=", "女"]]'), "compares sex with “女”. To mend: known codes: female, male, unknown"),
        ('mine = "A"\n', "key “mine” is no section. To mend: write [mine] or remove it"),
        ("[mine\n", "cannot be read as TOML"),
    ],
)
def test_a_wrong_file_is_explained(load, text, message):
    with pytest.raises(ReferenceDataError) as error:
        load(text)
    assert message in str(error.value)
    assert "subgroups.toml" in str(error.value)


def test_a_file_without_its_heading_or_not_there(load, tmp_path):
    with pytest.raises(ReferenceDataError, match="“reviewed” is missing at the top"):
        load(section(), head='title = "t"\nsource = "s"\n')
    with pytest.raises(ReferenceDataError, match=r"none\.toml is missing"):
        load_subgroups(tmp_path / "none.toml")
    (tmp_path / "gb.toml").write_text('title = "亚组"', encoding="gb18030")
    with pytest.raises(ReferenceDataError, match="is not UTF-8"):
        load_subgroups(tmp_path / "gb.toml")
