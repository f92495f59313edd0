"""A short run of what `python -m bench.fuzz` does for long."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import fuzz
from bench.valid_files import valid_files

FILES = valid_files()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "x"


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_files_that_are_changed_are_valid(place: Path, name: str) -> None:
    place.write_bytes(FILES[name])
    assert fuzz.outcome(place) == "read"


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32))
def test_any_changed_file_is_read_or_refused(place: Path, seed: int) -> None:
    _, data = fuzz.made(seed, FILES)
    place.write_bytes(data)
    assert fuzz.outcome(place)


def test_a_seed_gives_the_same_file() -> None:
    assert [fuzz.made(seed, FILES) for seed in range(20)] == [fuzz.made(seed, FILES) for seed in range(20)]
    assert len({fuzz.made(seed, FILES) for seed in range(20)}) == 20


def test_a_failure_is_kept_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: Path) -> str:
        raise KeyError("a reader that fails")

    monkeypatch.setattr(fuzz, "outcome", broken)
    ticks = iter([0.0, 0.0, 1.0, 2.0])
    monkeypatch.setattr(fuzz.time, "monotonic", lambda: next(ticks))
    assert fuzz.run(0.5, 7, tmp_path / "kept") == 1
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [f"7-{fuzz.made(7, FILES)[0]}"]
    assert "a reader that fails" in capsys.readouterr().err


def test_every_kind_of_change_is_made() -> None:
    data = b"0123456789" * 20
    for change in {*fuzz._CHANGES}:
        made = set()
        for seed in range(20):
            one = bytearray(data)
            change(random.Random(seed), one, [b"other" * 100])
            made.add(bytes(one))
        assert len(made - {data}) > 3, change.__name__
