"""What each wording was counted as, and by which rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd

from pv.codes import hospitals, numbers, products
from pv.text import SEVERAL, clean_all, lookup, over_unique

KINDS = ("product", "number", "ingredient", "event", "hospital")
COLUMNS = ("kind", "wording", "counted_as", "rule", "problem", "cases")
NUMBER_FORM = "number_"  # before the name of a form of numbers


class Mappings:
    """The wordings of the versions of a stream."""

    def __init__(self, parts: Iterable[pd.DataFrame]) -> None:
        """`parts`: tables of version_id and the columns of a mapping except the cases."""
        rows = pd.concat([part[["version_id", *COLUMNS[:-1]]] for part in parts], ignore_index=True)
        joined = rows["kind"]
        for name in COLUMNS[1:-1]:
            joined = joined + "\x1e" + rows[name]
        self._code = pd.factorize(joined)[0].astype(np.int64)
        self._version = rows["version_id"].to_numpy(np.int64)
        first = np.unique(self._code, return_index=True)[1]
        self._distinct = rows.iloc[first][list(COLUMNS[:-1])].reset_index(drop=True)

    def among(self, versions: Collection[int] | np.ndarray) -> pd.DataFrame:
        """The wordings of some versions, each of a case of its own, with the number of cases; by kind, most first."""
        there = np.isin(self._version, np.asarray(versions, dtype=np.int64))
        size = int(self._version.max(initial=0)) + 1
        pairs = pd.unique(self._code[there] * size + self._version[there])  # a version counts a wording once
        cases = np.bincount(pairs // size, minlength=len(self._distinct)).astype("int64")
        table = self._distinct.assign(cases=cases)[cases > 0]
        place = table["kind"].map({kind: place for place, kind in enumerate(KINDS)})
        order = ["place", "cases", "wording", "counted_as", "rule", "problem"]
        table = table.assign(place=place).sort_values(order, ascending=[True, False, *[True] * 4], kind="stable")
        return table[list(COLUMNS)].reset_index(drop=True)


def of_products(rows: pd.DataFrame, stream: str) -> Iterable[pd.DataFrame]:
    """Of the counted products as `products.resolved` and `labelled` give them: products, numbers, ingredients."""
    by_number = rows["rule"].isin([products.NUMBER])
    yield rows.assign(
        kind="product",
        wording=rows["written"],
        counted_as=rows["product"],
        rule=rows["rule"].mask(by_number, _forms(rows["as_written"], stream)),
    )
    named = rows[(rows["as_written"] != "") & (rows["as_written"] != rows["written"])]
    if len(named):
        yield named.assign(
            kind="number",
            wording=named["as_written"],
            counted_as=named["identifier"],
            rule=_forms(named["as_written"], stream).mask(_mended(named, stream), products.SYNONYM),
            problem="",
        )
    made_of = rows[rows["ingredient"] != rows["generic"]]
    if len(made_of):
        yield made_of.assign(
            kind="ingredient",
            wording=made_of["generic"],
            counted_as=made_of["ingredient"].str.replace(SEVERAL, "; "),
            rule=products.SYNONYM,
            problem="",
        )


def _mended(rows: pd.DataFrame, stream: str) -> pd.Series[bool]:
    """Whether a number was said to be another one."""
    official = over_unique(rows["as_written"], lambda text: numbers.read(stream, text).normal)
    return official != rows["identifier"]


def _forms(written: pd.Series[str], stream: str) -> pd.Series[str]:
    def rule(text: str) -> str:
        kind = numbers.read(stream, text).kind
        return f"{NUMBER_FORM}{kind}" if kind and kind != numbers.SEVERAL else products.ODD_NUMBER

    return over_unique(written, rule)


def of_events(rows: pd.DataFrame) -> pd.DataFrame:
    """Of the events as `events.resolved` gives them."""
    return rows.assign(kind="event", wording=rows["written"], counted_as=rows["event"])


def of_hospitals(versions: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Of the reporting units."""
    named = versions[versions["hospital"] != ""]
    rules = lookup(clean_all(named["hospital"]), hospitals.rules(known))
    shared = rules == hospitals.SHARED
    return named.assign(
        kind="hospital",
        wording=named["hospital"],
        counted_as=named["hospital_id"],
        rule=rules.mask(shared | (rules == ""), hospitals.AS_WRITTEN),
        problem=rules.where(shared, ""),
    )
