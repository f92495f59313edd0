"""Wording of public databases: what is known is put into ours, what is not stays as written."""

from __future__ import annotations

import pandas as pd
import pytest

from pv.reference import shipped_toml
from pv.sources import foreign
from pv.sources.linked import JOIN
from pv.text import code_list

LAYOUTS = [name for name, entry in shipped_toml("foreign_layouts").items() if isinstance(entry, dict)]
OUR_LISTS = {"role": "role", "sex": "sex", "severity": "severity", "outcome": "outcome"}
AGE_UNITS = {"岁", "月", "周", "天", "小时", "十年", ""}


def texts(*values: str) -> pd.Series[str]:
    return pd.Series(list(values), dtype="str")


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_are_whole(name: str) -> None:
    layout = foreign.layout(name)
    fields = {column.field for column in layout.columns if column.field}
    assert {"report_number", "received_on", "name", "severity", "outcome", "sex", "age", "onset_on"} - fields <= {
        "onset_on"
    }
    assert layout.grain == "product"
    # The checks name the column of a field that they complain of.
    assert all(layout.heading_of(field) for field in fields)
    values = shipped_toml("foreign_layouts")[name]["values"]
    assert set(values) <= fields | {"age_unit"}
    for field, mapping in values.items():
        known = AGE_UNITS if field == "age_unit" else set(code_list(OUR_LISTS[field])) if field in OUR_LISTS else None
        assert known is None or set(mapping.values()) <= known | {""}, field


def test_codes() -> None:
    known = {"A": "严重", "B": "一般"}
    assert foreign.translated(texts("A", " B ", "C", ""), known).tolist() == ["严重", "一般", "C", ""]
    order = ("严重", "一般")
    values = texts("B；A", "B", "B；X", "X；A", "X", "", " ；")
    assert foreign.worst(values, known, order, JOIN).tolist() == ["严重", "一般", "B；X", "严重", "X", "", ""]
    assert foreign.any_of(values, known, JOIN).tolist() == ["一般", "一般", "一般", "严重", "", "", ""]
    assert foreign.each(texts("A；X", ""), known).tolist() == ["严重；X", ""]


def test_ages() -> None:
    ages, units = foreign.in_years(texts("6", "2.5", "x", "4", "", "7"), texts("十年", "十年", "十年", "月", "", ""))
    assert ages.tolist() == ["60", "25", "x", "4", "", "7"]
    assert units.tolist() == ["岁", "岁", "十年", "月", "", "?"]
    ages, units = foreign.age_and_unit(texts("67 YR", "14WK；70 YR", "about 5", "", "12"))
    assert ages.tolist() == ["67", "14", "about 5", "", "12"]
    assert units.tolist() == ["YR", "WK", "", "", ""]


def test_dates() -> None:
    written = texts("7/4/1990", "07/04/1990 10:00", "19900704", "1990-07", "", "13/45/1990")
    wanted = ["1990-07-04", "1990-07-04 10:00", "19900704", "1990-07", "", "1990-13-45"]
    assert foreign.us_dates(written).tolist() == wanted
    many = texts("20110405；2011；20110301", "2011；2010", "20110405", "", "x；20110405；99999999")
    assert foreign.earliest(many).tolist() == ["20110301", "2011", "20110405", "", "20110405"]


def test_joined_texts() -> None:
    assert foreign.together([texts("a", "", "c"), texts("b", "", "")]).tolist() == ["a；b", "", "c"]
    assert foreign.first(texts("a；b", "")).tolist() == ["a", ""]
    assert foreign.listed(texts("A, B,  C", "", ", "), ", ").tolist() == ["A；B；C", "", ""]
    assert foreign.substances(texts("A\\B", "C")).tolist() == ["A；B", "C"]


def test_retractions_have_every_field() -> None:
    layout = foreign.layout("faers")
    extract = foreign.extract_retractions(layout, "deleted/x.txt", [3, 5], ["7", "9"], "删除")
    fields = extract.fields
    assert fields[["report_number", "deleted", "standing", "sheet", "row"]].to_numpy().tolist() == [
        ["7", "删除", "retraction", "deleted/x.txt", 3],
        ["9", "删除", "retraction", "deleted/x.txt", 5],
    ]
    assert not fields["ragged"].any()
    rest = fields.drop(columns=["report_number", "deleted", "standing", "sheet", "row", "ragged"])
    assert (rest == "").all(axis=None)
    assert {column.field for column in layout.columns} <= set(fields)
