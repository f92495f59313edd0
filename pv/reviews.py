"""Pairs of reports that wait for people, with what both reports tell side by side; and how many have been merged."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from sqlalchemy import Connection

from pv import duplicates
from pv.cases import StreamCases

# What people compare; the second report's stand under `other_`. No names, no birth dates, no record numbers.
FACTS = "received_on onset_on sex age_band products events outcome hospital".split()
COLUMNS = (
    *("stream", "case_number", "other_number", "probability", "zone", "reasons_zh", "reasons"),
    *(name for fact in FACTS for name in (fact, f"other_{fact}")),
)
COUNTS = ("stream", "waiting", "held", "merged", "merged_exact", "merged_likely", "merged_people")
MOST = 5_000  # pairs with their facts: a longer list is not read by people, and what is decided makes room


def to_review(connection: Connection, loaded: Sequence[StreamCases], stamp: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pairs of all streams that wait at a moment, likeliest first, at most MOST (COLUMNS); and per stream how many
    wait, of them for a whole file that is held back, and how many reports are merged by which rule (COUNTS)."""
    waiting = {cases.stream: duplicates.waiting(connection, cases.stream, stamp) for cases in loaded}
    counts = [_counts(connection, stream, pairs, stamp) for stream, pairs in waiting.items()]
    every = pd.concat([pairs for pairs in waiting.values() if len(pairs)] or [*waiting.values()], ignore_index=True)
    order = ["weight", "stream", "case", "other"]
    first = every.sort_values(order, ascending=[False, True, True, True], kind="stable").head(MOST)
    beside = [_beside(cases, first[first["stream"] == cases.stream]) for cases in loaded]
    listed = pd.concat([rows for rows in beside if len(rows)] or beside, ignore_index=True)
    order[2:] = ["case_number", "other_number"]
    listed = listed.sort_values(order, ascending=[False, True, True, True], kind="stable", ignore_index=True)
    return listed[list(COLUMNS)], pd.DataFrame(counts, columns=list(COUNTS))


def _counts(connection: Connection, stream: str, pairs: pd.DataFrame, stamp: str) -> list[str | int]:
    by = duplicates.merged_by(connection, stream, stamp)
    held = int((pairs["zone"] == "held").sum())
    return [stream, len(pairs), held, sum(by.values()), by["exact"], by["likely"], by["people"]]


def _beside(cases: StreamCases, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs of a stream with the facts of both reports."""
    facts = cases.latest({*pairs["case"], *pairs["other"]}).set_index("case")[FACTS]
    told = list(zip(pairs["explanation"], pairs["zone"], strict=True))
    reasons = {
        name: pd.Series([duplicates.in_words(text, zone, lang) for text, zone in told], pairs.index, dtype="str")
        for name, lang in (("reasons_zh", "zh"), ("reasons", "en"))
    }
    listed = pairs.rename(columns={"case": "case_number", "other": "other_number"}).assign(**reasons)
    return listed.join(facts, on="case_number").join(facts.add_prefix("other_"), on="other_number")
