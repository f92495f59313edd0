"""Rows of forms that cannot be taken wait in the quarantine, beside the reports and never among them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select

from pv import accounts, archive, cases, forms, intake, pipeline, quarantine, store
from pv.cases import StreamCases
from pv.cli import main
from pv.forms import checking
from pv.intake import FileAccount, Replayed
from pv.reference import build
from pv.schema import quarantine as table
from pv.settings import Settings
from pv.sources.forms import form
from pv.week import instant_text
from tests.conftest import KEY, NOW, Export

FIGURE = {"stream": "药品", "area": "330100", "period": "2026-10", "basis": "接收", "value": "12"}
NO_VALUE = FIGURE | {"value": "约12"}  # what it is about can be read
NO_PERIOD = FIGURE | {"period": "十月"}  # what it is about cannot
PAIR = {"stream": "药品", "case_number": "D1", "other_number": "D2", "verdict": "不同", "decided_by": "李四"}
END = NOW + timedelta(days=9)


def _sheet(path: Path, name: str, *rows: Mapping[str, str]) -> Path:
    declared = form(name)
    fields = [column.field for column in declared.columns]
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        written = csv.writer(handle)
        written.writerow([column.name for column in declared.columns])
        written.writerows([row.get(field, "") for field in fields] for row in rows)
    return path


def _load(engine: Engine, path: Path, hours: int = 0) -> FileAccount:
    return intake.load_file(engine, path, path.parent / "archive", KEY, NOW + timedelta(hours=hours))


def _replay(engine: Engine, folder: Path, hours: int) -> Replayed:
    return intake.replay(engine, folder / "archive", KEY, NOW + timedelta(hours=hours), "forms")


def _states(engine: Engine, at: datetime = END) -> list[str]:
    with store.reading(engine) as connection:
        return quarantine.entries(connection, instant_text(at))["state"].tolist()


def _figures(engine: Engine) -> list[float]:
    with store.reading(engine) as connection:
        return forms.in_force(connection, "official", "9999")["value"].tolist()


def _accounts(engine: Engine) -> dict[str, Any]:
    """The checked account of the forms: raises where anything does not add up."""
    with store.reading(engine) as connection:
        standing = {"drug": StreamCases(connection, "drug", END, build({})).standing()}
        found = accounts.accounts(connection, instant_text(END), standing).streams.set_index("stream")
        assert cases.quarantined(connection, END, build({}), "en").empty
    assert found.loc["drug", "entries"] == 0
    return found.loc["forms"].to_dict()


def test_a_faulty_row_waits_and_is_sealed(engine: Engine, tmp_path: Path) -> None:
    account = _load(engine, _sheet(tmp_path / "a.csv", "official", FIGURE | {"area": "330200"}, NO_VALUE, NO_PERIOD))
    assert (account.read, account.stored, account.quarantined, account.entered, account.entries) == (3, 1, 2, 2, 2)
    with store.reading(engine) as connection:
        found = quarantine.entries(connection, "9999")
        raw = json.loads(archive.unseal(quarantine.raw_rows(connection, [2])[2], KEY))
    assert found[
        ["stream", "format", "case_number", "rows", "received_on", "hospital", "kept"]
    ].to_numpy().tolist() == [
        ["forms", "official", "official│drug│330100││2026-10│received", "3", "", "", True],
        ["forms", "official", "", "4", "", "", True],
    ]
    (reason,) = json.loads(found["reasons"].iloc[0])
    assert reason == {"code": "form_number", "sheet": "", "row": 3, "column": "官方数", "value": "约12"}
    assert "十月" in raw["data"][0]
    row = _accounts(engine)
    assert (row["quarantined"], row["entered"], row["entries"], row["entries_waiting"], row["cases"]) == (2, 2, 2, 2, 0)
    # The same file again, and the same row in another one: they wait already.
    again = _load(engine, tmp_path / "a.csv", 1)
    other = _load(engine, _sheet(tmp_path / "b.csv", "official", NO_PERIOD), 2)
    assert [(one.quarantined, one.entered) for one in (again, other)] == [(2, 0), (1, 0)]
    _accounts(engine)


def test_a_corrected_row_of_the_same_thing_ends_the_wait(engine: Engine, tmp_path: Path) -> None:
    _load(engine, _sheet(tmp_path / "a.csv", "official", NO_VALUE, NO_PERIOD))
    mended = _load(engine, _sheet(tmp_path / "b.csv", "official", FIGURE), 1)
    assert (mended.stored, mended.cleared) == (1, 1)
    assert _states(engine) == ["stored", "waiting"]  # nobody can say that the second is what was mended
    assert _states(engine, NOW) == ["waiting", "waiting"]
    _accounts(engine)


def test_of_rows_of_one_sheet_the_good_one_stands(engine: Engine, tmp_path: Path) -> None:
    """A faulty row below a good one waits; one above it has been said anew by it."""
    below = _load(engine, _sheet(tmp_path / "a.csv", "official", FIGURE, NO_VALUE))
    assert (below.stored, below.quarantined, below.entries) == (1, 1, 1)
    assert (_figures(engine), _states(engine)) == ([12.0], ["waiting"])
    above = _load(engine, _sheet(tmp_path / "b.csv", "official", NO_VALUE, FIGURE | {"value": "13"}), 1)
    assert (above.stored, above.quarantined, above.entries, above.cleared) == (1, 1, 0, 1)
    assert (_figures(engine), _states(engine)) == ([13.0], ["stored"])
    _accounts(engine)


def test_rows_that_lack_what_they_are_about_do_not_supersede_one_another(engine: Engine, tmp_path: Path) -> None:
    row = {"period": "2026-09", "stream": "药品", "hospital": "第一医院", "measure": "使用", "unit": "盒"}
    rows = [row | {"quantity": quantity, "source": "药剂科"} for quantity in ("7", "8")]
    account = _load(engine, _sheet(tmp_path / "a.csv", "exposure", *rows))
    assert [problem.code for problem in account.problems] == ["form_unnamed"] * 2
    assert _states(engine) == ["waiting", "waiting"]


def test_a_verdict_is_replayed_when_its_reports_have_come(engine: Engine, export: Export, tmp_path: Path) -> None:
    _load(engine, export("drug", [{"报告表编码": "D1"}]))
    assert _load(engine, _sheet(tmp_path / "a.csv", "duplicates", PAIR), 1).entries == 1
    (still,) = _replay(engine, tmp_path, 2).accounts
    assert (still.kind, still.read, still.stored, still.quarantined, still.cleared) == ("replay", 1, 0, 1, 0)
    _load(engine, export("drug", [{"报告表编码": "D2"}], "w2.csv"), 3)
    (done,) = _replay(engine, tmp_path, 4).accounts
    assert (done.file, done.stored, done.quarantined, done.cleared) == ("a.csv", 1, 0, 1)
    assert _states(engine) == ["replayed"]
    with store.reading(engine) as connection:
        kept = forms.in_force(connection, "duplicates", "9999")
    assert kept[["verdict", "recorded_at"]].to_numpy().tolist() == [
        ["different", instant_text(NOW + timedelta(hours=4))]
    ]
    row = _accounts(engine)
    assert (row["stored"], row["replayed"], row["replayed_good"], row["entries_replayed"]) == (0, 2, 1, 1)


def test_a_replayed_row_takes_no_place_of_a_newer_one(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """“十月” can be read from some day on; of one of the two months it speaks of something was said since."""
    _load(engine, _sheet(tmp_path / "a.csv", "official", NO_PERIOD, NO_PERIOD | {"area": "330200", "value": "5"}))
    _load(engine, _sheet(tmp_path / "b.csv", "official", FIGURE | {"value": "14"}), 1)
    reader = checking._reader

    def reads_more(kind: str) -> Any:
        return (lambda _text: "2026-10") if kind == "period" else reader(kind)

    monkeypatch.setattr(checking, "_reader", reads_more)
    (done,) = _replay(engine, tmp_path, 2).accounts
    assert (done.read, done.stored, done.unchanged, done.cleared, done.weeks) == (2, 1, 1, 2, ("2026-W40",))
    assert (_states(engine), _figures(engine)) == (["outdated", "replayed"], [14.0, 5.0])
    _accounts(engine)


def test_a_row_that_is_dismissed_need_not_wait_again(engine: Engine, tmp_path: Path) -> None:
    _load(engine, _sheet(tmp_path / "a.csv", "official", NO_PERIOD))
    with store.writing(engine) as connection:
        quarantine.dismiss(connection, [1], "李四", "told twice", instant_text(NOW))
    assert _load(engine, _sheet(tmp_path / "b.csv", "official", NO_PERIOD, FIGURE), 1).entries == 0
    assert _states(engine) == ["dismissed"]


def _run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["quarantine", *words])
    assert result.exit_code == code, result.output
    return result.stdout


def test_rows_of_forms_are_listed_written_out_corrected_and_taken(
    settings: Settings, export: Export, tmp_path: Path
) -> None:
    """Beside a report that waits, in a workbook of two forms."""
    book = openpyxl.Workbook()
    for name, row in (("official", NO_PERIOD), ("duplicates", PAIR)):
        written = book.create_sheet(name)
        written.append([column.name for column in form(name).columns])
        written.append([row.get(column.field, "") for column in form(name).columns])
    book.save(tmp_path / "both.xlsx")
    broken = export("drug", [{"怀疑/并用": "可疑"}])
    pipeline.ingest(settings, [tmp_path / "both.xlsx", broken], NOW)
    told = _run()
    assert told.startswith(
        "1 reports and 2 rows of forms wait in the quarantine\n1  forms  (no number)  both.xlsx, sheet"
    )
    assert "    row 2, 期间 “十月”: " in told
    listed = json.loads(_run("--stream", "forms", "--json"))
    assert [(one["entry"], one["format"], one["mend"]) for one in listed] == [
        (1, "official", "export"),
        (2, "duplicates", "export"),
    ]
    out = tmp_path / "mend.xlsx"
    _run("export", "--stream", "forms", "--reason", "to correct", "--out", str(out))
    mending = tmp_path / "mend-official.xlsx"
    assert mending.exists()
    assert (tmp_path / "mend-duplicates.xlsx").exists()
    (same,) = pipeline.ingest(settings, [mending], NOW)
    assert (same.quarantined, same.entries, same.cleared) == (1, 0, 0)

    sheet = openpyxl.load_workbook(mending).active
    place = {cell.value: cell.column for cell in sheet[1]}
    sheet.cell(2, place["期间"]).value = "2026-10"
    sheet.cell(2, place["官方数"]).value = "很多"
    sheet.parent.save(mending)
    (still,) = pipeline.ingest(settings, [mending], NOW)
    assert (still.entries, still.cleared) == (1, 1)  # the new entry takes the place of the one that was corrected
    sheet.cell(2, place["官方数"]).value = "12"
    sheet.cell(2, place["隔离编号 Entry"]).value = str(json.loads(_run("--stream", "forms", "--json"))[-1]["entry"])
    sheet.parent.save(mending)
    (mended,) = pipeline.ingest(settings, [mending], NOW)
    assert (mended.stored, mended.cleared) == (1, 1)
    left = json.loads(_run("--json"))
    assert [(one["stream"], one["format"]) for one in left] == [("forms", "duplicates"), ("drug", "drug_national")]
    assert "still quarantined 1; entries cleared 0" in _run("replay", "2", code=3)
    assert _run("dismiss", "2", "--by", "王五", "--reason", "a test").startswith(
        "1 entries dismissed; weeks touched: none"
    )
    engine = store.open_store(settings.database_url)
    with store.reading(engine) as connection:
        assert (
            store.read(connection, select(table.c.hospital, table.c.received_on).where(table.c.stream == "forms"))
            .eq("")
            .all(axis=None)
        )
