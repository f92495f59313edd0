"""Loose tables of a set in the inbox: taken together once they are whole, noted until then, put away together."""

from __future__ import annotations

from pathlib import Path

import pytest

from pv import archive, inbox, pipeline
from pv.settings import Settings
from pv.status import status
from tests.conftest import KEY, NOW
from tests.sources.small_sets import packed, table
from tests.sources.test_sets import FAERS, MAUDE, VAERS

REST = {
    "OUTC17Q2.txt": table("primaryid$caseid$outc_cod", "11$1$DE"),
    "THER17Q2.txt": table("primaryid$caseid$dsg_drug_seq$start_dt", "11$1$1$20170101"),
    "INDI17Q2.txt": table("primaryid$caseid$indi_drug_seq$indi_pt", "11$1$1$Pain"),
}
QUARTER = {Path(name).name: text for name, text in FAERS.items()} | REST


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    (tmp_path / "home" / "inbox").mkdir(parents=True)
    home = tmp_path / "home"
    return Settings(home, f"sqlite:///{home / 's.sqlite'}", home / "out", home / "inbox", home / "ref", KEY)


def _drop(home: Settings, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (home.inbox / name).write_bytes(text.encode())
    return sorted(str(home.inbox / name) for name in files)


def _left(home: Settings) -> list[str]:
    return sorted(path.name for path in home.inbox.iterdir() if path.is_file())


@pytest.mark.parametrize(
    ("files", "layout", "title"),
    [(QUARTER, "faers", "FAERS 17q2"), (VAERS, "vaers", "VAERS 1990"), (MAUDE, "maude", "MAUDE")],
    ids=["faers", "vaers", "maude"],
)
def test_a_whole_set_is_one_file_of_the_inbox(home: Settings, files: dict[str, str], layout: str, title: str) -> None:
    dropped = _drop(home, files)
    (home.inbox / "notes.txt").write_text("hello", "utf-8")
    assert inbox.files(home, "foreign") == [dropped]
    assert inbox.files(home, "unknown") == [[str(home.inbox / "notes.txt")]]
    (account,) = pipeline.ingest(home, [*map(Path, dropped)], NOW)
    assert (account.format, account.refused, account.quarantined) == (layout, "", 0)
    inbox.file_away(home, account, NOW, dropped)
    assert _left(home) == ["notes.txt"]
    (receipt,) = (home.inbox / "done").iterdir()
    assert receipt.name == f"inbox {title} {len(files)}.zip.receipt.txt"
    assert account.sha256 in receipt.read_text(encoding="utf-8")
    assert archive.stored_path(home.archive, account.sha256).is_file()
    assert not list(home.home.glob(".sets-*"))


def test_a_set_that_is_not_whole_waits_and_says_for_what(home: Settings) -> None:
    _drop(home, {name: text for name, text in QUARTER.items() if name[:4] not in {"DRUG", "OUTC"}})
    year = _drop(home, VAERS)
    assert inbox.files(home, "foreign") == [year]
    assert inbox.files(home, "unknown") == []
    (waiting,) = status(home)["inbox"]
    assert waiting["set"] == "FAERS 17q2"
    assert waiting["en"].startswith(
        "FAERS 17q2 lacks the tables DRUG, OUTC; there are ADR17Q2DeletedCases.txt, DEMO17Q2.txt"
    )
    assert waiting["zh"].startswith("FAERS 17q2：还缺表 DRUG、OUTC；已有 ")
    assert (home.inbox / "waiting" / "FAERS 17q2.txt").is_file()
    # Another quarter is a set of its own.
    other = {name.replace("17Q2", "17Q3"): text for name, text in QUARTER.items()}
    third = _drop(home, other)
    assert inbox.files(home, "foreign") == [third, year]
    whole = _drop(home, QUARTER)
    assert inbox.files(home, "foreign") == [whole, third, year]
    assert inbox.waiting(home) == {}
    assert list((home.inbox / "waiting").iterdir()) == []


def test_what_is_no_sign_of_a_set_is_refused_as_before(home: Settings) -> None:
    """A file that is called a deleted-cases list, and an archive that lacks a table of its own set."""
    _drop(home, {"deleted rows.csv": "a,b\n1,2\n"})
    broken = packed(home.inbox / "faers.zip", {name: text for name, text in QUARTER.items() if name != "DRUG17Q2.txt"})
    assert inbox.files(home, "foreign") == []
    assert inbox.files(home, "unknown") == [[str(home.inbox / "deleted rows.csv")], [str(broken)]]
    (account,) = pipeline.ingest(home, [broken], NOW)
    assert account.refused == "table_missing"


def test_tables_packed_one_by_one_are_a_set_too(home: Settings) -> None:
    for name, text in MAUDE.items():
        packed(home.inbox / name.replace(".txt", ".zip"), {name: text})
    (dropped,) = inbox.files(home, "foreign")
    assert len(dropped) == len(MAUDE)
    (account,) = pipeline.ingest(home, [*map(Path, dropped)], NOW)
    inbox.file_away(home, account, NOW, dropped)
    assert (account.stored, _left(home)) == (1, [])


def test_a_table_that_is_another_one_by_now_keeps_its_set_in_the_inbox(home: Settings) -> None:
    dropped = _drop(home, VAERS)
    (account,) = pipeline.ingest(home, [*map(Path, dropped)], NOW)
    (home.inbox / "1990VAERSDATA.csv").write_bytes(table("VAERS_ID,RECVDATE,SEX", "1,07/03/1990,F").encode())
    inbox.file_away(home, account, NOW, dropped)
    assert len(_left(home)) == 3
    (home.inbox / "1990VAERSVAX.csv").unlink()
    inbox.file_away(home, account, NOW, dropped)
    assert len(_left(home)) == 2


def test_a_set_that_is_refused_leaves_the_inbox_table_by_table(home: Settings) -> None:
    dropped = _drop(
        home, VAERS | {"1990VAERSDATA.csv": table("VAERS_ID,RECVDATE,SEX", '1,"07/02/1990,F' + "x" * 2_000_000)}
    )
    (account,) = pipeline.ingest(home, [*map(Path, dropped)], NOW)
    assert account.refused
    inbox.file_away(home, account, NOW, dropped)
    assert _left(home) == []
    assert sorted(path.name for path in (home.inbox / "refused").iterdir()) == [
        f"{name}.reason.txt" for name in sorted(VAERS)
    ]
