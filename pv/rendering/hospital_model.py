"""The hospital assessment report as a model: targets, areas, hospitals among their peers, silence, coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from pv.appraisal import Appraisal
from pv.appraisal.evaluation import calendar_note
from pv.rendering import hospital_columns
from pv.rendering.columns import Table
from pv.rendering.models import (
    Attention,
    CoverageRow,
    Heading,
    HospitalReport,
    SilentRow,
    StreamRates,
    TargetRow,
    WeekInput,
    waiting,
)
from pv.rendering.official_sheet import disagreeing, official_form
from pv.rendering.rate_tables import stream_rates
from pv.rendering.target_grid import target_grid

_ALL = "all"
_UNASSIGNED = "（未归属 unassigned）"
_FRAMES = {
    "hospital_rates": hospital_columns.HOSPITAL_RATES,
    "district_rates": hospital_columns.DISTRICT_RATES,
    "target_status": hospital_columns.TARGET_STATUS,
    "silent": hospital_columns.SILENT,
    "stopped": hospital_columns.STOPPED,
    "coverage": hospital_columns.COVERAGE,
    "evaluation": hospital_columns.EVALUATION,
    "reconciliation": hospital_columns.RECONCILIATION,
    "months": hospital_columns.MONTHS,
    "official": hospital_columns.OFFICIAL,
}


def hospital_report(week_input: WeekInput) -> HospitalReport:
    """Everything the hospital assessment report says."""
    appraisal, elapsed = week_input.appraisal, week_input.week.year_elapsed
    streams = _reporting_streams(appraisal.reconciliation)
    rates = tuple(stream_rates(appraisal, stream) for stream in streams)
    target_sets, targets = target_grid(appraisal.target_status, appraisal.district_rates, elapsed)
    silent = _silent_grid(appraisal.silent, streams)
    coverage_of, coverage = _coverage_grid(appraisal.coverage, streams)
    return HospitalReport(
        heading=Heading.of(week_input),
        year_elapsed=elapsed,
        attention=tuple(_attention(appraisal, targets, silent, rates)),
        rates=rates,
        target_sets=target_sets,
        targets=targets,
        streams=streams,
        silent=silent,
        coverage_of=coverage_of,
        coverage=coverage,
        working_days=calendar_note(),
        tables={name: Table.of(_named(getattr(appraisal, name)), chosen) for name, chosen in _FRAMES.items()},
        disagreeing=disagreeing(appraisal),
        official_form=official_form(appraisal),
    )


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """The row of reports assigned to no hospital says so."""
    if "hospital_id" not in frame:
        return frame
    return frame.assign(hospital=frame["hospital"].where(frame["hospital_id"] != "", _UNASSIGNED))


def _reporting_streams(reconciliation: pd.DataFrame) -> tuple[str, ...]:
    """Streams of which a report was ever filed; all of them where there is none at all."""
    whole = reconciliation[(reconciliation["period"] == _ALL) & (reconciliation["stream"] != _ALL)]
    filed = whole[whole["filed"] > 0]
    return tuple((whole if filed.empty else filed)["stream"])


def _silent_grid(silent: pd.DataFrame, streams: Sequence[str]) -> tuple[SilentRow, ...]:
    """Hospitals × streams, those silent in every stream first."""
    by_hospital: dict[str, dict[str, dict[Any, Any]]] = {}
    for record in silent.to_dict("records"):
        by_hospital.setdefault(record["hospital_id"], {})[record["stream"]] = record
    rows = []
    for entries in by_hospital.values():
        facts = next(iter(entries.values()))
        cells = tuple(
            (True, entries[stream]["last_report"], entries[stream]["weeks_since"])
            if stream in entries
            else (False, "", 0.0)
            for stream in streams
        )
        if any(is_silent for is_silent, _, _ in cells):
            names = (facts["hospital"], facts["level"], facts["kind"], facts["district_name"])
            rows.append(SilentRow(*names, everywhere=_ALL in entries, by_stream=cells))
    return tuple(sorted(rows, key=lambda row: (not row.everywhere, row.district, row.level, row.hospital)))


def _coverage_grid(
    coverage: pd.DataFrame, streams: Sequence[str]
) -> tuple[tuple[tuple[str, str], ...], tuple[CoverageRow, ...]]:
    """Areas × (institutions, streams); streams that never reported are left to the workbook."""
    shown = coverage[coverage["streams"].isin(["drug+device", *streams, _ALL])]
    choices = tuple(dict.fromkeys(zip(shown["level_group"], shown["streams"], strict=True)))
    choices = tuple(sorted(choices, key=lambda choice: choice[0]))
    cells: dict[tuple[str, str], dict[tuple[str, str], tuple[int, int, float]]] = {}
    names: dict[tuple[str, str], str] = {}
    for record in shown.to_dict("records"):
        row, choice = (record["scope"], record["area"]), (record["level_group"], record["streams"])
        figures = (record["reporting"], record["hospitals"], record["coverage"])
        cells.setdefault(row, {})[choice] = figures
        names[row] = record["name"]
    rows = [
        CoverageRow(names[row], row[0], tuple(by_choice[choice] for choice in choices))
        for row, by_choice in cells.items()
    ]
    return choices, tuple(rows)


def _attention(
    appraisal: Appraisal, targets: Sequence[TargetRow], silent: Sequence[SilentRow], rates: Sequence[StreamRates]
) -> Iterator[Attention]:
    """What waits for the centre and the health bureau, the widest first."""
    behind = Counter(row.stream for row in targets for cell in row.cells if cell is not None and cell.behind)
    yield from waiting("targets_behind", behind, grave=True)
    everywhere = sum(row.everywhere for row in silent)
    if everywhere:
        yield Attention("silent_everywhere", everywhere, grave=True)
    stopped = appraisal.stopped[appraisal.stopped["stream"] != _ALL]
    for item in waiting("stopped", Counter(stopped["stream"]), grave=True):
        yield replace(item, count=stopped["hospital_id"].nunique())
    below = {entry.stream: sum(row.below for group in entry.groups for row in group.rows) for entry in rates}
    yield from waiting("below_peers", Counter(below))
    evaluation = appraisal.evaluation[appraisal.evaluation["stream"] != _ALL]
    overdue = dict(zip(evaluation["stream"], evaluation["overdue"].tolist(), strict=True))
    yield from waiting("overdue", Counter(overdue))
    unassigned = {entry.stream: entry.unassigned.reports_ytd for entry in rates if entry.unassigned}
    yield from waiting("unassigned", Counter(unassigned))
