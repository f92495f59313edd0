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


# The headings of the FDA's files up to 2015 as they stand in the test data of its openFDA (github.com/FDA/openfda,
# openfda/maude/tests/data), and those of 2016 on in its pipeline (there, openfda/maude/pipeline.py): what is not read
# is left out of the middle of the addresses. The rows are made up.
MDRFOI_2009 = (
    "mdr_report_key|event_key|report_number|report_source_code|manufacturer_link_flag|number_devices_in_event|"
    "number_patients_in_event|date_received|adverse_event_flag|product_problem_flag|date_report|date_of_event|"
    "reprocessed_and_reused_flag|reporter_occupation_code|health_professional|initial_report_to_fda|"
    "distributor_name|date_facility_aware|type_of_report|report_date|manufacturer_name|manufacturer_g1_name|"
    "source_type|date_manufacturer_received|single_use_flag|remedial_action|event_type"
)
FOIDEV_2009 = (
    "mdr_report_key|device_event_key|implant_flag|date_removed_flag|device_sequence_number|date_received|brand_name|"
    "generic_name|manufacturer_d_name|expiration_date_of_device|model_number|catalog_number|lot_number|"
    "other_id_number|device_operator|device_availability|date_returned_to_manufacturer|device_report_product_code|"
    "device_age_text|device_evaluated_by_manufacturer|baseline_brand_name|baseline_generic_name|baseline_510_k_flag"
)
OUTCOMES_2009 = "mdr_report_key|patient_sequence_number|date_received|sequence_number_treatment|sequence_number_outcome"
MDRFOI_2016 = (
    "mdr_report_key|event_key|report_number|report_source_code|manufacturer_link_flag|date_received|date_report|"
    "date_of_event|date_facility_aware|report_date|manufacturer_g1_name|device_date_of_manufacturer|event_type|"
    "distributor_name|manufacturer_name|type_of_report|source_type|date_added|date_changed|reporter_country_code|"
    "pma_pmn_number|exemption_number|summary_report_flag"
)
DEVICE_2016 = (
    "mdr_report_key|device_event_key|implant_flag|date_removed_flag|device_sequence_number|date_received|brand_name|"
    "generic_name|manufacturer_d_name|device_operator|expiration_date_of_device|model_number|catalog_number|"
    "lot_number|other_id_number|device_availability|date_returned_to_manufacturer|device_report_product_code|"
    "device_age_text|device_evaluated_by_manufacturer|combination_product_flag|udi-di|udi-public"
)


def _line(heading: str, **cells: str) -> str:
    return "|".join(cells.get(name.replace("-", "_"), "") for name in heading.lower().split("|"))


@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_the_headings_of_the_fda(tmp_path: Path, bom: str) -> None:
    key = {"mdr_report_key": "538836"}
    later = {"mdr_report_key": "5000000"}
    files = {
        "mdrfoithru2015.txt": table(
            bom + MDRFOI_2009,
            _line(MDRFOI_2009, **key, report_number="R-1", date_received="08/01/2004", event_type="IN"),
        ),
        "mdrfoi2016.txt": table(
            MDRFOI_2016.upper(),
            _line(
                MDRFOI_2016,
                **later,
                report_number="R-2",
                date_received="02/05/2016",
                date_of_event="01/31/2016",
                event_type="M",
                date_changed="2016/02/06 13:15:36.000",
                reporter_country_code="US",
            ),
        ),
        "foidevthru1997.txt": table(
            FOIDEV_2009, _line(FOIDEV_2009, **key, brand_name="HEMO", generic_name="CLOTTING TIME TEST", lot_number="L")
        ),
        "device2016.txt": table(
            DEVICE_2016.upper(),
            _line(DEVICE_2016, **later, brand_name="VALVE", generic_name="HEART VALVE", udi_public="(01)0061447"),
        ),
        "patientthru2015.txt": table(OUTCOMES_2009, _line(OUTCOMES_2009, **key, sequence_number_outcome="1,L;2,R;")),
        # as it comes: without heading, a separator at the end
        "foidevproblem.txt": "5000000|1546|\r\n",
        "patientproblemcode.txt": table(
            "MDR_REPORT_KEY|PATIENT_SEQUENCE_NO|PROBLEM_CODE|DATE_ADDED|DATE_CHANGED",
            "5000000|1|2840|2017/01/12 15:57:46|2017/01/12 15:57:46",
        ),
        "deviceproblemcodes.csv": "1546,Break\r\n",
        "patientproblemcodes.csv": '2840,"Pain, chest"\r\n',
    }
    fields = read(packed(tmp_path / "x.zip", files)).sort_values("unique_id", key=lambda keys: keys.astype("int"))
    assert fields["standing"].eq("").all()
    assert fields[["unique_id", "report_number", "received_on", "severity", "name"]].to_numpy().tolist() == [
        ["538836", "R-1", "2004-08-01", "严重", "HEMO"],
        ["5000000", "R-2", "2016-02-05", "一般", "VALVE"],
    ]
    wanted = ["event_type", "class", "lot", "udi", "failure", "harm_finding", "modified_on", "onset_on", "area"]
    changed = "2016/02/06 13:15:36.000"
    assert fields[wanted].to_numpy().tolist() == [
        ["Injury", "CLOTTING TIME TEST", "L", "", "", "", "", "", ""],
        ["Malfunction", "HEART VALVE", "", "(01)0061447", "Break", "Pain, chest", changed, "2016-01-31", "US"],
    ]


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
