"""Case versions of the store → `Case`, for the writers.

The store knows a report, not each reaction: seriousness, outcome and onset stand with the first reaction, and what the
others came to is unknown. Serious without a known criterion is "other medically important". Patients are known to the
store by keyed hashes only, which are not written.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from pv.sources.icsr import Case, Drug, Reaction, codes
from pv.text import age_in_years


def stored_cases(
    versions: pd.DataFrame, products: pd.DataFrame, events: pd.DataFrame, sender: str, sender_type: str = "centre"
) -> Iterator[Case]:
    """Cases of rows of `case_version`, `case_product` and `case_event`, in the order of `versions`.

    `sender`: the organisation that sends them; with the type "centre" (or "authority") the hospital is written as
    primary source and is read back as the reporting unit.
    """
    drugs = {key: rows.to_dict("records") for key, rows in products.groupby("version_id", sort=False)}
    terms = {key: rows["event"].tolist() for key, rows in events.groupby("version_id", sort=False)}
    for version in versions.to_dict("records"):
        age, unit = _age(version["age_years"])
        yield Case(
            number=version["case_number"],
            worldwide=version["case_number"],
            received_on=version["received_on"],
            modified_on=version["modified_on"] or version["effective_on"],
            change="nullification" if version["left_out"] == "deleted" else "",
            report_type="spontaneous",
            sender_type=sender_type,
            sender=sender,
            reporter=version["hospital"],
            area=version["area"],
            age=age,
            age_unit=unit,
            sex=version["sex"],
            reactions=tuple(_reactions(version, terms.get(version["version_id"], []))),
            drugs=tuple(_drugs(drugs.get(version["version_id"], []))),
        )


def _reactions(version: Mapping[Hashable, Any], terms: Sequence[str]) -> Iterator[Reaction]:
    criteria = ("death",) if version["death"] else ("other",) if version["serious"] else ()
    outcome = "death" if version["death"] else version["outcome"] or "unknown"
    for number, term in enumerate(terms):
        if number:
            yield Reaction(term, outcome="unknown")
        else:
            yield Reaction(term, started_on=version["onset_on"], outcome=outcome, criteria=criteria)


def _drugs(rows: Sequence[Mapping[Hashable, Any]]) -> Iterator[Drug]:
    """One drug per role, name, number and holder, with all its lots."""
    together: dict[tuple[str, str, str, str], list[Mapping[Hashable, Any]]] = {}
    for row in rows:
        together.setdefault((row["role"], row["name"], row["identifier"], row["maker"]), []).append(row)
    for (role, name, identifier, holder), same in together.items():
        yield Drug(
            role=role,
            name=name,
            identifier=identifier,
            holder=holder,
            lots=tuple(dict.fromkeys(row["lot"] for row in same if row["lot"])),
            used_from=min((row["used_from"] for row in same if row["used_from"]), default=""),
        )


def _age(years: float) -> tuple[str, str]:
    """The age in the largest unit in which it is a whole number, as it will have been reported; else in years."""
    if math.isnan(years):
        return "", ""
    for unit, text in codes("age_unit", "code", "text").items():
        number = str(round(years / (age_in_years("1", text) or 1)))
        if age_in_years(number, text) == years:
            return number, unit
    return f"{years:.10f}".rstrip("0").rstrip("."), "year"
