"""The form `duplicates`: verdicts of people on pairs of reports, put into effect."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from sqlalchemy import Connection

from pv.duplicates import Decided, Deciding, DecisionError
from pv.forms.checking import Fault


def decide_all(connection: Connection, rows: pd.DataFrame, stamp: str) -> tuple[set[str], list[Fault]]:
    """Decide on the pairs of all rows in their order; gives the days touched, and the rows that cannot be."""
    days: set[str] = set()
    faults: list[Fault] = []
    for row, done in _done(connection, rows, stamp):
        if isinstance(done, DecisionError):
            field = "other_number" if done.report == rows.loc[row, "other_number"] else "case_number"
            faults.append(Fault(row, field if done.report else "verdict", done.code))
        else:
            days |= set(done.days)
    return days, faults


def _done(connection: Connection, rows: pd.DataFrame, stamp: str) -> Iterator[tuple[int, Decided | DecisionError]]:
    for stream, of_stream in rows.groupby("stream", sort=True):
        deciding = Deciding(connection, str(stream))
        for said in of_stream.itertuples():
            pair = str(said.case_number), str(said.other_number)
            try:
                done = deciding.decide(pair, str(said.verdict), str(said.decided_by), stamp, str(said.note))
            except DecisionError as refused:
                yield int(said[0]), refused
            else:
                yield int(said[0]), done
