"""Periods of keeping: nothing without one; what is older goes, from every file; what was deleted is recorded."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select

from pv import access, archive, store
from pv.cli import main
from pv.intake import load_file
from pv.intake.replay import replay
from pv.privacy import retention
from pv.schema import case_version, quarantine
from pv.settings import Settings, SettingsError
from tests.conftest import KEY, NOW, Export

YEARS = {"archive": 2.0, "quarantine": 1.0, "done": 0.5, "refused": 0.5}
OLD = NOW - timedelta(days=800)


@pytest.fixture
def settings(tmp_path: Path, engine: Engine, export: Export) -> Settings:
    """A file loaded 800 days ago and one loaded now, each with a quarantined report; receipts and a refused file."""
    made = Settings.load({"PVWATCH_HOME": str(tmp_path / "home"), "PVWATCH_KEY": KEY})
    for name, moment, day in (("old", OLD, "2024-09-01"), ("new", NOW, "2026-11-10")):
        rows = [
            {"报告表编码": name, "国家中心接收时间": day},
            {"报告表编码": f"{name}2", "国家中心接收时间": "明天", "患者姓名": "张三"},
        ]
        account = load_file(engine, export("drug", rows, f"{name}.csv"), made.archive, KEY, moment)
        assert (account.stored, account.quarantined) == (1, 1)
    refused = tmp_path / "x.txt"
    refused.write_text("张三", encoding="utf-8")
    kept = archive.keep(refused, made.archive / archive.REFUSED, archive.file_sha256(refused), KEY)
    receipt = made.inbox / "done" / "old.csv.receipt.txt"
    receipt.parent.mkdir(parents=True)
    receipt.write_text("…", encoding="utf-8")
    for path in (kept, receipt):
        os.utime(path, (OLD.timestamp(), OLD.timestamp()))
    return replace(made, retention=YEARS)


def _due(engine: Engine, settings: Settings) -> list[retention.Due]:
    with store.reading(engine) as connection:
        return retention.due(connection, settings, NOW)


def test_nothing_is_due_without_a_period(engine: Engine, settings: Settings) -> None:
    assert _due(engine, replace(settings, retention={})) == []


@pytest.mark.parametrize("kind", YEARS)
def test_only_what_has_a_period_is_due(engine: Engine, settings: Settings, kind: str) -> None:
    found = _due(engine, replace(settings, retention={kind: YEARS[kind]}))
    assert [one.kind for one in found] == [kind]
    assert _due(engine, replace(settings, retention={kind: 3.0})) == []


def test_what_is_due_is_deleted_and_recorded_and_counts_stay(
    engine: Engine, settings: Settings, export: Export
) -> None:
    found = _due(engine, settings)
    assert [one.kind for one in found] == ["archive", "done", "quarantine", "refused"]
    retention.delete(engine, found, "李四", "archive 2 years", NOW)
    with store.reading(engine) as connection:
        raw = list(connection.execute(select(quarantine.c.raw).order_by(quarantine.c.quarantine_id)).scalars())
        log = access.entries(connection)
        numbers = set(connection.execute(select(case_version.c.case_number)).scalars())
    assert raw[0] == ""
    assert "张三" in archive.unseal(raw[1], KEY)
    assert numbers == {"old", "new"}
    assert log["subject"].tolist() == [one.subject for one in found]
    assert set(log["who"]) == {"李四"}
    assert len(archive.objects(settings.archive)) == 1
    assert list((settings.inbox / "done").iterdir()) == []
    assert _due(engine, settings) == []
    replayed = replay(engine, settings.archive, KEY, NOW)
    assert [account.quarantined for account in replayed.accounts] == [1]  # those whose rows are there
    assert replayed.left["case_number"].tolist() == ["old2"]
    rows = [
        {"报告表编码": "old", "国家中心接收时间": "2024-09-01"},
        {"报告表编码": "old2", "国家中心接收时间": "明天", "患者姓名": "张三"},
    ]
    again = load_file(engine, export("drug", rows, "old.csv"), settings.archive, KEY, NOW)
    assert again.stored == 0  # known by what it says


def test_what_is_deleted_is_in_no_file_of_the_embedded_store(
    settings: Settings, tmp_path: Path, engine: Engine
) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("looks into the bytes of the SQLite file; a server overwrites its own")
    with store.reading(engine) as connection:
        sealed = str(connection.execute(select(quarantine.c.raw).where(quarantine.c.quarantine_id == 1)).scalar())
    files = [path for path in tmp_path.iterdir() if path.name.startswith("store.sqlite")]
    assert any(sealed[:200].encode() in path.read_bytes() for path in files)
    retention.delete(engine, _due(engine, settings), "李四", "", NOW)
    assert not any(sealed[:200].encode() in path.read_bytes() for path in files if path.exists())


def test_the_command_shows_then_deletes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, export: Export) -> None:
    for name in ("PVWATCH_DATABASE_URL", "PVWATCH_INBOX", "PVWATCH_OUT", "PVWATCH_REFERENCE"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("PVWATCH_HOME", str(home))
    (home / "pvwatch.toml").write_text("[retention]\narchive = 1.5\n", encoding="utf-8")
    loaded = Settings.load()
    assert loaded.retention == {"archive": 1.5}
    old = datetime.now(UTC) - timedelta(days=600)
    path = export("drug", [{"国家中心接收时间": "2020-01-01"}])
    load_file(store.open_store(loaded.database_url), path, loaded.archive, KEY, old)
    shown = json.loads(CliRunner().invoke(main, ["retention", "--dry-run", "--json"]).output)
    assert ([one["kind"] for one in shown["due"]], shown["deleted"]) == (["archive"], False)
    assert len(archive.objects(loaded.archive)) == 1
    assert "archive: 1.5 years; 1 deleted" in CliRunner().invoke(main, ["retention"]).output
    assert archive.objects(loaded.archive) == []
    assert "quarantine: no period, kept for ever; 0 deleted" in CliRunner().invoke(main, ["retention"]).output


@pytest.mark.parametrize("text", ["archive = 0", 'archive = "10"', "archive = true", "everything = 1"])
def test_a_wrong_period_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "pvwatch.toml").write_text(f"[retention]\n{text}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="retention"):
        Settings.load({"PVWATCH_HOME": str(tmp_path)})
