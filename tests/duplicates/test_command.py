"""`pvwatch duplicates` on a small store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pv import store
from pv.cli.duplicates import duplicates
from pv.duplicates import link_new
from tests.duplicates.told import NOW, merged, tell


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with one pair that waits; its address."""
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path))
    monkeypatch.setenv("PVWATCH_LANG", "en")
    url = f"sqlite:///{tmp_path / 'pvwatch.sqlite'}"
    with store.writing(store.open_store(url)) as connection:
        link_new(connection, "drug", tell(connection, {}, {"number": "B", "name": "", "unit": "第二医院"}), NOW)
    return url


def _run(*words: str) -> Result:
    return CliRunner().invoke(duplicates, words)


def _merged(url: str) -> dict[str, str]:
    with store.reading(store.open_store(url)) as connection:
        return merged(connection)


def test_waiting_pairs_are_listed_with_their_reasons(home: str) -> None:
    shown = _run()
    assert shown.exit_code == 0
    assert "1 pairs wait for people" in shown.output
    assert "Day of onset: same day +9.1" in shown.output
    (row,) = json.loads(_run("--json").output)
    assert (row["case"], row["other"], row["zone"]) == ("A", "B", "review")
    assert ["Sex", "equal", 0.93] in row["explanation"]
    assert json.loads(_run("--stream", "device", "--json").output) == []


def test_a_verdict_is_put_into_effect(home: str) -> None:
    said = _run("--stream", "drug", "--same", "A", "B", "--by", "李四").output
    assert "the group has changed of: B" in said
    assert "counts differ from 2026-W41 on" in said
    assert _merged(home) == {"B": "A"}
    found = _run("--stream", "drug", "--different", "A", "B", "--by", "李四", "--note", "不同病例", "--json")
    assert (json.loads(found.output)["changed"], json.loads(found.output)["weeks"]) == (["B"], ["2026-W41"])
    assert _merged(home) == {}
    assert "0 pairs wait" in _run().output
    assert "0 reports merged" in _run("--stream", "drug", "--release").output


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--same", "A", "B", "--by", "李四"), 2, "--same needs --stream"),
        (("--stream", "drug", "--same", "A", "B"), 2, "--same needs --by"),
        (("--stream", "drug", "--same", "A", "B", "--release"), 2, "one at a time"),
        (("--stream", "drug", "--same", "A", "X", "--by", "李四"), 1, "there is no report X"),
        (("--stream", "other"), 1, "there is no stream other"),
    ],
)
def test_wrong_use_is_explained(home: str, words: tuple[str, ...], code: int, message: str) -> None:
    result = _run(*words)
    assert result.exit_code == code
    assert message in result.output
