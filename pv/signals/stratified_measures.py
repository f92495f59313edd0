"""Measures over strata of all pairs: Mantel–Haenszel ROR, and IC and EBGM with E summed over strata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pv.signals.counts import Incidence, Ints, PairCounts
from pv.signals.pair_measures import Columns, shrunk
from pv.signals.prior import Fit, cells_from_expected, fit
from pv.signals.strata import ic_of, stratified, stratum_codes
from pv.signals.table_files import TableError
from pv.text import age_band
from pv.week import Week

STRATIFIED_COLUMNS = (
    "expected_stratified",
    "ror_mh",
    "ror_mh_low",
    "ror_mh_high",
    "ic_stratified",
    "ic025_stratified",
    "ic975_stratified",
    "ebgm_stratified",
    "eb05_stratified",
    "eb95_stratified",
)


@dataclass(frozen=True)
class Strata:
    """The stratum of each case: `codes` into the rows of `labels`, whose columns are what was crossed.

    `missing`: cases in a stratum with an unknown part; `conflicting`: cases whose rows name more than one value of a
    column (the first one counts).
    """

    codes: Ints
    labels: pd.DataFrame
    missing: int
    conflicting: int

    def summary(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "columns": list(self.labels.columns),
            "strata": len(self.labels),
            "cases_with_missing": self.missing,
            "cases_conflicting": self.conflicting,
        }


def case_strata(rows: pd.DataFrame, numbers: Ints, cases: int) -> Strata:
    """Strata of cases from rows of text; `numbers` is each row's case, from 0.

    Raises TableError where there is one stratum only.
    """
    firsts, conflicting = {}, np.zeros(cases, dtype=bool)
    for name in rows.columns:
        filled = (rows[name] != "").to_numpy()
        codes, distinct = pd.factorize(rows[name][filled])
        first = np.full(cases, -1, dtype=np.int64)
        of_case = numbers[filled]
        first[of_case[::-1]] = codes[::-1]
        conflicting[of_case[codes != first[of_case]]] = True
        texts = np.append(distinct.to_numpy(dtype=object), "")
        firsts[name] = pd.Series(texts[first], dtype="str")
    table = pd.DataFrame(firsts)
    codes, labels = stratum_codes(table)
    if len(labels) < 2:
        value = " × ".join(f"{name} “{labels[name].iloc[0]}”" for name in labels.columns)
        raise TableError(f"all cases are in one stratum, {value}: there is nothing to stratify by. Leave it out.")
    return Strata(codes, labels, int((table == "").any(axis=1).sum()), int(conflicting.sum()))


def view_strata(cases: pd.DataFrame, names: Sequence[str]) -> Ints | None:
    """The stratum of every segment of `StreamView.cases`, by the names of `screens.STRATA`.

    None where nothing is named or all are in one stratum, so that there is nothing to stratify by.
    """
    made: dict[str, Callable[[], pd.Series]] = {
        "sex": lambda: cases["sex"],
        "district": lambda: cases["district"],
        "age_band": lambda: cases["age_years"].map(age_band).astype("str"),
        "year": lambda: cases["received"].map(lambda week: str(Week(week).year)).astype("str"),
    }
    if not names or not len(cases):
        return None
    codes, labels = stratum_codes(pd.DataFrame({name: made[name]() for name in names}))
    return codes if len(labels) > 1 else None


def stratified_columns(
    incidence: Incidence, codes: Ints, counts: PairCounts, variant: str = "zeros", start: Fit | None = None
) -> tuple[Columns, Fit]:
    """`STRATIFIED_COLUMNS` of all pairs, and the prior fitted with E summed over strata."""
    layers = stratified(incidence, codes, counts)
    zeros = layers.zeros if variant == "zeros" else None
    found = fit(cells_from_expected(counts.a, layers.expected, zeros), variant, start.prior if start else None)
    information = ic_of(counts.a, layers.expected)
    values = (
        layers.expected,
        *(layers.ror_mh, layers.ror_mh_low, layers.ror_mh_high),
        *(information.value, information.low, information.high),
        *shrunk(counts.a, layers.expected, found.prior).values(),
    )
    return dict(zip(STRATIFIED_COLUMNS, values, strict=True)), found
