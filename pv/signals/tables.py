"""One table of a stream through the weeks: which pairs meet its screens, and what has become of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pv.reference import streams
from pv.signals.background import Background
from pv.signals.counts import Bools, Ints
from pv.signals.groups import SameGroup, WholeStream
from pv.signals.history import NONE, History, Meeting
from pv.signals.measures import Floats, cells_from_margins
from pv.signals.pair_measures import (
    ALL_COLUMNS,
    SHRUNK_COLUMNS,
    TAIL_COLUMNS,
    Columns,
    PairMeasures,
    significance,
)
from pv.signals.prior import Fit, Prior, fit, fixed
from pv.signals.running import RunningCounts
from pv.signals.running_prior import RunningPrior
from pv.signals.screens import ALL_TIME, STREAM, Screen, Table
from pv.signals.stratified_measures import STRATIFIED_COLUMNS, stratified_columns

LISTED = (*ALL_COLUMNS, "serious", "deaths")
_SETTLED = 3  # weeks without a change after which no status moves any more


class TableRun:
    """Follows the counts of one level, event kind and window with one comparator."""

    def __init__(
        self,
        table: Table,
        screens: tuple[Screen, ...],
        counts: RunningCounts,
        against: WholeStream | SameGroup | Background,
        strata: Ints | None = None,
    ) -> None:
        """`screens`: those of this table; `against`: what its comparator stands for; `strata`: code of each segment."""
        self.table, self._screens, self._counts, self._against = table, screens, counts, against
        default = streams()[table.stream].default_level
        self._lists_all = (table.level, table.comparator, table.window) == (default, STREAM, ALL_TIME)
        self._strata = strata if self._lists_all else None
        # What costs a fit or the tails of all pairs is given where all pairs are listed, else if a screen asks for it.
        asked = frozenset[str]().union(*(screen.rule.measures for screen in screens))
        dear = [family for family in (SHRUNK_COLUMNS, TAIL_COLUMNS) if asked.isdisjoint(family) and not self._lists_all]
        self._given = frozenset(LISTED).difference(*dear)
        self._week = 0
        self._looks = _looks(screens, counts)
        self._history = History(len(counts.a))
        self._met: Ints = np.zeros(len(counts.a), dtype=np.int64)
        self._quiet = 0
        self._follows = any(screen.needs_prior for screen in screens)  # in every week
        self._running_prior = RunningPrior()
        self._fit: Fit | None = None
        self._significance: Columns | None = None
        self._products = counts.incidence.products.to_numpy(dtype=object)
        self._events = counts.incidence.events.to_numpy(dtype=object)

    def advance(self, week: int) -> None:
        """Follow the counts, which have just moved to the week."""
        self._week = week
        self._quiet = 0 if len(self._counts.changed) else self._quiet + 1
        if len(self._counts.changed):
            self._fit = self._significance = None
        if not self._screens or self._quiet > _SETTLED:
            return
        self._against.advance(week)
        self._met[:] = 0
        for look in self._looks:
            there = self._counts.a >= look.least
            pairs = self._against.comparable(np.flatnonzero(there if look.within is None else there & look.within))
            measures = self._measures(pairs)
            for bit, screen in look.screens:
                self._met[pairs] |= screen.rule.met(measures).astype(np.int64) << bit
        pairs = np.flatnonzero(self._met)
        measures = self._measures(pairs)
        columns = {name: measures[name] for name in ("ic", "ic025", "ic975", "serious", "deaths")}
        self._history.step(week, Meeting(pairs, self._met[pairs], **columns))

    def rows(self) -> Columns:
        """The listed pairs of the current week, sorted by product and event; texts as Python objects.

        `status`, `first_week` and `status_since` are as `History` has them.
        """
        counts, history = self._counts, self._history
        listed = history.status != NONE
        if self._lists_all:
            listed = listed | (counts.a > 0)
        pairs = np.flatnonzero(listed)
        return {
            "product": self._products[counts.product[pairs]],
            "event": self._events[counts.event[pairs]],
            **self._measures_where_comparable(pairs),
            "screens": self._screen_names(self._met[pairs]),
            "status": history.status[pairs],
            "first_week": history.first_week[pairs],
            "status_since": history.status_since[pairs],
            "hospitals": counts.hospitals()[pairs],
            **self._stratified(pairs),
        }

    def _stratified(self, pairs: Ints) -> Columns:
        """Of these pairs; NaN in tables that are not stratified."""
        counts = self._counts
        every = {name: np.full(len(counts.a), np.nan) for name in STRATIFIED_COLUMNS}
        there = np.flatnonzero(counts.a > 0)
        if self._strata is not None and len(there):
            present = counts.segments.at(self._week) & counts.incidence.counted
            found, _ = stratified_columns(counts.incidence.only(present), self._strata[present], counts.current())
            for name, values in found.items():
                every[name][there] = values
        return {name: values[pairs] for name, values in every.items()}

    def counted(self) -> dict[str, Any]:
        """What the table of the current week was made from."""
        counts = self._counts
        present = counts.n_product > 0
        return {
            "cases_in_view": counts.cases,
            "n": counts.n,
            "no_product": counts.no_product,
            "no_event": counts.no_event,
            "products": int(present.sum()),
            "events": int((counts.n_event > 0).sum()),
            "pairs": int((counts.a > 0).sum()),
            "ungrouped_products": int((present & self._against.ungrouped()).sum()),
            **self._prior_figures(),
        }

    def _prior_figures(self) -> dict[str, Any]:
        """What `PRIOR_COLUMNS` of `pv.signals.alerts` show; nothing where no measure has asked for the prior."""
        if self._fit is None:
            return {}
        found = self._fit
        now = fixed(self._against.cells(), found.variant, found.prior)
        figures = {"neg_log_likelihood": now.neg_log_likelihood, "points": now.points}
        return asdict(found.prior) | figures | {"prior_warnings": ";".join(found.warnings)}

    def _prior(self) -> Prior:
        """Of the gamma-Poisson shrinker, fitted to all cells of the table."""
        if self._fit is None and self._follows:
            self._fit = self._running_prior.at(self._counts.n, self._against.cells)
        elif self._fit is None:
            self._fit = fit(self._against.cells(), "zeros")
        return self._fit.prior

    def _measures(self, pairs: Ints) -> PairMeasures:
        """Measures of pairs that have a table, and their serious cases and deaths."""
        besides = {"serious": self._counts.serious[pairs], "deaths": self._counts.deaths[pairs]}
        return PairMeasures(self._cells(pairs), besides, self._prior, lambda: self._tails(pairs))

    def _cells(self, pairs: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        a = self._counts.a[pairs]
        return a, *cells_from_margins(a, *self._against.margins(pairs))

    def _tails(self, pairs: Ints) -> Columns:
        """Of these pairs, with q over the whole family of the table."""
        if self._significance is None:
            every = self._against.comparable(np.flatnonzero(self._counts.a > 0))
            found = significance(self._cells(every), self._against.family())
            size = len(self._counts.a)
            self._significance = {name: np.full(size, np.nan) for name in TAIL_COLUMNS}
            for name, values in found.items():
                self._significance[name][every] = values
        return {name: values[pairs] for name, values in self._significance.items()}

    def _measures_where_comparable(self, pairs: Ints) -> Columns:
        comparable = self._against.comparable(pairs)
        measures = self._measures(comparable)
        some = {name: measures[name] if name in self._given else _nothing(comparable) for name in LISTED}
        if len(comparable) == len(pairs):
            return some
        place = np.searchsorted(pairs, comparable)
        every: Columns = {}
        for name, values in some.items():
            every[name] = np.full(len(pairs), 0 if values.dtype.kind == "i" else np.nan, dtype=values.dtype)
            every[name][place] = values
        return every

    def _screen_names(self, met: Ints) -> NDArray[Any]:
        distinct, codes = np.unique(met, return_inverse=True)
        names = [
            ";".join(screen.name for bit, screen in enumerate(self._screens) if value >> bit & 1)
            for value in distinct.tolist()
        ]
        return np.array(names, dtype=object)[codes]


def _nothing(pairs: Ints) -> Floats:
    return np.full(len(pairs), np.nan)


@dataclass(frozen=True)
class _Look:
    """Screens, each with its bit, that look at the same pairs: those with at least `least` cases, of them `within`."""

    screens: tuple[tuple[int, Screen], ...]
    least: int
    within: Bools | None


def _looks(screens: tuple[Screen, ...], counts: RunningCounts) -> list[_Look]:
    """One look for all screens that are not limited to some labels, at the fewest pairs; one for each that is."""
    numbered = tuple(enumerate(screens))
    free = tuple(item for item in numbered if not (item[1].products or item[1].events))
    looks = [_Look((item,), item[1].rule.least_a, _within(item[1], counts)) for item in numbered if item not in free]
    if free:
        # None of them can be met with fewer cases.
        looks.insert(0, _Look(free, min(screen.rule.least_a for _, screen in free), None))
    return looks


def _within(screen: Screen, counts: RunningCounts) -> Bools:
    incidence = counts.incidence
    within: Bools = np.ones(len(counts.a), dtype=bool)
    for names, labels, codes in (
        (screen.products, incidence.products, counts.product),
        (screen.events, incidence.events, counts.event),
    ):
        if names:
            within &= np.asarray(labels.isin(names))[codes]
    return within
