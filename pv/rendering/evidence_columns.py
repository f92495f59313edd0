"""Columns of what stands beside the alerts: subgroups, masking, joint products, onset, duplicates, foreign counts."""

from __future__ import annotations

from pv.rendering.columns import EVENT, EVENT_KIND, PRODUCT, STREAM, Column

_A = Column("a", "病例数 a", "Cases a", "count", width=9)
_EXPECTED = Column("expected", "期望例数 E", "Expected E", "ratio", width=9)
_PRR = Column("prr", "PRR", "PRR", "ratio", width=9)
_ROR = (
    Column("ror", "ROR", "ROR", "ratio", width=9),
    Column("ror_low", "ROR 95% 下限", "ROR 95% low", "ratio", width=9),
    Column("ror_high", "ROR 95% 上限", "ROR 95% high", "ratio", width=9),
)
_IC = (
    Column("ic", "IC", "IC", "ratio", width=8),
    Column("ic025", "IC025", "IC025", "ratio", width=8),
    Column("ic975", "IC975", "IC975", "ratio", width=8),
)
_CELLS = (
    _A,
    Column("b", "b 产品无事件", "b: product, other", "count", width=9),
    Column("c", "c 其他有事件", "c: others, event", "count", width=9),
    Column("d", "d 其他无事件", "d: others, other", "count", width=9),
)
_SCREENS = Column("screens", "符合的筛选标准", "Screens met", "screens", width=30)
_PAIR = (STREAM, EVENT_KIND, PRODUCT, EVENT)

SUBGROUPS = (
    STREAM,
    EVENT_KIND,
    Column("subgroup", "亚组", "Subgroup", "code", "subgroup", 14),
    PRODUCT,
    EVENT,
    *_CELLS,
    _EXPECTED,
    _PRR,
    *_ROR,
    *_IC,
    _SCREENS,
)

MASKING = (
    *_PAIR,
    Column("masked_by", "被何产品遮蔽", "Masked by", width=34),
    Column("share_of_event", "占该事件病例", "Of the event's cases", "percent", width=10),
    Column("masking_ratio", "遮蔽比", "Masking ratio", "ratio", width=9),
    Column("surfaced", "去除后才出现", "Only without the masker", "flag", width=10),
    _A,
    Column("a_unmasked", "去除后病例数", "Cases without the masker", "count", width=9),
    _PRR,
    Column("prr_unmasked", "去除后 PRR", "PRR without the masker", "ratio", width=9),
    _ROR[0],
    _ROR[1],
    Column("ror_unmasked", "去除后 ROR", "ROR without the masker", "ratio", width=9),
    Column("ror_low_unmasked", "去除后 ROR 95% 下限", "ROR 95% low without the masker", "ratio", width=9),
    _IC[1],
    Column("ic025_unmasked", "去除后 IC025", "IC025 without the masker", "ratio", width=9),
    _SCREENS,
    Column("screens_unmasked", "去除后符合的筛选标准", "Screens met without the masker", "screens", width=30),
)

INTERACTIONS = (
    STREAM,
    EVENT_KIND,
    Column("product1", "产品一", "First product", width=30),
    Column("product2", "产品二", "Second product", width=30),
    EVENT,
    Column("n111", "两者合用且有事件", "Both, with the event", "count", width=9),
    Column("expected", "期望例数", "Expected", "ratio", width=9),
    Column("omega", "Ω", "Ω", "ratio", width=8),
    Column("omega025", "Ω025", "Ω025", "ratio", width=8),
    Column("omega975", "Ω975", "Ω975", "ratio", width=8),
)

ONSET = (
    *_PAIR,
    Column("n", "有两个日期的病例", "Cases with both dates", "count", width=9),
    Column("unusable", "发生早于用药", "Onset before first use", "count", width=9),
    Column("shortest", "最短（天）", "Shortest, days", "ratio", width=9),
    Column("q1", "下四分位", "Lower quartile", "ratio", width=9),
    Column("median", "中位数（天）", "Median, days", "ratio", width=9),
    Column("q3", "上四分位", "Upper quartile", "ratio", width=9),
    Column("longest", "最长（天）", "Longest, days", "ratio", width=9),
    Column("pattern", "类型", "Pattern", "code", "onset_pattern", 12),
    Column("shape", "Weibull 形状", "Weibull shape", "ratio", width=9),
    Column("shape_low", "形状 95% 下限", "Shape 95% low", "ratio", width=9),
    Column("shape_high", "形状 95% 上限", "Shape 95% high", "ratio", width=9),
    Column("scale", "Weibull 尺度（天）", "Weibull scale, days", "ratio", width=9),
    Column("scale_low", "尺度 95% 下限", "Scale 95% low", "ratio", width=9),
    Column("scale_high", "尺度 95% 上限", "Scale 95% high", "ratio", width=9),
    Column("n_others", "其他产品病例", "Cases of other products", "count", width=9),
    Column("p_others", "与其他产品不同的 p", "p, differs from others", "probability", width=9),
)

DUPLICATES = (
    *_PAIR,
    _A,
    Column("a_as_filed", "按报告份数 a", "a, reports as filed", "count", width=9),
    _PRR,
    Column("prr_as_filed", "按报告份数 PRR", "PRR, reports as filed", "ratio", width=9),
    _ROR[1],
    Column("ror_low_as_filed", "按报告份数 ROR 95% 下限", "ROR 95% low, reports as filed", "ratio", width=9),
    _IC[1],
    Column("ic025_as_filed", "按报告份数 IC025", "IC025, reports as filed", "ratio", width=9),
    _SCREENS,
    Column("screens_as_filed", "按报告份数符合的筛选标准", "Screens met by reports as filed", "screens", width=30),
)

FOREIGN = (
    *_PAIR,
    Column("database", "国外数据库", "Foreign database", width=14),
    *_CELLS,
    _PRR,
    *_ROR,
    *_IC,
    Column("as_of", "截至", "As of", "day", width=12),
    Column("source", "来源", "Source", width=40),
)


_RISK_FACTS = (
    Column("occurred_on", "日期", "Date", "day"),
    Column("kind", "信息种类", "Information", "code", "risk_kind", 13),
    Column("risk_product", "涉及产品", "Product named", width=26),
    Column("identifier", "批准文号/注册证/备案号", "Approval or registration number", width=22),
    Column("lot", "批号", "Lot", width=14),
    Column("maker", "持有人/生产企业", "Holder or maker", width=24),
    Column("finding", "发现的问题", "What was found", width=36),
    Column("level", "严重程度", "Seriousness", "code", "risk_level", 9),
    Column("state", "办理状态", "State", "code", "risk_state", 9),
    Column("handled_by", "承办单位", "Handled by", width=18),
    Column("source", "来源", "Source", width=20),
    Column("number", "信息编号", "Information number", width=18),
    Column("link_text", "链接（未核实）", "Link, not checked", width=30),
)
RISK = (STREAM, PRODUCT, Column("link", "关联依据", "Linked by", "code", "risk_link", 11), *_RISK_FACTS)
RISK_ALONE = (*_RISK_FACTS, Column("reports", "相关报告数", "Reports that name it", "count", width=9))

USE = (
    Column("alert", "有统计提示", "Has an alert", "flag", width=8),
    STREAM,
    PRODUCT,
    Column("by", "口径", "By", "code", "use_by", 10),
    Column("measure", "数量种类", "Used or sold", "code", "exposure_measure", 10),
    Column("first_period", "起始期间", "First period", width=10),
    Column("last_period", "截止期间", "Last period", width=10),
    Column("periods", "期间数", "Periods", "count", width=7),
    Column("place", "地区", "Area", "code", "use_place", 12),
    Column("places", "医疗机构数", "Hospitals", "count", width=8),
    Column("quantity", "数量", "Quantity", "number", width=12),
    Column("unit", "单位", "Unit", width=7),
    Column("reports", "同期同范围报告", "Reports, same places and periods", "count", width=11),
    Column("rate", "每万单位报告数", "Reports per 10,000 units", "ratio", width=10),
    Column("rate_low", "95% 下限", "95% low", "ratio", width=9),
    Column("rate_high", "95% 上限", "95% high", "ratio", width=9),
)


# The tables of `pv.signals.evidence` and `pv.context`, and the sheets that show them.
EVIDENCE = {
    "subgroups": SUBGROUPS,
    "masking": MASKING,
    "interactions": INTERACTIONS,
    "onset": ONSET,
    "duplicates": DUPLICATES,
    "foreign": FOREIGN,
    "risk": RISK,
    "risk_alone": RISK_ALONE,
    "use": USE,
}
EVIDENCE_SHEETS = {
    "subgroups": "亚组",
    "masking": "遮蔽",
    "interactions": "联合用药",
    "onset": "起效时间",
    "duplicates": "重复报告影响",
    "foreign": "国外数据",
    "risk": "风险信息",
    "risk_alone": "其他风险信息",
    "use": "使用量与报告率",
}
