"""The real services on PostgreSQL: files are ingested, the asset starts the weekly run, weeks are backfilled.

Runs in the second stage of .ci/run, where the programs of a PostgreSQL server are at hand.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from pv import pipeline
from pv.demo import write_city
from pv.settings import Settings
from pv.week import Week
from tests.privacy.canaries import OWN, Planter, Search, filled_forms, rows, write_csv, write_sheets

pytestmark = pytest.mark.services

PROJECT = Path(__file__).parents[2]
AIRFLOW = str(Path(sys.executable).parent / "airflow")
STREAMS = ["drug", "device", "cosmetic"]
LAST = Week.parse("2026-W46")


def wait_until(what: str, probe: Callable[[], Any], seconds: float = 300) -> Any:
    """Ask once a second until the answer is not empty; AssertionError after the deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"not seen within {seconds:.0f} s: {what}"
        time.sleep(1)
    return answer


class Services:
    """Airflow's processes in one home, and the calls of its REST interface that the tests need."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.home = home
        self.environment = environment | {
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.port}/execution/"
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.token = ""

    def command(self, *arguments: str) -> None:
        done = subprocess.run(
            [AIRFLOW, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        self.command("db", "migrate")
        server = ["api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        for component in (server, ["scheduler"], ["dag-processor"]):
            with (self.home / f"{component[0]}.log").open("wb") as log:
                self.processes[component[0]] = subprocess.Popen(
                    [AIRFLOW, *component],
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        wait_until("healthy services", self.healthy)
        self.token = self.call("GET", "/auth/token")["access_token"]

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGINT)
        for process in self.processes.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def healthy(self) -> bool:
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        assert not ended, f"{ended} ended: " + (self.home / f"{ended[0]}.log").read_text()[-3000:]
        try:
            health = self.call("GET", "/api/v2/monitor/health")
        except URLError:
            return False
        return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)

    def dag_ids(self) -> set[str]:
        return {dag["dag_id"] for dag in self.call("GET", "/api/v2/dags")["dags"]}

    def unpause(self, dag_id: str) -> None:
        self.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str) -> str:
        run: str = self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"]
        return run

    def runs(self, dag_id: str, run_type: str) -> list[dict[str, Any]]:
        runs = self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
        return [run for run in runs if run["run_type"] == run_type]

    def finished(self, dag_id: str, run_type: str, count: int) -> bool:
        """Whether so many runs have ended well. AssertionError as soon as one has failed."""
        states = [run["state"] for run in self.runs(dag_id, run_type)]
        assert "failed" not in states, self.task_log()
        return len(states) >= count and set(states) == {"success"}

    def ended(self, dag_id: str, run: str) -> bool:
        return self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run}")["state"] in {"success", "failed"}

    def task_log(self) -> str:
        """The end of the newest task log."""
        logs = sorted(self.home.glob("logs/dag_id=*/**/*.log"), key=lambda path: path.stat().st_mtime)
        return logs[-1].read_text()[-6000:] if logs else "no task has run"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """URL of a new server. Its folder is not pytest's: the server's own user must be able to reach it."""
    folder = tempfile.mkdtemp(prefix="pvwatch-")
    tool = ["sh", str(PROJECT / "tools" / "postgres")]
    try:
        done = subprocess.run([*tool, "start", folder], capture_output=True, text=True, check=True)
        yield done.stdout.strip()
    finally:
        subprocess.run([*tool, "stop", folder], check=False)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def databases(postgres: str) -> tuple[str, str]:
    """URLs of an empty database for Airflow and of one for the cases, made as the deployment makes them."""
    server = sa.make_url(postgres)
    passwords = {name: secrets.token_hex(8) for name in ("airflow", "pvwatch")}
    address = {"PGHOST": server.host, "PGPORT": server.port, "PGPASSWORD": server.password}
    owners = {f"{name.upper()}_DB_PASSWORD": password for name, password in passwords.items()}
    variables = {name: str(value) for name, value in {**address, **owners, "POSTGRES_USER": server.username}.items()}
    subprocess.run(["sh", str(PROJECT / "deploy" / "databases.sh")], env=os.environ | variables, check=True)
    airflow, store = (
        server.set(username=name, password=password, database=name) for name, password in passwords.items()
    )
    return airflow.render_as_string(hide_password=False), store.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("city")
    write_city(folder, weeks=16, hospitals=8, reports_per_week=30)
    return folder


@pytest.fixture(scope="module")
def environment(city: Path, databases: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    (home / "inbox").mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PVWATCH"))}
    return inherited | {
        "PVWATCH_HOME": str(home),
        "PVWATCH_DATABASE_URL": databases[1],
        "PVWATCH_REFERENCE": str(city / "reference"),
        "PVWATCH_KEY": Fernet.generate_key().decode(),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Asia/Shanghai",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": databases[0],
    }


@pytest.fixture(scope="module")
def settings(environment: dict[str, str]) -> Settings:
    return Settings.load(environment)


@pytest.fixture(scope="module")
def services(environment: dict[str, str]) -> Iterator[Services]:
    home = Path(environment["AIRFLOW_HOME"])
    home.mkdir()
    services = Services(home, environment)
    try:
        services.start()
        wait_until("the DAGs", lambda: {"weekly", *(f"ingest_{s}" for s in STREAMS)} <= services.dag_ids())
        yield services
    finally:
        services.stop()


@pytest.fixture(scope="module")
def ingested(services: Services, settings: Settings, city: Path) -> list[str]:
    """The newest week goes through the inbox, the others straight to the store. Gives the files' names."""
    weeks = sorted((city / "exports").iterdir())
    for week in weeks[:-1]:
        pipeline.ingest(settings, sorted(week.iterdir()), recorded_at=datetime.now(UTC))
    services.unpause("weekly")
    names = [f"{weeks[-1].name}-{path.name}" for path in sorted(weeks[-1].iterdir())]
    for path, name in zip(sorted(weeks[-1].iterdir()), names, strict=True):
        shutil.copy2(path, settings.inbox / name)
    for stream in STREAMS:
        services.unpause(f"ingest_{stream}")
        services.trigger(f"ingest_{stream}")
    return names


def pages(settings: Settings, week: Week) -> set[str]:
    names = {f"{report}.{language}.html" for report in ("signals", "hospitals") for language in ("zh", "en")}
    return {name for name in names if (settings.out / str(week) / name).is_file()}


def test_ingested_files_leave_the_inbox(services, settings, ingested):
    for stream in STREAMS:
        wait_until(f"ingest_{stream}", lambda stream=stream: services.finished(f"ingest_{stream}", "manual", 1))
    assert [path for path in settings.inbox.iterdir() if path.is_file()] == []
    assert {path.name for path in (settings.inbox / "done").iterdir()} >= {f"{name}.receipt.txt" for name in ingested}


def test_asset_starts_the_weekly_run(services, settings, ingested):
    wait_until("run by asset", lambda: services.finished("weekly", "asset_triggered", 1))
    assert len(pages(settings, LAST)) == 4
    assert (settings.out / "index.html").is_file()


def test_backfill_renders_eight_weeks(services, settings, ingested):
    weeks = [Week(LAST.index - ago) for ago in range(7, -1, -1)]
    span = ["--from-date", weeks[0].start.isoformat(), "--to-date", weeks[-1].start.isoformat()]
    how = ["--max-active-runs", "4", "--reprocess-behavior", "completed"]
    services.command("backfill", "create", "--dag-id", "weekly", *span, *how)
    wait_until("backfill", lambda: services.finished("weekly", "backfill", 8), seconds=600)
    assert [str(week) for week in weeks if len(pages(settings, week)) != 4] == []


def test_no_log_tells_a_patient(services, settings, ingested):
    """Sound, quarantined and refused reports and forms with planted values: no byte of the logs holds one."""
    planter = Planter()
    drug = next(layout for layout in OWN if layout.name == "drug_national")
    write_csv(settings.inbox / "planted.csv", rows(drug, planter), "gb18030")
    write_sheets(settings.inbox / "forms.xlsx", filled_forms(planter))
    (settings.inbox / "list.csv").write_text(f"{planter.name()},{planter.telephone()}\n", encoding="utf-8")
    feeds = ["drug", "forms", "unknown"]
    for feed in feeds:
        services.unpause(f"ingest_{feed}")
    runs = {feed: services.trigger(f"ingest_{feed}") for feed in feeds}
    for feed, run in runs.items():
        wait_until(f"ingest_{feed}", lambda feed=feed, run=run: services.ended(f"ingest_{feed}", run))
    assert [path.name for path in settings.inbox.iterdir() if path.is_file()] == []
    logs = {feed: list(services.home.glob(f"logs/dag_id=ingest_{feed}/**/*.log")) for feed in feeds}
    assert all(
        any("planted" in path.read_text() or "is refused" in path.read_text() for path in logs[feed])
        for feed in ("drug", "unknown")
    )
    assert Search(planter.planted).in_folder(services.home) == {}
    (services.home / "told.log").write_text(planter.planted[-1], encoding="utf-8")  # it can fail
    assert len(Search(planter.planted).in_folder(services.home)) == 1
