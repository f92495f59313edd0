"""What a text means among the wordings of the store."""

from __future__ import annotations

import pandas as pd
import pytest

from pv.text import fold
from pv.tracing.question import Asked, Group, Pair, folds, groups, matches, relation


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("20260301", "20260301"),
        ("２０２６０３０１", "20260301"),
        (" a-12 03 ", "A1203"),
        ("国药准字 （Ｈ）20053456", "国药准字H20053456"),
        ("不详", ""),
        ("/", ""),
        ("NA", ""),
        ("- -", ""),
    ],
)
def test_folding(written: str, form: str) -> None:
    assert fold(written) == form


def test_a_cell_of_several_lots_stands_for_each_of_them() -> None:
    assert folds("20260301、20260302", "lot") == ("2026030120260302", "20260301", "20260302")
    assert folds("AB/12", "lot") == ("AB12",)  # too short to be lots of their own
    assert folds("批号：a1203", "lot") == ("批号A1203", "A1203")
    assert folds("LOT1203", "lot") == ("LOT1203", "1203")
    assert folds("甲、乙片", "product") == ("甲乙片",)


@pytest.mark.parametrize(
    ("lot", "asked", "how"),
    [
        ("A260403", "a 260403", "asked"),
        ("A260404", "A260403", "adjacent"),
        ("A260408", "A260403", "adjacent"),
        ("A260409", "A260403", "similar"),  # one digit another, six numbers on
        ("A26O4O3", "A260403", "similar"),
        ("A26043", "A260403", "similar"),
        ("B260505", "A260403", "other"),
        ("260403", "26040", "similar"),
        ("1", "2", "adjacent"),
    ],
)
def test_how_a_lot_stands_to_another(lot: str, asked: str, how: str) -> None:
    assert relation(lot, [asked]) == how


def test_texts_of_a_kind_are_alternatives_and_kinds_hold_together() -> None:
    rows = pd.DataFrame(
        [("片", "片", "H1", "L1"), ("片", "片", "H1", "L2"), ("片", "片", "H1", "L3"), ("胶囊", "胶囊", "H2", "L1")],
        columns=["product", "name", "identifier", "lot"],
        dtype="str",
    ).assign(udi=["", "", "", "U1"])
    product, one, two = (
        Asked("片", ("product",), ("片",), ()),
        Asked("l1", ("lot",), ("L1",), ()),
        Asked("l2", ("lot",), ("L2",), ()),
    )
    assert matches(rows, [one]).tolist() == [True, False, False, True]
    assert matches(rows, [one, two]).tolist() == [True, True, False, True]
    assert matches(rows, [product, one, two]).tolist() == [True, True, False, False]
    unknown = Asked("L9", ("lot",), (), ())
    assert matches(rows, [product, unknown]).tolist() == [False] * 4
    assert matches(rows, [one, unknown]).tolist() == [True, False, False, True]
    # What is known as two kinds joins the texts of either.
    both = Asked("L1", ("lot", "product"), ("L1",), ())
    assert groups([product, both, two]) == [Group(frozenset({"lot", "product"}), frozenset({"片", "L1", "L2"}))]
    # A UDI means itself, or its lot of one of its numbers.
    scanned = Asked("(01)…", ("udi",), ("U1",), (), Pair(frozenset({"H1"}), frozenset({"L2"})))
    assert matches(rows, [scanned]).tolist() == [False, True, False, True]
    assert matches(rows, [scanned, product]).tolist() == [False, True, False, False]
