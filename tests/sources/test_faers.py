"""FAERS quarters of both generations: versions, roles, dates, deleted cases; what the tables lack is told."""

from __future__ import annotations

import zipfile
from collections import Counter, defaultdict
from pathlib import Path

import pandas as pd
import pytest

from pv.sources import FileRefused, faers
from tests.sources.small_sets import packed, records, table, together, unsound

# The second generation: case 100 has two versions, one of them received on the same day as the other; 200 is complete.
NEW = {
    "ASCII/DEMO23Q1.txt": table(
        "primaryid$caseid$caseversion$i_f_code$event_dt$init_fda_dt$fda_dt$rept_dt$age$age_cod$sex$occr_country",
        "10010$100$10$F$2023$20230101$20230203$20230202$6$DEC$F$US",
        "2001$200$1$I$202301$20230105$20230105$20230105$42$YR$M$JP",
        "1009$100$9$F$20221231$20230101$20230203$20230201$63$YR$F$US",
    ),
    "ASCII/DRUG23Q1.txt": table(
        "primaryid$caseid$drug_seq$role_cod$drugname$prod_ai$route$lot_num$nda_num$dose_form",
        "2001$200$1$PS$TYLENOL$ACETAMINOPHEN\\CODEINE$Oral$L1$019872$TABLETS",
        "2001$200$2$C$ASPIRIN.$ASPIRIN$$$$",
        "2001$200$3$I$$WARFARIN$$$$",
        "2001$200$4$DN$VACCINE$$$$$",
        "1009$100$1$SS$OLD$OLD$$$$",
        "10010$100$1$PS$NEW$NEW$$$$",
    ),
    "ASCII/REAC23Q1.txt": table(
        "primaryid$caseid$pt$drug_rec_act",
        "2001$200$Hallucination, auditory$",
        "2001$200$Rash$",
        "1009$100$Fall$",
        "10010$100$Fall$",
    ),
    "ASCII/OUTC23Q1.txt": table("primaryid$caseid$outc_cod", "2001$200$HO", "2001$200$DE", "1009$100$OT"),
    "ASCII/THER23Q1.txt": table(
        "primaryid$caseid$dsg_drug_seq$start_dt$end_dt",
        "2001$200$1$2022$",
        "2001$200$1$20221105$",
        "2001$200$1$20221101$",
        "2001$200$2$202211$",
    ),
    "ASCII/INDI23Q1.txt": table("primaryid$caseid$indi_drug_seq$indi_pt", "2001$200$1$Pain", "2001$200$1$Fever"),
    "ASCII/RPSR23Q1.txt": table("primaryid$caseid$rpsr_cod", "2001$200$HP"),
    "Readme.pdf": b"%PDF\0",
}
OLD = {
    "ascii/DEMO08Q1.TXT": table(
        "ISR$CASE$I_F_COD$FOLL_SEQ$EVENT_DT$FDA_DT$AGE$AGE_COD$GNDR_COD$REPT_DT$DEATH_DT",
        "501$70$I$$20080101$20080110$70$YR$M$20080109$20080102$",
        "502$71$I$$$20080111$$$UNK$20080109$$",
    ),
    "ascii/DRUG08Q1.TXT": table(
        "ISR$DRUG_SEQ$ROLE_COD$DRUGNAME$ROUTE$LOT_NUM$NDA_NUM",
        '501$1001$PS$"VITAMINS" (NOS)$$$$',
        "502$1002$PS$M\xc9DICAMENT$$$$",
    ).encode("latin-1"),
    "ascii/REAC08Q1.TXT": table("ISR$PT", "501$DEATH$", "502$CROHN\x92S DISEASE$").encode("latin-1"),
    "ascii/OUTC08Q1.TXT": table("ISR$OUTC_COD", "501$DE$"),
    "ascii/STAT08Q1.TXT": table("", "x"),
}


def read(path: Path) -> pd.DataFrame:
    return together(faers.read_batches(path))


def test_a_complete_report(tmp_path: Path) -> None:
    fields = read(packed(tmp_path / "x.zip", NEW))
    rows = fields[fields["report_number"] == "200"]
    assert set(rows["sheet"]) == {"ASCII/DEMO23Q1.txt"}
    assert set(rows["row"]) == {3}
    first = rows.iloc[0]
    wanted = {
        "received_on": "20230105",
        "modified_on": "20230105",
        "onset_on": "202301",
        "age": "42",
        "age_unit": "岁",
        "sex": "男",
        "area": "JP",
        "role": "怀疑",
        "name": "TYLENOL",
        "substance": "ACETAMINOPHEN；CODEINE",
        "identifier": "019872",
        "lot": "L1",
        "form": "TABLETS",
        "used_from": "20221101",
        "indication": "Pain；Fever",
        "reaction": "Hallucination, auditory；Rash",
        "severity": "严重",
        "outcome": "死亡",
        "deleted": "",
        "standing": "",
    }
    assert first[list(wanted)].to_dict() == wanted
    assert rows["role"].tolist() == ["怀疑", "并用", "相互作用", "并用"]
    assert rows["name"].tolist() == ["TYLENOL", "ASPIRIN.", "WARFARIN", "VACCINE"]
    assert rows["used_from"].tolist() == ["20221101", "202211", "", ""]


def test_all_versions_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    fields = read(packed(tmp_path / "x.zip", NEW))
    versions = fields[fields["report_number"] == "100"]
    assert versions["version"].tolist() == ["9", "10"]
    assert versions["row"].tolist() == [4, 2]
    assert versions["name"].tolist() == ["OLD", "NEW"]
    assert versions["severity"].tolist() == ["严重", "一般"]
    assert versions[["age", "age_unit"]].to_numpy().tolist() == [["63", "岁"], ["60", "岁"]]
    assert records(fields) == 3


def test_the_first_generation(tmp_path: Path) -> None:
    fields = read(packed(tmp_path / "x.zip", OLD))
    assert fields["report_number"].tolist() == ["70", "71"]
    assert fields["version"].tolist() == ["501", "502"]
    assert fields["received_on"].tolist() == fields["modified_on"].tolist() == ["20080110", "20080111"]
    assert fields["name"].tolist() == ['"VITAMINS" (NOS)', "MÉDICAMENT"]
    assert fields["reaction"].tolist() == ["DEATH", "CROHN’S DISEASE"]
    assert fields["sex"].tolist() == ["男", "不详"]
    assert fields["outcome"].tolist() == ["死亡", ""]
    assert fields["died_on"].tolist() == ["20080102", ""]
    assert not fields["ragged"].any()


def test_the_headings_of_the_quarter_between(tmp_path: Path) -> None:
    # 2012Q4 alone spells columns its own way: a byte order mark, a blank before a name, outc_code, lot_nbr, gndr_cod.
    files = {
        "ascii/demo12q4.txt": table(
            "primaryid$caseid$caseversion$init_fda_dt$fda_dt$gndr_cod$ rept_dt", "11$1$1$20121001$20121001$F$20121002"
        ),
        "ascii/drug12q4.txt": "\ufeff" + table("primaryid$caseid$drug_seq$role_cod$drugname$lot_nbr", "11$1$1$PS$A$L9"),
        "ascii/reac12q4.txt": table("primaryid$caseid$pt", "11$1$Rash"),
        "ascii/outc12q4.txt": table("primaryid$caseid$outc_code", "11$1$LT"),
    }
    row = read(packed(tmp_path / "x.zip", files)).iloc[0]
    assert row[["reported_on", "lot", "severity", "sex"]].tolist() == ["20121002", "L9", "严重", "女"]


def test_a_folder_and_an_archive_of_two_quarters(tmp_path: Path) -> None:
    for name, content in NEW.items():
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "q").mkdir(exist_ok=True)
        (tmp_path / "q" / Path(name).name).write_bytes(data)
    (tmp_path / "q" / "Readme.pdf").unlink()
    whole = read(packed(tmp_path / "x.zip", NEW))
    assert read(tmp_path / "q").drop(columns="sheet").equals(whole.drop(columns="sheet"))
    both = read(packed(tmp_path / "both.zip", NEW | OLD))
    assert both["report_number"].drop_duplicates().tolist() == ["70", "71", "200", "100"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deleted/ADR23Q1DeletedCases.txt", "\n200\n999\n999\n"),
        ("Deleted/DELETE23Q1.txt", " \r\n999\r\n200"),
    ],
)
def test_deleted_cases(tmp_path: Path, name: str, text: str) -> None:
    *batches, last = faers.read_batches(packed(tmp_path / "x.zip", NEW | {name: text}))
    fields = together(batches)
    assert dict(zip(fields["report_number"], fields["deleted"], strict=True)) == {"100": "", "200": "删除"}
    assert last.fields["report_number"].tolist() == ["999"]
    assert last.fields["deleted"].tolist() == ["删除"]
    assert last.fields["standing"].tolist() == ["retraction"]
    assert last.fields["sheet"].tolist() == [name]
    assert last.fields["row"].tolist() == [text.splitlines().index("999") + 1]
    assert last.raw.to_numpy().tolist() == [["999"]]
    assert list(last.fields) == list(fields)


def test_what_cannot_be_counted_rightly_is_told(tmp_path: Path) -> None:
    drugs = NEW["ASCII/DRUG23Q1.txt"] + "9999$999$1$PS$LOST$LOST$$$$\r\n2001$200$5$PS$X\r\n"
    fields = read(packed(tmp_path / "x.zip", NEW | {"ASCII/DRUG23Q1.txt": drugs}))
    bad = unsound(fields)
    # A ragged record stands beside its report, all rows of which are marked.
    assert bad[["report_number", "sheet", "row", "ragged", "standing"]].to_numpy().tolist() == [
        *([["200", "ASCII/DEMO23Q1.txt", 3, True, ""]] * 5),
        ["999", "ASCII/DRUG23Q1.txt", 8, False, "stray"],
        ["200", "ASCII/DRUG23Q1.txt", 9, True, "stray"],
    ]
    rest = fields.drop(bad.index)
    assert rest["report_number"].tolist() == ["100", "100"]


def test_unknown_codes_stay_as_written(tmp_path: Path) -> None:
    files = NEW | {
        "ASCII/OUTC23Q1.txt": table("primaryid$caseid$outc_code", "2001$200$XX"),
        "ASCII/DEMO23Q1.txt": table(
            "primaryid$caseid$caseversion$init_fda_dt$fda_dt$age$age_cod$sex", "2001$200$1$$20230105$42$$X"
        ),
    }
    row = read(packed(tmp_path / "x.zip", files)).iloc[0]
    assert row[["severity", "outcome", "sex"]].tolist() == ["XX", "", "X"]
    # An age without a unit is not taken for years; the receipt is that of the version where no other is given.
    assert row[["age", "age_unit", "received_on"]].tolist() == ["42", "?", "20230105"]


def test_sets_that_are_no_quarter(tmp_path: Path) -> None:
    without = {name: text for name, text in NEW.items() if "REAC" not in name}
    with pytest.raises(FileRefused) as refused:
        read(packed(tmp_path / "x.zip", without))
    assert (refused.value.code, refused.value.values) == ("table_missing", {"table": "REAC"})
    with pytest.raises(FileRefused) as refused:
        read(
            packed(
                tmp_path / "x.zip",
                NEW
                | {
                    "ASCII/REAC23Q1.txt": "primaryid$caseid$reaction$pt\r\n1$1\r\n",
                    "ASCII/DRUG23Q1.txt": table("primaryid$caseid$drug_seq$drugname", "2001$200$1$A"),
                },
            )
        )
    assert (refused.value.code, refused.value.values["column"]) == ("column_missing", "DRUG.role_cod")
    assert faers.recognises(packed(tmp_path / "x.zip", NEW))
    assert not faers.recognises(packed(tmp_path / "x.zip", {"DEMO23Q1.txt": "a,b\n1,2\n"}))
    assert not faers.recognises(packed(tmp_path / "x.zip", {}))
    (tmp_path / "DEMO23Q1.txt").write_text(NEW["ASCII/DEMO23Q1.txt"])
    assert not faers.recognises(tmp_path / "DEMO23Q1.txt")
    # Without version numbers the receipt orders the versions.
    demo = table("primaryid$caseid$fda_dt", "10010$100$20230203", "1009$100$20230101", "2001$200$20230105")
    fields = read(packed(tmp_path / "x.zip", NEW | {"ASCII/DEMO23Q1.txt": demo}))
    assert fields["name"].tolist()[-2:] == ["OLD", "NEW"]
    # A quarter without reports is one of no rows.
    nothing = {name: text.splitlines()[0] for name, text in NEW.items() if isinstance(text, str)}
    assert list(faers.read_batches(packed(tmp_path / "x.zip", nothing))) == []


def plain(path: Path, table: str) -> list[dict[str, str]]:
    """A table of a real quarter, read in plain Python."""
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.startswith(f"ascii/{table}"))
        lines = archive.read(name).decode("latin-1").splitlines()
    return [dict(zip(lines[0].split("$"), line.split("$"), strict=False)) for line in lines[1:]]


@pytest.mark.parametrize(("name", "key"), [("aers_ascii_2004q1", "isr"), ("faers_ascii_2017q2", "primaryid")])
def test_the_real_quarters(shared: Path, name: str, key: str) -> None:
    path = shared / "data" / "faers_ascii" / f"{name}.zip"
    assert faers.recognises(path)
    (batch,) = faers.read_batches(path)
    fields = batch.fields
    demo, drugs, reactions = (plain(path, table) for table in ("DEMO", "DRUG", "REAC"))
    assert records(fields) == len(demo) == 100
    assert len(fields) == len(drugs)
    suspects = Counter(drug[key] for drug in drugs if drug["role_cod"] in {"PS", "SS"})
    found = Counter(batch.raw.loc[fields["role"] == "怀疑", f"DEMO.{key}"])
    assert found == suspects
    terms = {one[key]: set() for one in demo}
    for reaction in reactions:
        terms[reaction[key]].add(reaction["pt"])
    assert {
        number: set(text.split("；")) for number, text in zip(batch.raw[f"DEMO.{key}"], fields["reaction"], strict=True)
    } == terms
    deaths = {row[key] for row in plain(path, "OUTC") if row["outc_cod"] == "DE"}
    assert set(batch.raw.loc[fields["outcome"] == "死亡", f"DEMO.{key}"]) == deaths
    serious = {row[key] for row in plain(path, "OUTC")}
    assert set(batch.raw.loc[fields["severity"] == "严重", f"DEMO.{key}"]) == serious
    starts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in plain(path, "THER"):
        starts[row[key], row.get("dsg_drug_seq") or row["drug_seq"]].append(row["start_dt"])
    whole = {drug: min(days) for drug, found in starts.items() if (days := [day for day in found if len(day) == 8])}
    used = zip(batch.raw[f"DEMO.{key}"], batch.raw["DRUG.drug_seq"], fields["used_from"], strict=True)
    assert {(report, drug): day for report, drug, day in used if len(day) == 8} == whole
    assert unsound(fields).empty
