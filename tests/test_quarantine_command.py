"""`pvwatch quarantine`: what waits is listed, written into a workbook, corrected, and taken like any export."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import openpyxl
from click.testing import CliRunner, Result

from pv import access, pipeline, store
from pv.cli import main
from pv.settings import Settings
from tests.conftest import NOW, Export


def _run(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["quarantine", *words])
    assert result.exit_code == code, result.output
    return result


def _waiting() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(_run("--json").stdout)
    return listed


BROKEN = [
    {"报告表编码": "D1", "患者姓名": "金丝雀丙", "怀疑/并用": "可疑"},
    {"报告表编码": "D1", "患者姓名": "金丝雀丙", "通用名称": "头孢拉定胶囊", "怀疑/并用": "并用"},
    {"报告表编码": "", "患者姓名": "金丝雀丁", "不良反应名称": "头晕"},
    {"报告表编码": "D3"},
]


def test_what_waits_is_told_with_its_place(settings: Settings, export: Export) -> None:
    pipeline.ingest(settings, [export("drug", BROKEN)], NOW)
    text = _run().stdout
    assert text.startswith("2 reports wait in the quarantine\n1  drug  D1  drug.csv, row 2,3\n")
    assert "    row 2, 怀疑/并用 “可疑”: " in text
    assert "2  drug  (no number)  drug.csv, row 4" in text
    first, second = _waiting()
    assert (first["entry"], first["case"], first["mend"], first["stored"]) == (1, "D1", "export", False)
    reason = first["reasons"][0]
    assert (reason["code"], reason["row"], reason["column"], reason["value"]) == (
        "role_unknown",
        2,
        "怀疑/并用",
        "可疑",
    )
    assert reason["zh"] != reason["en"]
    assert [one["code"] for one in second["reasons"]] == ["no_number"]
    assert json.loads(_run("--stream", "device", "--json").stdout) == []
    assert "there is no stream drugs" in _run("--stream", "drugs", code=1).stderr


def test_a_corrected_workbook_is_taken_like_an_export(settings: Settings, export: Export, tmp_path: Path) -> None:
    pipeline.ingest(settings, [export("drug", BROKEN)], NOW)
    out = tmp_path / "mend.xlsx"
    told = _run("export", "--reason", "to correct", "--out", str(out)).stdout
    assert told.startswith(f"2 entries are in {out}. It holds personal data")
    if sys.platform != "win32":
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
    book = openpyxl.load_workbook(out)
    sheet = book.active
    headings = [cell.value for cell in sheet[1]]
    assert headings[:5] == ["隔离编号 Entry", "隔离原因", "Reasons", "原文件 File", "原行号 Row"]
    place = {name: number for number, name in enumerate(headings, start=1)}
    rows = [[sheet.cell(row, place[name]).value for name in ("隔离编号 Entry", "报告表编码")] for row in (2, 3, 4)]
    assert rows == [["1", "D1"], ["1", "D1"], ["2", ""]]
    assert sheet.cell(2, place["患者姓名"]).value == "金丝雀丙"
    coloured = [cell.coordinate for line in sheet for cell in line if cell.fill.fgColor.rgb == "FFFFD9B3"]
    assert coloured == [sheet.cell(2, place["怀疑/并用"]).coordinate, sheet.cell(4, place["报告表编码"]).coordinate]

    # Loaded as it is, nothing changes; what is corrected leaves the quarantine, with or without a number before.
    (same,) = pipeline.ingest(settings, [out], NOW)
    assert (same.read, same.quarantined, same.entries, same.cleared) == (3, 3, 0, 0)
    sheet.cell(2, place["怀疑/并用"]).value = "怀疑"
    sheet.cell(4, place["报告表编码"]).value = "D2"
    book.save(out)
    (mended,) = pipeline.ingest(settings, [out], NOW)
    assert (mended.read, mended.stored, mended.quarantined, mended.cleared) == (3, 3, 0, 2)
    assert _waiting() == []
    # The national system still has the rows as they were: they need not wait again.
    (again,) = pipeline.ingest(settings, [export("drug", [*BROKEN, {"报告表编码": "D4"}], "w2.csv")], NOW)
    assert (again.quarantined, again.entries) == (3, 0)

    with store.reading(store.open_store(settings.database_url)) as connection:
        log = access.entries(connection)
    assert log["subject"].tolist() == ["1: D1", "2: "]
    assert set(log["what"]) == {"quarantine export"}
    assert set(log["who"]) == {"李四"}
    assert set(log["why"]) == {"to correct"}


def test_rows_that_are_still_broken_wait_in_place_of_the_entry(
    settings: Settings, export: Export, tmp_path: Path
) -> None:
    pipeline.ingest(settings, [export("drug", [BROKEN[2]])], NOW)
    out = tmp_path / "mend.xlsx"
    _run("export", "1", "--reason", "to correct", "--out", str(out))
    book = openpyxl.load_workbook(out)
    sheet = book.active
    column = [cell.value for cell in sheet[1]].index("通用名称") + 1
    sheet.cell(2, column).value = None
    book.save(out)
    (account,) = pipeline.ingest(settings, [out], NOW)
    assert (account.entries, account.cleared) == (1, 1)
    (entry,) = _waiting()
    assert (entry["entry"], entry["file"]) == (2, "mend.xlsx")
    assert [reason["code"] for reason in entry["reasons"]] == ["no_number", "no_product"]


def test_rows_of_two_layouts_go_into_two_workbooks(settings: Settings, export: Export, tmp_path: Path) -> None:
    files = [export("drug", BROKEN), export("device", [{"报告编码": "", "伤害": "其他", "伤害.1": "严重伤害"}])]
    pipeline.ingest(settings, files, NOW)
    out = tmp_path / "mend.xlsx"
    found = json.loads(_run("export", "--reason", "x", "--out", str(out), "--json").stdout)
    assert [(Path(one["file"]).name, one["entries"]) for one in found["files"]] == [
        ("mend-drug_national.xlsx", 2),
        ("mend-device_national.xlsx", 1),
    ]
    sheet = openpyxl.load_workbook(tmp_path / "mend-device_national.xlsx").active
    headings = [cell.value for cell in sheet[1]]
    assert headings.count("伤害") == 2  # as exported
    sheet.cell(2, headings.index("报告编码") + 1).value = "E1"
    sheet.parent.save(tmp_path / "mended.xlsx")
    (account,) = pipeline.ingest(settings, [tmp_path / "mended.xlsx"], NOW)
    assert (account.stored, account.cleared) == (1, 1)
    again = _run("export", "1", "--reason", "x", "--out", str(tmp_path / "mended.xlsx"), code=2)
    assert "is there already" in again.output


def test_replay_and_dismissal(settings: Settings, export: Export) -> None:
    pipeline.ingest(settings, [export("drug", BROKEN)], NOW)
    told = _run("replay", code=3).stdout
    assert told == (
        "drug.csv: rows checked again 3 = stored 0 + unchanged 0 + still quarantined 3; entries cleared 0\n"
    )
    told = _run("dismiss", "2", "--by", "王五", "--reason", "told twice").stdout
    assert told == "1 entries dismissed; weeks touched: 2026-W46\n"
    assert "entry 2 does not wait: it is dismissed" in _run("dismiss", "2", "--by", "a", "--reason", "b", code=1).stderr
    assert [one["entry"] for one in _waiting()] == [1]
    assert json.loads(_run("replay", "1", "--json", code=3).stdout)["accounts"][0]["kind"] == "replay"
