"""Batches of XML messages: what is well-formed is read, what is broken costs itself only, attacks cost nothing."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pv import messages as wordings
from pv.sources import xml_safety
from pv.sources.refusal import FileRefused
from pv.sources.xml_safety import Message, messages, root_name

GOOD = ("<m><i>1</i></m>", "<m>\n<i a='2'/>\n</m>", "<m>三</m>")


def _file(parts: Sequence[str], before: str = "") -> bytes:
    return (before + "<b><header>x</header>" + "\n".join(parts) + "<footer/></b>\n").encode()


def _read(data: bytes) -> list[Message]:
    return list(messages(io.BytesIO(data), "b", "m"))


def _trees(read: Iterable[Message]) -> list[str]:
    return [tostring(one.tree, encoding="unicode") for one in read if one.tree is not None]


def _refusal(data: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as refused:
        _read(data)
    for language in ("zh", "en"):
        assert wordings.refusal(refused.value.code, refused.value.values, language)
    return refused.value


@pytest.mark.parametrize("chunk", [1, 2, 7, 64, 1 << 18])
def test_messages_come_one_by_one_as_they_were_sent(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(xml_safety, "CHUNK", chunk)
    read = _read(_file(GOOD, '<?xml version="1.0" encoding="utf-8"?><!-- batch -->\n'))
    assert [one.number for one in read] == [1, 2, 3]
    assert [one.text for one in read] == list(GOOD)
    assert _trees(read) == ["<m><i>1</i></m>", '<m>\n<i a="2" />\n</m>', "<m>三</m>"]


def test_prefixes_do_not_matter() -> None:
    (read,) = _read(b'<h:b xmlns:h="urn:x"><h:m h:a="1"><h:i>1</h:i></h:m></h:b>')
    assert read.tree is not None
    assert read.tree.findtext("i") == "1"


def test_what_is_commented_out_or_quoted_is_no_message() -> None:
    read = _read(_file([GOOD[0], "<!-- <m>no</m> -->", "<x><![CDATA[<m>no</m>]]></x>", GOOD[1]]))
    assert [one.text for one in read] == [GOOD[0], GOOD[1]]


def test_a_batch_without_messages_has_none() -> None:
    assert _read(_file([])) == []


BROKEN = {
    "mismatched": "<m>\n<i></m>",
    "not closed": "<m><i>1</i>",
    "attribute": "<m a=></m>",
    "quotation": '<m a="x></m>',
    "entity": "<m>&eacute;</m>",
    "nul": "<m>\0</m>",
    "comment": "<m><!-- x</m>",
    "comment, closed later": "<m><!-- x</m><m><!-- y --></m>",
    "cdata": "<m><![CDATA[x</m>",
    "end": "<m></m x>",
}


@pytest.mark.parametrize("chunk", [1, 16, 1 << 18])
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_broken_message_costs_itself_only(
    monkeypatch: pytest.MonkeyPatch, broken: str, place: int, chunk: int
) -> None:
    monkeypatch.setattr(xml_safety, "CHUNK", chunk)
    parts = [*GOOD[:place], broken, *GOOD[place:]]
    read = _read(_file(parts, '<!DOCTYPE b SYSTEM "http://nowhere.invalid/x.dtd">'))
    assert [one.text for one in read if one.text in GOOD] == list(GOOD)
    assert read[place].tree is None
    assert read[place].fault
    assert [one.number for one in read] == list(range(1, len(read) + 1))


def test_the_fault_names_the_line_within_the_message() -> None:
    read = _read(_file([GOOD[0], "<m>\n\n<i></m>", GOOD[1]]))
    assert read[1].fault == "mismatched tag, line 3"
    assert read[1].text.startswith("<m>\n\n<i></m>")


def test_a_wrong_byte_costs_its_message_only() -> None:
    data = _file(GOOD).replace("三".encode(), b"\xc8\xfd")
    assert [one.tree is None for one in _read(data)] == [False, False, True]


@given(st.text("<>/!-[]CDAT&#;\"'= xy\0é", max_size=30), st.integers(0, 3), st.sampled_from([3, 1 << 18]))
def test_whatever_stands_in_one_message_no_other_is_lost(garbage: str, place: int, chunk: int) -> None:
    parts = [*GOOD[:place], f"<m>{garbage}</m>", *GOOD[place:]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_safety, "CHUNK", chunk)
        read = _read(_file(parts))
    assert [one.text for one in read if one.text in GOOD and one.tree is not None] == list(GOOD)


@given(st.data())
def test_any_damage_ends_in_messages_or_a_refusal(data: st.DataObject) -> None:
    whole = bytearray(_file(GOOD, '<?xml version="1.0"?><!DOCTYPE b SYSTEM "x.dtd">'))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=6))
    try:
        read = _read(bytes(whole))
    except FileRefused as refused:
        assert wordings.refusal(refused.code, refused.values, "zh")  # noqa: PT017 - which one, it is free to choose
    else:
        assert [one.number for one in read] == list(range(1, len(read) + 1))


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MAX_TAGS", 60, "<m>" + "<i/>" * 99 + "</m>"),
        ("MAX_TAGS", 60, "<m>" + "<i>" * 99 + "</i>" * 99 + "</m>"),
        ("MAX_TOKEN", 100, f"<m a='{'x' * 400}'/>"),
        ("MAX_TOKEN", 100, f"<m><!--{'x' * 400}--></m>"),
        ("MAX_MESSAGE", 100, "<m>" + "<i>x</i>" * 50 + "</m>"),
        ("MAX_NAMES", 50, "<m>" + "".join(f"<i{n}/>" for n in range(99)) + "</m>"),
        ("MAX_NAMES", 50, "<m>" + "".join(f"<i a{n}=''/>" for n in range(99)) + "</m>"),
    ],
)
def test_a_message_beyond_a_limit_is_broken(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, message: str
) -> None:
    monkeypatch.setattr(xml_safety, "CHUNK", 64)
    data = _file([GOOD[0], message, GOOD[1]])
    assert all(one.tree is not None for one in _read(data))
    monkeypatch.setattr(xml_safety, limit, value)
    read = _read(data)
    assert [one.tree is None for one in read] == [False, True, False]
    assert str(value) in read[1].fault


@pytest.mark.parametrize("levels", [100, 50_000])
def test_deep_nesting_does_no_harm(levels: int) -> None:
    read = _read(_file([GOOD[0], "<m>" + "<d>" * levels + "</d>" * levels + "</m>", GOOD[1]]))
    assert [one.tree is not None for one in read] == [True, True, True]


def test_deep_nesting_outside_of_messages_is_refused() -> None:
    assert _refusal(b"<b>" + b"<d>" * 100 + b"</d>" * 100 + b"<m/></b>").code == "xml_broken"


def _declared(subset: str, text: str = "&a;") -> bytes:
    return f"<!DOCTYPE b {subset}><b><m>{text}</m></b>".encode()


@pytest.mark.parametrize(
    "data",
    [
        _declared('[<!ENTITY a "x">]'),
        _declared('[<!ENTITY z "ha"><!ENTITY y "&z;&z;&z;&z;"><!ENTITY a "&y;&y;&y;&y;">]'),
        _declared(f'[<!ENTITY a "{"x" * 100_000}">]', "&a;" * 10_000),
        _declared('[<!ENTITY a SYSTEM "file:///etc/passwd">]'),
        _declared('SYSTEM "x.dtd" [<!ENTITY % p SYSTEM "http://nowhere.invalid/p"> %p;]', ""),
        _declared(f'[<!ATTLIST m a CDATA "{"x" * 100_000}">]', "<m/>"),
        _declared("[]", ""),
    ],
    ids=["entity", "laughs", "quadratic", "external", "parameter", "attributes", "empty"],
)
def test_a_dtd_with_declarations_is_refused(data: bytes) -> None:
    assert _refusal(data).code == "xml_declarations"


def test_a_dtd_that_is_only_named_is_neither_fetched_nor_needed() -> None:
    read = _read(_file(GOOD, '<!DOCTYPE b PUBLIC "-//x//y" "file:///nowhere/icsr21xml.dtd">'))
    assert [one.text for one in read] == list(GOOD)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"<html><m/></html>", "xml_unknown"),
        (b"<b><m></m>", "xml_truncated"),
        (b"<b><m></m><m><i>", "xml_truncated"),
        (b"<b><m></m", "xml_truncated"),
        (b"<b><m></m><m></i></m><foo", "xml_truncated"),
        (b"no XML", "xml_broken"),
        (b"<b", "xml_broken"),
        (b"<b><header></m></b>", "xml_broken"),
        (b"<b><m></i></m><m>&x;</m></b>", "xml_broken"),
        (b"<b>" + b"<m></i></m>" * 200 + b"<m/></b>", "xml_broken"),
        (b"<b>" + b" " * 70_000 + b"<m></m></b>", "xml_broken"),
        (b"\0" * 10_000, "xml_broken"),
        ("\ufeff<b/>".encode("utf-32"), "xml_encoding"),
        (b'<?xml version="1.0" encoding="zlib"?><b><m/></b>', "xml_encoding"),
        (b'<?xml version="1.0" encoding="gb18030"?><b><m>\xff\xff</m></b>', "xml_encoding"),
        ("<b><m>x</m></b>".encode("utf-16") + b"\x00", "xml_encoding"),
    ],
)
def test_a_file_that_cannot_be_a_batch_is_refused_with_a_reason(data: bytes, code: str) -> None:
    assert _refusal(data).code == code


def test_what_is_read_again_after_faults_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _file([GOOD[0], *["<m></i></m>"] * 50])
    assert len(_read(data)) == 51
    monkeypatch.setattr(xml_safety, "MAX_AGAIN", 5_000)
    assert _refusal(data).code == "xml_broken"


@pytest.mark.parametrize("start", [b"<m>", b"<m><!--", b"<m><![CDATA["])
def test_messages_that_never_end_are_given_up(monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    """Each is tried to the end of what is there, which is the square of their number: too many are refused."""
    monkeypatch.setattr(xml_safety, "MAX_AGAIN", 1 << 20)
    assert _refusal(b"<b><m/>" + start * 2_000 + b"</b>").code == "xml_broken"


def test_a_message_may_be_empty() -> None:
    assert [one.text for one in _read(b"<b><m/><m a='1' /></b>")] == ["<m/>", "<m a='1' />"]


def test_a_broken_last_message_is_not_a_file_cut_short() -> None:
    assert [one.tree is None for one in _read(b"<b><m></m><m></i></m></b>")] == [False, True]


def test_two_batches_in_one_file_are_both_read_and_the_seam_is_shown() -> None:
    read = _read(_file(GOOD[:1], '<?xml version="1.0"?>') + _file(GOOD[1:], '<?xml version="1.0"?>'))
    assert [one.text for one in read if one.tree is not None] == list(GOOD)
    assert [one.fault.startswith("junk after document element") for one in read] == [False, True, False, False]


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", "UTF-8"),
        ("utf-8", "utf-16"),
        ("utf-16", ""),
        ("utf-16-le", "UTF-16"),
        ("gb18030", "GB2312"),
        ("gb18030", "gbk"),
        ("latin-1", "ISO-8859-1"),
        ("shift_jis", "Shift_JIS"),
    ],
)
def test_encodings(encoding: str, declared: str) -> None:
    text = "é" if encoding == "latin-1" else "三"
    heading = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    data = f"{heading}<b><m>{text}</m></b>".encode(encoding)
    assert _trees(_read(data)) == [f"<m>{text}</m>"]
    assert root_name(data) == "b"


@pytest.mark.parametrize(
    ("head", "root"),
    [
        (b'<?xml version="1.0"?>\n<!-- <x> --><!DOCTYPE b SYSTEM "x"><p:b xmlns:p="y"><m', "b"),
        (b"  <b>", "b"),
        (b"a,b\n1,2", ""),
        (b"", ""),
        (b"<", ""),
        (b"PK\x03\x04", ""),
        (b"\0\0\0\0", ""),
        (b'<!DOCTYPE b [<!ENTITY a "x">]><b>', ""),
        (b'<?xml version="1.0" encoding="zlib"?><b/>', ""),
    ],
)
def test_the_root_is_known_from_the_head(head: bytes, root: str) -> None:
    assert root_name(head) == root


class _Endless(io.RawIOBase):
    """A beginning, then the same bytes for ever; counts what is read."""

    def __init__(self, start: bytes, filler: bytes, size: int) -> None:
        self._start, self._filler, self._left = start, filler, size
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        start, self._start = self._start, b""
        block = (start + self._filler * (size // len(self._filler)))[: min(size, self._left)]
        self._left -= len(block)
        self.given += len(block)
        return block


@pytest.mark.parametrize(
    ("start", "filler"),
    [
        (b"", b"\0"),
        (b"<b>", b"\0"),
        (b"<b", b" "),
        (b"<b><!--", b"x"),
        (b'<b a="', b"x"),
        (b"<b><header>", b"<i>"),
        (b"<b>", b"<i/>"),
    ],
)
def test_two_gigabytes_of_nothing_are_refused_early(start: bytes, filler: bytes) -> None:
    stream = _Endless(start, filler, 2 << 30)
    with pytest.raises(FileRefused):
        list(messages(stream, "b", "m"))  # type: ignore[arg-type]
    assert stream.given <= 3 << 20


@pytest.mark.parametrize("start", [b"<b><m>", b"<b><m><![CDATA["])
def test_an_endless_text_is_given_up(start: bytes) -> None:
    stream = _Endless(start, b"x" * 4_096, 100 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(FileRefused):
            list(messages(stream, "b", "m"))  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200 << 20
