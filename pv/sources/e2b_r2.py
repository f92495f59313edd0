"""ICH E2B(R2): ICSR batches of DTD 2.1 (root `ichicsr`), still sent by older systems → cases and rows.

The DOCTYPE names a DTD; it is not fetched. Names of elements are those of the DTD.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from pv.sources import xml_safety
from pv.sources.extract import Extract
from pv.sources.icsr import Case, Drug, Reaction, codes, day, tidy
from pv.sources.icsr_rows import Dialect, batches, layout
from pv.sources.xml_safety import Readable

ROOT, TAG = "ichicsr", "safetyreport"


def read_batches(source: Readable) -> Iterator[Extract]:
    """Extracts of at most 2,000 messages each; see `icsr_rows.batches`. Raises FileRefused."""
    return batches(DIALECT, source)


def read_cases(source: Readable) -> Iterator[Case]:
    """The cases of the messages that can be read."""
    for message in xml_safety.messages(source, ROOT, TAG):
        if message.tree is not None:
            yield read_case(message.tree)


def read_case(report: Element) -> Case:
    """A `safetyreport` element; what is missing in it is "" in the case."""
    patient = _child(report, "patient")
    sender, source = _child(report, "sender"), _child(report, "primarysource")
    return Case(
        number=_text(report, "safetyreportid"),
        worldwide=_text(report, "authoritynumb") or _text(report, "companynumb"),
        created_on=day(_text(report, "transmissiondate")),
        received_on=day(_text(report, "receivedate")),
        modified_on=day(_text(report, "receiptdate")),
        change=_coded("change", report, "casenullification"),
        change_reason=_text(report, "nullificationreason"),
        report_type=_coded("report_type", report, "reporttype"),
        sender_type=_coded("sender_type", sender, "sendertype"),
        sender=_text(sender, "senderorganization"),
        reporter=_text(source, "reporterorganization"),
        area=_text(source, "reporterstate") or _text(source, "reportercity"),
        patient=_text(patient, "patientinitial"),
        birth_date=day(_text(patient, "patientbirthdate")),
        record_numbers=tuple(
            (kind, number)
            for element, kind in codes("record", "r2", "code").items()
            if (number := _text(patient, element))
        ),
        age=_text(patient, "patientonsetage"),
        age_unit=_coded("age_unit", patient, "patientonsetageunit"),
        age_group=_coded("age_group", patient, "patientagegroup"),
        sex=_coded("sex", patient, "patientsex"),
        reactions=tuple(_reactions(report, patient)),
        drugs=tuple(_drug(drug) for drug in patient.iterfind("drug")),
    )


_NOTHING = Element("nothing")


def _child(element: Element, name: str) -> Element:
    found = element.find(name)
    return _NOTHING if found is None else found


def _text(element: Element, name: str) -> str:
    return tidy(element.findtext(name))


def _coded(name: str, element: Element, child: str) -> str:
    """The name of a coded value; a code that is not in the list stays as it is, but "no nullification" is none."""
    code = _text(element, child)
    return str(codes(name, "r2", "code").get(code, "" if name == "change" else code))


def _reactions(report: Element, patient: Element) -> Iterator[Reaction]:
    """R2 tells the criteria once for the report: they are those of the terms marked as serious, else of all terms."""
    given = tuple(name for element, name in codes("criterion", "r2", "code").items() if _text(report, element) == "1")
    criteria = given or (("other",) if _text(report, "serious") == "1" else ())
    reactions = patient.findall("reaction")
    marked = {number for number, one in enumerate(reactions) if _text(one, "termhighlighted") in {"3", "4"}}
    for number, one in enumerate(reactions):
        coded = _text(one, "reactionmeddrallt") or _text(one, "reactionmeddrapt")
        yield Reaction(
            text=_text(one, "primarysourcereaction"),
            code=coded,
            started_on=day(_text(one, "reactionstartdate")),
            outcome=_coded("outcome", one, "reactionoutcome"),
            criteria=criteria if not marked or number in marked else (),
        )


def _drug(drug: Element) -> Drug:
    lot = _text(drug, "drugbatchnumb")
    substances = (tidy(name.text) for name in drug.iterfind("activesubstance/activesubstancename"))
    return Drug(
        role=_coded("role", drug, "drugcharacterization"),
        name=_text(drug, "medicinalproduct"),
        substances=tuple(dict.fromkeys(filter(None, substances))),
        identifier=_text(drug, "drugauthorizationnumb"),
        holder=_text(drug, "drugauthorizationholder"),
        lots=(lot,) if lot else (),
        used_from=day(_text(drug, "drugstartdate")),
    )


DIALECT = Dialect(layout("e2b_r2"), ROOT, TAG, read_case)
