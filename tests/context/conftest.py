"""Reports as `StreamCases.named` gives them, and a place of two districts and three hospitals."""

from __future__ import annotations

import pandas as pd
import pytest

from pv import reference
from pv.reference import Reference

AREAS = "code,name,parent\nC,江城市,\nD1,东湖区,C\nD2,西山区,C\n"
HOSPITALS = (
    "hospital_id,name,former_names,level,kind,district,sentinel,registered,reports_for\n"
    "H1,第一医院,,3,综合医院,D1,yes,yes,\nH2,第二医院,,2,综合医院,D1,no,yes,\nH3,第三医院,,2,综合医院,D2,no,yes,\n"
)
SYNONYMS = "stream,kind,wording,preferred\ndrug,product,阿莫西林胶囊(胶囊),阿莫西林胶囊\n"


@pytest.fixture
def known() -> Reference:
    return reference.build({"areas": AREAS, "hospitals": HOSPITALS, "synonyms": SYNONYMS})


def report(case: str, **told: str) -> dict[str, str]:
    """One report of one product; a test says what differs."""
    row = {
        "stream": "drug",
        "case": case,
        "received_on": "2026-09-10",
        "hospital_id": "H1",
        "district": {"H1": "D1", "H2": "D1", "H3": "D2", "": ""}[told.get("hospital_id", "H1")],
        "product": "阿莫西林胶囊",
        "name": "阿莫西林胶囊",
        "number": "国药准字H20250001",
        "lot": "L1",
        "maker": "甲制药",
    } | told
    levels = {"level_generic": row["product"], "level_approval": row["number"], "level_lot": row["lot"]}
    return row | levels


def named(*reports: dict[str, str]) -> pd.DataFrame:
    columns = list(report("x"))
    return pd.DataFrame(list(reports), columns=columns, dtype="str")
