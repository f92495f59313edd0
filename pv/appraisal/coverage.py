"""Who reports and who does not: coverage, silent hospitals, hospitals that stopped.

Counted are reports as filed (the official count, see `ledger`). A member hospital whose reports are filed
under its lead counts as reporting only if a report names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pv.appraisal.areas import UNASSIGNED
from pv.appraisal.ledger import ALL_STREAMS
from pv.appraisal.rates import area_names
from pv.reference import shipped_toml
from pv.week import Week

if TYPE_CHECKING:
    from collections.abc import Collection

    from pv.appraisal.ledger import Ledger
    from pv.reference import Reference

DRUG_AND_DEVICE = "drug+device"  # what the plans' coverage targets look at
COVERAGE_COLUMNS = ["scope", "area", "name", "level_group", "streams", "hospitals", "reporting", "coverage"]
SILENT_COLUMNS = [
    *("stream", "hospital_id", "hospital", "level", "kind", "district", "district_name"),
    *("last_report", "weeks_since"),
]
STOPPED_COLUMNS = [
    *("stream", "hospital_id", "hospital", "level", "kind", "district", "district_name"),
    *("last_report", "weeks_since", "reports_before", "weeks_before", "mean_per_week", "probability"),
]
_SILENT_WEEKS = 8  # a silence shorter than this is ordinary
_LEAST_MEAN = 0.25  # reports a week: one in four weeks; below it silence says nothing
_LOOK_BACK = 52  # weeks over which the mean is taken


def medical_institutions(reference: Reference, level_group: str = "all") -> frozenset[str]:
    """Ids of the medical institutions of `hospitals.csv`; `level2` = those of level 2 and above."""
    hospitals = reference.hospitals
    other_kinds = shipped_toml("targets")["not_medical_kinds"]
    use = ~hospitals["kind"].str.lower().isin(other_kinds)
    if level_group == "level2":
        use &= hospitals["level"].isin(["2", "3"])
    return frozenset(hospitals.loc[use, "hospital_id"])


def stream_names(streams: str, known: Collection[str]) -> tuple[str, ...]:
    """The streams of `all` (or nothing), of one name, or of several joined by `+`."""
    return tuple(known) if streams in {"", ALL_STREAMS} else tuple(streams.split("+"))


def reporting(counts: pd.DataFrame, streams: Collection[str]) -> frozenset[str]:
    """Hospitals with at least one report in any of the streams in the year to date."""
    filed = counts.index[counts["reports_ytd"] > 0]
    return frozenset(hospital for stream, hospital in filed if stream in streams)


def coverage(ledger: Ledger) -> pd.DataFrame:
    """Share of medical institutions with at least one report in the year to date: COVERAGE_COLUMNS.

    A row per area (the whole, districts, areas below), level group (`all`, `level2`) and streams
    (`drug+device`, each stream, `all`). coverage = reporting ÷ hospitals, NaN where there is no hospital.
    """
    counts, rows = ledger.counts, ledger.tree.rows
    rows = rows[rows["scope"].isin(["whole", "district", "area"])]
    areas = list(zip(rows["scope"], rows["area"], rows["name"], strict=True))
    members = {area: ledger.tree.hospitals_in(area) for _, area, _ in areas}
    groups = {group: medical_institutions(ledger.reference, group) for group in ("all", "level2")}
    table = []
    for streams in (DRUG_AND_DEVICE, *ledger.streams, ALL_STREAMS):
        active = reporting(counts, stream_names(streams, ledger.streams))
        for level_group, institutions in groups.items():
            for scope, area, name in areas:
                here = institutions & members[area]
                share = len(here & active) / len(here) if here else np.nan
                table.append((scope, area, name, level_group, streams, len(here), len(here & active), share))
    return pd.DataFrame(table, columns=COVERAGE_COLUMNS)


def silent_hospitals(ledger: Ledger) -> pd.DataFrame:
    """Medical institutions of level 2 and above without a report in the year to date: SILENT_COLUMNS.

    Per stream; stream `all` = no report in any stream. last_report is the receipt date of the last report of
    any year ("" = none known), weeks_since the weeks from its week to this one (NaN = none known).
    """
    duty = medical_institutions(ledger.reference, "level2")
    pairs = [
        (stream, hospital)
        for stream in (*ledger.streams, ALL_STREAMS)
        for hospital in sorted(duty - reporting(ledger.counts, stream_names(stream, ledger.streams)))
    ]
    table = pd.DataFrame(pairs, columns=["stream", "hospital_id"], dtype="str")
    filed = _filed(ledger)
    last = filed.groupby(["stream", "hospital_id"], as_index=False).agg(
        last_report=("received_on", "max"), last=("week", "max")
    )
    table = table.merge(last, on=["stream", "hospital_id"], how="left")
    table["last_report"] = table["last_report"].fillna("").astype("str")
    table["weeks_since"] = ledger.week.index - table["last"].astype("float64")
    return _named(table, ledger.reference)[SILENT_COLUMNS]


def stopped_hospitals(ledger: Ledger) -> pd.DataFrame:
    """Hospitals silent for 8 weeks or more that used to file a report in 4 weeks or oftener: STOPPED_COLUMNS.

    Per stream and for all streams together, least probable first. mean_per_week = reports_before ÷
    weeks_before, the 52 weeks (or as many as the stream's data go back, at least 8) up to the last report.
    probability = exp(−mean × weeks_since), the Poisson chance of such a silence had nothing changed; where
    reports are filed in batches the chance is higher than that.
    """
    filed = _filed(ledger)
    by_stream = filed.groupby("stream")["week"].min().rename("first")
    last = filed.groupby(["stream", "hospital_id"], as_index=False).agg(
        last_report=("received_on", "max"), last=("week", "max")
    )
    last = last[last["hospital_id"] != UNASSIGNED].merge(by_stream, on="stream")
    last["weeks_before"] = (last["last"] - last["first"] + 1).clip(upper=_LOOK_BACK)
    last["weeks_since"] = ledger.week.index - last["last"]
    recent = filed.merge(last[["stream", "hospital_id", "last"]], on=["stream", "hospital_id"])
    recent = recent[recent["week"] > recent["last"] - _LOOK_BACK]
    before = recent.groupby(["stream", "hospital_id"], as_index=False).agg(reports_before=("week", "size"))
    table = last.merge(before, on=["stream", "hospital_id"])
    table["mean_per_week"] = table["reports_before"] / table["weeks_before"]
    table["probability"] = np.exp(-table["mean_per_week"] * table["weeks_since"])
    stopped = (table["weeks_since"] >= _SILENT_WEEKS) & (table["weeks_before"] >= _SILENT_WEEKS)
    table = table[stopped & (table["mean_per_week"] >= _LEAST_MEAN)]
    table = table.sort_values(["probability", "stream", "hospital_id"], ignore_index=True)
    return _named(table, ledger.reference)[STOPPED_COLUMNS]


def _filed(ledger: Ledger) -> pd.DataFrame:
    """Official reports to date: stream, hospital_id, received_on, week (index); each again as `all`."""
    reports = ledger.reports
    filed = reports.loc[reports["official"] & reports["to_date"], ["stream", "hospital_id", "received_on"]]
    days = filed["received_on"].to_numpy(dtype="datetime64[D]").astype(np.int64)
    first_monday = np.datetime64(Week(0).start).astype(np.int64)
    filed = filed.assign(week=(days - first_monday) // 7)
    return pd.concat([filed, filed.assign(stream=ALL_STREAMS)], ignore_index=True)


def _named(table: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Adds what is known of each hospital; the order stays."""
    hospitals = reference.hospitals.rename(columns={"name": "hospital"})
    facts = hospitals[["hospital_id", "hospital", "level", "kind", "district"]]
    table = table.merge(facts, on="hospital_id", how="left", validate="many_to_one")
    return table.assign(district_name=area_names(table["district"], reference.areas))
