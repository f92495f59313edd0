from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.rates import confint_poisson

from pv.appraisal.areas import area_tree
from pv.appraisal.ledger import Ledger
from pv.appraisal.rates import HOSPITAL_COLUMNS, area_populations, district_rates, garwood, hospital_rates


@pytest.fixture
def hospitals(november, held, reference, week):
    return hospital_rates(Ledger.of(november, held, reference(), week)).set_index(["stream", "hospital_id"])


@pytest.fixture
def districts(november, held, reference, week):
    return district_rates(Ledger.of(november, held, reference(), week)).set_index(["stream", "scope", "area"])


class TestGarwood:
    def test_agrees_with_statsmodels(self) -> None:
        counts = np.array([1, 2, 5, 37, 400, 25_000])
        low, high = garwood(counts)
        for n, lower, upper in zip(counts, low, high, strict=True):
            assert (lower, upper) == pytest.approx(confint_poisson(n, 1, method="exact-c"), rel=1e-12)

    def test_of_no_reports_starts_at_zero_and_ends_at_minus_ln_of_2_5_percent(self) -> None:
        low, high = garwood([0])
        assert low[0] == 0
        assert high[0] == pytest.approx(-math.log(0.025))


class TestHospitals:
    def test_first_columns_are_those_of_the_file(self, november, held, reference, week) -> None:
        table = hospital_rates(Ledger.of(november, held, reference(), week))
        assert list(table.columns[: len(HOSPITAL_COLUMNS)]) == HOSPITAL_COLUMNS

    def test_every_stream_and_hospital_has_a_row_then_the_unassigned(self, november, held, reference, week):
        table = hospital_rates(Ledger.of(november, held, reference(), week))
        assert table["stream"].unique().tolist() == ["drug", "device", "cosmetic"]
        for _, rows in table.groupby("stream"):
            assert rows["hospital_id"].tolist() == ["H1", "H2", "H3", "H4", "H5", "P1", ""]
        assert not table["hospital"].isna().any()

    def test_counts_reports_as_filed_merged_and_quarantined_included(self, hospitals) -> None:
        h1 = hospitals.loc[("drug", "H1")]
        assert h1["reports_week"] == 3  # week1, week2, q1; the one stored already is not counted again
        assert h1["reports_ytd"] == 4  # and year1; not the last day of 2025, not the day after the week
        assert (h1["counted"], h1["merged"], h1["quarantined"], h1["deleted"]) == (3, 0, 1, 0)
        assert (h1["serious"], h1["new_or_serious"], h1["evaluated"]) == (1, 2, 1)

    def test_shows_what_was_left_out_beside(self, hospitals) -> None:
        h2 = hospitals.loc[("drug", "H2")]
        assert h2["reports_ytd"] == 4  # copy, q3 once, two without a number
        assert (h2["counted"], h2["merged"], h2["quarantined"], h2["deleted"]) == (0, 1, 3, 2)
        assert (h2["serious"], h2["new_or_serious"], h2["evaluated"]) == (1, 1, 0)

    def test_rate_is_per_million_of_the_catchment(self, hospitals) -> None:
        h1 = hospitals.loc[("drug", "H1")]
        assert h1["rate_ytd"] == pytest.approx(4 / 200_000 * 1e6)  # 20
        low, high = confint_poisson(4, 0.2, method="exact-c")
        assert (h1["rate_low"], h1["rate_high"]) == pytest.approx((low, high))
        assert h1["rate_annualised"] == pytest.approx(20 * 365 / 319)
        assert (h1["population_year"], h1["population_source"]) == ("2026", "服务人口")

    def test_without_a_population_there_is_no_rate(self, hospitals) -> None:
        h2 = hospitals.loc[("drug", "H2")]
        assert h2[["population", "rate_ytd", "rate_low", "rate_high", "rate_annualised"]].isna().all()
        assert (h2["population_year"], h2["population_source"]) == ("", "")

    def test_quota_holds_for_its_stream_and_year(self, hospitals) -> None:
        assert hospitals.loc[("drug", "H1"), ["quota", "completion"]].tolist() == [4, 1]
        assert hospitals.loc[("drug", "H2"), ["quota", "completion"]].tolist() == [10, 0.4]
        assert hospitals.loc[("device", "H1"), ["quota", "completion"]].isna().all()

    def test_unknown_and_missing_hospitals_are_unassigned(self, hospitals) -> None:
        nobody = hospitals.loc[("drug", "")]
        assert (nobody["reports_ytd"], nobody["serious"], nobody["hospital"]) == (2, 1, "")

    def test_compares_with_the_same_days_of_last_year(self, hospitals) -> None:
        h1 = hospitals.loc[("drug", "H1")]
        assert h1["reports_last_year"] == 1
        assert h1["year_on_year"] == 3
        assert math.isnan(hospitals.loc[("drug", "H2"), "year_on_year"])

    def test_members_roll_up_to_their_lead_beside_its_own(self, hospitals) -> None:
        lead = hospitals.loc[("drug", "H1")]
        assert (lead["members"], lead["reports_ytd"], lead["reports_ytd_with_members"]) == (2, 4, 5)
        assert lead["completion_with_members"] == 1.25
        member = hospitals.loc[("drug", "H3")]
        assert (member["reports_for"], member["reports_ytd"], member["members"]) == ("H1", 1, 0)


class TestDistricts:
    def test_rows_are_the_whole_its_areas_and_the_unassigned(self, november, held, reference, week) -> None:
        table = district_rates(Ledger.of(november, held, reference(), week))
        rows = table.loc[table["stream"] == "drug", ["scope", "area", "name"]]
        assert rows.to_numpy().tolist() == [
            ["whole", "C", "江城"],
            ["district", "D1", "东区"],
            ["district", "D2", "西区"],
            ["area", "T1", "河镇"],
            ["district", "D3", "南区"],
            ["unassigned", "", ""],
        ]

    def test_districts_and_unassigned_make_the_whole(self, districts) -> None:
        drug = districts["reports_ytd"].xs("drug")
        assert drug.tolist() == [11, 4, 5, 1, 0, 2]  # T1's report is in D2's 5
        assert drug["whole", "C"] == drug.xs("district").sum() + drug["unassigned", ""]

    def test_population_is_of_the_year_or_the_latest_before(self, districts) -> None:
        population = districts[["population", "population_year"]].xs("drug")
        assert population.loc[("whole", "C")].tolist() == [1_000_000, "2025"]
        assert population.loc[("district", "D1")].tolist() == [500_000, "2026"]
        assert population.loc[("district", "D2")].tolist() == [250_000, "2024"]
        assert districts.loc[("drug", "district", "D2"), "rate_ytd"] == 20
        assert math.isnan(districts.loc[("drug", "district", "D3"), "rate_ytd"])
        assert districts.loc[("drug", "whole", "C"), "rate_ytd"] == pytest.approx(11)

    def test_quota_is_completed_by_the_hospitals_that_have_one(self, districts) -> None:
        west = districts.loc[("drug", "district", "D2")]
        assert west[["quota", "quota_reports", "reports_ytd"]].tolist() == [10, 4, 5]
        assert west["completion"] == 0.4
        whole = districts.loc[("drug", "whole", "C")]
        assert (whole["quota"], whole["completion"]) == (14, 8 / 14)
        assert math.isnan(districts.loc[("drug", "area", "T1"), "quota"])

    def test_counts_reporting_hospitals(self, districts) -> None:
        columns = ["hospitals", "hospitals_reporting"]
        assert districts.loc[("drug", "whole", "C"), columns].tolist() == [6, 3]
        assert districts.loc[("drug", "unassigned", ""), columns].tolist() == [0, 0]

    def test_whole_is_the_sum_of_its_districts_only_where_all_are_known_for_one_year(self, reference) -> None:
        def whole(text: str) -> list[object]:
            city = reference(denominators="scope id year measure value source\n" + text)
            table = area_populations(city, area_tree(city), 2026).set_index("scope")
            return table.loc["whole"].tolist()[1:] if "whole" in table.index else []

        three = ["area D1 2026 population 5 a", "area D2 2026 population 6 a", "area D3 2026 population 7 b"]
        assert whole("\n".join(three)) == [18, "2026", "a; b"]
        assert whole("\n".join(three[:2])) == []
        assert whole("\n".join([*three[:2], "area D3 2025 population 7 b"])) == []

    def test_hospitals_of_the_whole_area_itself_have_a_row(self, november, held, reference, week) -> None:
        city = reference(
            hospitals="""hospital_id name level kind district registered reports_for
            H1 市直医院 3 综合医院 C 1 .
            H2 第二医院 2 综合医院 D2 1 ."""
        )
        table = district_rates(Ledger.of(november, held, city, week)).set_index(["stream", "scope", "area"])
        drug = table["reports_ytd"].xs("drug")
        assert (drug["direct", "C"], drug["district", "D2"], drug["unassigned", ""]) == (4, 4, 3)
        assert drug["whole", "C"] == 11

    def test_several_areas_without_a_parent_are_the_districts(self, november, held, reference, week) -> None:
        city = reference(areas="code name parent\nD1 东区 .\nD2 西区 .\nD3 南区 省\nT1 河镇 D2")
        table = district_rates(Ledger.of(november, held, city, week)).set_index(["stream", "scope", "area"])
        assert table["reports_ytd"].xs("drug").tolist() == [11, 4, 5, 1, 0, 2]
