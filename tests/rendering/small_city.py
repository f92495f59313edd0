"""A small city over 110 weeks, taken through the real screens and the real appraisal to the input of the reports."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from pv import context, reviews
from pv.appraisal import appraise
from pv.cases import OPEN_END, StreamView
from pv.reference import COLUMNS, Reference, build, streams
from pv.rendering.models import WeekInput
from pv.signals.alerts import signals_of_weeks
from pv.signals.evidence import KINDS, evidence
from pv.signals.screens import load_screens
from pv.week import Week

WEEK = Week.parse("2026-W46")
AS_OF = datetime(2026, 11, 16, 0, 30, tzinfo=UTC)

AREAS = [("C", "江城市", ""), ("D1", "东湖区", "C"), ("D2", "西山区", "C"), ("D3", "南溪县", "C")]
HOSPITALS = [
    ("H01", "江城市第一人民医院", "3", "综合医院", "D1", 420000),
    ("H02", "江城市中心医院", "3", "综合医院", "D2", 380000),
    ("H03", "江城市儿童医院", "3", "专科医院", "D1", 160000),
    ("H04", "东湖区人民医院", "2", "综合医院", "D1", 210000),
    ("H05", "西山区人民医院", "2", "综合医院", "D2", 190000),
    ("H06", "南溪县人民医院", "2", "综合医院", "D3", 240000),
    ("H07", "南溪县中医医院", "2", "中医医院", "D3", 90000),
    ("H08", "西山区妇幼保健院", "2", "专科医院", "D2", 0),
    ("H09", "河口镇卫生院", "1", "卫生院", "D3", 30000),
    ("H10", "石桥镇卫生院", "1", "卫生院", "D2", 26000),
    ("H11", "东门大药房", "", "药店", "D1", 0),
]
SILENT = "H08"  # never reports
PRODUCTS = {
    "drug": ["左氧氟沙星注射液", "注射用头孢曲松钠", "阿莫西林胶囊", "丹参注射液", "二甲双胍片", "碘海醇注射液"],
    "device": ["国械注准20173660001 一次性输液器", "国械注准20193140002 留置针", "国械注准20203070003 血糖仪"],
    "cosmetic": ["国妆特字G20200001 祛斑霜", "粤G妆网备字2021000002 面膜"],
}
CLASS = {"device": ["输液器", "留置针", "血糖仪"], "cosmetic": ["祛斑美白类", "面膜"]}
EVENTS = {
    "reaction": ["皮疹", "瘙痒", "恶心", "呕吐", "过敏性休克", "静脉炎", "头晕"],
    "failure": ["漏液", "断裂", "读数不准", "堵塞"],
    "harm": ["疼痛", "出血", "感染"],
    "finding": ["红斑", "丘疹", "脱屑"],
    "symptom": ["瘙痒", "灼热感"],
    "diagnosis": ["接触性皮炎", "痤疮"],
}
PLANTED = {"碘海醇注射液": "过敏性休克", "国械注准20173660001 一次性输液器": "漏液"}


@dataclass(frozen=True)
class City:
    """What the input of a week was made from."""

    filings: pd.DataFrame
    quarantined: pd.DataFrame
    reference: Reference
    week_input: WeekInput


MAPPINGS = [
    ("drug", "event", "红疹", "皮疹", "synonym", "", 4),
    ("drug", "hospital", "城南诊所", "", "as_written", "name_shared", 21),
    ("device", "product", "国械注准20173141234", "国械注准20173141234 输液器", "number_reg", "udi_conflict", 3),
]


def make_reference(hospitals: Sequence[tuple[str, str, str, str, str, int]] = tuple(HOSPITALS)) -> Reference:
    def csv(name: str, rows: list[dict[str, object]]) -> str:
        return pd.DataFrame(rows, columns=list(COLUMNS[name])).to_csv(index=False)

    per_million = {"drug": 600, "device": 300, "cosmetic": 60}
    targets = [
        {"set": name, "metric": "reports_per_million", "stream": stream, "comparison": ">=", "value": value * factor}
        for name, factor in (("市级考核指标", 0.5), ("上级要求", 1.0))
        for stream, value in per_million.items()
    ]
    targets += [
        {"set": "市级考核指标", "metric": "coverage_level2", "stream": "drug+device", "comparison": ">=", "value": 1},
        {"set": "市级考核指标", "metric": "evaluation_rate", "stream": "all", "comparison": ">=", "value": 0.95},
        {"set": "上级要求", "metric": "training", "stream": "all", "comparison": ">=", "value": 1},
    ]
    foreign = {"database": "FAERS", "stream": "drug", "event_kind": "reaction", "as_of": "2026-06-30", "source": "FDA"}
    product, event = next(iter(PLANTED.items()))
    texts = {
        "foreign": csv(
            "foreign", [foreign | {"product": product, "event": event, "a": 9, "b": 90, "c": 50, "d": 9000}]
        ),
        "areas": csv("areas", [dict(zip(("code", "name", "parent"), area, strict=True)) for area in AREAS]),
        "hospitals": csv(
            "hospitals",
            [
                {
                    "hospital_id": id_,
                    "name": name,
                    "level": level,
                    "kind": kind,
                    "district": district,
                    "registered": "1",
                }
                for id_, name, level, kind, district, _ in hospitals
            ],
        ),
        "denominators": csv(
            "denominators",
            [
                {"scope": scope, "id": id_, "year": 2026, "measure": "population", "value": value, "source": "统计年鉴"}
                for scope, id_, value in [
                    *(("hospital", hospital[0], hospital[5]) for hospital in hospitals if hospital[5]),
                    *(("area", code, people) for code, people in (("D1", 620000), ("D2", 540000), ("D3", 310000))),
                ]
            ],
        ),
        "targets": csv("targets", targets),
        "quotas": csv(
            "quotas",
            [
                {"hospital_id": hospital[0], "stream": "drug", "year": 2026, "value": 40 + 60 * int(hospital[2])}
                for hospital in hospitals
                if hospital[2]
            ],
        ),
    }
    return build(texts)


def make_filings(weeks: int = 110) -> pd.DataFrame:
    """The last weeks, about 11 reports each: two planted pairs of the last three weeks, a death and a new and serious
    case in the last one.
    """
    dice = random.Random(7)
    rows = []
    for offset in range(weeks):
        week = Week(WEEK.index - weeks + 1 + offset)
        for stream, most in (("drug", 10), ("device", 5), ("cosmetic", 2)):
            for number in range(dice.randint(1, most)):
                rows.append(_filing(dice, stream, week, number, late=offset >= weeks - 3))
    rows += [_rupture(WEEK, number) for number in range(5)]
    newest = max(i for i, row in enumerate(rows) if row["stream"] == "drug")
    rows[newest] |= {"death": True, "serious": True, "new": True, "outcome": "death"}
    rows[newest - 1] |= {"serious": True, "new": True}
    return pd.DataFrame(rows).astype({"version": "int64"})


def _rupture(week: Week, number: int) -> dict[str, object]:
    """A failure that only one infusion set has, and only in the last week: an unbounded ratio."""
    filing = _filing(random.Random(number), "device", week, 900 + number, late=False)
    return filing | {"products": PRODUCTS["device"][0], "events": "爆裂; 出血", "serious": number == 0, "left_out": ""}


def _filing(dice: random.Random, stream: str, week: Week, number: int, *, late: bool) -> dict[str, object]:
    product = dice.choice(PRODUCTS[stream])
    events = [dice.choice(EVENTS[kind]) for kind in streams()[stream].event_kinds]
    planted = PLANTED.get(product)
    if planted and (late if stream == "device" else dice.random() < 0.6):
        events[0] = planted
    day = week.start + timedelta(days=dice.randrange(7))
    reporters = [hospital for hospital in HOSPITALS if hospital[0] != SILENT]
    weights = [2 + 3 * int(hospital[2] or 0) for hospital in reporters]
    hospital = dice.choices([*reporters, ("", "城南诊所", "", "", "", 0)], [*weights, 1])[0]
    serious = dice.random() < 0.12
    return {
        "stream": stream,
        "case": f"{stream[:2].upper()}{week}-{number:03d}",
        "received_on": day.isoformat(),
        "reported_on": (day - timedelta(days=1)).isoformat(),
        "onset_on": (day - timedelta(days=dice.randrange(2, 20))).isoformat(),
        "evaluated": dice.random() < 0.9,
        "evaluated_on": day.isoformat(),
        "serious": serious,
        "death": False,
        "new": stream == "drug" and dice.random() < 0.1,
        "hospital_id": hospital[0],
        "hospital": hospital[1],
        "merged_into": "",
        "left_out": "deleted" if dice.random() < 0.01 else "",
        "sex": dice.choice(["male", "female", "unknown"]),
        "age_band": dice.choice(["<1", "7–17", "18–44", "45–64", "≥75"]),
        "outcome": dice.choice(["recovered", "recovering", "not_recovered", "unknown"]),
        "products": product,
        "events": "; ".join(events),
        "version": 1,
        "warnings": "",
    }


def make_view(filings: pd.DataFrame, stream: str) -> StreamView:
    """The counted reports of a stream, one segment each."""
    mine = filings[(filings["stream"] == stream) & (filings["left_out"] == "")].reset_index(drop=True)
    weeks = pd.Series([Week.of(datetime.fromisoformat(day).date()).index for day in mine["received_on"]], dtype="int64")
    cases = mine[["case", "serious", "death", "new"]].assign(
        start=weeks,
        end=OPEN_END,
        received=weeks,
        hospital=mine["hospital_id"],
        onset_on=mine["onset_on"],
        sex=mine["sex"].replace({"unknown": ""}),
        age_years=[float(70 if number % 3 else 8) for number in range(len(mine))],
        district="D1",
        sentinel=mine["hospital_id"] == "H01",
    )
    levels = streams()[stream].levels
    place = {product: position for position, product in enumerate(PRODUCTS[stream])}
    products = pd.DataFrame({"segment": mine.index, **dict.fromkeys(levels, mine["products"])}).astype(
        dict.fromkeys(levels, "str")
    )
    for level in levels:
        if level in {"class", "category"}:
            kinds = CLASS[stream]
            products[level] = [kinds[place.get(product, 0)] for product in mine["products"]]
        elif level != streams()[stream].default_level:
            products[level] = ""
    products["used_from"] = mine["onset_on"].to_numpy()
    kinds = list(streams()[stream].event_kinds)
    events = pd.DataFrame(
        [
            (segment, kind, event)
            for segment, text in enumerate(mine["events"])
            for kind, event in zip(kinds, text.split("; "), strict=True)
        ],
        columns=["segment", "kind", "event"],
    )
    return StreamView(stream, cases, products, events)


def make_quarantined() -> pd.DataFrame:
    row = {
        "stream": "drug",
        "case": "DR-BROKEN-1",
        "received_on": "2026-11-11",
        "hospital_id": "H04",
        "hospital": "东湖区人民医院",
        "file": "药品2026年第46周.xlsx",
        "sheet": "Sheet1",
        "rows": "17, 18",
        "reasons": "row 17, “怀疑/并用” “？”: the role is unknown. Write 怀疑 or 并用.",
        "reasons_zh": "第17行, “怀疑/并用”列 “？”: 角色无法识别，请填写怀疑或并用。",
        "stored": False,
        "entry": 7,
    }
    undated = row | {"case": "", "received_on": "", "rows": "44", "hospital_id": "", "hospital": ""}
    return pd.DataFrame([row, undated])


def make_city(filings: pd.DataFrame, quarantined: pd.DataFrame, reference: Reference | None = None) -> City:
    reference = reference or make_reference()
    screens = load_screens()
    views = [make_view(filings, stream) for stream in PRODUCTS]
    parts = [next(iter(signals_of_weeks(view, [WEEK], screens, strata=("sex",))))[1:] for view in views]
    twice = filings[filings["left_out"] == ""].iloc[::7].assign(case=lambda rows: rows["case"] + "-again")
    filed = [make_view(pd.concat([filings, twice], ignore_index=True), stream) for stream in PRODUCTS]
    beside = [
        evidence(view, as_filed, WEEK, screens, part[0], reference.foreign)
        for view, as_filed, part in zip(views, filed, parts, strict=True)
    ]
    files = [
        {
            "file": f"{streams()[stream].zh}2026年第{46 - age}周.xlsx",
            "sha256": f"{place}{age}" * 32,
            "stream": stream,
            "format": f"{stream}_national",
            "recorded_at": f"2026-11-{16 - 7 * age:02d}T00:10:0{place}Z",
            "read": 40 + place,
            "stored": 38 - age,
            "unchanged": place + age,
            "quarantined": 2,
            "warnings": 1,
            "cases": 12,
        }
        for place, stream in enumerate(PRODUCTS)
        for age in (0, 1)
    ]
    unmapped = [
        ("drug", "hospital", "城南诊所", "", 21),
        ("device", "product", "国械注准2017", "输液器（旧）", 3),
    ]
    week_input = WeekInput(
        week=WEEK,
        as_of=AS_OF,
        revision=1,
        area=reference.root_area,
        signals=pd.concat([part[0] for part in parts], ignore_index=True),
        counted=pd.concat([part[1] for part in parts], ignore_index=True),
        filings=filings,
        filings_before=filings[filings["received_on"] < WEEK.start.isoformat()],
        quarantined=quarantined,
        appraisal=appraise(filings, quarantined, reference, WEEK),
        files=pd.DataFrame(files),
        unmapped=pd.DataFrame(unmapped, columns=["stream", "kind", "wording", "beside", "cases"]),
        mappings=pd.DataFrame(
            MAPPINGS, columns=["stream", "kind", "wording", "counted_as", "rule", "problem", "cases"]
        ),
        screens=screens,
        reviews=_reviews(filings),
        duplicates=pd.DataFrame([("drug", 2, 1, 3, 1, 1, 1)], columns=list(reviews.COUNTS)),
        evidence={name: pd.concat([tables[name] for tables in beside], ignore_index=True) for name in KINDS}
        | _registers(),
    )
    return City(filings, quarantined, reference, week_input)


def _registers() -> dict[str, pd.DataFrame]:
    """A sampling failure of a product with an alert, a complaint on another one, and how much of the first was used."""
    product = next(iter(PLANTED))
    entry = dict.fromkeys(context.TABLES["risk"], "") | {"stream": "drug", "product": product, "link": "lot"}
    entry |= {"occurred_on": "2026-10-20", "kind": "sampling", "risk_product": product, "lot": "L1", "level": "high"}
    entry |= {"finding": "=1+1 可见异物", "state": "open", "source": "省抽检", "number": "CJ-1"}
    entry |= {"link_text": "javascript:alert(1)"}
    alone = {name: entry[name] for name in context.TABLES["risk_alone"] if name in entry}
    alone |= {
        "risk_product": "别的产品",
        "kind": "complaint",
        "number": "TS-2",
        "occurred_on": "2026-11-11",
        "reports": 0,
    }
    use = {"stream": "drug", "product": product, "by": "product", "measure": "used", "unit": "瓶", "length": "month"}
    use |= {"first_period": "2025-11", "last_period": "2026-10", "periods": 12, "place": "", "places": 3, "alert": True}
    use |= {"quantity": 20000.0, "reports": 8, "rate": 4.0, "rate_low": 1.727, "rate_high": 7.882}
    rows = {"risk": entry, "risk_alone": alone, "use": use}
    return {name: pd.DataFrame([rows[name]], columns=list(columns)) for name, columns in context.TABLES.items()}


def _reviews(filings: pd.DataFrame) -> pd.DataFrame:
    """Two pairs of drug reports, the second held back with its file; their onsets differ."""
    facts = filings[filings["stream"] == "drug"].head(4)[[*reviews.FACTS, "case"]].assign(onset_on="2026-11-01")
    rows = facts.to_dict("records")
    found = []
    for zone, one, other in zip(("review", "held"), rows[::2], rows[1::2], strict=False):
        pair = {"stream": "drug", "case_number": one["case"], "other_number": other["case"], "zone": zone}
        told = {"probability": 0.97, "reasons_zh": "相符：性别相同", "reasons": "For it: sex equal"}
        beside = {f"other_{fact}": other[fact] for fact in reviews.FACTS} | {"other_onset_on": "2026-11-02"}
        found.append(pair | told | {fact: one[fact] for fact in reviews.FACTS} | beside)
    return pd.DataFrame(found, columns=list(reviews.COLUMNS))
