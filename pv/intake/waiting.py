"""Reports that cannot be counted rightly, as rows of `quarantine`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pandas as pd

from pv import archive, contracts
from pv.intake.account import problems_of
from pv.sources import Extract

COLUMNS = "stream case_number received_on hospital sheet rows reasons content_hash raw".split()


def quarantine_rows(
    rows: pd.DataFrame, extract: Extract, checked: contracts.Checked, known: set[str], key: str
) -> pd.DataFrame:
    """One row per quarantined report, with every reason and its sealed raw rows; `known` contents are left out.

    `received_on` is empty where the receipt is no possible day.
    """
    problems, today = checked.problems, checked.today.isoformat()
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS, dtype="str")
    reasons = dict(iter(problems[problems["outcome"] == "quarantine"].groupby("report")))
    found = []
    for report, group in rows.groupby("report", sort=True):
        first = group.iloc[0]
        if first["content_hash"] in known:
            continue
        raw = extract.raw.loc[group.index].to_dict(orient="split", index=False)
        received = [day for day in group["received_on"] if contracts.EARLIEST_RECEIPT <= day <= today]
        found.append(
            {
                "stream": extract.layout.stream,
                "case_number": first["case_number"],
                "received_on": received[0] if received else "",
                "hospital": first["hospital"],
                "sheet": first["sheet"],
                "rows": ",".join(map(str, dict.fromkeys(group["row"]))),
                "reasons": json.dumps(_reasons(reasons[report], extract), ensure_ascii=False),
                "content_hash": first["content_hash"],
                "raw": archive.seal(json.dumps(raw, ensure_ascii=False), key),
            }
        )
    return pd.DataFrame(found, columns=COLUMNS).drop_duplicates("content_hash", ignore_index=True)


def _reasons(problems: pd.DataFrame, extract: Extract) -> list[dict[str, Any]]:
    names = ("code", "sheet", "row", "column", "value")
    listed = [asdict(problem) for problem in problems_of(problems, extract)]
    return [{name: one[name] for name in names} | {"value": one["value"][:40]} for one in listed]
