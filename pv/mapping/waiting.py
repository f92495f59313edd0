"""Wording that nobody has said anything about: unknown hospitals, numbers of no known form."""

from __future__ import annotations

import pandas as pd

from pv.cases import StreamCases
from pv.codes import numbers
from pv.codes.synonyms import EVERY_STREAM, confirmed
from pv.reference import Reference
from pv.text import lookup

COLUMNS = ("stream", "kind", "wording", "beside", "reason", "cases")


def waiting(loaded: StreamCases, reference: Reference) -> pd.DataFrame:
    """What waits in a stream, by kind and most cases first; left-out reports ask for nothing.

    Columns: stream, kind (product, event, hospital), wording, beside (the most frequent name of a number), reason,
    cases. `reason`: "unknown_hospital" or "number_form". A number that stands in `synonyms` is not asked about.
    """
    versions, rows, _ = loaded.wordings()
    counted = versions.loc[versions["left_out"] == "", ["version_id", "case_number"]]
    frame = pd.concat([_hospitals(versions, reference), _numbers(rows, counted, loaded.stream, reference)])
    frame.insert(0, "stream", loaded.stream)
    frame = frame.sort_values(["kind", "cases", "wording"], ascending=[True, False, True], ignore_index=True)
    return frame[list(COLUMNS)]


def _hospitals(versions: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    known = confirmed(reference, EVERY_STREAM, "hospital")  # they stay unassigned, and that is right
    unknown = versions[(versions["hospital_id"] == "") & (versions["hospital"] != "") & (versions["left_out"] == "")]
    counts = unknown[~unknown["hospital"].isin(known)].groupby("hospital")["case_number"].nunique()
    return _frame("hospital", "unknown_hospital", counts)


def _numbers(rows: pd.DataFrame, counted: pd.DataFrame, stream: str, reference: Reference) -> pd.DataFrame:
    said = reference.synonyms[(reference.synonyms["stream"] == stream) & (reference.synonyms["kind"] == "product")]
    answered = {numbers.written(text) for text in (*said["wording"], *said["preferred"])}
    asked = [number for number in rows["identifier"].unique() if number and number not in answered]
    odd = {number for number in asked if not numbers.is_known_form(stream, number)}
    strange = rows.loc[rows["identifier"].isin(odd), ["version_id", "identifier", "name"]]
    found = strange.merge(counted, on="version_id")
    counts = found.groupby("identifier")["case_number"].nunique()
    frame = _frame("product", "number_form", counts)
    return frame.assign(beside=lookup(frame["wording"], most_frequent(found, "identifier", "name")))


def _frame(kind: str, reason: str, counts: pd.Series[int]) -> pd.DataFrame:
    wording = counts.index.astype("str")
    return pd.DataFrame({"kind": kind, "wording": wording, "beside": "", "reason": reason, "cases": counts.to_numpy()})


def most_frequent(rows: pd.DataFrame, key: str, value: str) -> dict[str, str]:
    """Per key the value that occurs most often; of several the one that sorts first."""
    counts = rows.groupby([key, value], sort=True).size().rename("n").reset_index()
    counts = counts.sort_values([key, "n", value], ascending=[True, False, True], kind="stable")
    return dict(counts.drop_duplicates(key)[[key, value]].itertuples(index=False, name=None))
