"""Records of delimited tables: numbers, ragged ones, texts with line breaks; the same whatever is read at a time."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pv.sources import FileRefused, tables
from pv.sources.tables import Form
from pv.sources.zips import Member

DOLLAR, PIPE, COMMA = Form("$"), Form("|"), Form(",", quoted=True)
Record = tuple[int, list[str], bool]


def member(data: bytes) -> Member:
    return Member("x.txt", len(data), len(data), lambda: io.BytesIO(data))


def read(
    data: bytes, form: Form, names: Sequence[str] = (), only: Sequence[str] = (), width: int = 4096
) -> list[Record]:
    found: list[Record] = []
    for block in tables.blocks(member(data), form, names, only, width):
        cells = [list(row.values()) for row in block.columns.to_pylist()]
        found += zip(block.row.tolist(), cells, block.ragged.tolist(), strict=True)
    return found


def test_headings_are_folded_and_numbered() -> None:
    data = member(b"\xef\xbb\xbfprimaryid$ Rept_DT $X$x\r\n")
    assert tables.headings(data, DOLLAR) == ["primaryid", "rept_dt", "x", "x.1"]
    assert tables.headings(member(b'"VAERS_ID","A, B"\n'), COMMA) == ["vaers_id", "a, b"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_quotation_marks_are_text_where_nothing_is_quoted(end: bytes) -> None:
    data = end.join([b'1$"VITAMINS" (NOS)', b"2$'", b"3$", b""])
    assert read(b"id$name\n" + data, DOLLAR) == [
        (2, ["1", '"VITAMINS" (NOS)'], False),
        (3, ["2", "'"], False),
        (4, ["3", ""], False),
    ]


def test_an_empty_cell_at_the_end_of_every_line_is_dropped() -> None:
    data = b"isr$case$pt\r\n1$2$a$\r\n2$2$$\r\n3$2$b$\r\n4$2$c\r\n5$2$d$e$\r\n6$2$\r\n" + b"7$2$f$\r\n" * 9
    assert read(data, DOLLAR)[:6] == [
        (2, ["1", "2", "a"], False),
        (3, ["2", "2", ""], False),
        (4, ["3", "2", "b"], False),
        (5, ["4", "2", "c"], False),  # whole, without the separator at its end
        (6, ["5", "2", "d$e$"], True),
        (7, ["6", "2", ""], True),
    ]


def test_a_surplus_cell_is_not_dropped_where_lines_do_not_end_so() -> None:
    # A separator within a text and an empty last cell look like a whole line with a separator at its end.
    data = b"key|a|b\n1|x|\n2|y|z\n3|q|r|\n"
    assert read(data, PIPE)[2] == (4, ["3", "q", "r|"], True)


def test_a_line_without_a_record_number_goes_on_with_the_one_before() -> None:
    data = b"key|brand|lot\r\n1|LONG\r\nNAME|L1\r\n2|A|B\n 3.0|C\r2 TABLETS|D\r\n\r\n4|E|F\r\nend\r\n"
    assert read(data, PIPE) == [
        (2, ["1", "LONG  NAME", "L1"], False),
        (3, ["2", "A", "B"], False),
        (4, [" 3.0", "C 2 TABLETS", "D  "], False),
        (5, ["4", "E", "F  end"], False),
    ]


def test_two_records_on_one_line_are_one_ragged_record() -> None:
    assert read(b"isr$seq$name\n1$2$a\n3$4$b5$6$c\n7$8$d\n", DOLLAR)[1] == (3, ["3", "4", "b5$6$c"], True)


def test_quoted_cells_hold_separators_and_line_breaks() -> None:
    data = b'ID,TEXT,X\r\n1,"a, ""b""\r\nc",y\r\n\r\n2,z\r\n3,q,r,s\r\n'
    assert read(data, COMMA) == [
        (2, ["1", 'a, "b"\r\nc', "y"], False),
        (3, ["2", "z", ""], True),
        (4, ["3", "q", "r,s"], True),
    ]


def test_encodings_are_told_by_column() -> None:
    data = "id,a,b\n1,Ménière,é\n".encode() + b"2,x,M\xe9ni\xe8re \x92s\n3,y,\x81\n"
    assert [cells for _, cells, _ in read(data, COMMA)] == [
        ["1", "Ménière", "Ã©"],
        ["2", "x", "Ménière \x92s"],
        ["3", "y", "\x81"],
    ]
    assert read(b"id,a\n1,\x92s\n", COMMA) == [(2, ["1", "’s"], False)]


def test_tables_without_a_heading_and_wanted_columns() -> None:
    assert read(b"1|x\n2|y\n", PIPE, ("key", "code")) == [(1, ["1", "x"], False), (2, ["2", "y"], False)]
    assert read(b"key$a$b\n1$x$p$\n2$y$q$\n3$z\n", DOLLAR, only=["a"]) == [
        (2, ["x"], False),
        (3, ["y"], False),
        (4, ["z"], True),
    ]
    assert read(b"key|a\n", PIPE) == read(b"key|a", PIPE) == read(b"", PIPE) == []


@pytest.mark.parametrize("form", [PIPE, COMMA])
def test_an_enormous_record_or_heading_is_refused(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_RECORD", 10_000)
    mark = form.separator.encode()
    for data in (b"key" + mark + b"x" * 10_000, b"key" + mark + b"a\n1" + mark + b"x" * 50_000 + b"\n"):
        with pytest.raises(FileRefused) as refused:
            read(data, form)
        assert refused.value.code == "cell_too_long"
    with pytest.raises(FileRefused) as refused:
        read(mark.join([b"x"] * 1_001) + b"\n", form)
    assert refused.value.code == "too_wide"


def by_hand(data: str, width: int) -> list[Record]:
    """The same in plain Python: lines put together, split, fitted."""
    lines: list[str] = []
    for line in re.split(r"\r\n|\r|\n", data):
        if lines and not re.match(r"[0-9. ]{1,24}\$", line):
            lines[-1] += line
        else:
            lines.append(line)
    found = []
    for number, line in enumerate((line for line in lines if line.strip()), start=2):
        cells = line.split("$")
        kept = [*cells[: width - 1], "$".join(cells[width - 1 :])] if len(cells) >= width else cells
        found.append((number, [*kept, *[""] * (width - len(kept))], len(cells) != width))
    return found


lines = st.lists(st.from_regex(r"\A[0-9]{0,3}[$a-c\"]{0,5}[ 0-9]{0,2}\Z"), max_size=30)


@settings(max_examples=80, deadline=None)
@given(lines, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.sampled_from([7, 64, 1 << 20]))
def test_any_lines_as_by_hand_whatever_is_read_at_a_time(text: list[str], end: str, narrow: bool, chunk: int) -> None:
    body = end.join(["1$a$b", *text]) + end
    wanted = [(number, [cell.replace(" ", "") for cell in cells], ragged) for number, cells, ragged in by_hand(body, 3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "CHUNK", chunk)
        patch.setattr(tables, "_ends_with_separator", lambda *_: False)
        # A block must hold the longest record.
        longest = max(len("$".join(cells)) for _, cells, _ in by_hand(body, 3))
        found = read(f"key$a$b{end}{body}".encode(), DOLLAR, width=2 * longest + 10 if narrow else 4096)
    assert [(n, [cell.replace(" ", "") for cell in cells], ragged) for n, cells, ragged in found] == wanted


cells = st.text('ab,"\n\r é', max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(cells, min_size=1, max_size=5), max_size=12))
def test_any_quoted_table_as_csv_reads_it(rows: list[list[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    wanted = []
    for number, row in enumerate(rows, start=2):
        kept = [*row[:2], ",".join(row[2:])] if len(row) > 3 else row + [""] * (3 - len(row))
        wanted.append((number, kept, len(row) != 3))
    assert read(buffer.getvalue().encode(), COMMA) == wanted
