"""Unique device identifiers of the three issuers in China, and trace codes of drugs (药品追溯码).

| issuer | form | production identifiers |
|---|---|---|
| GS1 | application identifiers, with brackets or without (FNC1 between) | 10 lot, 11 made, 17 expires, 21 serial |
| MA (IDcode) | `MA.156.M0.100761.21234561.L…`: full stops between | L lot, M (P) made, E and V expires, S serial |
| AHM | `AHM`, DI, parts with their names [K] | BN lot, MD made, ED and BD expires, SN serial |

The parts of MA are those that its issuer describes (udi.cp-sy.cn; D, the lot of sterilisation, is not taken for the
lot), the names of the parts of AHM those of its coding rules; of AHM no whole code was found in public, so that what
stands between its parts is assumed.

A trace code is 20 digits. A text that is none of these is kept as it is: `issuer` is "". A text without figures says
that there is none.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from pv.text import over_unique

if TYPE_CHECKING:
    from biip.gs1_element_strings import GS1ElementString

GS1, MA, AHM, TRACE = "gs1", "ma", "ahm", "trace"
SEPARATOR = "\x1d"  # FNC1, as scanners send it


@dataclass(frozen=True)
class Udi:
    """What a UDI says: ISO days, "" for what it does not say.

    `di` names the product and its packing (GS1: 14 digits). `serial` of a trace code is all of it. `problem`:
    `check_digit` (no DI is taken from it), `date` (no day of the calendar), `unreadable`.
    """

    issuer: str = ""
    di: str = ""
    lot: str = ""
    made_on: str = ""
    expires_on: str = ""
    serial: str = ""
    problem: str = ""


# “无”, “不详”, “见附件”, “0000”: without figures, or with one sign only, there is no code to read.
_TELLS_NONE = re.compile(r"\D*|\W*(\d)(?:\1|\W)*")
_NONE, _UNREADABLE = Udi(), Udi(problem="unreadable")
_FIELDS = {"10": "lot", "11": "made_on", "17": "expires_on", "21": "serial"}
# The usual message in brackets: of millions of them each has a serial number of its own, and this reads one in 3 µs.
_USUAL = re.compile(r"\(01\)(\d{14})((?:\((?:11|17)\)\d{6}|\((?:10|21)\)[!-'*-Z_a-z]{1,20})*)")
_ELEMENT = re.compile(r"\((\d\d)\)([^(]+)")
_PARTED = re.compile(r"[;；,，、|]+")
_BARE = re.compile(r"\d{13,14}|\d{20}")
_WITH_DI = re.compile(r"01\)?\d{14}")  # without it nothing is a message that names a device; biip takes 30 µs to see it
_MARKS = re.compile(r"<GS>|\{GS\}|\[GS\]|<FNC1>|\{FNC1\}|\[FNC1\]|␝|\\X1D|\^\]", re.IGNORECASE)
_MA = re.compile(r"(MA\.\d{3}\.\w+\.\w+\.\w+)((?:\.[A-Z][^.]+)*)\.?", re.IGNORECASE)
# Of two that say the same the later one here counts: M before P, E (失效日期) before V (有效期).
_MA_PARTS = {"L": "lot", "P": "made_on", "M": "made_on", "V": "expires_on", "E": "expires_on", "S": "serial"}
_AHM = re.compile(r"\(?AHM\)?[.\-:/]*(.+)", re.IGNORECASE)
_AHM_PART = re.compile(r"[(.\-/;,|]+(BN|SN|MD|BD|ED)[).:]*([^(.\-/;,|)]+)")
_AHM_PARTS = {"BN": "lot", "SN": "serial", "MD": "made_on", "BD": "expires_on", "ED": "expires_on"}


def read(text: str) -> Udi:
    """What a UDI or trace code says.

    >>> read("(01)06931234567891(17)280131(10)A2B").expires_on
    '2028-01-31'
    >>> read("MA.156.M0.100761.21234561.M220117.L20220117").lot
    '20220117'
    """
    usual = _USUAL.fullmatch(text)
    if usual:
        return _gs1(usual[1], dict(_ELEMENT.findall(usual[2])))
    marked = _MARKS.sub(SEPARATOR, unicodedata.normalize("NFKC", text)).strip(" \t\r\n\x1d")
    bare = re.sub(r"\s+", "", marked.replace(SEPARATOR, ""))
    if _TELLS_NONE.fullmatch(bare):
        return _NONE
    if re.fullmatch(r"\d{20}", bare):
        return Udi(TRACE, serial=bare)
    if bare[:3].upper() == "MA.":
        return _of_ma(bare)
    if "AHM" in bare[:5].upper():
        return _of_ahm(bare)
    return _of_gs1(marked)


def read_all(text: str) -> tuple[Udi, ...]:
    """What each code of a cell says: of its pieces where every one is a code by itself, else of the whole."""
    pieces = [*_pieces(text)]
    parts = tuple(map(read, pieces)) if len(pieces) > 1 else ()
    return parts if parts and all(one.issuer and one.problem != "unreadable" for one in parts) else (read(text),)


def _pieces(text: str) -> Iterator[str]:
    """What could be a code by itself. A bare number behind white space, which FNC1 is to Python, is a part of the
    message before it: a serial number, say, of which one in ten reads as an article number."""
    for part in _PARTED.split(text):
        found = part.split()
        bare = [_BARE.fullmatch(piece) is not None for piece in found]
        yield from [part] if any(number and not before for before, number in pairwise(bare)) else found


def _of_gs1(marked: str) -> Udi:
    """A GS1 message of any form; a bare GTIN is a DI. White space is taken for FNC1 where the message then reads."""
    bare = re.sub(r"[^\S\x1d]", "", marked)  # Python takes FNC1 for white space
    if re.fullmatch(r"\d{13,14}", bare):
        return _gs1(bare.zfill(14), {}) if _check_digit_fits(bare.zfill(14)) else _UNREADABLE
    if not _WITH_DI.search(bare.replace(SEPARATOR, "")):
        return _UNREADABLE
    for candidate in dict.fromkeys((re.sub(r"\s+", SEPARATOR, marked), bare)):
        found = {element.ai.ai: element.value for element in reversed(_elements(candidate))}
        if "01" in found:
            return _gs1(found["01"], found)
    return _UNREADABLE


def _elements(message: str) -> Sequence[GS1ElementString]:
    from biip import ParseConfig, ParseError  # takes 0.3 s, which only those pay who meet a UDI
    from biip.gs1_messages import GS1Message

    text = re.sub(r"^\](?:d2|C1|Q3|e0)", "", message)
    try:
        if text.startswith("("):
            return GS1Message.parse_hri(text).element_strings
        return GS1Message.parse(text, config=ParseConfig(gs1_element_strings_verify_date=False)).element_strings
    except ParseError:
        return ()


def _gs1(di: str, parts: Mapping[str, str]) -> Udi:
    named = {_FIELDS[ai]: value for ai, value in parts.items() if ai in _FIELDS}
    return _made(GS1, di, named) if _check_digit_fits(di) else _made(GS1, "", named, "check_digit")


@cache
def _check_digit_fits(gtin: str) -> bool:
    from biip import ParseError
    from biip.gtin import Gtin

    try:
        Gtin.parse(gtin)
    except ParseError:
        return False
    return True


def _of_ma(bare: str) -> Udi:
    match = _MA.fullmatch(bare)
    if match is None:
        return Udi(MA, problem="unreadable")
    parts = {part[0].upper(): part[1:] for part in match[2].split(".") if part}
    return _made(MA, match[1].upper(), {_MA_PARTS[name]: parts[name] for name in _MA_PARTS if name in parts})


def _of_ahm(bare: str) -> Udi:
    match = _AHM.fullmatch(bare)
    if match is None:
        return Udi(AHM, problem="unreadable")
    parts = {name.upper(): value for name, value in _AHM_PART.findall(match[1])}
    di = re.split(r"[(.\-/;,|]+(?:BN|SN|MD|BD|ED)", match[1])[0].strip("()")
    return _made(AHM, di, {_AHM_PARTS[name]: parts[name] for name in _AHM_PARTS if name in parts})


def _made(issuer: str, di: str, named: Mapping[str, str], problem: str = "") -> Udi:
    made, expires = named.get("made_on", ""), named.get("expires_on", "")
    made_on, expires_on = _day(made), _day(expires)
    if not problem and (bool(made) > bool(made_on) or bool(expires) > bool(expires_on)):
        problem = "date"
    return Udi(issuer, di, named.get("lot", ""), made_on, expires_on, named.get("serial", ""), problem)


@lru_cache(maxsize=10_000)
def _day(digits: str) -> str:
    """YYMMDD or YYYYMMDD; day 00 is the last of the month. Years are of this century: the codes began in 2019."""
    match = re.fullmatch(r"((?:\d\d)?\d\d)(\d\d)(\d\d)", digits)
    if match is None:
        return ""
    year, month, day = int(match[1]) % 100 + 2000, int(match[2]), int(match[3])
    if not 1 <= month <= 12 or day > monthrange(year, month)[1]:
        return ""
    return date(year, month, day or monthrange(year, month)[1]).isoformat()


def lots_in(udis: pd.Series[str]) -> pd.Series[str]:
    """The lots that each cell of UDIs holds, joined by “、”; "" where it holds none."""
    return over_unique(udis, lambda text: "、".join(dict.fromkeys(one.lot for one in read_all(text) if one.lot)))


def identifiers_in(udis: pd.Series[str]) -> pd.Series[str]:
    """The DI of each cell of UDIs; "" where there is none, none that can be trusted, or several."""
    return over_unique(udis, _trusted)


def _trusted(text: str) -> str:
    found = {one.di for one in read_all(text) if one.issuer in {GS1, MA, AHM} and one.di}
    return found.pop() if len(found) == 1 else ""
