"""An individual case safety report as E2B tells it: both readers give `Case`, the writer takes it.

Text is as reported, white space folded; codes are the names of
`reference/e2b_codes.toml`; days are `2026-11-10`, or `2026-11` and `2026` where no more is known; "" is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.etree.ElementTree import Element

from pv import reference

PERSONAL = ("patient", "birth_date", "record_numbers")
_TIME = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:\d{2,6}(?:\.\d+)?)?)?)?(?:[+-]\d{2,4})?")


@dataclass(frozen=True)
class Reaction:
    """`text` in the reporter's language, else as translated; `code`: MedDRA, as sent; `criteria` of seriousness."""

    text: str = ""
    code: str = ""
    started_on: str = ""
    outcome: str = ""
    criteria: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drug:
    """`identifier`: authorisation number, else the product code sent; `used_from`: earliest start of administration."""

    role: str = ""
    name: str = ""
    substances: tuple[str, ...] = ()
    identifier: str = ""
    holder: str = ""
    lots: tuple[str, ...] = ()
    used_from: str = ""


@dataclass(frozen=True)
class Case:
    """A version of a case. `number` is the sender's, `worldwide` the one that stays with the case.

    `change`: "", nullification or amendment, with its reason. `sender` and `reporter` are organisations, `area` state
    or city of the reporter. `patient`, `birth_date` and `record_numbers` (kind, number) are personal.
    """

    number: str = ""
    worldwide: str = ""
    created_on: str = ""
    received_on: str = ""
    modified_on: str = ""
    change: str = ""
    change_reason: str = ""
    report_type: str = ""
    sender_type: str = ""
    sender: str = ""
    reporter: str = ""
    area: str = ""
    patient: str = ""
    birth_date: str = ""
    record_numbers: tuple[tuple[str, str], ...] = ()
    age: str = ""
    age_unit: str = ""
    age_group: str = ""
    sex: str = ""
    reactions: tuple[Reaction, ...] = ()
    drugs: tuple[Drug, ...] = ()


@cache
def codes(name: str, key: str, value: str) -> Mapping[str, Any]:
    """A list of `e2b_codes.toml` as mapping from one of its fields to another, in its order."""
    entries = reference.shipped_toml("e2b_codes")[name]
    return {entry[key]: entry[value] for entry in entries if entry[key] != "" and value in entry}


def tidy(text: str | None) -> str:
    """White space folded, as line breaks and indents within XML carry no meaning."""
    return " ".join(text.split()) if text else ""


def day(time: str) -> str:
    """The day of an HL7 time (`20261110`, `202611101530+0800`, `2026`) where it was written; other text as it is."""
    match = _TIME.fullmatch(time)
    return time if match is None else "-".join(part for part in match.groups() if part)


def earliest(days: Iterable[str]) -> str:
    """The first of the complete days, else the first of the others."""
    known = sorted(filter(None, days))
    return next((one for one in known if len(one) == 10), known[0] if known else "")


def first(element: Element | None, path: str) -> Element | None:
    """The first element at a path of plain names, as `find` gives it, in a third of the time."""
    if element is None:
        return None
    steps = _steps(path)
    found = element
    for name in steps:
        child = found.find(name)
        if child is None:
            break
        found = child
    else:
        return found
    return None if found is element else _first(element, steps)


def every(element: Element, path: str) -> list[Element]:
    """All elements at a path of plain names, in their order."""
    found = [element]
    for name in _steps(path):
        found = [child for one in found for child in one.findall(name)]
    return found


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split("/"))


def _first(element: Element, steps: tuple[str, ...]) -> Element | None:
    if len(steps) == 1:
        return element.find(steps[0])
    rest = steps[1:]
    for child in element.findall(steps[0]):
        found = _first(child, rest)
        if found is not None:
            return found
    return None
