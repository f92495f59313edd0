"""Archives and folders from outside: judged before they are read, streamed, never unpacked to disk.

`members(path)` lists the files of a zip archive, of a folder, of a `.gz`, or the one plain file, after looking at what
the archive says of itself; `Member.open()` streams one of them and stops where it unpacks to more than it said, is
damaged or holds NUL bytes. Names inside an archive are only shown, never used as paths.
"""

from __future__ import annotations

import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from pv.sources.refusal import FileRefused

MAX_MEMBERS = 5_000  # a database of all years has some hundred tables
MAX_DIRECTORY = 4 * 1024**2  # bytes of the list of members, about 800 a member at most
MAX_UNZIPPED = 16 * 1024**3  # the cumulative MAUDE tables unpack to about 6 GB
MAX_RATIO = 200  # text packs 4 to 40 times, zeros 1,000 times
RATIO_FROM = 16 * 1024**2  # smaller members do no harm, however well they pack
_NESTED = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar")
_DAMAGE = (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError, OSError, RuntimeError, ValueError, struct.error)


@dataclass(frozen=True)
class Member:
    """One file of an archive or folder. `size`: unpacked bytes as stated; 0 where the archive does not say."""

    name: str
    size: int
    limit: int
    source: Callable[[], IO[bytes]]

    def open(self) -> io.BufferedReader:
        """The content as a stream. Reading raises FileRefused on damage, NUL bytes or more bytes than stated."""
        try:
            return io.BufferedReader(_Guarded(self.source(), self.name, self.limit), 1 << 20)
        except NotImplementedError:
            raise FileRefused("archive_method", name=self.name) from None
        except _DAMAGE:
            raise FileRefused("archive_damaged", name=self.name) from None


class _Guarded(io.RawIOBase):
    """A stream that passes bytes on while they are within the limit and look like text."""

    def __init__(self, source: IO[bytes], name: str, limit: int) -> None:
        self._source, self._name, self._left = source, name, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._source.read(len(buffer))
        except _DAMAGE:
            raise FileRefused("archive_damaged", name=self._name) from None
        self._left -= len(data)
        if self._left < 0:
            raise FileRefused("archive_bomb", name=self._name, limit=MAX_RATIO)
        if b"\0" in data:
            raise FileRefused("nul_bytes", name=self._name)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._source.close()
        super().close()


def members(path: Path) -> tuple[Member, ...]:
    """The files at `path`, in the order of their names; none for an office document.

    Raises FileRefused where an archive is damaged, encrypted, packed within another, too large, or names a place
    outside itself.
    """
    try:
        if path.is_dir():
            return tuple(_plain(file) for file in sorted(path.iterdir()) if file.is_file())
        with path.open("rb") as handle:
            start = handle.read(4)
        if start in {b"PK\x03\x04", b"PK\x05\x06"}:
            return _zip_members(path)
        return (_gzip(path),) if start.startswith(b"\x1f\x8b") else (_plain(path),)
    except OSError as error:
        raise FileRefused("unreadable", detail=error.strerror or str(error)) from None


def is_archive(path: Path) -> bool:
    """A folder, or a file that starts as a zip archive does."""
    try:
        if path.is_dir():
            return True
        with path.open("rb") as handle:
            return handle.read(2) == b"PK"
    except OSError:
        return False


def _plain(path: Path) -> Member:
    size = path.stat().st_size
    return Member(path.name, size, size, lambda: path.open("rb"))


def _gzip(path: Path) -> Member:
    limit = max(RATIO_FROM, MAX_RATIO * path.stat().st_size)
    return Member(path.name, 0, min(limit, MAX_UNZIPPED), lambda: cast("IO[bytes]", gzip.open(path, "rb")))


def _zip_members(path: Path) -> tuple[Member, ...]:
    if _directory_size(path) > MAX_DIRECTORY:
        raise FileRefused("archive_members", limit=MAX_MEMBERS)
    try:
        with zipfile.ZipFile(path) as archive:
            listed = [info for info in archive.infolist() if not info.filename.endswith("/")]
    except _DAMAGE:
        raise FileRefused("archive_damaged", name=path.name) from None
    if any(info.filename == "[Content_Types].xml" for info in listed):
        return ()
    _check(listed, path.stat().st_size)
    return tuple(_zipped(path, info) for info in sorted(listed, key=lambda info: (info.filename, info.header_offset)))


def _directory_size(path: Path) -> int:
    """Bytes of the list of members, so that a list of millions is refused before it is read.

    From the record at the end of the archive (PKWARE APPNOTE 4.3.16; 4.3.14 for large archives); 0 where there is none.
    """
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - (1 << 16) - 64))
        tail = handle.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 16:
        return 0
    size = int.from_bytes(tail[at + 12 : at + 16], "little")
    large = tail.rfind(b"PK\x06\x06", 0, at)
    if size == 0xFFFFFFFF and large >= 0:
        return int.from_bytes(tail[large + 40 : large + 48], "little")
    return size


def _check(listed: list[zipfile.ZipInfo], packed: int) -> None:
    if len(listed) > MAX_MEMBERS:
        raise FileRefused("archive_members", limit=MAX_MEMBERS)
    for info in listed:
        name = info.filename
        if info.flag_bits & 0x1:
            raise FileRefused("archive_encrypted", name=name)
        if _outside(name):
            raise FileRefused("archive_path", name=name)
        if name.lower().endswith(_NESTED):
            raise FileRefused("archive_nested", name=name)
        if info.file_size > max(RATIO_FROM, MAX_RATIO * info.compress_size):
            raise FileRefused("archive_bomb", name=name, limit=MAX_RATIO)
    total = sum(info.file_size for info in listed)
    # Members that overlap share packed bytes, so that together they claim more than the file has.
    if sum(info.compress_size for info in listed) > packed:
        raise FileRefused("archive_bomb", name=listed[0].filename, limit=MAX_RATIO)
    if total > MAX_UNZIPPED:
        raise FileRefused(
            "archive_too_large", size=f"{total / 1024**3:.1f} GiB", limit=f"{MAX_UNZIPPED // 1024**3} GiB"
        )


def _outside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or re.match(r"[A-Za-z]:", name) is not None


def _zipped(path: Path, info: zipfile.ZipInfo) -> Member:
    def source() -> IO[bytes]:
        with zipfile.ZipFile(path) as archive:  # the archive stays open as long as its member
            return archive.open(info)

    return Member(info.filename, info.file_size, info.file_size, source)
