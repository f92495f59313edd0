"""Reports that cannot be counted rightly, as rows of `quarantine`."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
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
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS, dtype="str").astype({"row_count": "int64"})
    rows = rows.sort_values("report", kind="stable")
    reasons = _reasons(checked.problems[checked.problems["outcome"] == "quarantine"], extract)
    facts: list[dict[Any, Any]] = rows[_FACTS].assign(entry=entry_numbers(extract)[rows.index]).to_dict("records")
    raw = _cells(rows, extract)
    headings, today = list(extract.raw.columns), checked.today.isoformat()
    starts = np.flatnonzero(np.append(True, np.diff(rows["report"].to_numpy()) != 0))
    found = []
    for start, end in pairwise([*starts.tolist(), len(rows)]):
        group, first = facts[start:end], facts[start]
        if not waiting.is_new(first["content_hash"], first["case_number"]):
            continue
        kept = {"columns": headings} | {name: values[start:end] for name, values in raw.items()}
        received = (fact["received_on"] for fact in group)
        astray = any(fact["displaced"] for fact in group)
        number = first["case_number"]
        found.append(
            {
                "stream": extract.layout.stream,
                "format": "",
                "case_number": "" if shown.number(number) == shown.HIDDEN else number,
                "received_on": next((day for day in received if contracts.EARLIEST_RECEIPT <= day <= today), ""),
                "modified_on": first["modified_on"],
                "hospital": shown.organisation(first["hospital"], displaced=astray),
                "sheet": first["sheet"],
                "rows": ",".join(dict.fromkeys(str(fact["row"]) for fact in group)),
                "row_count": sum(fact["counts"] for fact in group),
                "reasons": json.dumps(reasons[first["report"]], ensure_ascii=False),
                "content_hash": first["content_hash"],
                "raw": archive.seal(json.dumps(kept, ensure_ascii=False), key),
                "entry": first["entry"],
            }
        )
    return pd.DataFrame(found, columns=COLUMNS)


_FACTS = "report content_hash case_number received_on modified_on hospital displaced sheet row counts".split()


def _cells(rows: pd.DataFrame, extract: Extract) -> dict[str, list[Any]]:
    """What is sealed of rows, in their order: cells as exported, places, and what only the reader could tell."""
    cells = {"data": extract.raw.loc[rows.index].to_numpy(dtype=object).tolist()}
    places = {"rows": rows["row"].tolist(), "sheets": rows["sheet"].tolist()}
    marks = [mark for mark in MARKS if mark in extract.fields]
    return cells | places | {mark: extract.fields.loc[rows.index, mark].tolist() for mark in marks}


def entry_numbers(extract: Extract) -> pd.Series[str]:
    """What the rows of a batch say of the entries that they mend: a sheet of `pvwatch quarantine export` tells."""
    if ENTRY_HEADING in extract.raw:
        return extract.raw[ENTRY_HEADING].str.strip()
    return pd.Series("", index=extract.raw.index, dtype="str")


def _reasons(problems: pd.DataFrame, extract: Extract) -> dict[int, list[dict[str, Any]]]:
    """Per report why it is quarantined."""
    found: dict[int, list[dict[str, Any]]] = {}
    for report, problem in zip(problems["report"].tolist(), problems_of(problems, extract), strict=True):
        told = {name: getattr(problem, name) for name in ("code", "sheet", "row", "column")}
        found.setdefault(report, []).append(told | {"value": problem.value[:40]})
    return found
