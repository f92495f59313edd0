"""What is written as E2B(R3) reads back as the same case, and tells no one who the patient was."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pv import contracts
from pv.exporting import e2b_r3
from pv.exporting.e2b_r3 import Header
from pv.exporting.unwritten import Unwritten
from pv.sources.e2b_r3 import read_batches, read_cases
from pv.sources.icsr import PERSONAL, Case, Drug, Reaction, codes, tidy

HEADER = Header("B-1", "SHI-CENTRE", "PROVINCE", datetime(2026, 11, 22, 4, 0, tzinfo=UTC))
TODAY = date(2026, 11, 22)


def _written(cases: Iterable[Case], personal: bool = False) -> bytes:
    stream = io.BytesIO()
    e2b_r3.write(cases, stream, HEADER, personal)
    return stream.getvalue()


def _read(data: bytes) -> list[Case]:
    return list(read_cases(io.BytesIO(data)))


def _as_read(case: Case) -> Case:
    """A case without a day of creation is created with the batch."""
    return replace(case, created_on=case.created_on or "2026-11-22")


TEXT = st.text(
    st.sampled_from("<>&'\"]]>x é张三/；,") | st.characters(exclude_categories=["Cs", "Cc"]), max_size=12
).map(lambda text: tidy(re.sub("[\ufffe\uffff]", "", text)))
SOME = TEXT.filter(bool)
DAY = st.dates(date(1990, 1, 1), date(2026, 11, 22)).map(date.isoformat)
DATE = st.one_of(st.just(""), DAY, DAY.map(lambda day: day[:7]), DAY.map(lambda day: day[:4]))


def _one_of(name: str, *others: str) -> st.SearchStrategy[str]:
    return st.sampled_from(["", *codes(name, "code", "r3"), *others])


CRITERIA = list(codes("criterion", "code", "r3"))
REACTION = st.builds(
    Reaction,
    text=TEXT,
    code=TEXT,
    started_on=DATE,
    outcome=_one_of("outcome", "77"),
    criteria=st.sets(st.sampled_from(CRITERIA)).map(lambda chosen: tuple(one for one in CRITERIA if one in chosen)),
)
DRUG = st.builds(
    Drug,
    role=_one_of("role", "9"),
    name=TEXT,
    substances=st.lists(SOME, unique=True, max_size=2).map(tuple),
    identifier=TEXT,
    holder=TEXT,
    lots=st.lists(SOME, unique=True, max_size=3).map(tuple),
    used_from=DATE,
)
CASES = st.builds(
    Case,
    number=TEXT,
    worldwide=TEXT,
    created_on=DATE,
    received_on=DATE,
    modified_on=DATE,
    change=st.sampled_from(["", "nullification", "amendment"]),
    change_reason=SOME,
    report_type=_one_of("report_type"),
    sender_type=_one_of("sender_type", "88"),
    sender=TEXT,
    reporter=TEXT,
    area=TEXT,
    patient=TEXT,
    birth_date=DATE,
    record_numbers=st.lists(st.tuples(st.sampled_from(list(codes("record", "code", "r3"))), SOME), max_size=2).map(
        tuple
    ),
    age=TEXT,
    age_unit=_one_of("age_unit", "fortnight"),
    age_group=_one_of("age_group"),
    sex=_one_of("sex", "8"),
    reactions=st.lists(REACTION, max_size=3).map(tuple),
    drugs=st.lists(DRUG, max_size=3).flatmap(  # the same drug twice, too
        lambda drugs: st.lists(st.sampled_from(drugs), max_size=4).map(tuple) if drugs else st.just(())
    ),
).map(lambda case: case if case.change else replace(case, change_reason=""))


@settings(max_examples=60)
@given(st.lists(CASES, max_size=3))
def test_any_case_reads_back_as_the_same_case(cases: list[Case]) -> None:
    assert _read(_written(cases, personal=True)) == [_as_read(case) for case in cases]


FULL = Case(
    number="CN-SHI-1",
    worldwide="CN-SHI-1",
    created_on="2026-11-20",
    received_on="2026-11-10",
    modified_on="2026-11-12",
    report_type="spontaneous",
    sender_type="centre",
    sender="市中心",
    reporter="第一医院",
    area="东区",
    patient="诸葛亮",
    birth_date="1981-02-03",
    record_numbers=(("hospital", "ZY777"), ("gp", "GP888")),
    age="45",
    age_unit="year",
    age_group="adult",
    sex="male",
    reactions=(
        Reaction("皮疹", "10037844", "2026-11-05", "recovering", ("other",)),
        Reaction("休克", "10040560", "2026-11-06", "death", ("death", "life_threatening")),
    ),
    drugs=(
        Drug("suspect", "阿莫西林胶囊", ("阿莫西林",), "国药准字H20050001", "甲药业", ("A1", "A2"), "2026-11-01"),
        Drug("concomitant", "布洛芬", lots=("B1",)),
    ),
)


def test_very_long_texts_and_many_products_come_back() -> None:
    long = "很长的描述 " * 20_000  # 300 KB each
    drug = replace(FULL.drugs[0], name=tidy(long), lots=tuple(f"L{number}" for number in range(500)))
    reactions = (replace(FULL.reactions[0], text=tidy(long)), *FULL.reactions[1:] * 200)
    case = replace(FULL, reporter=tidy(long), drugs=(drug,) * 50, reactions=reactions)
    assert _read(_written([FULL, case, FULL], personal=True)) == [FULL, case, FULL]


def test_names_birth_dates_and_record_numbers_are_masked_unless_asked_for() -> None:
    data = _written([FULL]).decode()
    for secret in ("诸葛亮", "19810203", "1981", "ZY777", "GP888"):
        assert secret not in data
    assert data.count('nullFlavor="MSK"') == 4
    masked = {field: type(getattr(FULL, field))() for field in PERSONAL}
    assert _read(data.encode()) == [replace(FULL, **masked)]  # type: ignore[arg-type]
    assert _read(_written([FULL], personal=True)) == [FULL]


def test_what_is_written_passes_the_contracts_with_the_same_values() -> None:
    (extract,) = read_batches(io.BytesIO(_written([FULL])))
    checked = contracts.check(extract, TODAY)
    assert checked.problems.empty
    rows = checked.rows
    assert rows["lot"].tolist() == ["A1", "A2", "B1"]
    expected = {
        "case_number": "CN-SHI-1",
        "received_on": "2026-11-10",
        "modified_on": "2026-11-12",
        "hospital": "第一医院",  # not the centre, which passes on
        "area": "东区",
        "sex": "male",
        "age_years": 45.0,
        "severity": "serious",
        "outcome": "death",
        "onset_on": "2026-11-05",
        "reaction": "皮疹；休克",
    }
    assert {name: rows[name].unique().tolist() for name in expected} == {name: [v] for name, v in expected.items()}


def test_the_same_cases_give_the_same_bytes_and_their_number() -> None:
    assert _written([FULL, FULL]) == _written([FULL, FULL])
    assert e2b_r3.write([FULL, FULL], io.BytesIO(), HEADER) == 2
    assert _read(_written([])) == []


@pytest.mark.parametrize("character", ["\0", "\x08", "\ud800", "\uffff"])
def test_what_xml_cannot_hold_is_refused_by_name(character: str) -> None:
    odd = replace(FULL, reporter=f"第一{character}医院")
    with pytest.raises(ValueError, match=r"case 'CN-SHI-1': the character .* cannot be written"):
        _written([odd])
    assert e2b_r3.unsayable(odd) == Unwritten("CN-SHI-1", "character", f"U+{ord(character):04X}")
    assert e2b_r3.unsayable(FULL) is None


def test_a_term_that_would_come_apart_is_named() -> None:
    assert e2b_r3.unsayable(replace(FULL, reactions=(Reaction("甲；乙"),))) == Unwritten("CN-SHI-1", "term", "甲；乙")


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        e2b_r3.write([], io.BytesIO(), replace(HEADER, created=datetime(2026, 11, 22)))  # noqa: DTZ001 - that is it


def _paths(element: ElementTree.Element, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Every path of local names with the names of the children in their order."""
    path += "/" + element.tag.rpartition("}")[2]
    yield path, list(dict.fromkeys(child.tag.rpartition("}")[2] for child in element))
    for child in element:
        yield from _paths(child, path)


# Record numbers, terms in the reporter's language, and the start of administration, which the examples do not know.
NOT_IN_THE_EXAMPLES = {"asIdentifiedEntity", "originalText", "low"}


def test_elements_stand_where_they_stand_in_the_examples_of_the_fda(shared: Path) -> None:
    known: dict[str, list[list[str]]] = {}
    for path in (shared / "data" / "e2b_r3").glob("*.xml"):
        for place, children in _paths(ElementTree.parse(path).getroot()):  # noqa: S314 - examples of an authority
            known.setdefault(place, []).append(children)
    own = ElementTree.fromstring(_written([replace(FULL, change="amendment")], personal=True))  # noqa: S314
    for place, children in _paths(own):
        # The examples name no organisation of the reporter; it stands as that of the sender does.
        if NOT_IN_THE_EXAMPLES & set(place.split("/")):
            continue
        listed = [one for one in children if one not in NOT_IN_THE_EXAMPLES]
        of_the_sender = place.replace("/outboundRelationship/relatedInvestigation/subjectOf2/", "/subjectOf1/")
        allowed = known.get(place, []) + known.get(of_the_sender, [])
        assert {one for names in allowed for one in names} >= set(listed), place
        for first, second in pairwise(listed):
            assert not any(second in names and first in names[names.index(second) :] for names in allowed), place
