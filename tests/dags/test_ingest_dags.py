"""The ingest DAGs on a stand-in inbox: what is loaded, filed away, failed and published."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pv import inbox, pipeline
from pv.intake import FileAccount, Problem

GOOD = {"weeks": ("2026-W46", "2026-W40"), "stored": 2}
LATER = {"weeks": ("2026-W46",), "stored": 1}
UNCHANGED = {"unchanged": 1}
REFUSED = {"refused": "unknown_layout"}
BROKEN = OSError("disk full")


class Inbox:
    """Stands in for the pipeline: files by name, each with the account it gets or the error it raises."""

    def __init__(self, files: dict[str, Any]) -> None:
        self.accounts = files
        self.filed: set[str] = set()

    def files(self, _settings: Any, _stream: str) -> list[list[str]]:
        return [name.split("+") for name in self.accounts]

    def ingest(self, _settings: Any, paths: list[Path], recorded_at: datetime) -> list[FileAccount]:
        assert recorded_at.tzinfo
        name = "+".join(map(str, paths))
        found = self.accounts[name]
        if isinstance(found, Exception):
            raise found
        return [FileAccount(name, "", **found)]

    def file_away(self, _settings: Any, account: FileAccount, files: list[str]) -> None:
        assert account.file == "+".join(files)
        self.filed.add(account.file)


@pytest.fixture
def run(bag: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run ingest_drug on an inbox; gives the run's state, the published extras and the files filed away."""

    def run(files: dict[str, Any]) -> tuple[Any, list[Any], set[str]]:
        stand_in = Inbox(files)
        monkeypatch.setattr(inbox, "files", stand_in.files)
        monkeypatch.setattr(pipeline, "ingest", stand_in.ingest)
        monkeypatch.setattr(inbox, "file_away", stand_in.file_away)
        dag = bag.get_dag("ingest_drug")
        for task in dag.tasks:
            monkeypatch.setattr(task, "retries", 0)
        dag_run = dag.test()
        return dag_run, published(dag_run), stand_in.filed

    return run


def published(dag_run: Any) -> list[Any]:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        events = session.scalars(select(AssetEvent).where(AssetEvent.source_run_id == dag_run.run_id))
        return [event.extra for event in events]


def states(dag_run: Any, task: str) -> Counter[str]:
    return Counter(str(ti.state) for ti in dag_run.get_task_instances() if ti.task_id.endswith(task))


def test_weeks_of_all_files_are_published_once(run):
    dag_run, extras, filed = run({"a.xlsx": GOOD, "b.xlsx": LATER, "c.xlsx": UNCHANGED})
    assert dag_run.state == "success"
    assert extras == [{"weeks": ["2026-W40", "2026-W46"]}]
    assert filed == {"a.xlsx", "b.xlsx", "c.xlsx"}


def test_the_tables_of_a_set_are_loaded_and_put_away_together(run):
    dag_run, extras, filed = run({"DEMO24Q1.txt+DRUG24Q1.txt": LATER, "b.zip": UNCHANGED})
    assert dag_run.state == "success"
    assert extras == [{"weeks": ["2026-W46"]}]
    assert filed == {"DEMO24Q1.txt+DRUG24Q1.txt", "b.zip"}
    names = {str(ti.rendered_map_index) for ti in dag_run.get_task_instances() if ti.task_id.endswith("load")}
    assert names == {"DEMO24Q1.txt, DRUG24Q1.txt", "b.zip"}


@pytest.mark.parametrize("files", [{}, {"a.xlsx": UNCHANGED}], ids=["no file", "nothing new"])
def test_nothing_new_succeeds_and_publishes_nothing(run, files):
    dag_run, extras, filed = run(files)
    assert dag_run.state == "success"
    assert states(dag_run, "publish") == {"skipped": 1}
    assert extras == []
    assert filed == set(files)


def test_refused_file_is_put_away_and_fails_while_good_ones_are_published(run):
    dag_run, extras, filed = run({"a.xlsx": GOOD, "b.xlsx": REFUSED})
    assert dag_run.state == "failed"
    assert states(dag_run, "file_away") == {"success": 1, "failed": 1}
    assert extras == [{"weeks": ["2026-W40", "2026-W46"]}]
    assert filed == {"a.xlsx", "b.xlsx"}


def test_file_that_breaks_the_load_stays_in_the_inbox(run):
    dag_run, extras, filed = run({"a.xlsx": GOOD, "b.xlsx": BROKEN, "c.xlsx": LATER})
    assert dag_run.state == "failed"
    assert states(dag_run, "load") == {"success": 2, "failed": 1}
    assert states(dag_run, "file_away") == {"success": 2, "upstream_failed": 1}
    assert extras == [{"weeks": ["2026-W40", "2026-W46"]}]
    assert filed == {"a.xlsx", "c.xlsx"}


def test_run_fails_where_nothing_could_be_loaded(run):
    dag_run, extras, filed = run({"b.xlsx": BROKEN})
    assert dag_run.state == "failed"
    assert extras == []
    assert filed == set()


def test_file_account_is_kept_as_the_tasks_result(run):
    problem = Problem("no_product", "quarantine", "Sheet1", 7, "通用名称", "王某", "0042")
    dag_run, _, _ = run({"a.xlsx": {"read": 3, "quarantined": 3, "problems": (problem,)}})
    (load,) = [ti for ti in dag_run.get_task_instances() if ti.task_id.endswith("load")]
    account = load.xcom_pull(task_ids=load.task_id, map_indexes=0)
    assert (account["file"], account["read"], account["quarantined"]) == ("a.xlsx", 3, 3)
    assert "王某" not in str(account)  # what a report says stays in the store
    assert load.rendered_map_index == "a.xlsx"
