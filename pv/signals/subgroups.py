"""Subgroups of cases (`pv/reference/subgroups.toml`), and the pairs that meet a screen within one.

Within a subgroup everything is counted anew among its cases: a, row and column totals and N. A pair that stands out
there need not stand out among all cases, nor the other way round.
"""

from __future__ import annotations

import math
import operator
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pv.reference import SHIPPED, ReferenceDataError, shipped_csv
from pv.signals.comparison import names_met
from pv.signals.counts import Bools, Incidence, PairCounts, pair_counts
from pv.signals.measures import all_measures, cells_from_margins
from pv.signals.screens import Screen

NUMBER, TEXT, FLAG = "number", "text", "flag"
# What a subgroup may ask of a case.
FACTS = {"age_years": NUMBER, "sex": TEXT, "district": TEXT, "sentinel": FLAG, "serious": FLAG, "death": FLAG}
OPERATORS: Mapping[str, Mapping[str, Callable[[Any, Any], Any]]] = {
    NUMBER: {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge},
    TEXT: {"=": operator.eq},
    FLAG: {"=": operator.eq},
}
_EXAMPLES = {NUMBER: "a number", TEXT: 'a text, such as "female"', FLAG: "true or false"}
_KEYS = ("zh", "en", "source", "mark", "all", "each")


@dataclass(frozen=True)
class Condition:
    """A bound on a fact of the case, such as age_years < 15. What is unknown (NaN, "") meets none."""

    fact: str
    operator: str
    value: float | str | bool

    def met(self, cases: pd.DataFrame) -> Bools:
        """Which of the cases meet it."""
        return np.asarray(
            OPERATORS[FACTS[self.fact]][self.operator](cases[self.fact].to_numpy(), self.value), dtype=bool
        )


@dataclass(frozen=True)
class Subgroup:
    """One section of the subgroups file: the cases that meet all conditions, or one subgroup for each value of a fact.

    Just one of `conditions` and `each` is not empty.
    """

    name: str
    zh: str
    en: str
    source: str
    mark: str
    conditions: tuple[Condition, ...]
    each: str

    def masks(self, cases: pd.DataFrame) -> dict[str, Bools]:
        """Its cases by the subgroup's name; with `each` one entry a value that occurs, in order, <name>:<value>."""
        if not self.each:
            return {self.name: np.logical_and.reduce([condition.met(cases) for condition in self.conditions])}
        values = cases[self.each].to_numpy(dtype=object)
        return {f"{self.name}:{value}": values == value for value in sorted(set(values) - {""})}


def subgroup_masks(cases: pd.DataFrame, subgroups: Sequence[Subgroup] | None = None) -> dict[str, Bools]:
    """The cases of every subgroup by its name, in the order of the file; the shipped subgroups by default.

    `cases`: one row a case with the columns of `FACTS`: age_years in years (NaN unknown), sex and district as codes (""
    unknown), sentinel, serious and death true or false. Raises ValueError where a column is missing.
    """
    missing = [fact for fact in FACTS if fact not in cases.columns]
    if missing:
        raise ValueError(f"the cases have no column “{missing[0]}”; subgroups need {', '.join(FACTS)}")
    masks: dict[str, Bools] = {}
    for subgroup in load_subgroups() if subgroups is None else subgroups:
        masks |= subgroup.masks(cases)
    return masks


def subgroup_tables(incidence: Incidence, masks: Mapping[str, Bools], screens: Sequence[Screen]) -> pd.DataFrame:
    """The pairs that meet a general screen (`Screen.general`) within a subgroup, compared with its other cases only.

    Columns: subgroup, product, event, the closed-form measures (`measures.all_measures`) and screens, the names of
    those met, joined by ";". Sorted by subgroup, in the order of `masks`, product and event. a + b + c + d = N is the
    number of the subgroup's cases with a product and an event. Screens on other measures (EBGM, whose prior belongs to
    all pairs together; q; serious cases and deaths) are not looked at.

    Zero cells as in `pv.signals.measures`. Raises ValueError if a mask is not one value a case.
    """
    for name, mask in masks.items():
        if mask.shape != incidence.counted.shape:
            raise ValueError(f"subgroup “{name}” has {mask.shape} cases, the incidence {incidence.counted.shape}")
    nobody = {"": np.zeros(len(incidence.counted), dtype=bool)}
    tables = [
        _table(name, incidence, pair_counts(incidence, mask), screens) for name, mask in (masks or nobody).items()
    ]
    return pd.concat(tables, ignore_index=True)


def _table(name: str, incidence: Incidence, counts: PairCounts, screens: Sequence[Screen]) -> pd.DataFrame:
    least = min((screen.rule.least_a for screen in screens if screen.general), default=1)
    pairs = np.flatnonzero(counts.a >= least)
    a, product, event = counts.a[pairs], counts.product[pairs], counts.event[pairs]
    measures = all_measures(
        a, *cells_from_margins(a, counts.row_totals[product], counts.column_totals[event], counts.n)
    )
    met = names_met(screens, measures)
    kept = met != ""
    columns = {
        "subgroup": pd.Series(name, index=range(int(kept.sum())), dtype="str"),
        "product": incidence.products.take(product[kept]),
        "event": incidence.events.take(event[kept]),
        **{column: values[kept] for column, values in measures.items()},
        "screens": pd.Index(met[kept], dtype="str"),
    }
    return pd.DataFrame(columns)


def load_subgroups(path: Path | None = None) -> tuple[Subgroup, ...]:
    """Read and check a subgroups file, the shipped one by default.

    Raises ReferenceDataError that names the file, the subgroup, the key and the fix.
    """
    path = path or SHIPPED / "subgroups.toml"
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReferenceDataError(f"{path} is missing. Put the subgroups file there.") from None
    except UnicodeDecodeError as error:
        raise ReferenceDataError(f"{path} is not UTF-8: {error}. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ReferenceDataError(f"{path} cannot be read as TOML: {error}. Mend the file.") from None
    for key in ("title", "source", "reviewed"):
        if key not in entries:
            raise ReferenceDataError(f"{path}: “{key}” is missing at the top. Add {key} = … before the first subgroup.")
        del entries[key]
    return tuple(_Section(path, name, entry).subgroup() for name, entry in entries.items())


class _Section:
    """Checks one section of the file; every complaint names where it is and what to write instead."""

    def __init__(self, path: Path, name: str, entry: Any) -> None:
        self._path, self._name, self._entry = path, name, entry

    def subgroup(self) -> Subgroup:
        if not isinstance(self._entry, dict):
            raise self._error(self._name, "is no section", f"write [{self._name}] or remove it")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self._name):
            raise self._error(self._name, "is no name for a subgroup", "use small letters, digits and _")
        unknown = sorted(set(self._entry) - set(_KEYS))
        if unknown:
            raise self._error(unknown[0], "is unknown", f"known keys: {', '.join(_KEYS)}")
        if ("all" in self._entry) == ("each" in self._entry):
            raise self._error("all / each", "are both there or both missing", "give just one of them")
        texts = {key: self._text(key) for key in ("zh", "en", "source", "mark")}
        if texts["mark"] not in ("S", "W", "K"):
            raise self._error("mark", f"is “{texts['mark']}”", "write one of S, W, K")
        each = self._each() if "each" in self._entry else ""
        return Subgroup(name=self._name, **texts, conditions=() if each else self._conditions(), each=each)

    def _text(self, key: str) -> str:
        value = self._entry.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self._error(key, "is missing or empty", f'write {key} = "…"')
        return value

    def _each(self) -> str:
        known = [fact for fact, kind in FACTS.items() if kind == TEXT]
        if self._entry["each"] not in known:
            raise self._error("each", f"is {self._entry['each']!r}", f"write one of {', '.join(known)}")
        return str(self._entry["each"])

    def _conditions(self) -> tuple[Condition, ...]:
        parts = self._entry["all"]
        if not isinstance(parts, list) or not parts:
            raise self._error("all", "holds no condition", 'write a list such as [["age_years", "<", 15]]')
        return tuple(self._condition(part) for part in parts)

    def _condition(self, part: Any) -> Condition:
        if not isinstance(part, list) or len(part) != 3:
            raise self._error("all", f"holds {part!r}", "write [column, operator, value]")
        fact, sign, value = part
        if fact not in FACTS:
            raise self._error("all", f"has no column “{fact}”", f"known: {', '.join(FACTS)}")
        kind = FACTS[fact]
        if sign not in OPERATORS[kind]:
            raise self._error("all", f"compares {fact} by “{sign}”", f"known for it: {', '.join(OPERATORS[kind])}")
        if not _fits(value, kind):
            raise self._error("all", f"compares {fact} with {value!r}", f"write {_EXAMPLES[kind]}")
        if fact == "sex":
            codes = sorted({row["code"] for row in shipped_csv("codes") if row["list"] == "sex"})
            if value not in codes:
                raise self._error("all", f"compares sex with “{value}”", f"known codes: {', '.join(codes)}")
        return Condition(fact, sign, value)

    def _error(self, key: str, problem: str, fix: str) -> ReferenceDataError:
        return ReferenceDataError(f"{self._path}: subgroup “{self._name}”, key “{key}” {problem}. To mend: {fix}.")


def _fits(value: object, kind: str) -> bool:
    match value:
        case bool():
            return kind == FLAG
        case int() | float():
            return kind == NUMBER and math.isfinite(value)
        case str():
            return kind == TEXT and bool(value.strip())
        case _:
            return False
