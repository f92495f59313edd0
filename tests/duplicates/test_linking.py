"""What becomes of pairs: merged, put before people, held back, left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from pv import store
from pv.duplicates import Linked, decide, explained, link_new, merges, release, root, waiting
from pv.duplicates.groups import Groups
from pv.duplicates.model import Model, model
from pv.schema import case_merge, case_pair
from tests.duplicates.told import NOW, crowd, merged, tell, written_otherwise, zones

Set = Callable[..., Model]
ELSEWHERE = {"number": "B", "unit": "第二医院", "received": "2026-10-12"}


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> Set:
    """weights(bulk_from=1, …): the shipped weights with other settings."""

    def put(**changes: Any) -> Model:
        changed = replace(model(), **changes)
        monkeypatch.setattr("pv.duplicates.linking.model", lambda: changed)
        return changed

    return put


def _link(connection: Connection, *reports: dict[str, Any], stream: str = "drug") -> Linked:
    return link_new(connection, stream, tell(connection, *reports), NOW)


@pytest.mark.parametrize(
    "slip",
    [
        {"onset": "2026-09-29"},
        {"birth": ""},
        {"birth": "", "age": None},
        {"products": [("阿莫西林胶囊", "国药准字H1", "L7")], "onset": "2026-10-02"},
        {"events": [("reaction", "皮疹"), ("reaction", "瘙痒")], "sex": ""},
        {"outcome": "", "birth": "", "age": 45.0},
    ],
)
def test_a_copy_with_a_slip_is_merged(engine: Engine, slip: dict[str, Any]) -> None:
    with store.writing(engine) as connection:
        linked = _link(connection, {}, ELSEWHERE | slip)
        assert merged(connection) == {"B": "A"}
        assert zones(connection) == {"A B": "merged"}
    assert (linked.cases, linked.merged, linked.review, linked.stopped) == (2, 1, 0, False)
    assert linked.days == ("2026-10-12",)


@pytest.mark.parametrize(
    "told",
    [
        {"name": ""},
        {"name": "张玮"},
        {"birth": "1980-06-10"},
        {"onset": "2026-09-10"},
        {"onset": ""},
        {"products": [("头孢", "", "")]},
    ],
)
def test_one_thing_that_speaks_against_it_is_for_people(engine: Engine, told: dict[str, Any]) -> None:
    with store.writing(engine) as connection:
        linked = _link(connection, {}, ELSEWHERE | told)
        assert (linked.merged, linked.review) == (0, 1)
        assert merged(connection) == {}
        assert zones(connection) == {"A B": "review"}


@pytest.mark.parametrize(
    "told",
    [
        {"sex": "female"},
        {"age": 60.0, "birth": "1966-05-01"},
        {"onset": "2026-08-01"},
        {"name": "张玮", "birth": "1980-06-10"},
        {"name": "", "products": [("头孢", "", "")], "onset": "2026-09-10"},
    ],
)
def test_other_patients_and_other_events_are_left(engine: Engine, told: dict[str, Any]) -> None:
    with store.writing(engine) as connection:
        assert _link(connection, {}, ELSEWHERE | told).review == 0
        assert merged(connection) == zones(connection) == {}


def test_a_cluster_of_one_lot_is_not_one_case(engine: Engine) -> None:
    """Twelve patients of one age and sex, one lot, one day, one hospital, one event; the names are not told."""
    cluster = [{"number": f"{n:02d}", "name": "", "birth": ""} for n in range(12)]
    with store.writing(engine) as connection:
        assert _link(connection, *cluster).merged == 0
        assert len(waiting(connection, "drug")) == 66


def test_a_record_number_of_one_unit_says_who_it_is(engine: Engine) -> None:
    nameless = {"name": "", "record": "7"}
    with store.writing(engine) as connection:
        assert _link(connection, nameless, nameless | {"number": "B", "onset": "2026-10-02"}).merged == 1


def test_the_report_received_first_stays_then_the_smaller_number(engine: Engine) -> None:
    copies = [{"number": f"{n}", "birth": "", "received": day} for n, day in ((1, "2026-10-20"), (3, "2026-10-11"))]
    with store.writing(engine) as connection:
        _link(connection, *copies, {"number": "2", "received": "2026-10-11"})
        parent = merged(connection)
        assert {case: root(case, parent) for case in "123"} == {"1": "2", "2": "2", "3": "2"}


def test_a_later_load_adds_to_a_group_and_a_repeated_one_changes_nothing(engine: Engine) -> None:
    with store.writing(engine) as connection:
        first = tell(connection, {}, ELSEWHERE)
        assert link_new(connection, "drug", first, NOW).merged == 1
        assert link_new(connection, "drug", first, NOW).merged == 0
        assert zones(connection) == {"A B": "merged"}  # what the exact rule merged is scored as well
        assert connection.execute(select(case_merge.c.rule)).scalars().all() == ["exact-1"]
        assert _link(connection, ELSEWHERE | {"number": "C", "birth": "", "received": "2026-10-01"}).merged == 1
        assert merged(connection) == {"B": "A", "A": "C"}
        before = connection.execute(select(case_pair)).all(), connection.execute(select(case_merge)).all()
        assert link_new(connection, "drug", first, NOW).merged == 0
        assert (connection.execute(select(case_pair)).all(), connection.execute(select(case_merge)).all()) == before


def test_a_new_version_is_judged_anew(engine: Engine) -> None:
    """A pair for people is merged when the name is told, and one that is corrected away leaves the list."""
    with store.writing(engine) as connection:
        _link(connection, {}, ELSEWHERE | {"name": ""}, {"number": "C", "onset": "2026-09-10", "unit": "第三医院"})
        assert zones(connection) == {"A B": "review", "A C": "review"}
        named = ELSEWHERE | {"received": "2026-10-13"}
        moved = {"number": "C", "name": "李娜", "onset": "2026-01-10", "received": "2026-10-14"}
        assert _link(connection, named, moved).merged == 1
        assert zones(connection) == {"A B": "merged", "A C": "different"}
        assert waiting(connection, "drug").empty


def test_a_chain_does_not_join_what_contradicts_itself(engine: Engine) -> None:
    """B is like A and like C; A and C are of different days, too far apart for one event."""
    days = {"A": "2026-10-01", "B": "2026-10-04", "C": "2026-10-07"}
    with store.writing(engine) as connection:
        linked = _link(connection, *({"number": number, "onset": day} for number, day in days.items()))
        assert linked.merged == 1
        assert len(merged(connection)) == 1
        assert sorted(zones(connection).values()) == ["merged", "review", "review"]
        (text,) = [text for text in waiting(connection, "drug")["explanation"] if "group" in text]
    assert '"limits":["group"]' in text


def test_a_load_that_would_merge_too_much_merges_nothing(engine: Engine, weights: Set) -> None:
    weights(at_least=2)
    pairs = [
        {"number": f"{copy}{n}", "name": f"人{n}", "onset": f"2026-0{n + 1}-01", "received": f"2026-10-1{copy}"}
        for n in range(3)
        for copy in (1, 2)
    ]
    with store.writing(engine) as connection:
        linked = _link(connection, *pairs)
        assert linked == Linked(cases=6, merged=0, review=0, held=3)
        assert linked.stopped
        assert merged(connection) == {}
        assert waiting(connection, "drug")["zone"].tolist() == ["held"] * 3
        decide(connection, "drug", ("10", "20"), "different", "李四", NOW)
        assert release(connection, "drug", NOW) == Linked(merged=2, days=("2026-10-12",))
        assert merged(connection) == {"21": "11", "22": "12"}
        assert waiting(connection, "drug").empty
        assert release(connection, "drug", NOW).merged == 0


def test_copies_without_doubt_are_held_back_as_well(engine: Engine, weights: Set) -> None:
    """A file sent once more under new numbers: nobody's case is taken out of the counts before somebody has looked."""
    weights(at_least=1, largest_block=0)  # no pair is looked for by likeness
    told = [{"number": f"{copy}{n}", "name": f"人{n}"} for n in range(2) for copy in (1, 2)]
    with store.writing(engine) as connection:
        assert _link(connection, *told) == Linked(cases=4, held=2)
        assert waiting(connection, "drug")[["case", "other"]].to_numpy().tolist() == [["10", "20"], ["11", "21"]]
        assert release(connection, "drug", NOW).merged == 2
        assert merged(connection) == {"20": "10", "21": "11"}


def test_what_was_corrected_away_makes_no_pair(engine: Engine) -> None:
    """B was of A's patient until it was corrected; C is of the patient that B was taken for."""
    with store.writing(engine) as connection:
        tell(connection, {"number": "B"})
        tell(connection, {"number": "B", "name": "李娜", "birth": "1975-01-01", "age": 51.0, "received": "2026-10-20"})
        assert _link(connection, {"number": "C"}).merged == 0


@pytest.mark.parametrize("rule", ["exact-1", "splink-2"])
def test_a_correction_that_contradicts_a_merge_parts_it(engine: Engine, rule: str) -> None:
    """Three reports are one; then one of them is of another patient, and the other two stay together."""
    copy = {} if rule == "exact-1" else {"onset": "2026-10-02"}
    with store.writing(engine) as connection:
        _link(connection, {}, ELSEWHERE | copy, ELSEWHERE | copy | {"number": "C"})
        assert connection.execute(select(case_merge.c.rule)).scalars().all()[-1] == rule
        assert set(merged(connection)) == {"B", "C"}
        later = {"received": "2026-10-20", "name": "李娜", "birth": "1975-01-01", "age": 51.0}
        linked = _link(connection, {**later})
        assert (linked.merged, linked.days) == (0, ("2026-10-12",))
        assert merges(connection, "drug") == {"C": "B"}


def test_a_correction_does_not_part_what_people_have_joined(engine: Engine) -> None:
    with store.writing(engine) as connection:
        _link(connection, {}, ELSEWHERE)
        decide(connection, "drug", ("A", "B"), "same", "李四", NOW)
        _link(connection, ELSEWHERE | {"name": "李娜", "birth": "", "received": "2026-10-20"})
        assert merged(connection) == {"B": "A"}


def test_a_correction_that_only_says_less_parts_nothing(engine: Engine) -> None:
    with store.writing(engine) as connection:
        _link(connection, {}, ELSEWHERE)
        assert _link(connection, ELSEWHERE | {"name": "", "onset": "", "received": "2026-10-20"}).days == ()
        assert merged(connection) == {"B": "A"}


def test_the_share_of_a_large_load() -> None:
    assert model().merge_limit(10) == model().merge_limit(400) == 20
    assert model().merge_limit(10_000) == 500


def test_foreign_databases_and_left_out_reports_are_not_linked(engine: Engine) -> None:
    with store.writing(engine) as connection:
        assert _link(connection, {"stream": "vaers"}, {"number": "B", "stream": "vaers"}, stream="vaers") == Linked()
        assert _link(connection, {"left_out": "deleted"}) == Linked()
        assert _link(connection, ELSEWHERE).merged == 0


@pytest.mark.parametrize("seed", [3, 4])
def test_a_large_load_is_linked_like_small_ones(engine: Engine, weights: Set, seed: int) -> None:
    """The same reports through Splink and through arrays: the same records, but for what is not worth one."""
    found = []
    for bulk_from in (1, 10_000):
        weights(bulk_from=bulk_from, at_least=1_000)
        with store.writing(engine) as connection:
            linked = _link(connection, *written_otherwise(crowd(150, seed)))
            found.append((linked, merged(connection), connection.execute(select(case_pair)).all()))
            connection.rollback()
    assert found[0] == found[1]
    assert found[0][1]


def test_waiting_pairs_tell_why(engine: Engine) -> None:
    with store.writing(engine) as connection:
        _link(connection, {}, ELSEWHERE | {"name": ""}, {"number": "C", "name": "", "received": "2026-10-11"})
        listed = waiting(connection, "drug")
        assert listed["case"].tolist()[0] == "A"
        assert listed["weight"].is_monotonic_decreasing
        first = explained(listed["explanation"][0], "en")
        assert ("Day of onset", "same day", 9.09) in first
        assert "Patient's name" not in [name for name, _, _ in first]  # unknown: it says nothing
        assert ("发生日期", "同一天", 9.09) in explained(listed["explanation"][0], "zh")
        assert waiting(connection, "drug", "2026-11-21T23:59:59Z").empty
        tell(connection, {"number": "C", "left_out": "deleted", "received": "2026-11-01"})
        assert waiting(connection, "drug")[["case", "other"]].to_numpy().tolist() == [["A", "B"]]


def test_merges_are_those_of_a_moment(engine: Engine) -> None:
    with store.writing(engine) as connection:
        _link(connection, {}, ELSEWHERE | {"birth": ""})
        later = "2026-11-23T00:00:00Z"
        decide(connection, "drug", ("A", "B"), "different", "李四", later)
        assert merges(connection, "drug", "2026-11-21T00:00:00Z") == {}
        assert merges(connection, "drug", NOW) == {"B": "A"}
        assert merges(connection, "drug", later) == merges(connection, "drug") == {}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30),
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6),
)
def test_groups_never_hold_two_that_are_apart(bonds: list[tuple[int, int]], apart: set[tuple[int, int]]) -> None:
    received = {str(n): str(n * 7 % 10) for n in range(10)}
    groups = Groups({})
    added = {}
    for one, other in bonds:
        record = groups.join(
            str(one), str(other), received, lambda a, b: (int(a), int(b)) in apart or (int(b), int(a)) in apart
        )
        if record:
            assert record[0] not in added  # no earlier record changes
            added[record[0]] = record[1]
    for case in map(str, range(10)):
        members = groups.of(case)
        assert members[0] == min(members, key=lambda member: (received[member], member))
        assert all((int(a), int(b)) not in apart for a in members for b in members if a != b)
        assert Groups(added).root(case) == groups.root(case)
        assert sorted(Groups(added).of(case)) == sorted(members)
