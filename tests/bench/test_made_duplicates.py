"""The made-up reports of the duplicates bench, small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.duplicates import BLANKS, COPIES, found, put, reports
from pv import duplicates, store


def test_copies_are_found_and_look_alikes_are_not(tmp_path: Path) -> None:
    made = reports(3_000)
    assert len(made) == 3_000
    assert len(made.same) == round(3_000 * COPIES)
    engine = store.open_store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    with store.writing(engine) as connection:
        put(connection, made, np.arange(3_000))
        linked = duplicates.link_new(connection, "drug", 1, "2026-11-22T00:00:00Z")
        figures = found(connection, made)
    engine.dispose()
    assert linked.merged > 0
    assert figures["precision"] >= 0.98
    assert figures["recall"] >= 0.8
    assert figures["in_sight"] >= 0.95


def test_the_same_seed_gives_the_same_reports() -> None:
    one, again, other = reports(500), reports(500), reports(500, seed=2)
    assert all((one.columns[name] == again.columns[name]).all() for name in one.columns)
    assert any((one.columns[name] != other.columns[name]).any() for name in one.columns)


@pytest.mark.parametrize("field", sorted(BLANKS))
def test_fields_are_left_out_as_often_as_said(field: str) -> None:
    blank = (reports(20_000).columns[field] == -1).mean()
    assert blank == pytest.approx(BLANKS[field], abs=0.012)
