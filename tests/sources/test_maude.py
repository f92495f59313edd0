"""MAUDE tables: one row per report × device, codes as terms, broken texts put together, the rest told."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pv.sources import FileRefused, maude
from tests.sources.small_sets import packed, records, table, together, unsound

MDRFOI = (
    "MDR_REPORT_KEY|EVENT_KEY|REPORT_NUMBER|DATE_RECEIVED|DATE_REPORT|DATE_OF_EVENT|EVENT_TYPE|REPORTER_COUNTRY_CODE|"
    "DATE_CHANGED"
)
DEVICE = (
    "MDR_REPORT_KEY|DEVICE_EVENT_KEY|BRAND_NAME|GENERIC_NAME|MANUFACTURER_D_NAME|MODEL_NUMBER|LOT_NUMBER|"
    "DEVICE_REPORT_PRODUCT_CODE|UDI-PUBLIC"
)
SET = {
    "mdrfoi.txt": table(
        MDRFOI,
        "1001|1|M-1|01/15/2020|01/20/2020|01/10/2020|D|US|2020/02/01 10:11:12",
        "1002|2|M-2|02/01/2020|||IN|CA|",
        "1003|3|M-3|03/01/2020|||M|US|",
    ),
    "foidev2020.txt": table(
        DEVICE,
        "1001|9|SCREW X|PEDICLE SCREW|ACME|PS-1|L1|KWP|(01)00643169001763",
        "1001|10|PLATE|PLATE|ACME|||KWP|",
        " 1002.0|11||HEART VALVE|MED\xc9|HV|*|LWS|",
    ).encode("latin-1"),
    "foidev2019.txt": table("MDR_REPORT_KEY|BRAND_NAME|GENERIC_NAME", '1003|"TC 410, 20 GAUGE|PROBE'),
    "patient.txt": table("1001|1|20200115||D;R", "1003|1|x||1,O;2,I"),
    "patientthru2019.txt": table(
        "MDR_REPORT_KEY|PATIENT_SEQUENCE_NUMBER|SEQUENCE_NUMBER_OUTCOME|PATIENT_AGE|PATIENT_SEX",
        "1002|1|H|14 WK|Male",
        "1002|2||70 YR|Female",
    ),
    "foidevproblem.txt": table("1001|1546", "1001|2682", "1003|77"),
    "patientproblemcode.txt": table(
        "MDR_REPORT_KEY|PATIENT_SEQUENCE_NO|PROBLEM_CODE|DATE_ADDED", "1002|1|2840|2016/02/05"
    ),
    "deviceproblemcodes.txt": "1546|Break\n2682|Material Fracture\n",
    "patientproblemdata.csv": 'FDA_CODE,TERM\r\n2840,"Pain, chest"\r\n',
    "foitext.txt": "MDR_REPORT_KEY|MDR_TEXT_KEY|FOI_TEXT\r\n1001|1|a | b\r\nc\r\n",
}


def read(path: Path) -> pd.DataFrame:
    return together(maude.read_batches(path))


def test_a_whole_set(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", SET)
    assert maude.recognises(path)
    fields = read(path)
    assert records(fields) == 3
    assert fields[["unique_id", "name", "class"]].to_numpy().tolist() == [
        ["1001", "SCREW X", "PEDICLE SCREW"],
        ["1001", "PLATE", "PLATE"],
        ["1002", "HEART VALVE", "HEART VALVE"],  # no brand: known by its kind
        ["1003", '"TC 410, 20 GAUGE', "PROBE"],
    ]
    first = fields.iloc[0]
    wanted = {
        "report_number": "M-1",
        "received_on": "2020-01-15",
        "modified_on": "2020/02/01 10:11:12",
        "reported_on": "2020-01-20",
        "onset_on": "2020-01-10",
        "event_type": "Death",
        "severity": "严重",
        "outcome": "死亡",
        "maker": "ACME",
        "model": "PS-1",
        "lot": "L1",
        "product_code": "KWP",
        "udi": "(01)00643169001763",
        "failure": "Break；Material Fracture",
        "harm_finding": "",
        "area": "US",
    }
    assert first[list(wanted)].to_dict() == wanted
    columns = ["event_type", "severity", "outcome", "age", "age_unit", "sex", "failure", "harm_finding", "maker"]
    assert fields.loc[2, columns].tolist() == ["Injury", "严重", "", "14", "周", "男", "", "Pain, chest", "MEDÉ"]
    assert fields.loc[3, columns].tolist() == ["Malfunction", "一般", "", "", "", "", "77", "", ""]


def test_a_folder_reads_as_the_archive(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for name, content in SET.items():
        (tmp_path / "set" / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert maude.recognises(tmp_path / "set")
    assert read(tmp_path / "set").equals(read(packed(tmp_path / "x.zip", SET)))


def test_stray_separators_and_line_breaks(tmp_path: Path) -> None:
    files = {
        "mdrfoi.txt": table(
            MDRFOI, *(f"100{n}|{n}|M-{n}|01/15/2020|||M|US|" for n in range(1, 6)), "1006|6|M|6|01/15/2020|||M|US|"
        ),
        "foidev.txt": table(
            DEVICE,
            "1001|1|LONG\r\nNAME|KIND|X||||",
            "1002|2|A|PIPE|KIND|X||||",
            "1003|3|A|KIND|X",
            "1004|4|A|KIND|X||||",
            "9999|5|LOST|KIND|X||||",
            "1006|6|A|KIND|X||||",
        ),
    }
    fields = read(packed(tmp_path / "x.zip", files))
    assert fields.loc[fields["unique_id"] == "1001", "name"].tolist() == ["LONG  NAME"]
    assert unsound(fields)[["unique_id", "row", "ragged", "name"]].to_numpy().tolist()[:4] == [
        ["1002", 3, True, "A"],
        ["1003", 4, True, "A"],
        ["1005", 6, False, ""],  # no device
        ["1006", 7, True, "A"],
    ]
    strays = fields[fields["standing"] == "stray"]
    assert strays[["sheet", "row", "report_number"]].to_numpy().tolist() == [
        ["foidev.txt", 3, "1002"],
        ["foidev.txt", 4, "1003"],
        ["foidev.txt", 6, "9999"],
    ]


@pytest.mark.parametrize(("written", "event"), [("*", ""), ("O", "Other"), ("IJ", "Injury"), ("Q", "Q")])
def test_event_types(tmp_path: Path, written: str, event: str) -> None:
    files = SET | {"mdrfoi.txt": table(MDRFOI, f"1001|1|M-1|01/15/2020|||{written}|US|")}
    files = {name: files[name] for name in ("mdrfoi.txt", "foidev2020.txt")}
    assert read(packed(tmp_path / "x.zip", files))["event_type"].iloc[0] == event


def test_sets_that_lack_a_table(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as refused:
        read(packed(tmp_path / "x.zip", {"mdrfoi.txt": SET["mdrfoi.txt"]}))
    assert (refused.value.code, refused.value.values) == ("table_missing", {"table": "foidev"})
    assert not maude.recognises(packed(tmp_path / "x.zip", {"foidev.txt": SET["foidev2020.txt"]}))
    assert not maude.recognises(packed(tmp_path / "x.zip", {"patient.txt": "a|b\n", "x.txt": "", "y.csv": "a"}))
