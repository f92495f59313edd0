"""What of a cell may be told: what belongs there, never a person's."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pv import shown

SURNAMES = (
    "王李张刘陈杨黄赵吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋田杜丁沈姜范江傅钟卢汪戴崔任陆廖姚方金邱夏谭韦贾邹石"
    "熊孟秦阎薛侯雷白龙段郝孔邵史毛万顾赖武康贺严尹钱施牛洪龚"
)
GIVEN = "明新好重伟芳娜敏静丽强磊军洋勇艳杰娟涛超霞平刚桂英华玉兰红梅建国志文秀珍"
LISTS = ("sex", "severity", "new", "outcome", "harm", "role")


def test_examples() -> None:
    assert doctest.testmod(shown).failed == 0


@given(st.sampled_from(SURNAMES), st.text(GIVEN, min_size=1, max_size=2))
def test_no_name_is_told(surname: str, given_name: str) -> None:
    name = surname + given_name
    assume(name != "严重")  # a wording of a list
    assert shown.time(name) == "***"
    assert shown.time(f"2026-13-01{name}") == "***"
    assert shown.age(f"{name}40") == "***"
    assert [shown.code(name, [listed]) for listed in LISTS] == ["***"] * len(LISTS)
    assert shown.number(name) == shown.identifier(name) == shown.identifier(f"{name}1951") == "***"
    assert shown.organisation(name) == ""


@pytest.mark.parametrize(
    "text", ["13912345678", "139 1234 5678", "+86-13912345678", "0571-88886666", "110105194912310021", "a.b@c.example"]
)
def test_no_way_to_reach_a_person_is_told(text: str) -> None:
    assert text not in shown.time(f"2026年 {text}")
    assert text not in shown.identifier(text)
    assert shown.organisation(f"医院 {text}") == ""


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2026/13/5 09:12",
        "20261340",
        "2026-13-05T09:00:00Z",
        "13-NOV-2062",
        "九百",
        "40岁",
        "3个月",
        "999",
        "",
    ],
)
def test_figures_that_cannot_be_read_are_told(text: str) -> None:
    assert shown.time(text) == text


@pytest.mark.parametrize(
    ("text", "listed"), [("较重", "severity"), ("未说明", "sex"), ("未痊愈", "outcome"), ("其他", "harm"), ("3", "sex")]
)
def test_wordings_that_a_list_lacks_are_told(text: str, listed: str) -> None:
    assert shown.code(text, [listed]) == text


def test_latin_names_are_no_codes() -> None:
    assert shown.code("Zhang San", ["sex"]) == "***"
    assert shown.code("male", ["sex"]) == "male"


@pytest.mark.parametrize("text", ["330100202600001", "D1", "CN-2026-001", "京2026-17", ""])
def test_numbers_of_reports_are_told(text: str) -> None:
    assert shown.number(text) == text


def test_an_eighteen_digit_number_is_an_identity_only_with_its_check_digit() -> None:
    assert shown.number("110105194912310020") == "110105194912310020"
    assert shown.number("11010519491231002x") == "***"
