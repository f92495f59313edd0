"""Masking: a product with very many cases of an event hides that event for all other products.

The cases of the masking product k stand among the "other products" of everybody else's 2×2 table. If they hold the
event j more often than the rest does, they raise what is expected of every other product. How much, is the

                            cases of j / all cases                  m / N
    masking ratio   =  --------------------------------  =  ---------------------
                         the same without cases of k         (m - a) / (N - r)

(a cases with both, r with k, m with j, N in all): the factor by which a/E of a product that shares no case with k
rises when the cases of k are taken out. Maignen et al. 2014 look for the product with the highest such ratio and remove
it (earlier experiments: Wang et al. 2010); Juhlin et al. 2013 take out influential pairs in a parallel analysis, as is
done here: nothing in the ordinary tables changes.

A product masks an event where three things hold; of several that do, the one with the highest ratio is taken.

1. The masking ratio is at least 1.25: it inflates everybody's expected cases by a quarter. A ratio of 1.25 needs at
   least a fifth of the event's cases (`share_of_event`). The bound is a rule of the house.
2. Its own IC025 for the event is above 0, so that the excess is no chance (this takes at least 3 cases).
3. At least 3 of the event's cases do not have it, else nothing could come to light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from pv.signals.comparison import LEAST_CASES, names_met
from pv.signals.counts import Bools, Incidence, Ints, PairCounts
from pv.signals.measures import Floats, all_measures, cells_from_margins, ic
from pv.signals.running import Tally

if TYPE_CHECKING:
    from pv.signals.screens import Screen

LEAST_RATIO = 1.25
NONE = -1
BEFORE_AND_AFTER = ("prr", "prr_low", "prr_high", "ror", "ror_low", "ror_high", "ic", "ic025", "ic975")
UNMASKED_COLUMNS = (
    *("product", "event", "masked_by", "share_of_event", "masking_ratio", "a", "a_unmasked"),
    *BEFORE_AND_AFTER,
    *(f"{name}_unmasked" for name in BEFORE_AND_AFTER),
    *("screens", "screens_unmasked", "surfaced"),
)


@dataclass(frozen=True)
class Maskers:
    """The strongest masking product by event code: its code (-1: none), its share of the cases, its ratio (NaN)."""

    product: Ints
    share: Floats
    ratio: Floats


def unmasked(
    incidence: Incidence, counts: PairCounts, screens: Sequence[Screen], among: Bools | None = None
) -> pd.DataFrame:
    """Every pair of a masked event, with the measures as they are and with the masking product's cases taken out.

    `counts` is `pair_counts(incidence, among)`. Listed are the pairs with at least 3 cases before and after, sorted by
    product and event (`UNMASKED_COLUMNS`): masked_by, its share_of_event (0 to 1) and masking_ratio; a and a_unmasked,
    which is smaller where the two products are reported together; PRR, ROR and IC with their limits before, and after
    with the ending _unmasked; the general screens met before and after (see `comparison.names_met`); surfaced: meets
    none before and one after. The masking product itself has no cases left and is not listed.

    An event column is counted without the cases of its own masking product only, all of N, row and column totals
    included. Zero cells as in `pv.signals.measures`.
    """
    maskers = strongest_maskers(counts)
    pairs = np.flatnonzero((maskers.product[counts.event] != NONE) & (counts.a >= LEAST_CASES))
    without = counts_without(incidence, counts, maskers.product, pairs, among)
    kept = without[0] >= LEAST_CASES
    pairs = pairs[kept]
    product, event = counts.product[pairs], counts.event[pairs]
    present = (counts.a[pairs], counts.row_totals[product], counts.column_totals[event], np.full(len(pairs), counts.n))
    before, after = _measures(*present), _measures(*(column[kept] for column in without))
    met, met_after = names_met(screens, before), names_met(screens, after)
    columns = {
        "product": incidence.products.take(product),
        "event": incidence.events.take(event),
        "masked_by": incidence.products.take(maskers.product[event]),
        "share_of_event": maskers.share[event],
        "masking_ratio": maskers.ratio[event],
        "a_unmasked": after["a"],
        **{name: before[name] for name in ("a", *BEFORE_AND_AFTER)},
        **{f"{name}_unmasked": after[name] for name in BEFORE_AND_AFTER},
        "screens": pd.Index(met, dtype="str"),
        "screens_unmasked": pd.Index(met_after, dtype="str"),
        "surfaced": (met == "") & (met_after != ""),
    }
    return pd.DataFrame({name: columns[name] for name in UNMASKED_COLUMNS})


def masking_ratio(a: Ints, n_product: Ints, n_event: Ints, n: int) -> Floats:
    """(m/N) / [(m - a)/(N - r)], see above; one value a pair with a ≥ 1.

    ∞ where every case of the event has the product and others have neither, NaN where every case has the product.
    """
    over = n_event * (n - n_product).astype(np.float64)
    under = n * (n_event - a).astype(np.float64)
    ratio: Floats = np.full(len(over), np.nan)
    np.divide(over, under, out=ratio, where=under > 0)
    ratio[(under == 0) & (over > 0)] = np.inf
    return ratio


def strongest_maskers(counts: PairCounts) -> Maskers:
    """For each event the product that masks it most; ties: more cases of the event, then the first by code point."""
    a, n_product, n_event = counts.a, counts.n_product, counts.n_event
    ratio = masking_ratio(a, n_product, n_event, counts.n)
    able = np.flatnonzero((ratio >= LEAST_RATIO) & (a >= LEAST_CASES) & (n_event - a >= LEAST_CASES))
    cells = cells_from_margins(a[able], n_product[able], n_event[able], counts.n)
    able = able[ic(a[able], *cells).low > 0]
    order = able[np.lexsort((counts.product[able], -a[able], -ratio[able], counts.event[able]))]
    events, first = np.unique(counts.event[order], return_index=True)
    best = order[first]
    size = len(counts.column_totals)
    found = Maskers(np.full(size, NONE, dtype=np.int64), np.full(size, np.nan), np.full(size, np.nan))
    found.product[events] = counts.product[best]
    found.share[events] = a[best] / n_event[best]
    found.ratio[events] = ratio[best]
    return found


def counts_without(
    incidence: Incidence, counts: PairCounts, masker: Ints, pairs: Ints, among: Bools | None = None
) -> tuple[Ints, Ints, Ints, Ints]:
    """a, n_product, n_event and n of each pair when every case that has the event's masker is taken out.

    `masker`: product code by event code, -1 where nothing is taken out; `pairs`: places in `counts`. The same as a
    recount of the remaining cases, but only what goes is counted: for 1 million cases a second, not one recount a
    masker.
    """
    picked = incidence.counted if among is None else incidence.counted & among
    D, E = incidence.D[picked], incidence.E[picked]
    product, event = counts.product[pairs].astype(np.int64), counts.event[pairs].astype(np.int64)
    taken_out = masker[event]
    some = taken_out != NONE

    both_gone = D.T @ _entries_with_masker(D, E, masker)
    a = counts.a[pairs] - _values(both_gone, product, event)
    distinct, place = np.unique(taken_out[some], return_inverse=True)
    gone = [np.zeros(len(pairs), dtype=np.int64) for _ in range(3)]
    gone[0][some] = _values(D.T @ D[:, distinct], product[some], place)  # cases with the product and the masker
    gone[1][some] = _values(both_gone, taken_out[some], event[some])  # with the masker and the event
    gone[2][some] = counts.row_totals[taken_out[some]]
    totals = (counts.row_totals[product], counts.column_totals[event], np.full(len(pairs), counts.n))
    n_product, n_event, n = (total - less for total, less in zip(totals, gone, strict=True))
    return a, n_product, n_event, n


def _entries_with_masker(D: csr_array, E: csr_array, masker: Ints) -> csr_array:
    """Those entries (case, event) of E whose case has the event's masker."""
    row = np.repeat(np.arange(E.shape[0], dtype=np.int64), np.diff(E.indptr))
    of = masker[E.indices]
    row, event, of = (values[of != NONE] for values in (row, E.indices, of))
    there = _values(D, row, of) > 0
    ones = np.ones(int(there.sum()), dtype=np.int64)
    return csr_array((ones, (row[there], event[there])), shape=E.shape)


def _values(matrix: csr_array, row: Ints, column: Ints) -> Ints:
    """The entries at the given places, 0 where there is none."""
    matrix = matrix.tocsr()
    matrix.sort_indices()
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    tally = Tally(rows * matrix.shape[1] + matrix.indices)
    tally.values = matrix.data.astype(np.int64)
    return tally.get(row * matrix.shape[1] + column)


def _measures(a: Ints, n_product: Ints, n_event: Ints, n: Ints) -> dict[str, np.ndarray]:
    return all_measures(a, *cells_from_margins(a, n_product, n_event, n))
