"""Events: multi-valued wording split into terms, severity marks taken off."""

from __future__ import annotations

import re

import pandas as pd

from pv.text import BLANK, clean, over_unique

# Separators outside brackets, after width folding.
_SPLIT = re.compile(r"[;、,/|](?![^(]*\))")
_MARK = re.compile(r"\((?:严重|一般|新的|新的严重|新的一般|轻度|中度|重度)\)$")


def terms(text: str) -> tuple[str, ...]:
    """The terms of a field, in order, without repeats; “无” and its like are none.

    >>> terms("皮疹（一般）；过敏性休克（严重）")
    ('皮疹', '过敏性休克')
    """
    lines = [clean(line) for line in re.split(r"[\r\n]+", text)]
    parts = [part for line in lines for part in _SPLIT.split(line)]
    stripped = [_MARK.sub("", part.strip()).strip() for part in parts]
    return tuple(dict.fromkeys(term for term in stripped if term not in BLANK))


def split(values: pd.Series[str]) -> pd.Series[str]:
    """One row per term, on the index of `values`; rows without a term are left out."""
    joined = over_unique(values, lambda text: "\n".join(terms(text)))
    kept = joined[joined != ""]
    return kept.str.split("\n").explode().astype("str")
