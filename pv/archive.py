"""The raw files, kept under their SHA-256, compressed and encrypted; and the keyed hashes of personal data.

A key is the text of `PVWATCH_KEY`: a Fernet key, or while keys are changed several of them with commas between, the new
one first. The first encrypts; each is tried for reading.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

_CHUNK = 4 << 20
_ENDING = ".gz.enc"
REFUSED = "refused"  # folder of the archive for files that no layout recognised


class ArchiveError(Exception):
    """An archived file cannot be read back; the message says why."""


def keys_of(key: str) -> list[str]:
    """The single keys of a `PVWATCH_KEY`, the one that encrypts first."""
    return [one.strip() for one in key.split(",") if one.strip()]


def cipher(key: str) -> MultiFernet:
    """Encrypts with the first key and decrypts with any. Raises ValueError where one is no key."""
    return MultiFernet([Fernet(one) for one in keys_of(key)])


def file_sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def stored_path(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / f"{sha256}{_ENDING}"


def objects(folder: Path) -> list[Path]:
    """Every archived file, those of refused files too, in the order of their paths."""
    return sorted(folder.rglob(f"*{_ENDING}"))


def sha256_of(path: Path) -> str:
    """Of an archived file, from its name."""
    return path.name.removesuffix(_ENDING)


def unfinished(folder: Path) -> list[Path]:
    """What a killed run has left of a file that it was writing."""
    return sorted(folder.rglob("*.part"))


def private_folder(folder: Path) -> None:
    """Make a folder that only its owner enters; one that is there stays as it is."""
    if not folder.is_dir():
        private_folder(folder.parent)
        folder.mkdir(exist_ok=True, mode=0o700)


def private_file(path: Path) -> BinaryIO:
    """Open a file for writing that only its owner can read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def keep(path: Path, folder: Path, sha256: str, key: str) -> Path:
    """Archive a file; the same content twice is kept once. Written aside, then moved into place."""
    target = stored_path(folder, sha256)
    if not target.is_file():
        private_folder(target.parent)
        with path.open("rb") as source:
            chunks = iter(lambda: source.read(_CHUNK), b"")
            _write(target, (gzip.compress(chunk, 6, mtime=0) for chunk in chunks), cipher(key).encrypt)
    return target


def _write(target: Path, parts: Iterator[bytes], sealed: Callable[[bytes], bytes]) -> None:
    aside = target.with_name(f"{target.name}.{os.getpid()}.part")
    with private_file(aside) as sink:
        for part in parts:
            sink.write(sealed(part) + b"\n")
    aside.replace(target)


def chunks_of(path: Path, key: str) -> Iterator[bytes]:
    """The content of an archived file, piece by piece. Raises ArchiveError."""
    try:
        opened = cipher(key)
        with path.open("rb") as lines:
            for line in lines:
                yield gzip.decompress(opened.decrypt(line.rstrip(b"\n")))
    except FileNotFoundError:
        raise ArchiveError(f"{path} is not in the archive") from None
    except InvalidToken:
        raise ArchiveError(f"{path} cannot be decrypted: PVWATCH_KEY is not the key it was written with") from None


def find(folder: Path, sha256: str) -> Path:
    """Where a file is archived: among those loaded, else among those refused. Raises ArchiveError."""
    for path in (stored_path(folder, sha256), stored_path(folder / REFUSED, sha256)):
        if path.is_file():
            return path
    raise ArchiveError(f"{stored_path(folder, sha256)} is not in the archive")


def whole_sha256(folder: Path, begins: str) -> str:
    """The fingerprint of the one archived file that begins so. Raises ArchiveError."""
    if not re.fullmatch(r"[0-9a-f]{8,64}", begins):
        raise ArchiveError(
            f"“{begins}” is no fingerprint of a file: at least eight of the digits 0–9 and a–f are needed"
        )
    found = sorted({sha256 for path in objects(folder) if (sha256 := sha256_of(path)).startswith(begins)})
    if not found:
        raise ArchiveError(f"no file {begins}… is in the archive {folder}; pvwatch archive list shows what is")
    if len(found) > 1:
        raise ArchiveError(f"{len(found)} files begin with {begins}; give more digits: {', '.join(found[:5])}")
    return found[0]


def bring_back(folder: Path, sha256: str, key: str) -> bytes:
    """The content of an archived file, checked against its name. Raises ArchiveError."""
    path = find(folder, sha256)
    data = b"".join(chunks_of(path, key))
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ArchiveError(f"{path} is damaged: its content does not match its name")
    return data


def restore(folder: Path, sha256: str, key: str, target: Path) -> None:
    """Write an archived file to `target`, for its owner's eyes only, once it has been checked. Raises ArchiveError."""
    path = find(folder, sha256)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with private_file(aside) as sink:
            for chunk in chunks_of(path, key):
                sink.write(chunk)
        if file_sha256(aside) != sha256:
            raise ArchiveError(f"{path} is damaged: its content does not match its name")
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def check(path: Path, key: str) -> None:
    """Read an archived file to its end. Raises ArchiveError where it is damaged or of another key."""
    digest = hashlib.sha256()
    for chunk in chunks_of(path, key):
        digest.update(chunk)
    if digest.hexdigest() != sha256_of(path):
        raise ArchiveError(f"{path} is damaged: its content does not match its name")


def is_readable(path: Path, key: str) -> bool:
    """Whether a key opens an archived file, by its first piece: a file is written with one key, and never in part."""
    with path.open("rb") as lines:
        first = lines.readline().rstrip(b"\n")
    try:
        return not first or bool(cipher(key).decrypt(first))
    except InvalidToken:
        return False


def reseal(path: Path, key: str) -> bool:
    """Encrypt an archived file with the first key, if it is not yet; its date stays. Raises ArchiveError."""
    if is_readable(path, keys_of(key)[0]):
        return False
    if not is_readable(path, key):
        raise ArchiveError(f"{path} cannot be decrypted with any key of PVWATCH_KEY")
    before = path.stat()
    with path.open("rb") as lines:
        _write(path, (line.rstrip(b"\n") for line in lines), cipher(key).rotate)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return True


def seal(text: str, key: str) -> str:
    """Encrypt a short text, as the quarantine keeps it."""
    return cipher(key).encrypt(text.encode()).decode("ascii")


def unseal(token: str, key: str) -> str:
    """Read a sealed text. Raises ArchiveError where the key is another one."""
    try:
        return cipher(key).decrypt(token.encode("ascii")).decode()
    except InvalidToken:
        raise ArchiveError("the text was sealed with another PVWATCH_KEY") from None


def hasher(key: str, purpose: str) -> Callable[[str], str]:
    """A keyed hash (HMAC-SHA-256, 128 bits as hexadecimal) of one purpose; the empty text stays empty.

    `key`: that of the store's hashes (`pv.keys`), a single one.
    """
    secret = hmac.digest(base64.urlsafe_b64decode(key), purpose.encode(), "sha256").ljust(64, b"\0")
    # The two halves of HMAC (RFC 2104) with the key taken in: 1 µs a text, a third of `hmac.digest`.
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in secret)) for pad in (0x36, 0x5C))

    def keyed(text: str) -> str:
        if not text:
            return ""
        within, around = inner.copy(), outer.copy()
        within.update(text.encode())
        around.update(within.digest())
        return around.hexdigest()[:32]

    return keyed
