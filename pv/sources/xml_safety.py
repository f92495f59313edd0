"""XML from outside as a stream of single messages: nothing is fetched, nothing expanded, every size is bounded.

A batch is a root element with a header and many messages. Each message becomes a small tree of its own, so that a file
of any length needs the memory of one message. A message that is not well-formed, too long is told by its
number and what is wrong, and reading goes on with the next one.

Refused whole: a DTD with declarations of its own (entity bombs, quadratic blowup and external entities all need one;
the DOCTYPE of E2B(R2), which only names a DTD, is accepted and not followed), another root, an encoding that the text
does not have, a file that is cut short, and one in which no message can be read.
"""

from __future__ import annotations

import codecs
import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeAlias
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from pv.sources.refusal import FileRefused

Readable: TypeAlias = Path | BinaryIO

CHUNK = 1 << 16
# E2B(R3) has 100 to 2,000 elements a message; attachments in base64 make it long.
MAX_TAGS = 500_000  # about 100 MB as a tree
MAX_MESSAGE = 1 << 26  # bytes
MAX_TOKEN = 1 << 20  # bytes of one tag or comment; expat holds it whole and scans it again with each chunk
MAX_NAMES = 10_000  # different names of elements and attributes; expat keeps them all
MAX_HEADER_DEPTH = 64
MAX_HEADER = 1 << 16  # bytes before the first message; read again after each broken message
MAX_AGAIN = 1 << 29  # bytes read again after broken messages, a tag as 50: some thousand of them
MAX_HELD = 100  # a file that starts with so many broken messages is no batch
KEPT_TEXT = 1 << 18  # bytes of a message that are kept as text

# Only these: Python's codecs also unpack (zlib, bz2), which would be a bomb of its own.
_ENCODINGS = {
    **dict.fromkeys(("utf-8", "utf8", "us-ascii", "ascii"), "utf-8"),
    **dict.fromkeys(("gb18030", "gbk", "gb2312", "cp936"), "gb18030"),
    **{f"iso-8859-{part}": f"iso8859-{part}" for part in range(1, 17) if part != 12},
    **{f"windows-125{part}": f"cp125{part}" for part in range(9)},
    **{name: name for name in ("big5", "shift_jis", "euc-jp", "euc-kr")},
}
_DECLARED = re.compile(rb"\s*<\?xml[^>]*?\bencoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")


@dataclass(frozen=True)
class Message:
    """Message `number` (1-based) of a file: its tree, local names without prefix, or None and the `fault`.

    `text`: the message as received, "" beyond `KEPT_TEXT` bytes. `begin`, `end`: its bytes in the file as UTF-8; one
    with a fault ends where the next begins.
    """

    number: int
    tree: Element | None
    text: str
    fault: str = ""
    begin: int = 0
    end: int = 0


class _BrokenMessage(Exception):  # noqa: N818 - it names what happened
    """This message cannot be used; the next one may be."""


class _RootFound(Exception):  # noqa: N818 - no error
    pass


@contextmanager
def no_collection() -> Iterator[None]:
    """No garbage collection while messages are read: elements make no cycles, and looking at each takes a fifth of the
    time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


@contextmanager
def opened(source: Readable) -> Iterator[BinaryIO]:
    """A path opened for reading, or a stream as it is."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield stream
    else:
        yield source


def root_name(head: bytes) -> str:
    """Local name of the root element, from the first bytes of a file (64 KiB suffice); "" where it is no XML."""
    found = []

    def start(tag: str, _: dict[str, str]) -> None:
        found.append(_local(tag))
        raise _RootFound

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = _no_declarations
    try:
        encoding = _encoding(head)
        text = head if encoding == "utf-8" else head.decode(encoding, errors="ignore").encode()
        parser.Parse(text, False)
    except (expat.ExpatError, FileRefused, _RootFound):
        pass
    return found[0] if found else ""


def messages(source: Readable, root: str, tag: str) -> Iterator[Message]:
    """The elements `tag` of a file whose root is `root`, in order. Raises FileRefused (see above), also midway."""
    with opened(source) as stream:
        splitter = _Splitter(root, tag)
        for chunk in utf8_chunks(stream):
            splitter.feed(chunk)
            yield from splitter.take()
        splitter.finish()
        yield from splitter.take()


def _no_declarations(_name: str, _system: str | None, _public: str | None, internal: int) -> None:
    if internal:
        raise FileRefused("xml_declarations")


def _encoding(head: bytes) -> str:
    """Python's name of the encoding. Raises FileRefused for one that is not read."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise FileRefused("xml_encoding", encoding="UTF-32")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith((b"<\0", b"\0<")):
        return "utf-16-le" if head.startswith(b"<") else "utf-16-be"
    declared = _DECLARED.match(head.removeprefix(codecs.BOM_UTF8))
    name = "utf-8" if declared is None else declared[1].decode().lower()
    if name.startswith("utf-16"):  # what can be read here as bytes cannot be UTF-16, whatever it says
        return "utf-8"
    if name not in _ENCODINGS:
        raise FileRefused("xml_encoding", encoding=name)
    return _ENCODINGS[name]


def utf8_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """A file as UTF-8, whatever it was written in; its declaration stays. Raises FileRefused."""
    chunk = stream.read(CHUNK)
    if not chunk:
        raise FileRefused("empty")
    encoding = _encoding(chunk)
    if encoding == "utf-8":  # expat checks it, so that a wrong byte costs one message only
        while chunk:
            yield chunk
            chunk = stream.read(CHUNK)
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk:
            yield decoder.decode(chunk).encode()
            chunk = stream.read(CHUNK)
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError:
        raise FileRefused("xml_encoding", encoding=encoding) from None


class _Splitter:
    """Cuts a stream of UTF-8 into messages.

    `window` holds the bytes from `keep` (a position in the stream: start of the message being read, else the end of the
    last one) to the end of what was fed, so that after a fault the next message can be looked for in all of them.
    """

    def __init__(self, root: str, tag: str) -> None:
        self._root, self._tag = root, tag
        names = (rb"(?:[\w.-]+:)?" + name.encode() for name in (tag, root))
        self._next = re.compile(rb"<%b(?=[\s/>])|</%b\s*>" % tuple(names))
        self._window = bytearray()
        self._window_at = self._keep = 0
        self._number = self._again = 0
        self._prolog = b""
        self._any_good = self._searching = False
        self._tags = 0  # since the chunk in which the message began
        self._ready: list[Message] = []
        self._held: list[Message] = []  # broken ones before the first good one
        self._broken: Message | None = None  # its end is not yet in sight
        self._new_parser(0)

    def take(self) -> Iterator[Message]:
        """The messages that are complete."""
        ready, self._ready = self._ready, []
        yield from ready

    def feed(self, chunk: bytes) -> None:
        self._window += chunk
        self._parse(self._resume(self._next.search(self._window)) if self._searching else chunk)
        if self._searching:  # all but what may be the beginning of a tag can be forgotten
            self._keep = max(self._keep, self._window_at + len(self._window) - 200)
        del self._window[: self._keep - self._window_at]
        self._window_at = self._keep

    def finish(self) -> None:
        """End of the file. Raises FileRefused where the root is not closed or no message could be read."""
        if not self._searching:
            self._parse(b"", final=True)
        if self._searching and not self._closed:
            raise FileRefused("xml_truncated", root=self._root, message=self._number)
        self._end_broken(self._window_at + len(self._window))
        if self._held:
            raise _all_broken(self._held)

    def _parse(self, data: bytes | None, final: bool = False) -> None:
        while data is not None:
            try:
                self._fed += len(data)
                self._parser.Parse(data, final)
                self._check_sizes(data)
                return
            except (expat.ExpatError, _BrokenMessage) as error:
                data = self._recover(error)

    def _new_parser(self, position: int) -> None:
        """A parser for the stream from `position`, within the root element where that has been passed."""
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        self._depth = 0  # outside of messages
        self._closed = False
        self._base = position - len(self._prolog)
        self._leave()
        parser.StartDoctypeDeclHandler = _no_declarations
        parser.SkippedEntityHandler = self._unknown_entity
        self._fed = len(self._prolog)
        parser.Parse(self._prolog, False)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element outside of messages, or the start of one. Raises FileRefused for another root."""
        name = _local(tag)
        self._depth += 1
        if self._depth == 1 and name != self._root:
            raise FileRefused("xml_unknown", root=name[:80])
        if name == self._tag:
            self._enter(tag, attributes)
        elif self._depth > MAX_HEADER_DEPTH:
            raise _BrokenMessage(f"more than {MAX_HEADER_DEPTH} levels outside of the messages")

    def _end(self, _: str) -> None:
        self._depth -= 1
        self._closed = self._depth == 0

    def _enter(self, tag: str, attributes: dict[str, str]) -> None:
        """Build a tree from here on; only the ends of elements pass through Python."""
        self._keep = self._base + self._parser.CurrentByteIndex
        if not self._prolog:
            self._prolog = bytes(self._window[: self._keep])
            self._check_header()
        builder = TreeBuilder()
        self._raw_tag, self._tags = tag, 0
        self._tree: Element | None = builder.start(tag, attributes)
        self._parser.StartElementHandler = builder.start
        self._parser.EndElementHandler = self._end_inside(builder.end)
        self._parser.CharacterDataHandler = builder.data

    def _leave(self) -> None:
        self._tree = None
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = None

    def _end_inside(self, end_in_tree: Callable[[str], Element]) -> Callable[[str], None]:
        """What to do at the end of an element: a closure, as each of a message's hundreds passes here."""
        message = self._raw_tag

        def end(tag: str) -> None:
            element = end_in_tree(tag)
            if tag == message:
                if element is not self._tree:  # the next message stands within this one
                    raise _BrokenMessage(f"</{self._tag}> is missing")
                self._complete(element)

        return end

    def _complete(self, tree: Element) -> None:
        """The message that has just ended."""
        tag = self._raw_tag
        start = self._base + self._parser.CurrentByteIndex - self._window_at
        closing = self._window.startswith(b"</" + tag.encode(), start)  # of <m/> its end is told
        stop = self._window.index(b">", start) + 1 if closing else start
        if ":" in tag:
            for one in tree.iter():
                one.tag = _local(one.tag)
        self._ready += [*self._held, self._message(tree, stop)]
        self._held, self._any_good = [], True
        self._keep = self._window_at + stop
        self._depth -= 1
        self._leave()

    def _check_header(self) -> None:
        if self._keep > MAX_HEADER or (not self._prolog and len(self._window) > MAX_HEADER + CHUNK):
            raise FileRefused("xml_broken", message=0, fault=f"a header longer than {MAX_HEADER} bytes")

    def _unknown_entity(self, name: str, _: bool) -> None:
        raise _BrokenMessage(f"&{name[:40]}; is not known")

    def _message(self, tree: Element | None, stop: int, fault: str = "") -> Message:
        """The next message, from `keep` to `stop` in the window."""
        self._number += 1
        start = self._keep - self._window_at
        text = self._window[start:stop] if stop - start <= KEPT_TEXT else b""
        return Message(self._number, tree, text.decode(errors="replace"), fault, self._keep, self._window_at + stop)

    def _end_broken(self, end: int) -> None:
        if self._broken is not None:
            (self._ready if self._any_good else self._held).append(replace(self._broken, end=end))
            self._broken = None

    def _check_sizes(self, data: bytes) -> None:
        """After each chunk, which is short enough to do no harm by itself."""
        if not self._prolog:
            self._check_header()
        self._tags += data.count(b"<")
        if self._tree is not None and self._tags > MAX_TAGS:
            raise _BrokenMessage(f"more than {MAX_TAGS} tags")
        if self._fed - self._parser.CurrentByteIndex > MAX_TOKEN:
            raise _BrokenMessage(f"a tag or comment longer than {MAX_TOKEN} bytes")
        if self._window_at + len(self._window) - self._keep > MAX_MESSAGE:
            raise _BrokenMessage(f"longer than {MAX_MESSAGE} bytes")
        if len(self._parser.intern) > MAX_NAMES:
            raise _BrokenMessage(f"more than {MAX_NAMES} names of elements and attributes")

    def _recover(self, error: Exception) -> bytes | None:
        """Set the broken message down and go to the next; gives its bytes so far, None where it is not in sight."""
        fault = self._fault(error)
        inside = self._tree is not None or self._at_tag()
        if not self._prolog:
            raise FileRefused("xml_broken", message=self._number, fault=fault) from None
        start = self._keep - self._window_at
        found = self._next.search(self._window, start + inside)
        self._broken = message = self._message(None, len(self._window) if found is None else found.start(), fault)
        self._keep += inside
        rest = self._resume(found)
        self._again += len(self._prolog) + len(rest or b"") + 50 * (rest or b"").count(b"<")
        if len(self._held) > MAX_HELD or self._again > MAX_AGAIN:
            raise _all_broken([*self._held, message])
        return rest

    def _at_tag(self) -> bool:
        """Whether a fault outside of messages lies in the start tag of one (or after the end of the root).

        `keep` is then that tag, and what stands before the first of them is the header.
        """
        found = self._next.search(self._window, self._keep - self._window_at)
        if found is None or self._window_at + found.start() > self._base + self._parser.CurrentByteIndex:
            return False
        self._keep = self._window_at + found.start()
        if not self._prolog and self._depth:
            self._prolog = bytes(self._window[: found.start()])
        return True

    def _resume(self, found: re.Match[bytes] | None) -> bytes | None:
        """Begin anew where the next message (or the end of the root) has been found."""
        self._searching = found is None
        if found is None:
            return None
        self._keep = self._window_at + found.start()
        self._end_broken(self._keep)
        self._new_parser(self._keep)
        return bytes(self._window[found.start() :])

    def _fault(self, error: Exception) -> str:
        """What is wrong, and on which line of the message."""
        if not isinstance(error, expat.ExpatError):
            return str(error)
        start = self._keep - self._window_at
        stop = self._base + self._parser.ErrorByteIndex - self._window_at
        line = self._window.count(b"\n", start, max(start, stop)) + 1
        return f"{expat.ErrorString(error.code)}, line {line}"


def _all_broken(held: list[Message]) -> FileRefused:
    return FileRefused("xml_broken", message=held[0].number, fault=held[0].fault)
