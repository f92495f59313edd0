"""Reports per million by area, and by hospital among its peers of one level and kind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import groupby
from typing import Any

import pandas as pd

from pv.appraisal import Appraisal
from pv.rendering.models import RateGroup, RateRow, StreamRates

_TAKEN = [field.name for field in fields(RateRow) if field.name not in {"name", "kind", "district", "below"}]
_AXIS_ENDS = (1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 10.0)  # whose quarters are short numbers
_LEVELS = ("3", "2", "1", "")  # the largest first


def stream_rates(appraisal: Appraisal, stream: str) -> StreamRates:
    """The rates of one stream with what its charts need."""
    areas = appraisal.district_rates[appraisal.district_rates["stream"] == stream]
    hospitals = appraisal.hospital_rates[appraisal.hospital_rates["stream"] == stream]
    assigned = hospitals[hospitals["hospital_id"] != ""]
    rest = [
        _row(record, "", "unassigned", "", math.nan)
        for record in hospitals[hospitals["hospital_id"] == ""].to_dict("records")
    ]
    whole = areas.loc[areas["scope"] == "whole", "area"]
    marks = _marks(appraisal.target_status, stream, "" if whole.empty else str(whole.iloc[0]))
    return StreamRates(
        stream=stream,
        marks=marks,
        areas=_areas(areas, [value for value, _ in marks]),
        groups=tuple(_groups(assigned)),
        unassigned=rest[0] if rest else None,
    )


def _areas(areas: pd.DataFrame, marks: Iterable[float]) -> RateGroup:
    """The whole area, its districts and what is below them; an unassigned row only where it holds reports."""
    kept = areas[(areas["scope"] != "unassigned") | (areas["reports_ytd"] > 0) | (areas["reports_week"] > 0)]
    whole = areas[areas["scope"] == "whole"]
    rate = float(whole["rate_ytd"].iloc[0]) if len(whole) else math.nan
    rows = tuple(_row(record, record["name"], record["scope"], "", rate) for record in kept.to_dict("records"))
    return RateGroup("", "", int(whole["reports_ytd"].sum()), rate, _scale(rows, marks), rows)


def _groups(hospitals: pd.DataFrame) -> Iterator[RateGroup]:
    """Hospitals by level and kind; those furthest behind first."""
    records = sorted(hospitals.to_dict("records"), key=_peers)
    for (_, level, kind), members in groupby(records, key=_peers):
        peers = list(members)
        with_population = [record for record in peers if record["population"] > 0]
        population = sum(record["population"] for record in with_population)
        reports = sum(record["reports_ytd"] for record in with_population)
        rate = reports / population * 1e6 if population else math.nan
        rows = [_row(record, record["hospital"], "hospital", record["district_name"], rate) for record in peers]
        total = sum(record["reports_ytd"] for record in peers)
        yield RateGroup(level, kind, total, rate, _scale(rows), tuple(sorted(rows, key=_furthest_behind)))


def _peers(record: dict[Any, Any]) -> tuple[int, str, str]:
    level = record["level"]
    return _LEVELS.index(level) if level in _LEVELS else len(_LEVELS), level, record["kind"]


def _furthest_behind(row: RateRow) -> tuple[float, float, int, str]:
    return _last_if_missing(row.completion), _last_if_missing(row.rate_ytd), row.reports_ytd, row.name


def _last_if_missing(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _row(record: dict[Any, Any], name: str, kind: str, district: str, group_rate: float) -> RateRow:
    taken = {column: record[column] for column in _TAKEN}
    return RateRow(name=name, kind=kind, district=district, below=record["rate_high"] < group_rate, **taken)


def _marks(targets: pd.DataFrame, stream: str, area: str) -> tuple[tuple[float, str], ...]:
    """Whole-year targets of the whole area on the axis of rates: value and set."""
    use = (targets["metric"] == "reports_per_million") & (targets["stream"] == stream) & (targets["area"] == area)
    return tuple(zip(targets.loc[use, "value"].tolist(), targets.loc[use, "set"].tolist(), strict=True))


def _scale(rows: Iterable[RateRow], others: Iterable[float] = ()) -> float:
    """End of an axis of rates: room for every rate and target, though not for the widest of intervals."""
    rates = [row.rate_ytd for row in rows if not math.isnan(row.rate_ytd)]
    most = max([*rates, *others], default=0.0) * 1.25
    if most <= 0:
        return 1.0
    step = 10.0 ** math.floor(math.log10(most))
    return next(step * factor for factor in _AXIS_ENDS if step * factor >= most)
