"""Files leave the inbox encrypted, with a receipt that says how to get them back; getting them back is recorded."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from pv import archive, pipeline, store
from pv.cli import main
from pv.privacy import inbox
from pv.schema import store_key
from pv.settings import Settings
from tests.conftest import KEY, NOW, Export


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("PVWATCH_DATABASE_URL", "PVWATCH_INBOX", "PVWATCH_OUT", "PVWATCH_REFERENCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    monkeypatch.setenv("PVWATCH_USER", "李四")
    (tmp_path / "home" / "inbox").mkdir(parents=True)
    return Settings.load()


def _dropped(settings: Settings, export: Export, name: str = "周报 46.csv") -> Path:
    path = export("drug", [{"患者姓名": "张三"}])
    return path.rename(settings.inbox / name)


def _filed(settings: Settings, path: Path) -> None:
    (account,) = pipeline.ingest(settings, [path], NOW)
    inbox.file_away(settings, account, NOW)


def _clear_text(settings: Settings) -> list[Path]:
    return [path for path in settings.home.rglob("*") if path.is_file() and "张三".encode() in path.read_bytes()]


def test_a_receipt_stands_where_the_file_was_and_brings_it_back(
    settings: Settings, export: Export, tmp_path: Path
) -> None:
    path = _dropped(settings, export)
    content = path.read_bytes()
    _filed(settings, path)
    assert not path.exists()
    assert _clear_text(settings) == []
    (receipt,) = (settings.inbox / "done").iterdir()
    assert receipt.name == "周报 46.csv.receipt.txt"
    text = receipt.read_text(encoding="utf-8")
    assert "读取 1 行 = 入库 1 + 未变 0 + 隔离 0；警告 0（drug，drug_national）" in text
    command = re.findall(r"^  pvwatch (.+)$", text, flags=re.MULTILINE)[0]
    words = shlex.split(command)
    words[-1] = str(tmp_path / words[-1])
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    back = tmp_path / "周报 46.csv"
    assert back.read_bytes() == content
    assert back.stat().st_mode & 0o077 == 0
    log = json.loads(CliRunner().invoke(main, ["access-log", "--json"]).output)
    sha256 = archive.file_sha256(back)
    assert [(entry["who"], entry["what"], entry["subject"]) for entry in log] == [("李四", "archive get", sha256)]
    assert CliRunner().invoke(main, words).exit_code == 2  # nothing is overwritten


def test_a_refused_file_is_kept_encrypted_beside_its_reason(settings: Settings, export: Export, tmp_path: Path) -> None:
    path = settings.inbox / "名单.csv"
    path.write_text("姓名,电话\n张三,13912345678\n", encoding="utf-8")
    content = path.read_bytes()
    _filed(settings, path)
    assert not path.exists()
    assert _clear_text(settings) == []
    (reason,) = (settings.inbox / "refused").iterdir()
    text = reason.read_text(encoding="utf-8")
    assert reason.name == "名单.csv.reason.txt"
    assert "未识别的版式" in text
    sha256 = re.findall(r"archive get (\w+)", text)[0]
    assert archive.bring_back(settings.archive, sha256, KEY) == content
    _filed(settings, _dropped(settings, export))  # and the store's files are still those loaded
    listed = json.loads(CliRunner().invoke(main, ["archive", "list", "--json"]).output)
    assert [(entry["name"], entry["kept"]) for entry in listed] == [("周报 46.csv", True)]


def test_two_files_of_one_name_have_two_receipts_and_the_same_file_one(settings: Settings, export: Export) -> None:
    for number in (1, 2, 2):
        path = export("drug", [{"报告表编码": f"D{number}"}]).rename(settings.inbox / "x.csv")
        _filed(settings, path)
    receipts = [path.read_text(encoding="utf-8") for path in (settings.inbox / "done").iterdir()]
    assert len(receipts) == 2
    assert sum("未变 1" in text for text in receipts) == 1


def test_a_file_that_has_changed_since_it_was_loaded_stays(settings: Settings, export: Export) -> None:
    path = _dropped(settings, export)
    (account,) = pipeline.ingest(settings, [path], NOW)
    path.write_bytes(path.read_bytes() + b"\n")
    inbox.file_away(settings, account, NOW)
    assert path.is_file()
    assert not (settings.inbox / "done").exists()


def test_a_file_whose_copy_is_damaged_stays(settings: Settings, export: Export) -> None:
    path = _dropped(settings, export)
    (account,) = pipeline.ingest(settings, [path], NOW)
    (kept,) = archive.objects(settings.archive)
    kept.write_bytes(b"")
    with pytest.raises(archive.ArchiveError, match="damaged"):
        inbox.file_away(settings, account, NOW)
    assert path.is_file()


def test_a_killed_run_is_gone_on_with(settings: Settings, export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _dropped(settings, export)

    def kill(_path: Path, missing_ok: bool = False) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", kill)
        with pytest.raises(KeyboardInterrupt):
            _filed(settings, path)
    _filed(settings, path)
    assert not path.exists()
    assert len(list((settings.inbox / "done").iterdir())) == 1


@pytest.mark.parametrize(
    ("sha256", "message"),
    [("12345678", "no file 12345678…"), ("123", "at least eight"), ("../../etc", "no fingerprint")],
)
def test_what_is_not_in_the_archive_is_said(settings: Settings, tmp_path: Path, sha256: str, message: str) -> None:
    result = CliRunner().invoke(main, ["archive", "get", sha256, "--reason", "x", "--out", str(tmp_path / "x")])
    assert result.exit_code == 1
    assert message in result.output
    assert not (tmp_path / "x").exists()


def test_another_key_gets_nothing_back_and_says_so(
    settings: Settings, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _filed(settings, _dropped(settings, export))
    (kept,) = archive.objects(settings.archive)
    monkeypatch.setenv("PVWATCH_KEY", "1" * 43 + "=")
    words = ["archive", "get", archive.sha256_of(kept), "--reason", "x", "--out", str(tmp_path / "x")]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, (tmp_path / "x").exists()) == (1, False)
    assert "not the key of this store" in result.output


def test_everything_is_made_for_its_owner_alone(settings: Settings, export: Export, tmp_path: Path) -> None:
    home = tmp_path / "fresh"
    fresh = Settings.load({"PVWATCH_HOME": str(home), "PVWATCH_KEY": KEY})
    pipeline.ingest(fresh, [export("drug", [{}])], NOW)
    engine = store.open_store(fresh.database_url)
    with store.writing(engine) as connection:
        connection.execute(store_key.update().values(recorded_at="x"))
        beside = [path.stat().st_mode & 0o077 for path in home.rglob("*")]  # with the write-ahead log
    assert home.stat().st_mode & 0o077 == 0
    assert len(beside) > 4
    assert set(beside) == {0}
