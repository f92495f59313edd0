from __future__ import annotations

import math

import pytest

from pv.appraisal.coverage import coverage, silent_hospitals, stopped_hospitals
from pv.appraisal.ledger import Ledger


def test_coverage_is_the_share_that_reported_this_year(november, held, reference, week) -> None:
    table = coverage(Ledger.of(november, held, reference(), week))
    by = table.set_index(["streams", "level_group", "area"])[["hospitals", "reporting", "coverage"]]
    assert by.loc[("drug+device", "all", "C")].tolist() == [5, 3, 0.6]
    assert by.loc[("drug+device", "level2", "C")].tolist() == [3, 2, 2 / 3]
    assert by.loc[("drug+device", "all", "D2")].tolist() == [3, 2, 2 / 3]  # with the town's H3
    assert by.loc[("device", "all", "C")].tolist() == [5, 1, 0.2]
    assert by.loc[("cosmetic", "all", "C")].tolist() == [5, 0, 0]
    assert math.isnan(by.loc[("all", "all", "D3"), "coverage"])


def test_silent_are_those_of_level_2_and_above_without_a_report(november, held, reference, week) -> None:
    table = silent_hospitals(Ledger.of(november, held, reference(), week))
    pairs = table[["stream", "hospital_id"]].to_numpy().tolist()
    assert pairs == [
        ["drug", "H5"],
        ["device", "H1"],
        ["device", "H5"],
        ["cosmetic", "H1"],
        ["cosmetic", "H2"],
        ["cosmetic", "H5"],
        ["all", "H5"],
    ]
    assert (table["last_report"] == "").all()
    assert table["weeks_since"].isna().all()
    assert table.iloc[0][["hospital", "level", "district_name"]].tolist() == ["儿童医院", "2", "西区"]


def test_silent_hospitals_show_their_last_report_of_any_year(filings, quarantined, reference, week) -> None:
    reports = filings(
        """stream case received_on hospital_id left_out
        drug a 2025-11-10 H5 .
        drug b 2025-11-12 H5 .
        drug gone 2026-03-03 H5 deleted"""
    )
    table = silent_hospitals(Ledger.of(reports, quarantined(), reference(), week))
    row = table[(table["stream"] == "all") & (table["hospital_id"] == "H5")].iloc[0]
    assert row["last_report"] == "2025-11-12"  # in 2025-W46; 2025 has 52 weeks
    assert row["weeks_since"] == 52


class TestStopped:
    @pytest.fixture
    def weekly(self, filings, quarantined, reference, week):
        """The table after H1 reported in each of 2026-W01 to W20 and H2 in the given ISO weeks of 2026."""
        from datetime import date

        def evaluate(weeks: list[int]):
            lines = [("H1", number) for number in range(1, 21)] + [("H2", number) for number in weeks]
            text = "stream case received_on hospital_id\n" + "\n".join(
                f"drug {hospital}-{place} {date.fromisocalendar(2026, number, 3)} {hospital}"
                for place, (hospital, number) in enumerate(lines)
            )
            table = stopped_hospitals(Ledger.of(filings(text), quarantined(), reference(), week))
            return table.set_index(["stream", "hospital_id"])

        return evaluate

    def test_a_weekly_reporter_silent_for_26_weeks_has_stopped(self, weekly) -> None:
        row = weekly([46]).loc[("drug", "H1")]
        assert (row["reports_before"], row["weeks_before"], row["weeks_since"]) == (20, 20, 26)
        assert row["mean_per_week"] == 1
        assert row["probability"] == pytest.approx(math.exp(-26))
        assert row["last_report"] == "2026-05-13"

    def test_eight_weeks_of_silence_count_and_seven_do_not(self, weekly) -> None:
        assert ("drug", "H2") in weekly(list(range(20, 39))).index
        assert ("drug", "H2") not in weekly(list(range(20, 40))).index

    def test_a_rare_reporter_has_not_stopped(self, weekly) -> None:
        """4 reports in 16 weeks are one in 4 weeks, 4 in 17 are fewer."""
        assert ("drug", "H2") in weekly([1, 2, 3, 16]).index
        assert ("drug", "H2") not in weekly([1, 2, 3, 17]).index

    def test_too_short_a_past_says_nothing(self, weekly) -> None:
        assert ("drug", "H2") not in weekly([1, 2, 3, 4, 5, 6, 7]).index

    def test_streams_together_are_looked_at_too(self, weekly) -> None:
        table = weekly([46])
        assert table.loc[("all", "H1"), "mean_per_week"] == 1
