from __future__ import annotations

import math

import pytest
from small_city import SILENT, WEEK, City

from pv.rendering.hospital_model import hospital_report
from pv.rendering.models import HospitalReport, WeekInput


@pytest.fixture(scope="module")
def report(city: City) -> HospitalReport:
    return hospital_report(city.week_input)


def test_every_hospital_stands_in_one_group_of_its_stream(city: City, report: HospitalReport) -> None:
    rates = city.week_input.appraisal.hospital_rates
    for entry in report.rates:
        names = [row.name for group in entry.groups for row in group.rows]
        assigned = rates[(rates["stream"] == entry.stream) & (rates["hospital_id"] != "")]
        assert sorted(names) == sorted(assigned["hospital"])
        assert len({(group.level, group.kind) for group in entry.groups}) == len(entry.groups)


def test_groups_and_unassigned_add_up_to_the_whole_area(report: HospitalReport) -> None:
    for entry in report.rates:
        assert entry.unassigned is not None
        whole = next(row for row in entry.areas.rows if row.kind == "whole")
        assert sum(group.reports for group in entry.groups) + entry.unassigned.reports_ytd == whole.reports_ytd


def test_the_rate_of_a_group_counts_hospitals_with_a_population(report: HospitalReport) -> None:
    group = next(g for g in report.rates[0].groups if (g.level, g.kind) == ("3", "综合医院"))
    reports = sum(row.reports_ytd for row in group.rows)
    assert group.rate == pytest.approx(reports / 800_000 * 1e6)
    pharmacy = next(g for g in report.rates[0].groups if g.kind == "药店")
    assert math.isnan(pharmacy.rate)


def test_below_means_the_whole_interval(report: HospitalReport) -> None:
    rows = [(row, group.rate) for entry in report.rates for group in entry.groups for row in group.rows]
    for row, rate in rows:
        assert row.below == (row.rate_high < rate)
    areas = {row.name: row.below for row in report.rates[1].areas.rows}
    assert areas["西山区"]
    assert not areas["江城市"]


def test_those_furthest_behind_stand_first(report: HospitalReport) -> None:
    group = next(g for g in report.rates[0].groups if (g.level, g.kind) == ("2", "综合医院"))
    completions = [row.completion for row in group.rows]
    assert completions == sorted(completions)


def test_axes_hold_every_rate_and_target(report: HospitalReport) -> None:
    for entry in report.rates:
        assert entry.mark_values
        for group in (entry.areas, *entry.groups):
            assert all(not row.rate_ytd > group.scale for row in group.rows)
        assert max(entry.mark_values) <= entry.areas.scale


def test_targets_stand_side_by_side(report: HospitalReport) -> None:
    assert {"市级考核指标", "上级要求"} < set(report.target_sets)
    first = report.targets[0]
    assert (first.area, first.metric, first.stream) == ("江城市", "reports_per_million", "drug")
    cells = dict(zip(report.target_sets, first.cells, strict=True))
    own, higher = cells["市级考核指标"], cells["上级要求"]
    assert own is not None
    assert higher is not None
    assert (own.value, higher.value) == (300, 600)
    assert own.actual == higher.actual
    assert own.completion == pytest.approx(2 * higher.completion, rel=0.01)
    assert all(len(row.cells) == len(report.target_sets) for row in report.targets)


def test_a_count_below_its_target_may_still_be_reached(report: HospitalReport) -> None:
    cells = {
        (row.metric, row.stream, name): cell
        for row in report.targets
        for name, cell in zip(report.target_sets, row.cells, strict=True)
        if cell is not None
    }
    late = cells["reports_per_million", "drug", "上级要求"]
    assert (late.met, late.behind) == ("not_yet", True)
    reached = cells["reports_per_million", "cosmetic", "市级考核指标"]
    assert (reached.met, reached.behind) == ("yes", False)
    coverage = cells["coverage_level2", "drug+device", "市级考核指标"]
    assert (coverage.met, coverage.share) == ("no", True)
    unknown = cells["training", "all", "上级要求"]
    assert (unknown.met, unknown.behind) == ("", False)


def test_the_silent_hospital_is_silent_everywhere(report: HospitalReport) -> None:
    assert [(row.hospital, row.everywhere) for row in report.silent if row.everywhere] == [("西山区妇幼保健院", True)]
    assert SILENT == "H08"
    assert {item.kind: item.count for item in report.attention}["silent_everywhere"] == 1


def test_coverage_stands_by_institutions_and_streams(report: HospitalReport) -> None:
    assert sum(count for _, count in report.coverage_groups) == len(report.coverage_of)
    whole = report.coverage[0]
    level2 = whole.cells[report.coverage_of.index(("level2", "drug+device"))]
    assert level2[:2] == (7, 8)
    assert level2[2] == pytest.approx(7 / 8)


def test_an_empty_year_shows_all_streams_and_no_quarrel(empty_input: WeekInput) -> None:
    report = hospital_report(empty_input)
    assert report.streams == ("drug", "device", "cosmetic")
    assert report.year_elapsed == WEEK.year_elapsed
    assert all(math.isnan(row.completion) or row.completion == 0 for e in report.rates for row in e.areas.rows)
