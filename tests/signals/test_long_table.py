"""`pvwatch screen` and `pvwatch measures` without the command line."""

import io

import numpy as np
import pandas as pd
import pytest
import xlsxwriter

from pv.signals.long_table import TableError, measure_tables, read_table, screen
from pv.signals.measures import MEASURE_COLUMNS


def frame_of(text):
    return pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False)


LONG = """\
id,drug,reaction
1,A,rash
1,A,fever
2, A ,rash
3,B,rash
3,C,cough
4,A,
,A,rash
5,,
5,,rash
"""


def test_counts_and_what_is_left_out():
    result = screen(frame_of(LONG), case="id", product="drug", event="reaction")
    rows = result.pairs[["product", "event", "a", "b", "c", "d"]].itertuples(index=False, name=None)
    assert list(rows) == [
        ("A", "fever", 1, 1, 0, 1),
        ("A", "rash", 2, 0, 1, 0),
        ("B", "cough", 1, 0, 0, 2),  # a case has all its products with all its events
        ("B", "rash", 1, 0, 2, 0),
        ("C", "cough", 1, 0, 0, 2),
        ("C", "rash", 1, 0, 2, 0),
    ]
    assert result.excluded == {"no_case": 1, "no_product": 2, "no_event": 1}
    assert result.summary() == {
        "rows": 9,
        "excluded": result.excluded,
        "cases": 3,
        "cases_left_out": 2,
        "products": 3,
        "events": 3,
        "pairs": 6,
        "unbounded_ror": 3,
        "met": {"evans": 0, "ror": 0, "ic": 0, "three": 0},
        "met_unbounded": {"evans": 0, "ror": 0, "ic": 0, "three": 0},
    }


def test_columns_of_the_result():
    result = screen(frame_of(LONG), case="id", product="drug", event="reaction")
    assert list(result.pairs.columns) == ["product", "event", *MEASURE_COLUMNS, "screens"]
    assert result.pairs["screens"].tolist() == [""] * 6


def test_the_names_of_the_screens_met():
    rows = "".join(f"{i},A,rash\n" for i in range(6)) + "".join(f"{i},B,fever\n" for i in range(6, 60))
    result = screen(frame_of("id,drug,reaction\n" + rows), case="id", product="drug", event="reaction")
    assert result.pairs["screens"].tolist() == ["evans;ror;ic;three", "evans;ror"]
    assert result.met == {"evans": 2, "ror": 2, "ic": 1, "three": 1}


def test_caers(shared):
    result = screen(read_table(shared / "data" / "caers" / "caers.csv"), case="id", product="var1", event="var2")
    assert (len(result.pairs), result.n, result.rows) == (17189, 3356, 20156)
    assert result.met == {"evans": 319, "ror": 341, "ic": 257, "three": 257}
    assert result.met_unbounded["ror"] == 29


def test_a_missing_column_names_file_and_columns(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("id,drug,reaction\n1,A,rash\n", encoding="utf-8")
    with pytest.raises(TableError) as caught:
        screen(read_table(path), case="id", product="drog", event="reaction")
    message = str(caught.value)
    assert str(path) in message
    assert "no column “drog”, wanted as product" in message
    assert "id, drug, reaction" in message


def test_a_table_without_rows():
    result = screen(frame_of("id,drug,reaction\n"), case="id", product="drug", event="reaction")
    assert (len(result.pairs), result.n) == (0, 0)
    assert list(result.pairs.columns) == ["product", "event", *MEASURE_COLUMNS, "screens"]


def test_measures_of_given_tables():
    result = measure_tables(frame_of("product,a,b,c,d,prr\nX,10,30,20,140,9\nY,0,1,2,3,\nZ,3,0,0,5,\n"))
    assert list(result.columns) == ["product", *MEASURE_COLUMNS]
    assert result["prr"].tolist() == pytest.approx([2, np.nan, np.inf], nan_ok=True)
    assert result["a"].tolist() == [10, 0, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,c\n1,2,3\n", "the table: there is no column “d”"),
        ("a,b,c,d\n1,2,3,4\n1,2,x,4\n", "row 2: c = “x” is no number"),
        ("a,b,c,d\n1,2,3,4\n1,,3,4\n", "row 2: b = “” is no number"),
        ("a,b,c,d\n1,2,3,4\n1,2,3,-4\n", "row 2: d = -4 is negative"),
        ("a,b,c,d\n1,2,3,4.5\n", "row 1: d = 4.5 is not a whole number"),
    ],
)
def test_tables_that_are_no_counts(text, message):
    with pytest.raises(ValueError, match=message):
        measure_tables(frame_of(text))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_as_it_comes(tmp_path, encoding, separator):
    path = tmp_path / "t.csv"
    lines = [["编号", "药品", "反应"], ["001", "阿莫西林", "NA"], ["2", "", "皮疹"]]
    path.write_text("\r\n".join(separator.join(line) for line in lines) + "\r\n", encoding=encoding, newline="")
    frame = read_table(path)
    assert [list(frame.columns), *frame.to_numpy().tolist()] == lines


def test_workbook_and_parquet(tmp_path):
    book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
    sheet = book.add_worksheet()
    for row, values in enumerate([["id", "药品"], [147289, "阿莫西林"], [2, None]]):
        sheet.write_row(row, 0, values)
    book.close()
    assert read_table(tmp_path / "t.xlsx").to_numpy().tolist() == [["147289", "阿莫西林"], ["2", ""]]

    frame = pd.DataFrame({"id": [1, None], "drug": pd.Categorical(["A", None])})
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").to_numpy().tolist() == [["1", "A"], ["", ""]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "cannot be read: No columns to parse"),
        (b"a,b\n1,2\n3,4,5\n", "Expected 2 fields in line 3, saw 3"),
        (b"a,b\n1,2,\n3,4,\n", "Length of header"),
        (b'a,b\n"1,2\n', "EOF inside string"),
        (b"\xff\xfe\x00\x81", "neither UTF-8 nor GB18030"),
        (b"PK\x03\x04 cut off", "cannot be read"),
        (b"\xd0\xcf\x11\xe0 cut off", "cannot be read"),
        (b"PAR1 cut off", "cannot be read"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(TableError, match=r"none\.csv cannot be opened: No such file"):
        read_table(tmp_path / "none.csv")
