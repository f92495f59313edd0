"""The tables of counts made elsewhere: background.csv and foreign.csv."""

from pathlib import Path

import pytest

from pv.reference import COLUMNS, ReferenceDataError, build, read_texts
from pv.reference.counts_elsewhere import until_week
from pv.week import Week

BACKGROUND = """stream,event_kind,level,product,event,cases,until,source
drug,reaction,generic,,,50,2026-11-15,province
drug,reaction,generic,P,,12,2026-11-15,province
drug,reaction,generic,,e,20,2026-11-15,province
drug,reaction,generic,P,e,6,2026-11-15,province
device,failure,registration,,,7,2026-11-08,province
"""
FOREIGN = """database,stream,event_kind,product,event,a,b,c,d,as_of,source
FAERS,drug,reaction,P,e,10,90,200,9700,2026-09-30,release
VigiBase,drug,reaction,P,e,0,70,100,9800,2026-09-30,
"""


def test_both_are_read_and_both_may_be_missing(tmp_path: Path) -> None:
    known = build({"background": BACKGROUND, "foreign": FOREIGN})
    assert known.background["cases"].tolist() == [50, 12, 20, 6, 7]
    assert known.background["cases"].dtype == known.foreign["d"].dtype == "int64"
    assert known.foreign["source"].tolist() == ["release", ""]
    none = build({})
    for table in ("background", "foreign"):
        frame = getattr(none, table)
        assert frame.empty
        assert tuple(frame.columns) == COLUMNS[table]
        assert frame["cases" if table == "background" else "a"].dtype == "int64"
    for name, text in (("background", BACKGROUND), ("areas", "code,name,parent\n"), ("hospitals", "")):
        (tmp_path / f"{name}.csv").write_text(text, encoding="gb18030")
    assert set(read_texts(tmp_path)) == {"background", "areas", "hospitals"}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (",6,", ",6.5,", "row 5, column cases: “6.5” is not a whole number"),
        (",6,", ",-6,", "row 5, column cases: “-6” is not a number of 0 or more"),
        (",6,", ",inf,", "row 5, column cases: “inf” is not a number of 0 or more"),
        (",6,", ",,", "row 5, column cases: “” is not a number of 0 or more"),
        (",6,", ",9007199254740993,", "row 5, column cases: “9007199254740993” is not a whole number"),
        (",6,", ",13,", "row 5, column cases: product “P”, event “e”, 13 cases: is above the cases of the product"),
        (",12,", ",60,", "row 3, column cases: product “P”, event “”, 60 cases: is above 50, the number of all"),
        (",20,", ",5,", "row 5, column cases: .* is above the cases of the event"),
        (",20,", ",45,", "row 5, column cases: .* product and event together have more than all 50 cases"),
        (",P,,12,", ",Q,,12,", "row 5, column cases: .* the product has no row of its own"),
        (",,e,20,", ",,f,20,", "row 5, column cases: .* the event has no row of its own"),
        (",,,50,", ",R,,50,", "drug, reaction, generic: there is no row of all cases"),
        (",P,e,6,", ",P,,6,", "row 5, column event: drug, reaction, generic, P,  stands in an earlier row"),
        ("2026-11-08", "2026-11-09", "row 6, column until: 2026-11-09 is no Sunday; .* as on 2026-11-08"),
        ("2026-11-08", "8.11.2026", "row 6, column until: “8.11.2026” is no date; write it as 2026-11-15"),
        ("2026-11-08", "", "row 6, column until: “” is no date"),
        (",6,2026-11-15", ",6,2026-11-08", "row 5, column until: 2026-11-08, but 2026-11-15 in an earlier row"),
        ("device,", "vaccine,", "row 6, column stream: “vaccine” is not known. Write one of drug, device, cosmetic"),
        ("failure", "reaction", "row 6, column event_kind: “reaction” is not known. Write one of failure, harm"),
        (",registration", ",generic", "row 6, column level: “generic” is not known"),
        ("level,", "levels,", "column “level” is missing"),
    ],
)
def test_a_wrong_background_is_explained(before: str, after: str, said: str) -> None:
    assert before in BACKGROUND
    with pytest.raises(ReferenceDataError, match=f"^background.csv(, |: ){said}"):
        build({"background": BACKGROUND.replace(before, after, 1)})


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("9700", "97x", "row 2, column d: “97x” is not a number"),
        (",10,90", ",10,90.25", "row 2, column b: “90.25” is not a whole number"),
        ("FAERS", "", "row 2, column database: is empty"),
        (",P,", ",,", "row 2, column product: is empty"),
        ("VigiBase", "FAERS", "row 3, column event: FAERS, drug, reaction, P, e stands in an earlier row"),
        ("2026-09-30,\n", "2026-09-31,\n", "row 3, column as_of: “2026-09-31” is no date"),
        ("drug", "Drug", "row 2, column stream: “Drug” is not known"),
        ("reaction", "failure", "row 2, column event_kind: “failure” is not known"),
    ],
)
def test_a_wrong_foreign_table_is_explained(before: str, after: str, said: str) -> None:
    assert before in FOREIGN
    with pytest.raises(ReferenceDataError, match=f"^foreign.csv, {said}"):
        build({"foreign": FOREIGN.replace(before, after, 1)})


def test_years_are_whole_numbers_too() -> None:
    with pytest.raises(ReferenceDataError, match=r"quotas.csv, row 2, column year: “2026.5” is not a whole number"):
        build({"quotas": "hospital_id,stream,year,value\nH1,drug,2026.5,10\n"})


def test_counts_end_with_a_reporting_week() -> None:
    assert until_week("2026-11-15") == Week.parse("2026-W46")
    with pytest.raises(ValueError, match="no Sunday"):
        until_week("2026-11-16")
    with pytest.raises(ValueError, match="no date"):
        until_week("20261115")
