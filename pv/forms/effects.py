"""What a form does besides being kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection

from pv.forms.checking import Fault
from pv.forms.entries import keep, new_rows
from pv.forms.learned import learn
from pv.forms.periods import bounds, last_day
from pv.forms.registers import EXPOSURE, RISK, quantity_faults, risk_faults
from pv.forms.verdicts import decide_all
from pv.sources.forms import Form


@dataclass(frozen=True)
class Effect:
    """Days (ISO) of which the weeks are to be refreshed, and rows that are not taken after all."""

    days: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


def _duplicates(connection: Connection, rows: pd.DataFrame, stamp: str) -> Effect:
    days, faults = decide_all(connection, rows, stamp)
    return Effect(tuple(sorted(days)), tuple(faults))


def _mapping(connection: Connection, rows: pd.DataFrame, stamp: str) -> Effect:
    days, faults = learn(connection, rows, stamp)
    return Effect(tuple(sorted(days)), tuple(faults))


def _official(_connection: Connection, rows: pd.DataFrame, _stamp: str) -> Effect:
    """An official figure stands in the reports of every week from the beginning of its period on."""
    return Effect(tuple(sorted({bounds(period)[1].isoformat() for period in rows["period"]})))


def _exposure(_connection: Connection, rows: pd.DataFrame, _stamp: str) -> Effect:
    """A quantity stands beside the alerts of every week from the end of its period on."""
    faults = tuple(quantity_faults(rows))
    good = rows[~rows.index.isin({fault.row for fault in faults})]
    return Effect(tuple(sorted({last_day(period).isoformat() for period in good["period"]})), faults)


def _risk(_connection: Connection, rows: pd.DataFrame, _stamp: str) -> Effect:
    """Risk information stands beside the alerts of every week from its date on."""
    faults = tuple(risk_faults(rows))
    good = rows[~rows.index.isin({fault.row for fault in faults})]
    return Effect(tuple(sorted(set(good["occurred_on"]))), faults)


EFFECTS: Mapping[str, Callable[[Connection, pd.DataFrame, str], Effect]] = {
    "duplicates": _duplicates,
    "mapping": _mapping,
    EXPOSURE: _exposure,
    RISK: _risk,
    "official": _official,
}
"""Form → what new rows (with their labels) do in the store, at a moment. It takes part in the file's transaction."""


@dataclass(frozen=True)
class Taken:
    """Labels of the rows that were stored; what their effect was."""

    stored: tuple[int, ...]
    effect: Effect


def take(connection: Connection, form: Form, rows: pd.DataFrame, file_id: int, recorded_at: str) -> Taken:
    """Keep the rows that say something new, and put them into effect. Of several rows of one key the last one stands
    that can be taken."""
    stored: list[int] = []
    days: set[str] = set()
    faults: list[Fault] = []
    while True:
        new = new_rows(connection, form, rows)
        effect = EFFECTS[form.name](connection, new, recorded_at) if form.name in EFFECTS and len(new) else Effect()
        bad = {fault.row for fault in effect.faults}
        good = new[~new.index.isin(bad)]
        keep(connection, form, good, file_id, recorded_at)
        stored += map(int, good.index)
        days |= set(effect.days)
        faults += effect.faults
        if not bad:
            return Taken(tuple(stored), Effect(tuple(sorted(days)), tuple(faults)))
        rows = rows[~rows.index.isin(bad)]
