from __future__ import annotations

import math

import pytest

from pv.appraisal.ledger import Ledger
from pv.appraisal.targets import TARGET_COLUMNS, target_status
from pv.reference import ReferenceDataError, shipped_csv, shipped_toml
from pv.week import Week

HEAD = "set metric stream area year comparison value nature source\n"


@pytest.fixture
def status(november, held, reference, week):
    """The status of the user's targets given as text (a set “own”), by row."""

    def evaluate(text: str, **tables: str):
        table = target_status(Ledger.of(november, held, reference(targets=HEAD + text, **tables), week))
        return table[table["set"] == "own"].reset_index(drop=True)

    return evaluate


class TestReportsPerMillion:
    def test_is_met_by_the_count(self, status) -> None:
        """10 ^ 6 people, 11 per million: the quota is 11 reports, 11 were filed."""
        row = status("own reports_per_million drug . 2026 >= 11 . .").iloc[0]
        assert (row["quota"], row["count"], row["completion"], row["met"]) == (11, 11, 1, "yes")
        assert row["actual"] == pytest.approx(11)
        assert (row["area"], row["area_name"], row["year"], row["population_year"]) == ("C", "江城", 2026, "2025")

    def test_is_not_met_by_one_too_few(self, status) -> None:
        row = status("own reports_per_million drug C 2026 ≥ 12 . .").iloc[0]
        assert (row["completion"], row["met"]) == (pytest.approx(11 / 12), "no")

    def test_quota_is_rounded_half_up(self, status) -> None:
        """250,000 × 18 per million = 4.5 → 5 reports; D2 filed 5."""
        row = status("own reports_per_million drug 西区 . >= 18 . .").iloc[0]
        assert (row["quota"], row["met"], row["area"]) == (5, "yes", "D2")

    def test_streams_may_be_added(self, status) -> None:
        table = status(
            """own reports_per_million drug+device D2 . >= 1 . .
            own reports_per_million all D2 . >= 1 . ."""
        )
        assert table["count"].tolist() == [6, 6]

    def test_is_unknown_without_a_population_but_listed(self, status) -> None:
        row = status("own reports_per_million drug D3 . >= 1 . .").iloc[0]
        assert math.isnan(row["actual"])
        assert math.isnan(row["completion"])
        assert (row["met"], row["count"]) == ("", 0)


class TestShares:
    def test_coverage_of_medical_institutions(self, status) -> None:
        """H1, H2, H3 of five reported; the pharmacy is none."""
        row = status("own coverage drug+device . . >= 0.8 . .").iloc[0]
        assert (row["actual"], row["completion"], row["met"]) == (0.6, pytest.approx(0.75), "no")

    def test_coverage_from_level_2(self, status) -> None:
        table = status("own coverage_level2 drug D1 . >= 1 . .\nown coverage_level2 drug D2 . >= 1 . .")
        assert table["actual"].tolist() == [1, 0.5]
        assert table["met"].tolist() == ["yes", "no"]

    def test_registration(self, status) -> None:
        row = status("own registration_level2 all . . >= 1 . .").iloc[0]
        assert (row["actual"], row["met"]) == (pytest.approx(2 / 3), "no")

    def test_registration_nobody_entered_is_unknown(self, status) -> None:
        blank = "hospital_id name level kind district registered reports_for\nH1 甲 3 综合医院 D1 . ."
        row = status("own registration_level2 all . . >= 1 . .", hospitals=blank).iloc[0]
        assert (math.isnan(row["actual"]), row["met"]) == (True, "")

    def test_evaluation_counts_only_what_is_due(self, status) -> None:
        """Due by 15 November: year1, member, foreign, copy (3 days, serious), and unknown, the one evaluated."""
        row = status("own evaluation_rate drug . . >= 1 . .").iloc[0]
        assert (row["actual"], row["met"]) == (0.2, "no")


class TestWhatApplies:
    def test_columns_begin_with_those_of_the_file(self, november, held, reference, week) -> None:
        table = target_status(Ledger.of(november, held, reference(), week))
        assert list(table.columns[: len(TARGET_COLUMNS)]) == TARGET_COLUMNS

    def test_a_fictional_city_gets_only_the_national_targets(self, november, held, reference, week) -> None:
        table = target_status(Ledger.of(november, held, reference(), week))
        assert table["metric"].tolist() == ["reports_per_million"] * 3
        assert table["value"].tolist() == [600, 400, 60]
        assert table["area"].unique().tolist() == ["C"]

    def test_a_named_area_gets_its_own_beside_the_national_ones(self, november, held, reference) -> None:
        areas = "code name parent\nC 武清区 .\nD1 东区 C\nD2 西区 C\nT1 河镇 D2"
        city = reference(areas=areas)
        in_2025 = target_status(Ledger.of(november, held, city, Week.parse("2025-W46")))
        assert in_2025["set"].value_counts().to_dict() == {
            "武清区“十四五”规划": 7,
            "国家要求（武清规划所引）": 3,
        }
        drug = in_2025[(in_2025["metric"] == "reports_per_million") & (in_2025["stream"] == "drug")]
        assert drug["quota"].tolist() == [400, 600]
        in_2026 = target_status(Ledger.of(november, held, city, Week.parse("2026-W46")))
        assert set(in_2026["metric"]) == {"reports_per_million", "registration_level2", "coverage", "training"}

    def test_what_cannot_be_computed_is_listed(self, status) -> None:
        table = status(
            """own training all . . >= 1 . .
            own beds_per_head all . . >= 1 . .
            own coverage all 别处 . >= 1 . .
            own coverage vaccine . . >= 1 . ."""
        )
        assert len(table) == 4
        assert table["actual"].isna().all()
        assert (table["met"] == "").all()
        assert table["area"].tolist() == ["C", "C", "别处", "C"]

    def test_other_years_do_not_apply(self, status) -> None:
        assert status("own coverage all . 2025 >= 1 . .").empty

    def test_a_target_stated_twice_is_shown_once(self, status) -> None:
        assert len(status("own coverage all . 2026 >= 1 . .\nown coverage all C . >= 1 强制性 .")) == 1

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("own coverage all . . >= 80 . .", "Write 0.8 for 80 %"),
            ("own coverage all . . about 0.8 . .", "comparison “about” is unknown"),
            ("own coverage all . soon >= 0.8 . .", "year “soon” is not a year"),
        ],
    )
    def test_a_target_that_cannot_be_read_is_named(self, status, text, message) -> None:
        with pytest.raises(ReferenceDataError, match=message):
            status(text)


class TestShippedFile:
    def test_metrics_are_described(self) -> None:
        metrics = shipped_toml("targets")["metrics"]
        assert {row["metric"] for row in shipped_csv("targets")} <= set(metrics)
        assert all(entry["zh"] and entry["en"] for entry in metrics.values())

    def test_every_target_has_a_source(self) -> None:
        assert all(row["source"] and row["set"] for row in shipped_csv("targets"))
