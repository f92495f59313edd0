"""Which key opens what: a store keeps its own key of hashes, and says early when PVWATCH_KEY is another's."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select

from pv import archive, keys, store
from pv.intake import load_file
from pv.schema import case_person, store_key
from tests.conftest import KEY, NOW, Export

NEW, OTHER = (Fernet.generate_key().decode() for _ in range(2))


def _loaded(engine: Engine, export: Export, key: str = KEY) -> Path:
    path = export("drug", [{"患者姓名": "张三"}, {"报告表编码": "D2", "国家中心接收时间": "明天", "患者姓名": "李四"}])
    account = load_file(engine, path, path.parent / "archive", key, NOW)
    assert (account.stored, account.quarantined) == (1, 1)
    return path.parent / "archive"


def _as_of_an_earlier_version(engine: Engine) -> None:
    """Hashes made with PVWATCH_KEY itself, and no key of the store."""
    with store.writing(engine) as connection:
        connection.execute(store_key.delete())


def test_a_new_store_makes_its_own_key_and_keeps_it(engine: Engine, export: Export) -> None:
    folder = _loaded(engine, export)
    with store.writing(engine) as connection:
        made = keys.hash_key(connection, KEY, folder)
        assert made != KEY
        assert keys.hash_key(connection, f"{NEW},{KEY}", folder) == made
        hashed = connection.execute(select(case_person.c.name_hash)).scalar()
        assert made not in str(connection.execute(select(store_key)).all())
    assert hashed == archive.hasher(made, "name")("张三")


def test_a_store_of_an_earlier_version_goes_on_with_the_key_of_its_hashes(engine: Engine, export: Export) -> None:
    folder = _loaded(engine, export)
    for given in (KEY, f"{NEW},{KEY}"):  # also where the first command of the new version is the change of keys
        _as_of_an_earlier_version(engine)
        with store.writing(engine) as connection:
            assert keys.hash_key(connection, given, folder) == KEY


@pytest.mark.parametrize("earlier", [False, True])
def test_another_key_is_told_before_anything_is_written(engine: Engine, export: Export, earlier: bool) -> None:
    folder = _loaded(engine, export)
    if earlier:
        _as_of_an_earlier_version(engine)
    before = archive.objects(folder)
    with store.reading(engine) as connection, pytest.raises(keys.WrongKeyError, match="not the key of this store"):
        keys.check(connection, OTHER, folder)
    with pytest.raises(keys.WrongKeyError):
        load_file(engine, export("device", [{}]), folder, OTHER, NOW)
    assert archive.objects(folder) == before


def test_the_message_names_the_key_that_is_needed(engine: Engine, export: Export) -> None:
    folder = _loaded(engine, export)
    with store.reading(engine) as connection, pytest.raises(keys.WrongKeyError) as told:
        keys.check(connection, OTHER, folder)
    assert keys.mark_of(KEY) in str(told.value)
    assert keys.mark_of(OTHER) in str(told.value)
    assert KEY not in str(told.value)
    assert OTHER not in str(told.value)


def test_an_earlier_store_without_quarantine_is_known_by_its_archive(engine: Engine, export: Export) -> None:
    path = export("drug", [{}])
    folder = path.parent / "archive"
    load_file(engine, path, folder, KEY, NOW)
    _as_of_an_earlier_version(engine)
    with store.writing(engine) as connection:
        with pytest.raises(keys.WrongKeyError, match="does not open what the store has encrypted"):
            keys.hash_key(connection, OTHER, folder)
        assert keys.hash_key(connection, f"{OTHER},{KEY}", folder) == KEY
