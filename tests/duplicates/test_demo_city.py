"""The duplicates of a demo city: all that are surely one event are merged, look-alikes are not."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import select

from pv import inbox, pipeline, store
from pv.demo import write_city
from pv.demo.catalogue import STREAMS
from pv.duplicates import merges, root, waiting
from pv.schema import case_merge
from pv.settings import Settings
from tests.conftest import KEY, NOW

Pair = tuple[str, str]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Settings]:
    folder = tmp_path_factory.mktemp("city")
    truth = write_city(folder, seed=4, weeks=8, hospitals=10, reports_per_week=17)
    home = {"PVWATCH_HOME": str(folder / "home"), "PVWATCH_KEY": KEY, "PVWATCH_REFERENCE": str(folder / "reference")}
    settings = Settings.load(home)
    pipeline.ingest(settings, inbox.files_of([folder / "exports"]), NOW)
    return truth, settings


def _pairs(entries: list[dict[str, Any]], stream: str) -> set[Pair]:
    """All pairs within the planted groups."""
    groups = [entry["cases"] for entry in entries if entry["stream"] == stream]
    return {(min(pair), max(pair)) for cases in groups for pair in combinations(cases, 2)}


def _merged(parent: dict[str, str]) -> set[Pair]:
    groups = defaultdict(set)
    for case in parent:
        groups[root(case, parent)] |= {case, root(case, parent)}
    return {pair for members in groups.values() for pair in combinations(sorted(members), 2)}


@pytest.mark.parametrize("stream", STREAMS)
def test_planted_duplicates_are_merged_and_nothing_else(city: tuple[dict[str, Any], Settings], stream: str) -> None:
    """Those that do not name the patient are put before people."""
    truth, settings = city
    engine = store.open_store(settings.database_url)
    with store.reading(engine) as connection:
        merged = _merged(merges(connection, stream))
        listed = waiting(connection, stream)
        rules = set(connection.execute(select(case_merge.c.rule)).scalars())
    engine.dispose()
    sure, doubtful = (_pairs(truth[section], stream) for section in ("duplicates", "doubtful_duplicates"))
    assert merged == sure
    for_people = set(zip(listed["case"], listed["other"], strict=True))
    assert for_people & sure == set()
    assert doubtful & for_people
    assert doubtful & merged == set()
    assert rules == {"exact-1", "splink-2"}


def test_what_is_put_before_people_is_like_something(city: tuple[dict[str, Any], Settings]) -> None:
    """Every waiting pair is planted: a doubtful copy, a look-alike, or the copy that somebody flagged in the export."""
    truth, settings = city
    engine = store.open_store(settings.database_url)
    with store.reading(engine) as connection:
        for stream in STREAMS:
            planted = _pairs(truth["doubtful_duplicates"] + truth["near_duplicates"], stream)
            listed = waiting(connection, stream)
            assert set(zip(listed["case"], listed["other"], strict=True)) <= planted
    engine.dispose()
