"""Columns of the signal report."""

from __future__ import annotations

from pv.rendering.columns import (
    CASE,
    COMPARATOR,
    EVENT,
    EVENT_KIND,
    FILE,
    HOSPITAL,
    LEVEL,
    PRODUCT,
    RECEIVED,
    SERIOUS,
    STREAM,
    WINDOW,
    Column,
)
from pv.rendering.labels import CODES

SIGNALS = (
    STREAM,
    EVENT_KIND,
    LEVEL,
    COMPARATOR,
    WINDOW,
    PRODUCT,
    EVENT,
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
    SERIOUS,
    Column("deaths", "死亡", "Deaths", "count", width=8),
    Column("hospitals", "报告单位数", "Reporting units", "count", width=10),
    Column("status_since", "状态起始周", "Status since", width=11),
    Column("rrr", "观察/期望 RRR", "RRR (a / E)", "ratio", width=9),
    Column("chi_square_pearson", "χ²（Pearson）", "χ² (Pearson)", "ratio", width=9),
    Column("ebgm", "EBGM", "EBGM", "ratio", width=9),
    Column("eb05", "EB05", "EB05", "ratio", width=9),
    Column("eb95", "EB95", "EB95", "ratio", width=9),
    Column("p", "精确单侧 p", "Exact one-sided p", "probability", width=9),
    Column("p_mid", "mid-p", "Mid-p", "probability", width=9),
    Column("q_bh", "错误发现率 q（BH）", "q (Benjamini–Hochberg)", "probability", width=9),
    Column("q_by", "错误发现率 q（BY）", "q (Benjamini–Yekutieli)", "probability", width=9),
    Column("expected_stratified", "分层期望例数", "Expected, stratified", "ratio", width=9),
    Column("ror_mh", "分层 ROR（MH）", "ROR (Mantel–Haenszel)", "ratio", width=9),
    Column("ror_mh_low", "分层 ROR 95% 下限", "Stratified ROR 95% low", "ratio", width=9),
    Column("ror_mh_high", "分层 ROR 95% 上限", "Stratified ROR 95% high", "ratio", width=9),
    Column("ic_stratified", "分层 IC", "IC, stratified", "ratio", width=9),
    Column("ic025_stratified", "分层 IC025", "IC025, stratified", "ratio", width=9),
    Column("ic975_stratified", "分层 IC975", "IC975, stratified", "ratio", width=9),
    Column("ebgm_stratified", "分层 EBGM", "EBGM, stratified", "ratio", width=9),
    Column("eb05_stratified", "分层 EB05", "EB05, stratified", "ratio", width=9),
    Column("eb95_stratified", "分层 EB95", "EB95, stratified", "ratio", width=9),
)

COUNTED = (
    STREAM,
    EVENT_KIND,
    LEVEL,
    COMPARATOR,
    WINDOW,
    Column("cases_in_view", "现有病例", "Cases in view", "count"),
    Column("n", "计入病例 N", "Cases counted, N", "count"),
    Column("no_product", "缺产品未计", "Left out: no product", "count"),
    Column("no_event", "缺事件未计", "Left out: no event", "count"),
    Column("products", "产品数", "Products", "count"),
    Column("events", "事件数", "Events", "count"),
    Column("pairs", "产品–事件对", "Pairs", "count"),
    Column("ungrouped_products", "未归组产品", "Products without a group", "count"),
)

# The prior behind EBGM, EB05 and EB95 of each table.
PRIORS = (
    STREAM,
    EVENT_KIND,
    LEVEL,
    COMPARATOR,
    WINDOW,
    Column("pairs", "产品–事件对", "Pairs", "count"),
    Column("alpha1", "α1", "α1", "ratio", width=9),
    Column("beta1", "β1", "β1", "ratio", width=9),
    Column("alpha2", "α2", "α2", "ratio", width=9),
    Column("beta2", "β2", "β2", "ratio", width=9),
    Column("p", "P", "P", "ratio", width=9),
    Column("neg_log_likelihood", "负对数似然", "−log likelihood", "ratio", width=14),
    Column("points", "拟合点数", "Points fitted", "count"),
    Column("prior_warnings", "拟合提示", "To be said of the fit", "codes", "prior_warning", 40),
)

TOTALS = (
    STREAM,
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
    STREAM,
    CASE,
    RECEIVED,
    Column("onset_on", "发生日期", "Onset", "day", width=12),
    Column("sex", "性别", "Sex", "code", "sex", 7),
    Column("age_band", "年龄段", "Age band", width=9),
    Column("products", "产品", "Products", width=38),
    Column("events", "事件", "Events", width=30),
    Column("outcome", "转归", "Outcome", "code", "outcome", 10),
    HOSPITAL,
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
    STREAM,
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
    FILE,
    STREAM,
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
    STREAM,
    CASE,
    RECEIVED,
    HOSPITAL,
    FILE,
    Column("sheet", "工作表", "Sheet", width=12),
    Column("rows", "行号", "Rows", width=14),
    Column("reasons_zh", "隔离原因", "Reasons, in Chinese", width=60),
    Column("reasons", "隔离原因（英文）", "Reasons", width=60),
)

UNMAPPED = (
    STREAM,
    Column("kind", "待对照", "Waits for mapping", "code", "unmapped_kind", 12),
    Column("wording", "原文", "As written", width=50),
    Column("beside", "名称", "Name", width=30),
    Column("cases", "病例数", "Cases", "count"),
)

ASSESSMENT = (
    Column("key", "提示编号", "Alert key", width=13),
    STREAM,
    EVENT_KIND,
    LEVEL,
    Column("product", "产品", "Product", width=28),
    Column("event", "事件", "Event", width=22),
    Column("status", "状态", "Status", "code", "status", 9),
    Column("a", "病例数 a", "Cases a", "count", width=9),
    SERIOUS,
    Column("deaths", "死亡", "Deaths", "count", width=8),
    Column("screens", "符合的筛选标准", "Screens met", "screens", width=26),
    Column("conclusion", "研判结论", "Conclusion", width=22),
    Column("measure", "处置措施", "Measure", width=30),
    Column("responsible", "责任单位", "Responsible body", width=22),
    Column("due_on", "完成期限", "Due date", width=13),
    Column("assessor", "研判人", "Assessed by", width=14),
)
