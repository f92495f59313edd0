"""Rows of forms that wait in the quarantine: another key, an end of keeping, a case that is forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select

from pv import archive, intake, quarantine, store
from pv.forms import in_force
from pv.privacy import forgetting, retention, rotation
from pv.privacy.forgetting import Place, Wish
from pv.schema import quarantine as table
from pv.settings import Settings
from pv.week import instant_text
from tests.conftest import KEY, NOW, Export
from tests.intake.test_waiting_forms import PAIR, _sheet

LATER = NOW + timedelta(days=400)
VERDICT = PAIR | {"note": "患者鸢丽伟来电13947110007"}


@pytest.fixture
def folder(engine: Engine, tmp_path: Path) -> Path:
    """A verdict on two reports that the store does not have."""
    account = intake.load_file(engine, _sheet(tmp_path / "f.csv", "duplicates", VERDICT), tmp_path / "a", KEY, NOW)
    assert (account.quarantined, account.entries) == (1, 1)
    return tmp_path / "a"


def _raw(engine: Engine) -> list[str]:
    with store.reading(engine) as connection:
        return list(connection.execute(select(table.c.raw).where(table.c.stream == "forms")).scalars())


def test_another_key_opens_them_and_they_are_replayed(engine: Engine, folder: Path, export: Export) -> None:
    new = Fernet.generate_key().decode()
    done = rotation.rotate(engine, folder, f"{new},{KEY}")
    assert (done.rows, done.rows_changed, done.unreadable) == (1, 1, [])
    assert "鸢丽伟" in archive.unseal(_raw(engine)[0], new)
    intake.load_file(engine, export("drug", [{"报告表编码": "D1"}, {"报告表编码": "D2"}]), folder, new, NOW)
    (account,) = intake.replay(engine, folder, new, NOW + timedelta(hours=1), "forms").accounts
    assert (account.stored, account.cleared) == (1, 1)
    with store.reading(engine) as connection:
        assert in_force(connection, "duplicates", "9999")["note"].tolist() == ["患者鸢丽伟来电***"]


def test_their_rows_go_when_their_period_has_ended_and_they_are_still_listed(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    periods = replace(Settings.load({"PVWATCH_HOME": str(tmp_path)}), retention={"quarantine": 1.0})
    with store.reading(engine) as connection:
        due = retention.due(connection, periods, LATER)
    assert [(one.kind, one.stream) for one in due] == [("quarantine", "forms")]
    retention.delete(engine, due, "李四", "1 year", LATER)
    assert _raw(engine) == [""]
    with store.reading(engine) as connection:
        listed = quarantine.entries(connection, instant_text(LATER), "forms")
    assert listed[["state", "kept"]].to_numpy().tolist() == [["waiting", False]]
    replayed = intake.replay(engine, folder, KEY, LATER, "forms")
    assert (replayed.accounts, len(replayed.left)) == ((), 1)
    again = intake.load_file(engine, tmp_path / "f.csv", folder, KEY, LATER)
    assert (again.quarantined, again.entries) == (1, 0)  # it waits already


def test_a_verdict_that_waits_survives_what_is_forgotten_of_its_reports(
    engine: Engine, folder: Path, export: Export
) -> None:
    """It names reports, which stay counted."""
    intake.load_file(engine, export("drug", [{"报告表编码": "D1", "患者姓名": "鹮芳"}]), folder, KEY, NOW)
    before = _raw(engine)
    forgetting.forget(engine, Place(folder, KEY), Wish("drug", "D1", "李四", "申请", LATER))
    assert _raw(engine) == before
