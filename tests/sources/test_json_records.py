"""Records of a large JSON document, one at a time: as the json module reads them, whatever is read at a time."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pv.sources import FileRefused, json_records


def read(data: bytes) -> list[dict[str, object]]:
    return list(json_records.records(io.BufferedReader(io.BytesIO(data))))


def test_records_with_numbers_as_text() -> None:
    text = (
        '{"meta": {"results": {"total": 2}}, "results": [{"a": 1.50, "é": "\\u5b57"}, {"b": [12, null, true]}], "z": 1}'
    )
    assert read(b"\xef\xbb\xbf" + text.encode()) == [{"a": "1.50", "é": "字"}, {"b": ["12", None, True]}]
    assert read(b' {"results" : [ ] }\n') == read(b"{}") == read(b'{"results": 3}') == []


@pytest.mark.parametrize(
    ("data", "record"),
    [
        (b"", 0),
        (b"[]", 0),
        (b"a,b\n1,2\n", 0),
        (b'{"results": [1]}', 1),
        (b'{"results": [{"a": 1}', 1),
        (b'{"results": [{"a": 1},', 1),
        (b'{"results": [{"a": 1},]}', 1),
        (b'{"results": [{"a": 1}, {"b": ]}', 2),
        (b'{"results": [{"a": 1} {"b": 1}]}', 1),
        (b'{"results": [{"a": 1}]', 1),
        (b'{"results": ' + b"[" * 100_000, 1),
        (b'{"results": [{"a": ' + b'{"a":' * 100_000, 1),
    ],
)
def test_what_is_no_document(data: bytes, record: int) -> None:
    with pytest.raises(FileRefused) as refused:
        read(data)
    assert (refused.value.code, refused.value.values) == ("json_broken", {"record": record})


def test_another_encoding_is_refused() -> None:
    with pytest.raises(FileRefused) as refused:
        read(b'{"results": [{"a": "\xff"}]}')
    assert refused.value.code == "encoding"


def test_a_record_without_end_is_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "MAX_RECORD", 10_000)
    monkeypatch.setattr(json_records, "CHUNK", 1_000)
    stream = io.BufferedReader(io.BytesIO(b'{"results": [{"a": "' + b"x" * 1_000_000))
    with pytest.raises(FileRefused):
        list(json_records.records(stream))
    assert stream.tell() < 40_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
documents = st.lists(st.dictionaries(st.text(max_size=3), values, max_size=3), max_size=5)


@settings(max_examples=50, deadline=None)
@given(documents, st.sampled_from([3, 1 << 18]), st.sampled_from([None, 2]), st.booleans(), st.integers(0, 300))
def test_any_document(found: list[dict[str, object]], chunk: int, indent: int | None, escaped: bool, cut: int) -> None:
    text = json.dumps({"meta": {}, "results": found}, indent=indent, ensure_ascii=escaped)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "CHUNK", chunk)
        assert read(text.encode()) == json.loads(text, parse_int=str, parse_float=str, parse_constant=str)["results"]
        if cut < len(text):
            with pytest.raises(FileRefused):
                read(text.encode()[:cut])
