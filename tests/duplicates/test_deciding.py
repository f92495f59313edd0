"""Verdicts of people: they bind every rule, and can be changed."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select

from pv import store
from pv.duplicates import decide, link_new, waiting
from pv.schema import case_decision, case_merge
from tests.duplicates.told import NOW, merged, tell, zones

ELSEWHERE = {"number": "B", "unit": "第二医院", "received": "2026-10-12"}
UNNAMED = ELSEWHERE | {"name": ""}


def test_the_same_event_is_merged_and_the_verdict_is_kept(engine: Engine) -> None:
    with store.writing(engine) as connection:
        link_new(connection, "drug", tell(connection, {}, UNNAMED), NOW)
        done = decide(connection, "drug", ("B", "A"), "same", " 李四 ", NOW, "电话核实")
        assert (done.changed, done.days) == (("B",), ("2026-10-12",))
        assert merged(connection) == {"B": "A"}
        assert waiting(connection, "drug").empty
        (row,) = connection.execute(select(case_decision)).all()
        assert tuple(row) == (1, "drug", "A", "B", "same", "李四", "电话核实", NOW)
        assert connection.execute(select(case_merge.c.rule)).scalars().all() == ["decision"]
        assert decide(connection, "drug", ("A", "B"), "same", "王五", NOW).changed == ()


def test_different_events_stay_apart_whatever_the_score_says(engine: Engine) -> None:
    with store.writing(engine) as connection:
        link_new(connection, "drug", tell(connection, {}, UNNAMED), NOW)
        assert decide(connection, "drug", ("A", "B"), "different", "李四", NOW).changed == ()
        first = tell(connection, ELSEWHERE)  # now the name is told
        assert link_new(connection, "drug", first, NOW).merged == 0
        assert merged(connection) == {}
        assert waiting(connection, "drug").empty


def test_a_third_report_cannot_join_what_people_have_parted(engine: Engine) -> None:
    with store.writing(engine) as connection:
        link_new(connection, "drug", tell(connection, {}, UNNAMED), NOW)
        decide(connection, "drug", ("A", "B"), "different", "李四", NOW)
        first = tell(connection, ELSEWHERE, {"number": "C", "received": "2026-10-13"})
        assert link_new(connection, "drug", first, NOW).merged == 1
        assert merged(connection) == {"C": "A"}
        assert zones(connection)["B C"] == "review"  # like both, and they are apart
        with pytest.raises(ValueError, match="B and C cannot be one"):
            decide(connection, "drug", ("B", "C"), "same", "李四", NOW)
        assert len(connection.execute(select(case_decision)).all()) == 1


def test_a_merge_is_undone_and_the_rest_of_the_group_stays_together(engine: Engine) -> None:
    """A, B and C are one group; B is told to be of another event, and D, merged through B alone, goes with it."""
    copies = [{"number": number, "received": f"2026-10-1{day}", "birth": ""} for day, number in enumerate("ABC")]
    d = {"number": "D", "received": "2026-10-15", "onset": "2026-10-05"}
    with store.writing(engine) as connection:
        link_new(connection, "drug", tell(connection, *copies), NOW)
        assert merged(connection) == {"B": "A", "C": "A"}
        tell(connection, d)
        decide(connection, "drug", ("B", "D"), "same", "李四", NOW)
        assert merged(connection) == {"B": "A", "C": "A", "D": "A"}
        assert decide(connection, "drug", ("A", "B"), "different", "李四", NOW).changed == ("B", "D")
        assert merged(connection) == {"C": "A", "D": "B"}  # C is as like A as B; of equal pairs the first counts
        assert decide(connection, "drug", ("A", "B"), "same", "李四", NOW)
        assert merged(connection) == {"C": "A", "D": "B", "B": "A"}


def test_a_later_verdict_takes_the_place_of_an_earlier_one(engine: Engine) -> None:
    with store.writing(engine) as connection:
        link_new(connection, "drug", tell(connection, {}, UNNAMED), NOW)
        for verdict, groups in (("same", {"B": "A"}), ("different", {}), ("same", {"B": "A"})):
            decide(connection, "drug", ("A", "B"), verdict, "李四", NOW)
            assert merged(connection) == groups


@pytest.mark.parametrize(
    ("pair", "verdict", "who", "message"),
    [
        (("A", "X"), "same", "李四", "there is no report X in the stream drug"),
        (("A", "A"), "same", "李四", "A is one report"),
        (("A", "B"), "perhaps", "李四", "a decision is same or different"),
        (("A", "B"), "same", " ", "names who made it"),
    ],
)
def test_a_verdict_that_cannot_be_is_refused(
    engine: Engine, pair: tuple[str, str], verdict: str, who: str, message: str
) -> None:
    with store.writing(engine) as connection:
        tell(connection, {}, UNNAMED)
        with pytest.raises(ValueError, match=message):
            decide(connection, "drug", pair, verdict, who, NOW)
        assert connection.execute(select(case_decision)).all() == []
