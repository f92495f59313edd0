"""Which reader takes a file; and that no damage to any of them is a crash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pv.sources import FileRefused, caers, faers, maude, openfda, public, vaers
from tests.sources import test_caers, test_faers, test_maude, test_openfda, test_vaers
from tests.sources.small_sets import packed, records, unsound

SETS: dict[str, dict[str, str | bytes]] = {
    "faers": {name: text for name, text in test_faers.NEW.items() if name.endswith("txt")},
    "vaers": dict(test_vaers.year(test_vaers.report("1", AGE_YRS="2"), test_vaers.report("2", DIED="Y"))),
    "maude": dict(test_maude.SET),
    "openfda": {"x.json": json.dumps({"results": [test_openfda.DRUG, test_openfda.DRUG]})},
    "caers": {"x.csv": f'{test_caers.NEW}\r\n1/1/2004,1,,SUSPECT,"A, B",3,X,2,year(s),F,RASH,Death\r\n'},
}


@pytest.mark.parametrize("name", SETS)
def test_each_set_has_its_reader(tmp_path: Path, name: str) -> None:
    module = {"faers": faers, "vaers": vaers, "maude": maude, "openfda": openfda, "caers": caers}[name]
    assert public.reader(packed(tmp_path / "x.zip", SETS[name])) is module


def test_other_files_have_none(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("报告表编码,报告类型-新的\nD1,\n", encoding="gb18030")
    assert public.reader(tmp_path / "x.csv") is None
    assert public.reader(packed(tmp_path / "x.xlsx", {"[Content_Types].xml": "", "xl/workbook.xml": ""})) is None
    assert public.reader(packed(tmp_path / "x.zip", {"a.csv": "a,b\n1,2\n", "b.txt": "x$y\n", "c.json": "{}"})) is None
    (tmp_path / "empty").mkdir()
    assert public.reader(tmp_path / "empty") is None
    with pytest.raises(FileRefused):
        public.reader(packed(tmp_path / "y.zip", SETS["faers"] | {"../x": "y"}))


changes = st.lists(
    st.tuples(
        st.integers(0, 5_000),
        st.integers(0, 3),
        st.binary(max_size=4) | st.sampled_from([b"\n", b"$", b"|", b'"', b","]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(SETS)), which=st.integers(0, 20), changed=changes)
def test_no_damage_to_a_table_crashes(
    tmp_path: Path, name: str, which: int, changed: list[tuple[int, int, bytes]]
) -> None:
    files = dict(SETS[name])
    table = sorted(files)[which % len(files)]
    content = files[table]
    data = bytearray(content if isinstance(content, bytes) else content.encode())
    for at, gone, added in changed:
        place = at % (len(data) + 1)
        data[place : place + gone] = added
    path = packed(tmp_path / "x.zip", files | {table: bytes(data)})
    try:
        module = public.reader(path)
        batches = list(module.read_batches(path)) if module else []
    except FileRefused:
        return
    for batch in batches:
        assert len(batch.raw) == len(batch.fields)
        assert batch.layout == module.layout_of(path)
        unsound(batch.fields)
    assert sum(records(batch.fields) for batch in batches) <= data.count(b"\n") + data.count(b"\r") + 40
