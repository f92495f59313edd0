"""Archives that harm: refused by what they say of themselves, or while they are read, within bounded memory."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pv.sources import FileRefused, zips
from pv.sources.zips import members
from tests.sources.small_sets import packed

CENTRAL = b"PK\x01\x02"


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(FileRefused) as refused:
        action()
    return refused.value.code


def contents(path: Path) -> dict[str, bytes]:
    found = {}
    for member in members(path):
        with member.open() as stream:
            found[member.name] = stream.read()
    return found


def test_archive_folder_gzip_and_plain_file_read_alike(tmp_path: Path) -> None:
    files = {"a.txt": b"one", "b.txt": b"two\r\n"}
    for name, data in files.items():
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / name).write_bytes(data)
    assert contents(packed(tmp_path / "x.zip", {"b.txt": b"two\r\n", "a.txt": b"one"})) == files
    assert contents(tmp_path / "set") == files
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"one"))
    assert contents(tmp_path / "x.gz") == {"x.gz": b"one"}
    assert contents(tmp_path / "set" / "a.txt") == {"a.txt": b"one"}
    assert [member.name for member in members(tmp_path / "x.zip")] == ["a.txt", "b.txt"]


def test_office_documents_are_not_looked_into(tmp_path: Path) -> None:
    assert members(packed(tmp_path / "x.xlsx", {"[Content_Types].xml": "x", "xl/a.zip": "x"})) == ()


@pytest.mark.parametrize("name", ["../x.txt", "/etc/x.txt", "a/../../x.txt", "..\\x.txt", "C:\\x.txt", "\\x.txt", ".."])
def test_names_that_point_outside(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / "x.zip", {"a.txt": "x", name: "x"})
    assert refusal(lambda: members(path)) == "archive_path"


def test_a_member_without_a_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.txt", "x")
        archive.filelist[0].filename = ""  # as the list at the end of the archive then says
    assert refusal(lambda: members(tmp_path / "x.zip")) == "archive_path"


@pytest.mark.parametrize("name", ["inner.zip", "a/b.ZIP", "t.tar.gz", "q.7z"])
def test_archives_within_archives(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / "x.zip", {name: "x"})
    assert refusal(lambda: members(path)) == "archive_nested"


def patched(path: Path, offset: int, value: bytes, mark: bytes = CENTRAL) -> Path:
    """The archive with bytes of its first central (or local) header replaced."""
    data = bytearray(path.read_bytes())
    at = data.index(mark) + offset
    data[at : at + len(value)] = value
    path.write_bytes(bytes(data))
    return path


def test_encrypted_members(tmp_path: Path) -> None:
    path = patched(packed(tmp_path / "x.zip", {"a.txt": "x"}), 8, b"\x01\x00")
    assert refusal(lambda: members(path)) == "archive_encrypted"


def test_a_method_that_is_not_read(tmp_path: Path) -> None:
    # 9 is Deflate64, which Windows uses for large files.
    path = patched(packed(tmp_path / "x.zip", {"a.txt": "x"}), 10, b"\x09\x00")
    assert refusal(lambda: contents(path)) == "archive_method"


def test_a_bomb_by_its_own_word(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", {"a.txt": b" " * (zips.RATIO_FROM + 1)})
    assert path.stat().st_size < 20_000
    assert refusal(lambda: members(path)) == "archive_bomb"


def test_a_bomb_that_understates_its_size(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", {"a.txt": b" " * 10_000_000})
    assert refusal(lambda: contents(patched(path, 24, b"\x10\x00\x00\x00"))) == "archive_damaged"


def test_members_that_share_their_bytes(tmp_path: Path) -> None:
    import random

    noise = random.Random(1).randbytes(50_000).hex()
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", noise)
        for number in range(5):
            again = zipfile.ZipInfo(f"b{number}.txt")
            first = archive.filelist[0]
            for name in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(again, name, getattr(first, name))
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
    assert refusal(lambda: members(tmp_path / "x.zip")) == "archive_bomb"


def test_more_than_the_whole_may_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "x.zip", {f"{number}.txt": "x" * 100 for number in range(4)})
    monkeypatch.setattr(zips, "MAX_UNZIPPED", 399)
    assert refusal(lambda: members(path)) == "archive_too_large"
    monkeypatch.setattr(zips, "MAX_UNZIPPED", 400)
    assert len(members(path)) == 4
    monkeypatch.setattr(zips, "MAX_MEMBERS", 3)
    assert refusal(lambda: members(path)) == "archive_members"
    # The list of members itself is judged before it is read.
    monkeypatch.setattr(zips, "MAX_DIRECTORY", 100)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert refusal(lambda: members(path)) == "archive_members"


def test_two_gigabytes_of_zeros_stop_at_the_first(tmp_path: Path) -> None:
    with (tmp_path / "zeros.txt").open("wb") as handle:
        handle.truncate(2 << 30)
    (member,) = members(tmp_path / "zeros.txt")
    with member.open() as stream:
        assert refusal(lambda: stream.read(10)) == "nul_bytes"


def test_a_gzip_bomb_stops_at_its_limit(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(b" " * (zips.RATIO_FROM + 1)))
    (member,) = members(tmp_path / "x.gz")
    with member.open() as stream:
        assert refusal(lambda: [stream.read(1 << 20) for _ in range(20)]) == "archive_bomb"


def test_nul_bytes_in_a_member(tmp_path: Path) -> None:
    assert refusal(lambda: contents(packed(tmp_path / "x.zip", {"a.txt": b"a\0b"}))) == "nul_bytes"


def test_damage(tmp_path: Path) -> None:
    whole = packed(tmp_path / "x.zip", {"a.txt": "abc" * 1000}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:-10])
    assert refusal(lambda: members(tmp_path / "cut.zip")) == "archive_damaged"
    flipped = bytearray(whole)
    flipped[40] ^= 0xFF  # inside the packed bytes
    (tmp_path / "crc.zip").write_bytes(bytes(flipped))
    assert refusal(lambda: contents(tmp_path / "crc.zip")) == "archive_damaged"
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"abc" * 1000)[:-10])
    assert refusal(lambda: contents(tmp_path / "cut.gz")) == "archive_damaged"
    assert refusal(lambda: members(tmp_path / "absent.zip")) == "unreadable"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 2_000), st.binary(min_size=1, max_size=6)), max_size=4), cut=st.integers()
)
def test_no_damage_crashes(tmp_path: Path, changes: list[tuple[int, bytes]], cut: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ascii/DEMO17Q2.txt", "primaryid$caseid\r\n" + "1$2\r\n" * 50)
        archive.writestr("README.txt", "text")
    data = bytearray(buffer.getvalue())
    for at, value in changes:
        data[at % len(data) : at % len(data) + len(value)] = value
    path = tmp_path / "x.zip"
    path.write_bytes(bytes(data[: len(data) - cut % 3 * 20]))
    try:
        read = contents(path)
    except FileRefused:
        return
    assert sum(map(len, read.values())) <= 10_000
