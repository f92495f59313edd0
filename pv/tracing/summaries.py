"""What a trace comes to: totals, hospitals, days, lots, patient groups.

Reports are counted as filed; cases count merged reports once. Reports left out, corrected or merely listed beside count
in neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from pv.codes import products, udi
from pv.codes.numbers import read
from pv.rendering.columns import CASE, EVENT, HOSPITAL, HOSPITAL_ID, RECEIVED, STREAM, Column, Table
from pv.text import AGE_BANDS, SEVERAL, lookup, over_unique
from pv.tracing.finding import NAMED, STATES, Trace
from pv.tracing.question import Asked, relation

_REPORTS = Column("reports", "报告", "Reports", "count", width=8)
_CASES = Column("cases", "病例（重复并入后）", "Cases, duplicates merged", "count", width=11)
_GRAVE = (
    Column("serious", "严重病例", "Serious cases", "count"),
    Column("deaths", "死亡病例", "Deaths", "count", width=8),
)
_SPAN = (
    Column("first_on", "首次接收", "First received", "day"),
    Column("last_on", "最近接收", "Last received", "day"),
)
_SEX = Column("sex", "性别", "Sex", "code", "sex", 7)
_AGE = Column("age_band", "年龄段", "Age band", width=9)
_PRODUCT = {
    "name": Column("name", "产品名称", "Product name", width=26),
    "identifier": Column("identifier", "批准文号/注册证/备案号", "Approval or registration number", width=22),
    "maker": Column("maker", "持有人/生产企业", "Holder or maker", width=24),
    "model": Column("model", "型号", "Model", width=12),
    "lot": Column("lot", "批号", "Lot", width=16),
    "udi": Column("udi", "UDI", "UDI", width=30),
    "role": Column("role", "怀疑/并用", "Role", "codes", "role", 11),
}
REPORTS = (
    Column("state", "计入情况", "Counted", "code", "trace_state", 12),
    STREAM,
    CASE,
    RECEIVED,
    Column("onset_on", "发生日期", "Onset", "day"),
    HOSPITAL,
    Column("district", "区县", "District", width=12),
    _SEX,
    _AGE,
    Column("death", "死亡", "Death", "flag", width=7),
    Column("serious", "严重", "Serious", "flag", width=7),
    Column("outcome", "转归", "Outcome", "code", "outcome", 10),
    Column("events", "事件", "Events", width=EVENT.width),
    _PRODUCT["lot"],
    *(_PRODUCT[name] for name in NAMED if name != "lot"),
    Column("merged_into", "并入", "Merged into", width=20),
    Column("left_out", "不计原因", "Left out because", "code", "left_out", 12),
)
HOSPITALS = (
    HOSPITAL_ID,
    HOSPITAL,
    Column("district", "区县", "District"),
    _REPORTS,
    _CASES,
    *_GRAVE,
    *_SPAN,
    Column("lots", "涉及批号", "Lots", width=24),
)
DAYS = (
    Column("day", "日期", "Day", "day"),
    Column("onsets", "当日发生病例", "Cases with onset", "count"),
    Column("received", "当日接收报告", "Reports received", "count"),
)
LOTS = (
    Column("relation", "与所查的关系", "Relation to what is asked", "code", "lot_relation", 14),
    Column("product", "产品", "Product", width=26),
    _PRODUCT["identifier"],
    _PRODUCT["maker"],
    _PRODUCT["lot"],
    _REPORTS,
    _CASES,
    *_SPAN,
)
PATIENTS = (_AGE, _SEX, _CASES, *_GRAVE)
WAITING = (
    STREAM,
    CASE,
    RECEIVED,
    HOSPITAL,
    Column("file", "文件", "File", width=30),
    Column("sheet", "工作表", "Sheet"),
    Column("rows", "行号", "Rows"),
)
_RELATIONS = ("asked", "adjacent", "similar", "other")
_AGES = [label for _, label in AGE_BANDS] + [""]


def counted(found: Trace) -> pd.DataFrame:
    """The reports that count, each with the key of its case."""
    reports = found.reports[found.reports["state"].isin(STATES[:2])]
    return reports.assign(key=_joint(reports, "group"))


def _joint(rows: pd.DataFrame, column: str) -> pd.Series[str]:
    return rows["stream"] + "\x1f" + rows[column]


def totals(found: Trace) -> dict[str, Any]:
    """Figures of the whole: reports, cases, serious, deaths, hospitals, first and last day, and what is not counted."""
    reports = counted(found)
    states = found.reports["state"]
    return {
        "reports": len(reports),
        "cases": reports["key"].nunique(),
        "serious": reports.loc[reports["serious"] > 0, "key"].nunique(),
        "deaths": reports.loc[reports["death"] > 0, "key"].nunique(),
        "hospitals": _units(reports).nunique(),
        "first_on": str(reports["received_on"].min()) if len(reports) else "",
        "last_on": str(reports["received_on"].max()) if len(reports) else "",
        **{state: int((states == state).sum()) for state in STATES[1:]},
        "quarantined": len(found.waiting),
        "quarantined_unsearched": found.unsearched,
    }


def report_table(found: Trace) -> Table:
    """Every report, those that count first."""
    frame = found.reports.assign(place=found.reports["state"].map(STATES.index).astype("int64"))
    frame = frame.sort_values("place", kind="stable")
    return Table.of(frame.assign(role=frame["role"].str.replace("; ", ";")), REPORTS)


def hospital_table(found: Trace) -> Table:
    """Reporting units, most reports first; unknown ones under the name as written."""
    rows = counted(found)
    rows = rows.assign(unit=_units(rows), hospital=rows["hospital"])
    made = _summed(rows, "unit", {"hospital_id": "first", "hospital": "first", "district": "first"})
    lots = rows.groupby("unit")["lot"].agg(lambda cells: "; ".join(sorted(_split(cells))))
    made = made.assign(lots=lots.reindex(made.index).astype("str") if len(made) else "")
    return Table.of(made.sort_values(["reports", "hospital"], ascending=[False, True], kind="stable"), HOSPITALS)


def day_table(found: Trace) -> Table:
    """Days with an onset (of a case, its earliest) or a receipt."""
    rows = counted(found)
    received = rows.groupby("received_on").size()
    onset = rows[rows["onset_on"] != ""].groupby("key")["onset_on"].min()
    onsets = onset.value_counts()
    days = sorted(set(received.index) | set(onsets.index))
    numbers = ((day, int(onsets.get(day, 0)), int(received.get(day, 0))) for day in days)
    return Table(DAYS, tuple(numbers))


def lot_table(found: Trace) -> Table:
    """Lots of the products meant: those asked for, then the next ones and those that differ by a slip, then others.

    A product bears the name that most of its reports give it, since devices are known by a key that nobody writes, and
    a number has its official form.
    """
    rows = found.products.assign(key=_joint(found.products, "group"))
    official = over_unique(_joint(rows, "identifier"), lambda text: read(*text.split("\x1f")).normal)
    told = products.lots_of(rows["lot"], rows["udi"]).str.split(SEVERAL)
    rows = rows.assign(lot=told, identifier=official).explode("lot").astype({"lot": "str"})
    rows = rows[rows["lot"] != ""]
    mine = [lot for one in found.asked for lot in _lots_of(one)]
    kind = {lot: relation(lot, mine) if mine else "other" for lot in rows["lot"].unique()}
    by = ["product", "identifier", "maker", "lot"]
    made = rows.groupby(by, sort=True).agg(
        reports=("case", "nunique"),
        cases=("key", "nunique"),
        first_on=("received_on", "min"),
        last_on=("received_on", "max"),
    )
    made = made.reset_index()
    made = made.assign(relation=lookup(made["lot"], kind), product=lookup(made["product"], _names(found.products)))
    made["place"] = made["relation"].map(_RELATIONS.index).astype("int64")
    made = made.sort_values(["place", "product", "lot", "identifier", "maker"], kind="stable")
    return Table.of(made, LOTS)


def _names(rows: pd.DataFrame) -> dict[str, str]:
    """Key of a product → the most frequent of its names, then the first of them."""
    counts = rows.groupby(["product", "name"])["case"].nunique().reset_index()
    counts = counts.sort_values(["product", "case", "name"], ascending=[True, False, True], kind="stable")
    counts = counts.drop_duplicates("product")
    return dict(zip(counts["product"], counts["name"], strict=True))


def _lots_of(one: Asked) -> list[str]:
    """The lots that a text asks for."""
    named = udi.read(one.text).lot
    return [one.text] * ("lot" in one.kinds) + [named] * ("udi" in one.kinds and named != "")


def patient_table(found: Trace) -> Table:
    """Cases by age band and sex; of a merged case what the first of its reports says."""
    rows = counted(found)
    known = rows.assign(
        sex=rows["sex"].replace({"unknown": ""}),
        own=rows["state"] != "counted",
    ).sort_values(["own", "case"], kind="stable")
    known = known.assign(**{name: known[name].mask(known[name] == "") for name in ("sex", "age_band")})
    cases = known.groupby("key").agg(
        sex=("sex", "first"), age_band=("age_band", "first"), serious=("serious", "max"), deaths=("death", "max")
    )
    cases = cases.assign(**{name: cases[name].fillna("").astype("str") for name in ("sex", "age_band")})
    made = cases.groupby(["age_band", "sex"]).agg(
        cases=("sex", "size"), serious=("serious", "sum"), deaths=("deaths", "sum")
    )
    made = made.reset_index()
    made["place"] = made["age_band"].map(_AGES.index).astype("int64")
    return Table.of(made.sort_values(["place", "sex"], kind="stable"), PATIENTS)


def waiting_table(found: Trace) -> Table:
    return Table.of(found.waiting, WAITING)


def products_named(found: Trace) -> list[str]:
    """The products that the reports name: by their number, of which renewals are one, else by name."""
    named: dict[str, str] = {}
    for stream, written, name in zip(
        *(found.reports[column] for column in ("stream", "identifier", "name")), strict=True
    ):
        for number in (read(stream, text) for text in written.split("; ")):
            named.setdefault(number.key or name, number.normal or name)
    return sorted(named.values())


def tables(found: Trace) -> dict[str, Table]:
    """All tables by name."""
    return {
        "cases": report_table(found),
        "hospitals": hospital_table(found),
        "days": day_table(found),
        "lots": lot_table(found),
        "patients": patient_table(found),
        "quarantined": waiting_table(found),
    }


def _units(rows: pd.DataFrame) -> pd.Series[str]:
    return rows["hospital_id"].where(rows["hospital_id"] != "", "?" + rows["hospital"])


def _summed(rows: pd.DataFrame, by: str, first: dict[str, str]) -> pd.DataFrame:
    grouped = rows.groupby(by, sort=True)
    made = grouped.agg(
        reports=("case", "size"),
        cases=("key", "nunique"),
        first_on=("received_on", "min"),
        last_on=("received_on", "max"),
    )
    for name, column in (("serious", "serious"), ("deaths", "death")):
        grave = rows[rows[column] > 0].groupby(by)["key"].nunique()
        made[name] = grave.reindex(made.index, fill_value=0)
    return made.join(grouped[list(first)].agg(first))


def _split(cells: Iterable[str]) -> set[str]:
    return {lot for cell in cells for lot in cell.split("; ") if lot}
