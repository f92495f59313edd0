import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pv.codes.products import Tables, labelled, lots_of, names, resolved, with_identity
from pv.text import SEVERAL

BLANK = dict.fromkeys(["name", "identifier", "maker", "model", "lot", "class", "udi", "risk_class"], "")
DI = "06901234567892"
OLD, NEW, OTHER = "国械注准20153661234", "国械注准20153141234", "国械注准20193140001"


def _rows(*rows: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame([BLANK | row for row in rows], dtype="str")


def _device(tables: Tables | None = None, *rows: dict[str, str]) -> pd.DataFrame:
    return resolved(with_identity(_rows(*rows), "device"), "device", tables or Tables())


def test_drugs_count_by_name_devices_by_number() -> None:
    drug = with_identity(_rows({"name": " 阿莫西林　胶囊", "identifier": "国药准字H20053456"}), "drug").iloc[0]
    assert (drug["product"], drug["identifier"]) == ("阿莫西林 胶囊", "国药准字H20053456")
    device = with_identity(_rows({"name": "输液器", "identifier": "国械注准 20153141234"}), "device").iloc[0]
    assert (device["product"], device["class"]) == ("国械注准20153··1234", "输液器")
    bare = with_identity(_rows({"name": "输液器", "lot": "N/A"}), "device").iloc[0]
    assert (bare["product"], bare["lot"]) == ("输液器", "")


@pytest.mark.parametrize("stream", ["aefi", "abuse", "faers", "vaers", "maude", "caers"])
def test_other_streams_count_by_name_whatever_number_they_give(stream: str) -> None:
    rows = with_identity(_rows({"name": "甲", "identifier": "21-123"}), stream)
    assert rows["product"].tolist() == ["甲"]
    assert rows["class"].tolist() == ["甲" if stream in {"aefi", "maude"} else ""]


def test_renewals_are_one_product_under_the_more_frequent_number() -> None:
    rows = _device(None, *[{"name": "输液器", "identifier": number} for number in (OLD, NEW, NEW, OTHER)])
    assert rows["product"].nunique() == 2
    assert labelled(rows).tolist() == [f"{NEW} 输液器"] * 3 + [f"{OTHER} 输液器"]
    assert rows["identifier"].tolist() == [OLD, NEW, NEW, OTHER]
    assert rows["rule"].tolist() == ["number"] * 4


def test_rules_say_how_a_product_is_known() -> None:
    tables = Tables(synonyms={"输液管": NEW, "gb8368": OTHER}, devices={DI: OTHER})
    rows = _device(
        tables,
        {"name": "输液器", "identifier": "国械注准2015-3661234"},
        {"name": "输液器", "identifier": "YZB/国 1"},
        {"name": "输液器", "udi": f"(01){DI}(10)b2"},
        {"name": "输液器", "identifier": NEW, "udi": f"(01){DI}(10)b2", "lot": "a1"},
        {"name": "输液管"},
        {"name": "输液器", "identifier": "GB 8368"},
        {"name": "输液器"},
    )
    assert rows["rule"].tolist() == ["number", "odd_number", "udi", "number", "synonym", "synonym", "as_written"]
    assert labelled(rows).tolist() == [
        f"{NEW} 输液器",
        "YZB/国1 输液器",
        f"{OTHER} 输液器",
        f"{NEW} 输液器",
        f"{NEW} 输液器",
        f"{OTHER} 输液器",
        "输液器",
    ]
    # What is written counts, and that the UDI says otherwise is told.
    assert rows["problem"].tolist() == ["", "", "", "udi_conflict", "", "", ""]
    assert rows["lot"].tolist() == ["", "", "B2", "A1", "", "", ""]


def test_a_udi_of_a_renewed_registration_is_no_conflict() -> None:
    rows = _device(Tables(devices={DI: OLD}), {"name": "甲", "identifier": NEW, "udi": DI})
    assert rows["problem"].tolist() == [""]


def test_class_and_category_are_derived_where_blank() -> None:
    rows = _device(
        None,
        {"name": "甲", "identifier": OLD},
        {"name": "甲", "identifier": OLD, "risk_class": "2"},
        {"name": "甲", "identifier": "津械备20190001号"},
        {"name": "甲"},
    )
    assert rows["risk_class"].tolist() == ["3", "2", "1", ""]
    assert rows["catalogue"].tolist() == ["6866", "6866", "", ""]


def test_a_synonym_may_lead_to_a_number_that_no_report_has() -> None:
    rows = _device(Tables(synonyms={"输液管": NEW}), {"name": "输液管"}, {"name": "输液管"})
    assert labelled(rows).tolist() == [f"{NEW} 输液管"] * 2


def test_ingredients() -> None:
    made_of = {"氨酚咖片": "对乙酰氨基酚; 咖啡因", "阿莫西林胶囊": "阿莫西林"}
    tables = Tables(ingredients=made_of, synonyms={"阿莫西林": "阿莫西林胶囊"})
    rows = with_identity(_rows(*({"name": name} for name in ("氨酚咖片", "阿莫西林", "某药"))), "drug")
    made = resolved(rows, "drug", tables)
    assert made["ingredient"].tolist() == [f"对乙酰氨基酚{SEVERAL}咖啡因", "阿莫西林", "某药"]
    assert made["product"].tolist() == ["氨酚咖片", "阿莫西林胶囊", "某药"]


def test_the_label_takes_the_most_frequent_wording() -> None:
    rows = pd.DataFrame(
        {
            "product": ["R1", "R1", "R1", "R2", "R2", "名"],
            "number": ["R1", "R1", "R1", "R2", "R2", ""],
            "name": ["输液器", "输液器", "输液管", "乙", "甲", "名"],
        },
        dtype="str",
    )
    assert labelled(rows).tolist() == ["R1 输液器"] * 3 + ["R2 乙"] * 2 + ["名"]


def test_a_lot_goes_by_the_product_with_which_it_is_reported_most() -> None:
    several = [("乙片", f"L2{SEVERAL}L1"), ("乙片", "L2"), ("乙片", ""), ("", "L3")]
    rows = [("甲片", "L1"), ("甲片", "L1"), *several, ("丙片", "L4"), ("丁片", "L4")]
    table = pd.DataFrame(rows, columns=["product", "lot"], dtype="str")
    assert names(table, "lot") == {"L1": "甲片", "L2": "乙片", "L4": "丁片"}
    assert names(table.iloc[:0], "lot") == {}


@settings(max_examples=20)  # a frame each
@given(st.lists(st.sampled_from([OLD, NEW, OTHER, "", "GB1", "gb1"]), min_size=1), st.randoms())
def test_labels_depend_on_the_rows_and_not_on_their_order(numbers: list[str], random: object) -> None:
    rows = _device(None, *({"name": "甲", "identifier": number} for number in numbers))
    labels = labelled(rows)
    assert labels.groupby(rows["product"]).nunique().max() == 1
    mixed = rows.sample(frac=1, random_state=len(numbers))
    assert labelled(mixed).sort_index().tolist() == labels.tolist()


def test_a_blank_lot_is_that_of_the_udi() -> None:
    written = pd.Series(["", "不知道", "a1", "", ""], dtype="str")
    udis = pd.Series([f"(01){DI}(10)b-2", f"(01){DI}(10)b-2", f"(01){DI}(10)b-2", "", "x"], dtype="str")
    assert lots_of(written, udis).tolist() == ["B-2", "B-2", "A1", "", ""]
