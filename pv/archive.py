"""The raw files, kept under their SHA-256, compressed and encrypted; and the keyed hashes of personal data."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

_CHUNK = 4 << 20


class ArchiveError(Exception):
    """An archived file cannot be read back; the message says why."""


def file_sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def stored_path(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / f"{sha256}.gz.enc"


def keep(path: Path, folder: Path, sha256: str, key: str) -> Path:
    """Archive a file; the same content twice is kept once. Written aside, then moved into place."""
    target = stored_path(folder, sha256)
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = target.with_suffix(f".{os.getpid()}.part")
    cipher = Fernet(key)
    with path.open("rb") as source, aside.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            sink.write(cipher.encrypt(gzip.compress(chunk, 6, mtime=0)) + b"\n")
    aside.chmod(0o600)
    aside.replace(target)
    return target


def bring_back(folder: Path, sha256: str, key: str) -> bytes:
    """The content of an archived file, checked against its name. Raises ArchiveError."""
    path = stored_path(folder, sha256)
    try:
        cipher = Fernet(key)
        data = b"".join(gzip.decompress(cipher.decrypt(line)) for line in path.read_bytes().splitlines())
    except FileNotFoundError:
        raise ArchiveError(f"{path} is not in the archive") from None
    except InvalidToken:
        raise ArchiveError(f"{path} cannot be decrypted: PVWATCH_KEY is not the key it was written with") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ArchiveError(f"{path} is damaged: its content does not match its name")
    return data


def seal(text: str, key: str) -> str:
    """Encrypt a short text, as the quarantine keeps it."""
    return Fernet(key).encrypt(text.encode()).decode("ascii")


def unseal(token: str, key: str) -> str:
    """Read a sealed text. Raises ArchiveError where the key is another one."""
    try:
        return Fernet(key).decrypt(token.encode("ascii")).decode()
    except InvalidToken:
        raise ArchiveError("the text was sealed with another PVWATCH_KEY") from None


def hasher(key: str, purpose: str) -> Callable[[str], str]:
    """A keyed hash (HMAC-SHA-256, 128 bits as hexadecimal) of one purpose; the empty text stays empty."""
    secret = hmac.digest(base64.urlsafe_b64decode(key), purpose.encode(), "sha256")

    def keyed(text: str) -> str:
        return hmac.digest(secret, text.encode(), "sha256").hex()[:32] if text else ""

    return keyed
