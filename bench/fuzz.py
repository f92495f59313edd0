"""Changed files through every reader: each is read or refused with a reason, and nothing else ever happens.

    python -m bench.fuzz --seconds 600 --seed 1

Valid files of all formats are changed by bytes, spans, tokens of their syntax and pieces of one another; the members
of archives also inside. Each is recognised, read to its end and checked as the intake does. A file that raises anything
but FileRefused is written to the folder `--keep` and named with its seed.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

from bench.valid_files import packed, valid_files
from pv import contracts, messages
from pv.sources import FileRefused, open_source

TODAY = date(2026, 11, 22)
_TOKENS = (
    b"<", b">", b"</", b"/>", b"&", b"&#0;", b"&#x110000;", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<!DOCTYPE a [",
    b"<?xml version='1.0' encoding='utf-16'?>", b"<PORR_IN049016UV>", b"</PORR_IN049016UV>", b"</MCCI_IN200100UV01>",
    b'"', b"'", b",", b";", b"|", b"$", b"\t", b"\r", b"\n", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe",
    b"{", b"}", b"[", b"]", b"\\u0000", b"\\ud800", b"1e999", b"null", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b",
    b"-1", b"99999999999999999999", b"0000-00-00", b"2026-02-30", "民国115年".encode(), "\u200b".encode(), b"=1+1",
    "；".encode("gb18030"), b"\x81", b" " * 300, b"9" * 300,
)  # fmt: skip


def changed(random_: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """The file with one to eight changes."""
    changed_ = bytearray(data)
    for _ in range(random_.choice((1, 1, 2, 3, 8))):
        random_.choice(_CHANGES)(random_, changed_, others)
    return bytes(changed_)


def _place(random_: random.Random, data: bytearray) -> int:
    return random_.randrange(len(data) + 1)


def _flip(random_: random.Random, data: bytearray, _: list[bytes]) -> None:
    if data:
        data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)


def _insert(random_: random.Random, data: bytearray, _: list[bytes]) -> None:
    place = _place(random_, data)
    data[place:place] = random_.choice(_TOKENS)


def _overwrite(random_: random.Random, data: bytearray, _: list[bytes]) -> None:
    place = _place(random_, data)
    token = random_.choice(_TOKENS)
    data[place : place + len(token)] = token


def _remove(random_: random.Random, data: bytearray, _: list[bytes]) -> None:
    place = _place(random_, data)
    del data[place : place + random_.choice((1, 2, 10, 100, 1000))]


def _repeat(random_: random.Random, data: bytearray, _: list[bytes]) -> None:
    start = _place(random_, data)
    span = bytes(data[start : start + random_.choice((1, 10, 100, 1000))])
    data[start:start] = span * random_.choice((1, 2, 50))


def _cut(random_: random.Random, data: bytearray, _: list[bytes]) -> None:
    del data[_place(random_, data) :]


def _join(random_: random.Random, data: bytearray, others: list[bytes]) -> None:
    other = random_.choice(others)
    start, place = random_.randrange(len(other)), _place(random_, data)
    data[place:place] = other[start : start + random_.choice((10, 100, 1000))]


_CHANGES: tuple[Callable[[random.Random, bytearray, list[bytes]], None], ...] = (
    _flip, _flip, _insert, _insert, _overwrite, _remove, _repeat, _cut, _join,
)  # fmt: skip


def changed_inside(random_: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """An archive with a change in one member, one member less, or one more under an odd name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    name = random_.choice(sorted(files))
    content = files[name]
    what = random_.randrange(6)
    if what == 0:
        del files[name]
    elif what == 1:
        files[random_.choice(("../x.txt", "/x.csv", "a/b/DEMO.txt", "x.zip", "\\x", "N" * 300))] = content
    else:
        files[name] = changed(random_, bytes(content) if isinstance(content, bytes) else content.encode(), others)
    return packed(files)


def made(seed: int, files: dict[str, bytes]) -> tuple[str, bytes]:
    """Name of the format and a changed file, from a seed alone."""
    random_ = random.Random(seed)
    names = sorted(files)
    name = random_.choice(names)
    others = [files[other] for other in names]
    if files[name].startswith(b"PK") and random_.random() < 0.8:
        return name, changed_inside(random_, files[name], others)
    return name, changed(random_, files[name], others)


def outcome(path: Path) -> str:
    """ "read", or the code of the refusal. Raises whatever else a reader raises."""
    try:
        for batch in open_source(path).batches():
            contracts.check(batch, TODAY)
    except FileRefused as refusal:
        for lang in ("zh", "en"):
            messages.refusal(refusal.code, refusal.values | {"file": path.name}, lang)
        return refusal.code
    return "read"


def run(seconds: float, seed: int, keep: Path) -> int:
    """Prints what was done; gives the number of failures."""
    files = valid_files()
    started, done, slowest, failures = time.monotonic(), 0, (0.0, ""), 0
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        while time.monotonic() - started < seconds:
            name, data = made(seed + done, files)
            path.write_bytes(data)
            before = time.thread_time()
            try:
                outcomes[outcome(path)] += 1
            except Exception:
                failures += 1
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{seed + done}-{name}").write_bytes(data)
                print(f"{name}, seed {seed + done}:\n{traceback.format_exc(limit=-3)}", file=sys.stderr)
            slowest = max(slowest, (time.thread_time() - before, f"{name}, seed {seed + done}"))
            done += 1
    print(f"{done} files in {time.monotonic() - started:.0f} s, {failures} failures; slowest {slowest[0]:.2f} s CPU")
    print(f"slowest: {slowest[1]}; " + ", ".join(f"{code} {count}" for code, count in outcomes.most_common()))
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    given = parser.parse_args()
    return 1 if run(given.seconds, given.seed, given.keep) else 0


if __name__ == "__main__":
    sys.exit(main())
