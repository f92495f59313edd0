"""Reference sets as they are published, and case sets in their wording."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pv.signals.discrimination import evaluate
from pv.signals.long_table import TableError, screen
from pv.signals.reference_sets import ReferenceSet, in_words_of, read_mapping, read_reference, with_mapping

OWN = "product,event,truth,remark\nAspirin,Bleeding,1,\n aspirin ,Rash,0,negative\nIbuprofen,Rash,1,\n"
OMOP = (
    '"exposureId","exposureName","outcomeId","outcomeName","groundTruth"\n'
    '1,"almotriptan",500000301,"OMOP Acute Liver Failure 1",0\n'
    '2,"Niacin",500000301,"OMOP Acute Liver Failure 1",1\n'
)
HARPAZ = "EVENT_CONCEPT_NAME,DRUG_CONCEPT_NAME,GROUND_TRUTH\nSprue,Olmesartan,1\nShock,Olmesartan,0\n"
DEFINITIONS = (
    "EVENT_CONCEPT_NAME,MEDDRA_PT,DEFINITION_LEVEL,MDR_CODE\n"
    "shock ,Anaphylactic shock,narrow,1\n"
    ",Kounis syndrome,narrow,2\n"
    ",Hypotension,broad,3\n"
    'Sprue,"Sprue-like, severe",narrow,4\n'
    ",Kounis syndrome,narrow,2\n"
    "Elsewhere,Death,narrow,5\n"
)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def cases(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["id", "drug", "pt"])


def test_a_plain_set_is_read_each_pair_once(tmp_path: Path) -> None:
    found = read_reference(written(tmp_path, "own.csv", OWN + "ASPIRIN,bleeding,1,again\n"))
    assert found.pairs.to_dict("split", index=False)["data"] == [
        ["Aspirin", "Bleeding", 1],
        ["Aspirin", "Rash", 0],
        ["Ibuprofen", "Rash", 1],
    ]


def test_the_form_of_omop_is_recognised(tmp_path: Path) -> None:
    found = read_reference(written(tmp_path, "omop.csv", OMOP))
    assert found.pairs["product"].tolist() == ["almotriptan", "Niacin"]
    assert found.pairs["truth"].tolist() == [0, 1]


def test_events_of_harpaz_are_groups_of_narrow_terms(tmp_path: Path) -> None:
    written(tmp_path, "h_event_definitions.csv", DEFINITIONS)
    found = read_reference(written(tmp_path, "h_reference_set.csv", HARPAZ))
    named = read_reference(written(tmp_path, "other.csv", HARPAZ), tmp_path / "h_event_definitions.csv")
    pd.testing.assert_frame_equal(named.words, found.words)
    table = cases(
        ("1", "OLMESARTAN", "Anaphylactic Shock"),
        ("2", "olmesartan", "kounis  syndrome"),
        ("3", "olmesartan", "Hypotension"),
        ("4", "olmesartan", "SPRUE"),
        ("5", "other", "Death"),
    )
    named = in_words_of(found, table, "drug", "pt")
    assert sorted(zip(named["id"], named["drug"], named["pt"], strict=True)) == [
        ("1", "Olmesartan", "Shock"),
        ("2", "Olmesartan", "Shock"),
        ("2", "Olmesartan", "Sprue"),
        ("3", "Olmesartan", "hypotension"),
        ("4", "Olmesartan", "Sprue"),
        ("5", "other", "death"),
    ]


def test_a_case_with_several_terms_of_an_event_counts_once(tmp_path: Path) -> None:
    """Cases 1 and 2 have the product with the event, 3 the product alone, 4 and 5 the event alone, 6 neither."""
    written(tmp_path, "h_event_definitions.csv", DEFINITIONS)
    found = read_reference(written(tmp_path, "h_reference_set.csv", HARPAZ))
    table = cases(
        ("1", "olmesartan", "Anaphylactic shock"),
        ("1", "olmesartan", "Kounis syndrome"),
        ("1", "OLMESARTAN", "Shock"),
        ("2", "olmesartan", "Kounis syndrome"),
        ("3", "olmesartan", "Cough"),
        ("4", "other", "Shock"),
        ("5", "other", "Anaphylactic shock"),
        ("6", "other", "Cough"),
        ("7", "", "Shock"),
    )
    result = screen(in_words_of(found, table, "drug", "pt"), "id", "drug", "pt")
    row = result.pairs.set_index(["product", "event"]).loc[("Olmesartan", "Shock")]
    assert row[["a", "b", "c", "d"]].tolist() == [2, 1, 2, 1]
    assert result.n == 6
    counted = evaluate(result.pairs, found.pairs, list(result.met))
    assert counted.found["a_1"].tolist() == [1, 1]


def test_a_mapping_leads_other_wording_to_the_set(tmp_path: Path) -> None:
    found = read_reference(written(tmp_path, "omop.csv", OMOP))
    mapping = read_mapping(
        written(
            tmp_path,
            "mapping.csv",
            "kind,wording,reference\n"
            "event,Hepatic failure,omop acute liver  failure 1\n"
            "event,Hepatic coma,OMOP Acute Liver Failure 1\n"
            "product,烟酸片,NIACIN\n"
            "product,,Niacin\n"
            "event,Cough,An event of another set\n",
        )
    )
    table = cases(("1", "烟酸片", "hepatic FAILURE"), ("2", "Niacin", "Hepatic coma"), ("3", "", "Cough"))
    named = in_words_of(with_mapping(found, mapping), table, "drug", "pt")
    liver = "OMOP Acute Liver Failure 1"
    assert named.to_numpy().tolist() == [["1", "Niacin", liver], ["2", "Niacin", liver], ["3", "", "cough"]]
    with pytest.raises(TableError, match=r"mapping\.csv leads to no product or event"):
        with_mapping(found, mapping[mapping["wording"] == "Cough"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drug,event,truth\nA,x,1\n", "is no reference set"),
        ("product,event,truth\nA,x,1\nA,y,yes\n", "row 2: the truth is “yes”. Write 1 or 0"),
        ("product,event,truth\nA,x,1\nB,,0\n", "row 2: the event is missing"),
        ("product,event,truth\nB,x,1\nA,x,1\na ,X,0\n", "row 2: A with x is listed as 1 and as 0"),
        (HARPAZ, "x_event_definitions.csv is missing: it lists the terms"),
    ],
)
def test_a_bad_set_is_refused_with_the_fix(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_reference(written(tmp_path, "x_reference_set.csv", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wording,reference\nA,x\n", "is no mapping. Give it the columns kind, wording, reference"),
        ("kind,wording,reference\nreaction,A,x\n", "row 1: the kind is “reaction”. Write product or event"),
    ],
)
def test_a_bad_mapping_is_refused_with_the_fix(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_mapping(written(tmp_path, "m.csv", text))


def test_definitions_need_their_columns(tmp_path: Path) -> None:
    written(tmp_path, "x_event_definitions.csv", "a,b\n1,2\n")
    with pytest.raises(TableError, match="does not define events"):
        read_reference(written(tmp_path, "x_reference_set.csv", HARPAZ))


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = read_reference(written(tmp_path, "own.csv", OWN))
    with pytest.raises(TableError, match="no column “reaction”"):
        in_words_of(found, cases(("1", "a", "b")), "drug", "reaction")


@pytest.mark.parametrize(
    ("name", "positives", "negatives", "products", "events"),
    [
        ("omopReferenceSet.csv", 165, 234, 182, 4),
        ("euadrReferenceSet.csv", 43, 50, 65, 10),
        ("harpaz_2014_reference_set.csv", 62, 75, 44, 38),
    ],
)
def test_the_published_sets_are_whole(
    shared: Path, name: str, positives: int, negatives: int, products: int, events: int
) -> None:
    """Counts of Ryan et al. 2013, Coloma et al. 2013 (93 of its 94 pairs are in the file) and Harpaz et al. 2014."""
    found = read_reference(shared / "data/reference_sets" / name)
    assert found.pairs["truth"].value_counts().to_dict() == {1: positives, 0: negatives}
    assert (found.pairs["product"].nunique(), found.pairs["event"].nunique()) == (products, events)
    assert terms_of(found).groupby("reference").size().min() >= 1
    assert set(found.words["reference"]) == set(found.pairs["product"]) | set(found.pairs["event"])


def terms_of(reference: ReferenceSet) -> pd.DataFrame:
    return reference.words[reference.words["kind"] == "event"]


def test_the_terms_of_harpaz_are_the_narrow_ones(shared: Path) -> None:
    terms = terms_of(read_reference(shared / "data/reference_sets/harpaz_2014_reference_set.csv"))
    anaphylaxis = set(terms.loc[terms["reference"] == "Anaphylaxis", "wording"])
    assert anaphylaxis == {
        *("anaphylaxis", "anaphylactic reaction", "anaphylactic shock"),
        *("anaphylactic transfusion reaction", "kounis syndrome"),
    }
    assert "hallucination, auditory" in set(terms["wording"])
