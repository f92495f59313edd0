"""What things are counted as, from a small export to a view, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pytest
from sqlalchemy import Engine

from pv import messages, reference, store
from pv.cases import StreamCases
from pv.intake import load_file
from pv.reference import Reference
from pv.signals.alerts import signals_of_weeks
from pv.signals.screens import load_screens, parse_screens
from pv.week import Week
from tests.conftest import KEY, NOW, Export

W46 = Week.parse("2026-W46")
OLD, NEW, OTHER = "国械注准20153661234", "国械注准20153141234", "国械注准20193140001"
DI = "06901234567892"
HOSPITALS = """hospital_id,name,former_names,level,kind,district,sentinel,registered,reports_for
H1,第一医院,人民医院;老医院,3,综合医院,,,,
H2,第二医院,老医院,3,综合医院,,,,
"""
# Terms of nobody's dictionary.
MEDDRA = {
    "meddra_llt": "90000001$甲疹$90000001$\n90000002$甲样皮疹$90000001$\n90000003$乙热$90000004$\n"
    "90000004$乙热症$90000004$\n90000005$两义$90000001$\n90000006$两义$90000004$\n",
    "meddra_pt": "90000001$甲疹$\n90000004$乙热症$\n",
    "meddra_mdhier": "90000001$91$92$93$甲疹$疹类$皮肤反应类$皮肤系统$x$$93$Y$\n"
    "90000001$91$92$94$甲疹$疹类$皮肤反应类$免疫系统$x$$93$N$\n"
    "90000004$95$96$97$乙热症$热类$全身反应类$全身系统$x$$97$Y$\n",
}


def _known(**tables: str) -> Reference:
    return reference.build({"hospitals": HOSPITALS, "areas": "code,name,parent\nA,城,\n", **tables})


def _cases(engine: Engine, export: Export, stream: str, rows: list[dict[str, str]], known: Reference) -> StreamCases:
    number = {"drug": "报告表编码", "device": "报告编码"}[stream]
    numbered = [{number: f"R{place}"} | row for place, row in enumerate(rows)]
    path = export(stream, numbered)
    assert not load_file(engine, path, path.parent / "archive", KEY, NOW).refused
    with store.reading(engine) as connection:
        return StreamCases(connection, stream, NOW, known)


def _found(loaded: StreamCases, kind: str) -> list[tuple[object, ...]]:
    table = loaded.mappings(W46)
    columns = ["wording", "counted_as", "rule", "problem", "cases"]
    return sorted(table.loc[table["kind"] == kind, columns].itertuples(index=False, name=None))


def _counts(loaded: StreamCases, level: str) -> dict[str, int]:
    view = loaded.view()
    return view.products.groupby(level)["segment"].nunique().to_dict()


def test_renewals_and_udi_count_as_one_product(engine: Engine, export: Export) -> None:
    number = "注册证编号/曾用注册证编号"
    rows = [
        {number: "国械注准 2015-3-66-1234"},
        {number: NEW},
        {number: NEW},
        {number: "", "UDI": f"(01){DI}(10)A-1"},
        {number: OTHER, "UDI": f"(01){DI}(10)A-1", "产品批号": "a-1"},
    ]
    devices = f"di,number,name\n{DI},{OLD},输液器\n"
    loaded = _cases(engine, export, "device", rows, _known(devices=devices))
    name = "一次性使用输液器"
    assert _counts(loaded, "registration") == {f"{NEW} {name}": 4, f"{OTHER} {name}": 1}
    assert _counts(loaded, "lot") == {"": 3, "A-1": 2}
    assert _found(loaded, "product") == [
        (DI, f"{NEW} {name}", "udi", "", 1),
        ("国械注准2015-3-66-1234", f"{NEW} {name}", "number_reg", "", 1),
        (NEW, f"{NEW} {name}", "number_reg", "", 2),
        (OTHER, f"{OTHER} {name}", "number_reg", "udi_conflict", 1),
    ]


def test_a_table_that_changes_mends_the_past(engine: Engine, export: Export) -> None:
    rows = [{"注册证编号/曾用注册证编号": "", "UDI": DI}]
    name = "一次性使用输液器"
    assert _counts(_cases(engine, export, "device", rows, _known()), "registration") == {name: 1}
    with store.reading(engine) as connection:
        known = _known(devices=f"di,number,name\n{DI},{OLD},\n")
        later = StreamCases(connection, "device", NOW, known)
    assert _counts(later, "registration") == {f"{OLD} {name}": 1}


def test_rules_of_drugs_events_and_hospitals(engine: Engine, export: Export) -> None:
    rows = [
        {"通用名称": "氨酚咖片", "批准文号": "国药准字(h20053456)", "报告单位名称": "人民医院"},
        {"通用名称": "阿莫西林", "批准文号": "H2005", "报告单位名称": "H1", "不良反应名称": "红疹"},
        {"通用名称": "氨酚咖片", "报告单位名称": "老医院"},
        {"通用名称": "氨酚咖片", "报告单位名称": "外地医院", "不良反应名称": "皮疹；红疹"},
        {"通用名称": "氨酚咖片", "怀疑/并用": "怀疑", "删除标识": "删除", "不良反应名称": "不计的"},
    ]
    lines = [
        "drug,event,红疹,皮疹",
        "drug,product,阿莫西林,阿莫西林胶囊",
        "drug,ingredient,氨酚咖片,对乙酰氨基酚;咖啡因",
    ]
    known = _known(synonyms="\n".join(["stream,kind,wording,preferred", *lines]))
    loaded = _cases(engine, export, "drug", rows, known)
    assert _found(loaded, "product") == [
        ("氨酚咖片", "氨酚咖片", "as_written", "", 3),
        ("阿莫西林", "阿莫西林胶囊", "synonym", "", 1),
    ]
    assert _found(loaded, "number") == [
        ("H2005", "H2005", "odd_number", "", 1),
        ("国药准字(h20053456)", "国药准字H20053456", "number_nmpa", "", 1),
    ]
    assert _found(loaded, "ingredient") == [("氨酚咖片", "对乙酰氨基酚; 咖啡因", "synonym", "", 3)]
    assert _found(loaded, "event") == [("皮疹", "皮疹", "as_written", "", 3), ("红疹", "皮疹", "synonym", "", 2)]
    assert _found(loaded, "hospital") == [
        ("H1", "H1", "code", "", 1),
        ("人民医院", "H1", "former_name", "", 1),
        ("外地医院", "", "as_written", "", 1),
        ("老医院", "", "as_written", "name_shared", 1),
    ]
    assert loaded.mappings(Week.parse("2026-W40")).empty


def _screens(level: str, kinds: str) -> str:
    return f"""title = "t"
source = "s"
reviewed = 2026-11-22
[own]
zh = "自"
en = "own"
source = "s"
mark = "K"
streams = ["drug"]
level = "{level}"
event_kinds = {kinds}
comparator = "stream"
window = "all"
all = [["a", ">=", 1]]
"""


def _signals(loaded: StreamCases, text: str) -> pd.DataFrame:
    screens = parse_screens(text)
    view = loaded.view(event_kinds={kind for screen in screens for kind in screen.event_kinds})
    ((_, table, _),) = signals_of_weeks(view, [W46], screens)
    return table[table["screens"] == "own"]


def test_a_screen_may_count_ingredients(engine: Engine, export: Export) -> None:
    synonyms = (
        "stream,kind,wording,preferred\ndrug,ingredient,氨酚咖片,对乙酰氨基酚;咖啡因\ndrug,ingredient,散列通,咖啡因\n"
    )
    rows = [{"通用名称": name} for name in ("氨酚咖片", "散列通", "某药")]
    loaded = _cases(engine, export, "drug", rows, _known(synonyms=synonyms))
    table = _signals(loaded, _screens("ingredient", '"all"'))
    assert dict(zip(table["product"], table["a"], strict=True)) == {"咖啡因": 2, "对乙酰氨基酚": 1, "某药": 1}
    assert set(table["level"]) == {"ingredient"}


def test_no_shipped_screen_looks_at_ingredients_or_levels_of_meddra() -> None:
    screens = load_screens()
    assert not {"ingredient", "catalogue"} & {name for screen in screens for name in (screen.level, screen.comparator)}
    assert all(kind in {"reaction"} for screen in screens for kind in screen.event_kinds)


def _events(loaded: StreamCases) -> Mapping[str, int]:
    events = loaded.view().events
    found: dict[str, int] = events.groupby("event")["segment"].nunique().to_dict()
    return found


def test_terms_of_meddra_are_counted_as_preferred_terms(engine: Engine, export: Export) -> None:
    rows = [{"不良反应名称": text} for text in ("甲样皮疹", "甲疹；乙热", "90000003", "两义", "俗称", "没有的词")]
    synonyms = "stream,kind,wording,preferred\ndrug,event,俗称,甲样皮疹\n"
    loaded = _cases(engine, export, "drug", rows, _known(synonyms=synonyms, **MEDDRA))
    assert _events(loaded) == {"甲疹": 3, "乙热症": 2, "两义": 1, "没有的词": 1}
    assert _found(loaded, "event") == [
        ("90000003", "乙热症", "meddra_code", "", 1),
        ("两义", "两义", "as_written", "meddra_ambiguous", 1),
        ("乙热", "乙热症", "meddra_llt", "", 1),
        ("俗称", "甲疹", "synonym;meddra_llt", "", 1),
        ("没有的词", "没有的词", "as_written", "", 1),
        ("甲样皮疹", "甲疹", "meddra_llt", "", 1),
        ("甲疹", "甲疹", "meddra_pt", "", 1),
    ]


def test_a_screen_may_count_the_levels_of_meddra(engine: Engine, export: Export) -> None:
    rows = [{"不良反应名称": text} for text in ("甲样皮疹", "甲疹；乙热", "没有的词")]
    loaded = _cases(engine, export, "drug", rows, _known(**MEDDRA))
    table = _signals(loaded, _screens("default", '["reaction_soc"]'))
    assert dict(zip(table["event"], table["a"], strict=True)) == {"皮肤系统": 2, "全身系统": 1}
    assert set(table["event_kind"]) == {"reaction_soc"}
    assert set(loaded.view().events["kind"]) == {"reaction"}


def test_levels_of_meddra_without_meddra_are_empty(engine: Engine, export: Export) -> None:
    loaded = _cases(engine, export, "drug", [{}, {}], _known())
    assert _signals(loaded, _screens("default", '["reaction_soc"]')).empty


@pytest.mark.parametrize(
    ("udi", "lot", "warning"),
    [
        *(
            (text, "A1", "")
            for text in ("", "无", "/", "不详", "N/A", "见附件", "0000", f"（01）{DI}", f"(01){DI}(10)A1", DI)
        ),
        ("81234567890123456789", "A1", ""),
        ("AHM.12345678", "A1", ""),
        ("(10)A1", "A1", "udi_unreadable(UDI=(10)A1)"),
        ("69012345", "A1", "udi_unreadable(UDI=69012345)"),
        ("MA.156.M0", "A1", "udi_unreadable(UDI=MA.156.M0)"),
        ("1234567890" * 6, "A1", f"udi_unreadable(UDI={'1234567890' * 4})"),
        ("张三13912345678", "A1", "udi_unreadable(UDI=***)"),
        ("13912345678", "A1", "udi_unreadable(UDI=***)"),
        (f"(01){DI[:-1]}1(10)A1", "A1", f"udi_check_digit(UDI=(01){DI[:-1]}1(10)A1)"),
        ("", "YZB/国1234-2013", "lot_is_other(产品批号=YZB/国1234-2013)"),
        ("", NEW, f"lot_is_other(产品批号={NEW})"),
        ("", "GB2101", ""),
    ],
)
def test_what_cannot_be_a_udi_or_a_lot_is_warned_of(
    engine: Engine, export: Export, udi: str, lot: str, warning: str
) -> None:
    path = export("device", [{"报告编码": "E1", "UDI": udi, "产品批号": lot}])
    account = load_file(engine, path, path.parent / "archive", KEY, NOW)
    assert (account.stored, account.quarantined) == (1, 0)
    with store.reading(engine) as connection:
        filings = StreamCases(connection, "device", NOW, _known()).filings(W46)
    assert filings["warnings"].tolist() == [warning]


@pytest.mark.parametrize(("lang", "told"), [("en", "no UDI (GS1, MA, AHM)"), ("zh", "读不出UDI（GS1、MA、AHM）")])
def test_a_warning_says_where_what_and_how_to_mend(engine: Engine, export: Export, lang: str, told: str) -> None:
    path = export("device", [{"报告编码": "E1"}, {"报告编码": "E2", "UDI": "69012345"}])
    (problem,) = load_file(engine, path, path.parent / "archive", KEY, NOW).problems
    assert (problem.row, problem.column, problem.value, problem.outcome) == (3, "UDI", "69012345", "warning")
    assert messages.problem(problem.code, lang).startswith(told)


def test_what_a_row_says_twice_and_differently_is_warned_of(engine: Engine, export: Export) -> None:
    number = "注册证编号/曾用注册证编号"
    rows = [
        {"报告编码": "E1", "UDI": f"(01){DI}(10)A1", "产品批号": "a 1", "管理类别": "Ⅲ类", number: NEW},
        {"报告编码": "E2", "UDI": f"(01){DI}(10)A1", "产品批号": "A2", "管理类别": "Ⅱ类", number: NEW},
        {"报告编码": "E3", "UDI": f"(01){DI}(10)A1", "产品批号": "不详", "管理类别": "", number: NEW},
        {"报告编码": "E4", "UDI": f"(01){DI}", "产品批号": "A2", "管理类别": "Ⅱ类", number: "YZB/国1"},
    ]
    path = export("device", rows)
    account = load_file(engine, path, path.parent / "archive", KEY, NOW)
    assert (account.stored, account.warnings) == (4, 2)
    with store.reading(engine) as connection:
        filings = StreamCases(connection, "device", NOW, _known()).filings(W46)
    assert filings.set_index("case")["warnings"].to_dict() == {
        "E1": "",
        "E2": f"class_differs(管理类别=Ⅱ类); udi_lot_differs(UDI=(01){DI}(10)A1)",
        "E3": "",
        "E4": "",
    }
