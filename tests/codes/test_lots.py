import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pv.codes import lots
from pv.text import SEVERAL


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2101001", ("2101001",)),
        (" ａ２１０１－００１ ", ("A2101-001",)),
        ("a2101 001", ("A2101001",)),
        ("批号：2101001", ("2101001",)),
        ("产品批号 2101001", ("2101001",)),
        ("LOT: ab12", ("AB12",)),
        ("Lot No. ab12", ("AB12",)),
        ("Batch number ab12", ("AB12",)),
        ("2101001、2101002；A3", ("2101001", "2101002", "A3")),
        ("2101001,2101001", ("2101001",)),
        ("20210101 20210102", ("20210101", "20210102")),
        ("2101001/2101002", ("2101001", "2101002")),
        ("12/3456", ("12/3456",)),
        ("2101001和2101002", ("2101001", "2101002")),
        ("2101001-2101005", ("2101001-2101005",)),  # a range: what lies between is not known
        ("21.01", ("21.01",)),
        ("A1；不详", ("A1",)),
        *[(blank, ()) for blank in ("不详", "/", "", "—", "N/A", "无", "不知道", "批号：不详", "…")],
    ],
)
def test_lots(written: str, expected: tuple[str, ...]) -> None:
    assert lots.lots(written) == expected


def test_hyphens_tell_lots_apart() -> None:
    assert lots.normal("21-01") != lots.normal("2101")


def test_lots_of_a_column() -> None:
    assert lots.of(pd.Series(["不详", "a1", ""], dtype="str")).tolist() == ["", "A1", ""]
    assert lots.normal("a1、a2") == f"A1{SEVERAL}A2"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("YZB/国1234-2013", "standard"),
        ("GB 8368-2018", "standard"),
        ("YY/T 0286-2006", "standard"),
        ("苏食药监械生产许可20010020号", "licence"),
        ("国械注准20153141234", "number"),
        ("国药准字H20053456", "number"),
        ("20210101", ""),
        ("YY20210101", ""),
        ("GB2101", ""),
    ],
)
def test_what_is_written_in_place_of_a_lot(text: str, what: str) -> None:
    assert lots.what_else(text) == what


@given(st.text(max_size=40))
def test_lots_are_stable(text: str) -> None:
    found = lots.lots(text)
    assert len(set(found)) == len(found)
    assert all(lot and not re.search(r"\s", lot) and lot == lot.upper() for lot in found)


LOTS = st.from_regex(r"[A-Z]{0,2}[0-9]{5,8}(-[0-9]{1,2})?", fullmatch=True)


@given(st.lists(LOTS, min_size=1, max_size=4), st.sampled_from("、,;，；/ \n"))
def test_lots_written_together_are_all_found(written: list[str], separator: str) -> None:
    assert lots.lots(separator.join(written)) == tuple(dict.fromkeys(written))
