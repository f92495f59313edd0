"""The weekly signal report as a model: what waits, the grave cases, totals, alerts, data quality."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import groupby
from typing import Any

import pandas as pd

from pv import context
from pv.reference import streams
from pv.rendering.columns import Column, Table
from pv.rendering.evidence_columns import EVIDENCE
from pv.rendering.line_lists import cases_behind, line_list, week_cases
from pv.rendering.models import (
    CHANGED,
    LAPSED,
    STANDING,
    Alert,
    AlertTable,
    Attention,
    Heading,
    SignalReport,
    StreamTotals,
    WeekInput,
    waiting,
)
from pv.rendering.official_sheet import disagreeing
from pv.rendering.review_sheet import DUPLICATES, REVIEWS
from pv.rendering.signal_columns import (
    ACCOUNTS,
    ASSESSMENT,
    CASES,
    COUNTED,
    FILES,
    MAPPINGS,
    PRIORS,
    QUARANTINED,
    UNMAPPED,
)
from pv.rendering.totals import stream_totals
from pv.week import Week

_STATUS_ORDER = {status: place for place, status in enumerate((*CHANGED, *STANDING, LAPSED))}
_ALERT_FIELDS = [field.name for field in fields(Alert) if field.name != "product_name"]
_TABLE_KEY = ["stream", "event_kind", "level", "comparator", "window"]
MOST_MAPPINGS = 20_000  # rows of the sheet
_GROUPS = ("death", "new_serious", "serious")


def signal_report(week_input: WeekInput) -> SignalReport:
    """Everything the signal report says."""
    week = week_input.week
    told = _alerts(week_input.signals, week_input.product_names)
    alerts = sorted(told, key=lambda alert: (not alert.changed_in(week), *_gravity(alert)))
    pairs = _gravest_by_pair(alerts)
    grave = week_cases(week_input.filings, week_input.filings_before, week_input.week)
    totals = stream_totals(week_input.filings, week_input.quarantined, week_input.week)
    risks = context.counts(week_input.evidence["risk"]) if "risk" in week_input.evidence else {}
    to_list = [alert for alert in alerts if alert.changed_in(week) and _at_default_level(alert)]
    return SignalReport(
        heading=Heading.of(week_input),
        attention=tuple(_attention(week_input, grave, totals, pairs)),
        totals=totals,
        cases=line_list(grave, cases_behind(week_input.filings, to_list)),
        grave=tuple((why, Table.of(grave[grave["why"] == why], CASES)) for why in _GROUPS),
        alerts=tuple(alerts),
        changed=tuple(alert for alert in pairs if alert.changed_in(week)),
        alert_counts=_alert_counts(pairs, [total.stream for total in totals]),
        sections=tuple(_sections(week_input.counted, alerts, week)),
        lapsed=tuple(alert for alert in alerts if alert.status == LAPSED),
        assessment=_assessment(pairs, risks),
        files=_table(week_input.files, FILES, by=["recorded_at"]),
        accounts=_accounts(week_input),
        disagreeing=disagreeing(week_input.appraisal),
        quarantined=_table(week_input.quarantined, QUARANTINED, by=["received_on"]),
        unmapped=_table(week_input.unmapped, UNMAPPED, by=["cases"]),
        reviews=Table.of(week_input.reviews, REVIEWS),
        duplicates=Table.of(week_input.duplicates, DUPLICATES),
        mappings=_mappings(week_input.mappings),
        counted=Table.of(week_input.counted, COUNTED),
        priors=Table.of(week_input.counted[week_input.counted["points"] > 0], PRIORS),
        evidence=tuple(_evidence(week_input.evidence)),
        risks=risks,
        screens=tuple(week_input.screens),
    )


def _mappings(frame: pd.DataFrame) -> Table:
    """Those to be looked at first, then by cases; the sheet holds the first of very many, `mappings.csv` all."""
    order = frame.assign(sound=frame["problem"] == "").sort_values(
        ["sound", "cases"], ascending=[True, False], kind="stable"
    )
    return Table.of(order.head(MOST_MAPPINGS), MAPPINGS)


def _evidence(frames: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, Table]]:
    for name, columns in EVIDENCE.items():
        yield name, Table.of(frames[name], columns) if name in frames else Table(columns, ())


def _accounts(week_input: WeekInput) -> Table:
    return Table((), ()) if week_input.accounts is None else Table.of(week_input.accounts.streams, ACCOUNTS)


def _alerts(signals: pd.DataFrame, names: Mapping[str, Mapping[tuple[str, str], str]]) -> Iterator[Alert]:
    for record in signals.loc[signals["status"] != "", _ALERT_FIELDS].to_dict("records"):
        product_name = names.get(record["stream"], {}).get((record["level"], record["product"]), "")
        yield Alert(**{str(name): value for name, value in record.items()}, product_name=product_name)


def _gravity(alert: Alert) -> tuple[Any, ...]:
    """Sorting key: what changed first, then deaths, serious cases, and how far the IC stands from chance."""
    certainty = -alert.ic025 if not math.isnan(alert.ic025) else math.inf
    status = _STATUS_ORDER[alert.status]
    return (
        status,
        -alert.deaths,
        -alert.serious,
        certainty,
        -alert.a,
        alert.pair,
        alert.comparator,
        alert.window,
    )


def _at_default_level(alert: Alert) -> bool:
    stream = streams().get(alert.stream)
    return stream is not None and alert.level == stream.default_level


def _gravest_by_pair(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """One alert a pair: several tables may show the same pair, people assess it once."""
    gravest: dict[tuple[str, ...], Alert] = {}
    for alert in alerts:
        gravest.setdefault(alert.pair, alert)
    return tuple(gravest.values())


def _alert_counts(pairs: Sequence[Alert], shown: Sequence[str]) -> tuple[tuple[str, dict[str, int]], ...]:
    counts = Counter((alert.stream, alert.status) for alert in pairs)
    return tuple((stream, {status: counts[stream, status] for status in _STATUS_ORDER}) for stream in shown)


def _sections(
    counted: pd.DataFrame, alerts: Iterable[Alert], week: Week
) -> Iterator[tuple[str, tuple[AlertTable, ...]]]:
    for stream, tables in groupby(_alert_tables(counted, alerts, week), key=lambda table: table.stream):
        yield stream, tuple(tables)


def _alert_tables(counted: pd.DataFrame, alerts: Iterable[Alert], week: Week) -> Iterator[AlertTable]:
    by_table: dict[tuple[str, ...], list[Alert]] = {}
    for alert in alerts:
        by_table.setdefault(tuple(getattr(alert, name) for name in _TABLE_KEY), []).append(alert)
    names = [field.name for field in fields(AlertTable) if field.name not in {"changed", "standing"}]
    for record in counted[names].to_dict("records"):
        own = by_table.get(tuple(record[name] for name in _TABLE_KEY), [])
        yield AlertTable(
            **{str(name): value for name, value in record.items()},
            changed=tuple(alert for alert in own if alert.changed_in(week)),
            standing=tuple(alert for alert in own if alert.status != LAPSED and not alert.changed_in(week)),
        )


def _assessment(pairs: Iterable[Alert], risks: Mapping[tuple[str, str], int]) -> Table:
    """The form: every pair that stands, its last columns left empty for people."""
    rows = []
    for alert in pairs:
        if alert.status != LAPSED:
            told = {"risks": risks.get((alert.stream, alert.product), 0)}
            rows.append(tuple(told.get(column.name, alert.cell(column.name)) for column in ASSESSMENT))
    return Table(ASSESSMENT, tuple(rows))


def _table(frame: pd.DataFrame, columns: Sequence[Column], by: list[str]) -> Table:
    """Largest or newest first; ties in the order of all columns."""
    names = [column.name for column in columns]
    rest = [name for name in names if name not in by]
    ordered = frame.sort_values([*by, *rest], ascending=[False] * len(by) + [True] * len(rest), kind="stable")
    return Table.of(ordered, columns)


def _attention(
    week_input: WeekInput, grave: pd.DataFrame, totals: Sequence[StreamTotals], pairs: Sequence[Alert]
) -> Iterator[Attention]:
    for why in _GROUPS:
        yield from waiting(why, Counter(grave.loc[grave["why"] == why, "stream"]), grave=why != "serious")
    for status in CHANGED:
        yield from waiting(
            f"alert_{status}",
            Counter(alert.stream for alert in pairs if alert.status == status and alert.changed_in(week_input.week)),
        )
    missing = [total.stream for total in totals if not total.week and any(total.trend[-5:])]
    yield from waiting("no_reports", Counter(missing))
    yield from waiting("quarantined", Counter(week_input.quarantined["stream"]))
    pairs_waiting = zip(week_input.duplicates["stream"], week_input.duplicates["waiting"], strict=True)
    yield from waiting("duplicates", Counter({str(stream): int(count) for stream, count in pairs_waiting}))
    yield from waiting("unmapped", Counter(week_input.unmapped["stream"]))
