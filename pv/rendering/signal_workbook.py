"""signals.xlsx: summary, alerts, cases, the form for the assessment (研判), data quality."""

from __future__ import annotations

from pathlib import Path

from xlsxwriter.worksheet import Worksheet

from pv.rendering.columns import Table
from pv.rendering.evidence_columns import EVIDENCE_SHEETS
from pv.rendering.formats import local_instant
from pv.rendering.labels import CODES
from pv.rendering.models import SignalReport
from pv.rendering.review_sheet import SHEET, put_reviews
from pv.rendering.signal_columns import ALERT_COUNTS, SCREENS, SIGNALS, TOTALS
from pv.rendering.workbook import Book

_SHEETS = (
    (
        "统计提示",
        "全部统计提示（待研判），含四格表和各项指标",
        "Every pair that has a status, with its 2×2 table and measures",
    ),
    (
        "病例",
        "本周死亡、严重和新的病例，以及有变化的统计提示所涉病例",
        "Grave and new cases, and those behind changed alerts",
    ),
    ("研判", "请填写着色各列，每行一对产品与事件", "The form: fill in the coloured columns, one line a pair"),
    (
        SHEET,
        "可能是同一事件的两份报告：请填写着色各列，再将本工作簿放入收件箱",
        "Pairs of reports that may be one event: fill in the coloured columns and drop the workbook into the inbox",
    ),
    ("数据质量", "导入的文件与行数核对", "Files and the account of their rows"),
    ("行数账目", "各类报告从文件行到病例的逐级核对", "From rows of files to cases, stage by stage"),
    ("隔离报告", "无法正确计数的报告及原因", "Reports that cannot be counted rightly, with every reason"),
    ("待对照", "目前按原文计数", "Wordings that wait for a mapping"),
    ("对照依据", "每种写法计为什么、依据哪条规则", "What each wording was counted as, and by which rule"),
    (
        "亚组",
        "仅在儿童、老年人、男女、哨点医院、严重病例等亚组内符合筛选标准的产品–事件对",
        "Pairs that meet a screen within a subgroup only",
    ),
    ("遮蔽", "因某产品报告过多而被掩盖的产品–事件对", "Pairs hidden by a product with very many reports"),
    ("联合用药", "两种产品合用时更多见的事件", "Events more frequent where two products are used together"),
    ("起效时间", "用药至发生的天数及 Weibull 形状", "Days from first use to onset, and their Weibull shape"),
    ("重复报告影响", "按病例与按报告份数计算的差别", "Counted by case and by report as filed"),
    ("国外数据", "国外数据库中的同一产品–事件对，仅供参考", "The same pairs in foreign databases, for information"),
    (
        "风险信息",
        "有统计提示的产品近12个月的抽检、检查、投诉、案件、舆情、召回等信息，同批号在前",
        "Other risk information of the last 12 months on products with an alert, same lot first",
    ),
    ("其他风险信息", "本周其他产品的风险信息", "Risk information of the week on products without an alert"),
    (
        "使用量与报告率",
        "按登记的使用、销售量计算，只计同期同范围的报告",
        "Use and reporting rate: only reports of the same places and periods",
    ),
    ("计数范围", "计入与未计入", "What was counted, and what was left out"),
    ("EBGM先验", "各表 EBGM 先验分布的拟合", "The fitted prior behind EBGM, table by table"),
    ("筛选标准", "现用筛选标准", "Screens in use"),
)


def write_signal_workbook(report: SignalReport, path: Path) -> None:
    """The workbook of the signal report."""
    heading = report.heading
    title = f"{heading.area} 药械妆安全信号周报 {heading.week}"
    with Book(path, title, heading.as_of, {screen.name: screen.zh for screen in report.screens}) as book:
        _summary(book, report, title)
        alerts = Table(SIGNALS, tuple(tuple(a.cell(c.name) for c in SIGNALS) for a in report.alerts))
        book.table_sheet("统计提示", alerts, frozen=7)
        book.table_sheet("病例", report.cases, frozen=3)
        _form(book, report.assessment)
        put_reviews(book, report.reviews)
        book.table_sheet("数据质量", report.files)
        if report.accounts.columns:
            book.table_sheet("行数账目", report.accounts)
        book.table_sheet("隔离报告", report.quarantined, frozen=2)
        book.table_sheet("待对照", report.unmapped)
        book.table_sheet("对照依据", report.mappings, frozen=3)
        for name, table in report.evidence:
            book.table_sheet(EVIDENCE_SHEETS[name], table, frozen=4)
        book.table_sheet("计数范围", report.counted, frozen=5)
        book.table_sheet("EBGM先验", report.priors, frozen=5)
        screens = tuple((s.name, s.zh, s.en, str(s.rule), s.source, s.mark) for s in report.screens)
        book.table_sheet("筛选标准", Table(SCREENS, screens))


def _summary(book: Book, report: SignalReport, title: str) -> None:
    sheet = book.empty_sheet("摘要")
    heading = report.heading
    sheet.set_row(0, 26)
    book.put_text(sheet, 0, 0, title, bold=True, font_size=15)
    book.put_text(sheet, 1, 0, f"Weekly safety signal report, {heading.first_day} – {heading.last_day}")
    facts = f"数据截至 as of {local_instant(heading.as_of)}（北京时间 Beijing time）；版次 revision {heading.revision}"
    book.put_text(sheet, 2, 0, facts)
    book.put_text(sheet, 3, 0, "内部工作资料，含报告编号，不得对外发布 Internal working paper, not for publication")
    totals = tuple(tuple(getattr(total, column.name) for column in TOTALS) for total in report.totals)
    row = _part(book, sheet, 5, "报告数量 Reports received", Table(TOTALS, totals))
    counts = tuple((stream, *(found[name] for name in CODES["status"])) for stream, found in report.alert_counts)
    row = _part(book, sheet, row, "统计提示（产品–事件对） Alerts, pairs", Table(ALERT_COUNTS, counts))
    row = _part(book, sheet, row, "重复报告 Duplicates", report.duplicates)
    book.put_text(sheet, row, 0, "工作表 Sheets", bold=True)
    for place, (name, zh, en) in enumerate(_SHEETS, start=row + 1):
        book.put_text(sheet, place, 0, name)
        book.put_text(sheet, place, 1, f"{zh} {en}")
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, len(TOTALS), 13)


def _part(book: Book, sheet: Worksheet, row: int, title: str, table: Table) -> int:
    """A titled table on a sheet that holds several; returns where the next may begin."""
    book.put_text(sheet, row, 0, title, bold=True)
    book.put_table(sheet, row + 1, table)
    return row + len(table) + 3


def _form(book: Book, assessment: Table) -> None:
    """The sheet 研判: what is known of a pair, then coloured cells for people, the conclusion from a list."""
    sheet = book.table_sheet("研判", assessment, frozen=5, form=True)
    first, last = assessment.place("conclusion"), len(assessment.columns) - 1
    rows = max(1, len(assessment))
    entry, day = book.style(entry=True), book.style(entry=True, number="yyyy-mm-dd")
    due = assessment.place("due_on")
    for row in range(1, rows + 1):
        for place in range(first, last + 1):
            sheet.write_blank(row, place, None, day if place == due else entry)
    sheet.data_validation(
        *(1, first, rows, first),
        {
            "validate": "list",
            "source": [f"{zh} {en}" for zh, en in CODES["conclusion"].values()],
            "error_title": "研判结论 Conclusion",
            "error_message": "请从列表中选择。Choose from the list.",
        },
    )
    sheet.data_validation(
        *(1, due, rows, due),
        {
            "validate": "date",
            "criteria": ">=",
            "value": "=DATE(2000,1,1)",
            "error_title": "完成期限 Due date",
            "error_message": "请填写日期，如 2026-12-31。Write a date such as 2026-12-31.",
        },
    )
