"""The reference tables of the fictional region, as an installation would keep them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pv.demo.catalogue import STREAMS
from pv.demo.region import Hospital, Region
from pv.demo.writers import write_table
from pv.reference import COLUMNS

_GROWTH = 1.006  # population, from one year to the next
_DISCHARGES_PER_BED, _VISITS_PER_BED = 36, 1450

# Two sets, as one plan may carry both: reports per million people a year, and shares.
_DISTRICT, _NATIONAL = "演示地区考核指标", "演示国家要求"
_DISTRICT_PER_MILLION = {"drug": (1100, 1200), "device": (560, 620), "cosmetic": (100, 115)}
_NATIONAL_PER_MILLION = {"drug": 1400, "device": 650, "cosmetic": 110}
_QUOTA_PER_MILLION = {"drug": 1250, "device": 620, "cosmetic": 120}
_SHARES = (
    ("evaluation_rate", "all", 0.95),
    ("registration_level2", "all", 1),
    ("coverage_level2", "drug+device", 1),
    ("coverage", "drug+device", 0.8),
)
Table = list[dict[str, object]]


def write_tables(folder: Path, region: Region, years: Sequence[int]) -> None:
    """hospitals, areas, denominators, targets and quotas as CSV files in `folder`."""
    tables: dict[str, Table] = {
        "hospitals": _hospitals(region),
        "areas": [{"code": a.code, "name": a.name, "parent": a.parent} for a in region.areas],
        "denominators": _denominators(region, years),
        "targets": _targets(region, years),
        "quotas": _quotas(region, years),
    }
    for name, rows in tables.items():
        write_table(folder / f"{name}.csv", COLUMNS[name], rows)


def _hospitals(region: Region) -> Table:
    return [
        {
            "hospital_id": unit.hospital_id,
            "name": unit.name,
            "former_names": unit.former,
            "level": unit.level,
            "kind": unit.kind,
            "district": unit.area.code,
            "sentinel": "yes" if unit.sentinel else "no",
            "registered": "yes" if unit.registered else "no",
            "reports_for": unit.reports_for,
        }
        for unit in region.hospitals
    ]


def _denominators(region: Region, years: Sequence[int]) -> Table:
    rows: Table = []
    for year in years:
        parts = [round(a.population * _GROWTH ** (year - years[-1]), -2) for a in region.areas[1:]]
        for area, people in zip(region.areas, [sum(parts), *parts], strict=True):
            rows.append(_number("area", area.code, year, "population", people, "演示统计公报"))
        for unit in region.hospitals:
            measures = {
                "population": unit.catchment,
                "beds": unit.beds,
                "discharges": unit.beds * _DISCHARGES_PER_BED,
                "visits": unit.beds * _VISITS_PER_BED,
            }
            rows += [
                _number("hospital", unit.hospital_id, year, measure, value, "演示卫生统计")
                for measure, value in measures.items()
                if value is not None
            ]
    return rows


def _number(scope: str, code: str, year: int, measure: str, value: float, source: str) -> dict[str, object]:
    return {
        "scope": scope,
        "id": code,
        "year": year,
        "measure": measure,
        "value": int(value),
        "source": source,
    }


def _targets(region: Region, years: Sequence[int]) -> Table:
    rows: Table = []
    this_year = years[-1]
    for year in years[-2:]:
        for stream in STREAMS:
            own = _DISTRICT_PER_MILLION[stream][year == this_year]
            for area in region.areas:
                rows.append(_target(_DISTRICT, "reports_per_million", stream, area.code, year, own, "强制性"))
            value = _NATIONAL_PER_MILLION[stream]
            rows.append(_target(_NATIONAL, "reports_per_million", stream, region.root.code, year, value, "预期性"))
        for metric, streams, share in _SHARES:
            rows.append(_target(_DISTRICT, metric, streams, region.root.code, year, share, "强制性"))
    return rows


def _target(name: str, metric: str, stream: str, area: str, year: int, value: float, nature: str) -> dict[str, object]:
    return {
        "set": name,
        "metric": metric,
        "stream": stream,
        "area": area,
        "year": year,
        "comparison": ">=",
        "value": value,
        "nature": nature,
        "source": "演示数据（虚构）",
    }


def _quotas(region: Region, years: Sequence[int]) -> Table:
    """Hospitals with a level share the region's quota by beds; community centres have none."""
    rows: Table = []
    with_level = [unit for unit in region.hospitals if unit.level]
    beds = sum(unit.beds for unit in with_level)
    for year in years:
        for stream in STREAMS:
            total = _QUOTA_PER_MILLION[stream] * region.root.population / 1e6
            for unit in with_level:
                rows.append(
                    {
                        "hospital_id": unit.hospital_id,
                        "stream": stream,
                        "year": year,
                        "value": _round(total * unit.beds / beds, unit),
                        "source": "演示年度任务分配",
                    }
                )
    return rows


def _round(value: float, unit: Hospital) -> int:
    """To whole tens for large hospitals, whole reports for small ones, at least 1."""
    return max(1, round(value, -1 if unit.level == "3" else 0).__int__())
