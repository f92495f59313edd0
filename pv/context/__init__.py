"""What stands beside the signals and is no report: quantities of use, other risk information."""

from __future__ import annotations

import pandas as pd

from pv.context.risk import LINKED, UNLINKED, alerted, counts, linked, unlinked
from pv.context.use import COLUMNS as USE_COLUMNS
from pv.context.use import use_rates
from pv.reference import Reference
from pv.week import Week

__all__ = ["TABLES", "alerted", "counts", "linked", "nothing", "tables", "unlinked", "use_rates"]

TABLES = {"risk": LINKED, "risk_alone": UNLINKED, "use": USE_COLUMNS}


def tables(
    quantities: pd.DataFrame,
    entries: pd.DataFrame,
    named: pd.DataFrame,
    known: Reference,
    alerts: pd.DataFrame,
    week: Week,
) -> dict[str, pd.DataFrame]:
    """The tables named in `TABLES` for one week; see `risk.linked`, `risk.unlinked` and `use.use_rates`."""
    found = linked(entries, named, alerts, week)
    products = set(alerts[["stream", "product"]].itertuples(index=False, name=None))
    return {
        "risk": found,
        "risk_alone": unlinked(entries, named, found, week),
        "use": use_rates(quantities, named, known, week, products),
    }


def nothing() -> dict[str, pd.DataFrame]:
    """The tables of a place that has no register."""
    return {name: pd.DataFrame(columns=columns, dtype="str") for name, columns in TABLES.items()}
