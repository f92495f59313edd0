"""A batch of messages copied without some of them; all that stays is what it was, byte for byte (in UTF-8)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pv.sources.icsr_rows import Dialect
from pv.sources.xml_safety import Message, messages, opened, utf8_chunks

_ENCODING = re.compile(rb"\A((?:\xef\xbb\xbf)?\s*<\?xml[^>]*?\bencoding\s*=\s*[\"'])[A-Za-z0-9._-]+")


def copy_without(source: Path, dialect: Dialect, leave_out: Callable[[Message], bool], target: Path) -> bool:
    """Write `target` without the messages that are to be left out, and what stands before each of them up to the
    message before it. Gives whether the other messages are read from it as before.

    The file is read twice and the copy once, a chunk at a time. Raises FileRefused where the copy is no batch any more.
    """
    cuts: list[tuple[int, int]] = []
    kept = _Sum()
    last = 0
    for message in messages(source, dialect.root, dialect.tag):
        if leave_out(message):
            cuts.append((last or message.begin, message.end))
        else:
            kept.add(message)
        last = message.end
    with opened(source) as stream, target.open("wb") as sink:
        sink.writelines(_outside(utf8_chunks(stream), cuts))
    copied = _Sum()
    for message in messages(target, dialect.root, dialect.tag):
        copied.add(message)
    return kept.digest() == copied.digest()


class _Sum:
    """What messages say, in their order. Of a broken one the length: how much of it is told depends on its place."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, message: Message) -> None:
        text = message.text if message.tree is not None else None
        self._sum.update(repr((message.end - message.begin, text)).encode())

    def digest(self) -> bytes:
        return self._sum.digest()


def _outside(chunks: Iterable[bytes], cuts: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """The bytes outside of the cuts (begin, end; in order), the declaration saying that they are UTF-8."""
    waiting = iter([*cuts])
    begin, end = next(waiting, (None, 0))
    position = 0
    for chunk in chunks:
        start, stop = position, position + len(chunk)
        while position < stop:
            if begin is not None and position >= begin:
                position = min(end, stop)
                if position == end:
                    begin, end = next(waiting, (None, 0))
                continue
            until = stop if begin is None else min(begin, stop)
            piece = chunk[position - start : until - start]
            yield piece if position else _ENCODING.sub(rb"\1UTF-8", piece)
            position = until
