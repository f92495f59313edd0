"""Evaluation (评价) of reports by the centre: evaluated ÷ received, and evaluated ÷ due.

Evaluation is the centre's duty, so the rate is the centre's, not the hospitals'. Counted are the reports
received in the year to date that are stored and not left out, merged ones included; of reports in quarantine
we do not know. A report is *due* when its limit, in working days after the day of receipt, ended before the
week did (`pv/reference/evaluation_limits.toml`; Monday to Friday, without public holidays yet).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pv.appraisal.ledger import ALL_STREAMS
from pv.reference import shipped_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pv.appraisal.ledger import Ledger
    from pv.week import Week

COLUMNS = ["stream", "received", "evaluated", "rate_received", "due", "due_evaluated", "rate_due", "overdue"]


def calendar_note() -> Mapping[str, str]:
    """What “working day” means here, zh and en; to be printed wherever rate_due is shown."""
    calendar = shipped_toml("evaluation_limits")["calendar"]
    return {"zh": calendar["zh"], "en": calendar["en"]}


def evaluation_rates(ledger: Ledger) -> pd.DataFrame:
    """Per stream and for all together: COLUMNS; rates are shares, NaN where there is nothing to divide by.

    rate_received = evaluated ÷ received; rate_due = due_evaluated ÷ due; overdue = due − due_evaluated.
    """
    counts = evaluation_counts(ledger)
    table = counts.groupby("stream", sort=False).sum()
    table.loc[ALL_STREAMS] = table.sum()
    table = table.reset_index()
    return table.assign(
        rate_received=table["evaluated"] / table["received"].where(table["received"] > 0),
        rate_due=table["due_evaluated"] / table["due"].where(table["due"] > 0),
        overdue=table["due"] - table["due_evaluated"],
    )[COLUMNS]


def evaluation_counts(ledger: Ledger) -> pd.DataFrame:
    """received, evaluated, due and due_evaluated in the year to date, index (stream, hospital_id)."""
    reports = ledger.reports
    received = reports["in_year"] & reports["fate"].isin(["counted", "merged"])
    due = received & _due(reports, ledger.week)
    evaluated = reports["evaluated"]
    flags = {"received": received, "evaluated": received & evaluated}
    return ledger.by_hospital(pd.DataFrame({**flags, "due": due, "due_evaluated": due & evaluated}))


def _due(reports: pd.DataFrame, week: Week) -> pd.Series[bool]:
    """Whether the last day for the review lies before the week's end; False where no limit is known."""
    limits = shipped_toml("evaluation_limits")
    due = pd.Series(data=False, index=reports.index)
    for limit in limits["limit"]:
        rows = (reports["stream"] == limit["stream"]) & (reports["serious"] == limit["serious"])
        rows &= reports["in_year"]
        received = reports.loc[rows, "received_on"].to_numpy(dtype="datetime64[D]")
        due[rows] = last_day(received, limit["days"], limits["calendar"]["week"]) < np.datetime64(week.end)
    return due


def last_day(received: NDArray[np.datetime64], days: int, week: str = "1111100") -> NDArray[np.datetime64]:
    """The last day of a limit of working days; counting begins with the first working day after receipt."""
    return np.busday_offset(received, days, roll="backward", weekmask=week)
