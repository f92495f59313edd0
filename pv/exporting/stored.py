"""Case versions of the store → `Case`, for the writers.

The store knows a report, not each reaction: seriousness, outcome and onset stand with the first reaction, and what the
others came to is unknown. Serious without a known criterion is "other medically important". Patients are known to the
store by keyed hashes only, which are not written. A report that is left out, whatever for, is a nullification that says
why; it was made on the day from which that holds.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from pv.sources.icsr import Case, Drug, Reaction, codes
from pv.text import age_in_years

_REASONS = {
    "deleted": "报告已删除。The report has been deleted.",
    "duplicate": "重复报告。A duplicate of another report.",
    "misreport": "错报误报。Reported by mistake.",
}


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
        years, unit = age(version["age_years"])
        left_out = version["left_out"]
        yield Case(
            number=version["case_number"],
            worldwide=version["case_number"],
            created_on=version["effective_on"] if left_out else "",
            received_on=version["received_on"],
            modified_on=version["modified_on"] or version["effective_on"],
            change="nullification" if left_out else "",
            change_reason=_REASONS.get(left_out, ""),
            report_type="spontaneous",
            sender_type=sender_type,
            sender=sender,
            reporter=version["hospital"],
            area=version["area"],
            age=years,
            age_unit=unit,
            sex=version["sex"],
            reactions=tuple(_reactions(version, terms.get(version["version_id"], []))),
            drugs=tuple(_drugs(drugs.get(version["version_id"], []))),
        )


def _reactions(version: Mapping[Hashable, Any], terms: Sequence[str]) -> Iterator[Reaction]:
    criteria = ("death",) if version["death"] else ("other",) if version["serious"] else ()
    outcome = "death" if version["death"] else version["outcome"] or "unknown"
    for number, term in enumerate(terms or [""]):  # a withdrawn report may name none
        if number:
            yield Reaction(term, outcome="unknown")
        else:
            yield Reaction(term, started_on=version["onset_on"], outcome=outcome, criteria=criteria)


def _drugs(rows: Sequence[Mapping[Hashable, Any]]) -> Iterator[Drug]:
    """One drug per role, name, number, holder and first use, with all its lots; a row without a lot stands alone."""
    together: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        same = *(row[name] for name in ("role", "name", "identifier", "maker", "used_from")), str(bool(row["lot"]))
        together.setdefault(same, []).append(row["lot"])
    for (role, name, identifier, holder, used_from, _), lots in together.items():
        known = tuple(dict.fromkeys(filter(None, lots)))
        yield Drug(role=role, name=name, identifier=identifier, holder=holder, lots=known, used_from=used_from)


def age(years: float) -> tuple[str, str]:
    """The age and its unit: in the first unit in which it is a short number, as it will have been reported."""
    if math.isnan(years):
        return "", ""
    units = list(codes("age_unit", "code", "text").items())
    for places in range(4):
        for unit, text in units:
            number = f"{years / (age_in_years('1', text) or 1):.{places}f}"
            if age_in_years(number, text) == years:
                return number, unit
    return f"{years:.17f}".rstrip("0").rstrip("."), "year"
