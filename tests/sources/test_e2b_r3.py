"""E2B(R3): every element that is used is found by its place and code, and nothing else is taken for it."""

from __future__ import annotations

import io
from datetime import date
from xml.etree import ElementTree

import pytest

from pv import contracts, reference
from pv.sources import Extract, FileRefused, e2b_r3
from pv.sources.icsr import Case, Drug, Reaction, codes, day, earliest, every, first
from pv.sources.icsr_rows import batches

TODAY = date(2026, 11, 22)
OID = "2.16.840.1.113883.3.989.2.1"


ROOT_ID = '<id root="154eb889-958b-45f2-a02f-42d4d6f4657f"/>'


def _observed(code: str, value: str, extra: str = "") -> str:
    return (
        f'<observation classCode="OBS" moodCode="EVN">{extra}<code code="{code}" codeSystem="{OID}.1.19"/>'
        f"{value}</observation>"
    )


def _reaction(term: str, code: str, start: str, outcome: str, met: str = "") -> str:
    facts = [_observed(name, '<value xsi:type="BL" value="true"/>') for name in met.split()]
    facts += [_observed("34", '<value xsi:type="BL" nullFlavor="NI"/>')] if "34" not in met else []
    facts.append(_observed("27", f'<value xsi:type="CE" code="{outcome}" codeSystem="{OID}.1.11"/>'))
    related = "".join(f'<outboundRelationship2 typeCode="PERT">{fact}</outboundRelationship2>' for fact in facts)
    value = (
        f'<effectiveTime xsi:type="IVL_TS"><low value="{start}"/></effectiveTime>'
        f'<value xsi:type="CE" code="{code}" codeSystem="2.16.840.1.113883.6.163">'
        f'<originalText language="zho">{term}</originalText></value>'
    )
    return f'<subjectOf2 typeCode="SBJ">{_observed("29", value + related, ROOT_ID)}</subjectOf2>'


def _drug(identifier: str, name: str, product: str = "", doses: str = "") -> str:
    return f"""<component typeCode="COMP"><substanceAdministration classCode="SBADM" moodCode="EVN">
      <id root="{identifier}"/>
      <consumable typeCode="CSM"><instanceOfKind classCode="INST"><kindOfProduct classCode="MMAT" determinerCode="KIND">
        {product}<name>{name}</name></kindOfProduct></instanceOfKind></consumable>{doses}
    </substanceAdministration></component>"""


def _dose(low: str, lot: str, kind: str = "IVL_TS") -> str:
    time = f'<low value="{low}"/>'
    if kind == "SXPR_TS":  # a dose at intervals within the time of treatment
        time = f'<comp xsi:type="PIVL_TS"><period value="8" unit="h"/></comp><comp xsi:type="IVL_TS">{time}</comp>'
    return f"""<outboundRelationship2 typeCode="COMP"><substanceAdministration classCode="SBADM" moodCode="EVN">
      <effectiveTime xsi:type="{kind}">{time}</effectiveTime>
      <consumable typeCode="CSM"><instanceOfKind classCode="INST"><productInstanceInstance>
        <lotNumberText>{lot}</lotNumberText></productInstanceInstance></instanceOfKind></consumable>
    </substanceAdministration></outboundRelationship2>"""


def _role(identifier: str, code: str) -> str:
    return f"""<component typeCode="COMP"><causalityAssessment classCode="OBS" moodCode="EVN">
      <code code="20" codeSystem="{OID}.1.19"/><value xsi:type="CE" code="{code}" codeSystem="{OID}.1.13"/>
      <subject2 typeCode="SUBJ"><productUseReference><id root="{identifier}"/></productUseReference></subject2>
    </causalityAssessment></component>"""


APPROVAL = f"""<asManufacturedProduct classCode="MANU"><subjectOf typeCode="SBJ"><approval classCode="CNTRCT">
  <id extension="国药准字H20050001" root="{OID}.3.4"/><holder typeCode="HLD"><role classCode="HLD">
  <playingOrganization><name>甲  药业\n有限公司</name></playingOrganization></role></holder>
  </approval></subjectOf></asManufacturedProduct>
  <ingredient classCode="ACTI"><ingredientSubstance><name>阿莫西林</name></ingredientSubstance></ingredient>"""
DRUGS = (
    _drug(
        "d1", "阿莫西林胶囊", APPROVAL, _dose("20261103", "A1") + _dose("20261101", "A2", "SXPR_TS") + _dose("", "A1")
    )
    + _drug("d2", "布洛芬", '<code code="P-77" codeSystem="MPID"/>')
    + _drug("d3", "未用的药")
)
ROLES = _role("d3", "4") + _role("d1", "1") + _role("d2", "2")  # in an order of their own
REACTIONS = _reaction("皮疹", "10037844", "20261105", "2", "26") + _reaction("休克", "10040560", "202611", "5", "34 21")
PERSON = f"""<name>张三</name><administrativeGenderCode code="2" codeSystem="1.0.5218"/><birthTime value="19800102"/>
  <asIdentifiedEntity><id extension="GP9" root="{OID}.3.7"/><code code="1" codeSystem="{OID}.1.4"/></asIdentifiedEntity>
  <asIdentifiedEntity><id extension="ZY7" root="{OID}.3.9"/><code code="3" codeSystem="{OID}.1.4"/></asIdentifiedEntity>
"""
AGE = _observed("3", '<value xsi:type="PQ" value="6" unit="mo"/>')
REACTED = '<value code="10020321"/>'
FORMER = f'<outboundRelationship2 typeCode="CAUS">{_observed("29", REACTED)}</outboundRelationship2>'
HISTORY = f"""<subjectOf2 typeCode="SBJ"><organizer classCode="CATEGORY"><code code="2" codeSystem="{OID}.1.20"/>
  {_drug("h1", "从前的药", "", FORMER)}</organizer></subjectOf2>"""


def _source(priority: str, hospital: str, area: str) -> str:
    return f"""<outboundRelationship typeCode="SPRT">{priority}<relatedInvestigation classCode="INVSTG" moodCode="EVN">
      <code code="2" codeSystem="{OID}.1.22"/><subjectOf2><controlActEvent><author><assignedEntity>
        <addr>{area}</addr><assignedPerson><name><family>李医生</family></name></assignedPerson>
        <representedOrganization><name>药学部</name><assignedEntity><representedOrganization><name>{hospital}</name>
        </representedOrganization></assignedEntity></representedOrganization>
      </assignedEntity></author></controlActEvent></subjectOf2></relatedInvestigation></outboundRelationship>"""


def _message(
    reactions: str = REACTIONS,
    drugs: str = DRUGS,
    roles: str = ROLES,
    person: str = PERSON,
    sender: str = "1",
    more: str = "",
) -> str:
    return f"""<PORR_IN049016UV><id extension="m1" root="{OID}.3.1"/><controlActProcess classCode="CACT" moodCode="EVN">
  <effectiveTime value="20261115120000+0800"/><subject typeCode="SUBJ"><investigationEvent classCode="INVSTG">
  <id extension="CN-JIA-1" root="{OID}.3.1"/><id extension="CN-SHI-9" root="{OID}.3.2"/>
  <text>女，患儿……</text><effectiveTime><low value="20261110"/></effectiveTime>
  <availabilityTime value="20261112093000"/>
  <component typeCode="COMP"><adverseEventAssessment classCode="INVSTG" moodCode="EVN"><subject1 typeCode="SBJ">
    <primaryRole classCode="INVSBJ"><player1 classCode="PSN" determinerCode="INSTANCE">{person}</player1>
    <subjectOf2 typeCode="SBJ">{AGE}</subjectOf2>{HISTORY}{reactions}
    <subjectOf2 typeCode="SBJ"><organizer classCode="CATEGORY" moodCode="EVN"><code code="4" codeSystem="{OID}.1.20"/>
      {drugs}</organizer></subjectOf2></primaryRole></subject1>{roles}</adverseEventAssessment></component>
  {_source("", "第二医院", "<city>别处</city>")}
  {_source('<priorityNumber value="1"/>', "第一医院", "<city>东区</city>")}
  <subjectOf1 typeCode="SUBJ"><controlActEvent><author><assignedEntity><code code="{sender}" codeSystem="{OID}.1.7"/>
    <representedOrganization><assignedEntity><representedOrganization><name>甲药业</name></representedOrganization>
    </assignedEntity></representedOrganization></assignedEntity></author></controlActEvent></subjectOf1>
  <subjectOf2 typeCode="SUBJ"><investigationCharacteristic><code code="1" codeSystem="{OID}.1.23"/>
    <value xsi:type="CE" code="1" codeSystem="{OID}.1.2"/></investigationCharacteristic></subjectOf2>{more}
  </investigationEvent></subject></controlActProcess></PORR_IN049016UV>"""


def _change(code: str) -> str:
    return f"""<subjectOf2 typeCode="SUBJ"><investigationCharacteristic><code code="3" codeSystem="{OID}.1.23"/>
    <value xsi:type="CE" code="{code}" codeSystem="{OID}.1.5"/></investigationCharacteristic></subjectOf2>"""


def _batch(*messages: str) -> io.BytesIO:
    names = 'xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    heading = f'<MCCI_IN200100UV01 {names}><id extension="B" root="{OID}.3.22"/>'
    return io.BytesIO(f"{heading}{''.join(messages)}</MCCI_IN200100UV01>".encode())


def _extract(*messages: str) -> Extract:
    (extract,) = e2b_r3.read_batches(_batch(*messages))
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
    area="东区",
    patient="张三",
    birth_date="1980-01-02",
    record_numbers=(("gp", "GP9"), ("hospital", "ZY7")),
    age="6",
    age_unit="month",
    sex="female",
    reactions=(
        Reaction("皮疹", "10037844", "2026-11-05", "recovering", ("other",)),
        Reaction("休克", "10040560", "2026-11", "death", ("death", "life_threatening")),
    ),
    drugs=(
        Drug(
            "suspect",
            "阿莫西林胶囊",
            ("阿莫西林",),
            "国药准字H20050001",
            "甲 药业 有限公司",
            ("A1", "A2"),
            "2026-11-01",
        ),
        Drug("concomitant", "布洛芬", identifier="P-77"),
        Drug("not_administered", "未用的药"),
    ),
)


def test_every_element_finds_its_place() -> None:
    assert list(e2b_r3.read_cases(_batch(_message()))) == [CASE]


def test_a_case_is_a_row_per_product_and_lot_in_the_words_of_the_intake() -> None:
    rows = _extract(_message()).fields
    assert rows[["role", "name", "lot", "used_from", "identifier", "maker", "substance"]].to_numpy().tolist() == [
        ["怀疑", "阿莫西林胶囊", "A1", "2026-11-01", "国药准字H20050001", "甲 药业 有限公司", "阿莫西林"],
        ["怀疑", "阿莫西林胶囊", "A2", "2026-11-01", "国药准字H20050001", "甲 药业 有限公司", "阿莫西林"],
        ["并用", "布洛芬", "", "", "P-77", "", ""],
        ["并用", "未用的药", "", "", "", "", ""],
    ]
    assert rows.drop(
        columns=["role", "name", "lot", "used_from", "identifier", "maker", "substance"]
    ).drop_duplicates().to_dict("records") == [
        {
            "report_number": "CN-JIA-1",
            "unique_id": "CN-SHI-9",
            "received_on": "2026-11-10",
            "modified_on": "2026-11-12",
            "deleted": "",
            "report_type": "spontaneous",
            "hospital": "甲药业",
            "area": "东区",
            "patient_name": "张三",
            "record_number": "ZY7",
            "birth_date": "1980-01-02",
            "age": "6",
            "age_unit": "月",
            "age_group": "",
            "sex": "女",
            "reaction": "皮疹；休克",
            "reaction_code": "10037844；10040560",
            "severity": "严重",
            "seriousness": "death；life_threatening；other",
            "onset_on": "2026-11-05",
            "outcome": "死亡",
            "fault": "",
            "sheet": "",
            "row": 1,
            "ragged": False,
        }
    ]


def test_what_is_read_passes_the_contracts() -> None:
    checked = contracts.check(_extract(_message(drugs=_drug("d1", "阿莫西林胶囊", APPROVAL))), TODAY)
    assert checked.problems.empty
    row = checked.rows.iloc[0]
    assert (row["case_number"], row["role"], row["sex"], row["age_years"]) == ("CN-SHI-9", "suspect", "female", 0.5)
    assert (row["severity"], row["outcome"], row["onset_on"]) == ("serious", "death", "2026-11-05")


def test_a_broken_message_is_quarantined_and_the_rest_is_read() -> None:
    extract = _extract(_message(), _message().replace("</availabilityTime>", "").replace("<text>", "<text"), _message())
    assert extract.fields["row"].tolist() == [1, 1, 1, 1, 2, 3, 3, 3, 3]
    broken = extract.fields.iloc[4]
    assert "well-formed" in broken["fault"]
    assert not any(broken.drop(["fault", "row", "ragged"]))
    checked = contracts.check(extract, TODAY)
    assert checked.problems.loc[checked.problems["row"] == 4, "code"].tolist() == ["message_broken"]
    assert checked.rows.loc[4, "report"] in checked.quarantined
    assert checked.rows.loc[0, "report"] not in [checked.rows.loc[4, "report"]]


def test_the_message_is_kept_as_received_with_the_first_of_its_rows() -> None:
    text = _extract(_message()).raw["Message"].tolist()
    assert text == [_message(), "", "", ""]


def test_a_message_without_anything_is_blank() -> None:
    assert list(e2b_r3.read_cases(_batch("<PORR_IN049016UV/>"))) == [Case()]
    assert len(_extract("<PORR_IN049016UV/>").fields) == 1


def test_a_batch_without_messages_is_an_extract_without_rows() -> None:
    extract = _extract()
    assert extract.fields.empty
    assert set(extract.fields) == {*(c.field for c in extract.layout.columns if c.field), "sheet", "row", "ragged"}


def test_batches_hold_at_most_so_many_messages_and_numbers_go_on() -> None:
    extracts = list(batches(e2b_r3.DIALECT, _batch(*[_message()] * 5), size=2))
    assert [extract.fields["row"].unique().tolist() for extract in extracts] == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize(("code", "deleted", "modified"), [("1", "删除", "2026-11-15"), ("2", "", "2026-11-15")])
def test_a_change_is_in_force_from_the_day_on_which_it_was_made(code: str, deleted: str, modified: str) -> None:
    rows = _extract(_message(more=_change(code))).fields
    assert rows[["deleted", "modified_on"]].drop_duplicates().to_numpy().tolist() == [[deleted, modified]]


@pytest.mark.parametrize(
    ("sender", "hospital"), [("1", "甲药业"), ("3", "甲药业"), ("2", "第一医院"), ("4", "第一医院")]
)
def test_the_reporting_unit_is_the_sender_unless_it_passes_reports_on(sender: str, hospital: str) -> None:
    assert _extract(_message(sender=sender)).fields["hospital"].unique().tolist() == [hospital]


def test_roles_belong_to_drugs_by_reference_only() -> None:
    rows = _extract(_message(roles=_role("d1", "3") + _role("elsewhere", "1"))).fields
    assert rows[["name", "role"]].drop_duplicates().to_numpy().tolist() == [
        ["阿莫西林胶囊", "相互作用"],
        ["布洛芬", ""],
        ["未用的药", ""],
    ]


def test_a_reaction_without_words_is_known_by_its_translation_else_by_its_code() -> None:
    plain = _reaction("", "10037844", "", "0")
    end = "</observation></subjectOf2>"
    rash = _observed("30", "<value>Rash</value>")
    translated = plain.replace(end, f"<outboundRelationship2>{rash}</outboundRelationship2>{end}")
    assert _extract(_message(reactions=plain)).fields["reaction"][0] == "10037844"
    assert _extract(_message(reactions=translated)).fields["reaction"][0] == "Rash"


def test_codes_that_are_not_in_the_list_are_left_for_the_contracts_to_find() -> None:
    person = PERSON.replace('Code code="2"', 'Code code="8"')
    text = _message(person=person, reactions=_reaction("皮疹", "1", "", "77")).replace('unit="mo"', 'unit="fortnight"')
    rows = _extract(text).fields
    assert rows.loc[0, ["sex", "outcome", "age_unit"]].tolist() == ["8", "77", "fortnight"]
    checked = contracts.check(_extract(text), TODAY)
    assert {"sex_unknown", "outcome_unknown", "age_unreadable"} <= set(checked.problems["code"])


def test_masked_and_unknown_values_are_blank() -> None:
    person = '<name nullFlavor="MSK"/><administrativeGenderCode nullFlavor="ASKU"/><birthTime nullFlavor="MSK"/>'
    drug = _drug("d1", "阿莫西林胶囊", APPROVAL.replace("国药准字H20050001", "Unknown"), _dose("", "unk"))
    row = _extract(_message(person=person, drugs=drug)).fields.iloc[0]
    assert not any(row[["patient_name", "sex", "birth_date", "record_number", "lot", "identifier"]])
    (case,) = e2b_r3.read_cases(_batch(_message(person=PERSON.replace("张三", "privacy"))))
    assert case.patient == "privacy"  # as reported; what it means is for the rows
    assert _extract(_message(person=PERSON.replace("张三", "privacy"))).fields["patient_name"][0] == ""


def test_seriousness_needs_a_criterion_and_a_reaction() -> None:
    assert _extract(_message(reactions=_reaction("皮疹", "1", "", "1"))).fields["severity"][0] == "一般"
    assert _extract(_message(reactions="")).fields["severity"][0] == ""


def test_a_death_is_one_by_outcome_or_by_criterion() -> None:
    by_criterion = _extract(_message(reactions=_reaction("皮疹", "1", "", "0", "34"))).fields
    assert by_criterion["outcome"][0] == "死亡"


def test_regional_elements_with_the_same_code_are_not_taken_for_the_guide_s() -> None:
    regional = _reaction("皮疹", "1", "", "1").replace(
        "</observation></subjectOf2>",
        '<outboundRelationship2><observation><code code="26" codeSystem="2.16.840.1.113883.3.26.1.1"/>'
        '<value value="true"/></observation></outboundRelationship2></observation></subjectOf2>',
    )
    assert _extract(_message(reactions=regional)).fields["severity"][0] == "一般"


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("20261110", "2026-11-10"),
        ("20261110153000.123+0800", "2026-11-10"),
        ("20261110235959-0500", "2026-11-10"),
        ("202611101530", "2026-11-10"),
        ("202611", "2026-11"),
        ("2026", "2026"),
        ("20261345", "2026-13-45"),
        ("10.11.2026", "10.11.2026"),
        ("", ""),
    ],
)
def test_days_are_those_of_the_sender(time: str, expected: str) -> None:
    assert day(time) == expected


def test_the_earliest_day_is_a_complete_one() -> None:
    assert earliest(["2026", "", "2026-11-10", "2026-11-09"]) == "2026-11-09"
    assert earliest(["2026-11", "2025"]) == "2025"
    assert earliest([]) == ""


def test_a_month_is_told_as_such_and_once_however_many_products_there_are() -> None:
    checked = contracts.check(_extract(_message(reactions=_reaction("皮疹", "1", "202611", "1"))), TODAY)
    assert len(checked.rows) == 4
    assert checked.problems[["row", "code", "field", "value"]].to_numpy().tolist() == [
        [0, "date_partial", "onset_on", "2026-11"]
    ]


def test_a_receipt_without_a_day_is_quarantined() -> None:
    checked = contracts.check(_extract(_message().replace('low value="20261110"', 'low value="202611"', 1)), TODAY)
    assert "receipt_impossible" in set(checked.problems["code"])


@pytest.mark.parametrize(
    ("age", "unit", "years"), [("3", "{decade}", 30.0), ("10", "d", 10 / 365.25), ("50", "a", 50.0)]
)
def test_ages_are_read_in_the_units_of_the_guide(age: str, unit: str, years: float) -> None:
    text = _message().replace('value="6" unit="mo"', f'value="{age}" unit="{unit}"')
    assert contracts.check(_extract(text), TODAY).rows["age_years"][0] == pytest.approx(years)


def test_wordings_are_those_of_the_national_exports() -> None:
    known = {row["written"] for row in reference.shipped_csv("codes")}
    for name in ("role", "outcome", "sex", "change"):
        texts = set(codes(name, "code", "text").values()) - {""}
        assert texts <= known, name


def test_another_xml_is_refused() -> None:
    with pytest.raises(FileRefused, match="xml_unknown"):
        list(e2b_r3.read_batches(io.BytesIO(b"<ichicsr/>")))


def test_paths_are_followed_as_element_tree_follows_them() -> None:
    tree = ElementTree.fromstring("<a><b/><b><c i='1'/><c i='2'/></b><c i='3'/><b><c i='4'/></b></a>")  # noqa: S314
    for path in ("b", "c", "b/c", "b/d", "d", "b/c/d"):
        assert first(tree, path) is tree.find(path)
        assert every(tree, path) == tree.findall(path)
    assert first(None, "b") is None
