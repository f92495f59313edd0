"""A small file of every declared layout is detected and read: holders' exports, AEFI cards, drug abuse, sentinels."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import xlsxwriter

from pv.contracts import check
from pv.sources import detect, exposure, read
from pv.week import local_day
from tests.conftest import NOW


def _write(path: Path, headings: list[str], *rows: list[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([headings, *rows])
    return path


def _workbook(path: Path, sheets: dict[str, list[list[str]]]) -> Path:
    book: Any = xlsxwriter.Workbook(str(path))
    for name, rows in sheets.items():
        page = book.add_worksheet(name)
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    book.close()
    return path


def _reasons(path: Path) -> list[str]:
    problems = check(read(path), local_day(NOW)).problems
    return sorted(problems.loc[problems["outcome"] == "quarantine", "code"])


def test_the_review_export_of_one_drug(tmp_path: Path) -> None:
    headings = ["报告表编码", "是否非预期", "报告类型-严重程度", "怀疑/并用", "通用名称", "持有人/生产厂家"]
    headings += ["不良反应-术语", "不良反应-code", "国家中心接收时间", "用法用量"]
    row = ["D1", "是", "严重", "怀疑", "阿莫西林胶囊", "某药业", "皮疹；瘙痒", "10037844", "2026-11-10", "每日三次"]
    path = _workbook(tmp_path / "x.xlsx", {"说明": [["导出"]], "报告信息": [headings, row]})
    found = read(path)
    assert found.layout.name == "drug_variety_review"
    facts = found.fields.iloc[0]
    assert (facts["new"], facts["reaction"], facts["maker"], facts["sheet"]) == (
        "是",
        "皮疹；瘙痒",
        "某药业",
        "报告信息",
    )
    assert _reasons(path) == []


def test_a_device_export_of_the_holder_has_a_shorter_heading(tmp_path: Path) -> None:
    headings = ["报告编码", "报告日期", "产品名称", "注册证编号", "UDI", "伤害", "伤害表现", "器械故障表现"]
    path = _write(tmp_path / "x.csv", headings, ["E1", "2026-11-10", "输液器", "国械注准1", "", "其他", "无", "漏液"])
    found = read(path)
    assert (found.layout.name, found.fields["identifier"].tolist()) == ("device_national", ["国械注准1"])


def test_the_list_of_a_holders_reports(tmp_path: Path) -> None:
    headings = ["病例编号", "报告来源*", "严重报告", "通用名称*", "上市许可持有人/生产企业*", "不良反应术语"]
    headings += ["国家中心接收时间", "怀疑/并用", "首次获知时间"]
    path = _write(
        tmp_path / "x.csv",
        headings,
        ["M1", "医疗机构", "是", "甲", "乙公司", "皮疹", "2026-11-10", "怀疑", "2026-11-01"],
    )
    found = read(path)
    assert found.layout.name == "drug_mah"
    facts = found.fields.iloc[0]
    assert (facts["severity"], facts["maker"], facts["discovered_on"]) == ("严重", "乙公司", "2026-11-01")
    assert _reasons(path) == []


FEEDBACK = {
    "药品不良反应报告表": [
        ["反馈码", "首次/跟踪报告", "新的", "报告类型", "性别", "报告日期", "不良反应结果"],
        ["F1", "首次", "新的", "严重", "男", "2026-11-10", "好转"],
        ["F2", "首次", "", "一般", "女", "2026-11-11", "痊愈"],
    ],
    "原患疾病": [["反馈码", "疾病"], ["F1", "肺炎"]],
    "药品不良反应报告表-不良反应名称": [["反馈码", "不良反应名称"], ["F1", "皮疹"], ["F1", "发热"], ["F2", "呕吐"]],
    "不良反应-怀疑用药-合并用药": [
        ["反馈码", "怀疑/合并", "序号", "批准文号", "通用名称", "商品名", "剂型", "x", "y", "用量"],
        ["F1", "怀疑", "1", "国药准字H1", "阿莫西林", "", "胶囊", "", "", "1"],
        ["F1", "合并", "2", "", "布洛芬", "", "", "", "", ""],
        ["F2", "怀疑", "1", "", "头孢", "", "", "", "", ""],
        ["F9", "怀疑", "1", "", "无主", "", "", "", "", ""],
    ],
}


def test_the_feedback_workbook_is_joined_by_its_code(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "x.xlsx", FEEDBACK)
    found = read(path)
    assert found.layout.name == "drug_mah_feedback"
    fields = found.fields[["report_number", "role", "name", "reaction", "sheet", "row"]]
    assert fields.to_numpy().tolist() == [
        ["F1", "怀疑", "阿莫西林", "皮疹；发热", "药品不良反应报告表", 2],
        ["F1", "合并", "布洛芬", "皮疹；发热", "药品不良反应报告表", 2],
        ["F2", "怀疑", "头孢", "呕吐", "药品不良反应报告表", 3],
        ["F9", "怀疑", "无主", "", "不良反应-怀疑用药-合并用药", 5],
    ]
    assert _reasons(path) == ["no_event", "no_receipt"]  # the drug without a report is seen, and not counted


def test_drug_columns_of_the_feedback_without_their_headings_are_known_by_their_place(tmp_path: Path) -> None:
    sheets = dict(FEEDBACK)
    heading, *rows = sheets["不良反应-怀疑用药-合并用药"]
    bare = ["反馈码", *(f"列{number}" for number in range(1, len(heading)))]
    path = _workbook(tmp_path / "x.xlsx", sheets | {"不良反应-怀疑用药-合并用药": [bare, *rows]})
    assert read(path).fields["name"].tolist() == ["阿莫西林", "布洛芬", "头孢", "无主"]


CARD = ["编码(14位)", "姓名*", "性别*", "出生日期*", "疫苗名称*", "生产企业*", "疫苗批号*", "接种日期*"]
CARD += ["疫苗名称*", "生产企业*", "疫苗批号*", "接种日期*", "反应发生日期*", "发热(腋温℃)*", "局部红肿(cm)*"]
CARD += ["初步临床诊断", "病人转归*", "报告日期*", "报告单位*"]
CASE = ["11010120260001", "甲", "1", "2026-01-02", "麻腮风疫苗", "甲厂", "A1", "2026-11-01", "水痘疫苗", "乙厂", "B1"]
CASE += ["2026-11-02", "2026-11-03", "2", "4", "过敏性皮疹", "1", "2026-11-10", "第一接种点"]


def test_a_list_of_aefi_cards(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.csv", CARD, CASE)
    found = read(path)
    assert (found.layout.name, found.layout.stream) == ("aefi_card", "aefi")
    facts = found.fields.iloc[0]
    assert (facts["name"], facts["name.1"], facts["lot.1"]) == ("麻腮风疫苗", "水痘疫苗", "B1")
    assert (facts["sex"], facts["outcome"], facts["fever"], facts["swelling"]) == ("男", "痊愈", "发热", "")
    assert _reasons(path) == []


def test_a_list_of_drug_abuse(tmp_path: Path) -> None:
    headings = ["报告编号", "报告日期", "报告单位", "滥用物质", "物质类别", "危害表现", "是否严重"]
    path = _write(tmp_path / "x.csv", headings, ["B1", "2026-11-10", "第一医院", "曲马多", "阿片类", "", "否"])
    found = read(path)
    assert (found.layout.stream, found.fields["severity"].tolist()) == ("abuse", ["一般"])
    assert _reasons(path) == []  # a report without harm counts as a report


def test_reports_of_a_sentinel_hospital(tmp_path: Path) -> None:
    headings = ["药品不良反应流水号", "报告状态", "报告类型", "报告时间", "怀疑药品通用名", "怀疑药品批准文号"]
    headings += ["合并药品通用名", "不良反应名称"]
    row = ["S1", "已评价", "一般", "2026-11-10", "阿莫西林", "国药准字H1", "布洛芬", "皮疹"]
    path = _write(tmp_path / "x.csv", headings, row)
    found = read(path)
    assert found.layout.name == "sentinel_adr"
    assert found.fields[["name", "name.1"]].to_numpy().tolist() == [["阿莫西林", "布洛芬"]]
    assert _reasons(path) == []


USE = ["本院药品编码", "通用名", "批准文号", "使用数量", "来源", "收费时间", "医院名称"]


def test_quantities_used_are_summed_by_month(tmp_path: Path) -> None:
    rows = [
        ["1", "阿莫西林胶囊", "国药准字 H1", "10", "门诊", "2026-11-10 08:00", "第一医院"],
        ["1", "阿莫西林胶囊", "国药准字H1", "1,000.5", "门诊", "2026/11/30", "第一医院"],
        ["1", "阿莫西林胶囊", "国药准字H1", "-2", "住院", "2026-12-01", "第一医院"],
        ["1", "阿莫西林胶囊", "国药准字H1", "三盒", "住院", "2026-12-01", "第一医院"],
        ["2", "", "", "5", "住院", "2026-12-01", "第一医院"],
        ["2", "头孢", "", "5", "住院", "十二月", "第一医院"],
    ]
    path = _write(tmp_path / "x.csv", USE, *rows)
    use = exposure.read_use(path)
    assert (use.measure, use.read) == ("use", 6)
    shown = use.quantities[["hospital", "identifier", "channel", "month", "quantity", "rows"]]
    assert shown.to_numpy().tolist() == [
        ["第一医院", "国药准字H1", "住院", "2026-12", -2.0, 1],
        ["第一医院", "国药准字H1", "门诊", "2026-11", 1010.5, 2],
    ]
    assert use.left_out[["row", "column", "value"]].to_numpy().tolist() == [
        [5, "使用数量", "三盒"],
        [6, "通用名", ""],
        [7, "收费时间", "十二月"],
    ]
    assert use.read == use.quantities["rows"].sum() + len(use.left_out)


def test_quantities_bought_are_another_measure(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.csv", ["通用名", "采购数量", "采购时间", "采购金额"], ["甲", "3", "2026-11-10", "9"])
    assert exposure.read_use(path).measure == "purchase"


def test_quantities_are_no_reports(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.csv", USE, ["1", "甲", "", "1", "门诊", "2026-11-10", ""])
    assert exposure.recognises(path)
    layout = detect(path)
    assert layout is not None
    assert (layout.name, layout.grain) == ("sentinel_use", "use")
    assert not exposure.recognises(_write(tmp_path / "y.csv", CARD, CASE))
