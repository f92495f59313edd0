"""Planted names, telephones, record and identity numbers, birth dates, addresses and narratives are found nowhere.

Reports of every layout of ours, of linked sheets and of E2B, sound, quarantined, warned, displaced and refused, and
forms that people have filled in are loaded and reported, every command is run, and each byte that is left anywhere is
searched.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import logging
import sqlite3
import tempfile
import traceback
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openpyxl import Workbook

from pv import archive, inbox, pipeline, shown, store
from pv.cli import main
from pv.intake import FileAccount
from pv.settings import Settings
from tests.conftest import KEY, NOW
from tests.privacy.canaries import (
    OWN,
    Planter,
    Search,
    filled_forms,
    linked_sheets,
    rows,
    write_csv,
    write_sheets,
    write_xlsx,
)
from tests.sources import test_e2b_r2, test_e2b_r3

DRUG = next(layout for layout in OWN if layout.name == "drug_national")


class Place:
    """An installation with its own home, output, inbox and folder for temporary files; `told`: all that was said."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root, self.inputs = root / "watched", root / "inputs"
        self.told: list[str] = []
        self.planter = Planter()
        for folder in (self.inputs, self.root / "home" / "inbox", self.root / "tmp", self.root / "cwd"):
            folder.mkdir(parents=True)
        settings = {"HOME": "home", "OUT": "out", "INBOX": "home/inbox", "REFERENCE": "reference"}
        for name, below in settings.items():
            patch.setenv(f"PVWATCH_{name}", str(self.root / below))
        (self.root / "reference").mkdir()
        (self.root / "reference" / "areas.csv").write_text("code,name,parent\n3301,云泽市,\n", encoding="utf-8")
        (self.root / "reference" / "hospitals.csv").write_text(
            "hospital_id,name,former_names,level,kind,district,sentinel,registered,reports_for\n"
            "h1,第一医院,,3,综合医院,3301,,yes,\n",
            encoding="utf-8",
        )
        patch.setenv("PVWATCH_KEY", KEY)
        patch.setenv("TMPDIR", str(self.root / "tmp"))
        patch.delenv("PVWATCH_DATABASE_URL", raising=False)
        patch.setattr(tempfile, "tempdir", None)
        patch.chdir(self.root / "cwd")

    def run(self, *words: str) -> Any:
        """A command; what it prints, also where it breaks, is kept."""
        result = CliRunner().invoke(main, [str(word) for word in words])
        self.told += [result.output, *traceback.format_exception(*result.exc_info)]
        return result

    def drop(self) -> None:
        """Files of every kind in the inbox."""
        folder = self.root / "home" / "inbox"
        for layout in OWN:
            made = rows(layout, self.planter)
            write_xlsx(folder / f"{layout.name}.xlsx", made)
            write_csv(folder / f"{layout.name}.csv", made, "gb18030")
        write_sheets(folder / "linked.xlsx", linked_sheets(self.planter))
        write_sheets(folder / "y-forms.xlsx", filled_forms(self.planter))
        for name, content in (("r3", self._r3()), ("r2", self._r2())):
            (folder / f"{name}.xml").write_bytes(content)
            (folder / f"{name}-cut.xml").write_bytes(content[: len(content) * 3 // 4])
        (folder / "list.csv").write_text(
            f"{self.planter.name()},{self.planter.telephone()}\n{self.planter.narrative()},{self.planter.birth()}\n",
            encoding="utf-8",
        )
        with zipfile.ZipFile(folder / "pack.zip", "w") as pack:
            pack.writestr("notes.csv", f"姓名,电话\n{self.planter.name()},{self.planter.telephone()}\n")

    def _r3(self) -> bytes:
        messages = []
        for number in range(4):
            text = test_e2b_r3._message()
            for plain in ("张三", "李医生"):
                text = text.replace(plain, self.planter.name())
            text = text.replace("GP9", self.planter.record()).replace("ZY7", self.planter.record())
            text = text.replace("19800102", self.planter.birth().replace("-", ""))
            text = text.replace("女，患儿……", self.planter.narrative()).replace("CN-SHI-9", f"CN-SHI-{number}")
            messages.append(text)
        messages[1] = messages[1].replace("</player1>", "</player>", 1)  # not well-formed
        messages[2] = messages[2].replace('<low value="20261110"/>', f'<low value="{self.planter.name()}"/>')
        return test_e2b_r3._batch(*messages).getvalue()

    def _r2(self) -> bytes:
        text = test_e2b_r2._report().replace(">ZS<", f">{self.planter.name()}<").replace("ZY7", self.planter.record())
        text = text.replace("19800102", self.planter.birth().replace("-", "")).replace("……", self.planter.narrative())
        broken = text.replace("<receivedate>20261110", f"<receivedate>{self.planter.name()}").replace("SHI-9", "SHI-8")
        return test_e2b_r2._batch(text, broken).getvalue()

    def leaks(self) -> dict[str, set[str]]:
        """Planted values found, by place. Birth dates without hyphens are in E2B files only, and looked for too."""
        planted = self.planter.planted
        search = Search([*planted, *(value.replace("-", "") for value in planted if value[4:5] == "-")])
        found = search.in_folder(self.root)
        said = search.in_bytes("\n".join(self.told).encode())
        return found | ({"told": said} if said else {})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Place]:
    made = Place(tmp_path, monkeypatch)
    caplog.set_level(logging.DEBUG)
    yield made
    assert len(made.planter.planted) == len(set(made.planter.planted))


def test_they_are_found_nowhere(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.drop()
    assert len(place.planter.planted) > 500
    folder = place.root / "home" / "inbox"
    again = place.inputs / "again.csv"
    again.write_bytes((folder / "drug_national.csv").read_bytes())
    accounts = json.loads(place.run("ingest", "--json", folder).stdout)
    settings = Settings.load()
    for account in accounts:  # as the DAG does
        place.told.append(repr(account))
        del account["problems"]
        inbox.file_away(settings, FileAccount(**account))
    place.run("ingest", again)
    assert sum(account["quarantined"] for account in accounts) > 50
    assert sum(account["stored"] for account in accounts) > 10
    assert sum(bool(account["refused"]) for account in accounts) >= 4
    rendered = place.run("run", "--week", "2026-W46", "--json")
    assert rendered.exit_code == 0, rendered.output
    for words in _every_command(place):
        for more in ((), ("--json",)):
            place.run(*words, *more)
    place.told.append(caplog.text)
    assert len("".join(place.told)) > 50_000
    assert len(archive.objects(settings.archive)) == len(accounts)
    assert (place.root / "out" / "2026-W46" / "signals.xlsx").is_file()
    assert place.leaks() == {}


def _every_command(place: Place) -> Iterator[tuple[str, ...]]:
    """Each command that reads the store, as it can be called without asking for raw data."""
    out = place.root / "out"
    yield ("status",)
    yield ("duplicates",)
    yield ("access-log",)
    yield ("archive", "list")
    yield ("rotate-key",)
    yield ("explain", "阿莫西林胶囊", "皮疹", "--week", "2026-W46")
    yield ("background", "--week", "2026-W46", "--source", "x", "--out", str(out / "background.csv"))
    known = set(main.commands)
    for name, words in {
        "unmapped": (),
        "quarantine": ("list",),
        "doctor": (),
        "retention": ("--dry-run",),
        "trace": ("--lot", "A1"),
    }.items():
        if name in known:
            yield (name, *words)


BREAKS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "sealing": lambda patch: patch.setattr(archive, "seal", lambda text, _key: text),
    "hashing": lambda patch: patch.setattr(archive, "hasher", lambda _key, _purpose: lambda text: text),
    "dates and ages": lambda patch: patch.setattr(shown, "time", lambda text: text),
    "codes": lambda patch: patch.setattr(shown, "code", lambda text, _lists: text),
    "numbers": lambda patch: patch.setattr(shown, "number", lambda text: text),
    "filing away": lambda patch: patch.setattr(Path, "unlink", lambda _path, **_options: None),
}


@pytest.mark.parametrize("broken", ["", *BREAKS])
def test_each_guard_is_needed(place: Place, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """With any one of them off, the same search finds something: it can fail."""
    path = place.root / "home" / "inbox" / "drug.csv"
    write_csv(path, rows(DRUG, place.planter), "utf-8")
    with monkeypatch.context() as patch:
        if broken:
            BREAKS[broken](patch)
        (account,) = pipeline.ingest(Settings.load(), [path], NOW)
        inbox.file_away(Settings.load(), account)
    place.told.append(json.dumps(account.as_dict(), ensure_ascii=False))
    assert (place.leaks() == {}) == (broken == "")


OF_FORMS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    name: lambda patch, name=name: patch.setattr(shown, name, lambda text, _lists=(): text)
    for name in ("time", "code", "number", "remark")
}
OF_FORMS["sealing"] = BREAKS["sealing"]
OF_FORMS["figures"] = lambda patch: patch.setattr(shown, "is_telephone", lambda _text: False)


@pytest.mark.parametrize("broken", ["", *OF_FORMS])
def test_each_guard_of_the_forms_is_needed(place: Place, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    path = place.root / "home" / "inbox" / "forms.xlsx"
    write_sheets(path, filled_forms(place.planter))
    with monkeypatch.context() as patch:
        if broken:
            OF_FORMS[broken](patch)
        (account,) = pipeline.ingest(Settings.load(), [path], NOW)
        inbox.file_away(Settings.load(), account)
    assert account.quarantined > 40
    place.told.append(json.dumps(account.as_dict(), ensure_ascii=False))
    assert (place.leaks() == {}) == (broken == "")


@pytest.mark.parametrize(
    ("table", "error"),
    [("case_version", KeyboardInterrupt), ("case_person", ValueError), ("quarantine", KeyboardInterrupt)],
)
def test_a_run_that_breaks_in_the_middle_leaves_none(
    place: Place, monkeypatch: pytest.MonkeyPatch, table: str, error: type[BaseException]
) -> None:
    path = place.inputs / "drug.xlsx"
    write_xlsx(path, rows(DRUG, place.planter))
    original = store.append

    def breaking(connection: Any, target: Any, frame: Any) -> None:
        original(connection, target, frame)
        if table == target.name:
            raise error("broken")

    with monkeypatch.context() as patch:
        patch.setattr(store, "append", breaking)
        result = place.run("ingest", path)
    assert result.exit_code == 1
    assert place.leaks() == {}
    place.run("ingest", path)
    assert place.leaks() == {}


def test_an_error_of_the_store_does_not_show_its_values(place: Place) -> None:
    """A table that is not as it should be: the driver's message and the statement, without parameters."""
    path = place.inputs / "drug.csv"
    write_csv(path, rows(DRUG, place.planter), "gb18030")
    place.run("status")
    with sqlite3.connect(place.root / "home" / "pvwatch.sqlite") as connection:
        connection.execute("ALTER TABLE quarantine RENAME COLUMN raw TO other")
    assert place.run("ingest", path).exit_code == 1
    assert place.leaks() == {}


def _workbook(text: str) -> bytes:
    book, held = Workbook(), io.BytesIO()
    book.active.append([text])
    book.save(held)
    return held.getvalue()


def _zipped(content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("a/b", content)
    return held.getvalue()


HIDING: dict[str, Callable[[str], bytes]] = {
    "text": str.encode,
    "gb18030": lambda text: text.encode("gb18030"),
    "utf-16": lambda text: text.encode("utf-16"),
    "JSON": lambda text: json.dumps(text).encode(),
    "page": lambda text: text.encode("ascii", "xmlcharrefreplace"),
    "base64": lambda text: b"key=" + base64.b64encode(f"some more text, {text} and more".encode()) + b";",
    "base64 of gzip": lambda text: base64.urlsafe_b64encode(gzip.compress(text.encode() * 3)),
    "gzip": lambda text: gzip.compress(text.encode()),
    "zip": lambda text: _zipped(text.encode()),
    "zip in zip": lambda text: _zipped(_zipped(text.encode("gb18030"))),
    "workbook": _workbook,
}


@pytest.mark.parametrize("hidden", HIDING)
@pytest.mark.parametrize("value", ["鸢丽伟", "13947110007"])
def test_the_search_finds_what_is_hidden(tmp_path: Path, hidden: str, value: str) -> None:
    (tmp_path / "x").write_bytes(HIDING[hidden](value))
    assert Search(["鹮丽", value]).in_folder(tmp_path) == {str(tmp_path / "x"): {value}}
    assert Search(["鹮丽", "13947110008"]).in_folder(tmp_path) == {}


def test_the_search_finds_dates_and_names_of_files(tmp_path: Path) -> None:
    for text in ("1951-03-07", "1951/3/7", "1951年3月7日"):
        assert Search(["1951-03-07"]).in_bytes(text.encode()) == {"1951-03-07"}
    (tmp_path / "鸢丽伟.csv").touch()
    assert Search(["鸢丽伟"]).in_folder(tmp_path)
