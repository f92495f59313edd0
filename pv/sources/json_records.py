"""The records of one large JSON document `{"meta": …, "results": [ … ]}`, one at a time.

Memory holds one record and a chunk of text, whatever the length of the document. Numbers stay the text they are.
"""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator
from typing import Any

from pv.sources.refusal import FileRefused

CHUNK = 1 << 18
MAX_RECORD = 1 << 24  # characters; a drug report with 1,000 drugs and their annotations has some 5 million
_SPACE = " \t\r\n"


def records(stream: io.BufferedReader, name: str = "results") -> Iterator[dict[str, Any]]:
    """The objects of the array `name` of the top-level object; nothing where there is none.

    Raises FileRefused where the text is no JSON, not UTF-8, cut short, or a record is longer than `MAX_RECORD`, and
    names the record (1-based) at which this was found.
    """
    text = _Text(stream)
    if text.mark() != "{":
        raise FileRefused("json_broken", record=0)
    text.skip()
    while text.mark() == '"':
        key = text.value()
        text.expect(":")
        if key == name and text.mark() == "[":
            text.skip()
            yield from _items(text)
        else:
            text.value()
        if text.mark() == ",":
            text.skip()
    text.expect("}")


def _items(text: _Text) -> Iterator[dict[str, Any]]:
    while text.mark() not in {"]", ""}:
        text.record += 1
        item = text.value()
        if not isinstance(item, dict):
            raise FileRefused("json_broken", record=text.record)
        yield item
        if text.mark() == ",":
            text.skip()
            if text.mark() != "]":
                continue
            raise FileRefused("json_broken", record=text.record)
        if text.mark() != "]":
            raise FileRefused("json_broken", record=text.record)
    text.expect("]")


class _Text:
    """The text as far as it has been read and not yet used."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self.record = 0
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
        self._held, self._at, self._ended = "", 0, False

    def mark(self) -> str:
        """The next character that is no white space; "" at the end."""
        while True:
            while self._at < len(self._held) and self._held[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more():
                return ""

    def skip(self) -> None:
        self._at += 1

    def expect(self, mark: str) -> None:
        if self.mark() != mark:
            raise FileRefused("json_broken", record=self.record)
        self.skip()

    def value(self) -> Any:
        """The value that begins at the next mark."""
        self.mark()
        while True:
            try:
                found, end = self._json.raw_decode(self._held, self._at)
            except (json.JSONDecodeError, RecursionError):
                found, end = None, len(self._held)
            # A value that ends where the text ends may go on: 12 may be 123.
            if end < len(self._held):
                self._at = end
                return found
            if len(self._held) - self._at > MAX_RECORD or not self._more(len(self._held) - self._at):
                raise FileRefused("json_broken", record=self.record)

    def _more(self, wanted: int = 0) -> bool:
        """Read on, by at least as much as is held, so that a long value is tried a few times only."""
        if self._ended:
            return False
        data = self._stream.read(max(CHUNK, wanted))
        try:
            text = self._decode.decode(data, final=not data)
        except UnicodeDecodeError:
            raise FileRefused("encoding") from None
        self._ended = not data
        self._held, self._at = self._held[self._at :] + text, 0
        return bool(text) or not self._ended
