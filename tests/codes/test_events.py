import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pv.codes.events import split, terms


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("皮疹（一般）；过敏性休克（严重）", ("皮疹", "过敏性休克")),
        ("皮疹;皮疹（严重）", ("皮疹",)),
        ("恶心、呕吐，头晕", ("恶心", "呕吐", "头晕")),
        ("漏液（接口、管路）", ("漏液(接口、管路)",)),
        ("红斑\n丘疹", ("红斑", "丘疹")),
        ("无", ()),
        ("/", ()),
        (" ", ()),
    ],
)
def test_terms(written: str, expected: tuple[str, ...]) -> None:
    assert terms(written) == expected


@given(st.text())
def test_terms_are_stable(text: str) -> None:
    found = terms(text)
    assert len(set(found)) == len(found)
    assert all(term == term.strip() and term for term in found)


def test_split_keeps_the_index() -> None:
    rows = split(pd.Series(["a;b", "无", "c"], index=[7, 8, 9], dtype="str"))
    assert list(rows.items()) == [(7, "a"), (7, "b"), (9, "c")]
