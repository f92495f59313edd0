"""Use and reporting rate: only the reports of where and when a quantity was stated stand against it."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy.stats import poisson

from pv.context.use import UNPLACED, use_rates
from pv.reference import Reference
from pv.week import Week
from tests.context.conftest import named, report

WEEK = Week.parse("2026-W46")  # ends on 2026-11-15
ALERTED = {("drug", "阿莫西林胶囊")}


def quantity(period: str, amount: float, **told: str) -> dict[str, object]:
    entry: dict[str, object] = {
        "period": period, "stream": "drug", "product": "阿莫西林胶囊", "identifier": "", "lot": "",
        "hospital": "第一医院", "area": "", "channel": "", "measure": "used", "quantity": amount, "unit": "盒",
        "source": "",
    }  # fmt: skip
    return entry | told


def rates(known: Reference, reports: pd.DataFrame, *entries: dict[str, object], week: Week = WEEK) -> pd.DataFrame:
    frame = pd.DataFrame(list(entries))
    texts = {name: "str" for name in frame if name != "quantity"}
    return use_rates(frame.astype(texts), reports, known, week, ALERTED)


def test_a_rate_with_exact_limits(known: Reference) -> None:
    reports = named(
        report("A"), report("A"), report("B", received_on="2026-10-01"),
        report("C", hospital_id="H2"),  # a hospital that stated nothing
        report("D", received_on="2026-08-31"),  # a month without a quantity
        report("E", product="头孢", name="头孢"),
    )  # fmt: skip
    entries = (quantity("2026-09", 1200), quantity("2026-10", 800), quantity("2026-11", 500))
    (row,) = rates(known, reports, *entries).to_dict("records")
    assert (row["reports"], row["quantity"], row["periods"]) == (2, 2000, 2)  # November is not over
    assert (row["first_period"], row["last_period"], row["places"], row["place"]) == ("2026-09", "2026-10", 1, "")
    assert row["rate"] == pytest.approx(10)
    # Garwood's limits are those at which 2 or fewer (2 or more) reports have a chance of 2.5 %.
    assert poisson.cdf(2, row["rate_high"] / 10_000 * 2000) == pytest.approx(0.025)
    assert poisson.sf(1, row["rate_low"] / 10_000 * 2000) == pytest.approx(0.025)
    assert row["alert"]


def test_no_report_is_a_rate_of_none_with_an_upper_limit(known: Reference) -> None:
    (row,) = rates(known, named(), quantity("2026-09", 10_000)).to_dict("records")
    assert (row["reports"], row["rate"], row["rate_low"]) == (0, 0, 0)
    assert row["rate_high"] == pytest.approx(-math.log(0.025))


def test_an_area_takes_the_reports_of_all_its_hospitals(known: Reference) -> None:
    reports = named(
        report("A"), report("B", hospital_id="H2"), report("C", hospital_id="H3"), report("D", hospital_id="")
    )
    by_area = [quantity("2026-09", 100, hospital="", area=area) for area in ("东湖区", "D2", "江城市", "别处")]
    table = rates(known, reports, *by_area, quantity("2026-09", 50))
    found = table.set_index("place")["reports"].to_dict()
    assert found["东湖区"] == 2
    assert found["D2"] == 1
    assert found["江城市"] == 4  # with the report of an unknown unit
    assert found[""] == 1  # the first hospital by itself: never added to its district
    assert math.isnan(found[UNPLACED])
    assert table.set_index("place")["rate"].isna().to_dict()[UNPLACED]


def test_periods_of_different_lengths_are_not_added(known: Reference) -> None:
    reports = named(report("A"), report("B", received_on="2025-06-01"), report("C", received_on="2026-07-15"))
    table = rates(
        known, reports, quantity("2026-09", 10), quantity("2026-Q3", 30), quantity("2025", 100), quantity("2024", 90)
    )
    assert table[["length", "first_period", "quantity", "reports"]].to_numpy().tolist() == [
        ["month", "2026-09", 10.0, 1],
        ["quarter", "2026-Q3", 30.0, 2],
        ["year", "2025", 100.0, 1],
    ]


def test_quantities_of_twelve_months(known: Reference) -> None:
    table = rates(known, named(), quantity("2025-10", 1), quantity("2025-11", 2), quantity("2026-10", 4))
    assert table["quantity"].tolist() == [6.0]


def test_numbers_lots_units_and_measures_stand_apart(known: Reference) -> None:
    reports = named(
        report("A"), report("B", number="国药准字H20250002", lot="L2"), report("C", number="", lot="L1\x1fL3"),
    )  # fmt: skip
    one, other = {"identifier": "国药准字H20250001"}, {"identifier": "国药准字 H20250002"}
    table = rates(known, reports, quantity("2026-09", 10, **one), quantity("2026-09", 20, **other))
    assert sorted(table[["by", "quantity", "reports"]].to_numpy().tolist()) == [
        ["number", 10.0, 1],
        ["number", 20.0, 1],
        ["product", 30.0, 3],  # a hospital states all that it used, whoever made it
    ]
    sold = rates(known, reports, quantity("2026-09", 10, **one, measure="sold", hospital="", area="江城市"))
    assert sold["by"].tolist() == ["number"]  # what one maker sold says nothing of the others
    by_lot = rates(known, reports, quantity("2026-09", 5, lot="l1"))
    assert by_lot[["by", "quantity", "reports"]].to_numpy().tolist() == [["lot", 5.0, 2]]
    units = rates(known, reports, quantity("2026-09", 5), quantity("2026-09", 7, unit="支"))
    assert sorted(units["quantity"]) == [5.0, 7.0]


def test_synonyms_of_a_product_are_one(known: Reference) -> None:
    (row,) = rates(known, named(report("A")), quantity("2026-09", 5, product="阿莫西林胶囊(胶囊)")).to_dict("records")
    assert (row["product"], row["reports"]) == ("阿莫西林胶囊", 1)


def test_channels_are_added_and_nothing_stated_is_no_table(known: Reference) -> None:
    both = (quantity("2026-09", 5, channel="门诊"), quantity("2026-09", 7, channel="住院"))
    (row,) = rates(known, named(report("A")), *both).to_dict("records")
    assert (row["quantity"], row["reports"]) == (12, 1)
    assert rates(known, named(), quantity("2026-12", 5)).empty
