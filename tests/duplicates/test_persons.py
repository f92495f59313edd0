"""Names and record numbers that say who the patient is, and those that do not."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pv.duplicates.persons import bare_name, bare_names, tells_record

NAMES = {
    "张 伟": "张伟",
    "张　伟": "张伟",
    "阿卜杜拉·买买提": "阿卜杜拉买买提",
    "阿卜杜拉•买买提": "阿卜杜拉买买提",
    "ZHANG Wei": "zhangwei",
    "Maxx": "maxx",
    "张三之女": "张三之女",
    "李新家": "李新家",
    "张某": "",
    "张某某": "",
    "张**": "",
    "张XX": "",
    "张x": "",
    "张？": "",
    "王": "",
    "王女士": "",
    "李先生": "",
    "消费者": "",
    "女性": "",
    "新生儿": "",
    "未提供": "",
    "Z.W.": "",
    "ZWL": "",
    "001": "",
    "UNKNOWN": "",
    "Privacy": "",
    "患者": "",
    "匿名": "",
    "不详": "",
    "无": "",
    "/": "",
    "": "",
}


@pytest.mark.parametrize(("written", "name"), NAMES.items())
def test_a_name_is_read_without_its_typing_and_masked_ones_are_none(written: str, name: str) -> None:
    assert bare_name(written) == name


@given(
    st.lists(
        st.one_of(st.sampled_from(list(NAMES)), st.text("张某王无女士伟· *xA1\u3007\uf900", max_size=5)), max_size=8
    )
)
def test_names_together_read_as_each_by_itself(written: list[str]) -> None:
    names = pd.Series(written, index=range(5, 5 + len(written)), dtype="str")
    found = bare_names(names)
    assert found.index.equals(names.index)
    assert found.tolist() == [bare_name(text) for text in written]


@pytest.mark.parametrize(
    "written", ["", "/", "无", "-", "0", "12", "0000", "00-00", "不详", "***123", "暂无", "未建档"]
)
def test_what_stands_where_there_is_no_record_number_is_none(written: str) -> None:
    assert tells_record(written) == ""


@pytest.mark.parametrize("written", ["123", "MZ0001234", "住院1001"])
def test_a_record_number_stays_as_it_is(written: str) -> None:
    assert tells_record(written) == written
