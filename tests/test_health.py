"""`pvwatch doctor`: an installation that is in order, and each thing that may be wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from pv import archive, health, pipeline
from pv.cli import main
from pv.settings import Settings
from tests.conftest import KEY, NOW, Export

CHECKS = ["settings", "folders", "disk", "store", "key", "archive", "reference", "inbox"]


@pytest.fixture
def settings(tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation that has loaded a file."""
    for name in ("PVWATCH_DATABASE_URL", "PVWATCH_INBOX", "PVWATCH_OUT", "PVWATCH_REFERENCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    made = Settings.load()
    made.reference.mkdir(parents=True)
    (made.reference / "areas.csv").write_text("code,name,parent\n3301,云泽市,\n", encoding="utf-8")
    (made.reference / "hospitals.csv").write_text(
        "hospital_id,name,former_names,level,kind,district,sentinel,registered,reports_for\n"
        "h1,第一医院,,3,综合医院,3301,,yes,\n",
        encoding="utf-8",
    )
    pipeline.ingest(made, [export("drug", [{}])], NOW)
    made.inbox.mkdir(exist_ok=True)
    shutil.copy(export("drug", [{"报告表编码": "D2"}]), made.inbox / "drug.csv")
    return made


def _bad() -> dict[str, str]:
    found = list(health.examine())
    assert [one.check for one in found] in (CHECKS, ["settings"])
    assert all(one.text("zh") and one.text("en") for one in found)
    return {one.check: one.text("en") for one in found if not one.good}


def test_all_is_in_order(settings: Settings) -> None:
    before = {path: path.read_bytes() for path in settings.inbox.iterdir()}
    assert _bad() == {}
    assert {path: path.read_bytes() for path in settings.inbox.iterdir()} == before
    result = CliRunner().invoke(main, ["doctor"], env={"PVWATCH_LANG": "zh"})
    assert result.exit_code == 0, result.output
    assert [line[:2] for line in result.output.splitlines()] == ["正常"] * len(CHECKS)
    assert "病例版本 1 条" in result.output


def test_before_the_first_load_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path / "new"))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    for name in ("PVWATCH_DATABASE_URL", "PVWATCH_INBOX", "PVWATCH_OUT", "PVWATCH_REFERENCE"):
        monkeypatch.delenv(name, raising=False)
    assert set(_bad()) == {"reference"}
    assert not (tmp_path / "new").exists()


def _damage(settings: Settings) -> None:
    (path,) = archive.objects(settings.archive)
    path.write_bytes(b"")


def _leave(settings: Settings) -> None:
    (settings.archive / ".open-search" / "x").mkdir(parents=True)


def _drop(settings: Settings) -> None:
    (settings.inbox / "menu.csv").write_text("soup,rice\n1,2\n", encoding="utf-8")


def _block(settings: Settings) -> None:
    settings.out.write_text("a file where the folder should be", encoding="utf-8")


WRONG: dict[str, tuple[Callable[[Settings], object], set[str], str]] = {
    "settings": (lambda s: (s.home / "pvwatch.toml").write_text("[", encoding="utf-8"), {"settings"}, "pvwatch.toml"),
    "folder": (_block, {"folders"}, "out"),
    "store": (lambda s: (s.home / "pvwatch.sqlite").write_bytes(b"no database" * 99), {"store", "key"}, "database"),
    "archive": (_damage, {"archive"}, "damaged"),
    "in clear": (_leave, {"archive"}, ".open-search"),
    "reference": (lambda s: (s.reference / "areas.csv").write_text("x\n1\n"), {"reference"}, "areas.csv"),
    "inbox": (_drop, {"inbox"}, "menu.csv"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said(settings: Settings, wrong: str) -> None:
    spoil, checks, words = WRONG[wrong]
    spoil(settings)
    bad = _bad()
    assert set(bad) == checks
    assert words in " ".join(bad.values())
    result = CliRunner().invoke(main, ["doctor", "--json"])
    assert result.exit_code == 1
    assert {one["check"] for one in json.loads(result.stdout) if not one["good"]} == checks


def test_another_key_and_none(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PVWATCH_KEY", "1" * 43 + "=")
    assert set(_bad()) == {"key", "archive"}
    monkeypatch.delenv("PVWATCH_KEY")
    assert set(_bad()) == {"key", "archive"}


def test_an_address_that_is_none(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PVWATCH_DATABASE_URL", "nonsense")
    bad = _bad()
    assert set(bad) == {"store", "key"}
    assert "PVWATCH_DATABASE_URL" in bad["store"]


def test_a_full_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1 << 29))
    assert _bad() == {"disk": "0.5 GiB free, 1.0 GiB are needed; make room before the next load"}
