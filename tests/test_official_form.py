"""Official figures: filled into the sheet of the workbook, dropped like an export, and set beside ours."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from pv import pipeline
from pv.cli import main
from pv.settings import Settings
from pv.week import Week
from tests.conftest import KEY, NOW, Export

WEEK = Week.parse("2026-W46")
AREAS = "code,name,parent\nC,江城,\nD1,东区,C\n"
HOSPITALS = (
    "hospital_id,name,former_names,level,kind,district,sentinel,registered,reports_for\n"
    "H1,第一医院,,3,综合医院,D1,,1,\n"
)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_url: str) -> Settings:
    for name in ("PVWATCH_INBOX", "PVWATCH_OUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PVWATCH_DATABASE_URL", store_url)
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PVWATCH_REFERENCE", str(tmp_path / "reference"))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    monkeypatch.setenv("PVWATCH_LANG", "zh")
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference/areas.csv").write_text(AREAS, encoding="utf-8")
    (tmp_path / "reference/hospitals.csv").write_text(HOSPITALS, encoding="utf-8")
    return Settings.load()


def test_figures_filled_into_the_workbook_are_set_beside_ours(
    settings: Settings, export: Export, tmp_path: Path
) -> None:
    rows = [{"报告表编码": f"D{n}"} for n in range(3)] + [{"报告表编码": "D9", "报告单位名称": "不知名医院"}]
    pipeline.ingest(settings, [export("drug", rows)], NOW)
    (summary,) = pipeline.run(settings, [WEEK], NOW)
    path = Path(summary["folder"]) / "hospitals.xlsx"
    page = (Path(summary["folder"]) / "hospitals.zh.html").read_text(encoding="utf-8")
    assert "尚未录入官方数" in page

    book = openpyxl.load_workbook(path)
    sheet = book["官方数填报"]
    headings = [str(cell.value).split("\n")[0] for cell in sheet[1]]
    place = {name: number for number, name in enumerate(headings, start=1)}
    lines = {
        (sheet.cell(row, place["地区"]).value, sheet.cell(row, place["期间"]).value): row
        for row in range(2, sheet.max_row + 1)
        if str(sheet.cell(row, place["报告类别"]).value).startswith("药品")
    }
    assert sheet.cell(lines["C", "2026-11"], place["本系统数"]).value == 4
    for area, value in (("C", 4), ("D1", 5)):
        sheet.cell(lines[area, "2026-11"], place["官方数"]).value = value
        sheet.cell(lines[area, "2026-11"], place["来源"]).value = "国家系统导出"
    filled = tmp_path / "filled.xlsx"
    book.save(filled)

    (account,) = pipeline.ingest(settings, [filled], NOW + timedelta(hours=1))
    assert (account.refused, account.stream, account.format) == ("", "forms", "official")
    assert (account.stored, account.quarantined) == (2, 0)
    assert account.unchanged == account.read - 2
    assert account.weeks == ("2026-W44",)
    state = json.loads(CliRunner().invoke(main, ["status", "--json"]).stdout)
    assert state["official"]["entered"] == 2
    (row,) = state["official"]["differ"]
    assert (row["area"], row["period"], row["official"], row["ours"], row["difference"]) == ("D1", "2026-11", 5, 3, 2)
    assert (row["by_unassigned"], row["rest"], row["why"]) == (1, 1, "unassigned;not_exported;open")
    told = CliRunner().invoke(main, ["status"]).output
    assert "官方数: 2; 与本系统数不一致: 1\n  drug D1 2026-11 (接收): 5 − 3 = +2; 可能在未归属单位的报告中" in told
    assert state["weeks_stale"] == ["2026-W46"]

    (again,) = pipeline.run(settings, [WEEK], NOW + timedelta(hours=1))
    assert again["revision"] == 2
    for name in ("hospitals", "signals"):
        page = (Path(again["folder"]) / f"{name}.en.html").read_text(encoding="utf-8")
        assert "Official figures that differ from ours" in page
        assert "may be among the reports of no known unit" in page
    sheet = openpyxl.load_workbook(Path(again["folder"]) / "hospitals.xlsx")["官方数填报"]
    assert sheet.cell(lines["D1", "2026-11"], place["官方数"]).value == 5
    # The workbook dropped as it is says nothing new.
    (same,) = pipeline.ingest(settings, [Path(again["folder"]) / "hospitals.xlsx"], NOW + timedelta(hours=2))
    assert (same.stored, same.quarantined, same.read) == (0, 0, account.read)
