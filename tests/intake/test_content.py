"""What makes two versions of a report equal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pv.intake.content import with_hashes
from pv.sources import Extract
from pv.sources.layouts import Layout, LayoutColumn
from tests.conftest import KEY

LAYOUT = Layout(
    "x",
    "device",
    "report",
    ("a",),
    tuple(LayoutColumn(name, (), name, "", False) for name in ("report_number", "lot", "model", "failure")),
)


def hashed(rows: list[dict[str, str]], layout: Layout = LAYOUT, report: list[int] | None = None) -> list[str]:
    fields = pd.DataFrame(rows, dtype="str")
    checked = pd.DataFrame({"report": report or range(len(rows)), "age_years": np.nan, "sex": ""})
    return list(with_hashes(checked, Extract(layout, fields, fields), KEY)["content_hash"])


def test_a_field_that_the_layout_gets_later_changes_no_hash_of_reports_without_it() -> None:
    rows = [{"report_number": "E1", "lot": "A"}, {"report_number": "E2", "lot": ""}]
    later = replace(LAYOUT, columns=(*LAYOUT.columns, LayoutColumn("udi", (), "udi", "", False)))
    before = hashed(rows)
    assert hashed([row | {"udi": ""} for row in rows], later) == before
    changed = hashed([row | {"udi": "123"} for row in rows], later)
    assert set(changed).isdisjoint(before)


def test_the_same_text_in_another_field_is_another_content() -> None:
    assert len(set(hashed([{"lot": "A", "model": ""}, {"lot": "", "model": "A"}]))) == 2


TEXTS = st.fixed_dictionaries({name: st.sampled_from(["", "A", "B"]) for name in ("lot", "model", "failure")})


@given(st.lists(TEXTS, min_size=2, max_size=6))
def test_hashes_are_equal_where_the_rows_are(rows: list[dict[str, str]]) -> None:
    found = hashed(rows)
    assert len(set(found)) == len({tuple(sorted(row.items())) for row in rows})


def test_the_order_of_a_reports_rows_does_not_matter() -> None:
    layout = replace(LAYOUT, grain="product")
    rows = [{"lot": "A"}, {"lot": "B"}, {"lot": "A"}, {"lot": "C"}]
    one, _, other, _ = hashed(rows, layout, [0, 0, 1, 1])
    turned = hashed([rows[1], rows[0]], layout, [0, 0])
    assert turned == [one, one]
    assert one != other
