"""Totals of a week, counted by hand."""

from __future__ import annotations

import pandas as pd
from small_city import City

from pv.rendering.totals import official_reports, stream_totals
from pv.week import Week

WEEK = Week.parse("2026-W46")  # 9 to 15 November 2026; the same week of 2025 is 10 to 16 November


def filings(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Of (received, left out, marks): marks are s serious, d death, n new, m merged."""
    return pd.DataFrame(
        [
            {
                "stream": "drug",
                "case": f"C{place}",
                "received_on": day,
                "left_out": left_out,
                "merged_into": "C0" if "m" in marks else "",
                "serious": "s" in marks,
                "death": "d" in marks,
                "new": "n" in marks,
            }
            for place, (day, left_out, marks) in enumerate(rows)
        ]
    )


def quarantined(*rows: tuple[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["case", "received_on"], dtype="str")
    return frame.assign(stream="drug")


def test_the_week_and_what_it_is_compared_with() -> None:
    frame = filings(
        ("2026-11-09", "", "sd"),
        ("2026-11-15", "", "n"),
        ("2026-11-15", "", "m"),
        ("2026-11-10", "deleted", "s"),  # not counted
        ("2026-11-08", "", ""),  # last week
        ("2025-11-10", "", ""),  # the same week last year
        ("2025-11-16", "", ""),  # the same week last year, though not in its year to date up to 15 November
        ("2025-01-01", "", ""),
        ("2024-12-30", "", ""),  # since when there are data
    )
    (total,) = stream_totals(frame, quarantined(("Q1", "2026-11-11")), WEEK)
    assert (total.week, total.last_week, total.week_change) == (4, 1, 3)
    assert (total.same_week_last_year, total.year_change) == (2, 2)
    assert (total.ytd, total.ytd_last_year, total.ytd_growth) == (5, 2, 1.5)
    assert (total.deaths, total.serious, total.new_or_serious, total.merged) == (1, 1, 2, 1)
    assert total.trend[-2:] == (1, 4)
    assert len(total.trend) == 52


def test_last_year_is_unknown_where_the_data_begin_later() -> None:
    (total,) = stream_totals(filings(("2026-11-09", "", ""), ("2026-02-01", "", "")), quarantined(), WEEK)
    assert (total.same_week_last_year, total.year_change, total.ytd_last_year, total.ytd_growth) == (None,) * 4


def test_a_report_counts_once_whether_stored_or_in_quarantine() -> None:
    stored = filings(("2026-11-09", "", ""))
    waiting = quarantined(("C0", "2026-11-09"), ("Q1", "2026-11-09"), ("Q1", "2026-11-10"), ("", ""), ("", ""))
    assert official_reports(stored, waiting)["received_on"].tolist() == ["2026-11-09", "2026-11-10", "", ""]


def test_without_reports_every_stream_shows_zeros() -> None:
    totals = stream_totals(filings(("2026-11-09", "", ""))[:0], quarantined(), WEEK)
    assert [total.stream for total in totals] == ["drug", "device", "cosmetic"]
    assert {total.week + total.ytd for total in totals} == {0}


def test_totals_agree_with_the_appraisal(city: City) -> None:
    """Both reports of a week show the same numbers, though each counts on its own."""
    areas = city.week_input.appraisal.district_rates
    whole = areas[areas["scope"] == "whole"].set_index("stream")
    for total in stream_totals(city.filings, city.quarantined, WEEK):
        row = whole.loc[total.stream]
        assert (total.week, total.ytd, total.ytd_last_year) == (
            row["reports_week"],
            row["reports_ytd"],
            row["reports_last_year"],
        )
