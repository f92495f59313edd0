import pytest
from hypothesis import given
from hypothesis import strategies as st

from pv.codes.numbers import PROVINCES, SEVERAL, Number, is_known_form, kinds, read, risk_class, written


@pytest.mark.parametrize(
    ("stream", "text", "normal", "kind", "origin"),
    [
        ("drug", "国药准字H20053456", "国药准字H20053456", "nmpa", "domestic"),
        ("drug", " 国药准字（ｈ２００５３４５６）", "国药准字H20053456", "nmpa", "domestic"),
        ("drug", "批准文号：国药准字 Z-2005 3456", "国药准字Z20053456", "nmpa", "domestic"),
        ("drug", "国药准字HJ20160123", "国药准字HJ20160123", "nmpa", "import"),
        ("drug", "国药准字SC20200001", "国药准字SC20200001", "nmpa", "hmt"),
        ("drug", "国药准字J20130001", "国药准字J20130001", "nmpa", "import"),
        ("drug", "H20140123", "H20140123", "import_cert", "import"),
        ("drug", "hc20140123", "HC20140123", "import_cert", "hmt"),
        ("drug", "BH20140123", "BH20140123", "import_cert", "import"),
        ("drug", "津药制字Z20090123", "津药制字Z20090123", "hosp_prep", "domestic"),
        ("drug", "藏药制备字Z20190123000", "藏药制备字Z20190123000", "hosp_prep", "domestic"),
        ("device", "国械注准20153141234", "国械注准20153141234", "reg", "domestic"),
        ("device", "国械注（进）2016－3－66－1234", "国械注进20163661234", "reg", "import"),
        ("device", "国械注许20192140001", "国械注许20192140001", "reg", "hmt"),
        ("device", "津械备20190001号", "津械备20190001号", "filing", "domestic"),
        ("device", "津滨海械备20190001", "津滨海械备20190001", "filing", "domestic"),
        ("device", "国食药监械（准）字2013第3661234号（更）", "国食药监械(准)字2013第3661234号", "legacy", "domestic"),
        ("device", "京药监械（准）字2009第2210123号", "京药监械(准)字2009第2210123号", "legacy", "domestic"),
        ("device", "国药管械(进)2000第3210123号", "国药管械(进)2000第3210123号", "", ""),  # 字 is missing
        ("cosmetic", "国妆特字G20190001", "国妆特字G20190001", "special", "domestic"),
        ("cosmetic", "国妆特进字J20190001", "国妆特进字J20190001", "special", "import"),
        ("cosmetic", "国妆特制字20210001", "国妆特制字20210001", "special", "hmt"),
        ("cosmetic", "津g妆网备字2021000001", "津G妆网备字2021000001", "ord_dom", "domestic"),
        ("cosmetic", "国妆网备进字【沪】2021000001", "国妆网备进字(沪)2021000001", "ord_imp", "import"),
        ("cosmetic", "国妆备进字J20151234", "国妆备进字J20151234", "old_filing", "import"),
        ("cosmetic", "卫妆特进字（2003）第0123号", "卫妆特进字(2003)第0123号", "old_health", "import"),
        ("device", "GB8368-2018", "GB8368-2018", "", ""),
        ("drug", "国药准字H2005345", "国药准字H2005345", "", ""),
        ("drug", "无", "", "", ""),
    ],
)
def test_numbers_as_people_write_them(stream: str, text: str, normal: str, kind: str, origin: str) -> None:
    number = read(stream, text)
    assert (number.normal, number.kind, number.origin) == (normal, kind, origin)
    assert is_known_form(stream, text) is bool(kind)


def test_a_registration_tells_class_and_category() -> None:
    new = read("device", "国械注准20193141234")
    assert (new.issuer, new.year, new.risk_class, new.category, new.catalogue) == ("国", "2019", "3", "14", "2017")
    old = read("device", "津械注准20162661234")
    assert (old.issuer, old.year, old.risk_class, old.category, old.catalogue) == ("津", "2016", "2", "6866", "2002")
    legacy = read("device", "国食药监械(准)字2013第3661234号")
    assert (legacy.year, legacy.risk_class, legacy.category) == ("2013", "3", "6866")
    assert read("device", "国械注进20193400123").category == "6840"  # reagents keep their place in the old catalogue
    assert read("device", "国械注准20153141234").category == "14"  # there is no 6814: renewed under the new catalogue
    # Both catalogues have 08, and a number of 2016 may have been renewed since.
    assert (read("device", "国械注准20163081234").category, read("device", "国械注准20163081234").catalogue) == ("", "")
    assert read("device", "津械备20190001号").risk_class == "1"
    assert read("device", "津械备20190001号").category == ""


def test_a_renewal_has_the_key_of_the_first_registration() -> None:
    first, renewed = read("device", "国械注准20153661234"), read("device", "国械注准20153141234")
    assert first.key == renewed.key
    assert first.normal != renewed.normal
    others = (
        "国械注准20153661235",
        "国械注准20143661234",
        "国械注准20152661234",
        "国械注进20153661234",
        "津械注准20153661234",
    )
    assert first.key not in {read("device", other).key for other in others}
    assert read("device", "津械备20190001号").key == read("device", "津械备20190001").key


def test_a_cell_with_two_numbers_is_no_number_unless_they_are_one() -> None:
    both = read("device", "国械注准20153661234；国械注准20193141234")
    assert both.kind == SEVERAL
    assert both.normal == "国械注准20153661234;国械注准20193141234"
    assert not is_known_form("device", both.normal)
    assert read("device", "国械注准20153141234/国械注准20153661234").normal == "国械注准20153141234"


def test_unknown_forms_are_kept_and_differ_in_more_than_case() -> None:
    assert read("device", "gb8368") == Number("gb8368", "GB8368")
    assert read("device", "gb8368").key == read("device", "GB 8368").key
    assert is_known_form("aefi", "anything")  # a stream without forms takes any


@pytest.mark.parametrize(
    ("text", "code"),
    [("Ⅱ类", "2"), ("III", "3"), ("第一类", "1"), ("2", "2"), ("class ii", "2"), ("其他", ""), ("类", ""), ("", "")],
)
def test_classes_as_people_write_them(text: str, code: str) -> None:
    assert risk_class(text) == code


def test_every_form_has_labels() -> None:
    found = {kind: (zh, en) for kind, zh, en in kinds()}
    assert {"nmpa", "reg", "filing", "legacy", "special"} <= set(found)
    assert all(zh and en for zh, en in found.values())


_DIGITS = st.integers(0, 9999).map("{:04d}".format)
REGISTRATIONS = st.builds(
    lambda p, o, y, c, cat, s: f"{p}械注{o}{y}{c}{cat:02d}{s}",
    st.sampled_from(["国", *PROVINCES]),
    st.sampled_from("准进许"),
    st.integers(2014, 2030),
    st.sampled_from("123"),
    st.integers(1, 77),
    _DIGITS,
)
APPROVALS = st.builds(
    lambda t, o, n: f"国药准字{t}{o}{n:08d}",
    st.sampled_from("HZSBTF"),
    st.sampled_from(["", "J", "C"]),
    st.integers(0, 10**8 - 1),
)


@given(REGISTRATIONS, st.lists(st.tuples(st.integers(1, 30), st.sampled_from(" 　-－()（）【】")), max_size=4))
def test_marks_and_width_make_no_difference(number: str, marks: list[tuple[int, str]]) -> None:
    text = number
    for place, mark in marks:
        text = text[:place] + mark + text[place:]
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text)
    assert read("device", wide) == read("device", text) == read("device", number)


@given(REGISTRATIONS, st.integers(1, 77))
def test_what_a_renewal_keeps(number: str, category: int) -> None:
    renewed = number[:9] + f"{category:02d}" + number[11:]
    one, other = read("device", number), read("device", renewed)
    assert one.key == other.key
    assert all(getattr(one, name) == getattr(other, name) for name in ("year", "risk_class", "issuer", "origin"))


@given(st.sampled_from(["drug", "device", "cosmetic"]), st.one_of(st.text(max_size=40), REGISTRATIONS, APPROVALS))
def test_the_normal_form_is_its_own(stream: str, text: str) -> None:
    number = read(stream, text)
    again = read(stream, number.normal)
    assert again == number
    assert bool(number.normal) == bool(written(text))
