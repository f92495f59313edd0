"""Pairs of a large load: a copy of what is compared in DuckDB, the pairs found there and scored there by Splink.

Splink takes the weights of the model as they are; nothing is estimated. DuckDB and Splink are loaded here only: they
take seconds to start, and a weekly file does without them.
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, Select, func, select

from pv import store
from pv.codes import lots, udi
from pv.codes.products import keys_of
from pv.duplicates.candidates import QUERY, values
from pv.duplicates.comparisons import TESTS
from pv.duplicates.decisions import ordered
from pv.duplicates.model import Comparison, Model
from pv.duplicates.records import KNOWN_SEX, Shares
from pv.duplicates.scoring import Scored
from pv.reference import streams
from pv.schema import case_event, case_person, case_product, case_version
from pv.text import SEVERAL

_AT_ONCE = 50_000  # rows on their way: 50 MB
_MEMORY = "1GB"  # of DuckDB; what needs more goes through its files
_SHARE = {"name": "name", "product": "common_product"}  # column of Splink whose share takes the place of u

_VERSIONS = "version_id stream case_number effective_on modified_on left_out onset_on sex age_years"
_VERSIONS += " hospital outcome record_hash"

_PAIRS = """
CREATE TABLE pair AS
SELECT DISTINCT least(case_number, other_number) AS case_number, greatest(case_number, other_number) AS other_number
FROM ({query})
"""
# The last version of each report of a pair, and its products as written.
_TOLD = """
CREATE TABLE last AS
SELECT * FROM case_version
WHERE case_number IN (SELECT case_number FROM pair UNION SELECT other_number FROM pair)
QUALIFY row_number() OVER (PARTITION BY case_number ORDER BY effective_on DESC, modified_on DESC, version_id DESC) = 1;
CREATE TABLE told AS
SELECT * FROM case_product WHERE version_id IN (SELECT version_id FROM last) AND role IN ($role, $other_role);
"""
# What is written once each, to be put into one form.
_WRITTEN = {
    "number": "SELECT DISTINCT identifier AS written FROM told",
    "lot": "SELECT DISTINCT lot AS written FROM told",
    "udi": "SELECT DISTINCT udi AS written FROM told JOIN lot_form ON lot_form.written = lot WHERE lot_form.form = ''",
}
# One row a report, as `records.py` has it. Lists that are compared as a whole are in order.
_RECORDS = f"""
CREATE TABLE record AS
WITH formed AS (
  SELECT told.version_id, told.product, number_form.form AS number,
    CASE WHEN lot_form.form <> '' THEN lot_form.form ELSE udi_form.form END AS lots
  FROM told
  JOIN number_form ON number_form.written = told.identifier
  JOIN lot_form ON lot_form.written = told.lot
  LEFT JOIN udi_form ON udi_form.written = told.udi
),
named AS (
  SELECT p.version_id, list_sort(list(DISTINCT p.product)) AS products,
    list(DISTINCT p.product || chr(31) || p.number) FILTER (p.number <> '') AS identifiers,
    arg_max(p.product, share.tf_common_product) AS common_product
  FROM formed AS p
  LEFT JOIN product_share AS share ON share.common_product = p.product
  GROUP BY p.version_id
),
lot AS (
  SELECT version_id, list(DISTINCT product || chr(31) || lot) AS lots
  FROM (SELECT version_id, product, unnest(string_split(lots, '{SEVERAL}')) AS lot FROM formed WHERE lots <> '')
  GROUP BY version_id
),
happened AS (
  SELECT version_id, list_sort(list(DISTINCT kind || chr(31) || event)) AS events
  FROM case_event WHERE version_id IN (SELECT version_id FROM last) GROUP BY version_id
)
SELECT last.case_number AS unique_id, nullif(person.name_hash, '') AS name, nullif(person.birth_hash, '') AS birth,
  CASE WHEN last.sex IN {KNOWN_SEX} THEN last.sex END AS sex, last.age_years AS age,
  try_cast(last.onset_on AS DATE) - DATE '1970-01-01' AS onset, nullif(last.hospital, '') AS unit,
  nullif(last.record_hash, '') AS record, nullif(nullif(last.outcome, ''), 'unknown') AS outcome,
  named.products, named.identifiers, lot.lots, named.common_product, happened.events
FROM last
LEFT JOIN case_person AS person ON person.version_id = last.version_id
LEFT JOIN named ON named.version_id = last.version_id
LEFT JOIN lot ON lot.version_id = last.version_id
LEFT JOIN happened ON happened.version_id = last.version_id
WHERE last.left_out = ''
"""  # noqa: S608 - constants of ours


def score_bulk(connection: Connection, stream: str, first_version: int, model: Model, shares: Shares) -> list[Scored]:
    """The pairs of the versions from `first_version` on that are likely enough to be looked at, in order."""
    if not _comparable(connection, stream):
        return []
    with _copied(connection, stream) as copy:
        _put_shares(connection, copy, shares)
        asked = dict(values(stream, first_version, model))
        copy.execute(_PAIRS.format(query=_in_duckdb(store.query(QUERY))), asked)
        copy.execute(_TOLD, {name: asked[name] for name in ("role", "other_role")})
        _put_forms(copy, stream)
        copy.execute(_RECORDS)
        return _scored(copy, model, shares.reports)


def _in_duckdb(query: str) -> str:
    """The query with DuckDB's names of values; days and products are joined at once, not all reports of a day first."""
    return re.sub(r":(\w+)", r"$\1", query).replace("product_on_day AS (", "product_on_day AS MATERIALIZED (")


def _comparable(connection: Connection, stream: str) -> bool:
    """Whether reports share a name or a record number at all, or tell a day of onset; else the copy is spared."""
    name, record, onset = case_person.c.name_hash, case_version.c.record_hash, case_version.c.onset_on
    signs = (
        _counts(name).where(name > "").having(func.count() > 1),
        _counts(record).where(record > "").having(func.count() > 1),
        select(onset).where(onset > "", case_version.c.stream == stream),
    )
    return any(connection.execute(sign.limit(1)).first() is not None for sign in signs)


@contextmanager
def _copied(connection: Connection, stream: str) -> Iterator[Any]:
    """The stream's versions, products and events, and all persons, in a database of their own in memory."""
    import duckdb

    with tempfile.TemporaryDirectory(prefix="pvwatch-") as aside, duckdb.connect() as copy:
        copy.execute("SET temp_directory = $folder", {"folder": aside})
        copy.execute(f"SET memory_limit = '{_MEMORY}'")
        for table, wanted in _wanted(stream):
            _copy(connection, copy, table, wanted)
        yield copy


def _wanted(stream: str) -> Iterator[tuple[str, Select[Any]]]:
    version, named, event = case_version.c, case_product.c, case_event.c
    of_stream = select(version.version_id).where(version.stream == stream)
    yield "case_version", select(*(version[name] for name in _VERSIONS.split())).where(version.stream == stream)
    counted = named.role.in_(streams()[stream].roles) & named.version_id.in_(of_stream)
    columns = (named.version_id, named.role, named.product, named.identifier, named.lot, named.udi)
    yield "case_product", select(*columns).where(counted)
    yield "case_person", select(case_person)
    yield "case_event", select(event.version_id, event.kind, event.event).where(event.version_id.in_(of_stream))


def _copy(connection: Connection, copy: Any, table: str, wanted: Select[Any]) -> None:
    """The rows of a query into a table."""
    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string()}
    schema = pa.schema([(column.name, kinds[column.type.python_type]) for column in wanted.selected_columns])
    copy.register("chunk", schema.empty_table())
    copy.execute(f"CREATE TABLE {table} AS SELECT * FROM chunk")  # noqa: S608 - names of our schema
    for rows in connection.execute(wanted.execution_options(stream_results=True, yield_per=_AT_ONCE)).partitions():
        cells = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)]
        copy.register("chunk", pa.table(cells, schema=schema))
        copy.execute(f"INSERT INTO {table} SELECT * FROM chunk")  # noqa: S608 - names of our schema
    copy.unregister("chunk")


def _put_shares(connection: Connection, copy: Any, shares: Shares) -> None:
    """How common names and products are, as Splink's tables of term frequencies; of names those of several reports."""
    name, product = case_person.c.name_hash, case_product.c.product
    for table, column, of, count in (
        ("name_share", "name", shares.names, _counts(name).having(func.count() > 1)),
        ("product_share", "common_product", shares.products, _counts(product)),
    ):
        found = of({str(value): int(number) for value, number in connection.execute(count) if value})
        cells = {
            column: pa.array(list(found), pa.string()),
            f"tf_{column}": pa.array(list(found.values()), pa.float64()),
        }
        copy.register("chunk", pa.table(cells))
        copy.execute(f"CREATE TABLE {table} AS SELECT * FROM chunk")  # noqa: S608 - names of ours
        copy.unregister("chunk")


def _put_forms(copy: Any, stream: str) -> None:
    """The one form of numbers and lots, as `number_form`, `lot_form` and `udi_form` (written, form)."""
    forms: Mapping[str, Callable[[pd.Series[str]], pd.Series[str]]] = {
        "number": lambda written: keys_of(written, stream),
        "lot": lots.of,
        "udi": lambda written: lots.of(udi.lots_in(written)),
    }
    for name, form in forms.items():
        written = pd.Series([text for (text,) in copy.execute(_WRITTEN[name]).fetchall()], dtype="str")
        cells = {"written": pa.array(written, pa.string()), "form": pa.array(form(written), pa.string())}
        copy.register("chunk", pa.table(cells))
        copy.execute(f"CREATE TABLE {name}_form AS SELECT * FROM chunk")  # noqa: S608 - names of ours
        copy.unregister("chunk")


def _counts(column: Any) -> Select[Any]:
    return select(column, func.count()).group_by(column)


def _scored(copy: Any, model: Model, reports: int) -> list[Scored]:
    from splink import DuckDBAPI, Linker

    if not copy.execute("SELECT 1 FROM pair LIMIT 1").fetchall():
        return []
    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(copy)
    linker = Linker(api.register("record"), settings(model, reports), log_level=None)
    for share, column in (("name_share", "name"), ("product_share", "common_product")):
        linker.table_management.register_term_frequency_lookup(api.register(share), column)
    keys = "'0' AS match_key, case_number AS join_key_l, other_number AS join_key_r"
    copy.execute(f"CREATE TABLE blocked AS SELECT {keys} FROM pair")  # noqa: S608 - names of ours
    linker.table_management.register_blocked_pairs_for_predict(api.register("blocked"))
    found = linker.inference.predict(threshold_match_probability=model.zones["review"], warning_mode="never")
    rows = copy.execute(f"SELECT * FROM {found.physical_name} ORDER BY unique_id_l, unique_id_r")  # noqa: S608
    names, known = [column[0] for column in rows.description], _levels_of_splink(model)
    return [_from_row(dict(zip(names, row, strict=True)), known) for row in rows.fetchall()]


def settings(model: Model, reports: int) -> dict[str, Any]:
    """The model in Splink's words."""
    return {
        "link_type": "dedupe_only",
        "probability_two_random_records_match": model.prior(reports),
        "comparisons": [_comparison(comparison) for comparison in model.comparisons],
        "blocking_rules_to_generate_predictions": [],
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": True,
    }


def _comparison(comparison: Comparison) -> Mapping[str, Any]:
    levels = []
    for name, condition in TESTS[comparison.name].sql.items():
        level = comparison.level(name)
        entry: dict[str, Any] = {"sql_condition": condition, "label_for_charts": name}
        if not level.m:
            entry["is_null_level"] = True
        else:
            entry |= {"m_probability": level.m, "u_probability": level.u}
        if level.frequency:
            entry |= {
                "tf_adjustment_column": _SHARE[level.frequency],
                "tf_adjustment_weight": 1.0,
                "disable_tf_exact_match_detection": True,
            }
        levels.append(entry)
    return {"output_column_name": comparison.name, "comparison_levels": levels}


def _levels_of_splink(model: Model) -> dict[str, dict[int, str]]:
    """Per comparison the level behind Splink's number: those that say something downwards to 0, −1 for the others."""
    found = {}
    for comparison in model.comparisons:
        tried = TESTS[comparison.name].sql
        saying = [level for level in tried if comparison.level(level).m]
        unknown = next(level for level in tried if not comparison.level(level).m)
        found[comparison.name] = dict(enumerate(reversed(saying))) | {-1: unknown}
    return found


def _from_row(row: Mapping[str, Any], known: Mapping[str, Mapping[int, str]]) -> Scored:
    levels = {name: numbers[row[f"gamma_{name}"]] for name, numbers in known.items()}
    weights = {name: row[f"mw_{name}"] + row.get(f"mw_tf_adj_{name}", 0.0) for name in known}
    pair = ordered(row["unique_id_l"], row["unique_id_r"])
    return Scored(pair, row["match_weight"], row["match_probability"], levels, weights)
