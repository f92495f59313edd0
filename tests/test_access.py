from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from pv import access, store
from pv.schema import access_log
from tests.conftest import NOW


def test_every_access_is_an_entry(engine: Engine) -> None:
    with store.writing(engine) as connection:
        access.record(connection, "李四", "archive get", "国家中心核查", NOW, subjects=["ab" * 32])
        access.record(
            connection, "王五", "quarantine", "更正", NOW + timedelta(hours=1), stream="drug", subjects=["D1", "D2"]
        )
        access.record(connection, "王五", "retention", "", NOW)
    with store.reading(engine) as connection:
        found = access.entries(connection)
    assert found["who"].tolist() == ["李四", "王五", "王五", "王五"]
    assert found["subject"].tolist() == ["ab" * 32, "D1", "D2", ""]
    assert found["stream"].tolist() == ["", "drug", "drug", ""]
    assert found["recorded_at"].tolist()[:2] == ["2026-11-22T04:00:00Z", "2026-11-22T05:00:00Z"]


@pytest.mark.parametrize("statement", [access_log.update().values(who="nobody"), access_log.delete()])
def test_entries_cannot_be_changed_or_removed(engine: Engine, statement: object) -> None:
    with store.writing(engine) as connection:
        access.record(connection, "李四", "archive get", "核查", NOW)
    with pytest.raises(DBAPIError, match="only ever added to"), store.writing(engine) as connection:
        connection.execute(statement)  # type: ignore[call-overload]
    with store.reading(engine) as connection:
        assert access.entries(connection)["who"].tolist() == ["李四"]


def test_the_user_is_that_of_the_setting_else_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    assert access.user({"PVWATCH_USER": " 李四 "}) == "李四"
    monkeypatch.setattr("getpass.getuser", lambda: "li")
    assert access.user({}) == "li"

    def nameless() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nameless)
    assert access.user({"PVWATCH_USER": ""}) != ""
