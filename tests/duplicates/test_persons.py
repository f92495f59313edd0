"""Names and birth dates as keyed hashes."""

from __future__ import annotations

import pandas as pd
import pytest

from pv import archive
from pv.duplicates.persons import bare_name, person_rows
from pv.sources import Extract
from pv.sources.layouts import layouts
from tests.conftest import KEY


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("张 伟", "张伟"),
        ("张　伟", "张伟"),
        ("阿卜杜拉·买买提", "阿卜杜拉买买提"),
        ("阿卜杜拉•买买提", "阿卜杜拉买买提"),
        ("ZHANG Wei", "zhangwei"),
        ("Maxx", "maxx"),
        ("张三之女", "张三之女"),
        ("张某", ""),
        ("张某某", ""),
        ("张**", ""),
        ("张XX", ""),
        ("张x", ""),
        ("张？", ""),
        ("王", ""),
        ("Z.W.", ""),
        ("ZWL", ""),
        ("患者", ""),
        ("匿名", ""),
        ("不详", ""),
        ("无", ""),
        ("/", ""),
        ("", ""),
    ],
)
def test_a_name_is_read_without_its_typing_and_masked_ones_are_none(written: str, name: str) -> None:
    assert bare_name(written) == name


def _extract(fields: dict[str, list[str]]) -> Extract:
    layout = next(layout for layout in layouts() if layout.name == "drug_national")
    frame = pd.DataFrame(fields, dtype="str")
    return Extract(layout, frame, frame)


def test_one_row_a_report_that_tells_who_it_is() -> None:
    fields = {
        "patient_name": ["张 伟", "张伟", "", "张**", "李娜"],
        "birth_date": ["1980-05-01", "1980/5/1", "", "1981-01-01", "？"],
    }
    rows = pd.DataFrame({"report": [1, 2, 3, 4, 4]})
    found = person_rows(rows, _extract(fields), KEY)
    assert found["report"].tolist() == [1, 2, 4]
    name, birth = archive.hasher(KEY, "name"), archive.hasher(KEY, "birth")
    assert found["name_hash"].tolist() == [name("张伟"), name("张伟"), ""]
    assert found["birth_hash"].tolist() == [birth("1980-05-01"), birth("1980-05-01"), birth("1981-01-01")]
    assert person_rows(rows.iloc[2:3], _extract(fields), KEY).empty


def test_a_source_without_names_has_no_rows() -> None:
    assert person_rows(pd.DataFrame({"report": [1]}), _extract({"report_number": ["D1"]}), KEY).empty
