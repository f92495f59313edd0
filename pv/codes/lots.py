"""Lots: one form for each, so that reports of a lot come together however it was written.

A cell may name several lots. They are taken apart and all kept, since a recall of either must find the report. Ranges
(`2101001-2101005`) stay as they are: what lies between is not known. Hyphens and full stops tell lots apart and stay.
"""

from __future__ import annotations

import re
import unicodedata

import pandas as pd

from pv.text import BLANK, SEVERAL, over_unique

_UNKNOWN = BLANK | {
    "不知道",
    "不清楚",
    "不明",
    "不祥",
    "无法评价",
    "待评价",
    "未提供",
    "未填",
    "无批号",
    "见附件",
    "UNKNOWN",
}
_UNKNOWN |= {"UNK", "NONE", "NULL", "NA.", "ASKU", "NASK"}
_LABEL = re.compile(
    r"^(?:(?:产品|生产|药品)?批号|批次号?|生产批次|LOT|BATCH|L/N|B/N)(?:\s*(?:NO|NUMBER|#)\.?)?\s*[:.#]?\s*"
)
_HARD = re.compile(r"[、,;，；\r\n]+|\s+(?:和|及|与|或)\s+|(?<=\d)(?:和|及|与|或)(?=\w)")
_SOFT = re.compile(r"[\s/]+")
_OTHERS = (
    ("standard", re.compile(r"(?:YZB|YY|GB|WS)(?:/T)?/?\D{0,2}\d+(?:\.\d+)?[-—]\d{4}|(?:YZB|YY/T|GB/T).*")),
    ("licence", re.compile(r".*(?:生产许可|生产备案|药监械生产|食药监).*")),
    ("number", re.compile(r".*(?:械注[准进许]|械备|国药准字|药制字|妆网备|国妆特|械\(?[准进许]\)?字).*")),
)


def lots(text: str) -> tuple[str, ...]:
    """The lots of a cell, in order, each once; capitals, width folded, without white space and labels.

    A space or a stroke parts lots only where every piece has four digits and could be a lot by itself.

    >>> lots("批号：２１０１００１、a2101002")
    ('2101001', 'A2101002')
    >>> lots("AB 1203")
    ('AB1203',)
    """
    folded = unicodedata.normalize("NFKC", text).upper().replace("\x1d", " ")
    parts = [part.strip() for part in _HARD.split(folded)]
    single = [piece for part in parts for piece in _pieces(_LABEL.sub("", part))]
    bare = (re.sub(r"\s+", "", piece).strip("()[]*") for piece in single)
    return tuple(dict.fromkeys(lot for lot in bare if lot not in _UNKNOWN and re.search(r"\w", lot)))


def _pieces(part: str) -> list[str]:
    pieces = [piece for piece in _SOFT.split(part) if piece]
    apart = len(pieces) > 1 and all(len(re.findall(r"\d", piece)) >= 4 for piece in pieces)
    return [_LABEL.sub("", piece) for piece in pieces] if apart else [part]


def normal(text: str) -> str:
    """The lots of a cell as one text, joined by `SEVERAL`; "" where there is none."""
    return SEVERAL.join(lots(text))


def of(written: pd.Series[str]) -> pd.Series[str]:
    """`normal` of every cell."""
    return over_unique(written, normal)


def what_else(lot: str) -> str:
    """What stands in the place of a lot: `standard` (GB, YY, YZB), `licence`, `number` (registration); "" for a lot."""
    if lot.isascii() and lot[:1] not in {*"YGWygw "}:  # nearly all, of which a file has a hundred thousand
        return ""
    folded = re.sub(r"\s+", "", unicodedata.normalize("NFKC", lot)).upper()
    return next((name for name, pattern in _OTHERS if pattern.fullmatch(folded)), "")
