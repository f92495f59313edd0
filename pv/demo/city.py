"""The demo city as a whole: plan every stream, give out numbers, write the files and truth.json."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from pv.demo import plants
from pv.demo.broken_files import write_broken_files
from pv.demo.catalogue import STREAMS, catalogue
from pv.demo.cells import Row, rows_of
from pv.demo.changes import Edit, Entry, Planner, first_entry
from pv.demo.faults import faults
from pv.demo.people import Patient
from pv.demo.region import DISTRICT_BELOW, Region, make_region
from pv.demo.registers import write_registers
from pv.demo.reports import Desk
from pv.demo.seasons import season
from pv.demo.tables import write_tables
from pv.demo.truth import Placed, StreamPlan, stream_truth
from pv.demo.writers import ROWS_BEFORE, layout, write_export
from pv.week import Week

LAST_WEEK = Week.parse("2026-W46")
LEAST = {"weeks": 4, "hospitals": 8, "reports_per_week": 5}

_BASELINE = 0.94  # the rest of the stated number of reports is planted
_UNIQUE_FROM = 2026  # the year from which the drug export carries 唯一标识
_CANARY_BIRTH = date(1931, 2, 3)  # older than anyone else


def write_city(
    folder: Path,
    seed: int = 1,
    weeks: int = 104,
    hospitals: int = 40,
    reports_per_week: int = 120,
) -> dict[str, Any]:
    """Write exports, forms, reference tables, broken files and truth.json of a fictional city; return the truth.

    `reports_per_week` counts drug reports; half as many device and a tenth as many cosmetic reports come beside them.
    Below 40 the place is a district. The same arguments give the same bytes. The schema is in pv/demo/truth.py.
    """
    arguments = {
        "seed": seed,
        "weeks": weeks,
        "hospitals": hospitals,
        "reports_per_week": reports_per_week,
    }
    for name, least in LEAST.items():
        if arguments[name] < least:
            raise ValueError(f"{name} is {arguments[name]}; the demo needs at least {least}")
    folder = Path(folder)
    _clear(folder)
    calendar = plants.Calendar(Week(LAST_WEEK.index - weeks + 1), LAST_WEEK)
    region = make_region(seed, calendar.first, calendar.last, hospitals, reports_per_week)
    truth: dict[str, Any] = {
        "arguments": arguments,
        "weeks": [str(week) for week in calendar.weeks],
        "region": {
            "scope": "district" if reports_per_week < DISTRICT_BELOW else "city",
            "name": region.root.name,
            "code": region.root.code,
            "population": region.root.population,
        },
        "silent": _silent(region, calendar),
    }
    plans = []
    for stream in STREAMS:
        plan = _plan(stream, region, calendar, seed, reports_per_week)
        _number(plan.entries, region)
        placed = list(_write(folder, plan, region, calendar, seed))
        for section, value in stream_truth(plan, placed).items():
            _join(truth, section, value)
        plans.append(plan)
    truth |= write_registers(folder, plans, region, calendar, seed)
    years = range(calendar.first.start.year, calendar.last.year + 1)
    write_tables(folder / "reference", region, years)
    newest = folder / "exports" / str(calendar.last) / "drug.xlsx"
    truth["broken_files"] = write_broken_files(folder, newest)
    text = json.dumps(truth, ensure_ascii=False, indent=1)
    (folder / "truth.json").write_bytes((text + "\n").encode())
    return truth


def weekly_rate(stream: str, reports_per_week: int) -> int:
    """Reports a week of a stream, for a number of drug reports a week; a small place still sees a few."""
    share = {"drug": 1.0, "device": 0.5, "cosmetic": 0.1}[stream]
    return max(3, round(reports_per_week * share))


def _clear(folder: Path) -> None:
    """Remove the exports and forms that an earlier run of the demo wrote here, and nothing else."""
    listed = folder / "truth.json"
    if listed.is_file():
        before = json.loads(listed.read_text(encoding="utf-8"))
        for name in (*before["files"], *(form["file"] for form in before.get("forms", ()))):
            (folder / name).unlink(missing_ok=True)
            if (folder / name).parent.is_dir() and not any((folder / name).parent.iterdir()):
                (folder / name).parent.rmdir()


def _plan(stream: str, region: Region, calendar: plants.Calendar, seed: int, reports_per_week: int) -> StreamPlan:
    products = catalogue(stream)
    pairs = plants.pairs(products, calendar)
    desk = Desk(products, region, plants.boosts(pairs), seed)
    rate = weekly_rate(stream, reports_per_week)
    baseline = [
        first_entry(desk.file(desk.day_in(week)))
        for week in calendar.weeks
        for _ in range(desk.dice.poisson(rate * _BASELINE * season(week)))
    ]
    clusters = list(plants.clusters(desk, calendar))
    padding = list(plants.padding(desk, calendar, reports_per_week))
    planner = Planner(desk, calendar, rate * len(calendar.weeks))
    changes = [*planner.changes(), *faults(planner)]
    canary, canaries = _canary(desk, calendar)
    planted = [first_entry(report) for group in (*clusters, *padding) for report in group.reports]
    changed = [entry for change in changes for entry in change.entries]
    entries = [*baseline, *planted, *changed, canary]
    return StreamPlan(products, pairs, clusters, padding, changes, entries, canaries)


def _silent(region: Region, calendar: plants.Calendar) -> list[dict[str, Any]]:
    return [
        {
            "hospital_id": unit.hospital_id,
            "hospital": unit.name,
            "level": unit.level,
            "first_silent_week": str(unit.silent_from),
            "never_reported": unit.silent_from == calendar.first,
        }
        for unit in region.silent
    ]


def _canary(desk: Desk, calendar: plants.Calendar) -> tuple[Entry, list[dict[str, str]]]:
    """A report of the newest week with a value of its own in every personal column."""
    report = desk.file(calendar.last.start)
    name = "甄莫漏00"
    patient = Patient(name, report.patient.sex, _CANARY_BIRTH, "95", "岁", "", "")
    edits = [
        Edit(column, _canary_value(column, STREAMS.index(desk.stream) * 100 + number))
        for number, column in enumerate(layout(desk.stream).personal, start=1)
    ]
    canaries = [{"stream": desk.stream, "column": edit.column, "value": edit.value} for edit in edits]
    return Entry(replace(report, patient=patient), calendar.last, edits=tuple(edits)), canaries


def _canary_value(column: str, number: int) -> str:
    if "出生" in column:
        return _CANARY_BIRTH.isoformat()
    forms = {
        "电话": f"0000-9990{number:03d}",
        "联系方式": f"10099990{number:03d}",
        "邮箱": f"canary{number:03d}@example.invalid",
        "病历号": f"ZY9999{number:03d}",
        "地址": f"{'云泽市漏签巷'}{number:03d}号",
        "描述": f"泄漏检测文字{number:03d}",
        "说明": f"泄漏检测文字{number:03d}",
        "过程": f"泄漏检测文字{number:03d}",
        "备注": f"泄漏检测文字{number:03d}",
    }
    return next((text for word, text in forms.items() if word in column), f"甄莫漏{number:03d}")


def _number(entries: Sequence[Entry], region: Region) -> None:
    """Give out report numbers in the order of receipt, as the national systems do."""
    identities = {id(entry.report.identity): entry.report for entry in reversed(entries)}
    serials: dict[int, int] = defaultdict(int)
    for report in sorted(identities.values(), key=lambda report: (report.received, report.decor)):
        year = report.received.year
        serials[year] += 1
        code, serial, identity = region.root.code, serials[year], report.identity
        if report.stream == "drug":
            unit = report.unit.hospital_id[2:] or "999"
            identity.number = f"{code}00{unit}{year}{serial:05d}"
            identity.unique = f"{code}{year}{serial:07d}" if year >= _UNIQUE_FROM else ""
        elif report.stream == "device":
            identity.number = f"{code}{year}{serial:06d}"
        else:
            identity.number = f"HZP{code}{year}{serial:05d}"


def _write(folder: Path, plan: StreamPlan, region: Region, calendar: plants.Calendar, seed: int) -> Iterator[Placed]:
    """Write every week's export of a stream; tells where each entry stands."""
    by_week: dict[Week, list[Entry]] = {week: [] for week in calendar.weeks}
    for entry in plan.entries:
        by_week[entry.week].append(entry)
    for week, entries in by_week.items():
        entries.sort(key=lambda entry: (entry.report.received, entry.report.identity.number))
        pages = [_edited(rows_of(entry.report, region, seed), entry.edits) for entry in entries]
        file = write_export(folder, plan.stream, week, [row for page in pages for row in page])
        place = ROWS_BEFORE[plan.stream] + 1
        for entry, page in zip(entries, pages, strict=True):
            yield Placed(entry, file, place, len(page))
            place += len(page)


def _edited(rows: list[Row], edits: Sequence[Edit]) -> list[Row]:
    for edit in edits:
        for number, row in enumerate(rows):
            if edit.row in {None, number}:
                row[edit.column] = edit.value
    return rows


def _join(truth: dict[str, Any], section: str, value: Any) -> None:
    """Lists of the streams one after another; mappings side by side."""
    if isinstance(value, list):
        truth.setdefault(section, []).extend(value)
        return
    there = truth.setdefault(section, {})
    for key, item in value.items():
        there[key] = {**there[key], **item} if key in there else item
