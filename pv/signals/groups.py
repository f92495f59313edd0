"""What a product is compared with: all cases of the stream, or those that have a product of the same group."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from pv.signals.counts import Bools, Ints, encode, incidence_matrix
from pv.signals.measures import Floats
from pv.signals.prior import Cells, cells_from_expected, cells_from_margins
from pv.signals.running import RunningCounts, Tally, signed_rows

NO_GROUP = -1


class WholeStream:
    """The comparator "stream"."""

    def __init__(self, counts: RunningCounts) -> None:
        self._counts = counts

    def advance(self, week: int) -> None:
        """Nothing moves but the counts themselves."""

    def comparable(self, pairs: Ints) -> Ints:
        """Those of the pairs (places in the counts) that have a 2×2 table: all."""
        return pairs

    def margins(self, pairs: Ints) -> tuple[Ints, Ints, Ints]:
        """n_product, n_event and n of each pair's table."""
        counts = self._counts
        n = np.full(len(pairs), counts.n, dtype=np.int64)
        return counts.n_product[counts.product[pairs]], counts.n_event[counts.event[pairs]], n

    def ungrouped(self) -> Bools:
        """Products that have no table: none."""
        return np.zeros(len(self._counts.n_product), dtype=bool)

    def cells(self) -> Cells:
        """What the prior is fitted to: every combination of a product and an event, observed or not."""
        return cells_from_margins(self._counts.current(), "zeros")

    def family(self) -> int:
        """How many combinations of a product and an event there are."""
        return self._counts.current().family


class SameGroup:
    """The comparator of one group level (class, generic, category).

    In a week, a product belongs to the most frequent group among its rows of the cases counted in that week (ties:
    the first by code point; rows without a group do not vote), and the table of a pair is made among the cases that
    have a product of that group. A product none of whose rows names a group has no table.
    """

    def __init__(self, counts: RunningCounts, rows: pd.DataFrame) -> None:
        """`rows`: segment, product label and group label of every product row."""
        self._counts, incidence = counts, counts.incidence
        rows = rows[(rows.iloc[:, 1] != "") & (rows.iloc[:, 2] != "")]
        segment = rows.iloc[:, 0].to_numpy(np.int64)
        counted = incidence.counted[segment]
        segment, rows = segment[counted], rows[counted]
        product = incidence.products.get_indexer(pd.Index(rows.iloc[:, 1])).astype(np.int64)
        group, labels = encode(rows.iloc[:, 2])
        self._events, self._groups = incidence.E.shape[1], max(1, len(labels))

        options, codes = np.unique(product * self._groups + group, return_inverse=True)
        self._option_product, self._option_group = np.divmod(options, self._groups)
        size = len(incidence.counted)
        self._rows = csr_array((np.ones(len(segment), dtype=np.int64), (segment, codes)), shape=(size, len(options)))
        self._votes: Ints = np.zeros(len(options), dtype=np.int64)
        self.group: Ints = np.full(len(incidence.products), NO_GROUP, dtype=np.int64)
        self._present = np.zeros(len(incidence.products), dtype=bool)

        # A case may ever count in every group that any row gives to one of its products.
        groups = incidence_matrix(self._option_product, self._option_group, (len(incidence.products), self._groups))
        cells = ((incidence.D @ groups).T @ incidence.E).tocsr()
        cells.sort_indices()
        row = np.repeat(np.arange(cells.shape[0], dtype=np.int64), np.diff(cells.indptr))
        self._n_event = Tally(row * self._events + cells.indices)
        self._n: Ints = np.zeros(self._groups, dtype=np.int64)

    def advance(self, week: int) -> None:
        """Follow the counts, which have just moved to the week."""
        changed, sign = self._counts.changed, self._counts.sign
        if not len(changed):
            return
        votes = signed_rows(self._rows, changed, sign)
        np.add.at(self._votes, votes.indices, votes.data)
        group = self._elect()
        # A product that was not there before takes no counted case from one group to another.
        moved = self._present & (group != self.group)
        self.group, self._present = group, self._counts.n_product > 0
        if moved.any():
            self._n[:] = self._n_event.values[:] = 0
            changed = np.flatnonzero(self._counts.segments.at(week) & self._counts.incidence.counted)
            sign = np.ones(len(changed), dtype=np.int64)
        self._count(changed, sign)

    def _elect(self) -> Ints:
        """The group of each product; a product that has just gone keeps its last one until it comes again."""
        order = np.lexsort((self._option_group, -self._votes, self._option_product))
        order = order[self._votes[order] > 0]
        winners, first = np.unique(self._option_product[order], return_index=True)
        group: Ints = np.where(self._counts.n_product > 0, NO_GROUP, self.group)
        group[winners] = self._option_group[order[first]]
        return group

    def _count(self, changed: Ints, sign: Ints) -> None:
        incidence = self._counts.incidence
        products = incidence.D[changed]
        row = np.repeat(np.arange(len(changed)), np.diff(products.indptr))
        group = self.group[products.indices]
        grouped = group != NO_GROUP
        members = incidence_matrix(row[grouped], group[grouped], (len(changed), self._groups))
        members.data = members.data * np.repeat(sign, np.diff(members.indptr))
        np.add.at(self._n, members.indices, members.data)
        moved = (members.T @ incidence.E[changed]).tocoo()
        self._n_event.add(moved.row.astype(np.int64) * self._events + moved.col, moved.data)

    def comparable(self, pairs: Ints) -> Ints:
        """Those of the pairs (places in the counts) whose product has a group."""
        grouped: Bools = self.group[self._counts.product[pairs]] != NO_GROUP
        return pairs[grouped]

    def ungrouped(self) -> Bools:
        """Products that have no table."""
        return np.equal(self.group, NO_GROUP)

    def margins(self, pairs: Ints) -> tuple[Ints, Ints, Ints]:
        """n_product, n_event and n of each pair's table; the pairs must be comparable."""
        counts = self._counts
        product, event = counts.product[pairs], counts.event[pairs]
        group = self.group[product]
        return counts.n_product[product], self._n_event.get(group * self._events + event), self._n[group]

    def cells(self) -> Cells:
        """What the prior is fitted to: every combination of a product and an event of its group."""
        counts = self._counts
        pairs = self.comparable(np.flatnonzero(counts.a > 0))
        n_product, n_event, n = self.margins(pairs)
        expected = n_product * n_event / n
        combined = [self._combinations(group) for group in self._occupied()]
        # Each observed cell is one of the combinations and has the very same E.
        values = np.concatenate([expected, *(values for values, _ in combined)])
        weights = np.concatenate([np.full(len(pairs), -1.0), *(weights for _, weights in combined)])
        distinct, codes = np.unique(values, return_inverse=True)
        left = np.bincount(codes, weights, minlength=len(distinct))
        return cells_from_expected(counts.a[pairs], expected, (distinct[left > 0], left[left > 0]))

    def family(self) -> int:
        """How many combinations of a product and an event of its group there are."""
        products = np.bincount(self.group[self._members()], minlength=self._groups)
        events = np.bincount(self._n_event.keys[self._n_event.values > 0] // self._events, minlength=self._groups)
        return int((products * events).sum())

    def _members(self) -> Bools:
        """Products that occur and have a group."""
        members: Bools = (self._counts.n_product > 0) & (self.group != NO_GROUP)
        return members

    def _occupied(self) -> Ints:
        return np.unique(self.group[self._members()])

    def _combinations(self, group: int) -> tuple[Floats, Floats]:
        """The values of E in a group, and how many of its combinations have each."""
        products = self._counts.n_product[self._members() & (self.group == group)]
        inside = (self._n_event.keys // self._events == group) & (self._n_event.values > 0)
        rows, row_weights = np.unique(products, return_counts=True)
        columns, column_weights = np.unique(self._n_event.values[inside], return_counts=True)
        expected = np.outer(rows, columns) / self._n[group]
        return expected.ravel(), np.outer(row_weights, column_weights).ravel().astype(np.float64)
