"""How well measures and screens tell known reactions from negative controls: a case set against a reference set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binomtest, rankdata

from pv.signals.counts import Bools
from pv.signals.measures import Z_95, Floats

# What ranks pairs: from the measures those of which a high value speaks for a reaction, and those of which a low one.
HIGH = (
    "a prr prr_low ror ror_low chi_square ic ic025 rrr chi_square_pearson ebgm eb05 "
    "ror_mh ror_mh_low ic_stratified ic025_stratified ebgm_stratified eb05_stratified"
).split()
LOW = "p p_mid q_bh q_by".split()
MISSING = ("left_out", "not_flagged")


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve with its two-sided 95 % limits."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` finds.

    `found`: by truth (1, 0) the pairs of the set, those whose product and event both occur, those with a ≥ 1 and a ≥ 3.
    `auc`: measure, missing, positives, negatives, auc, auc_low, auc_high. `screens`: screen, missing, positives,
    flagged_positives, sensitivity with limits, negatives, flagged_negatives, specificity with limits. Pairs of the set
    without a case are `missing`: "left_out", or "not_flagged" – no screen met, ranked below every pair that has one.
    """

    found: pd.DataFrame
    auc: pd.DataFrame
    screens: pd.DataFrame

    def summary(self) -> dict[str, list[dict[str, Any]]]:
        """The tables as lists of records for JSON; what is not known is None."""
        tables = {"found": self.found, "auc": self.auc, "screens": self.screens}
        return {name: _records(table) for name, table in tables.items()}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def evaluate(pairs: pd.DataFrame, reference: pd.DataFrame, screens: Sequence[str] = ()) -> Evaluation:
    """Area under the ROC curve of each measure, sensitivity and specificity of each screen.

    `pairs`: every pair of the case set with a ≥ 1 – product, event, a, measures, and screens (names joined by ";") – in
    the wording of `reference`: product, event, truth. Measures are those of `HIGH` and `LOW` that are columns of
    `pairs`; `screens`: names of the screens to report on. A ratio that is unbounded ranks highest, a measure that is
    not defined lowest (so the lower limit of an unbounded PRR ranks lowest). Limits are DeLong's for areas, Wilson's
    for shares.
    """
    unknown = sorted(set(reference["truth"]) - {0, 1})
    if unknown:
        raise ValueError(f"the truth of a pair is {unknown[0]}; it must be 1 or 0")
    listed = reference[["product", "event", "truth"]].merge(pairs, on=["product", "event"], how="left", validate="1:1")
    there = listed["a"].notna().to_numpy()
    both = listed["product"].isin(pairs["product"]) & listed["event"].isin(pairs["event"])
    populations = dict(zip(MISSING, (there, np.ones(len(listed), dtype=bool)), strict=True))
    truth = listed["truth"].to_numpy() == 1
    measures = [name for name in (*HIGH, *LOW) if name in pairs.columns]
    return Evaluation(
        found=_found(listed, both.to_numpy(), there),
        auc=pd.DataFrame(
            [
                _area(name, missing, _scores(listed[name], name, there)[among], truth[among])
                for name in measures
                for missing, among in populations.items()
            ],
            columns=["measure", "missing", "positives", "negatives", "auc", "auc_low", "auc_high"],
        ),
        screens=pd.DataFrame(
            [
                _flagged(name, missing, _met(listed, name)[among], truth[among])
                for name in screens
                for missing, among in populations.items()
            ],
            columns=_FLAGGED,
        ),
    )


def _found(listed: pd.DataFrame, both: Bools, there: Bools) -> pd.DataFrame:
    often = (listed["a"] >= 3).to_numpy()
    rows = []
    for truth in (1, 0):
        mine = (listed["truth"] == truth).to_numpy()
        counts = {"pairs": mine, "both_occur": mine & both, "a_1": mine & there, "a_3": mine & often}
        rows.append({"truth": truth, **{name: int(which.sum()) for name, which in counts.items()}})
    return pd.DataFrame(rows)


def _scores(values: pd.Series[float], name: str, there: Bools) -> Floats:
    """Higher for stronger pairs; −∞ where a measure is not defined, and for pairs that are not there."""
    score = values.to_numpy(dtype=np.float64)
    score = -score if name in LOW else score
    return np.where(there & ~np.isnan(score), score, -np.inf)


def _area(name: str, missing: str, scores: Floats, truth: Bools) -> dict[str, Any]:
    area = auc(scores[truth], scores[~truth])
    counts = {"positives": int(truth.sum()), "negatives": int((~truth).sum())}
    return {
        "measure": name,
        "missing": missing,
        **counts,
        "auc": area.value,
        "auc_low": area.low,
        "auc_high": area.high,
    }


def auc(positives: ArrayLike, negatives: ArrayLike) -> Auc:
    """Probability that a positive scores above a negative, ties counted half, with DeLong's limits.

        AUC = Σ_i Σ_j [x_i > y_j] / (m n),   var = var(V_i)/m + var(V_j)/n

    where V_i is the share of negatives below positive i, V_j the share of positives above negative j (DeLong, DeLong
    and Clarke-Pearson 1988; by ranks as Sun and Xu 2014). Limits are AUC ∓ 1.96 standard errors, cut at 0 and 1. NaN
    without a positive or a negative; limits also NaN with fewer than two of either, and where the variance is 0, as
    where the two are completely apart: it then says nothing of the error.
    """
    x, y = np.asarray(positives, dtype=np.float64), np.asarray(negatives, dtype=np.float64)
    m, n = len(x), len(y)
    if not (m and n):
        return Auc(np.nan, np.nan, np.nan)
    ranks = rankdata(np.concatenate([x, y]))
    below = (ranks[:m] - rankdata(x)) / n
    above = 1 - (ranks[m:] - rankdata(y)) / m
    value = float(below.mean())
    if min(m, n) < 2:
        return Auc(value, np.nan, np.nan)
    error = float(np.sqrt(below.var(ddof=1) / m + above.var(ddof=1) / n))
    if error == 0:
        return Auc(value, np.nan, np.nan)
    return Auc(value, max(0.0, value - Z_95 * error), min(1.0, value + Z_95 * error))


def _met(listed: pd.DataFrame, screen: str) -> Bools:
    names = listed["screens"].astype("str").fillna("")
    return (";" + names + ";").str.contains(f";{screen};", regex=False).to_numpy(dtype=bool)


_FLAGGED = (
    "screen missing positives flagged_positives sensitivity sensitivity_low sensitivity_high "
    "negatives flagged_negatives specificity specificity_low specificity_high"
).split()


def _flagged(name: str, missing: str, met: Bools, truth: Bools) -> dict[str, Any]:
    positives, negatives = int(truth.sum()), int((~truth).sum())
    true, false = int((met & truth).sum()), int((met & ~truth).sum())
    counts = {"positives": positives, "flagged_positives": true, "negatives": negatives, "flagged_negatives": false}
    sensitivity = _share("sensitivity", true, positives)
    return {
        "screen": name,
        "missing": missing,
        **counts,
        **sensitivity,
        **_share("specificity", negatives - false, negatives),
    }


def _share(name: str, count: int, total: int) -> Mapping[str, float]:
    if not total:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    limits = binomtest(count, total).proportion_ci(method="wilson")
    return {name: count / total, f"{name}_low": float(limits.low), f"{name}_high": float(limits.high)}
