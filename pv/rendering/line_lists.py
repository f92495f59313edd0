"""Line lists of cases: the week's grave ones, and those behind the alerts that people are asked to assess.

A line is a report as filed. Merged reports are one case under the number of their root. No names: case number, sex,
age band, products, events, reporting unit.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pv.appraisal.ledger import within
from pv.rendering.columns import Table
from pv.rendering.models import Alert
from pv.rendering.signal_columns import CASES
from pv.week import Week

_SEPARATOR = "; "
MOST_LINES = 50_000  # of reports behind alerts: a longer list is not read by people
_GRAVITY = ("new", "serious", "new_serious", "death")


def in_week(filings: pd.DataFrame, week: Week) -> pd.Series[bool]:
    return within(filings["received_on"], week.start, week.end)


def week_cases(filings: pd.DataFrame, before: pd.DataFrame, week: Week) -> pd.DataFrame:
    """Cases that are graver in the week's view than in that of the week before, gravest first.

    `before` is `filings` of the previous week. A case is as grave as the gravest of its merged reports, so that a death
    that only the second report tells is not lost. `why` names the gravest reason; `change` is "raised" where the case
    was received before the week and became graver in it.
    """
    reports = filings[filings["left_out"] == ""]
    group = reports["merged_into"].where(reports["merged_into"] != "", reports["case"])
    group_of = pd.Series(group.to_numpy(), index=pd.MultiIndex.from_frame(reports[["stream", "case"]]))
    earlier = before[before["left_out"] == ""]
    known = pd.MultiIndex.from_frame(earlier[["stream", "case"]])
    earlier = earlier.assign(case=group_of.reindex(known).to_numpy()).dropna(subset="case")
    now = _gravity(reports.assign(case=group))
    then = _gravity(earlier).reindex(now.index, fill_value=0)
    graver = now[now > then]
    cases = reports[reports["merged_into"] == ""].set_index(["stream", "case"], drop=False).rename_axis([None, None])
    chosen = cases.loc[graver.index].assign(gravity=graver, pairs="")
    chosen["why"] = chosen["gravity"].map(dict(enumerate(_GRAVITY, start=1))).astype("str")
    chosen["death"] = chosen["gravity"] == len(_GRAVITY)
    chosen["serious"] |= chosen["gravity"] >= 2
    chosen["change"] = pd.Series("raised", index=chosen.index, dtype="str").where(~in_week(chosen, week), "")
    ordered = chosen.sort_values(
        ["gravity", "stream", "received_on", "case"], ascending=[False, True, True, True], kind="stable"
    )
    return ordered.reset_index(drop=True)


def _gravity(reports: pd.DataFrame) -> pd.Series[int]:
    """Per stream and case: 0, or the place of its gravest reason in `_GRAVITY` counted from 1."""
    flags = reports.groupby(["stream", "case"])[["death", "serious", "new"]].max().astype(bool)
    grades = [flags["new"], flags["serious"], flags["serious"] & flags["new"], flags["death"]]
    gravity = pd.Series(0, index=flags.index, dtype="int64")
    for place, applies in enumerate(grades, start=1):
        gravity = gravity.mask(applies, place)
    return gravity


def cases_behind(filings: pd.DataFrame, alerts: Sequence[Alert]) -> pd.DataFrame:
    """Reports behind the given alerts, newest first, at most MOST_LINES; `pairs` names the alerts of each.

    A case stands behind a pair when its reports together name the product and the event in the labels of `filings`,
    which are those of the stream's default product level: alerts of other levels find no cases here.
    """
    counted = filings[filings["left_out"] == ""]
    group = counted["merged_into"].where(counted["merged_into"] != "", counted["case"])
    products = _mentions(counted, group, "products", {alert.product for alert in alerts})
    events = _mentions(counted, group, "events", {alert.event for alert in alerts})
    wanted = pd.DataFrame(
        sorted({(alert.stream, alert.product, alert.event) for alert in alerts}),
        columns=["stream", "products", "events"],
    )
    found = products.merge(wanted, on=["stream", "products"]).merge(events, on=["stream", "group", "events"])
    found["pairs"] = found["products"] + " – " + found["events"]
    lines = counted.assign(group=group, why="alert", change="")
    if found.empty:
        return lines.iloc[:0].assign(pairs="")
    named = found.sort_values("pairs").groupby(["stream", "group"])["pairs"].agg(_SEPARATOR.join)
    lines = lines.join(named, on=["stream", "group"], how="inner")
    lines = lines.sort_values(["stream", "received_on", "case"], ascending=[True, False, True], kind="stable")
    return lines.head(MOST_LINES)


def _mentions(filings: pd.DataFrame, group: pd.Series[str], column: str, labels: set[str]) -> pd.DataFrame:
    """Distinct stream, group, label of the asked labels that the reports of a group name."""
    texts = filings[column].drop_duplicates()
    parts = pd.DataFrame({"text": texts, "label": texts.str.split(_SEPARATOR)}).explode("label")
    parts = parts[parts["label"].isin(labels)]
    named = pd.DataFrame({"stream": filings["stream"], "group": group, "text": filings[column]})
    found = named.merge(parts, on="text").rename(columns={"label": column})
    return found[["stream", "group", column]].drop_duplicates()


def line_list(week_lines: pd.DataFrame, alert_lines: pd.DataFrame) -> Table:
    """Both lists as one table: a report of the week that also stands behind an alert keeps both reasons."""
    key = ["stream", "case"]
    behind = alert_lines.set_index(key)["pairs"]
    week_part = week_lines.drop(columns="pairs").join(behind, on=key)
    week_part["pairs"] = week_part["pairs"].fillna("")
    week_part.loc[week_part["pairs"] != "", "why"] += ";alert"
    listed = pd.MultiIndex.from_frame(week_lines[key])
    rest = alert_lines[~pd.MultiIndex.from_frame(alert_lines[key]).isin(listed)]
    return Table.of(pd.concat([week_part, rest], ignore_index=True), CASES)
