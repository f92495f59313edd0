"""Events: multi-valued wording split into terms, severity marks taken off."""

from __future__ import annotations

import re

import pandas as pd

from pv.text import BLANK, clean, over_unique

# Separators outside brackets, after width folding.
_SPLIT = re.compile(r"[;、,/|](?![^(]*\))")
# Terms of foreign dictionaries hold commas and strokes (“Hallucination, auditory”); their readers join them by this.
_JOINT = re.compile("；")
_MARK = re.compile(r"\((?:严重|一般|新的|新的严重|新的一般|轻度|中度|重度)\)$")


def terms(text: str, foreign: bool = False) -> tuple[str, ...]:
    """The terms of a field, in order, without repeats; “无” and its like are none. `foreign`: only “；” parts them.

    >>> terms("皮疹（一般）；过敏性休克（严重）")
    ('皮疹', '过敏性休克')
    >>> terms("Hallucination, auditory；Rash", foreign=True)
    ('Hallucination, auditory', 'Rash')
    """
    lines = re.split(r"[\r\n]+", text)
    if foreign:
        parts = [clean(part) for line in lines for part in _JOINT.split(line)]
    else:
        parts = [part for line in lines for part in _SPLIT.split(clean(line))]
    stripped = [_MARK.sub("", part.strip()).strip() for part in parts]
    return tuple(dict.fromkeys(term for term in stripped if term not in BLANK))


def split(values: pd.Series[str], foreign: bool = False) -> pd.Series[str]:
    """One row per term, on the index of `values`; rows without a term are left out."""
    joined = over_unique(values, lambda text: "\n".join(terms(text, foreign)))
    kept = joined[joined != ""]
    return kept.str.split("\n").explode().astype("str")
