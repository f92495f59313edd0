"""Target sets side by side: a row for each metric, stream and area, a cell for each set."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from pv.reference import shipped_toml, streams
from pv.rendering.labels import is_share
from pv.rendering.models import TargetCell, TargetRow

_BY_COUNT = "reports_per_million"  # its figures grow over the year


def target_grid(
    targets: pd.DataFrame, areas: pd.DataFrame, year_elapsed: float
) -> tuple[tuple[str, ...], tuple[TargetRow, ...]]:
    """The sets as the targets list them, and the rows: the whole area first, metrics in the order of `targets.toml`."""
    sets = tuple(dict.fromkeys(targets["set"]))
    cells: dict[tuple[str, str, str], dict[str, TargetCell]] = {}
    names: dict[str, str] = {}
    for record in targets.to_dict("records"):
        key = (record["area"], record["metric"], record["stream"])
        cells.setdefault(key, {})[record["set"]] = _cell(record, year_elapsed)
        names[record["area"]] = record["area_name"] or record["area"]
    whole = set(areas.loc[areas["scope"] == "whole", "area"])
    order = [dict.fromkeys(areas["area"]), shipped_toml("targets")["metrics"], ["all", "drug+device", *streams()]]
    places = [{code: place for place, code in enumerate(codes)} for codes in order]

    def place(key: tuple[str, str, str]) -> tuple[int | str, ...]:
        return (*(known.get(code, 999) for known, code in zip(places, key, strict=True)), *key)

    rows = [
        TargetRow(
            metric,
            stream,
            area=names[area],
            whole=area in whole,
            cells=tuple(cells[area, metric, stream].get(name) for name in sets),
        )
        for area, metric, stream in sorted(cells, key=place)
    ]
    return sets, tuple(rows)


def _cell(record: dict[Any, Any], year_elapsed: float) -> TargetCell:
    by_count = record["metric"] == _BY_COUNT
    completion = record["completion"]
    late = not math.isnan(completion) and completion < (year_elapsed if by_count else 1)
    return TargetCell(
        share=is_share(record["metric"]),
        comparison=record["comparison"],
        value=record["value"],
        actual=record["actual"],
        completion=completion,
        met="not_yet" if by_count and record["met"] == "no" else record["met"],
        behind=record["met"] == "no" and late,
    )
