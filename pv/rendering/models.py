"""What the two reports of a week say: frozen view models, free of language and layout.

Every renderer gets the same model, so a number is computed once, here or before, never in a template.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pandas as pd

from pv import reviews
from pv.accounts import Accounts
from pv.appraisal import Appraisal
from pv.reference import streams
from pv.rendering.columns import Table
from pv.signals.screens import Screen
from pv.week import Week

# A status that asks people to look again, in the order in which they are shown. A pair is strengthened against the week
# in which it became new or returned, and stays so: most of those were strengthened long ago.
FRESH = ("new", "returned")
CHANGED = (*FRESH, "strengthened")
STANDING = ("continuing", "weakened")
LAPSED = "lapsed"


@dataclass(frozen=True)
class WeekInput:
    """All that the reports of one week are made from: the view of `week` as known at `as_of` (UTC).

    `signals` and `counted` as of `pv.signals.alerts` for all streams; `filings` and `quarantined` as of `pv.cases`
    (`reasons` in English, beside it `reasons_zh`); `filings_before` is the view of the week before; `evidence`: the
    tables of `pv.signals.evidence` over all streams, and of `pv.context`;
    `reviews` and `duplicates`: pairs that may be one event, and how many, of `pv.reviews` at `as_of`;
    `accounts`: those of all rows up to `as_of`; `files`: files ingested up to then;
    `unmapped`: stream, kind (product, event, hospital), wording, beside (the name of a number), cases;
    `mappings` as of `StreamCases.mappings`, for all streams; `product_names`: stream → `StreamCases.product_names`.
    """

    week: Week
    as_of: datetime
    revision: int
    area: str
    signals: pd.DataFrame = field(repr=False)
    counted: pd.DataFrame = field(repr=False)
    filings: pd.DataFrame = field(repr=False)
    filings_before: pd.DataFrame = field(repr=False)
    quarantined: pd.DataFrame = field(repr=False)
    appraisal: Appraisal = field(repr=False)
    files: pd.DataFrame = field(repr=False)
    unmapped: pd.DataFrame = field(repr=False)
    mappings: pd.DataFrame = field(repr=False)
    screens: Sequence[Screen] = field(repr=False)
    evidence: Mapping[str, pd.DataFrame] = field(repr=False, default_factory=dict)
    reviews: pd.DataFrame = field(repr=False, default_factory=lambda: pd.DataFrame(columns=list(reviews.COLUMNS)))
    duplicates: pd.DataFrame = field(repr=False, default_factory=lambda: pd.DataFrame(columns=list(reviews.COUNTS)))
    accounts: Accounts | None = field(repr=False, default=None)
    product_names: Mapping[str, Mapping[tuple[str, str], str]] = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class Heading:
    """What stands at the top of every report of the week."""

    week: Week
    area: str
    revision: int
    as_of: datetime

    @classmethod
    def of(cls, week_input: WeekInput) -> Heading:
        return cls(week_input.week, week_input.area, week_input.revision, week_input.as_of)

    @property
    def first_day(self) -> date:
        return self.week.start

    @property
    def last_day(self) -> date:
        return self.week.last_day

    @property
    def year(self) -> int:
        return self.week.year

    @property
    def number(self) -> int:
        return self.week.start.isocalendar().week

    @property
    def next(self) -> Week:
        return Week(self.week.index + 1)


@dataclass(frozen=True)
class Attention:
    """One thing that waits for somebody: what (`kind`), how many, and how many in each stream.

    A hospital that stopped in two streams is one, but stands in both streams. `grave` ones are marked.
    """

    kind: str
    count: int
    by_stream: tuple[tuple[str, int], ...] = ()
    grave: bool = False


def waiting(kind: str, counts: Counter[str], *, grave: bool = False) -> Iterator[Attention]:
    """The attention to a kind of thing, from its counts by stream; none where there is nothing."""
    counts = +counts
    if counts:
        order = sorted(counts, key=lambda name: (list(streams()).index(name) if name in streams() else 99, name))
        yield Attention(kind, counts.total(), tuple((name, counts[name]) for name in order), grave=grave)


@dataclass(frozen=True)
class StreamTotals:
    """Reports filed of one stream (merged duplicates are reports too; deleted and withdrawn ones are not).

    A figure of last year is None where the data do not reach back to the beginning of its period.
    """

    stream: str
    week: int
    last_week: int
    week_change: int
    same_week_last_year: int | None
    year_change: int | None
    ytd: int
    ytd_last_year: int | None
    ytd_growth: float | None
    deaths: int
    serious: int
    new_or_serious: int
    merged: int
    trend: tuple[int, ...]


@dataclass(frozen=True)
class Alert:
    """One row of `signals.csv` that has a status: see `pv.signals.alerts` for the columns.

    `product_name`: the product with which a number, a lot or a model is reported most.
    """

    stream: str
    event_kind: str
    level: str
    comparator: str
    window: str
    product: str
    event: str
    a: int
    b: int
    c: int
    d: int
    expected: float
    prr: float
    prr_low: float
    prr_high: float
    ror: float
    ror_low: float
    ror_high: float
    chi_square: float
    ic: float
    ic025: float
    ic975: float
    screens: str
    status: str
    first_week: str
    serious: int
    deaths: int
    hospitals: int
    status_since: str
    rrr: float
    chi_square_pearson: float
    ebgm: float
    eb05: float
    eb95: float
    p: float
    p_mid: float
    q_bh: float
    q_by: float
    expected_stratified: float
    ror_mh: float
    ror_mh_low: float
    ror_mh_high: float
    ic_stratified: float
    ic025_stratified: float
    ic975_stratified: float
    ebgm_stratified: float
    eb05_stratified: float
    eb95_stratified: float
    product_name: str = ""

    @property
    def label(self) -> str:
        """The product as people know it."""
        return f"{self.product} {self.product_name}".strip()

    def cell(self, column: str) -> Any:
        """What a sheet shows in a column."""
        return self.label if column == "product" else getattr(self, column, "")

    def changed_in(self, week: Week) -> bool:
        """Whether this week gave a reason to look at the pair again."""
        return self.status in CHANGED and self.status_since == str(week)

    @property
    def pair(self) -> tuple[str, str, str, str, str]:
        """What is assessed: the pair at its level, whatever it was compared with."""
        return self.stream, self.event_kind, self.level, self.product, self.event

    @property
    def key(self) -> str:
        """A short number of the pair that stays the same from week to week."""
        return hashlib.sha256("\x1f".join(self.pair).encode()).hexdigest()[:10]


@dataclass(frozen=True)
class AlertTable:
    """The alerts of one table of counts, gravest first, with what was counted in it."""

    stream: str
    event_kind: str
    level: str
    comparator: str
    window: str
    n: int
    no_product: int
    no_event: int
    products: int
    events: int
    pairs: int
    ungrouped_products: int
    changed: tuple[Alert, ...] = field(repr=False)
    standing: tuple[Alert, ...] = field(repr=False)


@dataclass(frozen=True)
class SignalReport:
    """The weekly signal report, 药械妆安全信号周报."""

    heading: Heading
    attention: tuple[Attention, ...]
    totals: tuple[StreamTotals, ...]
    cases: Table = field(repr=False)
    grave: tuple[tuple[str, Table], ...] = field(repr=False)  # death, new_serious, serious: each case once
    alerts: tuple[Alert, ...] = field(repr=False)  # of every table and status
    changed: tuple[Alert, ...] = field(repr=False)  # each pair once
    alert_counts: tuple[tuple[str, Mapping[str, int]], ...] = field(repr=False)
    sections: tuple[tuple[str, tuple[AlertTable, ...]], ...] = field(repr=False)  # by stream
    lapsed: tuple[Alert, ...] = field(repr=False)
    assessment: Table = field(repr=False)
    files: Table = field(repr=False)
    accounts: Table = field(repr=False)
    disagreeing: Table = field(repr=False)
    quarantined: Table = field(repr=False)
    unmapped: Table = field(repr=False)
    reviews: Table = field(repr=False)
    duplicates: Table = field(repr=False)
    mappings: Table = field(repr=False)
    counted: Table = field(repr=False)
    priors: Table = field(repr=False)
    evidence: tuple[tuple[str, Table], ...] = field(repr=False)  # by the names of `evidence_columns.EVIDENCE`
    risks: Mapping[tuple[str, str], int] = field(
        repr=False
    )  # (stream, product): risk information on it, not on its maker
    screens: tuple[Screen, ...] = field(repr=False)


@dataclass(frozen=True)
class RateRow:
    """A hospital or area in a table of rates; `below`: its 95 % interval lies under the group's rate."""

    name: str
    kind: str  # whole, district, area, direct, unassigned; hospital
    district: str
    population: float
    reports_week: int
    reports_ytd: int
    reports_last_year: int
    year_on_year: float
    rate_ytd: float
    rate_low: float
    rate_high: float
    rate_annualised: float
    quota: float
    completion: float
    serious: int
    new_or_serious: int
    evaluated: int
    below: bool


@dataclass(frozen=True)
class RateGroup:
    """Rows that may be compared: hospitals of one level and kind, or the areas.

    `rate` is reports per million over all rows that have a population, NaN where none has; `scale` is where the axis
    of its chart ends.
    """

    level: str
    kind: str
    reports: int
    rate: float
    scale: float
    rows: tuple[RateRow, ...] = field(repr=False)


@dataclass(frozen=True)
class StreamRates:
    """The rates of one stream; `marks` are whole-year targets of the whole area, per million."""

    stream: str
    marks: tuple[tuple[float, str], ...]
    areas: RateGroup
    groups: tuple[RateGroup, ...] = field(repr=False)
    unassigned: RateRow | None

    @property
    def mark_values(self) -> tuple[float, ...]:
        return tuple(value for value, _ in self.marks)


@dataclass(frozen=True)
class TargetCell:
    """One target of one set against its actual value; `share`: both are shares, else reports per million."""

    share: bool
    comparison: str
    value: float
    actual: float
    completion: float
    met: str  # yes, no, not_yet (a year's count that can still be reached), "" (cannot be computed)
    behind: bool  # not met, and completion has not kept up with the year either


@dataclass(frozen=True)
class TargetRow:
    """One metric of one stream and area, a cell for each target set (None: the set says nothing of it)."""

    metric: str
    stream: str
    area: str
    whole: bool  # of the whole area, not of an area below it
    cells: tuple[TargetCell | None, ...]


@dataclass(frozen=True)
class SilentRow:
    """A hospital of level 2 or above that is silent in at least one stream this year.

    `by_stream`: per stream whether it is silent, the day of the last report ("" = none known) and the weeks since.
    """

    hospital: str
    level: str
    kind: str
    district: str
    everywhere: bool
    by_stream: tuple[tuple[bool, str, float], ...]


@dataclass(frozen=True)
class CoverageRow:
    """Per choice of institutions and streams: (with a report, institutions, share)."""

    name: str
    scope: str
    cells: tuple[tuple[int, int, float], ...]


@dataclass(frozen=True)
class HospitalReport:
    """The hospital assessment report, 医疗机构监测工作考核."""

    heading: Heading
    year_elapsed: float
    attention: tuple[Attention, ...]
    rates: tuple[StreamRates, ...]
    target_sets: tuple[str, ...]
    targets: tuple[TargetRow, ...]
    streams: tuple[str, ...]
    silent: tuple[SilentRow, ...]
    coverage_of: tuple[tuple[str, str], ...]
    coverage: tuple[CoverageRow, ...] = field(repr=False)
    working_days: Mapping[str, str]
    tables: Mapping[str, Table] = field(repr=False)  # every table of the appraisal, whole
    disagreeing: Table = field(repr=False)  # official figures that differ from ours
    official_form: Table = field(repr=False)  # the form for official figures, with ours beside

    @property
    def district_targets(self) -> tuple[int, int] | None:
        """How many targets the areas below have, and how many of them are not met and behind the year."""
        cells = [cell for row in self.targets if not row.whole for cell in row.cells if cell is not None]
        return (len(cells), sum(cell.behind for cell in cells)) if cells else None

    @property
    def coverage_groups(self) -> tuple[tuple[str, int], ...]:
        """The choices of institutions with the number of columns of each."""
        return tuple(Counter(group for group, _ in self.coverage_of).items())
