"""Entries of forms: kept for ever with their moment; the last one of a key is in force."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, select

from pv import store
from pv.schema import entry
from pv.sources.forms import Form, form


def new_rows(connection: Connection, of: Form, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that say something else than what is in force, with `key` and `content` (JSON); of several rows of one
    key in a file the last one stands."""
    fields = [column.field for column in of.columns]
    rows = rows.assign(key=_json(rows[list(of.key)]), content=_json(rows[fields]))
    last = rows[~rows["key"].duplicated(keep="last")]
    newest = select(func.max(entry.c.entry_id)).where(
        entry.c.form == of.name, store.among(connection, entry.c.key, last["key"].tolist())
    )
    statement = select(entry.c.key, entry.c.content).where(entry.c.entry_id.in_(newest.group_by(entry.c.key)))
    known = {str(key): str(content) for key, content in connection.execute(statement)}
    differs = [known.get(key) != content for key, content in zip(last["key"], last["content"], strict=True)]
    return last[np.array(differs, dtype=bool)]


def entered_between(
    connection: Connection, of: Form, rows: pd.DataFrame, since: pd.Series[str], until: str
) -> pd.Series[bool]:
    """Whether anything was entered about the thing of each row after its moment and before another."""
    keys = pd.Series(_json(rows[list(of.key)]), index=rows.index, dtype="str")
    newest = select(entry.c.key, func.max(entry.c.recorded_at)).where(
        entry.c.form == of.name, entry.c.recorded_at < until, store.among(connection, entry.c.key, keys.tolist())
    )
    known = {str(key): str(at) for key, at in connection.execute(newest.group_by(entry.c.key))}
    return pd.Series([known.get(key, "") > at for key, at in zip(keys, since, strict=True)], rows.index, bool)


def keep(connection: Connection, of: Form, rows: pd.DataFrame, file_id: int, recorded_at: str) -> None:
    """Store rows of `new_rows`."""
    start = store.next_key(connection, entry)
    kept = rows.assign(entry_id=np.arange(start, start + len(rows)), file_id=file_id, form=of.name)
    store.append(connection, entry, kept.assign(recorded_at=recorded_at))


def in_force(connection: Connection, name: str, stamp: str) -> pd.DataFrame:
    """The entries of a form at a moment: its fields (numbers float64, NaN for none; else text), plus recorded_at and
    file_id; a row a key, in the order in which they were entered."""
    of = form(name)
    newest = select(func.max(entry.c.entry_id)).where(entry.c.form == name, entry.c.recorded_at <= stamp)
    statement = select(entry.c.content, entry.c.recorded_at, entry.c.file_id).where(
        entry.c.entry_id.in_(newest.group_by(entry.c.key))
    )
    kept = store.read(connection, statement.order_by(entry.c.entry_id))
    contents: list[Mapping[str, str]] = [json.loads(content) for content in kept["content"]]
    columns = {
        # A field that the form has got since is empty in older entries.
        column.field: _column([content.get(column.field, "") for content in contents], of.kinds[column.field])
        for column in of.columns
    }
    return pd.DataFrame(columns | {"recorded_at": kept["recorded_at"], "file_id": kept["file_id"]})


def _column(texts: list[str], kind: str) -> pd.Series[float] | pd.Series[str]:
    if kind == "number":
        return pd.Series([float(text) if text else np.nan for text in texts], dtype="float64")
    return pd.Series(texts, dtype="str")


def _json(rows: pd.DataFrame) -> list[str]:
    records = rows.to_dict(orient="records")
    return [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records]
