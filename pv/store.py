"""The store: engine, transactions, bulk load and read, migrations, and the named queries of `sql/`.

SQLite (WAL) is the embedded default, PostgreSQL the server. Writers take one lock at a time on either, so that keys can
be given out densely and a file is one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Engine,
    ForeignKeyConstraint,
    NullPool,
    Select,
    Table,
    create_engine,
    event,
    func,
    inspect,
    literal,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.schema import AddConstraint, DropConstraint
from sqlalchemy.sql import Executable

_WRITER_LOCK = 7_011_2026  # any constant: PostgreSQL advisory lock of the writers of one database
_BUSY_MS = 600_000  # a file of 100,000 messages holds the write lock for some minutes
_INDEX_MIB = 256  # for making indexes on a server
_PARAMETERS = 30_000  # of a statement; SQLite takes 32,766, before 3.32 a thousand
_CACHE_KIB = 262_144  # of pages while writing; with the 2 MiB of SQLite a large file takes half as long again


class StoreError(Exception):
    """The store cannot be reached or is of another version; the message says how to mend it."""


@cache
def sql_folder() -> Path:
    """`sql/` of a checkout, or the copy that the wheel carries."""
    inside = Path(__file__).parent / "_sql"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "sql"


@cache
def query(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return (sql_folder() / f"{name}.sql").read_text(encoding="utf-8")


def open_store(url: str) -> Engine:
    """Connect, and bring the schema up to date. Raises StoreError where that is impossible."""
    try:
        address = make_url(url)
        if address.get_backend_name() == "sqlite" and address.database:
            _make_private(Path(address.database))
        # Every step opens the store: no connection is kept behind. Errors do not show the values of a statement.
        engine = create_engine(address, poolclass=NullPool, hide_parameters=True)
        if engine.dialect.name == "sqlite":
            _prepare_sqlite(engine)
        migrate(engine)
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(
            f"PVWATCH_DATABASE_URL is not a database address: {error}. "
            "Write sqlite:////folder/pvwatch.sqlite or postgresql+psycopg://user@host/database."
        ) from None
    except ModuleNotFoundError as error:
        raise StoreError(f"the driver “{error.name}” is missing; install pvwatch with the extra “postgres”") from None
    except (DBAPIError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StoreError(f"the store cannot be opened: {cause}. Check PVWATCH_DATABASE_URL.") from None
    return engine


def _make_private(path: Path) -> None:
    """An embedded store, and a folder that is made for it, are for their owner's eyes only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        path.touch(mode=0o600)


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, so that writers wait instead of failing
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            f"busy_timeout={_BUSY_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        if writes:
            connection.exec_driver_sql(f"PRAGMA cache_size=-{_CACHE_KIB}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def migrate(engine: Engine) -> None:
    """Apply the migrations of `sql/migrations` that are missing."""
    if _version(engine) == newest_migration():
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(sql_folder() / "migrations").replace("%", "%%"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest_migration() -> str:
    """Revision of the last file in `sql/migrations/versions`, whose names begin with their number."""
    return max(path.stem.split("_")[0] for path in (sql_folder() / "migrations/versions").glob("[0-9]*.py"))


def _version(engine: Engine) -> str:
    if not inspect(engine).has_table("alembic_version"):
        return ""
    with engine.connect() as connection:
        version = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")
    if version > newest_migration():
        raise StoreError(
            f"the store is of version {version}, newer than this program ({newest_migration()}). Update pvwatch."
        )
    return version


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction of the only writer; everything or nothing."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_WRITER_LOCK)))
        yield connection


@contextmanager
def erasing(engine: Engine) -> Iterator[Connection]:
    """A transaction of the writer after which nothing of what it removed or replaced is left in the files of an
    embedded store; PostgreSQL overwrites it when it cleans up (VACUUM)."""
    with engine.connect().execution_options(writes=True) as connection:
        embedded = connection.dialect.name == "sqlite"
        with connection.begin():
            if embedded:
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
            else:
                connection.execute(select(func.pg_advisory_xact_lock(_WRITER_LOCK)))
            yield connection
    if embedded:
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent snapshot for reading."""
    with engine.connect() as plain:
        connection = plain
        if plain.dialect.name == "postgresql":
            connection = plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


def next_key(connection: Connection, table: Table) -> int:
    """The first free value of a table's one-column key; call it inside `writing`."""
    (key,) = table.primary_key.columns
    return int(connection.execute(select(func.coalesce(func.max(key), 0))).scalar_one()) + 1


def size(connection: Connection) -> int:
    """Bytes that the store takes."""
    if connection.dialect.name == "postgresql":
        return int(connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one())
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def is_server(connection: Connection) -> bool:
    """Whether others may be reading the tables that are written to."""
    return connection.dialect.name == "postgresql"


def refresh_statistics(connection: Connection, tables: Iterable[Table]) -> None:
    """Let PostgreSQL know how large the tables have become: it plans by what it knew before this transaction."""
    if connection.dialect.name == "postgresql":
        for table in tables:
            connection.exec_driver_sql(f'ANALYZE "{table.name}"')


@contextmanager
def unhindered(connection: Connection, tables: Collection[Table], but: Collection[str]) -> Iterator[None]:
    """Load tables without their indexes, `but` those on these columns first, and on PostgreSQL without checking row by
    row that what they refer to is there; afterwards all is made and checked at once, in a third of the time.

    Readers of a server wait until the transaction has ended, and may be ended by it: for a first load only.
    """
    indexes = [index for table in tables for index in table.indexes if index.columns[0].name not in but]
    references: list[ForeignKeyConstraint] = []
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL maintenance_work_mem = '{_INDEX_MIB}MB'")
        references = [reference for table in tables for reference in table.foreign_key_constraints]
    for reference in references:
        connection.execute(DropConstraint(reference))
    for index in indexes:
        index.drop(connection)
    yield
    for index in sorted(indexes, key=lambda index: str(index.name)):
        index.create(connection)
    for reference in sorted(references, key=lambda reference: str(reference.name)):
        connection.execute(AddConstraint(reference))


def among(connection: Connection, column: Column[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """The condition that a column is one of any number of values: they travel as one bound value."""
    if connection.dialect.name == "postgresql":
        return column == func.any(literal(list(values), ARRAY(column.type)))
    listed = func.json_each(json.dumps(list(values), ensure_ascii=False)).table_valued("value")
    return column.in_(select(listed.c.value))


def append(connection: Connection, table: Table, frame: pd.DataFrame) -> None:
    """Add rows in bulk; the frame has exactly the table's columns, by name."""
    if frame.empty:
        return
    names = [column.name for column in table.columns]
    frame = frame[names]
    if connection.dialect.name == "postgresql":
        _copy(connection, table, frame)
        return
    marks = ", ".join("?" * len(names))
    quoted = ", ".join(f'"{name}"' for name in names)
    cells = [_cells(frame[name]) for name in names]  # SQLite takes NaN for NULL
    values = chain.from_iterable(zip(*cells, strict=False))
    driver: Any = connection.connection.driver_connection
    at_once = min(_PARAMETERS, driver.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)) // len(names)
    for start in range(0, len(frame), at_once):
        count = min(at_once, len(frame) - start)
        rows = ", ".join([f"({marks})"] * count)
        statement = f'INSERT INTO "{table.name}" ({quoted}) VALUES {rows}'  # noqa: S608 - names of our schema
        driver.execute(statement, list(islice(values, count * len(names))))


def _cells(values: pd.Series[Any]) -> Iterable[Any]:
    """The values as Python's; a text that all rows have is made once."""
    cells: list[Any] = values.tolist() if not _is_text(values) or values.nunique() > 1 else []
    return cells or repeat(values.iloc[0], len(values))


def _is_text(values: pd.Series[Any]) -> bool:
    return isinstance(values.dtype, pd.StringDtype)


def _copy(connection: Connection, table: Table, frame: pd.DataFrame) -> None:
    """COPY of lines that Arrow joins: writing cell by cell takes five times as long."""
    lines = pc.binary_join_element_wise(*(_copied(frame[name]) for name in frame), pa.scalar("\t", pa.large_string()))
    names = ", ".join(f'"{name}"' for name in frame.columns)
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
        for start in range(0, len(lines), _LINES):
            copy.write("\n".join([*lines.slice(start, _LINES).to_pylist(), ""]))


_LINES = 10_000
_ESCAPED = (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))


def _copied(values: pd.Series[Any]) -> pa.Array:
    """Cells in the text form of COPY: NULL as \\N, line breaks, tabs and backslashes escaped."""
    if not _is_text(values):
        return pc.fill_null(pa.array(values, from_pandas=True).cast(pa.large_string()), r"\N")
    cells = pa.array(values, pa.large_string())
    for character, escape in _ESCAPED:
        if pc.any(pc.match_substring(cells, character)).as_py():
            cells = pc.replace_substring(cells, character, escape)
    return cells


def read(connection: Connection, statement: Executable | str, values: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Rows of a query as a DataFrame; selected table columns keep their type even where there are no rows."""
    result = connection.execute(text(statement) if isinstance(statement, str) else statement, values or {})
    names = list(result.keys())
    rows = result.fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    kinds: Mapping[str, str] = {}
    if isinstance(statement, Select):
        kinds = {column.name: _DTYPES[column.type.python_type] for column in statement.selected_columns}
    named = zip(names, columns, strict=True)
    return pd.DataFrame({name: _column(list(values), kinds.get(name, "")) for name, values in named})


_DTYPES = {int: "int64", float: "float64", str: "str"}


def _column(cells: list[Any], kind: str) -> pd.Series[Any]:
    """Cells as a column of a kind; where none is said ("") as text or as what they are."""
    if kind == "str" or (not kind and (not cells or isinstance(cells[0], str))):
        return pd.Series(cells, dtype="str")
    return pd.Series(cells) if not kind else pd.Series(cells, dtype=kind)
