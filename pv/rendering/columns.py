"""Columns of every table that people or programs get, declared once: name, Chinese and English heading, format.

The headings of pages, workbooks and the columns of the CSV files all come from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pv.rendering.formats import Kind
from pv.rendering.labels import CODES


@dataclass(frozen=True)
class Column:
    """`codes` names the code list of `labels.py` that translates the values; `width` is in characters."""

    name: str
    zh: str
    en: str
    kind: Kind = "text"
    codes: str = ""
    width: int = 12

    @property
    def numeric(self) -> bool:
        return self.kind in _NUMERIC


_NUMERIC = {"count", "change", "growth", "number", "ratio", "percent", "population", "probability", "measure"}


@dataclass(frozen=True)
class Table:
    """Rows of a table under declared columns; values are raw and are written by the renderer."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Iterable[Column]) -> Table:
        """The named columns of a frame, in their order, as plain Python values."""
        chosen = tuple(columns)
        values = [frame[column.name].tolist() for column in chosen]
        return cls(chosen, tuple(zip(*values, strict=True)))

    def place(self, name: str) -> int:
        """Where a column stands. Raises ValueError where there is none."""
        return [column.name for column in self.columns].index(name)

    def only(self, *names: str) -> Table:
        """The same rows with fewer columns."""
        places = [self.place(name) for name in names]
        return Table(
            tuple(self.columns[place] for place in places),
            tuple(tuple(row[place] for place in places) for row in self.rows),
        )


_STREAM = Column("stream", "类别", "Stream", "code", "stream", 10)
_EVENT_KIND = Column("event_kind", "事件类别", "Event kind", "code", "event_kind", 11)
_LEVEL = Column("level", "产品层级", "Product level", "code", "level", 11)
_COMPARATOR = Column("comparator", "对照", "Compared with", "code", "comparator", 16)
_WINDOW = Column("window", "时间窗", "Window", "code", "window", 11)
_PRODUCT = Column("product", "产品", "Product", width=34)
_EVENT = Column("event", "事件", "Event", width=24)
_CASE = Column("case", "报告编号", "Case number", width=24)
_RECEIVED = Column("received_on", "接收日期", "Received on", "day", width=12)
_HOSPITAL_ID = Column("hospital_id", "机构编号", "Hospital id", width=12)
_HOSPITAL = Column("hospital", "报告单位", "Reporting unit", width=28)
_SERIOUS = Column("serious", "严重", "Serious", "count", width=8)
_FILE = Column("file", "文件", "File", width=36)

SIGNALS = (
    _STREAM,
    _EVENT_KIND,
    _LEVEL,
    _COMPARATOR,
    _WINDOW,
    _PRODUCT,
    _EVENT,
    Column("a", "a 产品且事件", "a: product, event", "count", width=9),
    Column("b", "b 产品无事件", "b: product, other", "count", width=9),
    Column("c", "c 其他有事件", "c: others, event", "count", width=9),
    Column("d", "d 其他无事件", "d: others, other", "count", width=9),
    Column("expected", "期望例数 E", "Expected E", "ratio", width=9),
    Column("prr", "PRR", "PRR", "ratio", width=9),
    Column("prr_low", "PRR 95% 下限", "PRR 95% low", "ratio", width=9),
    Column("prr_high", "PRR 95% 上限", "PRR 95% high", "ratio", width=9),
    Column("ror", "ROR", "ROR", "ratio", width=9),
    Column("ror_low", "ROR 95% 下限", "ROR 95% low", "ratio", width=9),
    Column("ror_high", "ROR 95% 上限", "ROR 95% high", "ratio", width=9),
    Column("chi_square", "χ²（Yates）", "χ² (Yates)", "ratio", width=9),
    Column("ic", "IC", "IC", "ratio", width=8),
    Column("ic025", "IC025", "IC025", "ratio", width=8),
    Column("ic975", "IC975", "IC975", "ratio", width=8),
    Column("screens", "符合的筛选标准", "Screens met", "screens", width=30),
    Column("status", "状态", "Status", "code", "status", 9),
    Column("first_week", "首次提示周", "First week", width=11),
    _SERIOUS,
    Column("deaths", "死亡", "Deaths", "count", width=8),
    Column("hospitals", "报告单位数", "Reporting units", "count", width=10),
    Column("status_since", "状态起始周", "Status since", width=11),
)

COUNTED = (
    _STREAM,
    _EVENT_KIND,
    _LEVEL,
    _COMPARATOR,
    _WINDOW,
    Column("cases_in_view", "现有病例", "Cases in view", "count"),
    Column("n", "计入病例 N", "Cases counted, N", "count"),
    Column("no_product", "缺产品未计", "Left out: no product", "count"),
    Column("no_event", "缺事件未计", "Left out: no event", "count"),
    Column("products", "产品数", "Products", "count"),
    Column("events", "事件数", "Events", "count"),
    Column("pairs", "产品–事件对", "Pairs", "count"),
    Column("ungrouped_products", "未归组产品", "Products without a group", "count"),
)

TOTALS = (
    _STREAM,
    Column("week", "本周", "This week", "count"),
    Column("last_week", "上周", "Last week", "count"),
    Column("week_change", "较上周", "Against last week", "change"),
    Column("same_week_last_year", "上年同周", "Same week last year", "count"),
    Column("year_change", "较上年同周", "Against last year", "change"),
    Column("ytd", "本年累计", "Year to date", "count"),
    Column("ytd_last_year", "上年同期累计", "Same period last year", "count"),
    Column("ytd_growth", "累计同比", "Year-to-date change", "growth"),
    Column("deaths", "本周死亡", "Deaths this week", "count"),
    Column("serious", "本周严重", "Serious this week", "count"),
    Column("new_or_serious", "本周新的或严重", "New or serious this week", "count"),
    Column("merged", "本周并入重复", "Merged duplicates this week", "count"),
)

CASES = (
    Column("why", "列入原因", "Listed because", "codes", "why", 18),
    Column("change", "变化", "Change", "code", "change", 12),
    _STREAM,
    _CASE,
    _RECEIVED,
    Column("onset_on", "发生日期", "Onset", "day", width=12),
    Column("sex", "性别", "Sex", "code", "sex", 7),
    Column("age_band", "年龄段", "Age band", width=9),
    Column("products", "产品", "Products", width=38),
    Column("events", "事件", "Events", width=30),
    Column("outcome", "转归", "Outcome", "code", "outcome", 10),
    _HOSPITAL,
    Column("death", "死亡", "Death", "flag", width=7),
    Column("serious", "严重", "Serious", "flag", width=7),
    Column("new", "新的", "New", "flag", width=7),
    Column("evaluated", "已评价", "Evaluated", "flag", width=8),
    Column("merged_into", "并入", "Merged into", width=24),
    Column("pairs", "所属统计提示", "Alerts it stands behind", width=44),
    Column("warnings", "数据警告", "Data warnings", width=30),
)

# The sheet 摘要: what each pair's status counts, and the screens in use.
ALERT_COUNTS = (
    _STREAM,
    *(Column(name, zh, en, "count", width=10) for name, (zh, en) in CODES["status"].items()),
)

SCREENS = (
    Column("name", "代码", "Name", width=14),
    Column("zh", "筛选标准", "Screen, in Chinese", width=34),
    Column("en", "筛选标准（英文）", "Screen", width=40),
    Column("rule", "条件", "Criteria", width=34),
    Column("source", "来源", "Source", width=50),
    Column("mark", "核实程度", "Checked", width=9),
)

FILES = (
    _FILE,
    _STREAM,
    Column("format", "文件格式", "Layout", width=20),
    Column("recorded_at", "入库时刻", "Loaded at", "instant", width=17),
    Column("read", "读取行", "Rows read", "count"),
    Column("stored", "入库行", "Rows stored", "count"),
    Column("unchanged", "未变行", "Rows unchanged", "count"),
    Column("quarantined", "隔离行", "Rows quarantined", "count"),
    Column("warnings", "警告", "Warnings", "count"),
    Column("cases", "报告数", "Reports", "count"),
    Column("sha256", "文件指纹", "SHA-256", "digest", width=16),
)

QUARANTINED = (
    _STREAM,
    _CASE,
    _RECEIVED,
    _HOSPITAL,
    _FILE,
    Column("sheet", "工作表", "Sheet", width=12),
    Column("rows", "行号", "Rows", width=14),
    Column("reasons_zh", "隔离原因", "Reasons, in Chinese", width=60),
    Column("reasons", "隔离原因（英文）", "Reasons", width=60),
)

UNMAPPED = (
    _STREAM,
    Column("kind", "待对照", "Waits for mapping", "code", "unmapped_kind", 12),
    Column("wording", "原文", "As written", width=50),
    Column("cases", "病例数", "Cases", "count"),
)

ASSESSMENT = (
    Column("key", "提示编号", "Alert key", width=13),
    _STREAM,
    _EVENT_KIND,
    _LEVEL,
    Column("product", "产品", "Product", width=28),
    Column("event", "事件", "Event", width=22),
    Column("status", "状态", "Status", "code", "status", 9),
    Column("a", "病例数 a", "Cases a", "count", width=9),
    _SERIOUS,
    Column("deaths", "死亡", "Deaths", "count", width=8),
    Column("screens", "符合的筛选标准", "Screens met", "screens", width=26),
    Column("conclusion", "研判结论", "Conclusion", width=22),
    Column("measure", "处置措施", "Measure", width=30),
    Column("responsible", "责任单位", "Responsible body", width=22),
    Column("due_on", "完成期限", "Due date", width=13),
    Column("assessor", "研判人", "Assessed by", width=14),
)


_LEVEL_OF_HOSPITAL = Column("level", "级别", "Level", "code", "hospital_level", 8)
_KIND = Column("kind", "机构类型", "Kind", width=14)
_DISTRICT = Column("district", "区县代码", "District code", width=11)
_DISTRICT_NAME = Column("district_name", "区县", "District", width=14)
_POPULATION = Column("population", "服务人口", "Population", "population", width=12)
_LAST_REPORT = Column("last_report", "最近一次报告", "Last report", "day", width=13)
_WEEKS_SINCE = Column("weeks_since", "距今周数", "Weeks since", "count", width=9)

# Counts and rates that hospitals and districts share: official counts of the year to date unless named otherwise.
_RATES = (
    Column("reports_week", "本周报告", "Reports, week", "count", width=9),
    Column("reports_ytd", "本年累计", "Reports, year to date", "count", width=9),
    Column("rate_ytd", "每百万人口报告数（累计）", "Per million, year to date", "number"),
    Column("rate_low", "95% 下限", "95% low", "number", width=9),
    Column("rate_high", "95% 上限", "95% high", "number", width=9),
    Column("rate_annualised", "每百万人口报告数（折算全年）", "Per million, annualised", "number"),
    Column("quota", "全年任务数", "Yearly quota", "count", width=9),
)
_GRAVITY = (
    Column("completion", "完成率", "Completion", "percent", width=10),
    Column("serious", "严重", "Serious", "count", width=8),
    Column("new_or_serious", "新的和严重的", "New or serious", "count", width=9),
    Column("evaluated", "已评价", "Evaluated", "count", width=9),
)
_RECONCILED = (
    Column("counted", "计入", "Counted", "count", width=9),
    Column("merged", "并入重复", "Merged", "count", width=9),
    Column("quarantined", "隔离", "In quarantine", "count", width=9),
    Column("deleted", "剔除", "Left out", "count", width=9),
    Column("reports_last_year", "上年同期", "Same period last year", "count", width=9),
    Column("year_on_year", "同比", "Year on year", "growth", width=10),
    Column("population_year", "人口年份", "Population of", width=9),
    Column("population_source", "人口来源", "Population source", width=20),
)

HOSPITAL_RATES = (
    _STREAM,
    _HOSPITAL_ID,
    _HOSPITAL,
    _LEVEL_OF_HOSPITAL,
    _DISTRICT,
    _POPULATION,
    *_RATES,
    *_GRAVITY,
    *_RECONCILED,
    _KIND,
    _DISTRICT_NAME,
    Column("reports_for", "牵头单位", "Reports under", width=12),
    Column("members", "成员单位数", "Members", "count", width=9),
    Column("reports_week_with_members", "本周报告（含成员）", "Reports, week, with members", "count"),
    Column("reports_ytd_with_members", "本年累计（含成员）", "Reports, year to date, with members", "count"),
    Column("completion_with_members", "完成率（含成员）", "Completion, with members", "percent"),
)

DISTRICT_RATES = (
    _STREAM,
    Column("scope", "范围", "Scope", "code", "scope", 10),
    Column("area", "地区代码", "Area code", width=11),
    Column("name", "地区", "Area", width=16),
    Column("parent", "上级地区", "Parent area", width=11),
    _POPULATION,
    *_RATES,
    Column("quota_reports", "有任务单位报告数", "Reports of units with a quota", "count"),
    *_GRAVITY,
    *_RECONCILED,
    Column("hospitals", "报告单位数", "Reporting units", "count", width=9),
    Column("hospitals_reporting", "有报告的单位数", "Units with a report", "count", width=9),
)

TARGET_STATUS = (
    Column("set", "指标来源", "Target set", width=26),
    Column("metric", "指标", "Metric", "code", "metric", 30),
    Column("stream", "类别", "Stream", "code", "stream", 10),
    Column("area", "地区代码", "Area code", width=11),
    Column("year", "年度", "Year", width=7),
    Column("comparison", "比较", "Comparison", "code", "comparison", 8),
    Column("value", "目标值", "Target", "measure", width=10),
    Column("actual", "实际值", "Actual", "measure", width=10),
    Column("completion", "完成率", "Completion", "percent", width=10),
    Column("met", "是否达到", "Met", "code", "met", 9),
    Column("count", "报告数", "Reports", "count", width=9),
    Column("quota", "折合全年报告数", "As reports a year", "count"),
    _POPULATION,
    Column("population_year", "人口年份", "Population of", width=9),
    Column("area_name", "地区", "Area", width=14),
    Column("nature", "性质", "Nature", width=10),
    Column("source", "依据", "Source", width=44),
)

SILENT = (
    _STREAM,
    _HOSPITAL_ID,
    _HOSPITAL,
    _LEVEL_OF_HOSPITAL,
    _KIND,
    _DISTRICT,
    _DISTRICT_NAME,
    _LAST_REPORT,
    _WEEKS_SINCE,
)

STOPPED = (
    *SILENT,
    Column("reports_before", "此前报告数", "Reports before", "count", width=9),
    Column("weeks_before", "此前周数", "over weeks", "count", width=9),
    Column("mean_per_week", "此前每周平均", "Mean a week before", "ratio", width=10),
    Column("probability", "偶然性概率", "Probability by chance", "probability", width=10),
)

COVERAGE = (
    Column("scope", "范围", "Scope", "code", "scope", 10),
    Column("area", "地区代码", "Area code", width=11),
    Column("name", "地区", "Area", width=16),
    Column("level_group", "机构范围", "Institutions", "code", "level_group", 16),
    Column("streams", "报告类别", "Streams", "code", "stream", 14),
    Column("hospitals", "医疗机构数", "Institutions, number", "count", width=11),
    Column("reporting", "有报告", "With a report", "count", width=9),
    Column("coverage", "覆盖率", "Coverage", "percent", width=10),
)

EVALUATION = (
    _STREAM,
    Column("received", "本年接收", "Received, year to date", "count"),
    Column("evaluated", "已评价", "Evaluated", "count"),
    Column("rate_received", "评价率（占接收）", "Evaluated of received", "percent"),
    Column("due", "应评价（到期）", "Due for evaluation", "count"),
    Column("due_evaluated", "到期已评价", "Due and evaluated", "count"),
    Column("rate_due", "评价率（占到期）", "Evaluated of due", "percent"),
    Column("overdue", "逾期未评价", "Overdue", "count"),
)

RECONCILIATION = (
    _STREAM,
    Column("period", "期间", "Period", "code", "period", 10),
    Column("filed", "上报总数", "Filed", "count"),
    Column("counted", "计入", "Counted", "count"),
    Column("merged", "并入重复", "Merged", "count"),
    Column("deleted", "已删除", "Deleted", "count"),
    Column("duplicate", "标为重复", "Marked duplicate", "count"),
    Column("misreport", "错报误报", "Marked misreport", "count"),
    Column("quarantined", "隔离", "In quarantine", "count"),
    Column("official", "考核数", "Official count", "count"),
    Column("unassigned", "其中：未归属单位", "Of it: unassigned", "count"),
    Column("undated", "其中：无接收日期", "Of filed: undated", "count"),
    Column("repeated", "另有：重复隔离", "Besides: repeated", "count"),
)


# What is written as CSV, and from which columns the headings of these tables come.
CSV_TABLES = {
    "signals": SIGNALS,
    "hospital_rates": HOSPITAL_RATES,
    "district_rates": DISTRICT_RATES,
    "target_status": TARGET_STATUS,
}
