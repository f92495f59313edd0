"""What people of the demo city write into forms: other risk information, quantities of use, official figures.

The workbooks are filled in as a user would fill them in: days as days, numbers as numbers, Chinese headings. truth.json
says under `forms`, `risk`, `use` and `official` what the reports of the last week must show of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import xlsxwriter

from pv.demo.catalogue import Product, toml
from pv.demo.changes import Entry
from pv.demo.dice import Dice
from pv.demo.faults import RECEIVED
from pv.demo.plants import Calendar
from pv.demo.region import Region
from pv.demo.reports import Report
from pv.demo.truth import StreamPlan
from pv.reference import streams
from pv.sources.forms import Form, form

_SEED = 9  # of the dice, apart from those of the reports
_MONTHS = 12
_PER_PEOPLE = 100_000
_WIDTH = {"finding": 48, "source": 30, "product": 24, "identifier": 26, "maker": 26}
Rows = list[dict[str, Any]]


def write_registers(
    folder: Path, plans: Sequence[StreamPlan], region: Region, calendar: Calendar, seed: int
) -> dict[str, Any]:
    """Write the forms into folder/forms; returns their sections of truth.json. A form without rows is not written."""
    of_stream = {plan.stream: plan for plan in plans}
    risk, risk_truth = _risk(of_stream, calendar)
    use, use_truth = _use(of_stream, region, calendar, Dice(seed, _SEED))
    official, official_truth = _official(plans, calendar)
    written = [("risk", risk), ("exposure", use), ("official", official)]
    made = datetime.combine(calendar.last.end + timedelta(days=1), datetime.min.time())
    files = [_write(folder, form(name), rows, made) for name, rows in written if rows]
    return {"forms": files, "risk": risk_truth, "use": use_truth, "official": official_truth}


def _write(folder: Path, of: Form, rows: Rows, made: datetime) -> dict[str, Any]:
    path = folder / "forms" / f"{of.zh}.xlsx"
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        book.set_properties({"title": of.zh, "created": made})
        heading = book.add_format({"bold": True, "bg_color": "#E8EEF4", "border": 1})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet(of.zh)
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(of.columns):
            sheet.set_column(place, place, _WIDTH.get(column.field, 14))
            sheet.write_string(0, place, column.name, heading)
            for line, row in enumerate(rows, start=1):
                value = row.get(column.field, "")
                if isinstance(value, date):
                    sheet.write_datetime(line, place, value, day)
                elif value != "":
                    sheet.write(line, place, value)
    return {"file": path.relative_to(folder).as_posix(), "form": of.name, "rows": len(rows)}


# ── other risk information ──
def _risk(of_stream: Mapping[str, StreamPlan], calendar: Calendar) -> tuple[Rows, Rows]:
    rows, truth = [], []
    for entry in toml("registers")["risk"]:
        row = {name: entry[name] for name in "number kind finding level source handled_by state".split()}
        row["occurred_on"] = calendar.last.last_day - timedelta(days=entry["ago"])
        known = {"source": entry["source"], "number": entry["number"]}
        if "called" in entry:
            rows.append(row | {"product": entry["called"]})
            truth.append({**known, "stream": "", "product": "", "link": ""})
            continue
        plan = of_stream[entry["stream"]]
        product = plan.catalogue.product(entry["product"])
        told = _told(plan, product, entry["names"])
        rows.append(row | told)
        truth.append({**known, "stream": plan.stream, "product": product.label, "link": _link(told)})
    return rows, truth


def _told(plan: StreamPlan, product: Product, names: Sequence[str]) -> dict[str, str]:
    lots = [one.entry["lot"] for one in plan.clusters if one.entry["identifier"] == product.identifier]
    told = {
        "name": ("product", product.name),
        "number": ("identifier", product.identifier),
        "lot": ("lot", lots[0] if lots else ""),
        "maker": ("maker", product.maker),
    }
    return dict(told[name] for name in names)


def _link(told: Mapping[str, str]) -> str:
    """The nearest of what an entry names."""
    links = {"lot": "lot", "identifier": "number", "product": "product", "maker": "maker"}
    return next(link for name, link in links.items() if told.get(name))


# ── quantities of use ──
def _use(of_stream: Mapping[str, StreamPlan], region: Region, calendar: Calendar, dice: Dice) -> tuple[Rows, Rows]:
    rows: Rows = []
    truth: Rows = []
    stating = [unit for unit in region.hospitals if unit.sentinel]
    months, quarters = _months(calendar), _quarters(calendar)
    for plan, product, asked in _products(of_stream, "used"):
        mine = [
            {
                "period": month,
                "stream": streams()[plan.stream].zh,
                "product": product.name,
                "hospital": unit.name,
                "measure": "使用",
                "quantity": round(unit.beds * asked["per_bed"] * (0.85 + 0.3 * dice.uniform())),
                "unit": asked["unit"],
                "source": f"{unit.name}药学部",
            }
            for month in months
            for unit in stating
        ]
        units = {unit.hospital_id for unit in stating}
        counted = [
            report
            for report in _standing(plan)
            if report.unit.hospital_id in units
            and f"{report.received:%Y-%m}" in months
            and any(use.counted and use.product.name == product.name for use in report.uses)
        ]
        rows += mine
        truth += _stated(plan, "product", product.name, "used", "month", mine, len(counted))
    for plan, product, asked in _products(of_stream, "sold"):
        share = region.root.population / _PER_PEOPLE
        mine = [
            {
                "period": quarter,
                "stream": streams()[plan.stream].zh,
                "product": product.name,
                "identifier": product.identifier,
                "area": region.root.name,
                "measure": "销售",
                "quantity": round(share * asked["per_quarter"] * (0.85 + 0.3 * dice.uniform())),
                "unit": asked["unit"],
                "source": "药品和医疗器械流通企业报送",
            }
            for quarter in quarters
        ]
        counted = [
            report
            for report in _standing(plan)
            if _quarter(report.received.date()) in quarters
            and any(use.counted and use.product.identifier == product.identifier for use in report.uses)
        ]
        rows += mine
        label = f"{product.identifier} {product.name}"
        truth += _stated(plan, "number", label, "sold", "quarter", mine, len(counted))
    return rows, truth


def _products(of_stream: Mapping[str, StreamPlan], measure: str) -> Iterator[tuple[StreamPlan, Product, Any]]:
    for block in toml("registers")[measure]:
        plan = of_stream[block["stream"]]
        for row in block["rows"]:
            yield plan, plan.catalogue.product(row["product"]), row


def _stated(
    plan: StreamPlan, by: str, product: str, measure: str, length: str, rows: Rows, reports: int
) -> Iterator[dict[str, Any]]:
    """The line of the sheet 使用量与报告率, where anything is stated at all."""
    if rows:
        known = {"stream": plan.stream, "by": by, "product": product, "measure": measure, "length": length}
        yield known | {"quantity": sum(row["quantity"] for row in rows), "reports": reports}


def _standing(plan: StreamPlan) -> list[Report]:
    return [report for report in plan.final().values() if not report.left_out]


def _months(calendar: Calendar) -> list[str]:
    """The last twelve months that are over and that the exports cover."""
    months = {f"{week.start:%Y-%m}" for week in calendar.weeks}
    whole = sorted(months - {f"{calendar.first.start:%Y-%m}", f"{calendar.last.end:%Y-%m}"})
    return whole[-_MONTHS:]


def _quarters(calendar: Calendar) -> list[str]:
    """The quarters of which all months are among them, and those that began before and ended within."""
    months = _months(calendar)
    quarters = sorted({_quarter(date.fromisoformat(f"{month}-01")) for month in months})
    return [quarter for quarter in quarters if f"{quarter[:4]}-{3 * int(quarter[6:]):02d}" in months][-_MONTHS // 3 :]


def _quarter(day: date) -> str:
    return f"{day.year}-Q{(day.month + 2) // 3}"


# ── official figures ──
def _official(plans: Sequence[StreamPlan], calendar: Calendar) -> tuple[Rows, Rows]:
    """What a national system would say: all reports of the month, and in some months more than the exports bring."""
    given = toml("registers")["official"]
    rows, truth = [], []
    for plan in plans:
        besides = {more["ago"]: more["reports"] for more in given["besides"] if more["stream"] == plan.stream}
        for ago, month in enumerate(reversed(_months(calendar)[-given["months"] :]), start=1):
            filed = [filing for filing in _filed(plan) if f"{filing.report.received:%Y-%m}" == month]
            official = sum(not filing.report.left_out for filing in filed) + besides.get(ago, 0)
            known = {"stream": streams()[plan.stream].zh, "period": month, "basis": "接收"}
            rows.append(known | {"value": official, "source": given["source"]})
            differs = besides.get(ago, 0) + sum(_without_receipt(filing) for filing in filed)
            truth.append({"stream": plan.stream, "period": month, "official": official, "difference": differs})
    return rows, truth


def _filed(plan: StreamPlan) -> list[Entry]:
    """The last entry of every report: of its good ones, where it has any."""
    last: dict[int, Entry] = {}
    for entry in sorted(plan.entries, key=lambda entry: (entry.outcome != "quarantined", entry.week)):
        last[id(entry.report.identity)] = entry
    return list(last.values())


def _without_receipt(entry: Entry) -> bool:
    """Whether the report waits in the quarantine without a day on which it was received."""
    receipt = RECEIVED[entry.report.stream]
    return entry.outcome == "quarantined" and any(edit.column == receipt and edit.row is None for edit in entry.edits)
