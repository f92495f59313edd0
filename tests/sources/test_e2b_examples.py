"""The E2B(R3) examples of the FDA: what is read is what the comments beside their elements state."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pv import contracts
from pv.sources import e2b_r3
from pv.sources.icsr import codes

TODAY = date(2026, 11, 22)
CRITERIA = dict(zip("abcdef", codes("criterion", "code", "r3"), strict=True))  # E.i.3.2a–f, in the order of the guide


# What the head comment of each message says (products and roles), and the comments at C.1.4, C.1.5, E.i and D.
FDA = {
    "1": (
        "US-APHARMA-8744554B",
        "2022-06-14",
        "JD",
        "男",
        [("怀疑", "Drug A"), ("怀疑", "Drug B"), ("并用", "Drug C")],
    ),
    "2": (
        "US-APHARMA-8744554B-UPDATE-TESTING222",
        "2022-06-15",
        "JD",
        "男",
        [("怀疑", "Drug A"), ("怀疑", "Drug B"), ("并用", "Drug C")],
    ),
    "5-1": ("US-APHARMA-234545656", "2022-06-14", "SM", "女", [("怀疑", "TEST"), ("怀疑", "RLD"), ("并用", "Drug A")]),
    "5-2": (
        "US-APHARMA-234545656",
        "2022-06-14",
        "SM",
        "女",
        [
            ("怀疑", "Vehicle Patch for Buprenorphine Transdermal System"),
            ("怀疑", "Positive Control System"),
            ("并用", "Drug A"),
        ],
    ),
    # The role "not administered" refers to a drug that is not there; both first drugs have one id, which is suspect.
    "5-3": (
        "US-APHARMA-234545656",
        "2022-06-14",
        "SM",
        "女",
        [("怀疑", "Drug Z (No drug exposure)"), ("怀疑", "Drug X"), ("并用", "Drug A")],
    ),
}
HOLDERS = {
    "1": ["Big Pharma A Drug", "Big Pharma B Drug", "Big Pharma C Drug"],
    "2": ["Big Pharma A Drug", "Big Pharma B Drug", "Big Pharma C Drug"],
    "5-1": ["Generic Pharma Test Drug", "Reference Pharma RLD Drug", "Generic Pharma A Drug"],
    "5-2": ["Generic Pharma Vehicle", "Pharma Control", "Generic Pharma A Drug"],
    "5-3": ["Generic Pharma", "Pharma X Drug", "Generic Pharma A Drug"],
}

PRODUCT_CODE = "894444-28525-765"  # stands for the number where there is none; without a comment


@pytest.mark.parametrize("scenario", FDA)
def test_the_messages_of_the_fda_give_what_their_comments_state(shared: Path, scenario: str) -> None:
    number, received, patient, sex, products = FDA[scenario]
    path = shared / "data" / "e2b_r3" / f"FAERS2022Scenario{scenario}.xml"
    (extract,) = e2b_r3.read_batches(path)
    rows = extract.fields
    assert list(zip(rows["role"], rows["name"], strict=True)) == products
    head = path.read_text(encoding="utf-8").partition("<!--")[2].partition("-->")[0]
    stated = [
        line for line in head.splitlines() if re.search("- suspect|- concomitant|suspect:|concomitant:", line, re.I)
    ]
    for line, (role, name) in zip(stated, products, strict=True):
        assert {"怀疑": "suspect", "并用": "concomitant"}[role] in line.lower()
        words = (name, name.partition(" for ")[0], name.partition("(")[2].strip(")"))
        assert any(word and word in line for word in words), (line, name)
    assert rows["maker"].tolist() == HOLDERS[scenario]
    _same(
        rows,
        report_number=number,
        received_on=received,
        modified_on=received,
        patient_name=patient,
        sex=sex,
        age="48",
        age_unit="岁",
        age_group="adult",
        birth_date="2001-06-15" if patient == "JD" else "1980-06-15",
        reaction="THROMBOSE VEINEUSE PROFONDE；COLITE ISCHEMIQUE",
        reaction_code="10027940；10009896",
        onset_on="2014-10-10",
        severity="严重",
        seriousness="disability；other",
        outcome="未好转",  # of the first; the second has recovered
        hospital="Big Pharma Drug",
        area="UT",
        deleted="",
        lot="",  # "UNKNOWN"
    )
    assert contracts.check(extract, TODAY).problems.empty


def _same(rows: pd.DataFrame, **expected: str) -> None:
    for field, value in expected.items():
        assert rows[field].unique().tolist() == [value], field


def _stated(path: Path) -> dict[str, list[str]]:
    """Element number → the values of the elements that a comment with this number follows, in order.

    Read as text, not as XML: the value is the attribute `value`, `extension` or `code`, else the text.
    """
    found: dict[str, list[str]] = {}
    element = r"<([\w:]+)([^<>]*?)(?:/>|>([^<]*)</\1>)\s*((?:<!--.*?-->\s*)+)"
    for match in re.finditer(element, path.read_text(encoding="utf-8"), re.DOTALL):
        given = dict(re.findall(r'([\w:]+)="([^"]*)"', match[2]))
        value = next(
            (given[name] for name in ("value", "extension", "code") if name in given), (match[3] or "").strip()
        )
        for number in re.findall(r"<!--\s*([A-Z]\.[\w.]+)", match[4]):
            found.setdefault(number, []).append(value)
    return found


def _day(time: str) -> str:
    return f"{time[:4]}-{time[4:6]}-{time[6:8]}"


@pytest.mark.parametrize("scenario", FDA)
def test_every_fact_is_the_one_beside_its_comment(shared: Path, scenario: str) -> None:
    path = shared / "data" / "e2b_r3" / f"FAERS2022Scenario{scenario}.xml"
    (case,) = e2b_r3.read_cases(path)
    stated = _stated(path)
    one = {number: values[0] for number, values in stated.items()}
    assert (case.number, case.worldwide) == (one["C.1.1"], one["C.1.8.1"])
    assert case.created_on == _day(one["C.1.2"])
    assert (case.received_on, case.modified_on) == (_day(one["C.1.4"]), _day(one["C.1.5"]))
    assert (case.sender, case.sender_type) == (one["C.3.2"], codes("sender_type", "r3", "code")[one["C.3.1"]])
    assert (case.area, case.report_type) == (one["C.2.r.2.5"], codes("report_type", "r3", "code")[one["C.1.3"]])
    assert (case.patient, case.birth_date) == (one["D.1"], _day(one["D.2.1"]))
    assert case.sex == codes("sex", "r3", "code")[one["D.5"]]
    assert [reaction.code for reaction in case.reactions] == stated["E.i.2.1b"]
    assert [reaction.started_on for reaction in case.reactions] == [*map(_day, stated["E.i.4"])]
    outcomes = [codes("outcome", "r3", "code")[code] for code in stated["E.i.7"]]
    assert [reaction.outcome for reaction in case.reactions] == outcomes
    for number, reaction in enumerate(case.reactions):
        met = {name for letter, name in CRITERIA.items() if stated[f"E.i.3.2{letter}"][number] == "true"}
        assert set(reaction.criteria) == met
    assert [drug.name for drug in case.drugs] == stated["G.k.2.2"]
    assert [drug.holder for drug in case.drugs] == stated["G.k.3.3"]
    identifiers = [drug.identifier for drug in case.drugs if drug.identifier not in {"", PRODUCT_CODE}]
    assert identifiers == [*filter(None, stated["G.k.3.1"])]
    assert [name for drug in case.drugs for name in drug.substances] == stated["G.k.2.3.r.1"]
    assert [lot for drug in case.drugs for lot in drug.lots] == stated.get("G.k.4.r.7", [])
    if scenario != "5-3":  # there the roles refer to ids that are not those of the drugs
        assert [drug.role for drug in case.drugs] == [codes("role", "r3", "code")[code] for code in stated["G.k.1"]]
