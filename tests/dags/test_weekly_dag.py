"""Which weeks the weekly DAG takes, and what it asks the pipeline for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from pv import pipeline
from pv.week import SHANGHAI, Week, local_day, parse_instant

MONDAY = datetime(2026, 11, 16, tzinfo=SHANGHAI)  # the end of 2026-W46


@pytest.fixture
def choose(bag: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(pipeline, "latest_week", lambda _settings: Week.parse("2026-W46"))
    return bag.get_dag("weekly").get_task("choose_weeks").python_callable


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls of pv.pipeline.run, replaced by a stand-in: (weeks, as_of)."""
    calls: list[Any] = []

    def run(_settings: Any, weeks: list[Week], as_of: datetime) -> list[dict[str, Any]]:
        calls.append(([str(week) for week in weeks], as_of))
        return [{"week": str(week)} for week in weeks]

    monkeypatch.setattr(pipeline, "run", run)
    return calls


def events(*weeks: list[str]) -> dict[Any, Any]:
    from airflow.sdk import Asset

    return {Asset("cases"): [SimpleNamespace(extra={"weeks": list(touched)}) for touched in weeks]}


def test_schedule_gives_whole_weeks_of_shanghai(bag):
    from airflow.serialization.encoders import coerce_to_core_timetable

    timetable = coerce_to_core_timetable(bag.get_dag("weekly").timetable)
    interval = timetable.infer_manual_data_interval(run_after=MONDAY + timedelta(hours=1))
    assert (interval.start, interval.end) == (MONDAY - timedelta(days=7), MONDAY)


def test_timed_run_takes_the_week_of_its_interval(choose):
    start = parse_instant("2026-11-09T00:00:00+08:00")  # a Sunday in UTC
    assert choose(logical_date=start, data_interval_start=start) == ["2026-W46"]


def test_asset_run_takes_the_weeks_touched_by_all_its_events(choose):
    assert choose(triggering_asset_events=events(["2026-W45"], ["2026-W44", "2026-W45"])) == [
        "2026-W44",
        "2026-W45",
        "2026-W46",
    ]


def test_late_case_renders_only_the_last_four_weeks(choose):
    assert choose(triggering_asset_events=events(["2025-W02"])) == [
        "2026-W43",
        "2026-W44",
        "2026-W45",
        "2026-W46",
    ]


def test_run_by_date_renders_the_week_before_that_date(bag, asked):
    dag_run = bag.get_dag("weekly").test(logical_date=MONDAY)
    assert dag_run.state == "success"
    ((weeks, as_of),) = asked
    assert weeks == ["2026-W46"]
    assert as_of.tzinfo is not None


def test_week_still_running_is_left_to_its_monday(choose, monkeypatch):
    running = Week.of(local_day(datetime.now(UTC)))
    monkeypatch.setattr(pipeline, "latest_week", lambda _settings: running)
    assert choose(triggering_asset_events=events([str(running)])) == []
    assert choose(triggering_asset_events=events([str(running.previous)])) == [str(running.previous)]


def test_nothing_to_render_is_skipped(bag, choose, asked):
    dag_run = bag.get_dag("weekly").test(logical_date=None)
    assert dag_run.state == "success"
    assert {str(ti.state) for ti in dag_run.get_task_instances() if ti.task_id == "render"} == {"skipped"}
    assert asked == []
