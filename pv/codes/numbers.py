"""Approval, registration and filing numbers: their form, what the form says, and what stays the same on a renewal.

The forms are data (`reference/identifiers.toml`). Nothing is guessed: a number that fits no form keeps its wording.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from pv import reference
from pv.text import BLANK

PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川蜀贵黔云滇藏陕甘青宁新"
SEVERAL = "several"  # the kind of a cell that holds more than one number
_LABEL = re.compile(r"^(?:[\u4e00-\u9fff]{0,6}(?:批准文号|注册证编?号|注册编?号|备案凭证编号|备案编?号|批件号)):?")
_TRIMMED = re.compile(r"[\s()\[\]{}<>《》〈〉【】〔〕「」『』\"'“”‘’_‐‑‒–—―─-]+")
_CLASSES = {"1": "1", "2": "2", "3": "3", "I": "1", "II": "2", "III": "3", "一": "1", "二": "2", "三": "3"}


@dataclass(frozen=True)
class Number:
    """A number as written, read.

    `kind`: name of its form in `identifiers.toml`, `several`, or "" where it has none; `normal`: as it is written
    officially; `key`: what it is counted under. What the form does not say is "". `risk_class` 1–3; `catalogue` 2002
    (68xx) or 2017, `category` its code there (6866, 14), where it can be told; `origin` domestic, import or hmt.
    """

    normal: str
    key: str
    kind: str = ""
    issuer: str = ""
    origin: str = ""
    year: str = ""
    risk_class: str = ""
    category: str = ""
    catalogue: str = ""


@dataclass(frozen=True)
class _Form:
    kind: str
    pattern: re.Pattern[str]
    normal: str
    key: str
    origin: str
    risk_class: str

    def read(self, bare: str) -> Number | None:
        match = self.pattern.fullmatch(bare)
        if match is None:
            return None
        found = defaultdict(str, {name: text or "" for name, text in match.groupdict().items()})
        normal = self.normal.format_map(found).replace("()", "")
        risk_class, category = self.risk_class or found["c"], found["cat"]
        if re.fullmatch(r"[123]\d{6}", found["b"]):  # before 2014 class, category and serial number are one number
            risk_class, category = found["b"][0], found["b"][1:3]
        catalogue = _catalogue(category, found["y"], self.kind)
        return Number(
            normal=normal,
            key=self.key.format_map(found) if self.key else normal,
            kind=self.kind,
            issuer=found["p"] or "国",
            origin=self._origin(found),
            year=found["y"],
            risk_class=risk_class,
            category=f"68{category}" if catalogue == "2002" else category if catalogue else "",
            catalogue=catalogue,
        )

    def _origin(self, found: Mapping[str, str]) -> str:
        letters = (_rules()["origins"].get(found[group]) for group in ("o", "g", "t") if found[group])
        return next(filter(None, letters), self.origin)


@cache
def _rules() -> Mapping[str, Any]:
    return reference.shipped_toml("identifiers")


@cache
def _forms(stream: str) -> tuple[_Form, ...]:
    return tuple(
        _Form(
            kind=kind,
            pattern=re.compile(entry["pattern"].replace("PROVINCE", f"[{PROVINCES}]")),
            normal=entry["normal"],
            key=entry.get("key", ""),
            origin=entry.get("origin", "domestic"),
            risk_class=entry.get("class", ""),
        )
        for kind, entry in _rules().get(stream, {}).items()
    )


def kinds() -> Iterator[tuple[str, str, str]]:
    """Name, Chinese and English label of every form."""
    for entries in _rules().values():
        for kind, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict):
                yield kind, entry["zh"], entry["en"]


def _catalogue(category: str, year: str, kind: str) -> str:
    """Which catalogue a category of two digits is of; "" where both have it and the number does not tell.

    A number of before August 2018 is of the catalogue of 2002, unless it was renewed since: a renewal keeps the year
    and takes the new category.
    """
    rule = _rules()["catalogue"]
    if not category:
        return ""
    if int(category) > rule["last_new"] or kind == "legacy":
        return "2002"
    return "2017" if category in rule["only_new"] or int(year) >= rule["since"] else ""


def written(text: str) -> str:
    """A number without white space, width folded; the words that mean “none” become ""."""
    folded = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
    return "" if folded in BLANK else folded


@lru_cache(maxsize=65_536)
def read(stream: str, text: str) -> Number:
    """What a number says, by the forms of its stream.

    >>> read("device", "国械注准 2015-3-66-1234").key
    '国械注准20153··1234'
    >>> read("drug", "国药准字（ｈ20053456）").normal
    '国药准字H20053456'
    """
    as_written = written(text)
    number = _formed(stream, as_written)
    if number is not None or not as_written:
        return number or Number("", "")
    parts = [_formed(stream, part) for part in re.split(r"[;、,/|]|或|和", as_written) if part]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len(known) < 2:
        return Number(as_written, as_written.upper())
    if len({part.key for part in known}) == 1:  # a registration and its renewal
        return known[0]
    return Number(as_written, as_written.upper(), SEVERAL)


def _formed(stream: str, as_written: str) -> Number | None:
    bare = _TRIMMED.sub("", _LABEL.sub("", as_written).upper()).strip(".,;:、。·*#")
    return next(filter(None, (form.read(bare) for form in _forms(stream))), None)


def is_known_form(stream: str, number: str) -> bool:
    """Whether a number has a form that the stream knows; where it knows none, any will do."""
    return not _forms(stream) or read(stream, number).kind not in {"", SEVERAL}


def risk_class(text: str) -> str:
    """1, 2 or 3 from a class of devices as written (Ⅱ类, II, 2, 第二类); "" for anything else."""
    bare = unicodedata.normalize("NFKC", text).upper()
    return _CLASSES.get(re.sub(r"[\s第类级CLASS]+", "", bare), "")
