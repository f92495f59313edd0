"""What the appraisal counts: every report as filed, once, with its fate.

A hospital is credited with the **official count**: the reports it filed, as the national system exports them.
Merged duplicates are included (a merge never takes a hospital's credit) and so are reports in quarantine
whose receipt date can be read (they were filed; it is we who cannot count them yet). Not included is what the
exports mark as deleted, duplicate or misreported. Each fate is counted beside, so that the figures reconcile.

A report in quarantine that already stands in the store (an earlier version of it was good) counts once, as
stored. Dates decide: a report belongs to a period by its receipt date, half-open.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pv.appraisal.areas import UNASSIGNED, AreaTree, area_tree
from pv.reference import reported

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from pv.reference import Reference
    from pv.week import Week

LEFT_OUT = ("deleted", "duplicate", "misreport")
FATES = ("counted", "merged", *LEFT_OUT, "quarantined")
OFFICIAL = ("counted", "merged", "quarantined")
ALL_STREAMS = "all"


@dataclass(frozen=True)
class Ledger:
    """The reports known at one moment, seen from one week.

    `reports` has a row per report: stream, hospital_id ("" = unknown hospital), received_on (ISO; "" = unreadable),
    reported_on and evaluated_on (ISO; "" = unknown), fate (one of FATES), and truth values: official, in_week, in_year
    (year to date), last_year (the same days of the year before), to_date (received before the week's end), serious,
    new_or_serious, evaluated (by the week's end). What a report in quarantine says about seriousness is not used.
    """

    week: Week
    reference: Reference
    tree: AreaTree
    streams: tuple[str, ...]
    reports: pd.DataFrame
    repeated: pd.DataFrame  # stream, received_on of reports in quarantine that are stored or listed already

    @classmethod
    def of(cls, filings: pd.DataFrame, quarantined: pd.DataFrame, reference: Reference, week: Week) -> Ledger:
        fresh = _not_stored(filings, quarantined)
        reports = pd.concat([_stored(filings, week), _quarantined(quarantined[fresh])], ignore_index=True)
        known = set(reference.hospitals["hospital_id"])
        reports["hospital_id"] = reports["hospital_id"].where(reports["hospital_id"].isin(known), UNASSIGNED)
        reports["official"] = reports["fate"].isin(OFFICIAL)
        for name, (start, end) in periods(week).items():
            reports[name] = within(reports["received_on"], start, end)
        reports["to_date"] = within(reports["received_on"], None, week.end)
        return cls(
            week=week,
            reference=reference,
            tree=area_tree(reference),
            streams=_streams(reports["stream"].unique()),
            reports=reports,
            repeated=quarantined.loc[~fresh, ["stream", "received_on"]],
        )

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Counts by stream and hospital, index (stream, hospital_id): every stream × every hospital, then "".

        Year to date except `reports_week` and `reports_last_year`. reports_* are official counts;
        reports_ytd = counted + merged + quarantined; `deleted` holds all that is left out.
        """
        r = self.reports
        year, official = r["in_year"], r["in_year"] & r["official"]
        counts = pd.DataFrame(
            {
                "reports_week": r["official"] & r["in_week"],
                "reports_ytd": official,
                "serious": official & r["serious"],
                "new_or_serious": official & r["new_or_serious"],
                "evaluated": official & r["evaluated"],
                "counted": year & (r["fate"] == "counted"),
                "merged": year & (r["fate"] == "merged"),
                "quarantined": year & (r["fate"] == "quarantined"),
                "deleted": year & r["fate"].isin(LEFT_OUT),
                "reports_last_year": r["official"] & r["last_year"],
            }
        )
        return self.by_hospital(counts)

    def by_hospital(self, flags: pd.DataFrame) -> pd.DataFrame:
        """Sums of truth values, aligned with `reports`, by stream and hospital on the full grid of both."""
        hospitals = [*sorted(self.reference.hospitals["hospital_id"]), UNASSIGNED]
        grid = pd.MultiIndex.from_product([self.streams, hospitals], names=["stream", "hospital_id"])
        sums = flags.groupby([self.reports["stream"], self.reports["hospital_id"]]).sum()
        return sums.reindex(grid, fill_value=0).astype("int64")


def periods(week: Week) -> dict[str, tuple[date, date]]:
    """First day and the day after the last: the week, the year to date, the same days of the year before."""
    start, end = week.year_start, week.end
    return {
        "in_week": (week.start, end),
        "in_year": (start, end),
        "last_year": (a_year_before(start), a_year_before(end)),
    }


def a_year_before(day: date) -> date:
    """The same calendar day of the year before; the end 29 February becomes 1 March, so 28 February is in."""
    if (day.month, day.day) == (2, 29):
        return day.replace(year=day.year - 1, month=3, day=1)
    return day.replace(year=day.year - 1)


def within(dates: pd.Series[str], start: date | None, end: date) -> pd.Series[bool]:
    """ISO dates in [start, end); "" is in no period."""
    return (dates >= (start.isoformat() if start else "0")) & (dates < end.isoformat())


def _streams(seen: Iterable[str]) -> tuple[str, ...]:
    """The streams of a report in the order of `streams.toml`, then any other that occurs."""
    occurring = set(seen)
    known = reported(occurring)
    return (*known, *sorted(occurring - set(known)))


def _not_stored(filings: pd.DataFrame, quarantined: pd.DataFrame) -> pd.Series[bool]:
    """Reports in quarantine that are not in the store, each once; those without a number all differ."""
    keys = pd.MultiIndex.from_frame(quarantined[["stream", "case"]])
    candidates = filings.loc[filings["case"].isin(quarantined["case"]), ["stream", "case"]]
    stored = keys.isin(pd.MultiIndex.from_frame(candidates))
    again = keys.duplicated(keep="last")
    return (quarantined["case"] == "") | pd.Series(~(stored | again), index=quarantined.index)


def _stored(filings: pd.DataFrame, week: Week) -> pd.DataFrame:
    left_out, merged = filings["left_out"], filings["merged_into"] != ""
    fate = np.where(left_out != "", left_out, np.where(merged, "merged", "counted"))
    evaluated_on = filings["evaluated_on"]
    return pd.DataFrame(
        {
            "stream": filings["stream"],
            "hospital_id": filings["hospital_id"],
            "received_on": filings["received_on"],
            "reported_on": filings["reported_on"],
            "evaluated_on": evaluated_on.where(filings["evaluated"].astype("bool"), ""),
            "fate": pd.Series(fate, index=filings.index, dtype="str"),
            "serious": filings["serious"].astype("bool"),
            "new_or_serious": (filings["serious"] | filings["new"]).astype("bool"),
            # a version that was loaded later may tell of an evaluation after the week's end
            "evaluated": filings["evaluated"].astype("bool") & (evaluated_on < week.end.isoformat()),
        }
    )


def _quarantined(reports: pd.DataFrame) -> pd.DataFrame:
    frame = reports[["stream", "hospital_id", "received_on"]].assign(
        fate="quarantined", reported_on="", evaluated_on=""
    )
    return frame.assign(serious=False, new_or_serious=False, evaluated=False).astype(
        {"fate": "str", "reported_on": "str", "evaluated_on": "str"}
    )
