"""What a row must be to be counted rightly: (reason, check) tables per stream.

`check(extract, today)` parses the fields that decide, finds every problem, and tells for each whether the whole report
goes to quarantine or only the value becomes missing with a warning. The wording of the reasons stands in
`reference/messages.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from pv import messages
from pv.codes import events
from pv.sources import Extract
from pv.text import BLANK, age_in_years, clean_all, code_list, coded, iso_dates, over_unique

EARLIEST_RECEIPT = "1990-01-01"

# Event fields per kind. The flat MAUDE form has no wording of the harm, only its degree.
EVENT_FIELDS: dict[str, dict[str, str]] = {
    "drug": {"reaction": "reaction"},
    "device": {"failure": "failure", "harm_finding": "harm", "harm_event": "harm"},
    "cosmetic": {"finding": "finding", "symptom": "symptom", "diagnosis": "diagnosis"},
}
_DATES = ("reported_on", "onset_on", "discovered_on", "evaluated_on", "modified_on")
_CODED = {
    "sex": ("sex", "sex_unknown"),
    "severity": ("severity", "severity_unknown"),
    "new": ("new", "new_unknown"),
    "outcome": ("outcome", "outcome_unknown"),
    "harm": ("harm", "harm_unknown"),
    "harm_holder": ("harm", "harm_unknown"),
    "harm_event": ("harm", "harm_unknown"),
}


@dataclass(frozen=True)
class Checked:
    """Rows with parsed fields, and what is wrong with them.

    `rows`: every row of the extract; dates as ISO text, codes as codes, `age_years` as a number, `report` the number of
    its report version in this file (rows of one report share it), `case_number`.
    `problems`: one row per problem: row (position), report, code, field, value, outcome.
    `today`: the day of loading, after which nothing can have been received.
    """

    rows: pd.DataFrame
    problems: pd.DataFrame
    today: date

    @property
    def quarantined(self) -> pd.Index:
        """Numbers of the reports that must not be counted."""
        bad = self.problems["outcome"] == "quarantine"
        reports: pd.Index = pd.Index(self.problems.loc[bad, "report"].unique())
        return reports


def check(extract: Extract, today: date) -> Checked:
    """Parse and check every row; `today` is the day of loading in Shanghai."""
    raw = extract.fields
    rows = _parse(raw, extract.layout.stream)
    rows["report"] = _report_numbers(rows, extract.layout.grain)
    found = list(_row_problems(rows, raw, today))
    found += _report_problems(rows, raw, extract.layout.stream)
    problems = pd.concat(found, ignore_index=True)
    problems["report"] = rows["report"].to_numpy()[problems["row"].to_numpy()]
    problems["outcome"] = problems["code"].map(messages.outcome).astype("str")
    problems = problems.sort_values(["row", "code", "field"], kind="stable", ignore_index=True)
    return Checked(rows, problems, today)


def _parse(raw: pd.DataFrame, stream: str) -> pd.DataFrame:
    """Fields read into one form; what cannot be read becomes "" here and a problem in `_row_problems`."""
    rows = raw.copy()
    number = clean_all(rows["report_number"])
    unique = clean_all(rows["unique_id"]) if "unique_id" in rows else number
    rows["case_number"] = unique.where(unique != "", number)
    for field in ("received_on", *_DATES):
        rows[field] = iso_dates(rows[field]) if field in rows else ""
    for field, (codes, _) in _CODED.items():
        rows[field] = coded(rows[field], codes).replace("?", "") if field in rows else ""
    rows["role"] = coded(rows["role"], "role") if "role" in rows else "suspect"
    rows["age_years"] = _ages(raw)
    rows["onset_on"] = rows["onset_on"].where(
        (rows["onset_on"] <= rows["received_on"]) | (rows["received_on"] == ""), ""
    )
    for field in ("area", "hospital", "name", "class"):
        rows[field] = clean_all(rows[field]) if field in rows else ""
    if stream == "device":  # a brand without a name is known by its kind
        rows["name"] = rows["name"].where(~rows["name"].isin(BLANK), rows["class"])
    for field in EVENT_FIELDS[stream]:
        if field not in rows:
            rows[field] = ""
    if "harm_event" in raw:  # degree and wording are one column in the flat MAUDE form
        rows["harm"], rows["harm_event"] = rows["harm_event"], clean_all(raw["harm_event"])
    return rows


def _ages(raw: pd.DataFrame) -> pd.Series[float]:
    if "age" not in raw:
        return pd.Series(np.nan, index=raw.index)
    unit = raw.get("age_unit", "")
    pairs = raw["age"] + "\x1f" + unit
    years = {pair: age_in_years(*pair.split("\x1f")) for pair in pairs.unique()}
    return pairs.map(years).astype("float64")


def _report_numbers(rows: pd.DataFrame, grain: str) -> np.ndarray:
    """Dense numbers: a row is a report, except that the rows of one product-grain report share one.

    Rows of a number that differ in their modification date are different versions; rows without a number stand
    alone.
    """
    alone = pd.Series(np.arange(len(rows)).astype("str"), index=rows.index)
    if grain == "report":
        return np.arange(len(rows))
    key = rows["case_number"] + "\x1f" + rows["modified_on"]
    return pd.factorize(key.where(rows["case_number"] != "", "\x1f\x1f" + alone))[0]


Check = Callable[[pd.DataFrame, pd.DataFrame, str], "pd.Series[bool]"]


def _is_blank(values: pd.Series[str]) -> pd.Series[bool]:
    return over_unique(values, lambda text: text.strip()) == ""


# (reason, field shown, check on parsed rows, raw rows and today's date); True means that the reason applies.
ROW_CHECKS: tuple[tuple[str, str, Check], ...] = (
    ("ragged", "", lambda rows, raw, today: raw["ragged"]),
    ("no_number", "report_number", lambda rows, raw, today: rows["case_number"] == ""),
    ("no_receipt", "received_on", lambda rows, raw, today: _is_blank(raw["received_on"])),
    (
        "receipt_impossible",
        "received_on",
        lambda rows, raw, today: (rows["received_on"] == "") & ~_is_blank(raw["received_on"]),
    ),
    (
        "receipt_early",
        "received_on",
        lambda rows, raw, today: (rows["received_on"] != "") & (rows["received_on"] < EARLIEST_RECEIPT),
    ),
    ("receipt_future", "received_on", lambda rows, raw, today: rows["received_on"] > today),
    (
        "role_unknown",
        "role",
        lambda rows, raw, today: ~rows["role"].isin(["suspect", "concomitant", "interacting"]),
    ),
    (
        "no_product",
        "name",
        lambda rows, raw, today: rows["name"].isin(BLANK),
    ),
)


def _row_problems(rows: pd.DataFrame, raw: pd.DataFrame, today: date) -> Iterator[pd.DataFrame]:
    day = today.isoformat()
    for code, field, applies in ROW_CHECKS:
        yield _problems(applies(rows, raw, day), code, field, raw)
    for field, (codes, code) in _CODED.items():
        if field in raw:
            written = clean_all(raw[field])
            yield _problems(~written.isin(["", *code_list(codes)]), code, field, raw)
    for field in _DATES:
        if field in raw:
            unreadable = iso_dates(raw[field]).eq("") & ~_is_blank(raw[field])
            yield _problems(unreadable, "date_unreadable", field, raw)
    if "onset_on" in raw:
        late = iso_dates(raw["onset_on"]).gt(rows["received_on"]) & rows["received_on"].ne("")
        yield _problems(late, "onset_after_receipt", "onset_on", raw)
    if "age" in raw:
        unreadable = rows["age_years"].isna() & ~clean_all(raw["age"]).isin(BLANK)
        yield _problems(unreadable, "age_unreadable", "age", raw)


def _report_problems(rows: pd.DataFrame, raw: pd.DataFrame, stream: str) -> list[pd.DataFrame]:
    """Checks over all rows of a report; the problem is put on its first row."""
    first = ~rows["report"].duplicated()
    has_event = pd.Series(False, index=rows.index)
    for field in EVENT_FIELDS[stream]:
        has_event |= over_unique(rows[field], lambda text: "x" if events.terms(text) else "").eq("x")
    without = ~has_event.groupby(rows["report"]).transform("any")
    differs = rows.groupby("report")["received_on"].transform("nunique") > 1
    main = next(field for field in EVENT_FIELDS[stream] if field in raw)
    return [
        _problems(first & without, "no_event", main, raw),
        _problems(first & differs, "receipt_differs", "received_on", raw),
    ]


_NO_PROBLEMS = pd.DataFrame(
    {"row": pd.Series(dtype="int64"), **dict.fromkeys(["code", "field", "value"], pd.Series(dtype="str"))}
)


def _problems(applies: pd.Series[bool], code: str, field: str, raw: pd.DataFrame) -> pd.DataFrame:
    where = np.flatnonzero(applies.to_numpy())
    if not len(where):
        return _NO_PROBLEMS
    value = raw[field].iloc[where].astype("str").to_numpy() if field in raw else ""
    frame = pd.DataFrame({"row": where, "code": code, "field": field, "value": value})
    return frame.astype({"row": "int64", "code": "str", "field": "str", "value": "str"})
