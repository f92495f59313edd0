"""Likeness of wordings: worked by hand, against a full comparison, and what must never differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pv.mapping.similarity import Candidates, folded, score

EVENTS = ["瘙痒", "皮疹", "恶心", "呕吐", "过敏性休克", "头晕", "头痛", "血压升高", "血压降低", "斑丘疹"]
texts = st.text(alphabet="皮肤瘙痒头痛晕血压升高低 ab(", min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("头痛", "头痛", 100),
        ("头痛", "头晕", 50),  # 2 × 1 common character of 4
        ("皮肤瘙痒", "瘙痒", 90),  # as a part 0.9 × 100; as a whole 2 × 2 / 6
        ("市一院", "云泽市第一人民医院", 85),  # every character in order: 0.85 × 100
        ("rash papular", "papular rash", 100),  # words in another order
        ("头", "头痛", 100 * 2 / 3),  # one character is no part
    ],
)
def test_the_score_is_that_of_its_sentence(one: str, other: str, expected: float) -> None:
    assert score(one, other) == pytest.approx(expected)


def test_case_width_and_punctuation_do_not_count() -> None:
    assert folded("Ｒａｓｈ，（maculo-papular）") == "rash maculo papular"


def test_the_nearest_are_those_of_a_full_comparison() -> None:
    asked = ["皮肤瘙痒", "过敏休克", "血压升高症", "丘疹", "头疼"]
    found = Candidates(EVENTS).nearest(asked, 3, 40)
    for wording, near in zip(asked, found, strict=True):
        full = sorted(
            ((place, score(wording, text)) for place, text in enumerate(EVENTS)), key=lambda one: (-one[1], one[0])
        )
        assert near == [one for one in full if one[1] >= 40][:3]


@given(st.lists(texts, min_size=1, max_size=30), st.lists(texts, max_size=8))
def test_scores_are_ordered_bounded_and_symmetric_and_a_known_text_is_found(known: list[str], asked: list[str]) -> None:
    candidates = Candidates(known)
    found = candidates.nearest([*asked, known[0]], 5, 30)
    for wording, near in zip([*asked, known[0]], found, strict=True):
        assert [value for _, value in near] == sorted((value for _, value in near), reverse=True)
        for place, value in near:
            assert 30 <= value <= 100
            assert score(folded(known[place]), folded(wording)) == pytest.approx(value)
    if folded(known[0]):
        assert found[-1][0][1] == pytest.approx(100)
    assert found == [candidates.nearest([wording], 5, 30)[0] for wording in [*asked, known[0]]]  # whatever the chunk


def test_nothing_known_and_nothing_asked() -> None:
    assert Candidates([]).nearest(["头痛"], 5, 0) == [[]]
    assert Candidates(["头痛"]).nearest([], 5, 0) == []
    assert Candidates(["——"]).nearest(["……"], 5, 50) == [[]]
