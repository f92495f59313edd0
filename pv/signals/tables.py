"""One table of a stream through the weeks: which pairs meet its screens, and what has become of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pv.reference import streams
from pv.signals.counts import Ints
from pv.signals.groups import SameGroup, WholeStream
from pv.signals.history import NONE, History, Meeting
from pv.signals.measures import all_measures, cells_from_margins
from pv.signals.running import RunningCounts
from pv.signals.screens import ALL_TIME, STREAM, Screen, Table

Columns = dict[str, NDArray[Any]]
_SETTLED = 3  # weeks without a change after which no status moves any more


class TableRun:
    """Follows the counts of one level, event kind and window with one comparator."""

    def __init__(
        self, table: Table, screens: tuple[Screen, ...], counts: RunningCounts, products: pd.DataFrame
    ) -> None:
        """`screens`: those of this table; `products`: `StreamView.products`, for the groups."""
        self.table, self._screens, self._counts = table, screens, counts
        self._against: WholeStream | SameGroup = WholeStream(counts)
        if table.comparator != STREAM:
            self._against = SameGroup(counts, products[["segment", table.level, table.comparator]])
        default = streams()[table.stream].default_level
        self._lists_all = (table.level, table.comparator, table.window) == (default, STREAM, ALL_TIME)
        # Closed forms for the fewest pairs: none can meet a screen with less than this.
        self._least = min((screen.rule.least_a for screen in screens), default=0)
        self._history = History(len(counts.a))
        self._met: Ints = np.zeros(len(counts.a), dtype=np.int64)
        self._quiet = 0
        self._products = counts.incidence.products.to_numpy(dtype=object)
        self._events = counts.incidence.events.to_numpy(dtype=object)

    def advance(self, week: int) -> None:
        """Follow the counts, which have just moved to the week."""
        self._quiet = 0 if len(self._counts.changed) else self._quiet + 1
        if not self._screens or self._quiet > _SETTLED:
            return
        self._against.advance(week)
        pairs = self._against.comparable(np.flatnonzero(self._counts.a >= self._least))
        measures = self._measures(pairs)
        met = np.zeros(len(pairs), dtype=np.int64)
        for bit, screen in enumerate(self._screens):
            met |= screen.rule.met(measures).astype(np.int64) << bit
        self._met[:] = 0
        self._met[pairs] = met
        meets = met > 0
        columns = {name: measures[name][meets] for name in ("ic", "ic025", "ic975", "serious", "deaths")}
        self._history.step(week, Meeting(pairs[meets], met[meets], **columns))

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
        }

    def counted(self) -> dict[str, int]:
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
        }

    def _measures(self, pairs: Ints) -> Columns:
        """Measures of pairs that have a table, and their serious cases and deaths."""
        a = self._counts.a[pairs]
        measures = all_measures(a, *cells_from_margins(a, *self._against.margins(pairs)))
        return {**measures, "serious": self._counts.serious[pairs], "deaths": self._counts.deaths[pairs]}

    def _measures_where_comparable(self, pairs: Ints) -> Columns:
        comparable = self._against.comparable(pairs)
        some = self._measures(comparable)
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
