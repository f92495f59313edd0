"""E2B(R2): batches of the older release, with a DOCTYPE that is not followed."""

from __future__ import annotations

import io
from datetime import date

import pytest

from pv import contracts
from pv.sources import Extract, FileRefused, e2b_r2
from pv.sources.icsr import Case, Drug, Reaction

TODAY = date(2026, 11, 22)
HEADING = """<?xml version="1.0" encoding="{encoding}"?>
<!DOCTYPE ichicsr SYSTEM "http://nowhere.invalid/dtd/icsr21xml.dtd">
<ichicsr lang="zh">
  <ichicsrmessageheader><messagetype>ichicsr</messagetype><messagenumb>B1</messagenumb></ichicsrmessageheader>
"""
SERIOUS = """<serious>1</serious><seriousnessdeath>2</seriousnessdeath>
  <seriousnesshospitalization>1</seriousnesshospitalization>"""
SKIN = """<reaction><primarysourcereaction>皮疹</primarysourcereaction>
  <reactionmeddraversionllt>26.0</reactionmeddraversionllt><reactionmeddrallt>10037844</reactionmeddrallt><termhighlighted>3</termhighlighted>
  <reactionstartdateformat>102</reactionstartdateformat><reactionstartdate>20261105</reactionstartdate>
  <reactionoutcome>6</reactionoutcome></reaction>"""
NAUSEA = """<reaction><reactionmeddrapt>Nausea</reactionmeddrapt><termhighlighted>2</termhighlighted>
  <reactionstartdateformat>610</reactionstartdateformat><reactionstartdate>202611</reactionstartdate>
  <reactionoutcome>1</reactionoutcome></reaction>"""
DRUGS = """<drug><drugcharacterization>1</drugcharacterization><medicinalproduct>阿莫西林 胶囊</medicinalproduct>
  <drugbatchnumb>A1</drugbatchnumb><drugauthorizationnumb>国药准字H20050001</drugauthorizationnumb>
  <drugauthorizationholder>甲药业</drugauthorizationholder><drugstartdateformat>203</drugstartdateformat>
  <drugstartdate>202611010830</drugstartdate>
  <activesubstance><activesubstancename>阿莫西林</activesubstancename></activesubstance></drug>
  <drug><drugcharacterization>2</drugcharacterization><medicinalproduct>布洛芬</medicinalproduct>
  <drugbatchnumb>UNKNOWN</drugbatchnumb></drug>"""


def _report(serious: str = SERIOUS, reactions: str = SKIN + NAUSEA, drugs: str = DRUGS, more: str = "") -> str:
    return f"""<safetyreport><safetyreportversion>2</safetyreportversion><safetyreportid>CN-JIA-1</safetyreportid>
  <transmissiondateformat>102</transmissiondateformat><transmissiondate>20261115</transmissiondate>
  <reporttype>1</reporttype>{serious}
  <receivedateformat>102</receivedateformat><receivedate>20261110</receivedate>
  <receiptdateformat>102</receiptdateformat><receiptdate>20261112</receiptdate>
  <companynumb>CN-SHI-9</companynumb>{more}
  <primarysource><reporterfamilyname>李</reporterfamilyname><reporterorganization>第一医院</reporterorganization>
    <reporterstate>云城</reporterstate><reportercity>东区</reportercity></primarysource>
  <sender><sendertype>1</sendertype><senderorganization>甲药业</senderorganization></sender>
  <patient><patientinitial>ZS</patientinitial><patienthospitalrecordnumb>ZY7</patienthospitalrecordnumb>
    <patientbirthdateformat>102</patientbirthdateformat><patientbirthdate>19800102</patientbirthdate>
    <patientonsetage>46</patientonsetage><patientonsetageunit>801</patientonsetageunit><patientsex>2</patientsex>
    {reactions}{drugs}<summary><narrativeincludeclinical>……</narrativeincludeclinical></summary></patient></safetyreport>"""


def _batch(*reports: str, encoding: str = "UTF-8") -> io.BytesIO:
    return io.BytesIO(f"{HEADING.format(encoding=encoding)}{''.join(reports)}</ichicsr>".encode(encoding))


def _case(*reports: str) -> Case:
    (case,) = e2b_r2.read_cases(_batch(*reports))
    return case


def _extract(*reports: str) -> Extract:
    (extract,) = e2b_r2.read_batches(_batch(*reports))
    return extract


CASE = Case(
    number="CN-JIA-1",
    worldwide="CN-SHI-9",
    created_on="2026-11-15",
    received_on="2026-11-10",
    modified_on="2026-11-12",
    report_type="spontaneous",
    sender_type="holder",
    sender="甲药业",
    reporter="第一医院",
    area="云城",
    patient="ZS",
    birth_date="1980-01-02",
    record_numbers=(("hospital", "ZY7"),),
    age="46",
    age_unit="year",
    sex="female",
    reactions=(
        Reaction("皮疹", "10037844", "2026-11-05", "unknown", ("hospitalisation",)),
        Reaction("", "Nausea", "2026-11", "recovered", ()),
    ),
    drugs=(
        Drug("suspect", "阿莫西林 胶囊", ("阿莫西林",), "国药准字H20050001", "甲药业", ("A1",), "2026-11-01"),
        Drug("concomitant", "布洛芬", lots=("UNKNOWN",)),
    ),
)


@pytest.mark.parametrize("encoding", ["UTF-8", "GB2312", "utf-16"])
def test_every_element_finds_its_place(encoding: str) -> None:
    assert list(e2b_r2.read_cases(_batch(_report(), encoding=encoding))) == [CASE]


def test_a_case_is_a_row_per_product_and_passes_the_contracts() -> None:
    extract = _extract(_report())
    rows = extract.fields
    assert rows[["role", "name", "lot", "used_from", "row"]].to_numpy().tolist() == [
        ["怀疑", "阿莫西林 胶囊", "A1", "2026-11-01", 1],
        ["并用", "布洛芬", "", "", 1],
    ]
    assert rows.loc[1, ["reaction", "reaction_code", "severity", "seriousness", "outcome", "onset_on"]].tolist() == [
        "皮疹；Nausea",
        "10037844；Nausea",
        "严重",
        "hospitalisation",
        "痊愈",  # the worst that is known
        "2026-11-05",
    ]
    checked = contracts.check(extract, TODAY)
    assert checked.problems.empty
    assert checked.rows["case_number"].unique().tolist() == ["CN-SHI-9"]
    assert checked.rows["report"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("serious", "reactions", "criteria"),
    [
        (SERIOUS, SKIN + NAUSEA, [("hospitalisation",), ()]),  # the term that is marked as serious
        (SERIOUS, SKIN.replace(">3<", "><") + NAUSEA, [("hospitalisation",), ("hospitalisation",)]),  # none is marked
        ("<serious>1</serious>", SKIN, [("other",)]),  # serious, and not why
        ("<serious>2</serious>", SKIN, [()]),
        ("", SKIN, [()]),
        ("<seriousnessdeath>1</seriousnessdeath>", SKIN, [("death",)]),
    ],
)
def test_seriousness_of_the_report_is_that_of_its_serious_terms(
    serious: str, reactions: str, criteria: list[tuple[str, ...]]
) -> None:
    assert [one.criteria for one in _case(_report(serious=serious, reactions=reactions)).reactions] == criteria


def test_a_death_is_one_by_the_report_too() -> None:
    assert _extract(_report(serious="<seriousnessdeath>1</seriousnessdeath>")).fields["outcome"][0] == "死亡"


@pytest.mark.parametrize(("code", "deleted", "modified"), [("1", "删除", "2026-11-15"), ("0", "", "2026-11-12")])
def test_a_nullified_case_is_left_out_from_the_day_it_was_sent(code: str, deleted: str, modified: str) -> None:
    row = _extract(_report(more=f"<casenullification>{code}</casenullification>")).fields.iloc[0]
    assert (row["deleted"], row["modified_on"]) == (deleted, modified)


def test_the_authority_s_number_comes_before_the_company_s() -> None:
    assert _case(_report(more="<authoritynumb>CN-NMPA-5</authoritynumb>")).worldwide == "CN-NMPA-5"


def test_a_report_without_anything_is_blank() -> None:
    assert _case("<safetyreport/>") == Case()


def test_a_broken_report_costs_itself_only() -> None:
    extract = _extract(_report(), _report().replace("</patient>", ""), _report())
    assert extract.fields["row"].tolist() == [1, 1, 2, 3, 3]
    assert extract.fields["fault"].tolist()[2].startswith("mismatched tag")
    # An entity of the DTD that is not fetched: dropping it would change the wording.
    (broken,) = _extract(_report(), _report(reactions=SKIN.replace("皮疹", "ras&hacek;"))).fields["fault"].iloc[[2]]
    assert "&hacek;" in broken


# The form of the FDA's public AERS files (ADR…SGM), after a record in the test data of github.com/FDA/openfda
# (openfda/faers/tests/data/event.sgm); the values are made up: no heading, no DOCTYPE, no versions, reactions by their
# preferred term alone, the most recent information dated before the receipt.
FDA = """<ichicsr lang="en">
  <safetyreport>
   <safetyreportid>4000000-7</safetyreportid>
   <transmissiondateformat>102</transmissiondateformat><transmissiondate>20050727</transmissiondate>
   <serious>1</serious><seriousnesshospitalization>1</seriousnesshospitalization><seriousnessother>1</seriousnessother>
   <receivedateformat>102</receivedateformat><receivedate>20050127</receivedate>
   <receiptdateformat>102</receiptdateformat><receiptdate>20030407</receiptdate>
   <fulfillexpeditecriteria>1</fulfillexpeditecriteria><companynumb>US-X-1</companynumb>
  <primarysource><qualification>1</qualification></primarysource>
  <sender><senderorganization>FDA-Public Use</senderorganization></sender>
  <receiver>
  </receiver>
  <patient><patientonsetage>62</patientonsetage><patientonsetageunit>801</patientonsetageunit>
   <patientweight>62</patientweight><patientsex>2</patientsex>
  <reaction><reactionmeddrapt>AMNESIA</reactionmeddrapt></reaction><reaction><reactionmeddrapt>FALL</reactionmeddrapt></reaction>
  <drug><drugcharacterization>1</drugcharacterization><medicinalproduct>DRUG A</medicinalproduct>
   <drugadministrationroute>048</drugadministrationroute><drugindication>PAIN</drugindication>
   <drugstartdateformat>102</drugstartdateformat><drugstartdate>20000918</drugstartdate></drug>
  <drug><drugcharacterization>1</drugcharacterization><medicinalproduct>DRUG A</medicinalproduct></drug>
  <drug><drugcharacterization>2</drugcharacterization><medicinalproduct>OS-CAL + D</medicinalproduct></drug>
  </patient></safetyreport></ichicsr>
"""


def test_the_public_files_of_the_fda() -> None:
    (extract,) = e2b_r2.read_batches(io.BytesIO(FDA.encode()))
    checked = contracts.check(extract, TODAY)
    assert checked.problems.empty
    rows = checked.rows
    assert rows[["role", "name", "used_from"]].to_numpy().tolist() == [
        ["suspect", "DRUG A", "2000-09-18"],
        ["suspect", "DRUG A", ""],
        ["concomitant", "OS-CAL + D", ""],
    ]
    expected = {
        "case_number": "US-X-1",
        "received_on": "2005-01-27",
        "modified_on": "2003-04-07",
        "hospital": "FDA-Public Use",
        "reaction": "AMNESIA；FALL",
        "severity": "serious",
        "outcome": "",
        "sex": "female",
        "age_years": 62.0,
    }
    assert {name: rows[name].unique().tolist() for name in expected} == {name: [v] for name, v in expected.items()}


def test_empty_elements_say_nothing() -> None:
    """As the forms of several centres write them: each element stands there, filled in or not."""
    empty = "<authoritynumb/><casenullification/><nullificationreason/><duplicate/>"
    reaction = SKIN.replace("<reactionoutcome>6</reactionoutcome>", "<reactionoutcome/>")
    case = _case(_report(reactions=reaction, more=empty))
    assert (case.worldwide, case.change, case.reactions[0].outcome) == ("CN-SHI-9", "", "")


def test_entities_of_its_own_are_refused() -> None:
    text = _batch(_report()).getvalue().replace(b'.dtd">', b'.dtd" [<!ENTITY a "x">]>')
    with pytest.raises(FileRefused, match="xml_declarations"):
        list(e2b_r2.read_batches(io.BytesIO(text)))
