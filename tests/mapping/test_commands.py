"""`pvwatch unmapped` and `pvwatch map` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from pv.cli import main
from tests.conftest import Export
from tests.drafting.test_drafts import LONG, ROWS, table

HOSPITALS = "hospital_id,name,former_names,level,kind,district,sentinel,registered,reports_for\nH1,第一医院,,3,,,,,\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / "reference" / "layouts").mkdir(parents=True)
    (folder / "reference" / "hospitals.csv").write_text(HOSPITALS, encoding="utf-8")
    (folder / "reference" / "areas.csv").write_text("code,name,parent\nA,城,\n", encoding="utf-8")
    monkeypatch.setenv("PVWATCH_HOME", str(folder))
    monkeypatch.setenv("PVWATCH_KEY", Fernet.generate_key().decode())
    for name in ("PVWATCH_REFERENCE", "PVWATCH_DATABASE_URL", "PVWATCH_OUT", "PVWATCH_INBOX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PVWATCH_LANG", "en")
    return folder


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_wordings_are_listed_answered_and_gone(home: Path, export: Export, tmp_path: Path) -> None:
    assert run("ingest", str(export("drug", [{"报告单位名称": "第一医院东院"}]))).exit_code == 0
    book = tmp_path / "unmapped.xlsx"
    shown = run("unmapped", "--out", str(book))
    assert shown.exit_code == 0
    assert "第一医院东院: no known unit → H1 第一医院 90?" in shown.output
    found = json.loads(run("unmapped", "--json").output)
    assert found["learned"] == 0
    assert found["waiting"][0]["suggestions"][0] == {
        "answer": "H1",
        "shown": "H1 第一医院",
        "score": 90,
        "source": "reference",
        "cases": 0,
    }
    opened = openpyxl.load_workbook(book)
    sheet = opened["报告单位"]
    names = [str(cell.value).split("\n")[0] for cell in sheet[1]]
    sheet.cell(2, names.index("对照为") + 1).value = "H1"
    sheet.cell(2, names.index("填写人") + 1).value = "李四"
    opened.save(book)
    learned = json.loads(run("ingest", "--json", str(book)).output)
    assert (learned[0]["format"], learned[0]["stored"], learned[0]["weeks"]) == ("mapping", 1, ["2026-W46"])
    found = json.loads(run("unmapped", "--json").output)
    assert (found["learned"], found["waiting"]) == (1, [])


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("unmapped", "--out", "a.csv"), 2, "let its name end in .xlsx"),
        (("unmapped", "--stream", "x"), 1, "there is no stream x"),
    ],
)
def test_wrong_usage_says_what_to_write(home: Path, words: tuple[str, ...], code: int, text: str) -> None:
    result = run(*words)
    assert (result.exit_code, text in result.output) == (code, True)


def test_a_table_is_drafted_put_in_place_and_read(home: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "long.csv", LONG, ROWS)
    refused = run("ingest", str(path))
    assert (refused.exit_code, "pvwatch map" in refused.output) == (1, True)
    found = json.loads(run("map", str(path), "--json").output)
    assert [one["field"] for one in found["columns"]][:2] == ["report_number", "name"]
    drafted = run("map", str(path), "--out", str(home / "reference" / "layouts" / "county.toml"))
    assert drafted.exit_code == 0
    assert "1 values of codes have no wording of ours yet" in drafted.output
    account = json.loads(run("ingest", "--json", str(path)).output)[0]
    assert (account["format"], account["stored"], account["warnings"]) == ("county", 4, 2)  # “maybe”, twice
    (home / "reference" / "layouts" / "county.toml").write_text('stream = "drugs"', encoding="utf-8")
    wrong = run("ingest", str(path))
    assert (wrong.exit_code, "layouts/county.toml: stream: “drugs” is not known" in wrong.output) == (1, True)


def test_what_is_no_table_is_said_and_what_is_read_already_too(home: Path, export: Export, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    assert "The file is empty" in run("map", str(empty)).output
    assert "is read as drug_national already" in run("map", str(export("drug", [{}]))).output
