"""Who the patient is, from a file into the store; and the indexes of a large file."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, inspect, select

from pv import store
from pv.duplicates import merges
from pv.intake import load_file, loading
from pv.schema import case_person, case_version
from tests.conftest import KEY, NOW, Export

PERSON = {"患者姓名": "张伟", "性别": "男", "年龄": "45", "年龄单位": "岁", "病历号/门诊号": "MZ0001", "出生日期": ""}


def _stored(engine: Engine, export: Export, *told: dict[str, str]) -> list[tuple[bool, bool, bool, bool]]:
    """Per report whether its patient, record, name and birth date are known."""
    rows = [{"报告表编码": f"D{n}", **PERSON, **one} for n, one in enumerate(told)]
    path = export("drug", rows)
    assert load_file(engine, path, path.parent / "archive", KEY, NOW).stored == len(rows)
    with store.reading(engine) as connection:
        columns = (case_version.c.patient_hash, case_version.c.record_hash, case_person.c.name_hash)
        joined = select(*columns, case_person.c.birth_hash).outerjoin_from(case_version, case_person)
        found = connection.execute(joined.order_by(case_version.c.version_id)).all()
    return [(bool(row[0]), bool(row[1]), bool(row[2]), bool(row[3])) for row in found]


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ({}, (True, True, True, False)),
        ({"患者姓名": "张某"}, (False, True, False, False)),
        ({"患者姓名": "张某", "出生日期": "1981-05-01"}, (False, True, False, True)),
        ({"年龄": ""}, (False, True, True, False)),
        ({"年龄": "", "出生日期": "1981-05-01"}, (True, True, True, True)),
        ({"病历号/门诊号": "无"}, (True, False, True, False)),
        ({"患者姓名": "不详", "病历号/门诊号": "/"}, (False, False, False, False)),
    ],
)
def test_what_names_nobody_is_no_sign_of_a_patient(
    engine: Engine, export: Export, told: dict[str, str], known: tuple[bool, ...]
) -> None:
    assert _stored(engine, export, told) == [known]


def test_name_and_birth_date_are_keyed_hashes_that_typing_does_not_change(engine: Engine, export: Export) -> None:
    _stored(
        engine, export, {"患者姓名": "张 伟", "出生日期": "1981/5/1"}, {"出生日期": "1981-05-01"}, {"患者姓名": "李娜"}
    )
    with store.reading(engine) as connection:
        hashes = connection.execute(select(case_person.c.name_hash, case_person.c.birth_hash)).all()
    assert hashes[0] == hashes[1]
    assert [len(text) for text in hashes[0]] == [32, 32]
    assert hashes[2].name_hash not in {hashes[0].name_hash, ""}


def test_masked_patients_of_one_day_and_product_stay_apart(engine: Engine, export: Export) -> None:
    """Two reports of “张某”, of one age, sex, day and product, with a record number that is none."""
    told = {**PERSON, "患者姓名": "张某", "病历号/门诊号": "无", "不良反应发生时间": "2026-11-01"}
    path = export("drug", [{"报告表编码": "D1", **told}, {"报告表编码": "D2", **told}])
    load_file(engine, path, path.parent / "archive", KEY, NOW)
    with store.reading(engine) as connection:
        assert merges(connection, "drug") == {}


def test_a_large_file_finds_indexes_and_references_made_again(
    engine: Engine, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> dict[str, list[str]]:
        there, tables = inspect(engine), ("case_version", "case_product", "case_event", "case_person")
        return {
            table: sorted(str(one["name"]) for one in (*there.get_indexes(table), *there.get_foreign_keys(table)))
            for table in tables
        }

    before = made()
    loads: list[bool] = []
    unhindered = store.unhindered
    monkeypatch.setattr(loading, "_LARGE", 1)
    monkeypatch.setattr(loading, "_A_REPORT", 0)
    monkeypatch.setattr(store, "unhindered", lambda *given, **but: loads.append(True) or unhindered(*given, **but))
    assert _stored(engine, export, {}, {}) == [(True, True, True, False)] * 2
    assert loads
    assert made() == before
    # Readers of a server are not shut out by a later file, however large it is.
    path = export("drug", [{"报告表编码": "E1", **PERSON}])
    load_file(engine, path, path.parent / "archive", KEY, NOW)
    assert len(loads) == (1 if engine.dialect.name == "postgresql" else 2)
