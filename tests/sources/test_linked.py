"""Tables linked by a key: every row of a case in one batch, nothing dropped, as plain dictionaries do it."""

from __future__ import annotations

import io
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pv.sources import FileRefused, linked
from pv.sources.linked import Part, Rows, Source
from pv.sources.tables import Form
from pv.sources.zips import Member

FORM = Form("$")


def part(name: str, heading: str, records: list[str], key: tuple[str, ...] = ("id",)) -> Part:
    data = ("\n".join([heading, *records]) + "\n").encode()
    return Part(name, (Member(f"{name}.txt", len(data), len(data), lambda: io.BytesIO(data)),), key)


def source(main: list[str], drugs: list[str], events: list[str], therapies: list[str]) -> Source:
    return Source(
        form=FORM,
        main=part("M", "id$case$x", main),
        case="case",
        product=part("D", "id$seq$name", drugs),
        listed=(
            (part("E", "id$pt", events), ("pt",)),
            (part("T", "id$seq$day", therapies, ("id", "seq")), ("day", "absent")),
        ),
        product_key=("id", "seq"),
        per_product=frozenset({"T"}),
    )


Row = tuple[str, int, dict[str, str], bool]


def rows(batch: Rows) -> list[Row]:
    return list(
        zip(batch.sheet.to_pylist(), batch.row.tolist(), batch.raw.to_pylist(), batch.ragged.tolist(), strict=True)
    )


def test_a_row_per_report_and_product() -> None:
    (batch,) = linked.read(
        source(
            ["1$A$x", "2$B$y"],
            ["1$7$ASPIRIN", "1$8$IBUPROFEN"],
            ["2$RASH", "1$COUGH", "1$", "1$FALL, DOWN; STAIRS"],
            ["1$8$2003", "1$7$20040102", "1$8$20040101"],
        )
    )
    assert rows(batch) == [
        (
            "M.txt",
            2,
            {
                "M.id": "1",
                "M.case": "A",
                "M.x": "x",
                "D.id": "1",
                "D.seq": "7",
                "D.name": "ASPIRIN",
                "E.pt": "COUGH；FALL, DOWN; STAIRS",
                "T.day": "20040102",
            },
            False,
        ),
        (
            "M.txt",
            2,
            {
                "M.id": "1",
                "M.case": "A",
                "M.x": "x",
                "D.id": "1",
                "D.seq": "8",
                "D.name": "IBUPROFEN",
                "E.pt": "COUGH；FALL, DOWN; STAIRS",
                "T.day": "2003；20040101",
            },
            False,
        ),
        (
            "M.txt",
            3,
            {
                "M.id": "2",
                "M.case": "B",
                "M.x": "y",
                "D.id": "",
                "D.seq": "",
                "D.name": "",
                "E.pt": "RASH",
                "T.day": "",
            },
            False,
        ),
    ]


def test_records_without_a_report_come_out_by_themselves() -> None:
    main, *strays = linked.read(source(["1$A$x"], ["1$7$a", "9$1$z"], ["9$RASH", "1$COUGH"], ["1$99$2004"]))
    assert [row[1] for row in rows(main)] == [2]
    assert all(batch.stray for batch in strays)
    assert [row for batch in strays for row in rows(batch)] == [
        ("D.txt", 3, {"D.id": "9", "D.seq": "1", "D.name": "z"}, False),
        ("E.txt", 2, {"E.id": "9", "E.pt": "RASH"}, False),
        ("T.txt", 2, {"T.id": "1", "T.seq": "99", "T.day": "2004"}, False),
    ]


def test_records_without_a_report_come_in_batches_too() -> None:
    lost = [f"9$1${number}" for number in range(5)]
    batches = list(linked.read(source(["1$A$x"], lost, [], []), size=2))
    assert [(batch.stray, [row[1] for row in rows(batch)]) for batch in batches] == [
        (False, [2]),
        (True, [2, 3]),
        (True, [4, 5]),
        (True, [6]),
    ]


def test_a_ragged_record_marks_every_report_that_it_names() -> None:
    # The second line holds the end of one record and the beginning of another.
    reports, *strays = linked.read(
        source(["1$A$x", "2$B$y", "3$C$z"], ["1$7$a", "2$8$b3$9$c"], ["1$p", "2$q", "3$r", "1$s$t"], [])
    )
    assert [(row[2]["M.id"], row[3]) for row in rows(reports)] == [("1", True), ("2", True), ("3", False)]
    assert [(row[0], row[1], row[3]) for batch in strays for row in rows(batch)] == [
        ("D.txt", 3, True),
        ("E.txt", 5, True),
    ]
    reports, *_ = linked.read(
        source(["1$A$x", "3$C$z"], ["1$7$a$", "1$7$b$3$9$c$"] + ["1$9$a$"] * 9, ["1$p", "3$r"], [])
    )
    assert {row[2]["M.id"]: row[3] for row in rows(reports)} == {"1": True, "3": True}


def test_versions_of_a_case_come_in_one_batch() -> None:
    main = ["1$A$", "2$B$", "3$A$", "4$C$", "5$$", "6$$", "7$B$", "8$A$"]
    batches = list(linked.read(source(main, [], [], []), size=2))
    assert [[row[2]["M.id"] for row in rows(batch)] for batch in batches] == [
        ["4", "5"],
        ["6"],
        ["1", "3", "8"],
        ["2", "7"],
    ]


def test_the_same_report_twice_has_its_products_twice() -> None:
    (batch,) = linked.read(source(["1$A$x", "1$A$y"], ["1$7$a", "1$8$b"], ["1$p"], []))
    assert [(row[1], row[2]["D.name"]) for row in rows(batch)] == [(2, "a"), (2, "b"), (3, "a"), (3, "b")]


def test_columns_that_link_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = source(["1$A$x"], [], [], [])
    lacking = Source(FORM, bad.main, "case", part("D", "isr$name", []), bad.listed)
    with pytest.raises(FileRefused) as refused:
        list(linked.read(lacking))
    assert refused.value.code == "column_missing"
    assert refused.value.values == {"sheet": "D.txt", "row": 1, "column": "id"}
    monkeypatch.setattr(linked, "MAX_LINKED", 10)
    with pytest.raises(FileRefused) as refused:
        list(linked.read(bad))
    assert refused.value.code == "archive_too_large"


keys = st.sampled_from([str(number) for number in range(1, 7)])
cases = st.sampled_from(["", "A", "B", "C"])
sequence = st.sampled_from("12")
texts = st.sampled_from(["", "p", "q, r", "é"])


@settings(max_examples=60, deadline=None)
@given(
    main=st.lists(st.tuples(keys, cases, texts), max_size=8),
    drugs=st.lists(st.tuples(keys, sequence, texts), max_size=10),
    events=st.lists(st.tuples(keys, texts), max_size=8),
    therapies=st.lists(st.tuples(keys, sequence, texts), max_size=8),
    size=st.integers(1, 4),
)
def test_as_plain_dictionaries_join_them(
    main: list[tuple[str, str, str]],
    drugs: list[tuple[str, str, str]],
    events: list[tuple[str, str]],
    therapies: list[tuple[str, str, str]],
    size: int,
) -> None:
    tables = [["$".join(row) for row in table] for table in (main, drugs, events, therapies)]
    batches = list(linked.read(source(*tables), size))
    reports = [batch for batch in batches if not batch.stray]
    found = sorted(
        (row, cells["M.id"], cells["D.name"], cells["E.pt"], cells["T.day"])
        for batch in reports
        for _, row, cells, _ in rows(batch)
    )
    wanted = []
    for number, (key, _, _) in enumerate(main, start=2):
        pts = "；".join(pt for one, pt in events if one == key and pt)
        mine = [(seq, name) for one, seq, name in drugs if one == key]
        for seq, name in mine or [("", "")]:
            days = "；".join(day for one, other, day in therapies if (one, other) == (key, seq) and day)
            wanted.append((number, key, name, pts, days))
    assert found == sorted(wanted)
    where = defaultdict(set)
    for place, batch in enumerate(reports):
        for _, _, cells, _ in rows(batch):
            where[cells["M.case"] or f"alone {cells['M.id']}"].add(place)
    assert all(len(places) == 1 for places in where.values())
    known, given_drugs = {key for key, *_ in main}, {(key, seq) for key, seq, _ in drugs}
    if main:
        lost = [key not in known for key, *_ in drugs] + [key not in known for key, _ in events]
        lost += [(key, seq) not in given_drugs or key not in known for key, seq, _ in therapies]
        assert sum(len(batch.row) for batch in batches if batch.stray) == sum(lost)
