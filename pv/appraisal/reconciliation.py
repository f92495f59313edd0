"""The account of the reports: filed = counted + merged + left out + quarantined, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pv.appraisal.areas import UNASSIGNED
from pv.appraisal.ledger import ALL_STREAMS, FATES, periods, within

if TYPE_CHECKING:
    from pv.appraisal.ledger import Ledger
    from pv.week import Week

COLUMNS = ["stream", "period", "filed", *FATES, "official", "unassigned", "undated", "repeated"]
PERIODS = ("week", "ytd", "all")


class ReconciliationError(Exception):
    """The figures do not add up; nothing may be reported from them."""


def reconciliation(filings: pd.DataFrame, quarantined: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Per stream (and `all`) and period (`week`, `ytd`, `all` = up to the week's end): COLUMNS, all counts.

    filed = counted + merged + deleted + duplicate + misreport + quarantined; official = counted + merged +
    quarantined is what the hospitals' figures show. Of which: unassigned (official, of an unknown hospital)
    and undated (quarantined without a readable receipt date; they stand in no week, so only in period `all`).
    Not in filed: repeated, reports in quarantine that are stored in another version or stand in quarantine
    twice. Raises ReconciliationError where a sum fails.
    """
    table = pd.concat([_account(filings, quarantined, ledger, period) for period in PERIODS], ignore_index=True)
    _check_fates(table)
    _check_hospitals(table, ledger)
    return table


def _account(filings: pd.DataFrame, quarantined: pd.DataFrame, ledger: Ledger, period: str) -> pd.DataFrame:
    """One period. `filed` counts the rows handed in, the fates count the ledger: two ways to one number."""

    def rows(frame: pd.DataFrame) -> pd.Series[int]:
        chosen = frame.loc[_in_period(frame["received_on"], period, ledger.week), "stream"]
        return chosen.value_counts().reindex(list(ledger.streams), fill_value=0)

    reports = ledger.reports[_in_period(ledger.reports["received_on"], period, ledger.week)]
    parts = {"filed": rows(filings) + rows(quarantined) - rows(ledger.repeated)}
    parts |= {fate: rows(reports[reports["fate"] == fate]) for fate in FATES}
    parts["official"] = rows(reports[reports["official"]])
    parts["unassigned"] = rows(reports[reports["official"] & (reports["hospital_id"] == UNASSIGNED)])
    parts["undated"] = rows(reports[reports["received_on"] == ""])
    parts["repeated"] = rows(ledger.repeated)
    table = pd.DataFrame(parts).rename_axis("stream")
    table.loc[ALL_STREAMS] = table.sum()
    return table.reset_index().assign(period=period)[COLUMNS]


def _in_period(dates: pd.Series[str], period: str, week: Week) -> pd.Series[bool]:
    if period == "all":
        return within(dates, None, week.end) | (dates == "")
    start, end = periods(week)["in_week" if period == "week" else "in_year"]
    return within(dates, start, end)


def _check_fates(table: pd.DataFrame) -> None:
    wrong = table[table["filed"] != table[list(FATES)].sum(axis=1)]
    if not wrong.empty:
        row = wrong.iloc[0]
        parts = " + ".join(f"{row[fate]} {fate}" for fate in FATES)
        raise ReconciliationError(
            f"{row['stream']}, {row['period']}: {row['filed']} reports filed, but {parts}. "
            "A report has a fate that is none of these; look for other values of left_out."
        )


def _check_hospitals(table: pd.DataFrame, ledger: Ledger) -> None:
    """The hospitals' figures, unassigned ones included, add up to the official counts."""
    sums = ledger.counts.groupby("stream")[["reports_week", "reports_ytd"]].sum()
    for period, column in (("week", "reports_week"), ("ytd", "reports_ytd")):
        official = table[table["period"] == period].set_index("stream")["official"]
        for stream in ledger.streams:
            expected, shown = int(official[stream]), int(sums[column].loc[stream])
            if expected != shown:
                raise ReconciliationError(
                    f"{stream}, {period}: {expected} official reports, but the hospitals' add up to {shown}."
                )
