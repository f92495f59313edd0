"""The account of all rows: every stage adds up, and a sum that fails is loud."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, delete, update

from pv import accounts, intake, pipeline, store
from pv.accounts import AccountError
from pv.cases import StreamCases
from pv.cli import main
from pv.reference import build
from pv.schema import case_event, case_person, case_product, case_version, file_load
from pv.settings import Settings
from pv.week import Week, instant_text
from tests.conftest import KEY, NOW, Export

LATER = NOW + timedelta(hours=1)


def _account(engine: Engine) -> accounts.Accounts:
    with store.reading(engine) as connection:
        standing = {"drug": StreamCases(connection, "drug", LATER, build({})).standing()}
        return accounts.accounts(connection, instant_text(LATER), standing)


def _load(engine: Engine, path: Path, **options: bool) -> None:
    intake.load_file(engine, path, path.parent / "archive", KEY, NOW, **options)


def test_every_stage_of_two_files(engine: Engine, export: Export, tmp_path: Path) -> None:
    """w1: D1 with two products, D2, D3 broken. w2: D1 as before, D2 changed, D4 deleted, D3 in order. Then w1 again."""
    beside = {"通用名称": "头孢拉定胶囊", "怀疑/并用": "并用"}
    first = [{}, beside, {"报告表编码": "D2"}, {"报告表编码": "D3", "怀疑/并用": "?"}]
    second = [{}, beside, {"报告表编码": "D2", "不良反应名称": "头晕", "最后修改时间": "2026-11-12"}]
    second += [{"报告表编码": "D3"}]
    w1, w2 = export("drug", first, "w1.csv"), export("drug", second, "w2.csv")
    menu = tmp_path / "menu.csv"
    menu.write_text("a,b\n1,2\n", encoding="utf-8")
    for path in (w1, w2, w1, menu):
        _load(engine, path)
    _load(engine, w2, dry_run=True)
    found = _account(engine)
    row = found.streams.set_index("stream").loc["drug"].to_dict()
    assert (row["files"], row["loads_first"], row["loads_again"], row["loads_replay"]) == (2, 2, 1, 0)
    assert (row["read"], row["stored"], row["unchanged"], row["quarantined"]) == (12, 5, 5, 2)
    assert (row["versions"], row["cases"], row["counted"], row["merged"]) == (4, 3, 3, 0)
    assert (row["entered"], row["entries"], row["entries_stored"], row["entries_waiting"]) == (1, 1, 1, 0)
    assert found.loads[["file", "kind", "read"]].to_numpy().tolist() == [
        ["w1.csv", "first", 4],
        ["w2.csv", "first", 4],
        ["w1.csv", "again", 4],
    ]
    (refused,) = found.as_dict()["refused"]
    assert (refused["file"], refused["code"], refused["taken"]) == ("menu.csv", "unknown_layout", False)
    assert str(tmp_path) not in json.dumps(found.as_dict())
    assert found.streams["stream"].tolist() == ["drug", "all"]


def _break(engine: Engine, what: str) -> None:
    with store.writing(engine) as connection:
        if what == "row":
            connection.execute(update(file_load).values(read=file_load.c.read + 1))
        elif what == "version":
            for table in (case_event, case_product, case_person, case_version):
                connection.execute(delete(table).where(table.c.version_id == 1))
        elif what == "rows of a version":
            connection.execute(update(case_version).values(row_count=5))
        else:
            connection.execute(update(case_version).values(left_out="lost"))


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("row", r"drug.csv \(first, .*\): read 2, but stored 1"),
        ("version", "drug: the loads say versions 1, the store holds 0"),
        ("rows of a version", "drug: the loads say stored 1, the store holds 5"),
        ("fate", "drug: 1 cases, but 0 counted"),
    ],
)
def test_a_sum_that_fails_is_told(
    tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch, what: str, told: str
) -> None:
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    for name in ("PVWATCH_DATABASE_URL", "PVWATCH_REFERENCE", "PVWATCH_OUT"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings.load()
    pipeline.ingest(settings, [export("drug", [{}])], NOW)
    assert CliRunner().invoke(main, ["status"]).exit_code == 0
    engine = store.open_store(settings.database_url)
    _break(engine, what)
    with pytest.raises(AccountError, match=told):
        _account(engine)
    result = CliRunner().invoke(main, ["status", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["failed"] in result.stderr
    with pytest.raises(AccountError, match=told):  # and nothing is rendered
        pipeline.run(settings, [Week.parse("2026-W46")], LATER)
    assert not (settings.out / "2026-W46").exists()
    engine.dispose()


def test_the_status_is_told_in_both_languages(tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    for name in ("PVWATCH_DATABASE_URL", "PVWATCH_REFERENCE", "PVWATCH_OUT"):
        monkeypatch.delenv(name, raising=False)
    menu = tmp_path / "menu.csv"
    menu.write_text("a,b\n1,2\n", encoding="utf-8")
    pipeline.ingest(Settings.load(), [export("drug", [{}, {"报告表编码": "", "通用名称": ""}]), menu], NOW)
    shown = {}
    for lang in ("zh", "en"):
        monkeypatch.setenv("PVWATCH_LANG", lang)
        shown[lang] = CliRunner().invoke(main, ["status"]).output
    for part in (
        "文件行数: 文件 1; 读取 2 = 入库 1 + 未变 0 + 隔离 1",
        "药品 drug: 上报 2 = 计入 1 + 并入重复 0 + 已删除 0 + 标为重复 0 + 错报误报 0 + 隔离 1",
        "隔离待处理: 1\n  查看与更正: pvwatch quarantine",
        "拒收的文件: 1\n  menu.csv (2026-11-22T04:00:00Z): 未识别的版式",
    ):
        assert part in shown["zh"]
    for part in (
        "rows of files: files 1; read 2 = stored 1 + unchanged 0 + quarantined 1",
        "drug: filed 2 = counted 1 + merged 0 + deleted 0 + duplicate 0 + misreport 0 + quarantined 1",
        "files refused: 1",
    ):
        assert part in shown["en"]
