"""The demo's catalogue: names as the store will show them, shares that add up."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta

import pytest

from pv.codes.numbers import is_known_form
from pv.demo.catalogue import EVENT_COUNTS, MIX, STREAMS, catalogue, table


@pytest.mark.parametrize("stream", STREAMS)
def test_names_are_normalised_and_terms_hold_no_separator(stream: str) -> None:
    for group in catalogue(stream).groups.values():
        for product in group.products:
            assert unicodedata.normalize("NFKC", product.label) == product.label == product.label.strip()
        for terms in group.terms.values():
            assert not [term for term in terms.share if re.search(r"[；;、,，/|()（）\s]", term)]


@pytest.mark.parametrize("stream", STREAMS)
def test_numbers_are_unique_and_in_the_published_forms(stream: str) -> None:
    products = [product for group in catalogue(stream).groups.values() for product in group.products]
    numbers = [product.identifier for product in products if product.identifier]
    assert len(set(numbers)) == len(numbers)
    assert [number for number in numbers if not is_known_form(stream, number)] == []
    if stream == "drug":
        without = {product.category for product in products if not product.identifier}
        assert without == {"Y", "P"}  # decoction pieces and hospital preparations
    else:
        assert len({product.label for product in products}) == len(products)


@pytest.mark.parametrize("stream", STREAMS)
def test_no_two_products_share_a_lot(stream: str) -> None:
    products = [product for group in catalogue(stream).groups.values() for product in group.products]
    days = [date(2024, 11, 18) + timedelta(days=offset) for offset in range(0, 730, 30)]
    lots = {(product.index, product.lot(day)) for product in products for day in days}
    assert len({lot for _, lot in lots}) == len(lots)


@pytest.mark.parametrize("stream", STREAMS)
def test_shares_and_counts_are_distributions(stream: str) -> None:
    products = catalogue(stream)
    assert sum(products.share.values()) == pytest.approx(1)
    for counts in EVENT_COUNTS[stream].values():
        assert sum(counts) == pytest.approx(1)


def test_share_of_an_event_worked_by_hand() -> None:
    """开塞露: 腹痛 is 6 of 11.5 in the profile, 38 in the background; one event 66 %, two 25 %, three 9 %."""
    drugs = catalogue("drug")
    background = sum(float(row["weight"]) for row in table("reactions"))
    drawn = MIX * 6 / 11.5 + (1 - MIX) * 38 / background
    expected = 0.66 * drawn + 0.25 * (1 - (1 - drawn) ** 2) + 0.09 * (1 - (1 - drawn) ** 3)
    assert drugs.event_share("开塞露", "reaction", "腹痛") == pytest.approx(expected)


def test_products_are_found_by_group_and_number() -> None:
    devices = catalogue("device")
    assert devices.product("输液泵#2") is devices.groups["输液泵"].products[1]
    assert devices.product("输液泵") is devices.product("输液泵#1")
