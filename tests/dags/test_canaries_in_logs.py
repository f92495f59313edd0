"""Planted personal values are in nothing that Airflow says or keeps: no log, no result of a task, no error.

The DAGs load reports that are sound, quarantined and refused, forms with faults, and a file whose load breaks.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pv import messages, pipeline, shown, store
from pv.intake import FileAccount
from pv.settings import Settings
from tests.conftest import KEY
from tests.privacy.canaries import OWN, Planter, Search, rows, write_csv, write_xlsx

DRUG, CARD = (next(layout for layout in OWN if layout.name == name) for name in ("drug_national", "aefi_card"))


class Place:
    """An installation with planted files in its inbox; `said`: all that Airflow has said."""

    def __init__(self, airflow_home: Path) -> None:
        self.airflow_home = airflow_home
        self.planter = Planter()
        self.said = ""
        self.inbox = Settings.load().inbox
        self.inbox.mkdir(parents=True)

    def drop(self) -> None:
        write_csv(self.inbox / "drug.csv", rows(DRUG, self.planter), "gb18030")
        write_xlsx(self.inbox / "cards.xlsx", rows(CARD, self.planter))
        person = f"{self.planter.name()},{self.planter.telephone()}"
        (self.inbox / "list.csv").write_text(f"姓名,电话\n{person}\n", encoding="utf-8")
        cut = f"<ichicsr><safetyreport><patient>{self.planter.name()}"
        (self.inbox / "cut.xml").write_text(cut, encoding="utf-8")

    def leaks(self) -> tuple[set[str], dict[str, set[str]]]:
        """Planted values in what Airflow has said, and in its files."""
        search = Search(self.planter.planted)
        return search.in_bytes(self.said.encode()), search.in_folder(self.airflow_home)


Run = Callable[[Place, str], Any]


@pytest.fixture
def place(tmp_path: Path, airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in ("PVWATCH_DATABASE_URL", "PVWATCH_INBOX", "PVWATCH_OUT", "PVWATCH_REFERENCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    return Place(airflow_home)


@pytest.fixture
def run(
    bag: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Run:
    """Runs the DAG of a feed and keeps what is said."""
    caplog.set_level(logging.INFO)

    def run(place: Place, feed: str) -> Any:
        dag = bag.get_dag(f"ingest_{feed}")
        for task in dag.tasks:
            monkeypatch.setattr(task, "retries", 0)
        done = dag.test()
        place.said += "".join(capfd.readouterr()) + caplog.text
        return done

    return run


def test_no_log_and_no_result_tells_a_patient(place: Place, run: Run) -> None:
    place.drop()
    states = {feed: str(run(place, feed).state) for feed in ("drug", "aefi", "unknown")}
    assert states == {"drug": "failed", "aefi": "success", "unknown": "failed"}  # two files are refused
    assert [path.name for path in place.inbox.iterdir() if path.is_file()] == []
    assert place.said.count("is refused") >= 2
    assert '"quarantined": ' in place.said
    assert len(place.planter.planted) > 200
    assert place.leaks() == (set(), {})


def test_no_error_in_the_middle_of_a_load_tells_a_patient(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.drop()
    original = store.append

    def breaking(connection: Any, table: Any, frame: Any) -> None:
        original(connection, table, frame)
        if table.name == "quarantine":
            connection.exec_driver_sql("INSERT INTO quarantine SELECT * FROM nowhere")

    monkeypatch.setattr(store, "append", breaking)
    assert str(run(place, "drug").state) == "failed"
    assert "no such table: nowhere" in place.said
    assert (place.inbox / "drug.csv").is_file()
    assert place.leaks() == (set(), {})


def _tell_problems(patch: pytest.MonkeyPatch, _place: Place) -> None:
    as_dict = FileAccount.as_dict
    patch.setattr(shown, "time", lambda text: text)
    patch.setattr(FileAccount, "as_dict", lambda self: as_dict(self) | {"told": json.dumps(as_dict(self), default=str)})


def _tell_the_file(patch: pytest.MonkeyPatch, place: Place) -> None:
    patch.setattr(messages, "refusal", lambda *_given: (place.inbox / "list.csv").read_text(encoding="utf-8"))


def _break_with_a_value(patch: pytest.MonkeyPatch, place: Place) -> None:
    def ingest(*_given: Any, **_named: Any) -> None:
        raise ValueError(place.planter.planted[7])

    patch.setattr(pipeline, "ingest", ingest)


BREAKS = {"problems": _tell_problems, "refusals": _tell_the_file, "errors": _break_with_a_value}


@pytest.mark.parametrize("broken", BREAKS)
def test_the_search_finds_what_a_task_says(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """It can fail: with a guard off, the same search finds something."""
    place.drop()
    BREAKS[broken](monkeypatch, place)
    run(place, "drug")
    said, kept = place.leaks()
    assert said
    assert kept or broken != "problems"  # the result of a task
