"""What a row must be to be counted rightly: (reason, check) tables per stream.

`check(extract, today)` parses the fields that decide, finds every problem, and tells for each whether the whole report
goes to quarantine or only the value becomes missing with a warning. The wording of the reasons stands in
`reference/messages.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from pv import messages, shown
from pv.codes import events, lots, numbers, udi
from pv.reference import streams
from pv.sources import Extract
from pv.sources.layouts import MESSAGE
from pv.text import BLANK, age_in_years, clean, clean_all, code_list, coded, iso_dates, numbers_over_unique, over_unique

EARLIEST_RECEIPT = "1990-01-01"
EARLIEST_DAY = "1900-01-01"

_DATES = ("reported_on", "onset_on", "discovered_on", "evaluated_on", "modified_on", "used_from")
_CODED = {
    "sex": ("sex", "sex_unknown"),
    "severity": ("severity", "severity_unknown"),
    "new": ("new", "new_unknown"),
    "outcome": ("outcome", "outcome_unknown"),
    "harm": ("harm", "harm_unknown"),
    "harm_holder": ("harm", "harm_unknown"),
}


@dataclass(frozen=True)
class Checked:
    """Rows with parsed fields, and what is wrong with them.

    `rows`: every row of the extract; dates as ISO text, codes as codes, `age_years` as a number, `report` the number of
    its report version in this batch (rows of one report share it), `case_number`, `counts` whether it is the first row
    of its record (a message or a record with several products has several rows and is counted once), `displaced`
    whether its cells may stand under each other's headings.
    `problems`: one row per problem: row (position), report, code, field, value (what of it may be told), outcome.
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
    rows = _parse(raw, extract.layout.stream, today)
    rows["report"] = _report_numbers(rows, extract.layout.grain)
    rows["counts"] = ~rows.duplicated(["row", "sheet"])
    found = list(_row_problems(rows, raw, today))
    found += _report_problems(rows, raw, extract.layout.stream)
    if not streams()[extract.layout.stream].foreign:  # those cannot be asked
        found += _identity_problems(raw, extract.layout.stream)
    found = [part for part in found if len(part)]
    if not found:  # as in most files of a week
        return Checked(rows.assign(displaced=raw["ragged"].to_numpy(dtype=bool)), _NO_PROBLEMS_AT_ALL, today)
    problems = _telling(pd.concat(found, ignore_index=True))
    problems["report"] = rows["report"].to_numpy()[problems["row"].to_numpy()]
    problems["outcome"] = problems["code"].map(messages.outcome).astype("str")
    rows["displaced"] = _displaced(raw, problems)
    personal = {column.field for column in extract.layout.columns if column.personal}
    if personal:
        _hide(problems, rows["displaced"], personal)
        _hide_copies(problems, raw, personal)
    problems = problems.sort_values(["row", "code", "field"], kind="stable", ignore_index=True)
    return Checked(rows, _told_once(problems, rows), today)


def _told_once(problems: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Without what was said of the same record already: its product rows share what it says of the case."""
    record = rows[["sheet", "row"]].iloc[problems["row"]].to_numpy()
    keys = problems.assign(sheet=record[:, 0], record=record[:, 1])
    again = keys.duplicated(["sheet", "record", "code", "field", "value"])
    return problems[~again].reset_index(drop=True)


_MISPLACED = 3  # unreadable dates, ages and codes in a row


def _displaced(raw: pd.DataFrame, problems: pd.DataFrame) -> np.ndarray:
    """Rows of another number of cells than the heading, and those in which many cells are not of their kind."""
    kinds = {"receipt_impossible", "role_unknown", "date_unreadable", "age_unreadable"}
    kinds |= {code for _, code in _CODED.values()}
    unreadable = np.bincount(problems.loc[problems["code"].isin(kinds), "row"], minlength=len(raw))
    found: np.ndarray = raw["ragged"].to_numpy(dtype=bool) | (unreadable >= _MISPLACED)
    return found


def _hide(problems: pd.DataFrame, displaced: pd.Series[bool], personal: Set[str]) -> None:
    """Leave of the values only what may be told: they go into accounts, logs and the store."""
    lists = {field: [name] for field, (name, _) in _CODED.items()} | {"role": ["role"]}

    def told(field: str, value: str, astray: bool) -> str:
        if not value.strip() or field == "fault":
            return value
        if field == "report_number":
            return shown.number(value)
        if field in {"received_on", *_DATES}:
            return shown.time(value)
        if field == "age":
            return shown.age(value)
        if field == "udi":
            return shown.identifier(value)
        return (
            shown.HIDDEN
            if astray or field in personal
            else shown.code(value, lists[field])
            if field in lists
            else value
        )

    astray = displaced.to_numpy()[problems["row"].to_numpy()]
    cells = zip(problems["field"], problems["value"], astray, strict=True)
    problems["value"] = pd.Series([told(*cell) for cell in cells], index=problems.index, dtype="str")


def _hide_copies(problems: pd.DataFrame, raw: pd.DataFrame, personal: Set[str]) -> None:
    """Leave out a value that stands in a personal column of its row too, such as a day of birth."""
    for field in sorted(personal & set(raw.columns)):
        beside = raw[field].to_numpy()[problems["row"].to_numpy()]
        same = [
            bool(one.strip()) and one.strip() in value for one, value in zip(beside, problems["value"], strict=True)
        ]
        problems.loc[same, "value"] = shown.HIDDEN


def _parse(raw: pd.DataFrame, stream: str, today: date) -> pd.DataFrame:
    """Fields read into one form; what cannot be read becomes "" here and a problem in `_row_problems`."""
    made: dict[str, pd.Series[Any] | str | np.ndarray] = {}
    made["case_number"] = case_numbers(raw)
    made["received_on"] = iso_dates(raw["received_on"])
    for field in _DATES:
        days = iso_dates(raw[field]) if field in raw else None
        made[field] = "" if days is None else days.mask(_out_of_time(days, today), "")
    for field, (codes, _) in _CODED.items():
        made[field] = coded(raw[field], codes).replace("?", "") if field in raw else ""
    made["role"] = coded(raw["role"], "role") if "role" in raw else "suspect"
    made["age_years"] = _ages(raw)
    for field in ("area", "hospital", "name", "class"):
        made[field] = clean_all(raw[field]) if field in raw else ""
    absent = [field for field in streams()[stream].event_fields if field not in raw and field not in made]
    rows = raw.assign(**made, **dict.fromkeys(absent, ""))
    rows["onset_on"] = rows["onset_on"].where(
        (rows["onset_on"] <= rows["received_on"]) | (rows["received_on"] == ""), ""
    )
    if streams()[stream].class_from_name:  # a brand without a name is known by its kind
        rows["name"] = rows["name"].where(~rows["name"].isin(BLANK), rows["class"])
    return rows


def _out_of_time(days: pd.Series[str], today: date) -> pd.Series[bool]:
    """Days before 1900 or to come: mistyped, or of another calendar (Buddhist 2569, Persian 1405, Minguo 0115).

    A day of grace, for clocks of senders further east.
    """
    return days.ne("") & (days.lt(EARLIEST_DAY) | days.gt((today + timedelta(days=1)).isoformat()))


def case_numbers(raw: pd.DataFrame) -> pd.Series[str]:
    """The number by which each row's case is known; "" where there is none."""
    number = clean_all(raw["report_number"])
    unique = clean_all(raw["unique_id"]) if "unique_id" in raw else number
    return unique.where(unique != "", number)


def _ages(raw: pd.DataFrame) -> pd.Series[float]:
    if "age" not in raw:
        return pd.Series(np.nan, index=raw.index)
    pairs = raw["age"] + "\x1f" + raw.get("age_unit", "")

    def years(pair: str) -> float:
        found = age_in_years(*pair.split("\x1f", 1))
        return np.nan if found is None else found

    return numbers_over_unique(pairs, years)


def _report_numbers(rows: pd.DataFrame, grain: str) -> np.ndarray:
    """Dense numbers: a row is a report ("report"), or the rows of a number are ("product"), or those of a message.

    Rows of a number that differ in their modification date (or in the version that a source states) are different
    versions; rows without a number, and records that belong to no report, stand alone.
    """
    if grain == "report":
        return np.arange(len(rows))
    record = rows["sheet"] + "\x1f" + rows["row"].astype("str")
    key = rows["case_number"] + "\x1f" + rows["modified_on"] + "\x1f" + rows.get("version", "")
    alone = rows["case_number"] == ""
    if "standing" in rows:
        alone |= rows["standing"] != ""
    numbers: np.ndarray = pd.factorize(record if grain == MESSAGE else key.where(~alone, "\x1f" + record))[0]
    return numbers


_PARTIAL_DAY = re.compile(r"(?:19|20)\d\d(?:年|[-/.年]?(?:0?[1-9]|1[0-2])月?)?")


def _partial_day(text: str) -> str:
    """A year, or a month of a year; "" for other texts."""
    return text if _PARTIAL_DAY.fullmatch(clean(text)) else ""


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
        lambda rows, raw, today: ~rows["role"].isin(["suspect", "concomitant", "interacting"]) & ~_withdrawn(raw),
    ),
    (
        "no_product",
        "name",
        lambda rows, raw, today: _unnamed(rows) & ~_withdrawn(raw),
    ),
    ("garbled", "", lambda rows, raw, today: _flag(raw, "garbled")),
    ("message_broken", "fault", lambda rows, raw, today: _filled(raw, "fault")),
    ("stray", "", lambda rows, raw, today: _filled(raw, "standing")),
)
# Nothing more is to be said of a row that could not be read as part of a report.
_ALONE = ("message_broken", "stray")


def _withdrawn(raw: pd.DataFrame) -> pd.Series[bool]:
    """Reports that their sender deletes or nullifies: they are not counted, so they need not tell what they told."""
    if "deleted" not in raw:
        return pd.Series(False, index=raw.index)
    return coded(raw["deleted"], "deleted").eq("yes")


def _unnamed(rows: pd.DataFrame) -> pd.Series[bool]:
    """Whether no product of the row has a name: some layouts have several side by side (name, name.1, …)."""
    unnamed = rows["name"].isin(BLANK)
    for field in rows.columns:
        if field.startswith("name."):
            unnamed &= clean_all(rows[field]).isin(BLANK)
    return unnamed


def _flag(raw: pd.DataFrame, field: str) -> pd.Series[bool]:
    return raw[field] if field in raw else pd.Series(False, index=raw.index)


def _filled(raw: pd.DataFrame, field: str) -> pd.Series[bool]:
    return raw[field].ne("") if field in raw else pd.Series(False, index=raw.index)


def _telling(problems: pd.DataFrame) -> pd.DataFrame:
    """Without what follows from a row's being no part of a report."""
    alone = problems.loc[problems["code"].isin(_ALONE), "row"]
    if alone.empty:
        return problems
    return problems[~problems["row"].isin(alone) | problems["code"].isin(_ALONE)]


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
            days = iso_dates(raw[field])
            unread = days.eq("") & ~_is_blank(raw[field])
            partial = over_unique(raw[field].where(unread, ""), _partial_day) != "" if unread.any() else unread
            yield _problems(partial, "date_partial", field, raw)
            yield _problems(unread & ~partial, "date_unreadable", field, raw)
            yield _problems(_out_of_time(days, today), "date_out_of_time", field, raw)
    if "onset_on" in raw:
        late = iso_dates(raw["onset_on"]).gt(rows["received_on"]) & rows["received_on"].ne("")
        yield _problems(late, "onset_after_receipt", "onset_on", raw)
    if "used_from" in raw:  # what was given beside or against the reaction may well come after it
        after = rows["used_from"].gt(rows["onset_on"]) & rows["onset_on"].ne("") & rows["role"].ne("concomitant")
        yield _problems(after, "use_after_onset", "used_from", raw)
    if "age" in raw:
        unreadable = rows["age_years"].isna() & ~clean_all(raw["age"]).isin(BLANK)
        yield _problems(unreadable, "age_unreadable", "age", raw)


_UDI_PROBLEMS = {"unreadable": "udi_unreadable", "check_digit": "udi_check_digit"}


def _identity_problems(raw: pd.DataFrame, stream: str) -> list[pd.DataFrame]:
    """Identifiers and lots that cannot be what they should be, and where a row says two things of one product: its lot
    and that of its UDI, its class and that of its number."""
    codes = {text: udi.read_all(text) for text in raw["udi"].unique()} if "udi" in raw else {}

    def lots_differ(lot: str, code: str) -> bool:
        coded = {one.lot for one in codes[code]} - {"", lot}
        own = set(lots.lots(lot)) if coded else set()
        return bool(own) and not all(own.issuperset(lots.lots(one)) for one in coded)

    def classes_differ(number: str, written: str) -> bool:
        told, own = numbers.read(stream, number).risk_class, numbers.risk_class(written)
        return bool(told and own) and told != own

    bad = {
        cell: next(filter(None, (_UDI_PROBLEMS.get(one.problem) for one in read)), "") for cell, read in codes.items()
    }
    found = [
        _problems(over_unique(raw["udi"], bad.__getitem__) == code, code, "udi", raw)
        for code in sorted({*bad.values()} - {""})
    ]
    if "lot" in raw:
        found.append(_problems(over_unique(raw["lot"], lots.what_else) != "", "lot_is_other", "lot", raw))
    pairs = (
        ("udi_lot_differs", ("lot", "udi"), lots_differ),
        ("class_differs", ("identifier", "device_class"), classes_differ),
    )
    found += [
        _problems(_differ(raw, fields, test), code, fields[1], raw)
        for code, fields, test in pairs
        if set(fields) <= set(raw.columns)
    ]
    return found


def _differ(raw: pd.DataFrame, fields: tuple[str, str], test: Callable[[str, str], bool]) -> pd.Series[bool]:
    both = raw[fields[0]] + "\x1e" + raw[fields[1]]
    return over_unique(both, lambda text: "y" * test(*text.split("\x1e", 1))) == "y"


def _report_problems(rows: pd.DataFrame, raw: pd.DataFrame, stream: str) -> list[pd.DataFrame]:
    """Checks over all rows of a report; the problem is put on its first row."""
    fields = streams()[stream].event_fields
    has_event = _withdrawn(raw) | streams()[stream].event_optional
    for field in fields:
        has_event |= over_unique(rows[field], lambda text: "x" if events.terms(text) else "").eq("x")
    main = next((field for field in fields if field in raw), next(iter(fields)))
    if not rows["report"].duplicated().any():
        return [_problems(~has_event, "no_event", main, raw)]
    first = ~rows["report"].duplicated()
    without = ~has_event.groupby(rows["report"]).transform("any")
    differs = rows.groupby("report")["received_on"].transform("nunique") > 1
    return [
        _problems(first & without, "no_event", main, raw),
        _problems(first & differs, "receipt_differs", "received_on", raw),
    ]


_NO_PROBLEMS = pd.DataFrame(
    {"row": pd.Series(dtype="int64"), **dict.fromkeys(["code", "field", "value"], pd.Series(dtype="str"))}
)


_NO_PROBLEMS_AT_ALL = _NO_PROBLEMS.assign(report=pd.Series(dtype="int64"), outcome=pd.Series(dtype="str"))


def _problems(applies: pd.Series[bool], code: str, field: str, raw: pd.DataFrame) -> pd.DataFrame:
    where = np.flatnonzero(applies.to_numpy())
    if not len(where):
        return _NO_PROBLEMS
    value = raw[field].iloc[where].astype("str").to_numpy() if field in raw else ""
    frame = pd.DataFrame({"row": where, "code": code, "field": field, "value": value})
    return frame.astype({"row": "int64", "code": "str", "field": "str", "value": "str"})
