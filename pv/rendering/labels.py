"""What the codes in the tables mean, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pv.codes import numbers
from pv.codes.mappings import NUMBER_FORM
from pv.reference import shipped_toml, streams
from pv.sources.forms import STREAM as FORMS
from pv.sources.forms import forms

CODES: dict[str, dict[str, tuple[str, str]]] = {
    "status": {
        "new": ("新增", "new"),
        "returned": ("再现", "returned"),
        "strengthened": ("增强", "strengthened"),
        "continuing": ("持续", "continuing"),
        "weakened": ("减弱", "weakened"),
        "lapsed": ("消退", "lapsed"),
    },
    "level": {
        "generic": ("通用名称", "generic name"),
        "approval": ("批准文号", "approval number"),
        "lot": ("批号", "lot"),
        "registration": ("注册证", "registration"),
        "model": ("型号", "model"),
        "class": ("产品类别", "kind of device"),
        "product": ("产品", "product"),
        "maker": ("生产企业", "maker"),
        "category": ("化妆品分类", "category"),
        "type": ("疫苗种类", "type of vaccine"),
        "substance": ("成分", "substance"),
        "ingredient": ("有效成分", "ingredient"),
        "catalogue": ("器械分类目录", "device catalogue"),
    },
    "comparator": {
        "stream": ("本类别全部报告", "all reports of the stream"),
        "background": ("全省（全国）其余报告", "the rest of the province or the nation"),
        "generic": ("同一通用名称", "the same generic name"),
        "class": ("同类产品", "the same kind of device"),
        "catalogue": ("同一分类目录", "the same category of the catalogue"),
        "ingredient": ("同一有效成分", "the same ingredient"),
        "category": ("同类化妆品", "the same category"),
    },
    "onset_pattern": {
        "early": ("早发", "early"),
        "constant": ("恒定", "constant"),
        "late": ("迟发", "late"),
        "too_few": ("例数过少", "too few"),
        "not_identifiable": ("无法判断", "cannot be told"),
    },
    "window": {"all": ("全部时间", "all time"), "12m": ("近12个月", "last 12 months")},
    "sex": {
        "male": ("男", "male"),
        "female": ("女", "female"),
        "unknown": ("不详", "unknown"),
    },
    "why": {
        "death": ("本周死亡", "death this week"),
        "new_serious": ("本周新的且严重", "new and serious this week"),
        "serious": ("本周严重", "serious this week"),
        "new": ("本周新的", "new this week"),
        "alert": ("统计提示病例", "behind an alert"),
    },
    "change": {
        "raised": ("本周升级", "raised this week"),
    },
    "unmapped_kind": {
        "product": ("产品", "product"),
        "event": ("事件", "event"),
        "hospital": ("报告单位", "reporting unit"),
        "number": ("批准文号", "approval number"),
        "ingredient": ("有效成分", "ingredient"),
    },
    "mapping_problem": {
        "udi_conflict": ("UDI与编号不符", "the UDI names another product than the number"),
        "meddra_ambiguous": ("MedDRA中有多个首选术语", "MedDRA has several preferred terms for it"),
        "name_shared": ("多个单位同名", "several units have this name"),
    },
    "unmapped_reason": {
        "unknown_hospital": ("不在单位名录中", "no known unit"),
        "number_form": ("编号形式不明", "number of no known form"),
        "resembles": ("与其他用语相近", "resembles another wording"),
    },
    "outcome": {
        "recovered": ("痊愈", "recovered"),
        "recovering": ("好转", "recovering"),
        "not_recovered": ("未好转", "not recovered"),
        "sequelae": ("有后遗症", "recovered with sequelae"),
        "death": ("死亡", "died"),
        "unknown": ("不详", "unknown"),
    },
    "scope": {
        "whole": ("全辖区", "whole area"),
        "district": ("区县", "district"),
        "area": ("下辖地区", "area within a district"),
        "direct": ("直属单位", "directly under the whole area"),
        "unassigned": ("未归属", "unassigned"),
    },
    "counting_basis": {
        "received": ("接收", "received"),
        "evaluated": ("评价", "evaluated"),
        "reported": ("报告", "reported"),
    },
    "official_why": {
        "unassigned": ("可能在未归属单位的报告中", "may be among the reports of no known unit"),
        "left_out": ("可能含已删除、重复、错报误报", "may include what is deleted, duplicate or misreported"),
        "undated": ("可能在缺该日期的隔离报告中", "may be in quarantine without that date"),
        "quarantined": ("可能未含隔离报告", "may leave out what is in quarantine"),
        "merged": ("可能未含并入的重复报告", "may leave out merged duplicates"),
        "not_exported": ("其余可能尚未导出", "the rest may not be exported yet"),
        "not_official": ("其余官方数未含", "the rest is not in the official figure"),
        "basis_received": ("按接收时间则一致", "agrees by the day of receipt"),
        "basis_evaluated": ("按评价时间则一致", "agrees by the day of evaluation"),
        "basis_reported": ("按报告日期则一致", "agrees by the day of the report"),
        "open": ("期间尚未结束", "the period is not over"),
        "unknown_place": ("地区或机构未识别", "unknown area or hospital"),
    },
    "met": {"yes": ("达到", "met"), "no": ("未达到", "not met")},
    "comparison": {">=": ("≥", "≥"), "<=": ("≤", "≤")},
    "level_group": {
        "all": ("全部医疗机构", "all medical institutions"),
        "level2": ("二级及以上", "level 2 and above"),
    },
    "period": {"week": ("本周", "week"), "ytd": ("本年累计", "year to date"), "all": ("全部", "all time")},
    "role": {
        "suspect": ("怀疑", "suspect"),
        "concomitant": ("并用", "concomitant"),
        "interacting": ("相互作用", "interacting"),
    },
    "left_out": {
        "deleted": ("已删除", "deleted"),
        "duplicate": ("标记为重复", "marked as duplicate"),
        "misreport": ("错报误报", "misreport"),
    },
    "trace_state": {
        "counted": ("计入", "counted"),
        "merged": ("计入（已并入）", "counted, merged"),
        "left_out": ("不计", "not counted"),
        "corrected": ("已更正，不再涉及", "corrected, names it no more"),
        "partner": ("同一事件，未写明", "same event, does not name it"),
    },
    "lot_relation": {
        "asked": ("所查", "asked for"),
        "adjacent": ("相邻批号", "neighbouring number"),
        "similar": ("写法相近", "similar spelling"),
        "other": ("其他批号", "other lot"),
    },
    "risk_kind": {
        "sampling": ("抽检不合格", "sampling failure"),
        "inspection": ("监督检查", "inspection"),
        "complaint": ("投诉举报", "complaint"),
        "enforcement": ("案件查办", "enforcement case"),
        "opinion": ("舆情", "public opinion"),
        "recall": ("召回", "recall"),
        "warning": ("风险提示", "warning"),
        "other": ("其他", "other"),
    },
    "risk_level": {"high": ("高", "high"), "medium": ("中", "medium"), "low": ("低", "low")},
    "risk_state": {"open": ("办理中", "open"), "closed": ("已办结", "closed")},
    "risk_link": {
        "lot": ("同一批号", "same lot"),
        "number": ("同一文号", "same number"),
        "product": ("同一产品名称", "same product name"),
        "maker": ("同一企业", "same maker"),
    },
    "exposure_measure": {
        "used": ("使用", "used"),
        "sold": ("销售", "sold"),
        "purchased": ("采购", "purchased"),
        "doses": ("接种剂次", "doses given"),
    },
    "use_by": {
        "product": ("产品名称", "product name"),
        "number": ("文号", "number"),
        "lot": ("批号", "lot"),
    },
    "use_place": {"unplaced": ("机构或地区未识别", "place not known")},
    # What people can choose in the form of the workbook.
    "conclusion": {
        "signal": ("确认为信号", "signal"),
        "watch": ("继续关注", "keep watching"),
        "no_signal": ("不是信号", "no signal"),
        "unclear": ("资料不足", "more information needed"),
    },
    "verdict": {
        "same": ("同一事件", "same"),
        "different": ("不同事件", "different"),
    },
    "review_zone": {
        "review": ("待判定", "to be decided"),
        "held": ("整份暂缓", "file held back"),
    },
    "hospital_level": {"1": ("一级", "level 1"), "2": ("二级", "level 2"), "3": ("三级", "level 3")},
}


@cache
def _stream_lists() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    kinds = {
        name: (words["zh"], words["en"]) for stream in streams().values() for name, words in stream.event_kinds.items()
    }
    for stream in streams().values():
        for name, (kind, _) in stream.event_levels.items():
            level = name.rpartition("_")[2].upper()
            kinds[name] = (f"{kinds[kind][0]} {level}", f"{kinds[kind][1]}, {level}")
    return {
        "format": {form.name: (form.zh, form.en) for form in forms()},  # layouts stand for themselves
        "stream": {
            **{stream.name: (stream.zh, stream.en) for stream in streams().values()},
            "all": ("合计", "all streams"),
            FORMS: ("表单", "Forms"),
            "drug+device": ("药品＋医疗器械", "drugs and devices"),
        },
        "event_kind": kinds,
        "mapping_rule": _rules(),
        "prior_warning": {code: (text["zh"], text["en"]) for code, text in shipped_toml("messages")["prior"].items()},
        "subgroup": {
            name: (words["zh"], words["en"])
            for name, words in shipped_toml("subgroups").items()
            if isinstance(words, dict)
        },
        "metric": {name: (words["zh"], words["en"]) for name, words in shipped_toml("targets")["metrics"].items()},
    }


def _rules() -> dict[str, tuple[str, str]]:
    rules = {
        "as_written": ("按原文", "as written"),
        "synonym": ("对照表", "synonym"),
        "udi": ("UDI对照表", "table of devices, by UDI"),
        "odd_number": ("编号格式不识别，按原文", "number of no known form, as written"),
        "code": ("单位编号", "code of the unit"),
        "name": ("单位名称", "name of the unit"),
        "former_name": ("曾用名", "former name of the unit"),
    }
    meddra = {
        "meddra_llt": ("MedDRA低位术语", "MedDRA lowest level term"),
        "meddra_pt": ("MedDRA首选术语", "MedDRA preferred term"),
        "meddra_code": ("MedDRA编码", "MedDRA code"),
    }
    after = {f"synonym;{rule}": (f"对照表，{zh}", f"synonym, then {en}") for rule, (zh, en) in meddra.items()}
    read = {f"{NUMBER_FORM}{kind}": (f"编号：{zh}", f"number: {en}") for kind, zh, en in numbers.kinds()}
    return rules | meddra | after | read


def code_label(codes: str, code: str, language: str) -> str:
    """The word for a code in a code list; a code that is not in the list stands for itself."""
    name, _, which = code.partition(":")  # one of several of a kind, such as "district:东湖区"
    words = (CODES.get(codes) or _stream_lists()[codes]).get(name)
    if words is None:
        return code
    return f"{words[0] if language == 'zh' else words[1]} {which}".rstrip()


def is_share(metric: str) -> bool:
    """Whether a metric's values are shares; otherwise they are reports per million."""
    return bool(shipped_toml("targets")["metrics"].get(metric, {}).get("unit") == "share")
