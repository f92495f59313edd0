"""hospitals.xlsx: the tables of the appraisal, a sheet each."""

from __future__ import annotations

from pathlib import Path

from pv.rendering.formats import local_instant
from pv.rendering.models import HospitalReport
from pv.rendering.official_sheet import SHEET, put_official_form
from pv.rendering.workbook import Book

# Sheet, table, columns that stay in sight, what it holds.
_SHEETS = (
    ("区县", "district_rates", 4, "各区县报告数与每百万人口报告数", "Reports and rates per million by area"),
    (
        "医疗机构",
        "hospital_rates",
        3,
        "各报告单位报告数、任务完成率",
        "Reports, rates and completion by reporting unit",
    ),
    ("指标", "target_status", 3, "各套指标的完成情况", "Every target against its actual value"),
    ("未报告", "silent", 3, "本年无报告的二级及以上医疗机构", "Hospitals of level 2 and above without a report"),
    ("停报", "stopped", 3, "以往有报告、近期停报的单位", "Units that used to report and stopped"),
    ("覆盖率", "coverage", 3, "有报告的医疗机构所占比例", "Share of medical institutions that reported"),
    ("评价率", "evaluation", 1, "本级中心的评价情况", "Evaluation by the centre"),
    ("对账", "reconciliation", 2, "上报总数与各去向的核对", "Account of the reports"),
    ("逐月对账", "months", 5, "按月份、地区的上报总数与各去向", "Account of the reports by month and area"),
    (
        "与官方数核对",
        "official",
        5,
        "与国家、省级系统数字的差额及可能原因",
        "Official figures, the difference, what may explain it",
    ),
)


def write_hospital_workbook(report: HospitalReport, path: Path) -> None:
    """The workbook of the hospital assessment report."""
    heading = report.heading
    title = f"{heading.area} 医疗机构监测工作考核 {heading.week}"
    with Book(path, title, heading.as_of) as book:
        for name, table, frozen, _, _ in _SHEETS:
            book.table_sheet(name, report.tables[table], frozen=frozen)
        put_official_form(book, report.official_form)
        _notes(book, report, title)


def _notes(book: Book, report: HospitalReport, title: str) -> None:
    sheet = book.empty_sheet("说明")
    heading = report.heading
    lines = [
        f"{heading.first_day} – {heading.last_day}",
        f"数据截至 as of {local_instant(heading.as_of)}（北京时间 Beijing time）；版次 revision {heading.revision}",
        "报告数为上报数：并入的重复报告和隔离报告计入，已删除、重复、错报误报不计。",
        "Reports as filed: merged and quarantined ones count, deleted, duplicate and misreported ones do not.",
        f"{report.working_days['zh']}。{report.working_days['en']}.",
    ]
    sheet.set_row(0, 26)
    book.put_text(sheet, 0, 0, title, bold=True, font_size=15)
    for row, line in enumerate(lines, start=1):
        book.put_text(sheet, row, 0, line)
    listed = [(name, zh, en) for name, _, _, zh, en in _SHEETS]
    listed.append(
        (SHEET, "请填写着色各列后放入收件文件夹", "The form for official figures: fill in and drop into the inbox")
    )
    for row, (name, zh, en) in enumerate(listed, start=len(lines) + 2):
        book.put_text(sheet, row, 0, name)
        book.put_text(sheet, row, 1, f"{zh} {en}")
    sheet.set_column(0, 0, 12)
