"""openFDA events: drug records as cases of FAERS, device records as reports of MAUDE."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pv.sources import FileRefused, openfda
from tests.sources.small_sets import packed, records, together, unsound

DRUG: dict[str, Any] = {
    "safetyreportid": "10003300",
    "safetyreportversion": "3",
    "receivedate": "20140312",
    "receiptdate": "20150312",
    "serious": "1",
    "seriousnesshospitalization": "1",
    "occurcountry": "US",
    "companynumb": None,
    "patient": {
        "patientonsetage": "7",
        "patientonsetageunit": "800",
        "patientsex": "2",
        "drug": [
            {
                "drugcharacterization": "1",
                "medicinalproduct": "VASCEPA",
                "activesubstance": {"activesubstancename": "ICOSAPENT ETHYL\\NIACIN"},
                "drugauthorizationnumb": "202057",
                "drugbatchnumb": "L9",
                "drugstartdate": "20140101",
                "openfda": {"brand_name": ["VASCEPA"]},
            },
            {"drugcharacterization": "2", "medicinalproduct": "ASPIRIN"},
            {"drugcharacterization": "4", "medicinalproduct": "VACCINE"},
        ],
        "reaction": [
            {"reactionmeddrapt": "Hallucination, auditory", "reactionoutcome": "1"},
            {"reactionmeddrapt": "Rash", "reactionoutcome": "3"},
        ],
    },
}
DEVICE: dict[str, Any] = {
    "mdr_report_key": "538836",
    "report_number": "2248721-2004-00001",
    "date_received": "20040801",
    "event_type": "Injury",
    "product_problems": ["Break", "Leak"],
    "device": [
        {"brand_name": "", "generic_name": "CLOTTING TIME TEST", "manufacturer_d_name": "INT", "lot_number": "L1"},
        {"brand_name": "B"},
    ],
    "patient": [
        {
            "patient_age": "67 YR",
            "patient_sex": "Male",
            "sequence_number_outcome": ["1, Life Threatening", "1, Life Threatening, 2, Required Intervention"],
            "patient_problems": ["Pain", "Burn(s)"],
        },
        {"patient_age": "4 DA"},
    ],
}


def document(*found: dict[str, Any]) -> str:
    return json.dumps({"meta": {"disclaimer": "…"}, "results": list(found)})


def read(path: Path) -> pd.DataFrame:
    return together(openfda.read_batches(path))


def changed(record: dict[str, Any], **more: Any) -> dict[str, Any]:
    return record | more


def test_a_drug_event(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(document(DRUG))
    (batch,) = openfda.read_batches(tmp_path / "x.json")
    assert (batch.layout.name, batch.layout.stream) == ("openfda_drug", "faers")
    fields = batch.fields
    wanted = {
        "report_number": "10003300",
        "version": "3",
        "received_on": "20140312",
        "modified_on": "20150312",
        "severity": "严重",
        "outcome": "未好转",
        "age": "70",
        "age_unit": "岁",
        "sex": "女",
        "area": "US",
        "name": "VASCEPA",
        "substance": "ICOSAPENT ETHYL；NIACIN",
        "identifier": "202057",
        "lot": "L9",
        "used_from": "20140101",
        "reaction": "Hallucination, auditory；Rash",
    }
    assert fields.iloc[0][list(wanted)].to_dict() == wanted
    assert fields["role"].tolist() == ["怀疑", "并用", "并用"]
    assert fields["row"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({"serious": "2"}, "一般"),
        ({"serious": None}, ""),
        ({"serious": "2", "seriousnessother": "1"}, "严重"),
        ({"serious": "x"}, "x"),
    ],
)
def test_seriousness(tmp_path: Path, more: dict[str, Any], severity: str) -> None:
    (tmp_path / "x.json").write_text(document(changed(DRUG, seriousnesshospitalization=None, **more)))
    assert read(tmp_path / "x.json")["severity"].iloc[0] == severity


@pytest.mark.parametrize(
    ("codes", "more", "outcome"),
    [
        ("16", {}, "痊愈"),
        ("25", {}, "死亡"),
        ("", {"seriousnessdeath": "1"}, "死亡"),
        ("", {}, ""),
        ("17", {}, "1；7"),
        ("57", {}, "死亡"),
    ],
)
def test_the_worst_outcome_is_the_cases(tmp_path: Path, codes: str, more: dict[str, Any], outcome: str) -> None:
    reactions = [{"reactionmeddrapt": "x", "reactionoutcome": code} for code in codes]
    record = changed(DRUG, patient=DRUG["patient"] | {"reaction": reactions}, **more)
    (tmp_path / "x.json").write_text(document(record))
    assert read(tmp_path / "x.json")["outcome"].iloc[0] == outcome


def test_a_device_event(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(document(DEVICE))
    (batch,) = openfda.read_batches(tmp_path / "x.json")
    assert (batch.layout.name, batch.layout.stream) == ("openfda_device", "maude")
    wanted = {
        "unique_id": "538836",
        "report_number": "2248721-2004-00001",
        "received_on": "20040801",
        "event_type": "Injury",
        "name": "CLOTTING TIME TEST",
        "class": "CLOTTING TIME TEST",
        "maker": "INT",
        "lot": "L1",
        "failure": "Break；Leak",
        "harm_finding": "Pain；Burn(s)",
        "severity": "严重",
        "outcome": "",
        "age": "67",
        "age_unit": "岁",
        "sex": "男",
    }
    assert batch.fields.iloc[0][list(wanted)].to_dict() == wanted
    assert batch.fields["name"].tolist() == ["CLOTTING TIME TEST", "B"]


@pytest.mark.parametrize(
    ("event", "outcome", "wanted"),
    [
        ("Malfunction", [], ["一般", ""]),
        ("Malfunction", ["2. Hospitalization"], ["严重", ""]),
        ("Malfunction", ["1. R"], ["严重", ""]),  # as in records of 2008
        ("Other", ["1, D", "1, D, 2, O"], ["严重", "死亡"]),
        ("Malfunction", ["Other"], ["一般", ""]),
        ("Other", ["Death"], ["严重", "死亡"]),
        ("Death", None, ["严重", "死亡"]),
        ("No answer provided", ["Other"], ["一般", ""]),
    ],
)
def test_outcomes_of_devices(tmp_path: Path, event: str, outcome: list[str] | None, wanted: list[str]) -> None:
    record = changed(DEVICE, event_type=event, patient=[{"sequence_number_outcome": outcome}])
    (tmp_path / "x.json").write_text(document(record))
    assert read(tmp_path / "x.json").loc[0, ["severity", "outcome"]].tolist() == wanted


def test_packed_documents_and_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openfda, "BATCH", 2)
    many = [changed(DRUG, safetyreportid=str(number)) for number in range(5)]
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(document(*many).encode()))
    path = packed(tmp_path / "x.zip", {"a.json": document(*many[:3]), "b.json": document(*many[3:]), "readme.txt": "x"})
    for one in (tmp_path / "x.json.gz", path):
        assert openfda.recognises(one)
        fields = read(one)
        assert records(fields) == 5
        assert fields["report_number"].drop_duplicates().tolist() == ["0", "1", "2", "3", "4"]
    assert [len(batch.fields) for batch in openfda.read_batches(path)] == [6, 3, 6]


def test_records_of_odd_shapes_are_not_lost(tmp_path: Path) -> None:
    odd = [
        {"safetyreportid": "2"},
        {"safetyreportid": ["3"], "patient": [], "receivedate": {"a": "b"}},
        {"safetyreportid": "4", "patient": {"drug": {"a": 1}, "reaction": "x"}},
        {"safetyreportid": "5\ud800", "patient": {"drug": [1, None, {"medicinalproduct": "x\x00y"}]}},
        {},
    ]
    (tmp_path / "x.json").write_text(document(DRUG, *odd))
    (batch,) = openfda.read_batches(tmp_path / "x.json")
    assert batch.fields["report_number"].tolist() == ["10003300"] * 3 + ["2", "3", "4", "5?", ""]
    assert unsound(batch.fields)["row"].tolist() == [2, 3, 4, 5, 6]


def test_what_is_no_openfda_document(tmp_path: Path) -> None:
    for name, text in {
        "a.json": '{"results": [{"x": 1}]}',
        "b.json": '{"results": [',
        "c.csv": "a,b\n1,2\n",
        "d.json": "\0",
    }.items():
        (tmp_path / name).write_text(text)
        assert not openfda.recognises(tmp_path / name)
    assert not openfda.recognises(packed(tmp_path / "x.zip", {"a.txt": document(DRUG)}))
    assert not openfda.recognises(tmp_path)
    path = packed(tmp_path / "y.zip", {"a.json": document(DRUG), "b.json": '{"results": [{"x": 1}]}'})
    with pytest.raises(FileRefused) as refused:
        read(path)
    assert (refused.value.code, refused.value.values) == ("json_unknown", {"name": "b.json"})
    (tmp_path / "cut.json").write_text(document(DRUG, DRUG)[:-20])
    with pytest.raises(FileRefused) as refused:
        read(tmp_path / "cut.json")
    assert (refused.value.code, refused.value.values) == ("json_broken", {"record": 2})
