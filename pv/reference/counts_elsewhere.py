"""Counts that were made elsewhere: `background.csv` of the same system, `foreign.csv` of other databases.

Each check gives what is wrong as "row n, column c: …" with the fix, or "" where all is right; the first row of a file
below its heading is row 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from pv.week import Week

if TYPE_CHECKING:
    from pv.reference import Stream

BACKGROUND_KEY = ("stream", "event_kind", "level")
BACKGROUND_COLUMNS = (*BACKGROUND_KEY, "product", "event", "cases", "until", "source")
FOREIGN_KEY = ("database", "stream", "event_kind", "product", "event")
FOREIGN_COLUMNS = (*FOREIGN_KEY, "a", "b", "c", "d", "as_of", "source")


def until_week(text: str) -> Week:
    """The reporting week of which `text` is the last day. Raises ValueError where it is no ISO date or no Sunday."""
    day = _day(text)
    week = Week.of(day)
    if week.last_day != day:
        raise ValueError(f"{text} is no Sunday; counts end with a reporting week, as on {week.previous.last_day}")
    return week


def _day(text: str) -> date:
    """Raises ValueError where the text is no date as in 2026-11-15."""
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"“{text}” is no date; write it as 2026-11-15") from None


def background_problem(rows: pd.DataFrame, streams: Mapping[str, Stream]) -> str:
    """What is wrong with the table of the background, "" if nothing."""
    problem = _unknown(rows, BACKGROUND_KEY, streams) or _repeated(rows, (*BACKGROUND_KEY, "product", "event"))
    if problem:
        return problem
    for _, part in rows.groupby(list(BACKGROUND_KEY), sort=False):
        problem = _until_problem(part) or _margins_problem(part)
        if problem:
            return problem
    return ""


def foreign_problem(rows: pd.DataFrame, streams: Mapping[str, Stream]) -> str:
    """What is wrong with the table of foreign databases, "" if nothing."""
    for column in ("database", "product", "event"):
        empty = rows[column] == ""
        if empty.any():
            return _at(empty, column, "is empty. Fill it")
    problem = _unknown(rows, ("stream", "event_kind"), streams) or _repeated(rows, FOREIGN_KEY)
    return problem or _as_of_problem(rows)


def _as_of_problem(rows: pd.DataFrame) -> str:
    for text in rows["as_of"].unique():
        try:
            _day(text)
        except ValueError as error:
            return _at(rows["as_of"] == text, "as_of", f"{error}")
    return ""


def _unknown(rows: pd.DataFrame, columns: tuple[str, ...], streams: Mapping[str, Stream]) -> str:
    """A stream, event kind or level that there is not."""
    for values in rows[list(columns)].drop_duplicates().itertuples(index=False):
        stream = streams.get(str(values.stream))
        known = {"stream": tuple(streams)}
        if stream is not None:
            known |= {"event_kind": tuple(stream.event_kinds), "level": tuple(stream.levels)}
        for column in columns if stream is not None else ("stream",):
            value = getattr(values, column)
            if value not in known[column]:
                here = (rows[list(columns)] == list(values)).all(axis=1)
                return _at(here, column, f"“{value}” is not known. Write one of {', '.join(known[column])}")
    return ""


def _repeated(rows: pd.DataFrame, key: tuple[str, ...]) -> str:
    repeated = rows.duplicated(list(key))
    if repeated.any():
        text = ", ".join(rows.loc[repeated, list(key)].iloc[0])
        return _at(repeated, key[-1], f"{text} stands in an earlier row. Keep one of them")
    return ""


def _until_problem(part: pd.DataFrame) -> str:
    first = part["until"].iloc[0]
    try:
        until_week(first)
    except ValueError as error:
        return _at(part["until"] == first, "until", f"{error}")
    others = part["until"] != first
    if others.any():
        other = part.loc[others, "until"].iloc[0]
        return _at(others, "until", f"{other}, but {first} in an earlier row. All counts of one table end on one day")
    return ""


def _margins_problem(part: pd.DataFrame) -> str:
    """Totals that are missing, or smaller than what they are the total of."""
    of_product, of_event = part["event"] == "", part["product"] == ""
    total = part.loc[of_product & of_event, "cases"]
    if total.empty:
        names = ", ".join(part.iloc[0][list(BACKGROUND_KEY)])
        return f"{names}: there is no row of all cases. Add one with product and event empty"
    n = int(total.iloc[0])
    products = part[of_product & ~of_event].set_index("product")["cases"]
    events = part[of_event & ~of_product].set_index("event")["cases"]
    pairs = part[~of_product & ~of_event]
    row, column = (pairs[name].map(of).astype("float64") for name, of in (("product", products), ("event", events)))
    rules = (
        (part["cases"] > n, part, f"is above {n}, the number of all cases"),
        (row.isna(), pairs, "the product has no row of its own. Add one with event empty"),
        (column.isna(), pairs, "the event has no row of its own. Add one with product empty"),
        (pairs["cases"] > row, pairs, "is above the cases of the product"),
        (pairs["cases"] > column, pairs, "is above the cases of the event"),
        (row + column - pairs["cases"] > n, pairs, f"product and event together have more than all {n} cases"),
    )
    for broken, rows, rule in rules:
        if broken.any():
            first = rows.loc[broken].iloc[0]
            pair = f"product “{first['product']}”, event “{first['event']}”, {first['cases']} cases"
            return _at(broken, "cases", f"{pair}: {rule}")
    return ""


def _at(broken: pd.Series[bool], column: str, problem: str) -> str:
    return f"row {int(broken.index[int(broken.to_numpy().argmax())]) + 2}, column {column}: {problem}."
