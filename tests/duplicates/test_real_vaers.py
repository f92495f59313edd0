"""Real reports that name nobody: VAERS 1990 to 1992, nearly all of them of different patients."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pv import store
from pv.duplicates import link_new, merges
from pv.duplicates.linking import scored
from pv.duplicates.model import model
from pv.intake import load_file
from pv.week import instant_text
from tests.conftest import KEY, NOW


def test_nothing_is_merged_by_likeness_alone(shared: Path, tmp_path: Path) -> None:
    """By probability alone 27 pairs would merge: most of them residents of one home, vaccinated on one day."""
    engine = store.open_store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    for year in (1990, 1991, 1992):
        account = load_file(engine, shared / f"data/vaers/{year}VAERSData.zip", tmp_path / "archive", KEY, NOW)
    stream = account.stream
    with store.writing(engine) as connection:
        assert link_new(connection, stream, 1, instant_text(NOW)).cases == 0  # a foreign database
        assert merges(connection, stream) == {}
        found = scored(connection, stream, 1, 22_733, model())  # as if it were our own
    engine.dispose()
    zones = Counter(model().zone(one.probability, one.levels) for one in found)
    assert zones["merged"] == 0
    assert zones["review"] < 0.015 * 22_733
    assert Counter(model().likely(one.probability) for one in found)["merged"] == 27
