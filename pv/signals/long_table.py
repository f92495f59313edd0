"""Counts and measures of any long table, and measures of given 2×2 tables, without a store."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pv.signals.counts import Incidence, PairCounts, encode, pair_counts
from pv.signals.interactions import interactions
from pv.signals.masking import unmasked
from pv.signals.measures import cells_from_margins, expected
from pv.signals.pair_measures import ALL_COLUMNS, Columns, PairMeasures, significance
from pv.signals.prior import Cells, Fit, Prior, cells_from_expected, fit, fixed
from pv.signals.prior import cells_from_margins as prior_cells
from pv.signals.screens import Screen, load_screens
from pv.signals.stratified_measures import Strata, case_strata, stratified_columns
from pv.signals.table_files import TableError, read_table, text_columns

__all__ = ["MeasuredTables", "ScreenResult", "TableError", "measure_tables", "read_table", "screen"]

EXCLUSIONS = ("no_case", "no_product", "no_event")
CELLS = ("a", "b", "c", "d")


@dataclass(frozen=True)
class ScreenResult:
    """All pairs of a long table.

    `pairs`: product, event, `ALL_COLUMNS` up to ic975, screens (names joined by ";"), the further measures, and the
    stratified ones where strata were given; sorted by product and event. `n`: cases counted. `excluded`: rows left
    out, by the first reason that holds. `cases_left_out`: cases none of whose rows could be used. `met`: pairs by
    screen, `met_unbounded`: those of them whose ROR is unbounded. `fit`: the prior behind EBGM; `strata` with the fit
    over the stratified E. `seconds`: by stage, on the clock. `incidence` and `counts`: what the pairs were made from.
    """

    pairs: pd.DataFrame
    n: int
    products: int
    events: int
    rows: int
    excluded: dict[str, int]
    cases_left_out: int
    met: dict[str, int]
    met_unbounded: dict[str, int]
    fit: Fit
    incidence: Incidence
    counts: PairCounts
    strata: Strata | None = None
    strata_fit: Fit | None = None
    seconds: dict[str, float] = field(default_factory=dict, compare=False)

    def masking(self) -> pd.DataFrame:
        """Pairs of events that one product masks, with its cases and without them (`masking.unmasked`)."""
        return unmasked(self.incidence, self.counts, load_screens())

    def interactions(self) -> pd.DataFrame:
        """Ω of two products and an event."""
        return interactions(self.incidence, self.counts)

    def summary(self) -> dict[str, Any]:
        """The counts by name, for people and JSON."""
        values = {
            "rows": self.rows,
            "excluded": self.excluded,
            "cases": self.n,
            "cases_left_out": self.cases_left_out,
            "products": self.products,
            "events": self.events,
            "pairs": len(self.pairs),
            "unbounded_ror": int(np.isinf(self.pairs["ror"]).sum()),
            "met": self.met,
            "met_unbounded": self.met_unbounded,
            "prior": prior_summary(self.fit),
        }
        if self.strata is not None and self.strata_fit is not None:
            values["strata"] = self.strata.summary() | {"prior": prior_summary(self.strata_fit)}
        return values


def prior_summary(found: Fit) -> dict[str, Any]:
    """A fit as JSON shows it."""
    return {
        "variant": found.variant,
        **asdict(found.prior),
        "neg_log_likelihood": found.neg_log_likelihood,
        "points": found.points,
        "starts": found.starts,
        "warnings": list(found.warnings),
    }


class _Watch:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def screen(
    frame: pd.DataFrame,
    case: str,
    product: str,
    event: str,
    screens: Sequence[Screen] | None = None,
    *,
    strata: Sequence[str] = (),
    variant: str = "zeros",
    prior: Prior | None = None,
) -> ScreenResult:
    """Count and measure all pairs of a long table: one row a case, product and event, in text.

    A case has every product and every event of its rows, so the pairs of a case are all of them crossed. A row in
    which one of the three is blank is left out and counted. Wording is taken as it is, but for white space at its
    ends. A case's stratum is made of the first filled text of each of the columns `strata`; none is a stratum of its
    own. The prior is fitted by `variant` unless one is given. Screens: those of the shipped file that suit any stream.

    Raises TableError where a column is missing or there more than once, where no row can be counted, and where there
    is one stratum only.
    """
    watch = _Watch()
    with watch.stage("count"):
        columns = text_columns(frame, {"case": case, "product": product, "event": event})
        missing = {reason: columns[name] == "" for reason, name in zip(EXCLUSIONS, columns, strict=True)}
        excluded = _by_first_reason(missing)
        used = ~np.logical_or.reduce(list(missing.values()))
        if not used.any():
            raise TableError(_nothing_to_count(frame, excluded))
        numbers, cases = encode(columns["case"][used])
        incidence = _incidence(numbers, len(cases), columns["product"][used], columns["event"][used])
        counts = pair_counts(incidence)
    with watch.stage("fit"):
        found = _fit(counts, variant, prior)
    measures = _measured(counts, found.prior, watch)
    general = [s for s in (load_screens() if screens is None else screens) if s.general]
    met = {s.name: s.rule.met(measures) for s in general}
    ordered = {name: measures[name] for name in ALL_COLUMNS}
    layers, layers_fit = None, None
    layered: Columns = {}
    if strata:
        with watch.stage("strata"):
            texts = text_columns(frame, {f"stratum {name}": name for name in strata})
            layers = case_strata(pd.DataFrame({s.name: s[used] for s in texts.values()}), numbers, len(cases))
            layered, layers_fit = stratified_columns(incidence, layers.codes, counts, variant)
    names = {"screens": _joined_names(met, len(counts.a))}
    pairs = pd.DataFrame(
        {
            "product": incidence.products.take(counts.product),
            "event": incidence.events.take(counts.event),
            **dict(list(ordered.items())[:_FIXED]),
            **names,
            **dict(list(ordered.items())[_FIXED:]),
            **layered,
        },
        copy=False,
    )
    return ScreenResult(
        pairs=pairs,
        n=counts.n,
        products=len(incidence.products),
        events=len(incidence.events),
        rows=len(frame),
        excluded=excluded,
        cases_left_out=columns["case"][columns["case"] != ""].nunique() - len(cases),
        met={name: int(meets.sum()) for name, meets in met.items()},
        met_unbounded={name: int((meets & np.isinf(measures["ror"])).sum()) for name, meets in met.items()},
        fit=found,
        incidence=incidence,
        counts=counts,
        strata=layers,
        strata_fit=layers_fit,
        seconds=watch.seconds,
    )


_FIXED = ALL_COLUMNS.index("ic975") + 1  # the columns that stand before the names of the screens


def _incidence(numbers: NDArray[np.int64], cases: int, products: pd.Series, events: pd.Series) -> Incidence:
    tables = [pd.DataFrame({"case": numbers, "label": labels.to_numpy()}) for labels in (products, events)]
    return Incidence.of(cases, *tables)


def _fit(counts: PairCounts, variant: str, prior: Prior | None) -> Fit:
    cells = prior_cells(counts, variant)
    return fit(cells, variant) if prior is None else fixed(cells, variant, prior)


def _measured(counts: PairCounts, prior: Prior, watch: _Watch) -> PairMeasures:
    """All measures, each family under its own stage of the watch."""
    with watch.stage("closed_forms"):
        cells = (counts.a, *cells_from_margins(counts.a, counts.n_product, counts.n_event, counts.n))
        measures = PairMeasures(cells, {}, lambda: prior, lambda: significance(cells, counts.family))
    with watch.stage("ebgm"):
        _ = measures["ebgm"]
    with watch.stage("exact"):
        _ = measures["p"]
    return measures


def _nothing_to_count(frame: pd.DataFrame, excluded: dict[str, int]) -> str:
    file = frame.attrs.get("file", "the table")
    reasons = ", ".join(f"{name} {count}" for name, count in excluded.items())
    return (
        f"{file}: none of its {len(frame)} rows can be counted ({reasons}). "
        "A row needs a case, a product and an event; check the columns named."
    )


@dataclass(frozen=True)
class MeasuredTables:
    """Given 2×2 tables with their measures; `fit` is None where a prior was given."""

    tables: pd.DataFrame
    prior: Prior
    fit: Fit | None


def measure_tables(frame: pd.DataFrame, prior: Prior | None = None) -> MeasuredTables:
    """Measures of given 2×2 tables: columns a, b, c, d, as text or numbers; other columns are kept in front.

    Columns with the name of a measure are replaced. Without a prior one is fitted by the truncated variant, since the
    cells with a = 0 are not known. The family of the q-values is the given tables. Raises TableError where a column is
    missing or there is no table, ValueError that names the row where a cell is no count of cases.
    """
    columns = text_columns(frame, {name: name for name in CELLS})
    if not len(frame):
        raise TableError(f"{frame.attrs.get('file', 'the table')} has no rows. A row is a 2×2 table: a, b, c, d.")
    a, b, c, d = (_numbers(columns[name]) for name in CELLS)
    found = None
    if prior is None:
        found = fit(_truncated_cells(a, expected(a, b, c, d)), "truncated")
        prior = found.prior
    chosen: Prior = prior
    some = a > 0
    cells = tuple(cell.astype(np.int64) for cell in (a, b, c, d))

    def tails() -> Columns:
        values = significance((cells[0][some], cells[1][some], cells[2][some], cells[3][some]), len(frame))
        spread = {name: np.full(len(frame), np.nan) for name in values}
        for name, column in values.items():
            spread[name][some] = column
        return spread

    measures = PairMeasures((cells[0], cells[1], cells[2], cells[3]), {}, lambda: chosen, tails)
    measured = pd.DataFrame({name: measures[name] for name in ALL_COLUMNS}, index=frame.index)
    kept = frame.drop(columns=[name for name in frame.columns if str(name).strip() in ALL_COLUMNS])
    return MeasuredTables(pd.concat([kept, measured], axis=1), chosen, found)


def _truncated_cells(a: NDArray[Any], expected_cases: NDArray[np.float64]) -> Cells:
    some = a > 0
    if not some.any():
        raise TableError("no table has a case in cell a, so that no prior can be fitted. Give one with --prior.")
    return cells_from_expected(a[some], expected_cases[some], None)


def _numbers(texts: pd.Series) -> NDArray[Any]:
    numbers = pd.to_numeric(texts, errors="coerce")
    wrong = numbers.isna()
    if wrong.any():
        row = int(np.argmax(wrong))
        text = texts.iloc[row]
        raise ValueError(f"row {row + 1}: {texts.name} = “{text}” is no number; a count of cases is a whole number")
    return numbers.to_numpy()


def _by_first_reason(missing: dict[str, pd.Series]) -> dict[str, int]:
    excluded, seen = {}, np.zeros(len(next(iter(missing.values()))), dtype=bool)
    for reason, rows in missing.items():
        excluded[reason] = int((rows & ~seen).sum())
        seen |= rows.to_numpy()
    return excluded


def _joined_names(met: dict[str, np.ndarray], rows: int) -> pd.Index:
    """The names of the screens that each row meets, joined by ";"."""
    bits = np.zeros(rows, dtype=np.int64)
    for bit, meets in enumerate(met.values()):
        bits |= meets.astype(np.int64) << bit
    distinct, codes = np.unique(bits, return_inverse=True)
    names = [";".join(name for bit, name in enumerate(met) if value >> bit & 1) for value in distinct.tolist()]
    return pd.Index(names, dtype="str").take(codes)
