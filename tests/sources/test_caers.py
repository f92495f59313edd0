"""CAERS in its three headings: roles, units, outcomes in our wording; terms with commas are not joined by guess."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pv.sources import FileRefused, caers
from tests.sources.small_sets import packed, records, together, unsound

OLD = (
    "RA_Report #,RA_CAERS Created Date,AEC_Event Start Date,PRI_Product Role,PRI_Reported Brand/Product Name,"
    "PRI_FDA Industry Code,PRI_FDA Industry Name,CI_Age at Adverse Event,CI_Age Unit,CI_Gender,AEC_One Row Outcomes,"
    "SYM_One Row Coded Symptoms"
)
MIDDLE = (
    "Report ID,CAERS Created Date,Date of Event,Product Type,Product,Product Code,Description,Patient Age,Age Units,"
    "Sex,MedDRA Preferred Terms,Outcomes"
)
NEW = (
    "Date FDA First Received Report,Report ID,Date Event Occurred,Product Type,Product,Product Code,Description,"
    "Patient Age,Age Units,Sex,Case MedDRA Preferred Terms,Case Outcome"
)


def write(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_text("".join(line + "\r\n" for line in lines), encoding=encoding, newline="")
    return path


def read(path: Path) -> pd.DataFrame:
    return together(caers.read_batches(path))


@pytest.mark.parametrize(
    ("heading", "line"),
    [
        (
            OLD,
            '65325,1/1/2004,8/4/2003,Suspect,"A, B",3,Bread,2,Year(s),Female,"NONE, HOSPITALIZATION","RASH, COUGH"',
        ),
        (
            MIDDLE,
            '65325,1/1/2004,8/4/2003,SUSPECT,"A, B",3,Bread,2,year(s),F,"RASH, COUGH","Other Outcome, Hospitalization"',
        ),
        (
            NEW,
            '1/1/2004,65325,8/4/2003,SUSPECT,"A, B",3,Bread,2,year(s),Female,"RASH, COUGH","Hospitalization, None"',
        ),
        (
            MIDDLE.upper(),
            '65325,1/1/2004,8/4/2003,SUSPECT,"A, B",3,Bread,2,year(s),F,"RASH, COUGH","Hospitalization"',
        ),
    ],
)
def test_each_heading_gives_the_same_report(tmp_path: Path, heading: str, line: str) -> None:
    path = write(tmp_path / "x.csv", heading, line)
    assert caers.recognises(path)
    wanted = {
        "report_number": "65325",
        "received_on": "2004-01-01",
        "onset_on": "2003-08-04",
        "role": "怀疑",
        "name": "A, B",
        "product_code": "3",
        "class": "Bread",
        "age": "2",
        "age_unit": "岁",
        "sex": "女",
        "severity": "严重",
        "outcome": "",
        "reaction": "RASH；COUGH",
    }
    assert read(path).iloc[0][list(wanted)].to_dict() == wanted


def test_a_term_that_holds_a_comma_counts_as_its_parts(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", MIDDLE, '1,1/1/2014,,SUSPECT,X,54,V,,,,"HALLUCINATION, AUDITORY, RASH",Death')
    assert read(path)["reaction"].tolist() == ["HALLUCINATION；AUDITORY；RASH"]


@pytest.mark.parametrize(
    ("outcomes", "severity", "outcome"),
    [
        ("Death", "严重", "死亡"),
        ("OTHER SERIOUS (IMPORTANT MEDICAL EVENTS)", "严重", ""),
        ("REQ. INTERVENTION TO PRVNT PERM. IMPRMNT., DEATH", "严重", "死亡"),
        ("NON-SERIOUS INJURIES/ ILLNESS", "一般", ""),
        ("Visited a Health Care Provider", "一般", ""),
        ("NONE", "一般", ""),
        ("", "", ""),
        ("Something New", "something new", ""),
        ("Something New, Other Outcome", "something new, other outcome", ""),
        ("Something New, Disability", "严重", ""),
    ],
)
def test_outcomes(tmp_path: Path, outcomes: str, severity: str, outcome: str) -> None:
    path = write(tmp_path / "x.csv", MIDDLE, f'1,1/1/2014,,SUSPECT,X,54,V,,,,RASH,"{outcomes}"')
    assert read(path).loc[0, ["severity", "outcome"]].tolist() == [severity, outcome]


@pytest.mark.parametrize(
    ("age", "unit", "wanted"),
    [
        ("5", "Month(s)", ["5", "月"]),
        ("6", "decade(s)", ["60", "岁"]),
        ("", "Not Available", ["", ""]),
        ("5", "Not Available", ["5", "?"]),
        ("3", "fortnight(s)", ["3", "fortnight"]),
    ],
)
def test_ages(tmp_path: Path, age: str, unit: str, wanted: list[str]) -> None:
    path = write(tmp_path / "x.csv", MIDDLE, f"1,1/1/2014,,SUSPECT,X,54,V,{age},{unit},,RASH,")
    assert read(path).loc[0, ["age", "age_unit"]].tolist() == wanted


def test_rows_of_a_report_come_in_one_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caers, "BATCH", 2)
    numbers = ["7", "8", "7", "9", "5", "8", "7"]
    path = write(tmp_path / "x.csv", MIDDLE, *(f"{number},1/1/2014,,SUSPECT,X,54,V,,,,RASH," for number in numbers))
    batches = [batch.fields for batch in caers.read_batches(path)]
    assert [fields["report_number"].tolist() for fields in batches] == [["7", "7", "7", "8", "8"], ["9", "5"]]
    assert [fields["row"].tolist() for fields in batches] == [[2, 4, 8, 3, 7], [5, 6]]


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.csv",
        MIDDLE,
        "1,1/1/2014,,SUSPECT,CAFÉ “X”,54,V,,,,RASH,Death",
        "2,13/45/2014,,SUSPECT,X,54,V,,,,RASH,Death",
        "3,1/1/2014,,SUSPECT,X,54,V,,,,RASH",
        "",
        "4,1/1/2014,,PERHAPS,X,54,V,,,,RASH,",
        encoding="cp1252",
    )
    (batch,) = caers.read_batches(path)
    assert records(batch.fields) == 4
    assert batch.fields["name"].iloc[0] == "CAFÉ “X”"
    assert unsound(batch.fields)[["report_number", "received_on", "role", "ragged"]].to_numpy().tolist() == [
        ["2", "2014-13-45", "怀疑", False],
        ["3", "2014-01-01", "怀疑", True],
        ["4", "2014-01-01", "PERHAPS", False],
    ]


def test_files_that_are_not_caers(tmp_path: Path, shared: Path) -> None:
    assert not caers.recognises(write(tmp_path / "a.csv", "Report ID,Name,Sex", "1,x,F"))
    assert not caers.recognises(write(tmp_path / "b.csv", "", ""))
    assert not caers.recognises(tmp_path)
    assert caers.recognises(packed(tmp_path / "x.zip", {"caers.csv": MIDDLE + "\r\n"}))
    assert list(caers.read_batches(packed(tmp_path / "x.zip", {"caers.csv": MIDDLE + "\r\n"}))) == []
    with pytest.raises(FileRefused) as refused:
        read(
            write(
                tmp_path / "c.csv", MIDDLE.replace("MedDRA Preferred Terms", "x"), "1,1/1/2014,,SUSPECT,X,54,V,,,,RASH,"
            )
        )
    assert (refused.value.code, refused.value.values["column"]) == ("column_missing", "SYM_One Row Coded Symptoms")
    # The published extracts of the R package have lost date and role: they are long tables, not CAERS files.
    assert not any(caers.recognises(path) for path in (shared / "data" / "caers").iterdir())
