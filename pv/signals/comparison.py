"""Numbers of a pair side by side: what duplicates, strata or another database would say. None is a comparator.

Every function is pure and leaves the verdict to the reader: it gives both numbers and which screens each of them
meets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pv.signals.counts import PairCounts
from pv.signals.measures import all_measures, cells_from_margins, whole_counts

if TYPE_CHECKING:
    from pv.signals.screens import Screen

LEAST_CASES = 3  # what every general screen asks for
DUPLICATE_COLUMNS = ("a", "prr", "ror_low", "ic025", "screens")
CRUDE_COLUMNS = ("expected", "ror", "ror_low", "ror_high", "ic", "ic025", "ic975")
STRATIFIED_COLUMNS = (
    "expected_stratified",
    "ror_mh",
    "ror_mh_low",
    "ror_mh_high",
    "ic_stratified",
    "ic025_stratified",
    "ic975_stratified",
)
PAIR_COLUMNS = ("stream", "event_kind", "product", "event")
FOREIGN_COLUMNS = (
    *PAIR_COLUMNS,
    "database",
    *("a", "b", "c", "d", "prr", "prr_low", "prr_high", "ror", "ror_low", "ror_high", "ic", "ic025", "ic975"),
    "as_of",
    "source",
)


@dataclass(frozen=True)
class LabelledCounts:
    """Pair counts with the labels, sorted by code point, that their codes stand for."""

    products: pd.Index
    events: pd.Index
    counts: PairCounts


def effect_of_duplicates(
    merged: LabelledCounts, as_filed: LabelledCounts, screens: Sequence[Screen], least_cases: int = LEAST_CASES
) -> pd.DataFrame:
    """The same pairs counted on merged cases and on the reports as filed.

    `merged` is what alerts are made from: the reports of one case count once, with the union of their products and
    events. `as_filed` counts every report for itself. Listed is every pair with at least `least_cases` in one of the
    two, sorted by product and event. Columns: product, event; a, prr, ror_low, ic025 and screens of the merged cases;
    the same of the reports with the ending _as_filed; only_as_filed: the reports meet a screen and the cases none, so
    that duplicates alone would have made the alert.

    `screens` are those general ones of which every measure can be had from the pair's own table. A pair that one side
    does not have (the union can bring a product of one report together with an event of another) has a = 0 there, no
    measures and no screens.
    """
    both = {"": _listed(merged, least_cases), "_as_filed": _listed(as_filed, least_cases)}
    pairs = pd.concat([frame.loc[frame["listed"], ["product", "event"]] for frame in both.values()])
    pairs = pairs.drop_duplicates().sort_values(["product", "event"], ignore_index=True)
    for ending, frame in both.items():
        found = pairs[["product", "event"]].merge(frame, on=["product", "event"], how="left", validate="1:1")
        cells = found[["a", "b", "c", "d"]].fillna(0).astype("int64")
        measures = all_measures(*(cells[name].to_numpy() for name in cells))
        measures["screens"] = names_met(screens, measures)
        pairs = pairs.assign(**{f"{name}{ending}": measures[name] for name in DUPLICATE_COLUMNS})
    only = (pairs["screens"] == "") & (pairs["screens_as_filed"] != "")
    return pairs.astype({"screens": "str", "screens_as_filed": "str"}).assign(only_as_filed=only)


def _listed(labelled: LabelledCounts, least_cases: int) -> pd.DataFrame:
    """Cells of every pair by its labels, and whether it has the cases to be listed."""
    counts = labelled.counts
    b, c, d = cells_from_margins(counts.a, counts.n_product, counts.n_event, counts.n)
    return pd.DataFrame(
        {
            "product": labelled.products.take(counts.product),
            "event": labelled.events.take(counts.event),
            "a": counts.a,
            "b": b,
            "c": c,
            "d": d,
            "listed": counts.a >= least_cases,
        }
    )


def crude_beside_stratified(pairs: pd.DataFrame, stratified: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """Crude and stratified measures of the same pairs, row by row.

    `pairs`: product, event, a and `CRUDE_COLUMNS`; `stratified`: at least `STRATIFIED_COLUMNS`, one value a row of
    `pairs`. Added to them are expected_ratio = expected_stratified / expected, above 1 where the product is used by
    people who report the event more often anyway, so that the crude numbers were too high; and `effect`: "vanishes"
    where the crude lower limit of the ROR is above 1 and the stratified one is not, "appears" the other way round,
    else "". A limit that is not defined (NaN) is not above 1.

    Raises ValueError that names a column that is missing or of another length.
    """
    wanted = ("product", "event", "a", *CRUDE_COLUMNS)
    missing = [name for name in wanted if name not in pairs] + [n for n in STRATIFIED_COLUMNS if n not in stratified]
    if missing:
        raise ValueError(f"column {missing[0]} is missing; needed are {', '.join((*wanted, *STRATIFIED_COLUMNS))}")
    for name in STRATIFIED_COLUMNS:
        if len(stratified[name]) != len(pairs):
            raise ValueError(f"{name} has {len(stratified[name])} values where there are {len(pairs)} pairs")
    frame = pairs[list(wanted)].reset_index(drop=True)
    frame = frame.assign(**{name: np.asarray(stratified[name]) for name in STRATIFIED_COLUMNS})
    crude, adjusted = frame["ror_low"] > 1, frame["ror_mh_low"] > 1
    effect = np.select([crude & ~adjusted, adjusted & ~crude], ["vanishes", "appears"], "")
    return frame.assign(
        expected_ratio=frame["expected_stratified"] / frame["expected"],
        effect=pd.Series(effect, index=frame.index, dtype="str"),
    )


def foreign_beside(pairs: pd.DataFrame, foreign: pd.DataFrame) -> pd.DataFrame:
    """What foreign databases count for the pairs: one row a pair and database (`FOREIGN_COLUMNS`).

    `pairs` has at least stream, event_kind, product and event; a pair that stands there more than once counts once.
    `foreign` is `Reference.foreign`, one 2×2 table a row. Pairs that no database lists are left out. Order: the first
    mention in `pairs`, then the database's name. Wordings are compared as they stand, so the table must use those of
    the reports. Zero cells as in `pv.signals.measures`: with a = 0 the row stands without measures.

    Raises ValueError that names the row of `foreign` and the cell that is no count.
    """
    cells = ("a", "b", "c", "d")
    whole_counts({name: foreign[name].to_numpy() for name in cells})  # here, where the rows are still those given
    tables = foreign.sort_values("database", kind="stable", ignore_index=True)
    asked = pairs[list(PAIR_COLUMNS)].drop_duplicates(ignore_index=True)
    found = asked.merge(tables, on=list(PAIR_COLUMNS), how="inner", sort=False)
    measures = all_measures(*(found[name].to_numpy() for name in cells))
    return found.assign(**measures)[list(FOREIGN_COLUMNS)]


def names_met(screens: Sequence[Screen], measures: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Names of the general screens that each row meets, joined by ";".

    A screen that asks for a measure which is not among those given (such as EBGM, whose prior belongs to all pairs
    together, or the serious cases) is left out.
    """
    joined = np.full(len(measures["a"]), "", dtype=object)
    for screen in screens:
        if screen.general and screen.rule.measures <= measures.keys():
            met = screen.rule.met(measures)
            joined[met] += np.where(joined[met] == "", "", ";") + screen.name
    return joined
