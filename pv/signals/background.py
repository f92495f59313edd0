"""A reference background: the own cases with a product against the cases of the province or nation without it.

A district has too few cases to be its own background. Counts of the whole that it is part of, from the same system,
stand in `background.csv`; the district's own cases are taken out of them. For product i and event j

                        event j    other events
    own, product i         a            b          own cases, as of the week shown
    the rest without i     c            d          c = (B_j - B_ij) - (o_j - o_ij)
                                                   d = (B_N - B_i - B_j + B_ij) - (o_N - o_i - o_j + o_ij)

B are the cases in the background up to its day `until`, o the own ones up to the same day: the view of the reporting
week that ends then. So c and d are fixed numbers whatever week is shown, and no own case is in them, not even one of
another product. A product or event that the background does not list has no case in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from pv.reference import COLUMNS, streams
from pv.reference.counts_elsewhere import until_week
from pv.signals.counts import Bools, Incidence, Ints, incidence_matrix, pair_counts
from pv.signals.empty_cells import EmptyCells
from pv.signals.measures import Floats
from pv.signals.prior import Cells, cells_from_expected
from pv.signals.running import RunningCounts, Segments, Tally
from pv.text import one_label_a_row
from pv.week import Week

if TYPE_CHECKING:
    from pv.cases import StreamView

_KEY = ("stream", "event_kind", "level")
_SHOWN = 3  # contradictions that an error names
_CELLS = 2**20  # product × event cells at a time: 8 MB a matrix


class BackgroundError(ValueError):
    """The background does not fit the own cases; the message names table, counts and the fix."""


@dataclass(frozen=True)
class _Totals:
    """Cases by product code, by event code, by pair (key: product code × events + event code), and in all."""

    product: Ints
    event: Ints
    pair: Tally
    n: int

    def without(self, product: Ints, event: Ints) -> tuple[Ints, Ints]:
        """Of the cases without each pair's product, those with its event and those without it."""
        c = self.event[event] - self.pair.get(product * len(self.event) + event)
        return c, self.n - self.product[product] - c

    def less(self, other: _Totals) -> _Totals:
        keys = np.union1d(self.pair.keys, other.pair.keys)
        pair = _tally(keys, self.pair.get(keys) - other.pair.get(keys))
        return _Totals(self.product - other.product, self.event - other.event, pair, self.n - other.n)


class Background:
    """The comparator "background", with the methods of the comparators in `pv.signals.groups`."""

    def __init__(self, counts: RunningCounts, rows: pd.DataFrame, segments: Segments | None = None) -> None:
        """`rows`: those of `Reference.background` for the stream, event kind and level of the counts (`rows_of`).

        `segments`: those over all time, where the counts follow a shorter window; the background knows no window.

        Raises BackgroundError where the background has fewer cases somewhere than the own ones that must be in it:
        another system, another area, other synonyms or merges, or a wrong `until`.
        """
        self._counts = counts
        incidence = counts.incidence
        unknown = sorted(set(rows.loc[rows["event"] != "", "event"]) - set(incidence.events))
        # The own events have their own codes; what only the background knows comes after them.
        self._labels = (incidence.products, incidence.events.append(pd.Index(unknown, dtype="str")))
        there = (segments or counts.segments).at(_until(rows).index)
        given, own = self._given(rows), self._own(incidence, there)
        found = list(self._contradictions(given, own))
        if found:
            raise BackgroundError(_complaint(rows, found))
        self._rest = given.less(own)
        self._c, self._d = self._rest.without(counts.product, counts.event)

    def advance(self, week: int) -> None:
        """Nothing moves but the counts themselves."""

    def comparable(self, pairs: Ints) -> Ints:
        """Those of the pairs (places in the counts) that have a 2×2 table: all."""
        return pairs

    def margins(self, pairs: Ints) -> tuple[Ints, Ints, Ints]:
        """n_product, n_event and n of each pair's table: a + b, a + c and a + b + c + d."""
        counts = self._counts
        n_product = counts.n_product[counts.product[pairs]]
        return n_product, counts.a[pairs] + self._c[pairs], n_product + self._c[pairs] + self._d[pairs]

    def ungrouped(self) -> Bools:
        """Products that have no table: none."""
        return np.zeros(len(self._counts.n_product), dtype=bool)

    def family(self) -> int:
        """Combinations of a product that occurs here and an event that occurs here or in the rest."""
        own = np.append(self._counts.n_event, np.zeros(len(self._rest.event) - len(self._counts.n_event), dtype=int))
        return int((self._counts.n_product > 0).sum()) * int(((own > 0) | (self._rest.event > 0)).sum())

    def cells(self) -> Cells:
        """What the prior is fitted to: every combination of the family, but those with a = 0 where E = 0.

            E = (a + b)(a + c) / (a + b + c + d)

        The empty ones are brought together in bins of E (`pv.signals.empty_cells`).
        """
        counts = self._counts
        observed = np.flatnonzero(counts.a > 0)
        n_product, n_event, n = self.margins(observed)
        return cells_from_expected(counts.a[observed], n_product * n_event / n, self._empty_cells(observed))

    def _empty_cells(self, observed: Ints) -> tuple[Floats, Floats] | None:
        """E and number of the combinations without an own case."""
        counts, rest = self._counts, self._rest
        shape = (len(counts.n_product), len(rest.event))
        present = np.flatnonzero(counts.n_product > 0)
        most = int(rest.event.max(initial=0))
        if not len(present) or not most:
            return None
        n_product = counts.n_product[present]
        factor = n_product / (n_product + rest.n - rest.product[present])  # E = factor · c where a = 0
        together = csr_array((rest.pair.values, np.divmod(rest.pair.keys, shape[1])), shape=shape)
        filled = incidence_matrix(counts.product[observed], counts.event[observed], shape)
        bins = EmptyCells(factor.min(), factor.max() * most)
        for rows in np.array_split(np.arange(len(present)), -(-len(present) * shape[1] // _CELLS)):
            c = rest.event - together[present[rows]].toarray()
            expected = np.where(filled[present[rows]].toarray() > 0, 0.0, factor[rows, None] * c)
            bins.add(*bins.binned(expected.ravel()))
        return bins.points()

    def _given(self, rows: pd.DataFrame) -> _Totals:
        """The background's counts of what is counted here; products that are not are left out."""
        products, events = self._labels
        no_product, no_event = rows["product"] == "", rows["event"] == ""
        cases = rows["cases"].to_numpy(np.int64)
        place = (products.get_indexer(pd.Index(rows["product"])), events.get_indexer(pd.Index(rows["event"])))
        of_product = (~no_product & no_event).to_numpy() & (place[0] >= 0)
        of_event = (no_product & ~no_event).to_numpy()
        of_pair = (~no_product & ~no_event).to_numpy() & (place[0] >= 0)
        product, event = np.zeros(len(products), dtype=np.int64), np.zeros(len(events), dtype=np.int64)
        product[place[0][of_product]] = cases[of_product]
        event[place[1][of_event]] = cases[of_event]
        keys = place[0][of_pair].astype(np.int64) * len(events) + place[1][of_pair]
        order = np.argsort(keys, kind="stable")
        n = int(cases[(no_product & no_event).to_numpy()].sum())
        return _Totals(product, event, _tally(keys[order], cases[of_pair][order]), n)

    def _own(self, incidence: Incidence, there: Bools) -> _Totals:
        counts = pair_counts(incidence, there)
        event = np.append(counts.column_totals, np.zeros(len(self._labels[1]) - len(counts.column_totals), np.int64))
        keys = counts.product.astype(np.int64) * len(event) + counts.event
        return _Totals(counts.row_totals, event, _tally(keys, counts.a), counts.n)

    def _contradictions(self, given: _Totals, own: _Totals) -> Iterator[str]:
        """Every count of the background that is smaller than the own part of it, the totals first."""
        products, events = (labels.to_numpy(dtype=object) for labels in self._labels)
        if given.n < own.n:
            yield f"{own.n} own cases in all, {given.n} in the background"
        for what, labels, theirs, ours in (
            ("product", products, given.product, own.product),
            ("event", events, given.event, own.event),
        ):
            for at in np.flatnonzero(theirs < ours):
                yield f"{what} “{labels[at]}”: {ours[at]} own cases, {theirs[at]} in the background"
        keys = np.union1d(given.pair.keys, own.pair.keys)
        listed = np.divmod(keys, len(events))
        counted = self._counts.product, self._counts.event
        for what, (product, event), theirs, ours in (
            ("with both", listed, given.pair.get(keys), own.pair.get(keys)),
            ("with the event but not the product", listed, given.without(*listed)[0], own.without(*listed)[0]),
            ("with neither", counted, given.without(*counted)[1], own.without(*counted)[1]),
        ):
            for at in np.flatnonzero(theirs < ours):
                pair = f"product “{products[product[at]]}”, event “{events[event[at]]}”"
                yield f"{pair}: {ours[at]} own cases {what}, {theirs[at]} in the background"


def _complaint(rows: pd.DataFrame, found: list[str]) -> str:
    table = ", ".join(str(rows[name].iloc[0]) for name in _KEY)
    more = f" (and {len(found) - _SHOWN} more)" if len(found) > _SHOWN else ""
    return (
        f"background.csv, {table}: it does not contain the own cases received up to {rows['until'].iloc[0]}: "
        f"{'; '.join(found[:_SHOWN])}{more}. It must be counted in the same system, from reports that include the own "
        "ones, with the same synonyms and merged duplicates. Ask for such counts, or take the table out of "
        "background.csv."
    )


def rows_of(background: pd.DataFrame, stream: str, event_kind: str, level: str) -> pd.DataFrame:
    """The rows of `Reference.background` for one stream, event kind and level; none where there are no such counts."""
    asked = zip(_KEY, (stream, event_kind, level), strict=True)
    picked = np.logical_and.reduce([background[name] == value for name, value in asked])
    return background[picked].reset_index(drop=True)


def background_rows(view: StreamView, week: Week, source: str, level: str | None = None) -> pd.DataFrame:
    """The rows of `background.csv` that a centre hands to its districts, from its own cases up to the week's end.

    One table for each event kind of the stream at the level (None: the default one), if it has a case; columns and
    order of the file: the row of all cases, products, events, pairs with a case, each by code point. Every count is
    given as it is, those of one case included: the file is for the centres of one system, not for publication.
    """
    level = level or streams()[view.stream].default_level
    there = Segments.of(view.cases, "all").at(week.index)
    tables = []
    for kind in streams()[view.stream].event_kinds:
        events = view.events.loc[view.events["kind"] == kind, ["segment", "event"]]
        named = one_label_a_row(view.products[["segment", level]])
        incidence = Incidence.of(len(view.cases), named, events)
        table = _long(incidence, there)
        tables.append(table.assign(stream=view.stream, event_kind=kind, level=level))
    rows = pd.concat(tables, ignore_index=True)
    rows = rows.assign(until=week.last_day.isoformat(), source=source)[list(COLUMNS["background"])]
    return rows.astype({name: "int64" if name == "cases" else "str" for name in rows})


def _long(incidence: Incidence, there: Bools) -> pd.DataFrame:
    counts = pair_counts(incidence, there)
    products, events = (labels.to_numpy(dtype=object) for labels in (incidence.products, incidence.events))
    row, column = np.flatnonzero(counts.row_totals), np.flatnonzero(counts.column_totals)
    all_cases = np.full(min(1, counts.n), "", dtype=object)
    parts = (
        (all_cases, all_cases, np.full(len(all_cases), counts.n)),
        (products[row], np.full(len(row), "", dtype=object), counts.row_totals[row]),
        (np.full(len(column), "", dtype=object), events[column], counts.column_totals[column]),
        (products[counts.product], events[counts.event], counts.a),
    )
    names = ("product", "event", "cases")
    return pd.DataFrame(
        {name: np.concatenate(values) for name, values in zip(names, zip(*parts, strict=True), strict=True)}
    )


def _until(rows: pd.DataFrame) -> Week:
    """The last week of the background's counts. Raises BackgroundError where the rows are not those of one table."""
    if rows.empty or len(rows[[*_KEY, "until"]].drop_duplicates()) > 1:
        raise BackgroundError("a background needs the rows of one stream, event kind and level, of one day")
    try:
        return until_week(str(rows["until"].iloc[0]))
    except ValueError as error:
        raise BackgroundError(f"background.csv: until {error}") from None


def _tally(keys: Ints, values: Ints) -> Tally:
    tally = Tally(keys)
    tally.values = values
    return tally
