"""Rows of public databases that were kept, read again without their set: what they say by themselves is the same."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy import Engine, select

from pv import intake, quarantine, store
from pv.schema import case_event, case_product, case_version
from pv.sources import FileRefused, public
from pv.sources.again import KeptRows, is_table, layout_of, read_again
from pv.sources.extract import MARKS, Extract
from tests.conftest import KEY, NOW
from tests.sources.small_sets import packed, table
from tests.sources.test_public import SETS

STRAY = {
    "faers": {"ASCII/DRUG23Q1.txt": "9999$999$1$PS$LOST$LOST$$$$\r\n", "deleted/DELETE23Q1.txt": "200\r\n"},
    "vaers": {},
    "maude": {"foidev2019.txt": "77|LOST|LOST\r\n"},
    "openfda": {},
    "caers": {},
}


def _kept(extract: Extract) -> KeptRows:
    """As the quarantine keeps them: as JSON."""
    raw = json.loads(json.dumps(extract.raw.to_dict(orient="split", index=False), ensure_ascii=False))
    marks = {mark: extract.fields[mark].tolist() for mark in MARKS if mark in extract.fields}
    rows, sheets = extract.fields["row"].tolist(), extract.fields["sheet"].tolist()
    return KeptRows(raw["columns"], raw["data"], sheets, rows, marks)


@pytest.mark.parametrize("name", SETS)
def test_rows_say_the_same_without_their_set(tmp_path: Path, name: str) -> None:
    files = dict(SETS[name])
    for member, more in STRAY[name].items():
        before = files.get(member, "")
        assert isinstance(before, str)
        files[member] = before + more
    path = packed(tmp_path / "x.zip", files)
    module = public.reader(path)
    assert module is not None
    batches = [batch for batch in module.read_batches(path) if "retraction" not in set(batch.fields["standing"])]
    assert batches
    for batch in batches:
        layout = layout_of(batch.layout.name)
        assert layout == batch.layout
        assert not is_table(layout)
        again = read_again(layout, [_kept(batch)])
        assert_frame_equal(again.fields[list(batch.fields)], batch.fields, check_dtype=False)
        assert_frame_equal(again.raw, batch.raw.reset_index(drop=True), check_dtype=False)
    if name == "faers":
        assert "删除" in set(batches[0].fields["deleted"])


@pytest.mark.parametrize(("name", "column"), [("faers", "DELETED.caseid"), ("maude", "TERMS.failure")])
def test_rows_that_were_kept_with_less_cannot_be_read_again(tmp_path: Path, name: str, column: str) -> None:
    path = packed(tmp_path / "x.zip", SETS[name])
    module = public.reader(path)
    assert module is not None
    batch = next(module.read_batches(path))
    fewer = Extract(batch.layout, batch.fields, batch.raw.drop(columns=column))
    with pytest.raises(FileRefused, match="column_missing"):
        read_again(batch.layout, [_kept(fewer)])


LATE = {
    "vaers": {
        "2026VAERSDATA.csv": table("VAERS_ID,RECVDATE,SEX", "1,11/23/2026,F", "2,11/24/2026,M"),
        "2026VAERSVAX.csv": table("VAERS_ID,VAX_TYPE,VAX_NAME", "1,MMR,MEASLES", "1,FLU,FLUZONE", "2,MMR,MEASLES"),
        "2026VAERSSYMPTOMS.csv": table("VAERS_ID,SYMPTOM1,SYMPTOM2", "1,Rash,Cough", "2,Rash,"),
    },
    "faers": {
        "DEMO26Q4.txt": table("primaryid$caseid$caseversion$fda_dt$sex", "11$1$1$20261123$F", "21$2$1$20261124$M"),
        "DRUG26Q4.txt": table("primaryid$caseid$drug_seq$role_cod$drugname", "11$1$1$PS$ASPIRIN", "21$2$1$PS$WINE"),
        "REAC26Q4.txt": table("primaryid$caseid$pt", "11$1$Rash", "21$2$Nausea"),
        "deleted/DELETE26Q4.txt": "1\r\n",
    },
    "maude": {
        "mdrfoi.txt": table(
            "MDR_REPORT_KEY|EVENT_KEY|DATE_RECEIVED|EVENT_TYPE|REPORT_NUMBER",
            "1|1|11/23/2026|M|R1",
            "2|2|11/24/2026|M|R2",
        ),
        "foidev.txt": table("MDR_REPORT_KEY|BRAND_NAME|GENERIC_NAME", "1|PUMP|INFUSION PUMP", "2|PUMP|INFUSION PUMP"),
        "foidevproblem.txt": table("1|1546", "2|1546"),
        "deviceproblemcodes.txt": "1546|Break\r\n",
    },
}


@pytest.mark.parametrize("name", LATE)
def test_a_report_of_a_set_is_stored_once_its_receipt_is_no_longer_to_come(
    engine: Engine, tmp_path: Path, name: str
) -> None:
    path = packed(tmp_path / "set.zip", LATE[name])
    loaded = intake.load_file(engine, path, tmp_path / "archive", KEY, NOW)
    assert (loaded.stored, loaded.entries) == (0, 2)
    done = intake.replay(engine, tmp_path / "archive", KEY, NOW + timedelta(days=1))
    (account,) = done.accounts
    assert (account.read, account.stored, account.quarantined, account.cleared) == (2, 1, 1, 1)
    assert done.left.empty
    with store.reading(engine) as connection:
        states = quarantine.entries(connection, "9999")["state"].tolist()
        before = _stored(store.read(connection, select(case_version)))
        products = store.read(connection, select(case_product))["name"].tolist()
        events = set(store.read(connection, select(case_event))["event"])
    assert states == ["replayed", "waiting"]
    assert products == {"vaers": ["MEASLES", "FLUZONE"], "faers": ["ASPIRIN"], "maude": ["PUMP"]}[name]
    assert {"vaers": {"Rash", "Cough"}, "faers": {"Rash"}, "maude": {"Break"}}[name] <= events
    assert before["left_out"].tolist() == ["deleted" if name == "faers" else ""]
    # The set itself says no more of it by now.
    again = intake.load_file(engine, path, tmp_path / "archive", KEY, NOW + timedelta(days=3))
    assert (again.stored, again.quarantined) == (1, 0)
    with store.reading(engine) as connection:
        after = _stored(store.read(connection, select(case_version)))
    assert_frame_equal(after.iloc[[0]], before)


def _stored(versions: pd.DataFrame) -> pd.DataFrame:
    return versions.sort_values("version_id").drop(columns=["recorded_at"])
