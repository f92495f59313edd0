"""Pair counts that move from week to week: each week adds the cases that enter and subtracts those that leave.

A backfill of years so costs little more than one count of everything. A full recount must give the same (tested).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from pv.signals.counts import Bools, Incidence, Ints, PairCounts, column_sums, encode, incidence_matrix, pair_counts

WEEKS_OF_12_MONTHS = 52


@dataclass(frozen=True)
class Segments:
    """Spans of weeks in which a case reads the same, one entry a span; what is counted of a case besides its pairs.

    A segment is there in the weeks start ≤ week < end (week numbers of `pv.week.Week.index`). `hospital` holds
    codes, -1 where it is unknown.
    """

    start: Ints
    end: Ints
    serious: Bools
    death: Bools
    hospital: Ints

    @classmethod
    def of(cls, cases: pd.DataFrame, window: str) -> Segments:
        """From `StreamView.cases`. In the window "12m" a case leaves 52 weeks after the week of its receipt."""
        start, end = cases["start"].to_numpy(np.int64), cases["end"].to_numpy(np.int64)
        if window == "12m":
            end = np.minimum(end, cases["received"].to_numpy(np.int64) + WEEKS_OF_12_MONTHS)
        codes, names = encode(cases["hospital"])
        unknown = np.asarray(names == "", dtype=bool)[codes] if len(names) else np.zeros(0, dtype=bool)
        return cls(
            start=start,
            end=np.maximum(start, end),
            serious=cases["serious"].to_numpy(bool),
            death=cases["death"].to_numpy(bool),
            hospital=np.where(unknown, -1, codes),
        )

    def at(self, week: int) -> Bools:
        return (self.start <= week) & (week < self.end)


class Calendar:
    """Which segments enter and leave in a week."""

    def __init__(self, segments: Segments) -> None:
        ever = np.flatnonzero(segments.start < segments.end)
        self._enter = ever[np.argsort(segments.start[ever], kind="stable")]
        self._leave = ever[np.argsort(segments.end[ever], kind="stable")]
        self._starts, self._ends = segments.start[self._enter], segments.end[self._leave]

    def changes(self, week: int) -> tuple[Ints, Ints]:
        """The segments that change with the week, and +1 (enters) or -1 (leaves) for each."""
        enter = self._enter[slice(*np.searchsorted(self._starts, [week, week + 1]))]
        leave = self._leave[slice(*np.searchsorted(self._ends, [week, week + 1]))]
        return np.concatenate([enter, leave]), np.repeat([1, -1], [len(enter), len(leave)])


class Tally:
    """Whole numbers under sorted keys."""

    def __init__(self, keys: Ints) -> None:
        self.keys = keys
        self.values: Ints = np.zeros(len(keys), dtype=np.int64)

    def places(self, keys: Ints) -> Ints:
        return np.searchsorted(self.keys, keys)

    def get(self, keys: Ints) -> Ints:
        """The number under each key, 0 where the key is not there."""
        if not len(self.keys):
            return np.zeros(len(keys), dtype=np.int64)
        places = np.minimum(self.places(keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, self.values[places], 0)

    def add(self, keys: Ints, amounts: Ints) -> None:
        np.add.at(self.values, self.places(keys), amounts)


class RunningCounts:
    """Counts of one stream, event kind, level and window in the current week.

    `product` and `event` hold the codes of every pair that occurs in any week, sorted; `a`, `serious` and `deaths`
    the current numbers of cases of each of those pairs. `n_product` and `n_event` are by code. `changed` and `sign`
    tell which counted segments the last step moved, and whether each came (1) or went (-1).
    """

    def __init__(self, incidence: Incidence, segments: Segments) -> None:
        self.incidence, self.segments = incidence, segments
        self._calendar = Calendar(segments)
        self._events = incidence.E.shape[1]
        pairs = pair_counts(incidence)
        self.product, self.event = pairs.product.astype(np.int64), pairs.event.astype(np.int64)
        self._keys = self.product * self._events + self.event
        self.a, self.serious, self.deaths = (np.zeros(len(self._keys), dtype=np.int64) for _ in range(3))
        self.n_product = np.zeros(incidence.D.shape[1], dtype=np.int64)
        self.n_event = np.zeros(self._events, dtype=np.int64)
        self.changed: Ints = np.zeros(0, dtype=np.int64)
        self.sign: Ints = np.zeros(0, dtype=np.int64)
        self.n = self.cases = self.no_product = self.no_event = 0
        self._lay_out_cells()

    def _lay_out_cells(self) -> None:
        """Cells are (product, hospital) × event, so that one product also gives the hospitals of each pair."""
        D, segments = self.incidence.D, self.segments
        rows = np.repeat(np.arange(D.shape[0]), np.diff(D.indptr))
        hospitals = int(segments.hospital.max(initial=-1)) + 2
        combined, codes = np.unique(D.indices * hospitals + segments.hospital[rows] + 1, return_inverse=True)
        self._product_of = combined // hospitals
        self._DH = incidence_matrix(rows, codes, (D.shape[0], len(combined)))
        cells = (self._DH.T @ self.incidence.E).tocsr()
        cells.sort_indices()
        row = np.repeat(np.arange(cells.shape[0], dtype=np.int64), np.diff(cells.indptr))
        self._cells = Tally(row * self._events + cells.indices)
        self._pair_of = np.searchsorted(self._keys, self._product_of[row] * self._events + cells.indices)
        self._known_hospital = (combined % hospitals)[row] > 0
        # Three layers side by side: all cases, serious ones, deaths.
        E = self.incidence.E.tocoo()
        keep = [np.ones(len(E.row), dtype=bool), segments.serious[E.row], segments.death[E.row]]
        events = np.concatenate([E.col[mask] + layer * self._events for layer, mask in enumerate(keep)])
        self._layers = incidence_matrix(
            np.concatenate([E.row[mask] for mask in keep]), events, (D.shape[0], 3 * self._events)
        )

    def advance(self, week: int) -> None:
        """Move to a week; the weeks must come one after another, from one before which nothing had entered."""
        changed, sign = self._calendar.changes(week)
        self.cases += int(sign.sum())
        self.no_product += int(sign[self.incidence.no_product[changed]].sum())
        self.no_event += int(sign[self.incidence.no_event[changed]].sum())
        counted = self.incidence.counted[changed]
        self.changed, self.sign = changed[counted], sign[counted]
        if len(self.changed):
            self._move(self.changed, self.sign)

    def _move(self, changed: Ints, sign: Ints) -> None:
        products, layers = signed_rows(self._DH, changed, sign), self._layers[changed]
        self.n += int(sign.sum())
        np.add.at(self.n_product, self._product_of[products.indices], products.data)
        self.n_event += column_sums(signed_rows(self.incidence.E, changed, sign))
        moved = (products.T @ layers).tocoo()
        layer, event = np.divmod(moved.col.astype(np.int64), self._events)
        cell = self._cells.places(moved.row.astype(np.int64) * self._events + event)
        for number, counts in enumerate((self.a, self.serious, self.deaths)):
            of_layer = layer == number
            np.add.at(counts, self._pair_of[cell[of_layer]], moved.data[of_layer])
        np.add.at(self._cells.values, cell[layer == 0], moved.data[layer == 0])

    def current(self) -> PairCounts:
        """The pairs with a ≥ 1 of the current week."""
        there = self.a > 0
        product, event = (codes[there].astype(np.int32) for codes in (self.product, self.event))
        return PairCounts(product, event, self.a[there], self.n_product, self.n_event, self.n)

    def hospitals(self) -> Ints:
        """Distinct known hospitals that reported each pair."""
        there = (self._cells.values > 0) & self._known_hospital
        return np.bincount(self._pair_of[there], minlength=len(self._keys))


def signed_rows(matrix: csr_array, rows: Ints, sign: Ints) -> csr_array:
    """The rows of a 0-1 matrix, each times its sign."""
    picked = matrix[rows]
    picked.data = picked.data * np.repeat(sign, np.diff(picked.indptr))
    return picked
