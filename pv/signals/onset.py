"""Time to onset: how long after the first use of a product an event begins, and when the hazard is highest.

The unit is the case. A case with product and event adds one time to the pair: whole days from the first known use of
the product to the onset, 0 where both are on one day. Only cases with both dates count. Where the onset comes before
the first use, the time is unusable: it is left out and counted beside.

The shape β of a Weibull distribution says whether the event comes early (the hazard falls, β < 1) or late (it rises,
β > 1). Source: Cornelius, Sauzet and Evans 2012; Sauzet et al. 2013. Reported times are right-truncated – an event
that has not come, or is no longer thought of, is not reported – so the distribution is that of the reports, and too
short for the users (Leroy et al. 2014).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pv.signals.measures import Ints
from pv.signals.weibull import fit_weibull

# House rule. Of samples of a constant hazard 7 % of those of 10 cases and 6 % of those of 20 are called early or late,
# where 5 % are promised (4,000 samples each).
FEWEST = 10
PATTERNS = ("early", "constant", "late", "too_few", "not_identifiable")
NO_TIMES = pd.DataFrame(
    {"segment": pd.Series(dtype="int64"), "product": "", "event": "", "days": pd.Series(dtype="int64")}
).astype({"product": "str", "event": "str"})


def onset_days(cases: pd.DataFrame, products: pd.DataFrame, events: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The times of every product with the events of the pairs: columns segment, product, event, days.

    `cases`: onset_on by segment (its index), the segments that count and no others. `products`: segment, product,
    used_from; `events`: segment, event; `pairs`: product, event. Dates are ISO text, "" is unknown. A case that gives
    several starts for a product counts from the earliest known one. One row a segment, product and event with both
    dates, sorted by event, product and segment; days are negative where the onset comes first. Other products are
    there to be compared with. Raises ValueError for a text that is no ISO day.
    """
    dated = cases.loc[cases["onset_on"] != "", "onset_on"]
    onset = pd.Series(_day_numbers(dated), index=dated.index, name="onset")
    wanted = events.loc[events["event"].isin(pairs["event"]), ["segment", "event"]]
    wanted = wanted[wanted["segment"].isin(onset.index)].drop_duplicates()
    used = products.loc[products["used_from"].ne("") & products["product"].ne("")]
    used = used[used["segment"].isin(wanted["segment"])]
    if used.empty:
        return NO_TIMES.copy()
    starts = used[["segment", "product"]].assign(start=_day_numbers(used["used_from"]))
    first = starts.groupby(["segment", "product"], as_index=False, sort=True)["start"].min()
    rows = first.merge(wanted, on="segment").join(onset, on="segment")
    rows["days"] = rows["onset"] - rows["start"]
    times: pd.DataFrame = rows[list(NO_TIMES)]
    return times.sort_values(["event", "product", "segment"], kind="stable", ignore_index=True)


def _day_numbers(days: pd.Series) -> Ints:
    codes, texts = pd.factorize(days)
    try:
        read = pd.to_datetime(pd.Index(texts), format="%Y-%m-%d")
    except ValueError as error:
        raise ValueError(f"column {days.name} holds a text that is no day like 2026-11-16: {error}") from None
    numbers: Ints = read.to_numpy().astype("datetime64[D]").astype(np.int64)
    return numbers[codes]


def time_to_onset(days: pd.DataFrame, pairs: pd.DataFrame | None = None) -> pd.DataFrame:
    """Distribution, Weibull fit and pattern of each pair, and how it differs from the event with other products.

    `days`: one row a case (segment), product and event with its days, as `onset_days` makes them; `pairs`: product and
    event, all pairs of `days` by default. One row a pair in the order of `pairs`, with columns

    - product, event; n: usable times; unusable: cases whose onset comes before the first use
    - shortest, q1, median, q3, longest: days, quartiles interpolated linearly (type 7 of Hyndman and Fan 1996)
    - shape, shape_low, shape_high, scale, scale_low, scale_high: see `fit_weibull`
    - pattern: one of `PATTERNS`; with fewer than `FEWEST` times "too_few" and no fit, and where the shape is not
      identified "not_identifiable"
    - n_others, p_others: usable times of the event with other products, in cases that have no time for this one, and
      the p-value of the two-sample Kolmogorov–Smirnov test against them (Van Holle et al. 2012), where each side has at
      least `FEWEST`. Whole days are tied, which makes the test conservative; other products of a case count one each.

    What cannot be computed is NaN.
    """
    wanted = days[["product", "event"]].drop_duplicates() if pairs is None else pairs[["product", "event"]]
    by_event = dict(_by_event(days))
    rows = [
        _of_pair(by_event.get(event, _NO_EVENT), product)
        for product, event in zip(wanted["product"], wanted["event"], strict=True)
    ]
    described = pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)
    return pd.concat([wanted.reset_index(drop=True).astype("str"), described], axis=1)


_FIT = ("shape", "shape_low", "shape_high", "scale", "scale_low", "scale_high")
_COLUMNS = (
    dict.fromkeys(("n", "unusable"), "int64")
    | dict.fromkeys(("shortest", "q1", "median", "q3", "longest", *_FIT), "float64")
    | {"pattern": "str", "n_others": "int64", "p_others": "float64"}
)


@dataclass(frozen=True)
class _Event:
    """The times of one event: segment, product and days of each."""

    segment: Ints
    product: NDArray[np.object_]
    days: Ints


_NO_EVENT = _Event(np.zeros(0, np.int64), np.zeros(0, object), np.zeros(0, np.int64))


def _by_event(days: pd.DataFrame) -> Iterator[tuple[str, _Event]]:
    for event, rows in days.groupby("event", sort=False):
        segment, days_of = (rows[name].to_numpy(np.int64) for name in ("segment", "days"))
        yield str(event), _Event(segment, rows["product"].to_numpy(object), days_of)


def _of_pair(event: _Event, product: str) -> dict[str, object]:
    mine = event.product == product
    times = event.days[mine]
    usable = times[times >= 0]
    others = event.days[~np.isin(event.segment, event.segment[mine]) & (event.days >= 0)]
    row: dict[str, object] = {"n": len(usable), "unusable": len(times) - len(usable), "n_others": len(others)}
    if len(usable):
        quartiles = np.quantile(usable, [0, 0.25, 0.5, 0.75, 1])
        row |= dict(zip(("shortest", "q1", "median", "q3", "longest"), quartiles, strict=True))
    if len(usable) < FEWEST:
        return row | {"pattern": "too_few"}
    if len(others) >= FEWEST:
        from scipy.stats import ks_2samp  # takes a second to load, and reading files does without

        row["p_others"] = ks_2samp(usable, others, method="asymp").pvalue
    fitted = fit_weibull(usable)
    if fitted is None:
        return row | {"pattern": "not_identifiable"}
    return row | {name: getattr(fitted, name) for name in _FIT} | {"pattern": fitted.pattern}
