"""Reports that cannot be counted rightly, as rows of `quarantine`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pandas as pd

from pv import archive, contracts, shown
from pv.intake.account import problems_of
from pv.quarantine import ENTRY_HEADING, Waiting
from pv.sources import Extract
from pv.sources.extract import MARKS

COLUMNS = (
    *"stream format case_number received_on modified_on hospital sheet rows".split(),
    *"row_count reasons content_hash raw entry".split(),
)


def quarantine_rows(
    rows: pd.DataFrame, extract: Extract, checked: contracts.Checked, waiting: Waiting, key: str
) -> pd.DataFrame:
    """One row per report that is to be quarantined, with every reason and its sealed raw rows; those that wait already
    are left out. `received_on` is empty where the receipt is no possible day; `entry` is the number of the entry that
    the rows were to mend ("" for none).
    """
    problems, today = checked.problems, checked.today.isoformat()
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS, dtype="str").astype({"row_count": "int64"})
    reasons = dict(iter(problems[problems["outcome"] == "quarantine"].groupby("report")))
    written = entry_numbers(extract)
    found = []
    for report, group in rows.groupby("report", sort=True):
        first = group.iloc[0]
        if not waiting.is_new(first["content_hash"], first["case_number"]):
            continue
        raw = extract.raw.loc[group.index].to_dict(orient="split", index=False)
        raw |= {"rows": group["row"].tolist(), "sheets": group["sheet"].tolist()}
        raw |= {mark: _marks(extract.fields, mark, group.index) for mark in MARKS if mark in extract.fields}
        received = [day for day in group["received_on"] if contracts.EARLIEST_RECEIPT <= day <= today]
        astray = bool(group["displaced"].any())
        number = first["case_number"]
        number = "" if shown.number(number) == shown.HIDDEN else number
        found.append(
            {
                "stream": extract.layout.stream,
                "format": "",
                "case_number": number,
                "received_on": received[0] if received else "",
                "modified_on": first["modified_on"],
                "hospital": shown.organisation(first["hospital"], displaced=astray),
                "sheet": first["sheet"],
                "rows": ",".join(map(str, dict.fromkeys(group["row"]))),
                "row_count": int(group["counts"].sum()),
                "reasons": json.dumps(_reasons(reasons[report], extract), ensure_ascii=False),
                "content_hash": first["content_hash"],
                "raw": archive.seal(json.dumps(raw, ensure_ascii=False), key),
                "entry": written.at[group.index[0]],
            }
        )
    return pd.DataFrame(found, columns=COLUMNS)


def entry_numbers(extract: Extract) -> pd.Series[str]:
    """What the rows of a batch say of the entries that they mend: a sheet of `pvwatch quarantine export` tells."""
    if ENTRY_HEADING in extract.raw:
        return extract.raw[ENTRY_HEADING].str.strip()
    return pd.Series("", index=extract.raw.index, dtype="str")


def _marks(fields: pd.DataFrame, mark: str, index: pd.Index) -> list[Any]:
    listed: list[Any] = fields.loc[index, mark].tolist()
    return listed


def _reasons(problems: pd.DataFrame, extract: Extract) -> list[dict[str, Any]]:
    names = ("code", "sheet", "row", "column", "value")
    listed = [asdict(problem) for problem in problems_of(problems, extract)]
    return [{name: one[name] for name in names} | {"value": one["value"][:40]} for one in listed]
