import pandas as pd
import pytest

from pv.codes.products import identifier, is_known_form, labelled, with_identity


def _row(**given: str) -> pd.DataFrame:
    blank = dict.fromkeys(["name", "identifier", "maker", "model", "lot", "class"], "")
    return pd.DataFrame([blank | given], dtype="str")


@pytest.mark.parametrize(
    ("stream", "number", "known"),
    [
        ("drug", "国药准字H20053456", True),
        ("drug", "国药准字H2005345", False),
        ("drug", "津药制字Z20090123", True),
        ("device", "国械注准20153141234", True),
        ("device", "津械备20190001号", True),
        ("device", "GB8368-2018", False),
        ("cosmetic", "国妆特字G20190001", True),
    ],
)
def test_forms_of_numbers(stream: str, number: str, known: bool) -> None:
    assert is_known_form(stream, number) is known


def test_numbers_lose_white_space_and_none_is_none() -> None:
    assert identifier(" 国械注准 2015 3141234 ") == "国械注准20153141234"
    assert identifier("无") == identifier("/") == ""


def test_drugs_count_by_name_devices_by_number() -> None:
    drug = with_identity(_row(name=" 阿莫西林　胶囊", identifier="国药准字H20053456"), "drug").iloc[0]
    assert (drug["product"], drug["identifier"]) == ("阿莫西林 胶囊", "国药准字H20053456")
    device = with_identity(_row(name="输液器", identifier="国械注准 20153141234"), "device").iloc[0]
    assert (device["product"], device["class"]) == ("国械注准20153141234", "输液器")
    bare = with_identity(_row(name="输液器", lot="N/A"), "device").iloc[0]
    assert (bare["product"], bare["lot"]) == ("输液器", "")


def test_the_label_takes_the_most_frequent_wording() -> None:
    rows = pd.DataFrame(
        {
            "product": ["R1", "R1", "R1", "R2", "R2", "名"],
            "identifier": ["R1", "R1", "R1", "R2", "R2", ""],
            "name": ["输液器", "输液器", "输液管", "乙", "甲", "名"],
        },
        dtype="str",
    )
    assert labelled(rows).tolist() == ["R1 输液器"] * 3 + ["R2 乙"] * 2 + ["名"]
