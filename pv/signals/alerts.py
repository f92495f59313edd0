"""The pairs of a stream week by week: counts, measures, screens met, status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pv.signals.background import Background, rows_of
from pv.signals.counts import Incidence
from pv.signals.groups import SameGroup, WholeStream
from pv.signals.history import NEVER, STATUSES
from pv.signals.measures import MEASURE_COLUMNS
from pv.signals.pair_measures import MORE_COLUMNS
from pv.signals.running import RunningCounts, Segments
from pv.signals.screens import ALL_TIME, BACKGROUND, STREAM, WINDOWS, Screen, tables_of
from pv.signals.stratified_measures import STRATIFIED_COLUMNS, view_strata
from pv.signals.tables import TableRun
from pv.text import one_label_a_row
from pv.week import Week

if TYPE_CHECKING:
    from pv.cases import StreamView

TABLE_COLUMNS = ("stream", "event_kind", "level", "comparator", "window")
SIGNAL_COLUMNS = (
    *TABLE_COLUMNS,
    "product",
    "event",
    *MEASURE_COLUMNS,
    "screens",
    "status",
    "first_week",
    "serious",
    "deaths",
    "hospitals",
    "status_since",
    *MORE_COLUMNS,
    *STRATIFIED_COLUMNS,
)
PRIOR_COLUMNS = ("alpha1", "beta1", "alpha2", "beta2", "p", "neg_log_likelihood", "points", "prior_warnings")
COUNTED_COLUMNS = (
    *TABLE_COLUMNS,
    "cases_in_view",
    "n",
    "no_product",
    "no_event",
    "products",
    "events",
    "pairs",
    "ungrouped_products",
    *PRIOR_COLUMNS,
)


def signals_of_weeks(
    view: StreamView,
    weeks: Sequence[Week],
    screens: Sequence[Screen],
    *,
    strata: Sequence[str] = (),
    background: pd.DataFrame | None = None,
) -> Iterator[tuple[Week, pd.DataFrame, pd.DataFrame]]:
    """For each of the weeks, in ascending order: the week, its pairs, and what was counted.

    Pairs (`SIGNAL_COLUMNS`): of the table of the default level against the whole stream over all time every pair with
    a ≥ 1 and every one that ever met a screen; of the other tables those that meet a screen or did so once. `screens`
    are the names of the screens met this week on the row's own table, joined by ";". A pair with a = 0 has no
    measures. A pair whose product has no group any more has no table: a, b, c and d are 0. `strata` (names of
    `screens.STRATA`): the first of these tables has stratified measures, too. `background`: `Reference.background`;
    the tables against it are made where it has rows for the stream, event kind and level.

    Counted (`COUNTED_COLUMNS`), one row a table: cases_in_view = n + no_product + no_event (no counted product at
    that level; else no event of the kind); the distinct products, events and pairs of the n cases; and how many of
    the products no row gives a group to, so that they are in no table (0 against the whole stream). `PRIOR_COLUMNS`:
    the prior behind EBGM (variant "zeros"), fitted to the table in that week, and what is to be said against it.
    EBGM, p and q (and the prior) are given in the first of these tables, and in others where a screen asks for them.

    The history runs from the first week of the view, whichever weeks are asked for.
    """
    asked = sorted({week.index for week in weeks})
    counts, runs = _layout(view, screens, strata, background)
    first = int(view.cases["start"].min()) if len(view.cases) else asked[0] if asked else 0
    for index in range(min([first, *asked]), asked[-1] + 1 if asked else first):
        for running in counts:
            running.advance(index)
        for run in runs:
            run.advance(index)
        if index in asked:
            yield Week(index), _frame(runs), _counted(runs)


def _layout(
    view: StreamView, screens: Sequence[Screen], strata: Sequence[str], background: pd.DataFrame | None
) -> tuple[list[RunningCounts], list[TableRun]]:
    """The counts to keep, and the tables in their order; tables that differ in the comparator share counts."""
    segments = {window: Segments.of(view.cases, window) for window in WINDOWS}
    incidences: dict[tuple[str, str], Incidence] = {}
    counts: dict[tuple[str, str, str], RunningCounts] = {}
    codes = view_strata(view.cases, strata)
    runs = []
    for table, of_table in tables_of(view.stream, screens).items():
        what = (table.event_kind, table.level)
        rows = None
        if table.comparator == BACKGROUND:
            rows = None if background is None else rows_of(background, view.stream, *what)
            if rows is None or rows.empty:
                continue
        if what not in incidences:
            events = view.events.loc[view.events["kind"] == table.event_kind, ["segment", "event"]]
            named = one_label_a_row(view.products[["segment", table.level]])
            incidences[what] = Incidence.of(len(view.cases), named, events)
        key = (*what, table.window)
        if key not in counts:
            counts[key] = RunningCounts(incidences[what], segments[table.window])
        against: WholeStream | SameGroup | Background = WholeStream(counts[key])
        if rows is not None:
            against = Background(counts[key], rows, segments[ALL_TIME])
        elif table.comparator != STREAM:
            grouped = one_label_a_row(view.products[["segment", table.level, table.comparator]])
            against = SameGroup(counts[key], grouped)
        runs.append(TableRun(table, of_table, counts[key], against, codes))
    return list(counts.values()), runs


def _frame(runs: Sequence[TableRun]) -> pd.DataFrame:
    """The rows of all tables, one below the other."""
    parts = [run.rows() for run in runs]
    table = np.repeat(np.arange(len(runs)), [len(part["a"]) for part in parts])
    columns: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    for name in TABLE_COLUMNS:
        columns[name] = pd.Index([getattr(run.table, name) for run in runs], dtype="str").take(table)
    for name in ("product", "event", "screens"):
        columns[name] = pd.Index(columns[name], dtype="str")
    columns["status"] = pd.Index(STATUSES, dtype="str").take(columns["status"])
    for name in ("first_week", "status_since"):
        weeks, codes = np.unique(columns[name], return_inverse=True)
        texts = ["" if week == NEVER else str(Week(week)) for week in weeks.tolist()]
        columns[name] = pd.Index(texts, dtype="str").take(codes)
    return pd.DataFrame({name: columns[name] for name in SIGNAL_COLUMNS})


def _counted(runs: Sequence[TableRun]) -> pd.DataFrame:
    return pd.DataFrame([asdict(run.table) | run.counted() for run in runs], columns=list(COUNTED_COLUMNS))
