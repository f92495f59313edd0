"""Pairs that wait for people, with the facts of both reports; what is merged, by what."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest
from sqlalchemy import Connection, Engine

from pv import reviews, store
from pv.cases import StreamCases
from pv.duplicates import decide, link_new
from pv.duplicates.explaining import in_words
from pv.reference import build
from pv.reviews import COLUMNS, COUNTS, to_review
from tests.duplicates.told import NOW, tell

ELSEWHERE = {"number": "B", "unit": "第二医院", "received": "2026-10-12"}
MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _review(connection: Connection, streams: tuple[str, ...] = ("drug",)) -> tuple[pd.DataFrame, pd.DataFrame]:
    known = build({})
    return to_review(connection, [StreamCases(connection, name, MOMENT, known) for name in streams], "2026-11-22T12:00")


def test_both_reports_stand_side_by_side_with_the_reasons(engine: Engine) -> None:
    unnamed = ELSEWHERE | {"name": "", "age": 45.0, "birth": "", "events": [("reaction", "皮疹"), ("reaction", "瘙痒")]}
    with store.writing(engine) as connection:
        link_new(connection, "drug", tell(connection, {}, unnamed), NOW)
        listed, counts = _review(connection, ("drug", "device"))
    assert list(listed) == list(COLUMNS)
    (row,) = listed.to_dict("records")
    assert (row["stream"], row["case_number"], row["other_number"], row["zone"]) == ("drug", "A", "B", "review")
    assert (row["received_on"], row["other_received_on"]) == ("2026-10-10", "2026-10-12")
    assert (row["age_band"], row["other_age_band"]) == ("45–64", "45–64")
    assert (row["events"], row["other_events"]) == ("皮疹", "皮疹; 瘙痒")
    assert (row["hospital"], row["other_hospital"]) == ("第一医院", "第二医院")
    assert row["reasons"].startswith("For it: day of onset same day, ")
    assert row["reasons"].endswith(
        "Against it: reporting unit and record number other unit; It waits because: it is not known to be one patient"
    )
    assert row["reasons_zh"].endswith("；不符：报告单位与病历号不同单位；待人工原因：无法确认是同一患者")
    assert counts.to_numpy().tolist() == [["drug", 1, 0, 0, 0, 0, 0], ["device", 0, 0, 0, 0, 0, 0]]
    assert list(counts) == list(COUNTS)
    assert "张伟" not in listed.to_string()


def test_merged_reports_are_counted_by_what_has_merged_them(engine: Engine) -> None:
    def told(number: str, name: str, **more: str) -> dict[str, str]:
        return {"number": number, "name": name, "received": f"2026-10-1{number[-1]}", **more}

    with store.writing(engine) as connection:
        exact = [told("A1", "张伟"), told("A2", "张伟")]
        likely = [told("B1", "王芳"), told("B2", "王芳", onset="2026-10-02")]
        unsure = [told("C1", "李娜"), told("C2", "", birth="")]
        link_new(connection, "drug", tell(connection, *exact, *likely, *unsure), NOW)
        decide(connection, "drug", ("C1", "C2"), "same", "李四", NOW)
        decide(connection, "drug", ("A1", "A2"), "different", "李四", NOW)
        counts = _review(connection)[1]
    (row,) = counts.to_dict("records")
    assert (row["merged"], row["merged_exact"], row["merged_likely"], row["merged_people"]) == (2, 0, 1, 1)


def test_a_list_that_is_too_long_is_cut_at_the_least_likely(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = [{"number": f"{n:02d}", "name": "", "birth": "", "lot": ""} for n in range(6)]
    cluster[1] |= {"birth": "1980-05-01"}
    cluster[4] |= {"birth": "1980-05-01"}
    monkeypatch.setattr(reviews, "MOST", 2)
    with store.writing(engine) as connection:
        link_new(connection, "drug", tell(connection, *cluster), NOW)
        listed, counts = _review(connection)
    assert counts["waiting"].tolist() == [15]
    assert listed[["case_number", "other_number"]].to_numpy().tolist()[0] == ["01", "04"]
    assert len(listed) == 2


@pytest.mark.parametrize(
    ("limits", "zone", "said"),
    [
        ('["onset.weeks"]', "review", "day of onset 4 to 30 days apart"),
        (
            '["group","name.different"]',
            "review",
            "another report of its group contradicts it, patient's name different",
        ),
        ("[]", "review", "it is not likely enough to be merged by itself"),
        ("[]", "held", "its file would have merged too many reports"),
    ],
)
def test_why_a_pair_waits(limits: str, zone: str, said: str) -> None:
    text = f'{{"levels":{{"sex":["equal",0.93],"outcome":["unknown",0.0]}},"limits":{limits}}}'
    assert in_words(text, zone, "en") == f"For it: sex equal; It waits because: {said}"
