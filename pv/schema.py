"""The store's tables, each column declared once: type, meaning, Chinese and English label.

Dates are ISO text (`2026-11-16`) and instants ISO text in UTC (`2026-11-16T00:00:00Z`): they sort as they read,
are the same on SQLite and PostgreSQL, and let the SQL of `sql/` run unchanged on both. Truth values are 0 or 1.
Missing text is the empty string, never NULL; NULL is left to numbers that are unknown.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Id = BigInteger().with_variant(Integer, "sqlite")


def _column(kind: Any, name: str, zh: str, en: str, *args: Any, **options: Any) -> Column[Any]:
    options.setdefault("nullable", False)
    return Column(name, kind, *args, info={"zh": zh, "en": en}, **options)


def _text(name: str, zh: str, en: str, **options: Any) -> Column[Any]:
    return _column(Text, name, zh, en, **options)


def _flag(name: str, zh: str, en: str) -> Column[Any]:
    return _column(Integer, name, zh, en)


def _count(name: str, zh: str, en: str, **options: Any) -> Column[Any]:
    return _column(Integer, name, zh, en, **options)


def _key(name: str) -> Column[Any]:
    return _column(_Id, name, "内部编号", "Internal number", primary_key=True, autoincrement=False)


def _version_key(**options: Any) -> Column[Any]:
    reference = ForeignKey("case_version.version_id")
    options.setdefault("index", True)
    return _column(_Id, "version_id", "病例版本", "Case version", reference, **options)


file = Table(
    "file",
    metadata,
    _key("file_id"),
    _text("sha256", "文件指纹", "SHA-256 of the file", unique=True),
    _text("name", "文件名", "File name"),
    _text("stream", "报告类别", "Stream"),
    _text("format", "文件格式", "Layout"),
    _text("recorded_at", "入库时刻", "Loaded at (UTC)", index=True),
    _count("read", "读取行数", "Rows read"),
    _count("stored", "入库行数", "Rows stored"),
    _count("unchanged", "未变行数", "Rows unchanged"),
    _count("quarantined", "隔离行数", "Rows quarantined"),
    _count("warnings", "警告数", "Warnings"),
    _count("cases", "报告数", "Reports in the file"),
    _text("weeks", "涉及周次", "Weeks touched (';')"),
    _text("newest_on", "最新接收日期", "Newest receipt in the file (empty: unknown)", server_default=""),
)

file_load = Table(
    "file_load",
    metadata,
    _key("load_id"),
    _column(_Id, "file_id", "文件", "File", ForeignKey("file.file_id"), index=True),
    _text("recorded_at", "入库时刻", "Loaded at (UTC)"),
    _text("kind", "次别", "Kind: first, again (the same file once more), replay (of its quarantined rows)"),
    _count("read", "读取行数", "Rows read"),
    _count("stored", "入库行数", "Rows stored"),
    _count("unchanged", "未变行数", "Rows unchanged"),
    _count("quarantined", "隔离行数", "Rows quarantined"),
    _count("entered", "新隔离行数", "Rows quarantined that were not waiting before"),
    _count("entries", "新隔离报告数", "Reports entered in the quarantine"),
    _count("versions", "入库版本数", "Case versions stored"),
    _count("cleared", "了结的隔离报告数", "Reports that left the quarantine"),
    _count("warnings", "警告数", "Warnings"),
    _count("cases", "报告数", "Reports read"),
    _text("weeks", "涉及周次", "Weeks touched (';')"),
)

file_refusal = Table(
    "file_refusal",
    metadata,
    _key("refusal_id"),
    _text("sha256", "文件指纹", "SHA-256 of the file (empty: it could not be read)"),
    _text("name", "文件名", "File name"),
    _text("recorded_at", "记录时刻", "Refused at (UTC)"),
    _text("code", "拒收原因", "Why it was refused"),
    _text("detail", "说明", "What the message names (JSON)"),
)

case_version = Table(
    "case_version",
    metadata,
    _key("version_id"),
    _column(_Id, "file_id", "来源文件", "Source file", ForeignKey("file.file_id"), index=True),
    _text("stream", "报告类别", "Stream"),
    _text("case_number", "报告编号", "Case number"),
    _text("recorded_at", "入库时刻", "Loaded at (UTC)"),
    _text("effective_on", "生效日期", "In force from"),
    _text("modified_on", "最后修改时间", "Last modified"),
    _text("content_hash", "内容指纹", "Keyed hash of the content"),
    _text("left_out", "不计原因", "Left out because"),
    _text("received_on", "接收日期", "Received on"),
    _text("reported_on", "报告日期", "Reported on"),
    _text("onset_on", "发生日期", "Onset", index=True),
    _text("discovered_on", "发现或获知日期", "Discovered on"),
    _text("evaluated_on", "评价日期", "Evaluated on"),
    _flag("evaluated", "已评价", "Evaluated"),
    _flag("serious", "严重", "Serious"),
    _flag("death", "死亡", "Death"),
    _flag("new", "新的", "New (unlabelled)"),
    _text("outcome", "转归", "Outcome"),
    _text("sex", "性别", "Sex"),
    _column(Float, "age_years", "年龄（岁）", "Age in years", nullable=True),
    _text("hospital", "报告单位", "Reporting unit as written"),
    _text("area", "报告地区", "Area as written"),
    _text("patient_hash", "患者指纹", "Keyed hash of name, birth date or age, sex", index=True),
    _text("record_hash", "病历号指纹", "Keyed hash of the record number", index=True),
    _text("warnings", "警告", "Warnings (';')"),
    # The defaults fill what was stored before the column was there.
    _count("row_count", "原文行数", "Rows of the file (0: stored before they were kept)", server_default="0"),
    Index(None, "stream", "case_number"),
)

case_product = Table(
    "case_product",
    metadata,
    _key("case_product_id"),
    _version_key(),
    _text("role", "怀疑/并用", "Role"),
    _text("product", "产品（缺省层级）", "Product at the stream's default level", index=True),
    _text("name", "产品名称", "Name", index=True),
    _text("identifier", "批准文号/注册证编号/备案编号", "Approval, registration or filing number", index=True),
    _text("maker", "持有人/生产企业", "Holder or maker"),
    _text("model", "型号", "Model"),
    _text("lot", "批号", "Lot", index=True),
    _text("class", "类别", "Class"),
    # The defaults fill the rows of versions that were stored before the columns were there.
    _text("udi", "UDI/追溯码", "UDI or trace code as written", server_default="", index=True),
    _text("risk_class", "管理类别", "Class of the device as reported (1–3)", server_default=""),
    _text("used_from", "开始使用日期", "First used on (empty: unknown)", server_default=""),
)

case_event = Table(
    "case_event",
    metadata,
    _key("case_event_id"),
    _version_key(),
    _text("kind", "事件类别", "Event kind"),
    _text("event", "事件", "Event"),
)

case_merge = Table(
    "case_merge",
    metadata,
    _key("merge_id"),
    _text("stream", "报告类别", "Stream"),
    _text("case_number", "报告编号", "Case number"),
    _text("merged_into", "并入", "Merged into (empty: stands alone again)"),
    _text("rule", "依据", "Rule"),
    _text("recorded_at", "记录时刻", "Recorded at (UTC)"),
    Index(None, "stream", "case_number"),
)

case_person = Table(
    "case_person",
    metadata,
    _version_key(primary_key=True, autoincrement=False, index=False),
    _text("name_hash", "姓名指纹", "Keyed hash of the patient's name (empty: unknown, masked or initials)", index=True),
    _text("birth_hash", "出生日期指纹", "Keyed hash of the birth date"),
)

case_pair = Table(
    "case_pair",
    metadata,
    _key("pair_id"),
    _text("stream", "报告类别", "Stream"),
    _text("case_number", "报告编号", "Case number"),
    _text("other_number", "另一报告编号", "Case number of the other report (the later one in order)"),
    _column(Float, "weight", "匹配权重", "Match weight (bits)"),
    _column(Float, "probability", "匹配概率", "Probability that both tell the same event"),
    _text("zone", "判定区间", "Zone: merged, review, held, different"),
    _text("explanation", "依据说明", "Comparisons with their levels and weights (JSON)"),
    _text("rule", "依据", "Rule"),
    _text("recorded_at", "记录时刻", "Recorded at (UTC)"),
    Index(None, "stream", "case_number", "other_number"),
)

case_decision = Table(
    "case_decision",
    metadata,
    _key("decision_id"),
    _text("stream", "报告类别", "Stream"),
    _text("case_number", "报告编号", "Case number"),
    _text("other_number", "另一报告编号", "Case number of the other report (the later one in order)"),
    _text("verdict", "人工判定", "Verdict of a person: same, different"),
    _text("decided_by", "判定人", "Decided by"),
    _text("note", "说明", "Note"),
    _text("recorded_at", "记录时刻", "Recorded at (UTC)"),
    Index(None, "stream", "case_number", "other_number"),
)

quarantine = Table(
    "quarantine",
    metadata,
    _key("quarantine_id"),
    _column(_Id, "file_id", "来源文件", "Source file", ForeignKey("file.file_id"), index=True),
    _text("stream", "报告类别", "Stream"),
    _text("case_number", "报告编号", "Case number (empty: none)"),
    _text("recorded_at", "入库时刻", "Loaded at (UTC)"),
    _text("received_on", "接收日期", "Received on (empty: unreadable)"),
    _text("hospital", "报告单位", "Reporting unit as written"),
    _text("sheet", "工作表", "Sheet"),
    _text("rows", "行号", "Rows"),
    _text("reasons", "隔离原因", "Reasons"),
    _text("content_hash", "内容指纹", "Keyed hash of the content"),
    _text("raw", "原文（加密）", "Raw rows, encrypted"),
    _count("row_count", "原文行数", "Number of its rows", server_default="0"),
    _text("modified_on", "最后修改时间", "Last modified (empty: unknown)", server_default=""),
    _text("format", "表单", "Form of its row (empty: the layout of its file)", server_default=""),
    Index(None, "stream", "case_number"),
)

access_log = Table(
    "access_log",
    metadata,
    _key("access_id"),
    _text("recorded_at", "记录时刻", "Recorded at (UTC)"),
    _text("who", "操作人", "Who"),
    _text("what", "操作", "Command"),
    _text("stream", "报告类别", "Stream (empty: not one)"),
    _text("subject", "对象", "Case number, SHA-256 of a file, or how many"),
    _text("why", "事由", "Why"),
)

entry = Table(
    "entry",
    metadata,
    _key("entry_id"),
    _column(_Id, "file_id", "来源文件", "Source file", ForeignKey("file.file_id"), index=True),
    _text("form", "表单", "Form"),
    _text("key", "对象", "What it is about (JSON)"),
    _text("sheet", "工作表", "Sheet"),
    _count("row", "行号", "Row"),
    _text("recorded_at", "入库时刻", "Loaded at (UTC)"),
    _text("content", "内容", "Fields (JSON)"),
    Index(None, "form", "key"),
)

forgotten_case = Table(
    "forgotten_case",
    metadata,
    _key("forgotten_id"),
    _text("stream", "报告类别", "Stream"),
    _text("case_number", "报告编号", "Case number"),
    _text("recorded_at", "记录时刻", "Recorded at (UTC)"),
    _text("decided_by", "决定人", "Decided by"),
    _text("reason", "事由", "Why"),
    UniqueConstraint("stream", "case_number"),
)

redaction = Table(
    "redaction",
    metadata,
    _key("redaction_id"),
    _text("sha256", "文件指纹", "SHA-256 of the file as it came", index=True),
    _text("replaced_by", "替代文件指纹", "SHA-256 of the copy that is kept in its place (empty: none is)"),
    _text("recorded_at", "记录时刻", "Recorded at (UTC)"),
)

store_key = Table(
    "store_key",
    metadata,
    _key("store_key_id"),
    _text("recorded_at", "记录时刻", "Sealed at (UTC)"),
    _text("sealed", "指纹密钥（加密）", "Key of the hashes, encrypted with PVWATCH_KEY"),
    _text("mark", "加密密钥标记", "Which PVWATCH_KEY opens it: the first digits of a keyed hash"),
)

quarantine_closing = Table(
    "quarantine_closing",
    metadata,
    _key("closing_id"),
    _column(_Id, "quarantine_id", "隔离编号", "Entry", ForeignKey("quarantine.quarantine_id"), index=True),
    _text("how", "了结方式", "How: stored, mended, replayed, replaced, outdated, dismissed"),
    _text("by_file", "所凭文件指纹", "SHA-256 of the file that did it (empty: none)"),
    _text("done_by", "操作人", "Done by"),
    _text("reason", "理由", "Reason"),
    _text("recorded_at", "记录时刻", "Recorded at (UTC)"),
)

reference_snapshot = Table(
    "reference_snapshot",
    metadata,
    _key("snapshot_id"),
    _text("name", "参考数据", "Reference table"),
    _text("sha256", "指纹", "SHA-256"),
    _text("recorded_at", "入库时刻", "Loaded at (UTC)"),
    _text("content", "内容", "Content (CSV)"),
)

alert = Table(
    "alert",
    metadata,
    _key("alert_id"),
    _column(_Id, "revision_id", "版次", "Revision", ForeignKey("revision.revision_id"), index=True),
    _text("stream", "报告类别", "Stream"),
    _text("event_kind", "事件类别", "Event kind"),
    _text("level", "产品层级", "Product level"),
    _text("comparator", "对照", "Comparator"),
    _text("window", "时间窗", "Window"),
    _text("product", "产品", "Product"),
    _text("event", "事件", "Event"),
    *(_column(BigInteger, name, name, name) for name in ("a", "b", "c", "d")),
    *(
        _column(Float, name, label, label, nullable=True)
        for name, label in (
            ("expected", "E"),
            ("prr", "PRR"),
            ("prr_low", "PRR 95% −"),
            ("prr_high", "PRR 95% +"),
            ("ror", "ROR"),
            ("ror_low", "ROR 95% −"),
            ("ror_high", "ROR 95% +"),
            ("chi_square", "χ²"),
            ("ic", "IC"),
            ("ic025", "IC025"),
            ("ic975", "IC975"),
        )
    ),
    _text("screens", "符合的筛选标准", "Screens met (';')"),
    _text("status", "状态", "Status"),
    _text("first_week", "首次提示周", "First week"),
    _count("serious", "严重病例数", "Serious cases"),
    _count("deaths", "死亡病例数", "Deaths"),
    _count("hospitals", "报告单位数", "Hospitals"),
    _text("status_since", "状态起始周", "Status since"),
)

revision = Table(
    "revision",
    metadata,
    _key("revision_id"),
    _text("week", "周次", "Week"),
    _count("revision", "版次", "Revision"),
    _text("as_of", "数据截至", "As of (UTC)"),
    _text("edition", "版本", "Edition"),
    _text("sha256", "指纹", "SHA-256 of the summary"),
    UniqueConstraint("week", "edition", "revision"),
)
