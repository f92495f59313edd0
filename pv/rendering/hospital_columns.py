"""Columns of the hospital report."""

from __future__ import annotations

from pv.rendering.columns import (
    HOSPITAL,
    HOSPITAL_ID,
    STREAM,
    Column,
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
    STREAM,
    HOSPITAL_ID,
    HOSPITAL,
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
    STREAM,
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
    STREAM,
    HOSPITAL_ID,
    HOSPITAL,
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
    STREAM,
    Column("received", "本年接收", "Received, year to date", "count"),
    Column("evaluated", "已评价", "Evaluated", "count"),
    Column("rate_received", "评价率（占接收）", "Evaluated of received", "percent"),
    Column("due", "应评价（到期）", "Due for evaluation", "count"),
    Column("due_evaluated", "到期已评价", "Due and evaluated", "count"),
    Column("rate_due", "评价率（占到期）", "Evaluated of due", "percent"),
    Column("overdue", "逾期未评价", "Overdue", "count"),
)

RECONCILIATION = (
    STREAM,
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

_BASIS = Column("basis", "统计口径", "Counted by", "code", "counting_basis", 10)
_FATES = RECONCILIATION[2:9]  # filed and what became of it

OFFICIAL = (
    STREAM,
    Column("area", "地区", "Area", width=12),
    Column("hospital", "机构", "Hospital", width=14),
    Column("period", "期间", "Period", width=9),
    _BASIS,
    Column("official", "官方口径总数", "Official total", "count", width=10),
    Column("ours", "本系统数", "Ours", "count", width=10),
    Column("difference", "差额", "Difference", "change", width=9),
    Column("why", "可能原因", "What may explain it", "codes", "official_why", 44),
    Column("by_unassigned", "未归属单位", "Unassigned", "change", width=9),
    Column("by_left_out", "剔除", "Left out", "change", width=9),
    Column("by_undated", "隔离且缺日期", "In quarantine, undated", "change", width=9),
    Column("by_quarantined", "隔离", "In quarantine", "change", width=9),
    Column("by_merged", "并入重复", "Merged", "change", width=9),
    Column("rest", "其余", "Rest", "change", width=9),
    *_FATES,
    Column("unassigned", "未归属单位的报告", "Reports of no known unit", "count"),
    Column("source", "来源", "Source", width=24),
    Column("recorded_at", "录入时刻", "Entered at", "instant", width=17),
)

MONTHS = (
    STREAM,
    Column("month", "月份", "Month", width=9),
    Column("scope", "范围", "Scope", "code", "scope", 10),
    Column("area", "地区代码", "Area code", width=11),
    Column("name", "地区", "Area", width=16),
    *_FATES,
    Column("official", "考核数", "Official count", "count"),
)
