"""Revisions survive kills and emptied folders: the store and the pages say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from pv.revisions import Current, number_of, put_in_place, recover
from pv.week import Week

WEEK = Week.parse("2026-W46")


def _current(folder: Path, number: int, mark: str = "") -> Current:
    return Current(number, folder, {"fingerprint": mark})


@pytest.mark.parametrize(
    ("on_disk", "recorded", "mark", "number"),
    [
        ((0, ""), (0, ""), "x", 1),  # the first
        ((1, "x"), (1, "x"), "y", 2),  # changed
        ((0, ""), (3, "x"), "x", 3),  # the folder was emptied, the content is the same
        ((0, ""), (3, "x"), "y", 4),  # the folder was emptied, the content has changed
        ((2, "y"), (1, "x"), "y", 2),  # killed after the swap, before the commit
        ((2, "y"), (1, "x"), "z", 3),
        ((2, "y"), (3, "x"), "x", 3),  # an older copy of the folder was put back
    ],
)
def test_numbers(on_disk: tuple[int, str], recorded: tuple[int, str], mark: str, number: int, tmp_path: Path) -> None:
    assert number_of(_current(tmp_path, *on_disk), recorded, mark) == number


def _write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "page.html").write_text(text, encoding="utf-8")
    return folder


def test_the_replaced_revision_is_kept(tmp_path: Path) -> None:
    folder, part = tmp_path / str(WEEK), tmp_path / f".{WEEK}.part"
    _write(folder, "one")
    put_in_place(_write(part, "two"), _current(folder, 1), 2)
    put_in_place(_write(part, "three"), _current(folder, 2), 3)
    assert (folder / "page.html").read_text(encoding="utf-8") == "three"
    kept = [(folder / "revisions" / number / "page.html").read_text(encoding="utf-8") for number in ("1", "2")]
    assert kept == ["one", "two"]
    assert [path.name for path in tmp_path.iterdir()] == [str(WEEK)]


def test_a_swap_killed_half_way_loses_nothing(tmp_path: Path) -> None:
    """Killed between the two renames, and killed before the replaced folder was removed."""
    folder = tmp_path / str(WEEK)
    _write(tmp_path / f".{WEEK}.old", "one")
    _write(tmp_path / f".{WEEK}.part", "two")
    recover(tmp_path, WEEK)
    assert (folder / "page.html").read_text(encoding="utf-8") == "one"
    _write(tmp_path / f".{WEEK}.old", "zero")
    recover(tmp_path, WEEK)
    assert (folder / "page.html").read_text(encoding="utf-8") == "one"
    assert [path.name for path in tmp_path.iterdir()] == [str(WEEK)]
