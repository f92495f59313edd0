"""A report in the columns of its export. Every cell is text; columns that are not named stay empty.

Cells that nothing counts (weights, doses, phrases) are drawn from the report's own seed, so that a later version or a
repeat of a report reads the same in them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pv.demo.catalogue import STREAMS, toml
from pv.demo.dice import Dice, Weighted
from pv.demo.onsets import days_before_onset
from pv.demo.people import landline, phone
from pv.demo.region import Region
from pv.demo.reports import Report, Use

Row = dict[str, str]

_DATE_STYLES = Weighted({"-": 0.97, "/": 0.02, "年": 0.01})
_SEPARATORS = Weighted({"；": 0.72, ";": 0.18, "、": 0.05, ",": 0.05})
_CAUSALITY = Weighted({"很可能": 0.42, "可能": 0.45, "肯定": 0.06, "可能无关": 0.04, "待评价": 0.03})
_GRAVE = ("导致住院或住院时间延长", "危及生命", "其他重要医学事件")
_TREATMENTS = ("未予特殊处理", "予对症处理", "予地塞米松注射液静脉注射", "予吸氧、补液处理", "予抗过敏治疗")
_ENDINGS = {
    "好转": "症状好转",
    "痊愈": "症状完全消失",
    "未好转": "症状未见好转，继续观察",
    "不详": "后续情况不详",
    "有后遗症": "遗留轻度后遗症",
    "死亡": "经抢救无效死亡",
}
_PLACES = Weighted({"医疗机构": 0.86, "家庭": 0.12, "其他": 0.02})
_CAUSES = Weighted({"产品原因（包括说明书等）": 0.48, "操作原因": 0.1, "患者自身原因": 0.14, "无法确定": 0.28})
_SKIN = ("面部-额部", "颊部", "眼周", "口周", "头皮", "颈部", "上肢", "手部")


def format_date(day: date, style: str) -> str:
    """`2026-11-10`, or now and then `2026/11/10` or `2026年11月10日`."""
    if style == "-":
        return day.isoformat()
    return f"{day.year}/{day.month}/{day.day}" if style == "/" else f"{day.year}年{day.month}月{day.day}日"


def format_time(moment: datetime, style: str) -> str:
    return f"{format_date(moment.date(), style)} {moment:%H:%M:%S}"


@dataclass(frozen=True)
class _Page:
    """What the cells of one report are made from."""

    report: Report
    dice: Dice
    style: str
    region: Region
    place: str
    seed: int

    def started(self, number: int, usual: int) -> date:
        """When the report's use of that number (from 1) began; `usual`: days before the onset, if none are planted."""
        return self.report.onset - timedelta(days=days_before_onset(self.report, number - 1, self.seed, usual))

    def day(self, day: date | None) -> str:
        return format_date(day, self.style) if day else ""

    @property
    def staff(self) -> str:
        people = toml("names")["people"]
        return f"{self.dice.pick(people['surnames'])}{self.dice.pick(people['second'])}"


def rows_of(report: Report, region: Region, seed: int) -> list[Row]:
    """The report's rows, column → text."""
    dice = Dice(seed, 3, STREAMS.index(report.stream), report.decor, block=128)
    place = f"{region.root.name}{report.unit.area}"
    place = place.replace(region.root.name * 2, region.root.name)
    page = _Page(report, dice, _DATE_STYLES.draw(dice), region, place, seed)
    makers: dict[str, Callable[[_Page], list[Row]]] = {
        "drug": _drug,
        "device": _device,
        "cosmetic": _cosmetic,
    }
    return makers[report.stream](page)


def _joined(terms: tuple[str, ...], separator: str) -> str:
    return separator.join(terms) if terms else "无"


def _wording(name: str, dice: Dice) -> str:
    """Brackets are written full-width as often as not."""
    return name.replace("(", "（").replace(")", "）") if dice.chance(0.5) else name


# ── drugs ──
def _drug(page: _Page) -> list[Row]:
    first = _drug_report(page) | _drug_course(page) | _drug_filing(page) | _drug_review(page)
    return [first | _drug_use(page, number, use) for number, use in enumerate(page.report.uses, start=1)]


def _drug_report(page: _Page) -> Row:
    report, dice = page.report, page.dice
    patient = report.patient
    return {
        "报告表编码": report.identity.number,
        "唯一标识": report.identity.unique,
        "首次/跟踪报告": "首次报告" if dice.chance(0.97) else "跟踪报告",
        "报告类型-新的": "新的" if report.new else "",
        "报告类型-严重程度": "严重" if report.serious else "一般",
        "严重药品不良反应": ("死亡" if report.death else dice.pick(_GRAVE)) if report.serious else "",
        "报告单位类别": report.unit.kind,
        "患者姓名": patient.name,
        "性别": patient.sex,
        "出生日期": page.day(patient.birth),
        "年龄": patient.age,
        "年龄单位": patient.age_unit if patient.age else "",
        "民族": dice.pick(toml("names")["people"]["ethnic"]),
        "体重": str(dice.between(46, 82)) if patient.age_unit == "岁" and dice.chance(0.7) else "",
        "患者联系方式": patient.phone if dice.chance(0.6) else "",
        "原患疾病": report.uses[0].product.details["indication"],
        "医院名称": report.unit.written if report.unit.kind == "医疗机构" else "",
        "病历号/门诊号": patient.record,
        "既往药品不良反应/事件": "无" if dice.chance(0.8) else "不详",
        "家族药品不良反应/事件": "无" if dice.chance(0.7) else "不详",
        "相关重要信息": "过敏史" if dice.chance(0.05) else "",
    }


def _drug_use(page: _Page, number: int, use: Use) -> Row:
    dice, details, onset = page.dice, use.product.details, page.report.onset
    started = page.started(number, dice.days(3.0, 60))
    return {
        "怀疑/并用": "怀疑" if use.counted else "并用",
        "药品序号": str(number),
        "批准文号": use.product.identifier or ("/" if dice.chance(0.3) else ""),
        "通用名称": _wording(use.product.name, dice),
        "剂型": details["form"],
        "生产厂家": use.product.maker if use.product.category != "P" else page.report.unit.written.strip(),
        "生产批号": use.lot or ("不详" if dice.chance(0.4) else ""),
        "用量": details["dose"],
        "用量单位": details["unit"],
        "用法-日": "1",
        "用法-次": str(dice.between(1, 3)),
        "给药途径": details["route"],
        "用药开始时间": page.day(started),
        "用药终止时间": page.day(max(started, onset)) if dice.chance(0.85) else "",
        "用药原因": details["indication"],
    }


def _drug_course(page: _Page) -> Row:
    report, dice = page.report, page.dice
    marked = dice.chance(0.8)
    terms = report.events["reaction"]
    written = tuple(
        f"{term}（{'严重' if report.serious and n == 0 else '一般'}）" if marked else term
        for n, term in enumerate(terms)
    )
    return {
        "不良反应名称": _SEPARATORS.draw(dice).join(written),
        "不良反应发生时间": page.day(report.onset),
        "不良反应过程描述": report.narrative or _drug_narrative(page),
        "不良反应结果": report.outcome,
        "后遗症表现": "轻度功能障碍" if report.outcome == "有后遗症" else "",
        "死亡时间": page.day(report.reported) if report.death else "",
        "直接死因": "多脏器功能衰竭" if report.death else "",
        "停药减药后反应是否减轻或消失": "是" if report.outcome in {"好转", "痊愈"} else "不明",
        "再次使用可疑药是否出现同样反应": "未再使用" if dice.chance(0.93) else "不明",
        "对原患疾病影响": "导致死亡" if report.death else "不明显",
    }


def _drug_narrative(page: _Page) -> str:
    report, dice = page.report, page.dice
    use = report.uses[0]
    details = use.product.details
    opening = f"患者因“{details['indication']}”于{report.onset.month}月{report.onset.day}日就诊"
    dose = f"{use.product.name}{details['dose']}{details['unit']}{details['route']}"
    delay = dice.pick(("约10分钟", "约半小时", "2小时", "次日", "用药3天"))
    signs = "、".join(report.events["reaction"])
    new_line = "\n" if dice.chance(0.03) else ""
    treatment = dice.pick(_TREATMENTS[1:] if report.serious else _TREATMENTS)
    ending = _ENDINGS[report.outcome]
    return f"{opening}，予{dose}。{new_line}{delay}后出现{signs}，立即停药，{treatment}，{ending}。"


def _drug_filing(page: _Page) -> Row:
    report, dice, staff = page.report, page.dice, page.staff
    return {
        "报告人评价": _CAUSALITY.draw(dice),
        "报告人评价签名": staff,
        "报告单位评价": _CAUSALITY.draw(dice),
        "报告单位签名": page.staff,
        "报告人联系方式": phone(dice),
        "报告人职业": dice.pick(toml("names")["people"]["professions"]),
        "报告人邮箱": f"yz{dice.below(9000):04d}@example.invalid" if dice.chance(0.4) else "",
        "报告人签名": staff,
        "报告单位名称": report.unit.written,
        "报告单位联系人": page.staff,
        "报告单位电话": landline(dice.below(90_000)),
        "报告日期": page.day(report.reported),
        "信息来源": report.unit.kind,
        "国家中心接收时间": format_time(report.received, page.style),
        "录入人": staff,
        "报告地区名称": page.place,
        "最后修改时间": format_time(report.modified, page.style),
    }


def _drug_review(page: _Page) -> Row:
    report = page.report
    marks = {
        "重复报告": "重复报告" if report.left_out == "duplicate" else "",
        "删除标识": "删除" if report.left_out == "deleted" else "",
    }
    if report.evaluated is None:
        return {"评价状态": "未评价", **marks}
    county = max(report.received.date(), report.evaluated - timedelta(days=1))
    opinion = _CAUSALITY.draw(page.dice)
    return {
        "评价状态": "已评价",
        "县评价": opinion,
        "市评价": opinion,
        "县评价人姓名": page.staff,
        "市评价人姓名": page.staff,
        "县评价时间": page.day(county),
        # Now and then only the status tells.
        "市评价时间": "" if page.dice.chance(0.01) else page.day(report.evaluated),
        **marks,
    }


# ── devices ──
def _device(page: _Page) -> list[Row]:
    return [_device_unit(page) | _device_product(page) | _device_event(page) | _device_holder(page)]


def _device_unit(page: _Page) -> Row:
    report, dice = page.report, page.dice
    evaluated = report.evaluated is not None
    return {
        "报告编码": report.identity.number,
        "报告日期": page.day(report.received.date()),
        "报告人": page.staff,
        "单位名称": report.unit.written,
        "联系地址": f"{page.place}演示路{dice.between(1, 300)}号",
        "联系人": page.staff,
        "联系电话": landline(dice.below(90_000)),
        "发生地": page.place,
        "医疗机构类别": "医院" if report.unit.kind == "医疗机构" else "",
        "上报单位所属地区": page.place,
        "使用单位、经营企业所属监测机构": f"{report.unit.area}药品不良反应监测中心",
        "经营企业使用单位报告状态": "审核通过" if evaluated else "待审核",
        "审核日期": page.day(report.evaluated),
    }


def _device_product(page: _Page) -> Row:
    report, dice = page.report, page.dice
    product, lot = report.uses[0].product, report.uses[0].lot
    made = report.onset - timedelta(days=dice.between(60, 500))
    return {
        "产品名称": product.name,
        "注册证编号/曾用注册证编号": product.identifier,
        "型号": dice.pick(product.models),
        "产地": product.details["origin"],
        "管理类别": product.details["class"],
        "产品类别": product.category,
        "产品批号": lot,
        "产品编号": f"SN{dice.below(1_000_000):06d}" if product.category == "有源" else "",
        "UDI": f"(01){_article(product.index)}(10){lot}" if lot and dice.chance(0.3) else "",
        "生产日期": page.day(made),
        "有效期至": page.day(made + timedelta(days=1095)),
        "上市许可持有人名称": product.maker,
    }


def _article(index: int) -> str:
    """An article number of 14 digits with its check digit; 699 99 is in nobody's use."""
    digits = f"0699999{index:06d}"
    weighted = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(digits))
    return f"{digits}{-weighted % 10}"


def _device_event(page: _Page) -> Row:
    report, dice, patient = page.report, page.dice, page.report.patient
    used = page.started(1, dice.days(2.0, 30))
    separator = _SEPARATORS.draw(dice)
    failure, harm = report.events["failure"], report.events["harm"]
    story = f"使用{report.uses[0].product.name}过程中出现{_joined(failure + harm, '、')}，立即停用并更换。"
    known = report.onset + timedelta(days=min(dice.days(1.0, 4), (report.received.date() - report.onset).days))
    return {
        "事件发生日期": page.day(report.onset),
        "发现或获知日期": page.day(known),
        "伤害": report.harm,
        "伤害表现": _joined(harm, separator),
        "器械故障表现": _joined(failure, separator),
        "姓名": patient.name,
        "出生日期": page.day(patient.birth),
        "年龄": patient.age,
        "年龄类型": patient.age_unit if patient.age else "",
        "性别": patient.sex,
        "病历号": patient.record,
        "预期治疗疾病或作用": report.uses[0].product.details["purpose"],
        "器械使用日期": page.day(used),
        "使用场所": _PLACES.draw(dice),
        "使用过程": report.narrative or story,
        "事件原因分析": _CAUSES.draw(dice),
        "事件原因分析描述": "考虑与产品质量有关" if dice.chance(0.3) else "",
        "初步处置情况": "停用并更换产品",
    }


def _device_holder(page: _Page) -> Row:
    report, dice = page.report, page.dice
    mistaken = report.left_out == "misreport"
    marks = {
        "是否为错报误报报告": "是" if mistaken else "否",
        "错报误报说明": "经核实为操作练习时录入" if mistaken else "",
        "是否合并报告": "否",
    }
    if not report.holder_harm:
        return {"持有人报告状态": "待评价", **marks}
    return {
        "是否开展了调查": "是" if dice.chance(0.7) else "否",
        "关联性评价": dice.pick(("与产品有关", "与产品无关", "无法确定")),
        "事件原因分析.1": _CAUSES.draw(dice),
        "是否需要开展产品风险评价": "否",
        "是否已采取控制措施": "否" if dice.chance(0.9) else "是",
        "持有人报告状态": "审核通过",
        "伤害.1": report.holder_harm,
        "单位名称.1": report.uses[0].product.maker,
        "审核人.1": page.staff,
        **marks,
    }


# ── cosmetics ──
def _cosmetic(page: _Page) -> list[Row]:
    report, dice, patient = page.report, page.dice, page.report.patient
    use = report.uses[0]
    started = page.started(1, dice.days(9.0, 90))
    signs = "、".join(report.events["finding"] + report.events["symptom"]) or "不适"
    story = f"使用{use.product.name}后出现{signs}，停用后就诊。"
    return [
        {
            "报告表编号": report.identity.number,
            "报告类型": "严重" if report.serious else "一般",
            "报告地区": page.place,
            "报告单位名称": report.unit.written,
            "患者/消费者姓名": patient.name,
            "性别": patient.sex,
            "年龄": patient.age + (patient.age_unit if patient.age_unit != "岁" else ""),
            "开始使用日期": page.day(started),
            "不良反应发生日期": page.day(report.onset),
            "自觉症状": _joined(report.events["symptom"], "；"),
            "皮损部位": "；".join(dict.fromkeys((dice.pick(_SKIN), dice.pick(_SKIN)))),
            "皮损形态": _joined(report.events["finding"], "；"),
            "过程描述补充说明": report.narrative or story,
            "初步判断": _joined(report.events["diagnosis"], "；"),
            "斑贴试验": "未做" if dice.chance(0.85) else "阳性",
            "光斑贴试验": "未做",
            "化妆品名称": use.product.name,
            "化妆品分类": use.product.category,
            "特殊化妆品注册证书编号/普通化妆品备案编号": use.product.identifier,
            "生产企业": use.product.maker,
            "生产批号": use.lot,
            "上报单位评价结果": dice.pick(("肯定", "很可能", "可能")),
            "省级评价结果": dice.pick(("肯定", "很可能", "可能")) if report.evaluated else "",
            "报告分数": str(dice.between(62, 99)),
            "报告日期": page.day(report.received.date()),
        }
    ]
