"""Renders weeks: each Monday the week just ended, and after every ingestion those that a case touched.

A late case changes every week from its own to the latest; `pv.pipeline.weeks_to_refresh` says which of them
are rendered again. `airflow backfill create --dag-id weekly --from-date … --to-date …` renders past weeks.
One week at a time: a run takes the whole history into memory, and all runs write the same index page.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, AssetOrTimeSchedule, CronDataIntervalTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException

CASES = Asset("cases")
MONDAYS = CronDataIntervalTimetable("0 0 * * MON", timezone="Asia/Shanghai")


@dag(
    schedule=AssetOrTimeSchedule(timetable=MONDAYS, assets=[CASES]),
    start_date=datetime(2020, 1, 6, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md=__doc__,
    tags=["report"],
)
def weekly() -> None:
    @task
    def choose_weeks(
        logical_date: datetime | None = None,
        data_interval_start: datetime | None = None,
        triggering_asset_events: Mapping[Asset, Any] | None = None,
    ) -> list[str]:
        from pv.week import Week, local_day

        if logical_date and data_interval_start:  # by time, by backfill, or asked for with a date
            return [str(Week.of(local_day(data_interval_start)))]
        from pv import pipeline
        from pv.settings import Settings

        events = (triggering_asset_events or {}).get(CASES, [])
        touched = {week for event in events for week in event.extra["weeks"]}
        ended = Week.of(local_day(datetime.now(UTC))).previous
        latest = min(pipeline.latest_week(Settings.load()) or ended, ended)
        return [str(week) for week in pipeline.weeks_to_refresh(touched, latest)]

    @task(max_active_tis_per_dag=1)
    def render(weeks: list[str]) -> list[dict[str, Any]]:
        from pv import pipeline
        from pv.settings import Settings
        from pv.week import Week

        if not weeks:
            raise AirflowSkipException("no week has to be rendered")
        return pipeline.run(Settings.load(), [Week.parse(week) for week in weeks], as_of=datetime.now(UTC))

    render(choose_weeks())


weekly()
