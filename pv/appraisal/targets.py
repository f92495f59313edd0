"""Target sets side by side, the shipped ones of this area and the user's own, against the actual figures.

A target of reports per million is met by the count: the yearly quota is round(population × value / 10⁶),
completion = count of the year to date ÷ quota, and it is met when the count reaches the quota; `actual` is
the rate of the year to date. The other metrics are shares from 0 to 1 and completion = actual ÷ value. What
cannot be computed (no population, no figures for the metric, an area or stream that is unknown) is listed
with actual missing and met "".
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from pv.appraisal.coverage import medical_institutions, reporting, stream_names
from pv.appraisal.evaluation import evaluation_counts
from pv.appraisal.rates import area_populations
from pv.reference import ReferenceDataError, shipped_csv, shipped_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pv.appraisal.ledger import Ledger

# The first columns of target_status.csv, stable; more follow.
TARGET_COLUMNS = [
    *("set", "metric", "stream", "area", "year", "comparison", "value"),
    *("actual", "completion", "met"),
]
_NUMBERS = ["value", "actual", "completion", "count", "quota", "population"]
_EXTRAS = ["count", "quota", "population", "population_year", "area_name", "nature", "source"]
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "≥": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "≤": operator.le,
    "<": operator.lt,
    "=": operator.eq,
}
_REGISTERED = ["1", "yes", "y", "true", "是", "已注册"]


def target_status(ledger: Ledger) -> pd.DataFrame:
    """A row per target that applies in the week's year: TARGET_COLUMNS, then count, quota, … source.

    area is a code of `areas.csv` (as written where unknown), year the week's year, met "yes", "no" or "" (not
    known). count, quota and population belong to reports_per_million. Raises ReferenceDataError for a target
    that cannot be read.
    """
    figures = _Figures(ledger)
    targets = _applicable(ledger)
    rows = [{**target, **_status(target, figures)} for target in targets.to_dict("records")]
    table = pd.DataFrame(rows, columns=TARGET_COLUMNS + _EXTRAS)
    texts = [name for name in table.columns if name not in _NUMBERS and name != "year"]
    return table.astype({"year": "int64", **dict.fromkeys(_NUMBERS, "float64"), **dict.fromkeys(texts, "str")})


@dataclass(frozen=True)
class _Figures:
    """What targets are measured with, each computed when first asked for."""

    ledger: Ledger

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        return evaluation_counts(self.ledger)

    @cached_property
    def populations(self) -> Mapping[str, tuple[float, str]]:
        """Population and its year by area code."""
        table = area_populations(self.ledger.reference, self.ledger.tree, self.ledger.week.year)
        pairs = zip(table["population"], table["population_year"], strict=True)
        return dict(zip(table["area"], pairs, strict=True))


def _applicable(ledger: Ledger) -> pd.DataFrame:
    """Shipped targets of areas that are here, then the user's; of the week's year or any year, each once."""
    find = ledger.tree.find
    own = ledger.reference.targets
    shipped = pd.DataFrame(shipped_csv("targets"), columns=list(own.columns), dtype="str")
    shipped = shipped.assign(value=shipped["value"].astype("float64"))
    shipped = shipped[[find(area) is not None for area in shipped["area"]]]
    targets = pd.concat([shipped, own], ignore_index=True)
    _check(targets)
    targets = targets[targets["year"].isin(["", str(ledger.week.year)])]
    found = [(find(area), area) for area in targets["area"]]
    targets = targets.assign(
        year=ledger.week.year,
        known_area=[code is not None for code, _ in found],
        area=[area if code is None else code for code, area in found],
    )
    return targets.drop_duplicates(["set", "metric", "stream", "area", "comparison", "value"], keep="last")


def _check(targets: pd.DataFrame) -> None:
    metrics = shipped_toml("targets")["metrics"]
    for target in targets.to_dict("records"):
        where = f"targets.csv, set “{target['set']}”, metric {target['metric']}"
        if target["comparison"] not in _COMPARISONS:
            raise ReferenceDataError(
                f"{where}: comparison “{target['comparison']}” is unknown. Write one of: {', '.join(_COMPARISONS)}."
            )
        if target["year"] and not target["year"].isdigit():
            raise ReferenceDataError(
                f"{where}: year “{target['year']}” is not a year. Write 2025, or nothing for every year."
            )
        unit = metrics.get(target["metric"], {}).get("unit")
        if unit == "share" and target["value"] > 1:
            raise ReferenceDataError(
                f"{where}: value {target['value']:g} is not a share from 0 to 1. Write 0.8 for 80 %."
            )


def _status(target: Mapping[Any, Any], figures: _Figures) -> dict[str, Any]:
    """The columns that stand against a target."""
    ledger = figures.ledger
    names = stream_names(target["stream"], ledger.streams)
    nothing = {"actual": math.nan, "completion": math.nan, "met": "", "population_year": "", "area_name": ""}
    if not target["known_area"] or not set(names) <= set(ledger.streams):
        return nothing
    here = ledger.tree.hospitals_in(target["area"])
    rows = ledger.tree.rows
    nothing["area_name"] = rows.loc[rows["area"] == target["area"], "name"].iloc[0]
    if target["metric"] == "reports_per_million":
        return nothing | _per_million(target, figures, here, names)
    share = _SHARES.get(target["metric"])
    actual = share(figures, here, names) if share else math.nan
    if math.isnan(actual):
        return nothing
    completion = actual / target["value"] if target["value"] else math.nan
    met = _COMPARISONS[target["comparison"]](actual, target["value"])
    return nothing | {"actual": actual, "completion": completion, "met": _word(met)}


def _per_million(
    target: Mapping[Any, Any], figures: _Figures, here: frozenset[str], names: tuple[str, ...]
) -> dict[str, Any]:
    filed = figures.ledger.counts["reports_ytd"]
    count = int(filed[_rows(filed.index, here, names)].sum())
    if target["area"] not in figures.populations:
        return {"count": count}
    population, population_year = figures.populations[target["area"]]
    quota = math.floor(population * target["value"] / 1e6 + 0.5)
    return {
        "actual": count / population * 1e6,
        "completion": count / quota if quota else math.nan,
        "met": _word(_COMPARISONS[target["comparison"]](count, quota)),
        "count": count,
        "quota": quota,
        "population": population,
        "population_year": population_year,
    }


def _evaluation_rate(figures: _Figures, here: frozenset[str], names: tuple[str, ...]) -> float:
    counts = figures.evaluations
    sums = counts[_rows(counts.index, here, names)].sum()
    return _share(sums["due_evaluated"], sums["due"])


def _coverage(figures: _Figures, here: frozenset[str], names: tuple[str, ...], level_group: str) -> float:
    institutions = medical_institutions(figures.ledger.reference, level_group) & here
    return _share(len(institutions & reporting(figures.ledger.counts, names)), len(institutions))


def _registration(figures: _Figures, here: frozenset[str], _names: tuple[str, ...]) -> float:
    """Share of hospitals of level 2 and above that are registered; not known where none has an entry."""
    hospitals = figures.ledger.reference.hospitals
    institutions = medical_institutions(figures.ledger.reference, "level2") & here
    entries = hospitals.loc[hospitals["hospital_id"].isin(institutions), "registered"]
    if (entries == "").all():
        return math.nan
    return _share(entries.str.lower().isin(_REGISTERED).sum(), len(entries))


_SHARES: dict[str, Callable[[_Figures, frozenset[str], tuple[str, ...]], float]] = {
    "evaluation_rate": _evaluation_rate,
    "coverage": lambda figures, here, names: _coverage(figures, here, names, "all"),
    "coverage_level2": lambda figures, here, names: _coverage(figures, here, names, "level2"),
    "registration_level2": _registration,
}


def _rows(index: pd.Index[Any], hospitals: frozenset[str], streams: tuple[str, ...]) -> Any:
    """Which rows of an index (stream, hospital_id) are of these hospitals and streams."""
    return index.isin(list(streams), level="stream") & index.isin(list(hospitals), level="hospital_id")


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else math.nan


def _word(met: bool) -> str:
    return "yes" if met else "no"
