"""Cells that hold several products or events, as a layout says (`split`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from pv.text import over_unique

_EVENTS_JOINT = "；"  # by which terms that may hold commas are parted, see pv.codes.events
PRODUCT_FIELDS = tuple("name trade_name identifier udi maker lot model class role used_from form route".split())


def parts(text: str, separator: str) -> list[str]:
    """The filled pieces of a cell. A separator stands for its full-width form too; a line break for any.

    >>> parts("甲； 乙;", ";")
    ['甲', '乙']
    """
    wide = separator.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    pattern = r"[\r\n]+" if "\n" in separator else "|".join(map(re.escape, {separator, wide}))
    return [piece.strip() for piece in re.split(pattern, text) if piece.strip()]


def _joined(text: str, separator: str) -> str:
    return _EVENTS_JOINT.join(parts(text, separator))


def several_in_a_cell(
    fields: pd.DataFrame, raw: pd.DataFrame, split: Mapping[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with several products become a row each, with the same number; events are joined as the intake parts them.

    The n-th piece of one column goes with the n-th of the others. A column with another number of pieces than the
    names have stays as it is written beside each: nobody can say what belongs where.
    """
    for name in split.keys() - set(PRODUCT_FIELDS):
        if name in fields:
            fields[name] = over_unique(fields[name], partial(_joined, separator=split[name]))
    listed = {
        name: [parts(text, split[name]) for text in fields[name]]
        for name in PRODUCT_FIELDS
        if name in split and name in fields
    }
    if "name" not in listed:
        return fields, raw
    counts = np.array([max(1, len(found)) for found in listed["name"]])
    if (counts == 1).all():
        return fields, raw
    repeated = np.repeat(np.arange(len(fields)), counts)
    place = np.concatenate([np.arange(count) for count in counts])
    wide = fields.iloc[repeated].reset_index(drop=True)
    for name, found in listed.items():
        written = wide[name].tolist()
        texts = [
            found[row][which] if len(found[row]) == counts[row] else text
            for row, which, text in zip(repeated, place, written, strict=True)
        ]
        wide[name] = pd.Series(texts, index=wide.index, dtype="str")
    return wide, raw.iloc[repeated].reset_index(drop=True)
