"""Synonyms: wordings counted as another one, or confirmed as right as they are.

A row of `synonyms.csv` (or an answer that was learned) says that `wording` is counted as `preferred`; where both are
the same, the wording is right and is not asked about again. Chains are followed: with A → B and B → C, A counts as C.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pv.codes import numbers
from pv.reference import Reference, streams
from pv.text import SEVERAL

EVERY_STREAM = ""  # of hospitals, which are the same in all streams


def mapping_of(reference: Reference, stream: str, kind: str) -> dict[str, str]:
    """Wording → what it is counted as in the end, of one stream and kind; those that are right as they are left out."""
    table = reference.synonyms
    mine = table[(table["stream"] == stream) & (table["kind"] == kind)]
    return followed(dict(zip(mine["wording"], mine["preferred"], strict=True)))


def followed(mapping: Mapping[str, str]) -> dict[str, str]:
    """Chains followed to their ends. Of a circle each goes one step: nobody can say which of its names is meant.

    >>> followed({"A": "B", "B": "C", "C": "C", "D": "E", "E": "D"})
    {'A': 'C', 'B': 'C', 'D': 'E', 'E': 'D'}
    """
    ends = {}
    for wording, preferred in mapping.items():
        seen, end = {wording}, preferred
        while end in mapping and mapping[end] != end and end not in seen:
            seen.add(end)
            end = mapping[end]
        ends[wording] = preferred if end in seen else end
    return {wording: end for wording, end in ends.items() if wording != end}


def confirmed(reference: Reference, stream: str, kind: str) -> set[str]:
    """Wordings that people know: those that others are counted as, and those that are right as they are."""
    table = reference.synonyms
    return set(table.loc[(table["stream"] == stream) & (table["kind"] == kind), "preferred"])


def events_as(events: pd.DataFrame, stream: str, reference: Reference) -> pd.DataFrame:
    """Events with their synonyms applied."""
    mapping = mapping_of(reference, stream, "event")
    return events.assign(event=events["event"].replace(mapping)) if mapping else events


def of_products(reference: Reference, stream: str) -> dict[str, str]:
    """Synonyms of products. A preferred text may be written as the reports show it, `<number> <name>`."""
    mapping = mapping_of(reference, stream, "product")
    if streams()[stream].counts_by != "number":
        return mapping
    return {wording: number_of(stream, preferred) or preferred for wording, preferred in mapping.items()}


def numbers_as(rows: pd.DataFrame, stream: str, reference: Reference) -> pd.DataFrame:
    """Products that count by name with their numbers mended: a number of no known form may be said to be another one.

    Where products count by number the number itself is the wording, see `pv.codes.products.resolved`.
    """
    if streams()[stream].counts_by == "number":
        return rows
    mapping = mapping_of(reference, stream, "product")
    mended = {
        numbers.written(wording): number for wording, text in mapping.items() if (number := number_of(stream, text))
    }
    return rows.assign(identifier=rows["identifier"].replace(mended)) if mended else rows


def number_of(stream: str, text: str) -> str:
    """The number with which a text begins, where it has a form that the stream knows; else ""."""
    first = text.partition(" ")[0]
    return first if numbers.read(stream, first).kind not in {"", SEVERAL} else ""
