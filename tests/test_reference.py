from pathlib import Path

import pytest

from pv import reference
from pv.reference import ReferenceDataError, build, read_texts

AREAS = "code,name,parent\nR,云城,\nA,东区,R\n"
HOSPITALS = "hospital_id,name,level,kind,district,sentinel,registered\nH1,第一医院,3,综合医院,A,1,1\n"


def test_tables_are_read_in_both_encodings(tmp_path: Path) -> None:
    (tmp_path / "areas.csv").write_text(AREAS, encoding="gb18030")
    (tmp_path / "hospitals.csv").write_text(HOSPITALS, encoding="utf-8-sig")
    known = build(read_texts(tmp_path))
    assert known.root_area == "云城"
    assert known.hospitals["former_names"].tolist() == [""]  # optional columns may be left out
    assert known.quotas.empty
    assert known.quotas["year"].dtype == "int64"


def test_no_reference_at_all_is_an_empty_one() -> None:
    known = build({})
    assert known.root_area == ""
    assert known.hospitals.empty


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"areas": "code,name\nA,x\n"}, "areas.csv: column “parent” is missing"),
        ({"areas": AREAS + "A,西区,R\n"}, "row 4, column code: “A” is empty or repeated"),
        ({"areas": AREAS, "hospitals": HOSPITALS.replace(",A,", ",Z,")}, "row 2, column district: “Z”"),
        ({"areas": AREAS + "B\n"}, "areas.csv, row 4: 1 cells where the heading has 3"),
        ({"quotas": "hospital_id,stream,year,value\nH1,drug,2026,多\n"}, "row 2, column value: “多”"),
        ({"quotas": "hospital_id,stream,year,value\nH1,drug,2026,-1\n"}, "“-1.0” is not a number|“-1” is not a number"),
    ],
)
def test_a_wrong_table_is_explained(texts: dict[str, str], said: str) -> None:
    with pytest.raises(ReferenceDataError, match=said):
        build(texts)


def test_a_folder_without_hospitals_is_refused(tmp_path: Path) -> None:
    (tmp_path / "areas.csv").write_text(AREAS, encoding="utf-8")
    with pytest.raises(ReferenceDataError, match=r"hospitals.csv is missing.*PVWATCH_REFERENCE"):
        read_texts(tmp_path)


def test_shipped_data_say_what_they_are() -> None:
    for path in sorted(reference.SHIPPED.glob("*.toml")):
        data = reference.shipped_toml(path.stem)
        assert {"title", "source", "reviewed"} <= set(data), path.name


def test_a_report_has_sections_for_the_core_streams_and_for_others_that_have_cases() -> None:
    core = ("drug", "device", "cosmetic")
    assert reference.reported(()) == core
    assert reference.reported(["vaers", "abuse", "drug", "aefi"]) == (*core, "aefi", "abuse")
    assert set(reference.streams()) == {*core, "aefi", "abuse", *reference.foreign_streams()}
    assert "faers" in reference.foreign_streams()


def test_every_stream_can_be_read_and_counted() -> None:
    for stream in reference.streams().values():
        assert stream.default_level in stream.levels
        assert set(stream.event_fields.values()) == set(stream.event_kinds)
        assert stream.counts_by in {"name", "number"}
        assert stream.serious_by in {"severity", "harm"}
        assert stream.evaluated_by in {"state", "text", "date_or_state"}
