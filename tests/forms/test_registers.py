"""Quantities of use and risk information as forms, and the tables of sentinel hospitals."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from pv import forms, intake, store
from pv.forms.periods import span
from pv.intake import FileAccount
from pv.sources.forms import form
from tests.conftest import KEY, NOW

USE = ["通用名", "批准文号", "使用数量", "单位", "来源", "收费时间", "医疗机构名称"]


def sheet(path: Path, headings: Sequence[str], *rows: Sequence[str]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        csv.writer(handle).writerows([headings, *rows])
    return path


def filled(path: Path, name: str, lang: str, *rows: dict[str, str]) -> Path:
    fields = [column.field for column in form(name).columns]
    return sheet(
        path, [form(name).heading(field, lang) for field in fields], *([r.get(f, "") for f in fields] for r in rows)
    )


def load(engine: Engine, path: Path, days: int = 0) -> FileAccount:
    return intake.load_file(engine, path, path.parent / "archive", KEY, NOW + timedelta(days=days))


def kept(engine: Engine, name: str) -> pd.DataFrame:
    with store.reading(engine) as connection:
        return forms.in_force(connection, name, "9999")


def rows_of(account: FileAccount) -> tuple[int, int, int, int]:
    assert account.read == account.stored + account.unchanged + account.quarantined
    return account.read, account.stored, account.unchanged, account.quarantined


QUANTITY = {"period": "2026年9月", "stream": "药品", "product": "甲片", "hospital": "第一医院", "measure": "使用",
            "quantity": "1,200", "unit": "盒"}  # fmt: skip
RISK = {"number": "CJ-1", "occurred_on": "2026/11/3", "kind": "抽检", "product": "甲片", "lot": "L1",
        "finding": "=HYPERLINK(1)", "source": "省抽检", "link": "javascript:alert(1)", "level": "高"}  # fmt: skip


@pytest.mark.parametrize(("text", "period"), [
    ("2026", "2026"), ("2026年", "2026"), ("2026-10", "2026-10"), ("2026年第3季度", "2026-Q3"), ("2026Q1", "2026-Q1"),
    ("2026-q4", "2026-Q4"), ("2026-Q5", ""), ("第3季度", ""), ("2026-13", ""),
    ("2569-Q1", ""), ("0000", ""), ("9999-12", ""),
])  # fmt: skip
def test_spans(text: str, period: str) -> None:
    assert span(text) == period


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_quantities_are_kept_by_their_key(engine: Engine, tmp_path: Path, lang: str) -> None:
    path = filled(tmp_path / "a.csv", "exposure", lang, QUANTITY, QUANTITY | {"period": "2026-Q3", "quantity": "9"})
    account = load(engine, path)
    assert (account.stream, account.format, rows_of(account)) == ("forms", "exposure", (2, 2, 0, 0))
    assert rows_of(load(engine, path, 1)) == (2, 0, 2, 0)
    load(engine, filled(tmp_path / "b.csv", "exposure", lang, QUANTITY | {"quantity": "1300"}), 2)
    found = kept(engine, "exposure")
    assert found[["period", "quantity"]].to_numpy().tolist() == [["2026-Q3", 9.0], ["2026-09", 1300.0]]
    assert found["measure"].unique().tolist() == ["used"]


def test_rows_that_cannot_be_taken_are_named(engine: Engine, tmp_path: Path) -> None:
    wrong: list[dict[str, str]] = [
        {"product": ""},
        {"hospital": ""},
        {"area": "东湖区"},
        {"quantity": "-1", "unit": "支"},
        {"period": "九月"},
        {"measure": "看过"},
    ]
    account = load(engine, filled(tmp_path / "a.csv", "exposure", "zh", QUANTITY, *(QUANTITY | one for one in wrong)))
    assert rows_of(account) == (7, 1, 0, 6)
    assert sorted((p.row, p.code) for p in account.problems) == [
        (3, "form_unnamed"), (4, "form_nowhere"), (5, "form_two_places"), (6, "form_negative"), (7, "form_span"),
        (8, "form_code"),
    ]  # fmt: skip
    risk = load(
        engine, filled(tmp_path / "b.csv", "risk", "zh", RISK, {**RISK, "number": "2", "product": "", "lot": ""})
    )
    assert rows_of(risk) == (2, 1, 0, 1)
    assert [p.code for p in risk.problems] == ["form_unnamed"]


def test_a_lower_row_that_cannot_be_taken_hides_no_good_one(engine: Engine, tmp_path: Path) -> None:
    said = [QUANTITY | {"quantity": quantity} for quantity in ("7", "8", "-1", "-2")]
    account = load(engine, filled(tmp_path / "a.csv", "exposure", "zh", *said))
    assert rows_of(account) == (4, 1, 1, 2)
    assert kept(engine, "exposure")["quantity"].tolist() == [8.0]
    assert account.weeks == ("2026-W40",)


def test_risk_information_is_followed_up(engine: Engine, tmp_path: Path) -> None:
    load(engine, filled(tmp_path / "a.csv", "risk", "zh", RISK))
    load(engine, filled(tmp_path / "b.csv", "risk", "en", RISK | {"state": "closed", "kind": "sampling"}), 1)
    (row,) = kept(engine, "risk").to_dict("records")
    assert (row["kind"], row["level"], row["state"], row["occurred_on"]) == ("sampling", "high", "closed", "2026-11-03")
    assert row["finding"] == RISK["finding"]  # as written; renderers take care


def test_remarks_are_kept_as_they_are_written_but_for_numbers_of_people(engine: Engine, tmp_path: Path) -> None:
    said = {
        "CJ-1": "装量差异，（见附件）：不合格！",
        "CJ-2": "来电１３９１２３４５６７８，诉皮疹",
        "CJ-3": "甲\u0007乙　　丙",
    }
    path = filled(
        tmp_path / "a.csv", "risk", "zh", *(RISK | {"number": n, "finding": text} for n, text in said.items())
    )
    assert [(p.code, p.row) for p in load(engine, path).problems] == [("form_masked", 3)]
    assert kept(engine, "risk")["finding"].tolist() == [said["CJ-1"], "来电***,诉皮疹", "甲 乙 丙"]
    assert rows_of(load(engine, path, 1)) == (3, 0, 3, 0)


def test_registers_touch_the_weeks_in_which_they_are_shown(engine: Engine, tmp_path: Path) -> None:
    # A quantity from the end of its period (30 September is a Wednesday of week 40), risk information from its day on.
    weeks = [QUANTITY, QUANTITY | {"period": "2026-Q1"}, QUANTITY | {"period": "2026", "quantity": "-1"}]
    assert load(engine, filled(tmp_path / "a.csv", "exposure", "zh", *weeks)).weeks == ("2026-W14", "2026-W40")
    assert load(engine, filled(tmp_path / "b.csv", "exposure", "zh", QUANTITY), 1).weeks == ()  # nothing new
    dated = [RISK, RISK | {"number": "CJ-2", "product": "", "lot": "", "occurred_on": "2026-10-01"}]
    assert load(engine, filled(tmp_path / "c.csv", "risk", "zh", *dated), 2).weeks == ("2026-W45",)
    used = ["甲片", "国药准字H1", "10", "盒", "门诊", "2026-08-31", "第一医院"]
    assert load(engine, sheet(tmp_path / "use.csv", USE, used), 3).weeks == ("2026-W36",)


@pytest.mark.parametrize("year", ["0000", "1899", "2569", "9999"])
def test_years_of_another_calendar_are_no_crash(engine: Engine, tmp_path: Path, year: str) -> None:
    quantity = load(engine, filled(tmp_path / "a.csv", "exposure", "zh", QUANTITY | {"period": year}))
    risk = load(engine, filled(tmp_path / "b.csv", "risk", "zh", RISK | {"occurred_on": f"{year}-01-31"}))
    assert [p.code for p in (*quantity.problems, *risk.problems)] == ["form_span", "form_date"]
    assert rows_of(quantity) == rows_of(risk) == (1, 0, 0, 1)
    assert kept(engine, "exposure").empty
    assert kept(engine, "risk").empty


def test_tables_of_sentinel_hospitals_are_taken_as_quantities(engine: Engine, tmp_path: Path) -> None:
    rows = [
        ["甲片", "国药准字H1", "10", "盒", "门诊", "2026-09-03 08:00", "第一医院"],
        ["甲片", "国药准字H1", "5", "盒", "门诊", "2026-09-30", "第一医院"],
        ["甲片", "国药准字H1", "-2", "盒", "住院", "2026-09-30", "第一医院"],  # a return that outweighs its month
        ["乙片", "", "三", "盒", "门诊", "2026-09-30", "第一医院"],
        ["乙片", "", "7", "盒", "门诊", "2026-09-30", ""],
    ]
    path = sheet(tmp_path / "use.csv", USE, *rows)
    account = load(engine, path)
    assert (account.stream, account.format, rows_of(account)) == ("forms", "sentinel_use", (5, 2, 0, 3))
    assert sorted(p.code for p in account.problems) == ["form_negative", "form_nowhere", "form_number"]
    (kept_row,) = kept(engine, "exposure").to_dict("records")
    assert (kept_row["period"], kept_row["quantity"], kept_row["channel"]) == ("2026-09", 15.0, "门诊")
    assert (kept_row["measure"], kept_row["unit"], kept_row["hospital"]) == ("used", "盒", "第一医院")
    assert rows_of(load(engine, path, 1)) == (5, 0, 2, 3)
    rows[0][2] = "20"
    again = load(engine, sheet(tmp_path / "use2.csv", USE, *rows), 2)
    assert rows_of(again) == (5, 2, 0, 3)
    assert kept(engine, "exposure")["quantity"].tolist() == [25.0]
