"""Cases → ICH E2B(R3): one batch (MCCI_IN200100UV01) of ICSR messages, which `pv.sources.e2b_r3` reads back equal.

What a case does not know is left out or has the null flavour that the implementation guide allows. Names, birth dates
and record numbers are masked (MSK) unless they are asked for. There is no narrative: H.1 says so.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from pv.exporting.unwritten import Unwritten
from pv.sources.e2b_r3 import AUTHORISATION, CASE_NUMBER, MEDDRA, OBSERVATION, OID, ROOT, TAG, WORLDWIDE
from pv.sources.icsr import Case, Drug, Reaction, codes
from pv.sources.linked import JOIN

_IDS = uuid.UUID("5f0f2a4e-6c1d-5b0e-9d53-3c1f0b7f2e11")  # namespace of the ids of drugs and reactions
_ACT = {"moodCode": "EVN"}
_OBSERVATION = {"classCode": "OBS", **_ACT}
_ENTITY = {"determinerCode": "INSTANCE"}
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_QUOTE = {'"': "&quot;"}
_SYSTEMS = {  # code systems of the lists
    "sex": "1.0.5218",
    "report_type": f"{OID}.1.2",
    "record": f"{OID}.1.4",
    "change": f"{OID}.1.5",
    "sender_type": f"{OID}.1.7",
    "age_group": f"{OID}.1.9",
    "outcome": f"{OID}.1.11",
    "role": f"{OID}.1.13",
}
NARRATIVE = "病例叙述未导出。The narrative is not exported."
NO_REASON = "未记录原因。No reason is recorded."


@dataclass(frozen=True)
class Header:
    """Of the batch: its number, the identifiers that sender and receiver have agreed on, when it was made (aware)."""

    number: str
    sender: str
    receiver: str
    created: datetime


def write(cases: Iterable[Case], stream: BinaryIO, header: Header, personal: bool = False) -> int:
    """Write a batch, message by message; gives how many.

    Raises ValueError where XML cannot hold a text of a case, or where the header's time is without a time zone.

    A case without a day of creation is created when the batch is. `personal`: write patients' names, birth dates and
    record numbers in clear.
    """
    if header.created.tzinfo is None:
        raise ValueError("header: the time of creation has no time zone. Give one.")
    stamp = header.created.strftime("%Y%m%d%H%M%S%z")
    stream.write(_opening(header, stamp).encode())
    written = 0
    for case in cases:
        text = _message(case, header, stamp, personal)
        wrong = _NO_XML.search(text)
        if wrong:
            raise ValueError(f"case {case.number!r}: the character {wrong[0]!r} cannot be written to XML. Take it out.")
        stream.write(text.encode())
        written += 1
    stream.write(_closing(header).encode())
    return written


def unsayable(case: Case) -> Unwritten | None:
    """Why a case could not be written, or not be read back; None where it can."""
    wrong = _NO_XML.search("".join(_texts(case)))
    if wrong:
        return Unwritten(case.number, "character", f"U+{ord(wrong[0]):04X}")
    parted = next((one.text for one in case.reactions if JOIN in one.text), "")
    return Unwritten(case.number, "term", parted) if parted else None


def _texts(value: Any) -> Iterator[str]:
    """All texts within a case."""
    if isinstance(value, str):
        yield value
    else:
        for part in value if isinstance(value, tuple) else vars(value).values():
            yield from _texts(part)


def _tag(name: str, *inner: str, **attributes: str) -> str:
    """An element. `inner` is XML, made by this function or `_text`; attributes without a value are left out."""
    listed = (f' {key.replace("_", ":")}="{escape(value, _QUOTE)}"' for key, value in attributes.items() if value)
    start = name + "".join(listed)
    content = "".join(inner)
    return f"<{start}>{content}</{name}>" if content else f"<{start}/>"


def _text(name: str, text: str, **attributes: str) -> str:
    """An element of text; "" where there is none."""
    return _tag(name, escape(text), **attributes) if text else ""


def _code(code: str, name: str = "", system: str = OBSERVATION) -> str:
    return _tag("code", code=code, codeSystem=system, displayName=name)


def _coded(tag: str, name: str, value: str, **attributes: str) -> str:
    """A value of a code list, "" where it is unknown."""
    code = str(codes(name, "code", "r3").get(value, value))
    return _tag(tag, code=code, codeSystem=_SYSTEMS[name], **attributes) if value else ""


def _time(name: str, day: str) -> str:
    known = day.replace("-", "") if re.fullmatch(r"\d{4}(-\d\d){0,2}", day) else day
    return _tag(name, value=known) if known else _tag(name, nullFlavor="UNK")


def _opening(header: Header, stamp: str) -> str:
    namespaces = 'xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{ROOT} {namespaces} ITSVersion="XML_1.0">'
        + _tag("id", extension=header.number, root=f"{OID}.3.22")
        + _tag("creationTime", value=stamp)
        + _tag("responseModeCode", code="D")
        + _tag("interactionId", extension=ROOT, root="2.16.840.1.113883.1.6")
        + _tag("name", code="1", displayName="ichicsr", codeSystem=f"{OID}.1.1")
        + "\n"
    )


def _closing(header: Header) -> str:
    return f"{_party('receiver', header.receiver, '14')}{_party('sender', header.sender, '13')}</{ROOT}>\n"


def _party(tag: str, identifier: str, part: str) -> str:
    device = _tag("device", _tag("id", extension=identifier, root=f"{OID}.3.{part}"), classCode="DEV", **_ENTITY)
    return _tag(tag, device, typeCode="RCV" if tag == "receiver" else "SND")


def _message(case: Case, header: Header, stamp: str, personal: bool) -> str:
    day = case.created_on.replace("-", "")  # the guide wants a second: the first of the day
    created = _tag("effectiveTime", value=f"{day:0<14}" if len(day) == 8 else day or stamp)
    act = _tag(
        "controlActProcess",
        _tag("code", code="PORR_TE049016UV", codeSystem="2.16.840.1.113883.1.18"),
        created,
        _tag("subject", _event(case, personal), typeCode="SUBJ"),
        classCode="CACT",
        **_ACT,
    )
    message = _tag(
        TAG,
        _tag("id", extension=case.number, root=f"{OID}.3.1"),
        _tag("creationTime", value=stamp),
        _tag("interactionId", extension=TAG, root="2.16.840.1.113883.1.6"),
        _tag("processingCode", code="P"),
        _tag("processingModeCode", code="T"),
        _tag("acceptAckCode", code="AL"),
        _party("receiver", header.receiver, "12"),
        _party("sender", header.sender, "11"),
        act,
    )
    return message + "\n"


def _event(case: Case, personal: bool) -> str:
    return _tag(
        "investigationEvent",
        _tag("id", extension=case.number, root=CASE_NUMBER),
        _tag("id", extension=case.worldwide, root=WORLDWIDE),
        _tag("code", code="PAT_ADV_EVNT", codeSystem="2.16.840.1.113883.5.4"),
        _text("text", NARRATIVE),
        _tag("statusCode", code="active"),
        _tag("effectiveTime", _time("low", case.received_on)),
        _time("availabilityTime", case.modified_on),
        _tag("component", _assessment(case, personal), typeCode="COMP"),
        _fact("1", "additionalDocumentsAvailable", value="false"),
        _fact("23", "localCriteriaForExpedited", nullFlavor="NI"),
        _first_sender(case),
        _primary_source(case),
        _sender(case),
        _trait("1", "ichReportType", _coded("value", "report_type", case.report_type, xsi_type="CE")),
        _trait("2", "otherCaseIds", _tag("value", xsi_type="BL", nullFlavor="NI")),
        _change(case),
        classCode="INVSTG",
        **_ACT,
    )


def _fact(code: str, name: str, **value: str) -> str:
    observed = _tag("observationEvent", _code(code, name), _tag("value", xsi_type="BL", **value), **_OBSERVATION)
    return _tag("component", observed, typeCode="COMP")


def _trait(code: str, name: str, value: str) -> str:
    if not value:
        return ""
    trait = _tag("investigationCharacteristic", _code(code, name, f"{OID}.1.23"), value, **_OBSERVATION)
    return _tag("subjectOf2", trait, typeCode="SUBJ")


def _change(case: Case) -> str:
    if not case.change:
        return ""
    reason = _tag("value", _text("originalText", case.change_reason or NO_REASON), xsi_type="CE")
    change = _coded("value", "change", case.change, xsi_type="CE")
    return _trait("3", "nullificationAmendmentCode", change) + _trait("4", "nullificationAmendmentReason", reason)


def _author(*inner: str) -> str:
    entity = _tag("assignedEntity", *inner, classCode="ASSIGNED")
    return _tag("controlActEvent", _tag("author", entity, typeCode="AUT"), classCode="CACT", **_ACT)


def _related(code: str, name: str, author: str) -> str:
    reported = _tag("subjectOf2", author, typeCode="SUBJ")
    return _tag("relatedInvestigation", _code(code, name, f"{OID}.1.22"), reported, classCode="INVSTG", **_ACT)


def _first_sender(case: Case) -> str:
    first = _code("1" if case.sender_type == "authority" else "2", system=f"{OID}.1.3")
    return _tag("outboundRelationship", _related("1", "initialReport", _author(first)), typeCode="SPRT")


def _primary_source(case: Case) -> str:
    qualified = _tag("asQualifiedEntity", _tag("code", nullFlavor="UNK"), classCode="QUAL")
    author = _author(
        _tag("addr", _text("state", case.area)) if case.area else "",
        _tag("assignedPerson", qualified, classCode="PSN", **_ENTITY),
        _organisation(case.reporter),
    )
    source = _related("2", "sourceReport", author)
    return _tag("outboundRelationship", _tag("priorityNumber", value="1"), source, typeCode="SPRT")


def _sender(case: Case) -> str:
    kind = _coded("code", "sender_type", case.sender_type) or _tag("code", nullFlavor="UNK")
    return _tag("subjectOf1", _author(kind, _organisation(case.sender)), typeCode="SUBJ")


def _organisation(name: str) -> str:
    """The organisation itself stands within the department, of which nothing is known."""
    if not name:
        return ""
    inner = _tag("representedOrganization", _text("name", name), classCode="ORG", **_ENTITY)
    entity = _tag("assignedEntity", inner, classCode="ASSIGNED")
    return _tag("representedOrganization", entity, classCode="ORG", **_ENTITY)


def _assessment(case: Case, personal: bool) -> str:
    drugs = [_drug(drug, _id(case, "drug", number)) for number, drug in enumerate(case.drugs)]
    reactions = [_reaction(one, _id(case, "reaction", number)) for number, one in enumerate(case.reactions)]
    organizer = _tag("organizer", _code("4", "drugInformation", f"{OID}.1.20"), *drugs, classCode="CATEGORY", **_ACT)
    patient = _tag(
        "primaryRole",
        _person(case, personal),
        _age(case),
        *(_tag("subjectOf2", reaction, typeCode="SBJ") for reaction in reactions),
        _tag("subjectOf2", organizer, typeCode="SBJ"),
        classCode="INVSBJ",
    )
    roles = (_role(drug, _id(case, "drug", number)) for number, drug in enumerate(case.drugs))
    subject = _tag("subject1", patient, typeCode="SBJ")
    return _tag("adverseEventAssessment", subject, *roles, classCode="INVSTG", **_ACT)


def _id(case: Case, kind: str, number: int) -> str:
    return str(uuid.uuid5(_IDS, f"{case.number}\x1f{kind}\x1f{number}"))


def _person(case: Case, personal: bool) -> str:
    sex = _coded("administrativeGenderCode", "sex", case.sex)
    if case.sex == "unknown":
        sex = _tag("administrativeGenderCode", nullFlavor="UNK")
    masked = not personal
    name = _tag("name", nullFlavor="MSK" if masked and case.patient else "UNK")
    born = _tag("birthTime", nullFlavor="MSK") if masked else _time("birthTime", case.birth_date)
    return _tag(
        "player1",
        name if masked or not case.patient else _text("name", case.patient),
        sex,
        born if case.birth_date else "",
        *(_record(kind, number, masked) for kind, number in case.record_numbers),
        classCode="PSN",
        **_ENTITY,
    )


def _record(kind: str, number: str, masked: bool) -> str:
    root = codes("record", "code", "root").get(kind, "")
    identity = _tag("id", nullFlavor="MSK", root=root) if masked else _tag("id", extension=number, root=root)
    return _tag("asIdentifiedEntity", identity, _coded("code", "record", kind), classCode="IDENT")


def _age(case: Case) -> str:
    unit = str(codes("age_unit", "code", "r3").get(case.age_unit, case.age_unit))
    age = _tag("value", xsi_type="PQ", value=case.age, unit=unit)
    group = _coded("value", "age_group", case.age_group, xsi_type="CE")
    return _observed("3", "age", age if case.age or unit else "") + _observed("4", "ageGroup", group)


def _observed(code: str, name: str, value: str) -> str:
    observation = _tag("observation", _code(code, name), value, **_OBSERVATION)
    return _tag("subjectOf2", observation, typeCode="SBJ") if value else ""


def _reaction(reaction: Reaction, identifier: str) -> str:
    names = codes("criterion", "r3", "name")
    criteria = codes("criterion", "r3", "code").items()
    outcome = _coded("value", "outcome", reaction.outcome, xsi_type="CE")
    return _tag(
        "observation",
        _tag("id", root=identifier),
        _code("29", "reaction"),
        _tag("effectiveTime", _time("low", reaction.started_on), xsi_type="IVL_TS") if reaction.started_on else "",
        _tag("value", _text("originalText", reaction.text), xsi_type="CE", code=reaction.code, codeSystem=MEDDRA),
        *(_pertains(code, names[code], _criterion(name in reaction.criteria)) for code, name in criteria),
        _pertains("27", "outcome", outcome) if outcome else "",
        **_OBSERVATION,
    )


def _criterion(met: bool) -> str:
    """True, or no information: the guide admits no "false" here."""
    return _tag("value", xsi_type="BL", value="true") if met else _tag("value", xsi_type="BL", nullFlavor="NI")


def _pertains(code: str, name: str, value: str) -> str:
    observation = _tag("observation", _code(code, name), value, **_OBSERVATION)
    return _tag("outboundRelationship2", observation, typeCode="PERT")


def _drug(drug: Drug, identifier: str) -> str:
    kind = _tag(
        "kindOfProduct",
        _text("name", drug.name),
        _approval(drug),
        *(_substance(name) for name in drug.substances),
        classCode="MMAT",
        determinerCode="KIND",
    )
    starts = [drug.used_from, *[""] * (len(drug.lots) - 1)]
    lots = drug.lots or (("",) if drug.used_from else ())
    administration = _tag(
        "substanceAdministration",
        _tag("id", root=identifier),
        _tag("consumable", _tag("instanceOfKind", kind, classCode="INST"), typeCode="CSM"),
        *(_dose(lot, start) for lot, start in zip(lots, starts, strict=False)),
        classCode="SBADM",
        **_ACT,
    )
    return _tag("component", administration, typeCode="COMP")


def _approval(drug: Drug) -> str:
    if not drug.identifier and not drug.holder:
        return ""
    organisation = _tag("playingOrganization", _text("name", drug.holder), classCode="ORG", **_ENTITY)
    holder = _tag("holder", _tag("role", organisation, classCode="HLD"), typeCode="HLD")
    number = _tag("id", extension=drug.identifier, root=AUTHORISATION) if drug.identifier else ""
    approval = _tag("approval", number, holder if drug.holder else "", classCode="CNTRCT", **_ACT)
    return _tag("asManufacturedProduct", _tag("subjectOf", approval, typeCode="SBJ"), classCode="MANU")


def _substance(name: str) -> str:
    substance = _tag("ingredientSubstance", _text("name", name), classCode="MMAT", determinerCode="KIND")
    return _tag("ingredient", substance, classCode="ACTI")


def _dose(lot: str, start: str) -> str:
    batch = _tag("productInstanceInstance", _text("lotNumberText", lot), classCode="MMAT", **_ENTITY)
    taken = _tag("consumable", _tag("instanceOfKind", batch, classCode="INST"), typeCode="CSM")
    dose = _tag(
        "substanceAdministration",
        _tag("effectiveTime", _time("low", start), xsi_type="IVL_TS") if start else "",
        taken if lot else "",
        classCode="SBADM",
        **_ACT,
    )
    return _tag("outboundRelationship2", dose, typeCode="COMP")


def _role(drug: Drug, identifier: str) -> str:
    if not drug.role:
        return ""
    reference = _tag("productUseReference", _tag("id", root=identifier), classCode="SBADM", **_ACT)
    assessment = _tag(
        "causalityAssessment",
        _code("20", "interventionCharacterization"),
        _coded("value", "role", drug.role, xsi_type="CE"),
        _tag("subject2", reference, typeCode="SUBJ"),
        **_OBSERVATION,
    )
    return _tag("component", assessment, typeCode="COMP")
