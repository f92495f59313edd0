"""The workbooks read back: sheets, headings, values, the form, and text that stays text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pandas as pd
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from small_city import City

from pv.rendering.columns import Column, Table
from pv.rendering.hospital_columns import HOSPITAL_RATES
from pv.rendering.signal_columns import ASSESSMENT, CASES, SIGNALS
from pv.rendering.signal_model import signal_report
from pv.rendering.workbook import Book

HOSTILE = [
    "=1+1",
    "=cmd|'/C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "http://evil.example/",
    "internal:'x'!A1",
    "<b>",
    "{=1}",
]


def rows(sheet: Worksheet) -> list[list[object]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_sheets(rendered: Path) -> None:
    names = {name: openpyxl.load_workbook(rendered / f"{name}.xlsx").sheetnames for name in ("signals", "hospitals")}
    assert names["signals"][:5] == ["摘要", "统计提示", "病例", "研判", "疑似重复"]
    assert names["hospitals"][:3] == ["区县", "医疗机构", "指标"]
    assert {"未报告", "评价率", "对账"} < set(names["hospitals"])


@pytest.mark.parametrize(
    ("book", "sheet", "columns"),
    [
        ("signals", "统计提示", SIGNALS),
        ("signals", "病例", CASES),
        ("signals", "研判", ASSESSMENT),
        ("hospitals", "医疗机构", HOSPITAL_RATES),
    ],
)
def test_headings_are_chinese_with_english_beneath(
    rendered: Path, book: str, sheet: str, columns: tuple[Column, ...]
) -> None:
    table = openpyxl.load_workbook(rendered / f"{book}.xlsx")[sheet]
    assert rows(table)[0] == [f"{column.zh}\n{column.en}" for column in columns]
    assert table.freeze_panes is not None
    assert table.auto_filter.ref is not None


def test_alerts_equal_the_csv(rendered: Path) -> None:
    csv = pd.read_csv(rendered / "signals.csv", keep_default_na=False, na_values={"prr_low": [""]})
    csv = csv[csv["status"] != ""].set_index(["product", "event", "comparator", "window", "event_kind"])
    sheet = rows(openpyxl.load_workbook(rendered / "signals.xlsx")["统计提示"])
    names = [column.name for column in SIGNALS]
    assert len(sheet) - 1 == len(csv)
    words = {"stream": "本类别全部报告 all reports of the stream", "all": "全部时间 all time"}
    found = 0
    for line in sheet[1:]:
        shown = dict(zip(names, line, strict=True))
        if (shown["comparator"], shown["window"]) != (words["stream"], words["all"]):
            continue
        kind = str(shown["event_kind"]).rsplit(" ", 1)[1].lower()
        row = csv.loc[(shown["product"], shown["event"], "stream", "all", kind)]
        for name in ("a", "b", "c", "d", "expected", "ror_low", "ic", "ic025", "chi_square"):
            assert shown[name] == pytest.approx(float(row[name]), rel=1e-15)
        assert shown["prr"] == ("∞" if row["prr"] == float("inf") else pytest.approx(float(row["prr"]), rel=1e-15))
        found += 1
    assert found > 3


def test_the_form_takes_a_conclusion_from_a_list(rendered: Path, city: City) -> None:
    sheet = openpyxl.load_workbook(rendered / "signals.xlsx")["研判"]
    lists = [v for v in sheet.data_validations.dataValidation if v.type == "list"]
    assert len(lists) == 1
    assert len(lists[0].formula1) <= 257
    assert "确认为信号 signal" in lists[0].formula1
    column = [c.name for c in ASSESSMENT].index("conclusion")
    waiting = len(signal_report(city.week_input).assessment)
    assert str(lists[0].sqref) == f"M2:M{waiting + 1}"
    assert [row[column] for row in rows(sheet)[1:]] == [None] * waiting
    assert [v.type for v in sheet.data_validations.dataValidation if v.type != "list"] == ["date"]


def test_text_stays_text(tmp_path: Path) -> None:
    column = Column("text", "文本", "Text")
    path = tmp_path / "x.xlsx"
    with Book(path, HOSTILE[0], datetime(2026, 11, 16, tzinfo=UTC)) as book:
        book.table_sheet("表", Table((column,), tuple((text,) for text in HOSTILE)))
    cells = [row[0] for row in openpyxl.load_workbook(path)["表"].iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == HOSTILE
    assert {cell.data_type for cell in cells} == {"s"}
    assert not any(cell.hyperlink for cell in cells)
    with ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


def test_values_of_every_kind(tmp_path: Path) -> None:
    kinds = ("count", "ratio", "ratio", "percent", "day", "day", "flag", "text")
    values = (3, float("inf"), float("nan"), 0.5, "2026-11-09", "0201-01-01", True, "")
    columns = tuple(Column(f"c{place}", "列", "Column", kind) for place, kind in enumerate(kinds))  # type: ignore[arg-type]
    path = tmp_path / "x.xlsx"
    with Book(path, "标题", datetime(2026, 11, 16, tzinfo=UTC)) as book:
        book.table_sheet("表", Table(columns, (values,)))
    assert rows(openpyxl.load_workbook(path)["表"])[1] == [
        3,
        "∞",
        "—",
        0.5,
        datetime(2026, 11, 9),  # noqa: DTZ001 - a day has no zone
        "0201-01-01",
        "是 yes",
        "—",
    ]


def test_a_cell_longer_than_excel_allows_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with Book(path, "标题", datetime(2026, 11, 16, tzinfo=UTC)) as book:
        book.table_sheet("表", Table((Column("text", "文本", "Text"),), (("长" * 40_000,),)))
    assert len(str(rows(openpyxl.load_workbook(path)["表"])[1][0])) == 32_767


def test_columns_are_as_wide_as_their_numbers_and_the_words_of_their_headings(tmp_path: Path) -> None:
    columns = (
        Column("large", "大数", "n", "ratio", width=8),
        Column("word", "词", "Misclassification of", "count", width=8),
        Column("text", "说明", "Why", width=30),
    )
    with Book(tmp_path / "b.xlsx", "t", datetime(2026, 11, 16, tzinfo=UTC)) as book:
        book.table_sheet("一", Table(columns, ((123_456_789.5, 1, "短"), (1.0, 2, "短"))))
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx")["一"]
    widths = {name: sheet.column_dimensions[name].width for name in "ABC"}
    assert widths["A"] >= len("123,456,789.50")
    assert widths["B"] > len("Misclassification")
    assert 30 <= widths["C"] < 32
    assert sheet.row_dimensions[2].height == sheet.row_dimensions[3].height  # numbers do not wrap


def test_a_table_without_rows_says_so_but_a_form_stays_blank(tmp_path: Path) -> None:
    empty = Table((Column("text", "说明", "Why"),), ())
    with Book(tmp_path / "b.xlsx", "t", datetime(2026, 11, 16, tzinfo=UTC)) as book:
        book.table_sheet("表", empty)
        book.table_sheet("填报", empty, form=True)
    read = openpyxl.load_workbook(tmp_path / "b.xlsx")
    assert (read["表"]["A2"].value, read["填报"]["A2"].value) == ("无 None", None)
