"""The sheet 疑似重复 is a form: dropped into the inbox it is known again."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from pv.forms import checked
from pv.rendering.columns import Table
from pv.rendering.review_sheet import REVIEWS, SHEET, _letters
from pv.rendering.week_files import render_week
from pv.sources import open_source
from pv.sources.forms import Form
from tests.rendering.small_city import City


@pytest.fixture(scope="module")
def workbook(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("week")
    render_week(city.week_input, folder)
    return folder / "signals.xlsx"


def test_pairs_stand_with_what_both_tell_and_no_personal_data(workbook: Path, city: City) -> None:
    sheet = openpyxl.load_workbook(workbook)[SHEET]
    headings = [str(cell.value).split("\n")[0] for cell in sheet[1]]
    assert headings[:4] == ["报告类别", "报告编号", "另一报告编号", "同一事件的概率"]
    assert headings[-3:] == ["人工判定", "判定人", "说明"]
    assert not {"姓名", "患者姓名", "出生日期", "病历号"} & set(headings)
    first = city.week_input.reviews.iloc[0]
    assert [cell.value for cell in sheet[2]][:4] == ["药品 Drugs", first["case_number"], first["other_number"], 0.97]
    assert sheet.max_row == 3
    (rule,) = [one for one in sheet.data_validations.dataValidation if one.type == "list"]
    assert rule.formula1 == '"同一事件 same,不同事件 different"'
    marked = [str(where.sqref) for where in sheet.conditional_formatting]
    onset = headings.index("发生日期")
    assert f"{_letters(onset)}2:{_letters(onset + 1)}3" in marked


def test_the_sheet_filled_in_is_read_as_the_form(workbook: Path, city: City, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(workbook)
    sheet = book[SHEET]
    last = sheet.max_column
    sheet.cell(2, last - 2).value, sheet.cell(2, last - 1).value = "不同事件 different", "李四"
    path = tmp_path / "filled.xlsx"
    book.save(path)
    source = open_source(path)
    assert isinstance(source.layout, Form)
    (extract,) = source.batches()
    found = checked(source.layout, extract.fields)
    first = city.week_input.reviews.iloc[0]
    assert found.rows[["stream", "case_number", "other_number", "verdict", "decided_by"]].to_numpy().tolist() == [
        ["drug", first["case_number"], first["other_number"], "different", "李四"]
    ]
    assert (found.faults, len(found.about)) == ((), 1)


def test_columns_are_counted_in_letters() -> None:
    assert [_letters(place) for place in (0, 25, 26, 51, 52)] == ["A", "Z", "AA", "AZ", "BA"]
    assert Table(REVIEWS, ()).place("other_number") == 2
