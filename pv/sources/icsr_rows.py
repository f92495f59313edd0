"""Cases as rows for the intake, in its fields and wordings: one per message and product (and lot)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from xml.etree.ElementTree import Element

import pandas as pd
import pyarrow as pa

from pv import reference
from pv.sources import xml_safety
from pv.sources.extract import Extract
from pv.sources.icsr import Case, Drug, Reaction, codes, earliest
from pv.sources.layouts import Layout, LayoutColumn
from pv.sources.xml_safety import Message, Readable

BATCH = 2_000  # messages
BATCH_TEXT = 1 << 25  # characters of their texts, which the raw rows hold; 16 KB a message
JOIN = "；"


def layout(name: str) -> Layout:
    """The layout of E2B messages: recognised by the root element, so without headings to detect.

    The columns are named after the elements; the last one, in the raw rows only, holds the message as received.
    """
    columns = tuple(
        LayoutColumn(row["column"], (), row["field"], row["required"], row["personal"] == "yes")
        for row in reference.shipped_csv(f"layouts/{name}")
    )
    return Layout(name, "drug", "record", (), columns)


@dataclass(frozen=True)
class Dialect:
    """What tells the two releases apart: `read` makes a case of a message."""

    layout: Layout
    root: str
    tag: str
    read: Callable[[Element], Case]


def batches(dialect: Dialect, source: Readable, size: int = BATCH) -> Iterator[Extract]:
    """The messages of a file in batches of `size` or less; at least one, of no rows where the file has no message.

    `row` is the number of the message (1-based), shared by its rows. A broken message gives one row that is blank but
    for `fault`, so that nothing of it is counted. Raises FileRefused, also after some batches: a file that turns out
    to be cut short counts for nothing.
    """
    messages = xml_safety.messages(source, dialect.root, dialect.tag)
    for number in count():
        rows = _Rows(dialect)
        with xml_safety.no_collection():
            for message in messages:
                rows.add(message)
                if rows.messages == size or rows.length >= BATCH_TEXT:
                    break
        if rows.messages or number == 0:
            yield rows.extract()
        if not rows.messages:
            return


class _Rows:
    """The rows of a batch as they gather; a tree is let go as soon as it has been read."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._names = [column.field for column in dialect.layout.columns if column.field]
        self._blank = [""] * len(self._names)
        self._cells: list[list[str]] = []
        self._numbers: list[int] = []
        self.messages, self.length = 0, 0

    def add(self, message: Message) -> None:
        known = [{"fault": message.fault}] if message.tree is None else case_rows(self._dialect.read(message.tree))
        text = message.text  # with the first row only
        for row in known:
            self._cells.append([*map(row.get, self._names, self._blank), text])
            self._numbers.append(message.number)
            text = ""
        self.messages += 1
        self.length += len(message.text)

    def extract(self) -> Extract:
        layout = self._dialect.layout
        names = [column.name for column in layout.columns]
        columns = zip(*self._cells, strict=True) if self._cells else [()] * len(names)
        texts = (pa.array(column, pa.large_string()) for column in columns)
        raw = pd.DataFrame({name: pd.array(text, dtype="str") for name, text in zip(names, texts, strict=True)})
        fields = raw.iloc[:, :-1].set_axis(self._names, axis=1)
        return Extract(layout, fields.assign(sheet="", row=self._numbers, ragged=False), raw)


def case_rows(case: Case) -> Iterator[dict[str, str]]:
    """The rows of a case in the fields and wordings of the intake; one row without product where it names none."""
    report = _report(case)
    for drug in case.drugs or (Drug(),):
        product = {
            "role": codes("role", "code", "text").get(drug.role, drug.role),
            "name": drug.name,
            "substance": JOIN.join(drug.substances),
            "identifier": _known(drug.identifier),
            "maker": _known(drug.holder),
            "used_from": drug.used_from,
        }
        for lot in dict.fromkeys(map(_known, drug.lots)) or ("",):
            yield report | product | {"lot": lot}


def _report(case: Case) -> dict[str, str]:
    age, unit = _age(case)
    return {
        "report_number": case.number,
        "unique_id": case.worldwide,
        "received_on": case.received_on,
        "modified_on": _modified(case),
        "deleted": codes("change", "code", "text").get(case.change, ""),
        "report_type": case.report_type,
        "hospital": _unit(case),
        "area": case.area,
        "patient_name": _known(case.patient),
        "record_number": _record(case),
        "birth_date": case.birth_date,
        "age": age,
        "age_unit": unit,
        "age_group": case.age_group,
        "sex": codes("sex", "code", "text").get(case.sex, case.sex),
        **_reactions(case.reactions),
    }


def _reactions(reactions: tuple[Reaction, ...]) -> dict[str, str]:
    """All reactions, the worst outcome, all criteria; a reaction is worded as reported, by its code where it is not."""
    criteria = {name for reaction in reactions for name in reaction.criteria}
    outcomes = {reaction.outcome for reaction in reactions} | ({"death"} & criteria)
    worst = next((text for code, text in codes("outcome", "code", "text").items() if code in outcomes), "")
    unread = next((code for code in sorted(outcomes) if code and code not in codes("outcome", "code", "text")), "")
    return {
        "reaction": JOIN.join(reaction.text or reaction.code for reaction in reactions),
        "reaction_code": JOIN.join(reaction.code for reaction in reactions),
        "severity": ("严重" if criteria else "一般") if reactions else "",
        "seriousness": JOIN.join(name for name in codes("criterion", "code", "r3") if name in criteria),
        "onset_on": earliest(reaction.started_on for reaction in reactions),
        "outcome": worst or unread,
    }


def _modified(case: Case) -> str:
    """C.1.5; an amendment or nullification keeps that day and so is in force from the one on which it was made."""
    return max(case.modified_on, case.created_on) if case.change else case.modified_on


def _unit(case: Case) -> str:
    """Who reported: the sender, or the primary source where the sender passes on what it received."""
    passes_on = codes("sender_type", "code", "passes_on").get(case.sender_type, False)
    return _known(case.reporter if passes_on else case.sender or case.reporter)


def _age(case: Case) -> tuple[str, str]:
    unit = codes("age_unit", "code", "text").get(case.age_unit, case.age_unit)
    years = codes("age_unit", "code", "years").get(case.age_unit)
    if years and re.fullmatch(r"\d{1,2}", case.age):
        return str(int(case.age) * years), unit
    return case.age, unit


def _record(case: Case) -> str:
    numbers = dict(case.record_numbers)
    found = (_known(numbers.get(kind, "")) for kind in codes("record", "code", "r2"))
    return next(filter(None, found), "")


@cache
def _blank_words() -> frozenset[str]:
    return frozenset(reference.shipped_toml("e2b_codes")["blank"])


def _known(text: str) -> str:
    """ "" for the words by which senders say that they do not know or may not tell."""
    return "" if text.upper() in _blank_words() else text
