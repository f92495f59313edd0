from datetime import date

import pandas as pd
import pytest
from biip.gs1_messages import GS1Message
from hypothesis import given
from hypothesis import strategies as st

from pv.codes.udi import Udi, identifiers_in, lots_in, read, read_all

DI = "06901234567892"


@pytest.mark.parametrize(
    "text",
    [
        f"(01){DI}(11)220117(17)280131(10)A2B(21)S-1",
        f"（01）{DI}（11）220117（17）280131（10）A2B（21）S-1",
        f"(01) {DI} (11) 220117 (17) 280131 (10) A2B (21) S-1",
        f"01{DI}112201171728013110A2B\x1d21S-1",
        f"01{DI}112201171728013110A2B<GS>21S-1",
        f"]d201{DI}112201171728013110A2B␝21S-1",
        f"01{DI}112201171728013110A2B 21S-1",
        f"(17)280131(11)220117(10)A2B(21)S-1(01){DI}",
        f"(01){DI}(11)220117(17)280131(10)A2B(21)S-1(240)X9",  # an application identifier that says nothing here
    ],
)
def test_gs1_in_its_forms(text: str) -> None:
    assert read(text) == Udi("gs1", DI, "A2B", "2022-01-17", "2028-01-31", "S-1")


def test_day_00_is_the_last_of_the_month() -> None:
    assert read(f"(01){DI}(17)280200").expires_on == "2028-02-29"
    assert read(f"(01){DI}(17)281200").expires_on == "2028-12-31"


def test_a_bare_article_number_is_an_identifier() -> None:
    assert read("6901234567892") == read(DI) == Udi("gs1", DI)
    assert read("6901234567891") == Udi(problem="unreadable")


def test_what_is_wrong_is_said_and_nothing_is_made_of_it() -> None:
    assert read("(01)06901234567891(10)A2B") == Udi("gs1", lot="A2B", problem="check_digit")
    assert read(f"(01){DI}(17)281301(10)A2B") == Udi("gs1", DI, "A2B", problem="date")
    assert read("(10)A2B") == Udi(problem="unreadable")
    assert read("MA.156.M0") == Udi("ma", problem="unreadable")


@pytest.mark.parametrize(
    "text", ["", " ", "不详", "无", "/", "／", "N/A", "—", "0", "0000", "0-0", "见附件", "扫描不出", "***"]
)
def test_without_figures_or_with_one_sign_only_there_is_none(text: str) -> None:
    assert read(text) == Udi()


def test_ma() -> None:
    text = "MA.156.M0.100761.21234561.Sx00008.M220117.L20220117.D20220118.E220130.V220117.C3"
    expected = Udi("ma", "MA.156.M0.100761.21234561", "20220117", "2022-01-17", "2022-01-30", "x00008")
    assert read(text) == read(f" {text}. ") == expected
    assert read("MA.156.M0.100472.11103312.P20190101").made_on == "2019-01-01"


def test_ahm() -> None:
    expected = Udi("ahm", "12345678", "A1", "2022-01-17", "2025-12-31", "7")
    assert read("AHM.12345678.BNA1.SN7.MD220117.ED20251231") == expected
    assert read("(AHM)12345678(BN)A1(SN)7(MD)220117(ED)251231") == expected
    assert read("AHM.12345678") == Udi("ahm", "12345678")


def test_a_trace_code_is_recognised_and_names_no_device() -> None:
    assert read("81234567890123456789") == Udi("trace", serial="81234567890123456789")
    assert read("8123 4567 8901 2345 6789").serial == "81234567890123456789"
    assert identifiers_in(pd.Series(["81234567890123456789", DI], dtype="str")).tolist() == ["", DI]


TRACES = ("81234567890123456789", "81234567890123456788")


@pytest.mark.parametrize("between", ["、", "；", ", ", " ", "\n"])
def test_several_codes_of_a_cell_are_all_read(between: str) -> None:
    assert [one.serial for one in read_all(between.join(TRACES))] == list(TRACES)
    cell = between.join([f"(01){DI}(10)A1", f"(01){DI}(10)A2"])
    assert [(one.di, one.lot) for one in read_all(cell)] == [(DI, "A1"), (DI, "A2")]
    assert lots_in(pd.Series([cell], dtype="str")).tolist() == ["A1、A2"]
    other = f"{cell}{between}(01)06931234567899"
    assert identifiers_in(pd.Series([cell, other], dtype="str")).tolist() == [DI, ""]


def test_a_cell_that_is_no_code_even_in_part_is_unreadable() -> None:
    for text in (f"{TRACES[0]}、12", "12、34", f"(01){DI}、"):
        assert len(read_all(text)) == 1
    assert read_all(f"{TRACES[0]}、12")[0].problem == "unreadable"
    assert read_all(f"01{DI}112201171728013110A2B 21S-1") == (read(f"(01){DI}(11)220117(17)280131(10)A2B(21)S-1"),)


@pytest.mark.parametrize("between", ["\x1d", " ", "\n"])
@pytest.mark.parametrize("serial", ["10000000004", "111111111111111111"])
def test_a_serial_number_that_could_be_a_code_by_itself_is_a_part_of_its_message(between: str, serial: str) -> None:
    """Behind FNC1 its application identifier makes it an article number whose check digit fits, or twenty digits."""
    cell = f"01{DI}10A2B{between}21{serial}"
    assert read(f"21{serial}").problem == ""
    assert read_all(cell) == (Udi("gs1", DI, "A2B", serial=serial),)
    assert identifiers_in(pd.Series([cell], dtype="str")).tolist() == [DI]
    assert [one.di for one in read_all(f"{DI}{between}(01){DI}(10)A2B")] == [DI, DI]


def test_lots_of_a_column() -> None:
    assert lots_in(pd.Series(["", f"(01){DI}(10)A2B", "x"], dtype="str")).tolist() == ["", "A2B", ""]


_VALUES = st.from_regex(r"[A-Za-z0-9\-/.]{1,20}", fullmatch=True)
_DAYS = st.dates(date(2019, 1, 1), date(2049, 12, 31))


@given(lot=_VALUES, serial=_VALUES, made=_DAYS, expires=_DAYS)
def test_the_short_way_reads_what_the_library_reads(lot: str, serial: str, made: date, expires: date) -> None:
    text = f"(01){DI}(11){made:%y%m%d}(17){expires:%y%m%d}(10){lot}(21){serial}"
    elements = {element.ai.ai: element for element in GS1Message.parse_hri(text).element_strings}
    assert read(text) == Udi("gs1", elements["01"].value, lot, f"{made}", f"{expires}", serial)
    assert (elements["11"].date, elements["17"].date) == (made, expires)
    assert (elements["10"].value, elements["21"].value) == (lot, serial)
    assert read(f"01{DI}11{made:%y%m%d}17{expires:%y%m%d}10{lot}\x1d21{serial}") == read(text)


@given(st.text(max_size=60))
def test_nothing_breaks_it(text: str) -> None:
    found = read(text)
    assert found.problem in {"", "check_digit", "date", "unreadable"}
