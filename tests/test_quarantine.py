"""What waits in the quarantine, and how an entry ends; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine, func, select

from pv import accounts, intake, quarantine, store
from pv.cases import StreamCases
from pv.intake import FileAccount
from pv.reference import build
from pv.schema import case_version, file_load, quarantine_closing
from pv.schema import quarantine as quarantine_table
from pv.week import instant_text
from tests.conftest import KEY, NOW, Export

LATER = NOW + timedelta(days=1)
BROKEN = {"报告表编码": "D2", "怀疑/并用": ""}


def _load(engine: Engine, path: Path, at: datetime = NOW) -> FileAccount:
    account = intake.load_file(engine, path, path.parent / "archive", KEY, at)
    assert account.read == account.stored + account.unchanged + account.quarantined
    assert account.entered <= account.quarantined
    return account


def _entries(engine: Engine, at: datetime = NOW + timedelta(days=9)) -> pd.DataFrame:
    with store.reading(engine) as connection:
        return quarantine.entries(connection, instant_text(at))


def _states(engine: Engine, at: datetime = NOW + timedelta(days=9)) -> list[str]:
    return _entries(engine, at)["state"].tolist()


def _accounts(engine: Engine, stream: str = "drug") -> Mapping[str, int]:
    """The checked account of a stream: raises where anything does not add up."""
    moment = NOW + timedelta(days=9)
    with store.reading(engine) as connection:
        standing = {stream: StreamCases(connection, stream, moment, build({})).standing()}
        found = accounts.accounts(connection, instant_text(moment), standing)
    row = found.streams.set_index("stream").loc[stream].to_dict()
    assert row["entries"] == sum(row[f"entries_{state}"] for state in quarantine.STATES)
    assert row["cases"] == sum(row[fate] for fate in accounts.FATES)
    return row


def test_a_text_that_breaks_again_after_a_good_one_waits_again(engine: Engine, export: Export) -> None:
    good = BROKEN | {"怀疑/并用": "怀疑"}
    first = _load(engine, export("drug", [BROKEN], "w1.csv"))
    second = _load(engine, export("drug", [good], "w2.csv"), NOW + timedelta(hours=1))
    third = _load(engine, export("drug", [BROKEN, {}], "w3.csv"), NOW + timedelta(hours=2))
    assert [one.entries for one in (first, second, third)] == [1, 0, 1]
    assert [one.cleared for one in (first, second, third)] == [0, 1, 0]
    assert _states(engine) == ["superseded", "waiting"] or _states(engine) == ["stored", "waiting"]
    assert _states(engine, NOW + timedelta(hours=1)) == ["stored"]
    assert _entries(engine)["stored"].tolist() == [True, True]
    row = _accounts(engine)
    assert (row["entries"], row["entries_waiting"], row["cases"], row["files"]) == (2, 1, 2, 3)


def test_a_good_report_that_the_store_knows_ends_the_entry_too(engine: Engine, export: Export) -> None:
    """Good, broken, good again with the same text: no new version, and yet nothing waits."""
    good = {"报告表编码": "D2"}
    _load(engine, export("drug", [good], "w1.csv"))
    _load(engine, export("drug", [BROKEN], "w2.csv"), NOW + timedelta(hours=1))
    third = _load(engine, export("drug", [good, {}], "w3.csv"), NOW + timedelta(hours=2))
    assert (third.unchanged, third.stored, third.cleared) == (1, 1, 1)
    assert _states(engine) == ["stored"]


def test_an_old_file_read_again_changes_nothing(engine: Engine, export: Export) -> None:
    old = export("drug", [{"报告表编码": "D2"}, BROKEN | {"报告表编码": "D3"}], "w1.csv")
    _load(engine, old)
    _load(engine, export("drug", [BROKEN, {"报告表编码": "D3"}], "w2.csv"), NOW + timedelta(hours=1))
    before = _states(engine)
    again = _load(engine, old, NOW + timedelta(hours=2))
    assert (again.kind, again.entries, again.cleared, again.unchanged, again.quarantined) == ("again", 0, 0, 1, 1)
    assert _states(engine) == before == ["stored", "waiting"]
    row = _accounts(engine)
    assert (row["loads_first"], row["loads_again"], row["read"]) == (2, 1, 6)


def test_a_version_older_than_the_broken_one_does_not_end_its_entry(engine: Engine, export: Export) -> None:
    _load(engine, export("drug", [BROKEN | {"最后修改时间": "2026-11-18"}], "w2.csv"))
    older = {"报告表编码": "D2", "最后修改时间": "2026-11-12"}
    assert _load(engine, export("drug", [older], "w1.csv"), LATER).cleared == 0
    assert _states(engine) == ["waiting"]
    newer = {"报告表编码": "D2", "最后修改时间": "2026-11-20"}
    assert _load(engine, export("drug", [newer], "w3.csv"), LATER).cleared == 1
    assert _states(engine) == ["stored"]


def test_a_broken_version_that_a_newer_one_has_overtaken_need_not_wait(engine: Engine, export: Export) -> None:
    newer = {"报告表编码": "D2", "最后修改时间": "2026-11-20"}
    _load(engine, export("drug", [newer, BROKEN | {"最后修改时间": "2026-11-12"}]))
    assert _states(engine) == ["outdated"]
    _accounts(engine)


def test_reports_without_a_number_are_told_apart_by_their_place_only(engine: Engine, export: Export) -> None:
    nameless = {"报告表编码": ""}
    first = _load(engine, export("drug", [nameless, nameless, {}], "w1.csv"))
    assert (first.quarantined, first.entered, first.entries) == (2, 2, 2)
    # A later export tells them again, with one more.
    second = _load(engine, export("drug", [nameless] * 3, "w2.csv"), LATER)
    assert (second.quarantined, second.entered, second.entries) == (3, 1, 1)
    assert _states(engine) == ["waiting"] * 3
    assert _accounts(engine)["entered"] == 3


def test_a_person_dismisses_an_entry_for_good(engine: Engine, export: Export) -> None:
    _load(engine, export("drug", [BROKEN], "w1.csv"))
    (key,) = _entries(engine)["quarantine_id"].tolist()
    with store.writing(engine) as connection:
        quarantine.dismiss(connection, [key], "李四", "测试报告", instant_text(LATER))
    assert _states(engine, NOW) == ["waiting"]
    assert _states(engine) == ["dismissed"]
    # The next export still has the row: it need not wait once more.
    again = _load(engine, export("drug", [BROKEN, {}], "w2.csv"), LATER)
    assert (again.quarantined, again.entries) == (1, 0)
    with store.reading(engine) as connection:
        kept = store.read(connection, select(quarantine_closing)).iloc[0]
    assert (kept["done_by"], kept["reason"], kept["how"]) == ("李四", "测试报告", "dismissed")
    with store.writing(engine) as connection:
        with pytest.raises(quarantine.QuarantineError, match=r"entry 1 does not wait: it is dismissed"):
            quarantine.dismiss(connection, [key], "李四", "again", instant_text(LATER))
        with pytest.raises(quarantine.QuarantineError, match="no entry 77"):
            quarantine.dismiss(connection, [77], "李四", "again", instant_text(LATER))
        with pytest.raises(quarantine.QuarantineError, match="by whom and why"):
            quarantine.dismiss(connection, [key], "李四", " ", instant_text(LATER))


def _replay(engine: Engine, folder: Path, at: datetime = LATER, **which: object) -> intake.Replayed:
    return intake.replay(engine, folder / "archive", KEY, at, **which)  # type: ignore[arg-type]


def test_a_replay_stores_what_is_in_order_now(engine: Engine, export: Export, tmp_path: Path) -> None:
    """A receipt “in the future” is in order once the day has come."""
    rows = [
        {"报告表编码": "D1", "国家中心接收时间": "2026-11-23", "患者姓名": "金丝雀丁"},
        {"报告表编码": "D1", "国家中心接收时间": "2026-11-23", "通用名称": "头孢拉定胶囊", "怀疑/并用": "并用"},
        BROKEN,
    ]
    loaded = _load(engine, export("drug", rows))
    assert (loaded.quarantined, loaded.entries) == (3, 2)
    assert _replay(engine, tmp_path, NOW).accounts[0].stored == 0
    (account,) = _replay(engine, tmp_path, NOW + timedelta(days=2)).accounts
    assert (account.kind, account.file, account.sha256) == ("replay", "drug.csv", loaded.sha256)
    assert (account.read, account.stored, account.quarantined, account.cleared) == (3, 2, 1, 1)
    assert account.weeks == ("2026-W48",)
    assert account.problems[0].row == 4
    assert _states(engine) == ["replayed", "waiting"]
    with store.reading(engine) as connection:
        version = store.read(connection, select(case_version)).iloc[0]
    assert (version["file_id"], version["row_count"], version["effective_on"]) == (1, 2, "2026-11-23")
    # Once more: there is nothing left of it.
    assert [one.stored for one in _replay(engine, tmp_path, NOW + timedelta(days=3)).accounts] == [0]
    row = _accounts(engine)
    assert (row["read"], row["replayed"], row["replayed_good"], row["versions"]) == (3, 7, 2, 1)


def test_a_replay_that_is_killed_leaves_everything_as_it_was(
    engine: Engine, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = {"国家中心接收时间": "2026-11-23"}
    _load(engine, export("drug", [later | {"报告表编码": "D1"}], "a.csv"))
    _load(engine, export("drug", [later | {"报告表编码": "D2"}], "b.csv"))
    ends, calls = quarantine.Waiting.ends, []

    def dies(waiting: quarantine.Waiting, newest: str) -> dict[str, set[int]]:
        calls.append(newest)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return ends(waiting, newest)

    monkeypatch.setattr(quarantine.Waiting, "ends", dies)
    with pytest.raises(KeyboardInterrupt):
        _replay(engine, tmp_path, NOW + timedelta(days=2))
    monkeypatch.undo()
    assert _states(engine) == ["waiting", "waiting"]
    with store.reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(case_version)).scalar() == 0
        assert set(store.read(connection, select(file_load.c.kind))["kind"]) == {"first"}
    accounts_of = _replay(engine, tmp_path, NOW + timedelta(days=2)).accounts
    assert [account.stored for account in accounts_of] == [1, 1]
    _accounts(engine)


def test_rows_that_are_kept_no_longer_are_told(engine: Engine, export: Export, tmp_path: Path) -> None:
    _load(engine, export("drug", [BROKEN | {"国家中心接收时间": "2026-11-23"}]))
    with store.writing(engine) as connection:
        connection.execute(quarantine_table.update().values(raw=""))
    done = _replay(engine, tmp_path, NOW + timedelta(days=2))
    assert (done.accounts, done.left["quarantine_id"].tolist()) == ((), [1])
    assert _states(engine) == ["waiting"]


def test_single_entries_and_streams_are_replayed(engine: Engine, export: Export, tmp_path: Path) -> None:
    later = {"国家中心接收时间": "2026-11-23"}
    _load(engine, export("drug", [later | {"报告表编码": f"D{n}"} for n in range(3)]))
    _load(engine, export("cosmetic", [{"报告日期": "2026-11-23"}]))
    at = NOW + timedelta(days=2)
    assert [one.stream for one in _replay(engine, tmp_path, at, stream="cosmetic").accounts] == ["cosmetic"]
    (account,) = _replay(engine, tmp_path, at, chosen=[2]).accounts
    assert (account.read, account.stored) == (1, 1)
    assert _states(engine) == ["waiting", "replayed", "waiting", "replayed"]
    with pytest.raises(quarantine.QuarantineError, match="entry 2 does not wait: it is replayed"):
        _replay(engine, tmp_path, at, chosen=[2])
    _accounts(engine)
