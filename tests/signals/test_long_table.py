"""`pvwatch screen` and `pvwatch measures` without the command line."""

import io

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from scipy.special import digamma
from scipy.stats import gamma

from pv.signals.long_table import TableError, measure_tables, read_table, screen
from pv.signals.measures import MEASURE_COLUMNS
from pv.signals.pair_measures import MORE_COLUMNS
from pv.signals.prior import Prior
from pv.signals.stratified_measures import STRATIFIED_COLUMNS


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
    summary = result.summary()
    prior = summary.pop("prior")
    assert list(prior) == [
        *("variant", "alpha1", "beta1", "alpha2", "beta2", "p"),
        *("neg_log_likelihood", "points", "starts", "warnings"),
    ]
    assert prior["variant"] == "zeros"
    assert "not_identified" in prior["warnings"]
    met = dict.fromkeys("evans ror ic ror_ema ic_medium ic_strong eb05 ebgm_mhra three".split(), 0)
    assert summary == {
        "rows": 9,
        "excluded": result.excluded,
        "cases": 3,
        "cases_left_out": 2,
        "products": 3,
        "events": 3,
        "pairs": 6,
        "unbounded_ror": 3,
        "met": met,
        "met_unbounded": met,
    }


def test_columns_of_the_result():
    result = screen(frame_of(LONG), case="id", product="drug", event="reaction")
    assert list(result.pairs.columns) == ["product", "event", *MEASURE_COLUMNS, "screens", *MORE_COLUMNS]
    assert result.pairs["screens"].tolist() == [""] * 6


def test_the_names_of_the_screens_met():
    rows = "".join(f"{i},A,rash\n" for i in range(6)) + "".join(f"{i},B,fever\n" for i in range(6, 60))
    result = screen(frame_of("id,drug,reaction\n" + rows), case="id", product="drug", event="reaction")
    assert result.pairs["screens"].tolist() == [
        "evans;ror;ic;ror_ema;eb05;ebgm_mhra;three",
        "evans;ror;ror_ema",
    ]
    assert {name: pairs for name, pairs in result.met.items() if pairs} == {
        "evans": 2,
        "ror": 2,
        "ic": 1,
        "ror_ema": 2,
        "eb05": 1,
        "ebgm_mhra": 1,
        "three": 1,
    }


def test_caers(shared):
    result = screen(read_table(shared / "data" / "caers" / "caers.csv"), case="id", product="var1", event="var2")
    assert (len(result.pairs), result.n, result.rows) == (17189, 3356, 20156)
    assert {name: result.met[name] for name in ("evans", "ror", "ic", "three")} == {
        "evans": 319,
        "ror": 341,
        "ic": 257,
        "three": 257,
    }
    assert result.met_unbounded["ror"] == 29
    assert result.fit.neg_log_likelihood <= 87348.31722559 + 1e-5
    assert result.fit.warnings == ()


def test_caers_at_the_priors_of_the_golden_file(shared):
    frame = read_table(shared / "data" / "caers" / "caers.csv")
    golden = pd.read_csv(shared / "golden" / "caers_measures.csv", keep_default_na=False).set_index(
        ["product", "event"]
    )
    prior = Prior(3.25596853, 0.39999072, 2.02375195, 1.90613422, 0.06530760)
    result = screen(frame, "id", "var1", "var2", strata=["strat1"], variant="truncated", prior=prior)
    pairs = result.pairs.set_index(["product", "event"])
    wanted = golden.loc[pairs.index].astype(dict.fromkeys(("ebgm_truncated", "E_by_sex"), float))
    np.testing.assert_allclose(pairs["ebgm"], wanted["ebgm_truncated"], rtol=1e-6)
    np.testing.assert_allclose(pairs["expected_stratified"], wanted["E_by_sex"], rtol=1e-9)
    assert result.fit.neg_log_likelihood == pytest.approx(4162.45571, abs=1e-4)
    assert (result.fit.starts, result.fit.warnings) == (0, ())
    assert result.strata_fit.neg_log_likelihood <= 4025.85973 + 1e-4
    assert result.strata.summary()["strata"] == 3


def test_a_missing_column_names_file_and_columns(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("id,drug,reaction\n1,A,rash\n", encoding="utf-8")
    with pytest.raises(TableError) as caught:
        screen(read_table(path), case="id", product="drog", event="reaction")
    message = str(caught.value)
    assert str(path) in message
    assert "no column “drog”, wanted as product" in message
    assert "id, drug, reaction" in message


@pytest.mark.parametrize("rows", ["", "1,A,\n,A,rash\n"])
def test_a_table_of_which_no_row_can_be_counted(rows):
    with pytest.raises(TableError, match=r"none of its \d rows can be counted"):
        screen(frame_of("id,drug,reaction\n" + rows), case="id", product="drug", event="reaction")


STRATA = """\
id,drug,reaction,sex,age
1,A,rash,F,young
1,A,fever,,
2,A,rash,M,old
3,B,rash,,old
4,B,cough,F,young
4,B,cough,M,young
"""


def test_strata_of_cases():
    result = screen(frame_of(STRATA), "id", "drug", "reaction", strata=["sex", "age"])
    summary = result.summary()["strata"]
    assert (summary["columns"], summary["strata"]) == (["sex", "age"], 3)  # F young, M old, unknown old
    assert (summary["cases_with_missing"], summary["cases_conflicting"]) == (1, 1)
    assert list(result.pairs.columns[-10:]) == list(STRATIFIED_COLUMNS)
    rash = result.pairs[(result.pairs["product"] == "A") & (result.pairs["event"] == "rash")].iloc[0]
    # F young: cases 1 (A: rash, fever) and 4 (B: cough), E = 1 · 1 / 2; M old: case 2 alone, E = 1 · 1 / 1.
    assert rash["expected_stratified"] == pytest.approx(1 / 2 + 1)


def test_one_stratum_is_nothing_to_stratify_by():
    frame = frame_of("id,drug,reaction,sex\n1,A,rash,F\n2,B,rash,F\n")
    with pytest.raises(TableError, match="all cases are in one stratum, sex “F”: there is nothing to stratify by"):
        screen(frame, "id", "drug", "reaction", strata=["sex"])


def test_a_column_that_is_there_twice(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,drug,drug,reaction\n1,A,B,rash\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"t\.csv: column “drug”, wanted as product, is there more than once"):
        screen(read_table(path), "id", "drug", "reaction")


def test_a_workbook_with_a_column_twice(tmp_path):
    book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
    sheet = book.add_worksheet()
    for row, values in enumerate([["id", "drug", "drug", "reaction"], ["1", "A", "B", "rash"]]):
        sheet.write_row(row, 0, values)
    book.close()
    with pytest.raises(TableError, match="column “drug”, wanted as product, is there more than once"):
        screen(read_table(tmp_path / "t.xlsx"), "id", "drug", "reaction")


def test_measures_of_given_tables():
    measured = measure_tables(frame_of("product,a,b,c,d,prr\nX,10,30,20,140,9\nY,0,1,2,3,\nZ,3,0,0,5,\n"))
    result = measured.tables
    assert measured.fit.variant == "truncated"
    assert list(result.columns) == ["product", *MEASURE_COLUMNS, *MORE_COLUMNS]
    assert result["ebgm"].isna().tolist() == [False, True, False]
    assert result["q_bh"].tolist()[1:] == pytest.approx([np.nan, 3 / 56], nan_ok=True)  # p = 1 / C(8, 3), 3 tables
    assert result["prr"].tolist() == pytest.approx([2, np.nan, np.inf], nan_ok=True)
    assert result["a"].tolist() == [10, 0, 3]


def test_measures_at_a_given_prior():
    one = Prior(2, 4, 2, 4, 0.5)  # both components the same: posterior Gamma(2 + 10, 4 + 6)
    measured = measure_tables(frame_of("a,b,c,d\n10,30,20,140\n"), one)
    assert measured.fit is None
    assert measured.tables["ebgm"].iloc[0] == pytest.approx(np.exp(digamma(12)) / 10)
    assert measured.tables["eb05"].iloc[0] == pytest.approx(gamma.ppf(0.05, 12, scale=1 / 10))
    assert measured.tables["eb95"].iloc[0] == pytest.approx(gamma.ppf(0.95, 12, scale=1 / 10))


def test_tables_without_a_case_have_no_prior():
    with pytest.raises(TableError, match="no table has a case in cell a"):
        measure_tables(frame_of("a,b,c,d\n0,1,2,3\n"))
    with pytest.raises(TableError, match="has no rows"):
        measure_tables(frame_of("a,b,c,d\n"))


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
