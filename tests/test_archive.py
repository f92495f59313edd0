from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from pv import archive
from tests.conftest import KEY


def test_a_file_comes_back_whole_and_is_kept_once(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_bytes("姓名,张三\n".encode() * 500_000)  # more than one chunk
    sha256 = archive.file_sha256(source)
    first = archive.keep(source, tmp_path / "archive", sha256, KEY)
    stamp = first.stat().st_mtime_ns
    assert archive.keep(source, tmp_path / "archive", sha256, KEY) == first
    assert first.stat().st_mtime_ns == stamp
    assert first.stat().st_mode & 0o077 == 0
    assert "张三".encode() not in first.read_bytes()
    assert archive.bring_back(tmp_path / "archive", sha256, KEY) == source.read_bytes()


def test_what_cannot_be_brought_back_is_explained(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_bytes(b"abc")
    sha256 = archive.file_sha256(source)
    with pytest.raises(archive.ArchiveError, match="not in the archive"):
        archive.bring_back(tmp_path, sha256, KEY)
    path = archive.keep(source, tmp_path, sha256, KEY)
    with pytest.raises(archive.ArchiveError, match="PVWATCH_KEY"):
        archive.bring_back(tmp_path, sha256, Fernet.generate_key().decode())
    path.write_bytes(b"")
    with pytest.raises(archive.ArchiveError, match="damaged"):
        archive.bring_back(tmp_path, sha256, KEY)


@given(st.text())
def test_sealed_texts_come_back(text: str) -> None:
    if text.encode("utf-8", "ignore").decode() == text:
        assert archive.unseal(archive.seal(text, KEY), KEY) == text


def test_hashes_depend_on_key_and_purpose() -> None:
    patient, record = archive.hasher(KEY, "patient"), archive.hasher(KEY, "record")
    assert patient("张三") == patient("张三") != record("张三")
    assert archive.hasher(Fernet.generate_key().decode(), "patient")("张三") != patient("张三")
    assert patient("") == ""
    with pytest.raises(archive.ArchiveError):
        archive.unseal(archive.seal("x", KEY), Fernet.generate_key().decode())
