"""How many reports each stream received: the week, the weeks it is compared with, and the year so far.

Counted is the official count of `pv.appraisal.ledger`, so that both reports of a week show the same totals.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pv.appraisal.ledger import periods, within
from pv.reference import reported, streams
from pv.rendering.line_lists import in_week
from pv.rendering.models import StreamTotals
from pv.week import Week

TREND_WEEKS = 52
_FIELDS = ["stream", "received_on", "serious", "death", "new", "merged"]


def stream_totals(filings: pd.DataFrame, quarantined: pd.DataFrame, week: Week) -> tuple[StreamTotals, ...]:
    """Totals of the streams that ever reported (of the core ones where none did), in the order of `streams.toml`."""
    official = official_reports(filings, quarantined)
    seen = set(official["stream"])
    order = [name for name in streams() if name in (seen or reported(()))] + sorted(seen - set(streams()))
    dated = official[official["received_on"] != ""]
    since = Week.of(pd.Timestamp(dated["received_on"].min()).date()) if len(dated) else week
    return tuple(_totals(dated[dated["stream"] == name], name, week, since) for name in order)


def official_reports(filings: pd.DataFrame, quarantined: pd.DataFrame) -> pd.DataFrame:
    """Reports that count as filed: what is stored and not left out, and what is in quarantine and not stored.

    Of a report in quarantine neither gravity nor novelty is used. Columns: stream, received_on, serious, death, new,
    merged.
    """
    stored = filings[filings["left_out"] == ""].assign(merged=filings["merged_into"] != "")
    known = pd.MultiIndex.from_frame(filings[["stream", "case"]])
    waiting = quarantined[["stream", "case", "received_on"]].assign(serious=False, death=False, new=False, merged=False)
    keys = pd.MultiIndex.from_frame(waiting[["stream", "case"]])
    fresh = (waiting["case"] == "") | ~(keys.isin(known) | keys.duplicated(keep="last"))
    return pd.concat([stored[_FIELDS], waiting.loc[fresh, _FIELDS]], ignore_index=True)


def _totals(filed: pd.DataFrame, stream: str, week: Week, since: Week) -> StreamTotals:
    now = filed[in_week(filed, week)]
    last = int(in_week(filed, week.previous).sum())
    year_ago = week.a_year_before
    same_week = int(in_week(filed, year_ago).sum()) if since <= year_ago else None
    this_year, last_year = (periods(week)[name] for name in ("in_year", "last_year"))
    ytd = int(within(filed["received_on"], *this_year).sum())
    before = int(within(filed["received_on"], *last_year).sum()) if since <= Week.of(last_year[0]) else None
    return StreamTotals(
        stream=stream,
        week=len(now),
        last_week=last,
        week_change=len(now) - last,
        same_week_last_year=same_week,
        year_change=None if same_week is None else len(now) - same_week,
        ytd=ytd,
        ytd_last_year=before,
        ytd_growth=ytd / before - 1 if before else None,
        deaths=int(now["death"].sum()),
        serious=int(now["serious"].sum()),
        new_or_serious=int((now["new"] | now["serious"]).sum()),
        merged=int(now["merged"].sum()),
        trend=_trend(filed, week),
    )


def _trend(filed: pd.DataFrame, week: Week) -> tuple[int, ...]:
    """Reports of each of the last TREND_WEEKS weeks, oldest first."""
    first = Week(week.index - TREND_WEEKS + 1)
    days = filed.loc[within(filed["received_on"], first.start, week.end), "received_on"]
    offsets = (pd.to_datetime(days) - pd.Timestamp(first.start)).dt.days.to_numpy() // 7
    return tuple(np.bincount(offsets, minlength=TREND_WEEKS).tolist())
