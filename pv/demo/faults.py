"""Broken cells: reports that cannot be counted rightly (quarantine), values that the counts do not need (warning)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from pv.demo.changes import Change, Edit, Entry, Planner
from pv.demo.reports import Report
from pv.demo.writers import BEYOND
from pv.week import Week

_SHARE = 0.0005  # of the stream's reports, for each kind of fault
_MENDED = (2, 5, 6)  # impossible date, no product, no event: some come again as they should be
RECEIVED = {"drug": "国家中心接收时间", "device": "报告日期", "cosmetic": "报告日期"}
_NUMBERS = {"drug": ("报告表编码", "唯一标识"), "device": ("报告编码",), "cosmetic": ("报告表编号",)}
_PRODUCT = {"drug": "通用名称", "device": "产品名称", "cosmetic": "化妆品名称"}
_EVENTS = {
    "drug": ("不良反应名称",),
    "device": ("器械故障表现", "伤害表现"),
    "cosmetic": ("皮损形态", "初步判断", "自觉症状"),
}
_ONSET = {"drug": "不良反应发生时间", "device": "事件发生日期", "cosmetic": "不良反应发生日期"}
_OTHER_DATE = {"drug": "报告日期", "device": "发现或获知日期", "cosmetic": "不良反应发生日期"}
_FIRST_USE = {"drug": "用药开始时间", "device": "器械使用日期", "cosmetic": "开始使用日期"}
_SEVERITY = {"drug": "报告类型-严重程度", "device": "伤害", "cosmetic": "报告类型"}


@dataclass(frozen=True)
class Fault:
    """`reason`: the code of intake's message, several joined by `+`; `rows`: rows of the report that it needs."""

    reason: str
    edits: tuple[Edit, ...]
    outcome: str = "quarantine"
    rows: int = 1


def quarantining(stream: str, day: date) -> list[Fault]:
    """Every way in which a report cannot be counted, for a report received on a day."""
    received, product, events = RECEIVED[stream], _PRODUCT[stream], _EVENTS[stream]
    impossible = Edit(received, f"{day.year}-02-30")
    missing = Edit(product, "", row=0)
    faults = [
        Fault("no_number", tuple(Edit(column, "") for column in _NUMBERS[stream])),
        Fault("no_receipt", (Edit(received, ""),)),
        Fault("receipt_impossible", (impossible,)),
        Fault("receipt_future", (Edit(received, f"2062-{day:%m-%d}"),)),
        # Without an onset, which would be after the receipt.
        Fault("receipt_early", (Edit(received, f"1906-{day:%m-%d}"), Edit(_ONSET[stream], ""))),
        Fault("no_product", (missing,)),
        Fault("no_event", tuple(Edit(column, "") for column in events)),
        Fault("no_event", tuple(Edit(column, "无") for column in events)),
        Fault("receipt_impossible+no_product", (impossible, missing)),
    ]
    if stream == "drug":
        role = "怀疑/并用"
        faults += [
            Fault("role_unknown", (Edit(role, "主要用药", row=1),), rows=2),
            Fault("role_unknown", (Edit(role, "", row=0),)),
            Fault("no_product", (Edit(product, "", row=1),), rows=2),
            Fault("receipt_differs", (Edit(received, f"{day - timedelta(days=3)}", row=1),), rows=2),
        ]
    else:
        # An unquoted comma: the row has a cell more than the heading.
        faults.append(Fault("ragged", (Edit(BEYOND, "补充"),)))
    return faults


def warning(stream: str, day: date) -> list[Fault]:
    """Every bad value that is kept as missing, with a warning on the case, for a report received on a day."""
    severity = "harm_unknown" if stream == "device" else "severity_unknown"
    late = (day + timedelta(days=12)).isoformat()
    cells = {
        "age_unreadable": Edit("年龄", "九百"),
        "sex_unknown": Edit("性别", "未说明"),
        "onset_after_receipt": Edit(_ONSET[stream], late),
        "date_unreadable": Edit(_OTHER_DATE[stream], f"{day.year}-13-05"),
        severity: Edit(_SEVERITY[stream], "较重"),
    }
    if stream == "drug":
        cells["outcome_unknown"] = Edit("不良反应结果", "转院")
        cells["new_unknown"] = Edit("报告类型-新的", "待定")
    cells["use_after_onset"] = Edit(_FIRST_USE[stream], day.isoformat())
    return [Fault(reason, (edit,), "warning") for reason, edit in cells.items()]


def faults(planner: Planner) -> Iterator[Change]:
    """Each kind at least once; some of the quarantined reports come again, mended, in a later export."""
    number = max(1, round(_SHARE * planner.expected))
    stream, last = planner.stream, planner.calendar.last
    for kind in range(len(quarantining(stream, last.start))):
        for week in _weeks(planner, kind, number):
            yield _broken(planner, kind, week, None)
    for kind in _MENDED:
        for week in _weeks(planner, kind, max(1, number // 2)):
            first = min(week, last.previous)
            later = Week(first.index + planner.dice.between(1, min(4, last.index - first.index)))
            yield _broken(planner, kind, first, later)
    for kind in range(len(warning(stream, last.start))):
        for week in _weeks(planner, kind, number):
            yield _warned(planner, kind, week)


def _weeks(planner: Planner, kind: int, number: int) -> list[Week]:
    """Different weeks (rows without a number could not be told apart); for every second kind the last among them."""
    weeks = planner.calendar.weeks
    chosen = planner.dice.sample(weeks[:-1], number)
    if kind % 2 == 0:
        chosen[0] = weeks[-1]
    return sorted(chosen)


def _plain(planner: Planner, week: Week, rows: int) -> Report:
    """A report that is neither serious nor fatal, so that an unreadable severity changes no count.

    Its onset lies well before any receipt date that a fault puts into it.
    """
    report = planner.file(week, serious=False, lag=planner.dice.between(15, 40))
    uses = report.uses[:1]
    while len(uses) < rows:
        product = planner.desk.other_product(*(use.product.group for use in uses))
        uses += (planner.desk.use(product, report.onset, counted=False),)
    outcome = report.outcome if report.outcome != "死亡" else "好转"
    return replace(report, uses=uses, outcome=outcome, new=False, holder_harm="")


def _broken(planner: Planner, kind: int, week: Week, mended: Week | None) -> Change:
    fault = quarantining(planner.stream, week.start)[kind]
    report = _plain(planner, week, fault.rows)
    entries = [Entry(report, week, "quarantined", fault.edits)]
    if mended is not None:
        entries.append(Entry(replace(report, modified=planner.changed_at(mended)), mended))
    known = {
        "stream": planner.stream,
        "reasons": fault.reason.split("+"),
        "outcome": fault.outcome,
        "mended": str(mended) if mended else "",
    }
    return Change("broken", known, tuple(entries), (report,))


def _warned(planner: Planner, kind: int, week: Week) -> Change:
    report = _plain(planner, week, 1)
    fault = warning(planner.stream, report.received.date())[kind]
    known = {
        "stream": planner.stream,
        "reasons": [fault.reason],
        "outcome": fault.outcome,
        "mended": "",
    }
    return Change("broken", known, (Entry(report, week, "stored", fault.edits),), (report,))
