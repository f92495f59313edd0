"""Broken and hostile files are refused or told row by row, within bounded memory and time."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pv import messages
from pv.contracts import check
from pv.sources import Extract, FileRefused, detect, open_source, workbooks
from pv.week import local_day
from tests.conftest import NOW

HEADINGS = [
    "报告表编码",
    "报告类型-新的",
    "报告类型-严重程度",
    "怀疑/并用",
    "通用名称",
    "不良反应名称",
    "国家中心接收时间",
]
ROW = ["D1", "", "一般", "怀疑", "阿莫西林", "皮疹", "2026-11-10"]


def _csv(*rows: list[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([HEADINGS, *rows])
    return buffer.getvalue().encode()


def _batches(path: Path) -> list[Extract]:
    return list(open_source(path).batches())


def _refusal(path: Path) -> FileRefused:
    with pytest.raises(FileRefused) as refused:
        _batches(path)
    for lang in ("zh", "en"):
        assert messages.refusal(refused.value.code, refused.value.values, lang)
    return refused.value


def _quarantined(path: Path) -> list[tuple[int, str]]:
    found = []
    for batch in _batches(path):
        problems = check(batch, local_day(NOW)).problems
        for row, code in problems.loc[problems["outcome"] == "quarantine", ["row", "code"]].itertuples(index=False):
            found.append((int(batch.fields["row"].iloc[row]), str(code)))
    return found


def test_a_cell_of_another_encoding_costs_its_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = [["D1", *ROW[1:]], ["D2", *ROW[1:]], ["D3", *ROW[1:]]]
    path.write_bytes(_csv(*rows).replace("D2,,一般".encode(), "D2,,一般".encode("gb18030")))
    assert _quarantined(path) == [(3, "garbled")]
    gb = _csv(*rows).decode().encode("gb18030").replace(b"D2,,", b"D2,\xff\xff,")
    path.write_bytes(gb)
    assert _quarantined(path) == [(3, "garbled")]


def test_a_cell_of_another_encoding_among_ragged_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = [["D1", *ROW[1:]], ["D2", *ROW[1:]], ["D3", *ROW[1:], "多"]]
    path.write_bytes(_csv(*rows).decode().encode("gb18030").replace(b"D2,,", b"D2,\xff\xff,"))
    assert _quarantined(path) == [(3, "garbled"), (4, "ragged")]


def test_a_pipe_in_the_second_byte_of_a_character_is_no_separator(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    name = "瑋"  # AC 7C in GB18030
    assert b"|" in name.encode("gb18030")
    path.write_bytes(
        "\n".join("|".join(row) for row in [HEADINGS, ["D1", *ROW[1:4], name, *ROW[5:]]]).encode("gb18030")
    )
    (batch,) = _batches(path)
    assert batch.fields["name"].tolist() == [name]


def test_nul_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\0" * 1000)
    assert _refusal(path).code == "not_a_table"
    path.write_bytes(_csv(*[ROW] * 40_000) + b"D2,\0,,,,,\n")
    assert (_refusal(path).code, _refusal(path).values["name"]) == ("nul_bytes", "x.csv")


def test_one_enormous_cell(tmp_path: Path) -> None:
    """One of 2 MiB, one that a quotation mark leaves open to the end, and one in the first line."""
    path = tmp_path / "x.csv"
    path.write_bytes(_csv(ROW, ["D2", *ROW[1:5], "长" * 700_000, ROW[6]], ROW))
    assert (_refusal(path).code, _refusal(path).values["row"]) == ("cell_too_long", 3)
    path.write_bytes(_csv(ROW) + b'D2,"' + _csv(*[ROW] * 300_000))
    assert _refusal(path).code == "cell_too_long"
    path.write_bytes(b"x" * 20_000_000)
    assert _refusal(path).code == "unknown_layout"


def test_repeated_headings_leave_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "\n".join(",".join([*row, last]) for row, last in ((HEADINGS, "通用名称"), (ROW, "另一个"))), "utf-8"
    )
    (batch,) = _batches(path)
    assert batch.fields["name"].tolist() == ["阿莫西林"]
    assert batch.raw.columns[-1] == "通用名称.1"


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-11-10", "2026-11-10"),
        ("2026/11/9 8:05", "2026-11-09"),
        ("2026年11月9日", "2026-11-09"),
        ("20261110", "2026-11-10"),
        ("２０２６．１１．１０", "2026-11-10"),
        ("民国115年11月10日", ""),
        ("令和8年11月10日", ""),
        ("10/11/2026", ""),
        ("46336", ""),
        ("2569-11-10", None),
    ],
)
def test_days_in_several_styles(tmp_path: Path, written: str, day: str | None) -> None:
    """What cannot be read without a guess is not read; a Buddhist year is a year of the future."""
    path = tmp_path / "x.csv"
    path.write_bytes(_csv([*ROW[:6], written]))
    (batch,) = _batches(path)
    checked = check(batch, local_day(NOW))
    codes = checked.problems["code"].tolist()
    if day is None:
        assert codes == ["receipt_future"]
    else:
        assert checked.rows["received_on"].tolist() == [day]
        assert codes == ([] if day else ["receipt_impossible"])


@pytest.mark.parametrize(
    "written", ["2569-11-01", "1405-08-10", "1448/05/20", "0115年11月1日", "2099-01-01", "1899-12-31"]
)
@pytest.mark.parametrize("column", ["用药开始时间", "最后修改时间", "报告日期", "市评价时间", "不良反应发生时间"])
def test_a_day_of_another_calendar_is_no_day_of_ours(tmp_path: Path, column: str, written: str) -> None:
    """A modification in 2569 would put the version in force in five centuries, a use in 1405 make an onset of 226,000
    days: such days count as missing, and the account says so."""
    path = tmp_path / "x.csv"
    path.write_text("\n".join(",".join([*row, last]) for row, last in ((HEADINGS, column), (ROW, written))), "utf-8")
    (batch,) = _batches(path)
    checked = check(batch, local_day(NOW))
    field = next(c.field for c in batch.layout.columns if c.name == column)
    assert checked.rows[field].tolist() == [""]
    assert "date_out_of_time" in checked.problems["code"].tolist()
    assert len(checked.quarantined) == 0


def _xlsx(path: Path) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (HEADINGS, ROW):
        book.active.append(row)
    book.save(path)
    return path


def test_macros_and_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    """A formula gives the value that was saved with it, a macro nothing."""
    path = _xlsx(tmp_path / "x.xlsm")
    book = openpyxl.load_workbook(path)
    page = book.active
    assert page is not None
    page["E2"] = "=[1]Sheet1!A1"
    page["F2"] = '=WEBSERVICE("http://localhost:1/x")'
    book.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" + b"\0" * 600)
        archive.writestr("xl/externalLinks/externalLink1.xml", "<externalLink/>")
    assert _quarantined(path) == [(2, "no_event"), (2, "no_product")]


def test_a_workbook_that_unpacks_to_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * (20 << 20))
    assert (_refusal(path).code, _refusal(path).values["name"]) == ("archive_bomb", "xl/worksheets/sheet1.xml")


def test_a_workbook_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_UNZIPPED", 1000)
    assert _refusal(_xlsx(tmp_path / "x.xlsx")).code == "too_large"


@pytest.mark.parametrize("name", ["../../x.txt", "/etc/x.txt", "C:\\x.txt"])
def test_an_archive_with_places_outside_itself(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "x")
    assert _refusal(path).code == "archive_path"


def test_other_markup(tmp_path: Path) -> None:
    path = tmp_path / "x.xls"
    path.write_text("<html><table><tr><td>报告表编码</td></tr></table></html>", "utf-8")
    assert _refusal(path).code == "unknown_layout"
    path.write_text("<?xml version='1.0'?><beans/>", "utf-8")
    assert _refusal(path).code == "xml_unknown"
    path.write_text("<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><ichicsr/>", "utf-8")
    assert _refusal(path).code in {"xml_unknown", "xml_declarations", "unknown_layout"}


_LARGE = """
import resource, sys
from pathlib import Path
from pv.sources import FileRefused, open_source
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    list(open_source(Path(sys.argv[1])).batches())
except FileRefused as refusal:
    print(refusal.code, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("start", [b"", _csv(ROW)], ids=["zeros", "table then zeros"])
def test_two_gigabytes_of_zeros_are_not_read(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "x.csv"
    with path.open("wb") as handle:
        handle.write(start)
        handle.truncate(2 << 30)  # a hole: it takes no place on the disk
    command = [sys.executable, "-c", _LARGE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    code, megabytes = done.stdout.split()
    assert code == "not_a_table"
    assert int(megabytes) < 200


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=400))
@example(data=b"\xef\xbb\xbf")
@example(data=b"PK\x03\x04")
@example(data=b"\x1f\x8b\x08\x00")
@example(data=b"<?xml version='1.0' encoding='utf-16'?><a/>")
@example(data=b'{"results": [')
@example(data=b'"' * 50)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("z") / "x"
    path.write_bytes(data)
    assert detect(path) is None
    assert _refusal(path).code


TEXT = st.one_of(
    st.sampled_from(
        [",", '"', "\n", "\r\n", "\r", "\t", "|", "\\", "皮疹", "；", "\ufffd", "\u200b", "D1", "2026-11-10", "=1+1"]
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4),
)


@settings(max_examples=150, deadline=None)
@given(
    body=st.lists(TEXT, max_size=40).map("".join), encoding=st.sampled_from(["utf-8", "gb18030"]), cut=st.integers(0, 3)
)
def test_any_body_below_a_heading_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, body: str, encoding: str, cut: int
) -> None:
    """Every record of the file is a row, in order, and its checks end."""
    path = tmp_path_factory.mktemp("z") / "x.csv"
    data = (",".join(HEADINGS) + "\n" + body).encode(encoding)
    path.write_bytes(data[: len(data) - cut] if cut < len(body.encode(encoding)) else data)
    try:
        batches = _batches(path)
    except FileRefused:
        return
    for batch in batches:
        check(batch, local_day(NOW))
        assert batch.fields["row"].is_unique
