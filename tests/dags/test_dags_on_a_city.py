"""All DAGs on the files of a small demo city: from the inbox to the pages, with the real pipeline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from pv.demo import write_city
from pv.settings import Settings
from pv.status import status
from pv.week import Week

LAST = Week.parse("2026-W46")
STREAMS = ["drug", "device", "cosmetic"]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("city")
    write_city(folder, weeks=6, hospitals=8, reports_per_week=12)
    return folder


@pytest.fixture(scope="module")
def settings(city: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An installation whose inbox holds the newest week's exports and one file that is none."""
    home = tmp_path_factory.mktemp("home with space")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PVWATCH_HOME", str(home))
        patch.setenv("PVWATCH_REFERENCE", str(city / "reference"))
        patch.setenv("PVWATCH_KEY", Fernet.generate_key().decode())
        for name in ("PVWATCH_DATABASE_URL", "PVWATCH_INBOX", "PVWATCH_OUT"):
            patch.delenv(name, raising=False)
        settings = Settings.load()
        shutil.copytree(city / "exports" / str(LAST), settings.inbox)
        (settings.inbox / "menu.csv").write_text("soup,rice\n1,2\n", encoding="utf-8")
        yield settings


@pytest.fixture(scope="module")
def runs(bag: Any, settings: Settings) -> dict[str, Any]:
    """Every DAG once, in the order of a Monday; retries would only wait."""
    from airflow.sdk import timezone

    dags = [f"ingest_{stream}" for stream in [*STREAMS, "unknown"]] + ["weekly"]
    with pytest.MonkeyPatch.context() as patch:
        for dag_id in dags:
            for task in bag.get_dag(dag_id).tasks:
                patch.setattr(task, "retries", 0)
        monday = timezone.parse(f"{LAST.end}T00:00:00+08:00")
        return {
            dag_id: bag.get_dag(dag_id).test(**({"logical_date": monday} if dag_id == "weekly" else {}))
            for dag_id in dags
        }


def accounts(dag_run: Any) -> list[dict[str, Any]]:
    loads = [ti for ti in dag_run.get_task_instances() if ti.task_id == "one_file.load"]
    return [ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index) for ti in loads]


@pytest.mark.parametrize("stream", STREAMS)
def test_export_is_loaded_and_filed_away(runs, settings, stream):
    assert runs[f"ingest_{stream}"].state == "success"
    (account,) = accounts(runs[f"ingest_{stream}"])
    assert account["stream"] == stream
    assert account["read"] == account["stored"] + account["unchanged"] + account["quarantined"] > 0
    receipt = settings.inbox / "done" / f"{Path(account['file']).name}.receipt.txt"
    assert account["sha256"] in receipt.read_text(encoding="utf-8")
    assert not Path(account["file"]).exists()


def test_store_holds_what_the_accounts_say(runs, settings):
    files = [account for stream in STREAMS for account in accounts(runs[f"ingest_{stream}"])]
    expected = {name: sum(file[name] for file in files) for name in ("read", "stored", "unchanged", "quarantined")}
    assert status(settings)["rows"] == {"files": 3, **expected}


def test_unknown_file_is_refused_for_all_to_see(runs, settings):
    assert runs["ingest_unknown"].state == "failed"
    assert not (settings.inbox / "menu.csv").exists()
    assert not (settings.inbox / "refused" / "menu.csv").exists()
    assert (settings.inbox / "refused" / "menu.csv.reason.txt").read_text(encoding="utf-8").strip()


def test_week_is_rendered(runs, settings):
    assert runs["weekly"].state == "success"
    folder = settings.out / str(LAST)
    for name in ("signals.zh.html", "signals.en.html", "hospitals.zh.html", "hospitals.en.html"):
        assert "</html>" in (folder / name).read_text(encoding="utf-8")
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8"))["week"] == str(LAST)
    assert str(LAST) in (settings.out / "index.html").read_text(encoding="utf-8")


def test_weekly_run_again_changes_nothing(bag, runs, settings):
    before = {path: path.read_bytes() for path in settings.out.rglob("*") if path.is_file()}
    from airflow.sdk import timezone

    assert bag.get_dag("weekly").test(logical_date=timezone.parse(f"{LAST.end}T01:00:00+08:00")).state == "success"
    assert {path: path.read_bytes() for path in settings.out.rglob("*") if path.is_file()} == before
