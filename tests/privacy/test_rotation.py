"""Another PVWATCH_KEY: everything can be read all the time, duplicates are still found, a killed run goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select

from pv import archive, keys, store
from pv.intake import load_file
from pv.privacy import rotation
from pv.schema import case_version, quarantine
from tests.conftest import KEY, NOW, Export

NEW = Fernet.generate_key().decode()
BOTH = f"{NEW},{KEY}"
ROWS = [{"报告表编码": f"D{n}", "患者姓名": f"张三{n}", "国家中心接收时间": "明天"} for n in range(5)]


class Killed(BaseException):
    pass


@pytest.fixture
def home(engine: Engine, export: Export) -> Path:
    """Three archived files and five quarantined reports under KEY."""
    for number, rows in enumerate(([{"患者姓名": "王五"}], ROWS, [{"报告表编码": "D9"}])):
        path = export("drug", rows, f"{number}.csv")
        load_file(engine, path, path.parent / "archive", KEY, NOW)
    return path.parent / "archive"


def _all_readable(engine: Engine, folder: Path, key: str) -> bool:
    with store.reading(engine) as connection:
        keys.check(connection, key, folder)
        sealed = list(connection.execute(select(quarantine.c.raw)).scalars())
    for path in archive.objects(folder):
        archive.check(path, key)
    return len([archive.unseal(text, key) for text in sealed]) == 5


def test_everything_is_under_the_new_key_alone(engine: Engine, home: Path) -> None:
    stamps = [path.stat().st_mtime_ns for path in archive.objects(home)]
    done = rotation.rotate(engine, home, BOTH)
    assert (done.files, done.files_changed, done.rows, done.rows_changed) == (3, 3, 5, 5)
    assert done.hash_key_changed
    assert done.unreadable == []
    assert _all_readable(engine, home, NEW)
    assert [path.stat().st_mtime_ns for path in archive.objects(home)] == stamps
    assert {path.stat().st_mode & 0o777 for path in archive.objects(home)} == {0o600}
    with pytest.raises(keys.WrongKeyError):
        _all_readable(engine, home, KEY)
    again = rotation.rotate(engine, home, BOTH)
    assert (again.files_changed, again.rows_changed, again.hash_key_changed) == (0, 0, False)


def test_a_file_loaded_again_after_the_change_is_unchanged(engine: Engine, home: Path, export: Export) -> None:
    """What the hashes are for: the same content and the same patient are known again."""
    rotation.rotate(engine, home, BOTH)
    for key in (BOTH, NEW):
        account = load_file(engine, export("drug", [{"患者姓名": "王五"}], "again.csv"), home, key, NOW)
        assert (account.read, account.unchanged) == (1, 1)
    bad = load_file(engine, export("drug", ROWS, "bad.csv"), home, NEW, NOW)
    twin = load_file(engine, export("drug", [{"报告表编码": "D7", "患者姓名": "王五"}], "twin.csv"), home, NEW, NOW)
    assert (bad.quarantined, twin.stored) == (5, 1)
    with store.reading(engine) as connection:
        assert len(connection.execute(select(quarantine.c.raw)).all()) == 5
        table = case_version.c
        hashes = select(table.patient_hash).where(table.case_number.in_(["D1", "D7"]))
        assert len(set(connection.execute(hashes).scalars())) == 1


@pytest.mark.parametrize("kept", range(5))
def test_killed_anywhere_it_goes_on_and_nothing_is_unreadable(
    engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(rotation, "_ROWS", 2)  # 3 parts of rows and 3 files: 6 places to be killed in

    def kill(done: int, _total: int) -> None:
        if done == kept + 1:
            raise Killed

    with pytest.raises(Killed):
        rotation.rotate(engine, home, BOTH, kill)
    assert _all_readable(engine, home, BOTH)
    rotation.rotate(engine, home, BOTH)
    assert _all_readable(engine, home, NEW)


def test_killed_while_a_file_is_written_leaves_the_old_one(
    engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(_path: Path, _target: Path) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", kill)
        with pytest.raises(Killed):
            rotation.rotate(engine, home, BOTH)
    (left,) = archive.unfinished(home)
    assert _all_readable(engine, home, BOTH)
    os.utime(left, (0, 0))  # found a day later
    rotation.rotate(engine, home, BOTH)
    assert archive.unfinished(home) == []
    assert _all_readable(engine, home, NEW)


def test_what_no_key_opens_is_named_and_left(engine: Engine, home: Path) -> None:
    foreign = archive.objects(home)[1]
    foreign.write_bytes(Fernet(Fernet.generate_key()).encrypt(b"x") + b"\n")
    before = foreign.read_bytes()
    with store.writing(engine) as connection:
        wrong = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
        connection.execute(quarantine.update().where(quarantine.c.quarantine_id == 2).values(raw=wrong))
    done = rotation.rotate(engine, home, BOTH)
    assert done.unreadable == ["quarantine 2", str(foreign)]
    assert (done.files_changed, done.rows_changed) == (2, 4)
    assert foreign.read_bytes() == before
