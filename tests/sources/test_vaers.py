"""VAERS years: vaccines as products, symptoms over several rows, seriousness by 21 CFR 600.80."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from pv.sources import FileRefused, vaers
from tests.sources.small_sets import packed, records, together, unsound

DATA = (
    "VAERS_ID RECVDATE STATE AGE_YRS CAGE_YR CAGE_MO SEX RPT_DATE SYMPTOM_TEXT DIED DATEDIED L_THREAT ER_VISIT "
    "HOSPITAL X_STAY DISABLE RECOVD VAX_DATE ONSET_DATE BIRTH_DEFECT"
).split()
VAX = "VAERS_ID VAX_TYPE VAX_MANU VAX_LOT VAX_DOSE VAX_ROUTE VAX_SITE VAX_NAME".split()
SYMPTOMS = ["VAERS_ID", *(f"SYMPTOM{part}{number}" for number in range(1, 6) for part in ("", "VERSION"))]


def lines(columns: Sequence[str], *rows: dict[str, str]) -> bytes:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode("cp1252")


def report(number: str, **more: str) -> dict[str, str]:
    return {"VAERS_ID": number, "RECVDATE": "07/02/1990"} | more


def year(*reports: dict[str, str], label: str = "1990") -> dict[str, bytes]:
    numbers = [one["VAERS_ID"] for one in reports]
    return {
        f"{label}VAERSDATA.csv": lines(DATA, *reports),
        f"{label}VAERSVAX.csv": lines(
            VAX, *({"VAERS_ID": one, "VAX_TYPE": "DTP", "VAX_NAME": "DTP (X)"} for one in numbers)
        ),
        f"{label}VAERSSYMPTOMS.csv": lines(SYMPTOMS, *({"VAERS_ID": one, "SYMPTOM1": "Rash"} for one in numbers)),
    }


def read(path: Path) -> pd.DataFrame:
    return together(vaers.read_batches(path))


def test_a_report_with_two_vaccines_and_seven_symptoms(tmp_path: Path) -> None:
    files = {
        "1990VAERSDATA.csv": lines(
            DATA,
            report(
                "025001",
                STATE="WI",
                AGE_YRS="0.2",
                SEX="F",
                SYMPTOM_TEXT='said “no”,\r\nthen "slept"',
                RECOVD="N",
                VAX_DATE="06/04/1990",
                ONSET_DATE="06/05/1990",
                RPT_DATE="6/9/1990",
            ),
        ),
        "1990VAERSVAX.csv": lines(
            VAX,
            dict(zip(VAX, "025001 DTP CONNAUGHT 9Q01042 3 IM".split(), strict=False))
            | {"VAX_NAME": "DTP (NO BRAND NAME)"},
            {"VAERS_ID": "025001", "VAX_TYPE": "OPV", "VAX_NAME": "POLIO VIRUS, ORAL (ORIMUNE)"},
        ),
        "1990VAERSSYMPTOMS.csv": lines(
            SYMPTOMS,
            {"VAERS_ID": "025001"} | {f"SYMPTOM{n}": f"S{n}" for n in range(1, 6)},
            {"VAERS_ID": "025001", "SYMPTOM1": "Hallucination, visual", "SYMPTOM2": "S7"},
        ),
    }
    fields = read(packed(tmp_path / "x.zip", files))
    assert fields["name"].tolist() == ["DTP (NO BRAND NAME)", "POLIO VIRUS, ORAL (ORIMUNE)"]
    assert fields["class"].tolist() == ["DTP", "OPV"]
    assert fields["row"].tolist() == [2, 2]
    wanted = {
        "report_number": "025001",
        "received_on": "1990-07-02",
        "reported_on": "1990-06-09",
        "onset_on": "1990-06-05",
        "used_from": "1990-06-04",
        "age": "0.2",
        "age_unit": "岁",
        "sex": "女",
        "area": "WI",
        "severity": "一般",
        "outcome": "未好转",
        "maker": "CONNAUGHT",
        "lot": "9Q01042",
        "dose": "3",
        "route": "IM",
    }
    assert fields.iloc[0][list(wanted)].to_dict() == wanted
    assert set(fields["reaction"].iloc[0].split("；")) == {"S1", "S2", "S3", "S4", "S5", "Hallucination, visual", "S7"}


@pytest.mark.parametrize(
    ("marks", "severity", "outcome"),
    [
        ({}, "一般", ""),
        ({"RECOVD": "Y"}, "一般", "痊愈"),
        ({"RECOVD": "U"}, "一般", "不详"),
        ({"ER_VISIT": "Y"}, "一般", ""),
        ({"DIED": "Y", "RECOVD": "N"}, "严重", "死亡"),
        ({"L_THREAT": "Y"}, "严重", ""),
        ({"HOSPITAL": "Y"}, "严重", ""),
        ({"X_STAY": "Y"}, "严重", ""),
        ({"DISABLE": "Y"}, "严重", ""),
        ({"BIRTH_DEFECT": "Y"}, "严重", ""),
    ],
)
def test_seriousness(tmp_path: Path, marks: dict[str, str], severity: str, outcome: str) -> None:
    row = read(packed(tmp_path / "x.zip", year(report("1", **marks)))).iloc[0]
    assert row[["severity", "outcome"]].tolist() == [severity, outcome]


@pytest.mark.parametrize(
    ("marks", "age"),
    [
        ({"AGE_YRS": "33.0"}, "33.0"),
        ({"CAGE_YR": "1", "CAGE_MO": ".5"}, "1.5"),
        ({"CAGE_YR": "70"}, "70"),
        ({"CAGE_MO": ".1"}, "0.1"),
        ({}, ""),
    ],
)
def test_ages(tmp_path: Path, marks: dict[str, str], age: str) -> None:
    row = read(packed(tmp_path / "x.zip", year(report("1", **marks)))).iloc[0]
    assert row[["age", "age_unit"]].tolist() == [age, "岁" if age else ""]


def test_several_years_and_a_folder(tmp_path: Path) -> None:
    both = year(report("2"), label="1991") | year(report("1")) | year(report("3"), label="NonDomestic")
    fields = read(packed(tmp_path / "x.zip", both))
    assert fields[["report_number", "sheet"]].to_numpy().tolist() == [
        ["1", "1990VAERSDATA.csv"],
        ["2", "1991VAERSDATA.csv"],
        ["3", "NonDomesticVAERSDATA.csv"],
    ]
    (tmp_path / "set").mkdir()
    for name, data in year(report("1")).items():
        (tmp_path / "set" / name).write_bytes(data)
    assert vaers.recognises(tmp_path / "set")
    assert read(tmp_path / "set")["report_number"].tolist() == ["1"]


def test_what_is_broken_is_told(tmp_path: Path) -> None:
    files = year(report("1"), report("2", RECVDATE="02/30/1990"), report("3"))
    files["1990VAERSVAX.csv"] += b"9,DTP,,,,,,X\r\n3,DTP,X\r\n"
    bad = unsound(read(packed(tmp_path / "x.zip", files)))
    assert bad[["report_number", "sheet", "row", "received_on", "ragged", "standing"]].to_numpy().tolist() == [
        ["2", "1990VAERSDATA.csv", 3, "1990-02-30", False, ""],
        ["3", "1990VAERSDATA.csv", 4, "1990-07-02", True, ""],
        ["3", "1990VAERSDATA.csv", 4, "1990-07-02", True, ""],
        ["9", "1990VAERSVAX.csv", 5, "", False, "stray"],
        ["3", "1990VAERSVAX.csv", 6, "", True, "stray"],
    ]
    with pytest.raises(FileRefused) as refused:
        read(packed(tmp_path / "x.zip", {name: data for name, data in files.items() if "VAX" not in name}))
    assert (refused.value.code, refused.value.values) == ("table_missing", {"table": "VAERSVAX"})
    assert not vaers.recognises(packed(tmp_path / "x.zip", {"a.csv": "VAERS_ID,AGE\n1,2\n"}))
    (tmp_path / "1990VAERSDATA.csv").write_bytes(files["1990VAERSDATA.csv"])
    assert not vaers.recognises(tmp_path / "1990VAERSDATA.csv")


@pytest.mark.parametrize("label", ["1990", "1991", "1992"])
def test_the_real_years(shared: Path, label: str) -> None:
    path = shared / "data" / "vaers" / f"{label}VAERSData.zip"
    tables = {}
    with zipfile.ZipFile(path) as archive:
        for name in ("DATA", "VAX", "SYMPTOMS"):
            text = archive.read(f"{label}VAERS{name}.csv").decode("cp1252")
            tables[name] = list(csv.DictReader(io.StringIO(text, newline="")))
    fields = read(path)
    assert records(fields) == len(tables["DATA"])
    assert len(fields) == len(tables["VAX"])
    assert fields["report_number"].drop_duplicates().tolist() == [row["VAERS_ID"] for row in tables["DATA"]]
    assert unsound(fields).empty
    assert sorted(zip(fields["report_number"], fields["lot"], fields["name"], strict=True)) == sorted(
        (row["VAERS_ID"], row["VAX_LOT"], row["VAX_NAME"]) for row in tables["VAX"]
    )
    terms = defaultdict(set)
    for row in tables["SYMPTOMS"]:
        terms[row["VAERS_ID"]] |= {row[f"SYMPTOM{n}"] for n in range(1, 6) if row[f"SYMPTOM{n}"]}
    found = zip(fields["report_number"], fields["reaction"], strict=True)
    assert {number: set(text.split("；")) for number, text in found} == terms
    died = {row["VAERS_ID"] for row in tables["DATA"] if row["DIED"] == "Y"}
    assert set(fields.loc[fields["outcome"] == "死亡", "report_number"]) == died
