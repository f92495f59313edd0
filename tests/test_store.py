from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pandas as pd
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, MetaData, Table, Text, create_engine, select, text

from pv import store
from pv.schema import case_merge, case_product, metadata

MERGES = pd.DataFrame(
    {
        "merge_id": [1, 2],
        "stream": ["drug", "drug"],
        "case_number": ['引号" 逗号,', "换行\n制表\t反斜杠\\N"],
        "merged_into": ["", "x"],
        "rule": ["r", "r"],
        "recorded_at": ["", ""],
    }
)


def _add_row(connection: Connection, name: str) -> None:
    """A row of 1 and "x" in a table as it is in the database."""
    table = Table(name, MetaData(), autoload_with=connection)
    connection.execute(table.insert().values({c.name: "x" if isinstance(c.type, Text) else 1 for c in table.columns}))


def test_the_migrations_make_the_declared_schema(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_rows_of_an_earlier_store_have_no_first_use(store_url: str) -> None:
    """A store of migration 0001 with one product, opened by this program."""
    earlier = create_engine(store_url)
    config = Config()
    config.set_main_option("script_location", str(store.sql_folder() / "migrations"))
    with earlier.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for name in ("file", "case_version", "case_product"):
            _add_row(connection, name)
    earlier.dispose()
    opened = store.open_store(store_url)
    with store.reading(opened) as connection:
        rows = store.read(connection, select(case_product.c.name, case_product.c.used_from))
    opened.dispose()
    assert rows.to_dict("records") == [{"name": "x", "used_from": ""}]


def test_a_sqlite_that_takes_few_parameters_takes_all_rows(tmp_path: Path) -> None:
    """Those before 3.32 take 999 a statement."""
    opened = store.open_store(f"sqlite:///{tmp_path / 's.sqlite'}")
    rows = pd.concat([MERGES] * 300, ignore_index=True).assign(merge_id=range(600))
    with store.writing(opened) as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
        store.append(connection, case_merge, rows)
        found = store.read(connection, select(case_merge).order_by(case_merge.c.merge_id))
    opened.dispose()
    pd.testing.assert_frame_equal(found, rows, check_dtype=False)


def test_any_text_comes_back_as_it_went_in(engine: Engine) -> None:
    with store.writing(engine) as connection:
        store.append(connection, case_merge, MERGES)
        assert store.next_key(connection, case_merge) == 3
    with store.reading(engine) as connection:
        back = store.read(connection, select(case_merge).order_by(case_merge.c.merge_id))
    pd.testing.assert_frame_equal(back, MERGES.astype({name: "str" for name in MERGES if name != "merge_id"}))


def test_any_number_of_texts_is_looked_for_at_once(engine: Engine) -> None:
    """More than any driver takes as bound values."""
    many = [f"没有{number}" for number in range(70_000)]
    with store.writing(engine) as connection:
        store.append(connection, case_merge, MERGES)
        for sought, found in (
            (many, 0),
            ([*many, *MERGES["case_number"]], 2),
            ([], 0),
            ([MERGES["case_number"][0]], 1),
        ):
            statement = select(case_merge).where(store.among(connection, case_merge.c.case_number, sought))
            assert len(store.read(connection, statement)) == found


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    def fail_half_way() -> None:
        with store.writing(engine) as connection:
            store.append(connection, case_merge, MERGES)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    with store.reading(engine) as connection:
        assert store.read(connection, select(case_merge)).empty
        assert store.read(connection, select(case_merge)).dtypes["merge_id"] == "int64"


def test_writers_wait_for_one_another(engine: Engine) -> None:
    """Ten writers that each take the next free key: no key twice, none lost."""

    def write() -> None:
        with store.writing(engine) as connection:
            key = store.next_key(connection, case_merge)
            row = MERGES.head(1).assign(merge_id=key, case_number=str(key))
            store.append(connection, case_merge, row)

    writers = [threading.Thread(target=write) for _ in range(10)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with store.reading(engine) as connection:
        assert sorted(store.read(connection, select(case_merge.c.merge_id))["merge_id"]) == list(range(1, 11))


def test_a_newer_store_is_not_touched(store_url: str) -> None:
    opened = store.open_store(store_url)
    with opened.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    opened.dispose()
    with pytest.raises(store.StoreError, match="newer than this program"):
        store.open_store(store_url)


@pytest.mark.parametrize(
    "url",
    ["nonsense", "mysterious://x/y", "postgresql+psycopg://nobody@127.0.0.1:1/none", "sqlite:////dev/null/x.sqlite"],
)
def test_a_bad_address_is_explained(url: str) -> None:
    with pytest.raises(store.StoreError, match="PVWATCH_DATABASE_URL"):
        store.open_store(url)


def test_an_embedded_store_is_private(tmp_path: Path) -> None:
    store.open_store(f"sqlite:///{tmp_path / 'new' / 's.sqlite'}").dispose()
    assert (tmp_path / "new" / "s.sqlite").stat().st_mode & 0o077 == 0


def test_the_sql_folder_is_found() -> None:
    assert (store.sql_folder() / "migrations" / "env.py").is_file()
    assert store.query("exact_duplicates").startswith("--")
    assert Path(store.sql_folder()).name in {"sql", "_sql"}
