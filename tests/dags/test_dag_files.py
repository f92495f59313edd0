"""The DAG files as Airflow sees them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DAGS = Path(__file__).parents[2] / "dags"
HEAVY = {"pandas", "numpy", "scipy", "sqlalchemy.dialects.postgresql", "pv.pipeline"}


def test_dag_files_import_without_errors_or_warnings(bag):
    assert bag.import_errors == {}
    assert bag.captured_warnings == {}


def test_dag_ids(bag):
    streams = "abuse aefi cosmetic device drug foreign forms unknown".split()
    assert sorted(bag.dags) == [*(f"ingest_{name}" for name in streams), "weekly"]


def test_schedules(bag):
    for name, dag in bag.dags.items():
        assert not dag.catchup, name
        assert dag.max_active_runs == 1, name


def test_weekly_waits_for_what_ingest_publishes(bag):
    (asset,) = bag.get_dag("weekly").timetable.asset_condition.objects
    for name in ["ingest_drug", "ingest_device", "ingest_cosmetic", "ingest_forms", "ingest_unknown"]:
        assert bag.get_dag(name).get_task("publish").outlets == [asset]


def test_every_task_retries(bag):
    assert {task.retries for dag in bag.dags.values() for task in dag.tasks} == {2}


def test_dag_files_stay_thin():
    for path in DAGS.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 110, path.name


def test_parsing_a_dag_file_loads_nothing_heavy(airflow_home):
    """Airflow parses the files every minute: what it loads beyond Airflow itself must be small."""
    code = (
        "import runpy, sys, airflow.sdk\n"
        "before = set(sys.modules)\n"
        f"for path in {[str(path) for path in sorted(DAGS.glob('*.py'))]!r}: runpy.run_path(path)\n"
        "print(*sorted(set(sys.modules) - before), sep='\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
