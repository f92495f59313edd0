"""Loose tables of a public database are loaded as the set that they are."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pv import inbox, pipeline
from pv.settings import Settings
from pv.sources import gathered
from tests.conftest import KEY, NOW
from tests.sources.small_sets import packed, table

FAERS = {
    "ascii/DEMO17Q2.txt": table("primaryid$caseid$caseversion$fda_dt$sex", "11$1$1$20170401$F", "21$2$1$20170402$M"),
    "ascii/DRUG17Q2.txt": table("primaryid$caseid$drug_seq$role_cod$drugname", "11$1$1$PS$ASPIRIN", "21$2$1$PS$WINE"),
    "ascii/REAC17Q2.txt": table("primaryid$caseid$pt", "11$1$Rash", "21$2$Nausea"),
    "deleted/ADR17Q2DeletedCases.txt": table("2", "9"),
}
VAERS = {
    "1990VAERSDATA.csv": table("VAERS_ID,RECVDATE,SEX", "1,07/02/1990,F"),
    "1990VAERSVAX.csv": table("VAERS_ID,VAX_TYPE,VAX_NAME", "1,MMR,MEASLES"),
    "1990VAERSSYMPTOMS.csv": table("VAERS_ID,SYMPTOM1", "1,Rash"),
}
MAUDE = {
    "mdrfoi.txt": table("MDR_REPORT_KEY|EVENT_KEY|DATE_RECEIVED|EVENT_TYPE|REPORT_NUMBER", "1|1|2020/01/02|M|R1"),
    "foidev.txt": table("MDR_REPORT_KEY|BRAND_NAME|GENERIC_NAME", "1|PUMP|INFUSION PUMP"),
    "patient.txt": table("MDR_REPORT_KEY|PATIENT_SEQUENCE_NUMBER|SEQUENCE_NUMBER_OUTCOME", "1|1|"),
}


def _unpacked(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    return Settings(home, f"sqlite:///{home / 's.sqlite'}", home / "out", home / "in", home / "ref", KEY)


@pytest.mark.parametrize(
    ("files", "layout", "read", "stored"),
    [(FAERS, "faers", 3, 2), (VAERS, "vaers", 1, 1), (MAUDE, "maude", 1, 1)],
    ids=["faers", "vaers", "maude"],
)
def test_a_folder_is_loaded_as_its_archive_is(
    tmp_path: Path, home: Settings, files: dict[str, str], layout: str, read: int, stored: int
) -> None:
    """With a file beside them that has nothing to do with them; twice, which changes nothing."""
    folder = _unpacked(tmp_path / "set", files)
    (folder / "readme.txt").write_text("Read me.\n", "utf-8")
    archive = packed(tmp_path / "set.zip", files)
    accounts = pipeline.ingest(home, inbox.files_of([folder]), NOW)
    (one,) = [account for account in accounts if not account.refused]
    assert [account.file for account in accounts if account.refused] == [str(folder / "readme.txt")]
    assert (one.file, one.format, one.read, one.stored) == (str(folder), layout, read, stored)
    (again,) = [account for account in pipeline.ingest(home, inbox.files_of([folder]), NOW) if not account.refused]
    assert (again.sha256, again.stored) == (one.sha256, 0)
    (same,) = pipeline.ingest(home, [archive], NOW)
    assert (same.read, same.stored) == (read, 0)
    assert not list(home.home.glob(".sets-*"))


def test_tables_that_are_packed_one_by_one_are_one_set(tmp_path: Path, home: Settings) -> None:
    for name, text in MAUDE.items():
        packed(tmp_path / name.replace(".txt", ".zip"), {name: text})
    (account,) = pipeline.ingest(home, sorted(tmp_path.glob("*.zip")), NOW)
    assert (account.format, account.stored, account.refused) == ("maude", 1, "")


def test_what_is_no_set_is_left_alone(tmp_path: Path) -> None:
    """One table, tables without the main one, and archives that are whole."""
    lone = [_unpacked(tmp_path / "a", {"DEMO17Q2.txt": FAERS["ascii/DEMO17Q2.txt"]}) / "DEMO17Q2.txt"]
    lone += sorted(_unpacked(tmp_path / "b", {name: VAERS[name] for name in list(VAERS)[1:]}).iterdir())
    lone += [packed(tmp_path / f"{number}.zip", VAERS) for number in (1, 2)]
    with gathered(lone, tmp_path) as files:
        assert [file.path for file in files] == lone


def test_sets_of_different_folders_stay_apart(tmp_path: Path) -> None:
    paths = [path for name in ("a", "b") for path in sorted(_unpacked(tmp_path / name, VAERS).iterdir())]
    with gathered(paths, tmp_path) as files:
        assert [file.name for file in files] == [str(tmp_path / "a"), str(tmp_path / "b")]
        with zipfile.ZipFile(files[0].path) as archive:
            assert archive.namelist() == sorted(VAERS)
