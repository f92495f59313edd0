"""ICH E2B(R3): batches of ICSR messages (HL7 v3, MCCI_IN200100UV01), as reported → cases and rows.

Element numbers (C.1.1, G.k.2.2, …) are those of the ICH implementation guide. Elements are found by their place and the
code beside them, never by their order; prefixes of the namespace do not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

from pv.sources import xml_safety
from pv.sources.extract import Extract
from pv.sources.icsr import Case, Drug, Reaction, codes, day, earliest, every, first, tidy
from pv.sources.icsr_rows import Dialect, batches, layout
from pv.sources.xml_safety import Readable

ROOT, TAG = "MCCI_IN200100UV01", "PORR_IN049016UV"
OID = "2.16.840.1.113883.3.989.2.1"  # of ICH
OBSERVATION = f"{OID}.1.19"  # code system of the observations
MEDDRA = "2.16.840.1.113883.6.163"
CASE_NUMBER, WORLDWIDE, AUTHORISATION = f"{OID}.3.1", f"{OID}.3.2", f"{OID}.3.4"


def read_batches(source: Readable) -> Iterator[Extract]:
    """Extracts of at most 2,000 messages each; see `icsr_rows.batches`. Raises FileRefused."""
    return batches(DIALECT, source)


def read_cases(source: Readable) -> Iterator[Case]:
    """The cases of the messages that can be read."""
    for message in xml_safety.messages(source, ROOT, TAG):
        if message.tree is not None:
            yield read_case(message.tree)


def read_case(message: Element) -> Case:
    """A PORR_IN049016UV element; what is missing in it is "" in the case."""
    event = _at(message, "controlActProcess/subject/investigationEvent")
    patient = _at(event, "component/adverseEventAssessment/subject1/primaryRole")
    person = _at(patient, "player1")
    observed = {_code(one): one for one in every(patient, "subjectOf2/observation")}
    traits = {_code(one): one for one in every(event, "subjectOf2/investigationCharacteristic")}
    source = _primary_source(event)
    sender = _at(event, "subjectOf1/controlActEvent/author/assignedEntity")
    age = _at(observed.get("3"), "value")
    return Case(
        number=_extension(every(event, "id"), CASE_NUMBER),
        worldwide=_extension(every(event, "id"), WORLDWIDE),
        created_on=_time(message, "controlActProcess/effectiveTime"),
        received_on=_time(event, "effectiveTime/low"),
        modified_on=_time(event, "availabilityTime"),
        change=_coded("change", traits.get("3"), "value"),
        change_reason=tidy(_at(traits.get("4"), "value/originalText").text),
        report_type=_coded("report_type", traits.get("1"), "value"),
        sender_type=_coded("sender_type", sender, "code"),
        sender=_organisation(sender),
        reporter=_organisation(source),
        area=_text(source, "addr/state") or _text(source, "addr/city"),
        patient=_text(person, "name"),
        birth_date=_time(person, "birthTime"),
        record_numbers=tuple(_records(person)),
        age=tidy(age.get("value")),
        age_unit=codes("age_unit", "r3", "code").get(age.get("unit", ""), age.get("unit", "")),
        age_group=_coded("age_group", observed.get("4"), "value"),
        sex=_sex(_at(person, "administrativeGenderCode")),
        reactions=tuple(_reaction(one) for one in every(patient, "subjectOf2/observation") if _code(one) == "29"),
        drugs=tuple(_drugs(event, patient)),
    )


_NOTHING = Element("nothing")


def _at(element: Element | None, path: str) -> Element:
    """The first element at a path, or an empty one."""
    found = first(element, path)
    return _NOTHING if found is None else found


def _text(element: Element, path: str) -> str:
    return tidy(_at(element, path).text)


def _code(element: Element) -> str:
    """The ICH observation code of an element, "" where it carries a code of another system (regional elements)."""
    code = _at(element, "code")
    return code.get("code", "") if code.get("codeSystem", OBSERVATION).startswith(OID) else ""


def _coded(name: str, element: Element | None, path: str) -> str:
    """The name of a coded value; a code that is not in the list stays as it is."""
    code = _at(element, path).get("code", "")
    return str(codes(name, "r3", "code").get(code, code))


def _sex(code: Element) -> str:
    """ISO 5218; what is asked for and unknown has a null flavour, as the guide admits 1 and 2 only."""
    value = code.get("code", "0" if code.get("nullFlavor") == "UNK" else "")
    return str(codes("sex", "r3", "code").get(value, value))


def _time(element: Element, path: str) -> str:
    return day(_at(element, path).get("value", ""))


def _extension(ids: Iterable[Element], root: str) -> str:
    return next((tidy(one.get("extension")) for one in ids if one.get("root") == root), "")


def _organisation(entity: Element) -> str:
    """The organisation; it is nested in the department where both are given."""
    nested = _text(entity, "representedOrganization/assignedEntity/representedOrganization/name")
    return nested or _text(entity, "representedOrganization/name")


def _primary_source(event: Element) -> Element:
    """C.2.r of the source with C.2.r.5 = 1, else of the first one."""
    sources = [one for one in every(event, "outboundRelationship") if _relation(one) == "2"]
    chosen = [one for one in sources if _at(one, "priorityNumber").get("value") == "1"] + sources
    return _at(chosen[0] if chosen else None, "relatedInvestigation/subjectOf2/controlActEvent/author/assignedEntity")


def _relation(relationship: Element) -> str:
    return _at(relationship, "relatedInvestigation/code").get("code", "")


def _records(person: Element) -> Iterator[tuple[str, str]]:
    """D.1.1.1–4: kind and number."""
    for entity in every(person, "asIdentifiedEntity"):
        number = tidy(_at(entity, "id").get("extension"))
        if number:
            yield _coded("record", entity, "code"), number


def _reaction(observation: Element) -> Reaction:
    facts = {_code(one): _at(one, "value") for one in every(observation, "outboundRelationship2/observation")}
    value = _at(observation, "value")
    told = _text(value, "originalText") or tidy(facts.get("30", _NOTHING).text)
    outcome = facts.get("27", _NOTHING).get("code", "")
    return Reaction(
        text=told,
        code=tidy(value.get("code")),
        started_on=_time(observation, "effectiveTime/low"),
        outcome=str(codes("outcome", "r3", "code").get(outcome, outcome)),
        criteria=tuple(
            name
            for code, name in codes("criterion", "r3", "code").items()
            if facts.get(code, _NOTHING).get("value") in {"true", "1"}
        ),
    )


def _drugs(event: Element, patient: Element) -> Iterator[Drug]:
    roles = _roles(event)
    for organizer in every(patient, "subjectOf2/organizer"):
        if _code(organizer) == "4":
            for administration in every(organizer, "component/substanceAdministration"):
                yield _drug(administration, roles.get(_at(administration, "id").get("root", ""), ""))


def _roles(event: Element) -> dict[str, str]:
    """Drug → role: G.k.1 stands apart from the drug and refers to it by its id."""
    found: dict[str, str] = {}
    for assessment in every(event, "component/adverseEventAssessment/component/causalityAssessment"):
        if _code(assessment) == "20":
            drug = _at(assessment, "subject2/productUseReference/id").get("root", "")
            found.setdefault(drug, _coded("role", assessment, "value"))
    return found


def _drug(administration: Element, role: str) -> Drug:
    kind = _at(administration, "consumable/instanceOfKind/kindOfProduct")
    approval = _at(kind, "asManufacturedProduct/subjectOf/approval")
    doses = every(administration, "outboundRelationship2/substanceAdministration")
    lots = (_text(one, "consumable/instanceOfKind/productInstanceInstance/lotNumberText") for one in doses)
    substances = (tidy(name.text) for name in every(kind, "ingredient/ingredientSubstance/name"))
    return Drug(
        role=role,
        name=_text(kind, "name"),
        substances=tuple(dict.fromkeys(filter(None, substances))),
        identifier=_extension(every(approval, "id"), AUTHORISATION) or tidy(_at(kind, "code").get("code")),
        holder=_text(approval, "holder/role/playingOrganization/name"),
        lots=tuple(dict.fromkeys(filter(None, lots))),
        used_from=earliest(
            day(low.get("value", ""))
            for one in doses
            for time in every(one, "effectiveTime")
            for low in time.iter("low")
        ),
    )


DIALECT = Dialect(layout("e2b_r3"), ROOT, TAG, read_case)
