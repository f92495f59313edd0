"""Reports without a modification date: the newest export is right, whatever was loaded first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from random import Random
from shutil import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from pv import cases, intake, reference, store
from pv.intake import FileAccount
from pv.week import Week
from tests.conftest import KEY, NOW, Export

DAYS = ("2026-10-05", "2026-10-19", "2026-11-02", "2026-11-16")  # newest receipts of four exports, all Mondays


def load(engine: Engine, path: Path, minutes: int) -> FileAccount:
    return intake.load_file(engine, path, path.parent / "archive", KEY, NOW + timedelta(minutes=minutes))


def exported(export: Export, number: int, told: dict[str, str]) -> Path:
    """The export of a day: cases with their failure; the newest report of the file is one of its own."""
    rows = [{"报告编码": case, "器械故障表现": text, "报告日期": "2026-09-28"} for case, text in told.items()]
    own = {"报告编码": f"N{number}", "报告日期": DAYS[number]}
    return export("device", [*rows, own], f"{number}.csv")


def failure(engine: Engine, week: str, case: str = "E1", as_of: datetime = NOW + timedelta(days=1)) -> str:
    with store.reading(engine) as connection:
        view = cases.StreamCases(connection, "device", as_of, reference.build({}))
    filed = view.filings(Week.parse(week))
    (events,) = filed.loc[filed["case"] == case, "events"]
    return str(events)


def problems(account: FileAccount) -> list[tuple[str, str]]:
    return [(problem.code, problem.value) for problem in account.problems]


def test_a_correction_that_is_taken_back(engine: Engine, export: Export) -> None:
    """Told as A, then as B, then as A again: each holds from its export on."""
    accounts = [
        load(engine, exported(export, number, {"E1": text}), number)
        for number, text in enumerate(["漏液", "断裂", "漏液"])
    ]
    assert [(a.stored, a.unchanged) for a in accounts] == [(2, 0), (2, 0), (2, 0)]
    weeks = ("2026-W40", "2026-W42", "2026-W43", "2026-W44", "2026-W45", "2026-W47")
    assert [failure(engine, week) for week in weeks] == ["漏液", "漏液", "断裂", "断裂", "漏液", "漏液"]
    then = NOW + timedelta(minutes=1)  # before the third was loaded
    assert failure(engine, "2026-W47", as_of=then) == "断裂"


def test_the_same_export_again_changes_nothing(engine: Engine, export: Export) -> None:
    paths = [exported(export, number, {"E1": text}) for number, text in enumerate(["漏液", "断裂"])]
    for minute, path in enumerate([*paths, paths[0]]):
        account = load(engine, path, minute)
    assert (account.stored, account.unchanged, account.weeks) == (0, 2, ())
    assert failure(engine, "2026-W47") == "断裂"


def test_an_older_export_that_comes_late_does_not_win(engine: Engine, export: Export) -> None:
    newer, older = exported(export, 2, {"E1": "断裂", "E2": "漏液"}), exported(export, 0, {"E1": "漏液", "E2": "漏液"})
    load(engine, newer, 0)
    account = load(engine, older, 1)
    assert (account.read, account.stored, account.unchanged) == (3, 1, 2)  # what is new in it is its own report
    assert problems(account) == [("older_export", "1")]
    assert [failure(engine, week) for week in ("2026-W40", "2026-W47")] == ["断裂", "断裂"]


def test_a_correction_between_two_loaded_exports_is_in_doubt(engine: Engine, export: Export) -> None:
    """The newest export told A like the first one; that leaves no trace, and loading it again brings A back."""
    paths = [exported(export, number, {"E1": text}) for number, text in enumerate(["漏液", "断裂", "漏液"])]
    load(engine, paths[0], 0)
    assert load(engine, paths[2], 1).unchanged == 1
    account = load(engine, paths[1], 2)
    assert problems(account) == [("newer_export_loaded", "1")]
    assert failure(engine, "2026-W47") == "断裂"
    again = load(engine, paths[2], 3)
    assert (again.stored, again.unchanged, again.weeks) == (1, 1, ("2026-W45",))
    assert [failure(engine, week) for week in ("2026-W42", "2026-W44", "2026-W47")] == ["漏液", "断裂", "漏液"]


Folders = pytest.TempPathFactory


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: Folders) -> Path:
    path = tmp_path_factory.mktemp("empty") / "s.sqlite"
    store.open_store(f"sqlite:///{path}").dispose()
    return path


LISTED = st.dictionaries(st.sampled_from(["E1", "E2"]), st.sampled_from(["漏液", "断裂", "堵塞"]), min_size=1)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(told=st.lists(LISTED, min_size=2, max_size=4), order=st.randoms(use_true_random=False))
def test_any_order_of_loading_ends_with_what_the_newest_export_says(
    told: Sequence[dict[str, str]], order: Random, export: Export, empty_store: Path, tmp_path_factory: Folders
) -> None:
    """Loaded in any order, and where a doubt was told once more in their own."""
    paths = [exported(export, number, one) for number, one in enumerate(told)]
    shuffled = list(paths)
    order.shuffle(shuffled)
    engine = store.open_store(f"sqlite:///{copy(empty_store, tmp_path_factory.mktemp('any') / 's.sqlite')}")
    accounts = [load(engine, path, minute) for minute, path in enumerate(shuffled)]
    if any(code == "newer_export_loaded" for account in accounts for code, _ in problems(account)):
        for minute, path in enumerate(paths, start=10):
            load(engine, path, minute)
    last = {case: one[case] for one in told for case in one}
    assert {case: failure(engine, "2026-W47", case) for case in last} == last
    if shuffled == paths:
        _check_weeks(engine, told)
    engine.dispose()


def test_in_order_every_week_reads_as_its_newest_export(engine: Engine, export: Export) -> None:
    told = [{"E1": "漏液", "E2": "漏液"}, {"E1": "断裂"}, {"E2": "堵塞", "E1": "漏液"}, {"E2": "漏液", "E1": "堵塞"}]
    for number, one in enumerate(told):
        load(engine, exported(export, number, one), number)
    _check_weeks(engine, told)


def _check_weeks(engine: Engine, told: Sequence[dict[str, str]]) -> None:
    for number in range(len(told)):
        week = str(Week.of(datetime.fromisoformat(DAYS[number]).date()))
        known = {case: one[case] for one in told[: number + 1] for case in one}
        assert {case: failure(engine, week, case) for case in known} == known


def test_three_exports_in_every_order_read_the_same(export: Export, empty_store: Path, tmp_path: Path) -> None:
    """A in the first export, B in the second and third: B is in force in the end, in all six orders."""
    paths = [exported(export, number, {"E1": text}) for number, text in enumerate(["漏液", "断裂", "断裂"])]
    for number, order in enumerate(permutations(paths)):
        engine = store.open_store(f"sqlite:///{copy(empty_store, tmp_path / f'{number}.sqlite')}")
        for minute, path in enumerate(order):
            load(engine, path, minute)
        assert failure(engine, "2026-W47") == "断裂"
        engine.dispose()
