"""A forgotten case stays counted; nothing of its patient is left, and no file brings it back."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from openpyxl import load_workbook
from sqlalchemy import Engine, select

from pv import access, archive, keys, pipeline, store
from pv.cli import main
from pv.intake import copies, forgotten, load_file
from pv.privacy import forgetting, inbox, retention
from pv.privacy.forgetting import Place, Wish
from pv.schema import case_person, case_version, forgotten_case, quarantine
from pv.settings import Settings
from tests.conftest import KEY, NOW, Export
from tests.privacy.canaries import OWN, Search, write_xlsx

LATER = NOW + timedelta(hours=1)
ZHANG = {
    "报告表编码": "D1",
    "患者姓名": "鸢丽伟",
    "出生日期": "1951-03-07",
    "患者联系方式": "13947110007",
    "病历号/门诊号": "ZYH8210013Q",
    "不良反应过程描述": "鸢丽伟诉皮疹",
    "年龄": "75",
}
WANG = {"报告表编码": "D2", "患者姓名": "鹮芳芳", "出生日期": "1960-01-02", "年龄": "66"}
MINE = Search([ZHANG[name] for name in ("患者姓名", "出生日期", "患者联系方式", "病历号/门诊号")])
HIS = Search([WANG["患者姓名"]])
WISH = Wish("drug", "D1", "李四", "患者申请", LATER)


@pytest.fixture
def folder(engine: Engine, export: Export, tmp_path: Path) -> Path:
    """Two exports that tell the case, the second unchanged; a third without it; a quarantined report of it."""
    kept = tmp_path / "archive"
    files = [
        export("drug", [ZHANG, WANG], "1.csv", "gb18030"),
        export("drug", [WANG, ZHANG, {"报告表编码": "D3"}], "2.csv"),
        export("drug", [WANG], "3.csv"),
        export("drug", [ZHANG | {"国家中心接收时间": "明天"}], "4.csv"),
    ]
    for path in files:
        load_file(engine, path, kept, KEY, NOW)
    return kept


def forget(engine: Engine, folder: Path, wish: Wish) -> forgetting.Forgotten:
    return forgetting.forget(engine, Place(folder, KEY), wish)


def _contents(folder: Path) -> dict[str, bytes]:
    paths = archive.objects(folder)
    return {archive.sha256_of(path): b"".join(archive.chunks_of(path, KEY)) for path in paths}


def _versions(engine: Engine) -> pd.DataFrame:
    with store.reading(engine) as connection:
        return store.read(connection, select(case_version).order_by(case_version.c.version_id))


def test_nothing_of_the_patient_is_left_and_the_case_is_counted(engine: Engine, folder: Path) -> None:
    before = _versions(engine)
    done = forget(engine, folder, WISH)
    assert (done.versions, done.quarantined) == (1, 1)
    assert (done.files_searched, done.files_replaced, done.files_deleted) == (4, 3, 0)
    after = _versions(engine)
    hashed = ["patient_hash", "record_hash", "content_hash"]
    assert after.drop(columns=hashed).equals(before.drop(columns=hashed))
    mine = after["case_number"] == "D1"
    assert after.loc[mine, ["patient_hash", "record_hash"]].to_numpy().tolist() == [["", ""]]
    assert set(after.loc[mine, "content_hash"]).isdisjoint(before["content_hash"])
    assert after[~mine].equals(before[~mine])
    with store.reading(engine) as connection:
        persons = list(connection.execute(select(case_person.c.version_id)).scalars())
        assert persons == after.loc[after["case_number"] == "D2", "version_id"].tolist()
        assert list(connection.execute(select(quarantine.c.raw)).scalars()) == [""]
        log = access.entries(connection)
    assert log[["what", "stream", "subject", "why"]].to_numpy().tolist() == [["forget", "drug", "D1", "患者申请"]]
    contents = _contents(folder)
    assert [MINE.in_bytes(data) for data in contents.values()] == [set()] * 4
    assert sum(bool(HIS.in_bytes(data)) for data in contents.values()) == 3
    assert sum(b"D1" in data for data in contents.values()) == 3  # the report itself is still told


def test_no_file_brings_it_back(engine: Engine, folder: Path, export: Export) -> None:
    """The same file, and a later export with a follow-up: it is counted, and its patient is not known."""
    forget(engine, folder, WISH)
    before = _versions(engine)
    again = load_file(engine, export("drug", [ZHANG, WANG], "1.csv", "gb18030"), folder, KEY, LATER)
    assert (again.read, again.unchanged) == (2, 2)
    pd.testing.assert_frame_equal(_versions(engine), before)
    worse = ZHANG | {"不良反应结果": "死亡", "最后修改时间": "2026-11-20"}
    account = load_file(engine, export("drug", [worse], "5.csv"), folder, KEY, LATER)
    assert (account.stored, account.unchanged) == (1, 0)
    last = _versions(engine).iloc[-1]
    assert (last["case_number"], last["death"], last["patient_hash"], last["record_hash"]) == ("D1", 1, "", "")
    broken = ZHANG | {"国家中心接收时间": "昨天"}
    assert load_file(engine, export("drug", [broken], "6.csv"), folder, KEY, LATER).quarantined == 1
    with store.reading(engine) as connection:
        sealed = [text for text in connection.execute(select(quarantine.c.raw)).scalars() if text]
    opened = [archive.unseal(text, KEY) for text in sealed]
    assert [("D1" in text, MINE.in_bytes(text.encode())) for text in opened] == [(True, set())]
    assert [MINE.in_bytes(data) for data in _contents(folder).values()] == [set()] * len(archive.objects(folder))


def test_a_copy_is_read_as_the_file_was(engine: Engine, folder: Path, tmp_path: Path) -> None:
    """An archive that is loaded into a new store gives the same cases, this one without its patient."""
    forget(engine, folder, WISH)
    other = store.open_store(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with store.reading(engine) as connection:
        names = list(connection.execute(select(forgotten_case.c.case_number)).scalars())
    assert names == ["D1"]
    for sha256, data in _contents(folder).items():
        path = tmp_path / f"{sha256}.csv"
        path.write_bytes(data)
        load_file(other, path, tmp_path / "second", KEY, NOW)
    told = _versions(other)
    assert sorted(told["case_number"]) == ["D1", "D2", "D3"]
    assert told.set_index("case_number").at["D1", "patient_hash"] == ""
    assert told.set_index("case_number").at["D2", "patient_hash"] != ""
    other.dispose()


def test_a_workbook_keeps_its_other_rows(engine: Engine, tmp_path: Path) -> None:
    drug = next(layout for layout in OWN if layout.name == "drug_national")
    told = {"怀疑/并用": "怀疑", "通用名称": "甲", "不良反应名称": "皮疹", "国家中心接收时间": "2026-11-10"}
    rows = [
        {column.name: (told | {"报告类型-严重程度": "一般"} | row).get(column.name, "") for column in drug.columns}
        for row in (ZHANG, WANG)
    ]
    write_xlsx(tmp_path / "x.xlsx", rows)
    load_file(engine, tmp_path / "x.xlsx", tmp_path / "a", KEY, NOW)
    assert forget(engine, tmp_path / "a", WISH).files_replaced == 1
    (data,) = _contents(tmp_path / "a").values()
    assert MINE.in_bytes(data) == set()
    cells = [[cell or "" for cell in row] for row in load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True)]
    assert cells[2] == list(rows[1].values())
    assert cells[1][cells[0].index("报告表编码")] == "D1"


def test_a_file_of_which_no_copy_can_be_made_is_deleted(engine: Engine, folder: Path, tmp_path: Path) -> None:
    """A row is ragged: no copy reads the same. And a refused file that holds the number."""
    lines = (tmp_path / "1.csv").read_text("gb18030").splitlines()
    (tmp_path / "7.csv").write_text("\n".join([*lines, "D9,多,了," + lines[1]]), encoding="utf-8")
    load_file(engine, tmp_path / "7.csv", folder, KEY, NOW)
    refused = tmp_path / "list.txt"
    refused.write_text("D1 鸢丽伟", encoding="gb18030")
    archive.keep(refused, folder / archive.REFUSED, archive.file_sha256(refused), KEY)
    done = forget(engine, folder, WISH)
    assert done.files_replaced + done.files_deleted == 5
    assert done.files_deleted >= 1
    assert archive.objects(folder / archive.REFUSED) == []
    assert [MINE.in_bytes(data) for data in _contents(folder).values()] == [set()] * len(archive.objects(folder))
    account = load_file(engine, tmp_path / "7.csv", folder, KEY, LATER)
    assert account.stored == 0


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(("text", "gone"), [("编号D1，", True), ("丂D1", True), ("D12 D10", False), ("", False)])
def test_refused_files_go_where_they_hold_the_number_and_no_longer_one(
    engine: Engine, folder: Path, tmp_path: Path, encoding: str, text: str, gone: bool
) -> None:
    refused = tmp_path / "list.bin"
    refused.write_bytes(f"{text}\n".encode(encoding))
    archive.keep(refused, folder / archive.REFUSED, archive.file_sha256(refused), KEY)
    forget(engine, folder, WISH)
    assert (archive.objects(folder / archive.REFUSED) == []) == gone


def test_no_file_goes_before_it_is_noted_what_stands_in_its_place(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _contents(folder)
    withhold = copies.withhold

    def broken(*given: Any) -> str:
        withhold(*given)
        raise OSError("no space left on the device")

    monkeypatch.setattr(copies, "withhold", broken)
    with pytest.raises(OSError, match="no space"):
        forget(engine, folder, WISH)
    assert before.items() <= _contents(folder).items()


@pytest.mark.parametrize("place", ["withhold", "_erase", "_replace"])
def test_a_killed_run_is_gone_on_with(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    where: Any = copies if place == "withhold" else forgetting
    original, calls = getattr(where, place), [0]

    def killing(*given: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2 or place == "_erase":
            raise KeyboardInterrupt
        return original(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(where, place, killing)
        with pytest.raises(KeyboardInterrupt):
            forget(engine, folder, WISH)
    assert not list(folder.glob(".open*/*"))
    forget(engine, folder, WISH)
    assert [MINE.in_bytes(data) for data in _contents(folder).values()] == [set()] * 4
    assert _versions(engine).set_index("case_number").at["D1", "patient_hash"] == ""


def test_two_cases_of_one_file_are_forgotten_one_after_the_other(engine: Engine, folder: Path) -> None:
    original = set(_contents(folder))
    forget(engine, folder, WISH)
    forget(engine, folder, Wish("drug", "D2", "李四", "", LATER))
    contents = _contents(folder)
    assert [MINE.in_bytes(data) | HIS.in_bytes(data) for data in contents.values()] == [set()] * len(contents)
    with store.reading(engine) as connection:
        copies = {forgotten.kept_copy(connection, sha256) for sha256 in original}
        periods = replace(Settings.load({"PVWATCH_HOME": str(folder.parent)}), retention={"archive": 1.0})
        due = retention.due(connection, periods, NOW + timedelta(days=366))
    assert copies == set(contents)
    assert {one.subject for one in due} == set(contents)
    assert {(one.since, one.stream) for one in due} == {("2026-11-22T04:00:00Z", "drug")}  # as old as the files


def test_the_command_and_the_inbox_know_of_it(tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PVWATCH_DATABASE_URL", "PVWATCH_INBOX", "PVWATCH_OUT", "PVWATCH_REFERENCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    settings = Settings.load()
    settings.inbox.mkdir(parents=True)
    first = export("drug", [ZHANG, WANG]).rename(settings.inbox / "1.csv")
    sha256 = archive.file_sha256(first)

    def drop(path: Path) -> str:
        (account,) = pipeline.ingest(settings, [path], NOW)
        inbox.file_away(settings, account, NOW)
        return (settings.inbox / "done" / f"{path.name}.receipt.txt").read_text(encoding="utf-8")

    assert f"archive get {sha256}" in drop(first)
    words = ["--stream", "drug", "--by", "李四", "--reason", "申请"]
    unknown = CliRunner().invoke(main, ["forget", "D7", *words])
    assert (unknown.exit_code, "no case D7" in unknown.output) == (1, True)
    result = CliRunner().invoke(main, ["forget", "D1", *words])
    assert result.exit_code == 0, result.output
    assert "drug D1 is forgotten: 1 versions" in result.output
    receipt = drop(export("drug", [ZHANG, WANG]).rename(settings.inbox / "2.csv"))
    assert "tells a case that is forgotten" in receipt
    out = tmp_path / "back.csv"
    got = CliRunner().invoke(main, ["archive", "get", sha256, "--reason", "x", "--out", str(out)])
    assert got.exit_code == 0, got.output
    assert MINE.in_bytes(out.read_bytes()) == set()
    assert HIS.in_bytes(out.read_bytes()) != set()
    assert MINE.in_folder(tmp_path / "home") == {}
    with store.reading(store.open_store(settings.database_url)) as connection:
        keys.check(connection, KEY, settings.archive)
