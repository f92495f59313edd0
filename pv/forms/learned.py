"""Learned mappings: what people have answered about wordings (form `mapping`), on top of the reference files.

The files win: where `synonyms.csv` or `hospitals.csv` speaks of a wording, an answer that says something else is
refused, and one that was learned before has no effect while the file speaks. An answer is one of

- what the wording is counted as (of a reporting unit: its id or name);
- “as written”: the wording is right, or the unit is none of ours; it is not asked about again;
- “withdrawn”: what was answered before holds no longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd
from sqlalchemy import ColumnElement, Connection, or_, select

from pv import snapshots, store
from pv.codes import hospitals, numbers, synonyms
from pv.forms.checking import Fault
from pv.forms.entries import in_force
from pv.reference import Reference
from pv.schema import case_event, case_product, case_version
from pv.text import clean, code_list

FORM = "mapping"
Question = tuple[str, str, str]  # stream, kind, wording
Answers = Mapping[Question, str]


def reference_at(connection: Connection, stamp: str) -> Reference:
    """The reference tables as they stood at a moment, with the answers that were in force then."""
    return applied(snapshots.tables(connection, stamp), connection, stamp)


def applied(files: Reference, connection: Connection, stamp: str) -> Reference:
    """The tables of the files with the answers in force at a moment."""
    return _with_answers(files, answers(connection, stamp))


def answers(connection: Connection, stamp: str) -> dict[Question, str]:
    """What has been answered, as written in the form; without those that were taken back."""
    found = {}
    for row in in_force(connection, FORM, stamp).itertuples():
        found[_question(str(row.stream), str(row.kind), str(row.wording))] = str(row.answer)
    return {question: answer for question, answer in found.items() if _meaning(answer) != "withdrawn"}


def _question(stream: str, kind: str, wording: str) -> Question:
    return synonyms.EVERY_STREAM if kind == "hospital" else stream, kind, wording


def _meaning(answer: str) -> str:
    """ "as_written", "withdrawn", or "" where the answer is a wording."""
    known = {clean(written).casefold(): code for written, code in code_list("mapping_answer").items()}
    return known.get(answer.casefold(), "")


@dataclass(frozen=True)
class _Files:
    """What the files say: synonyms by question, names of units, and unit by id and `<id> <name>`."""

    said: Mapping[Question, str]
    names: Mapping[str, str]
    named: frozenset[str]
    units: Mapping[str, str]

    @classmethod
    def of(cls, files: Reference) -> _Files:
        table = files.synonyms
        said = {
            _question(stream, kind, wording): preferred
            for stream, kind, wording, preferred in table[["stream", "kind", "wording", "preferred"]].itertuples(
                index=False, name=None
            )
        }
        units = files.hospitals[["hospital_id", "name", "former_names"]].itertuples(index=False, name=None)
        by_text: dict[str, str] = {}
        named: set[str] = set()
        for hospital_id, name, former in units:
            by_text |= {hospital_id: hospital_id, clean(f"{hospital_id} {name}"): hospital_id}
            named |= {clean(one) for one in (hospital_id, name, *former.split(";"))}
        return cls(said, hospitals.known_names(files.hospitals), frozenset(named), by_text)

    def unit(self, answer: str) -> str:
        """hospital_id of a unit as answered; "" where there is none."""
        return self.units.get(answer) or self.names.get(answer, "")


def _with_answers(files: Reference, given: Answers) -> Reference:
    if not given:
        return files
    known = _Files.of(files)
    rows: list[tuple[str, str, str, str]] = []
    former: dict[str, list[str]] = {}
    for question, answer in given.items():
        stream, kind, wording = question
        if question in known.said or (kind == "hospital" and wording in known.named):
            continue
        if _meaning(answer) == "as_written":
            rows.append((stream, kind, wording, wording))
        elif kind != "hospital":
            rows.append((stream, kind, wording, answer))
        elif unit := known.unit(answer):
            former.setdefault(unit, []).append(wording)
    learned = pd.DataFrame(rows, columns=["stream", "kind", "wording", "preferred"], dtype="str")
    together = pd.concat([files.synonyms, learned], ignore_index=True)
    return replace(files, synonyms=together, hospitals=_with_former_names(files.hospitals, former))


def _with_former_names(units: pd.DataFrame, former: Mapping[str, list[str]]) -> pd.DataFrame:
    if not former:
        return units
    names = [
        ";".join(filter(None, [known, *former.get(hospital_id, [])]))
        for hospital_id, known in zip(units["hospital_id"], units["former_names"], strict=True)
    ]
    return units.assign(former_names=pd.Series(names, index=units.index, dtype="str"))


def learn(connection: Connection, rows: pd.DataFrame, stamp: str) -> tuple[set[str], list[Fault]]:
    """Days of the reports whose counting these answers change, and what is wrong with those that cannot hold."""
    files = snapshots.tables(connection, stamp)
    before = answers(connection, stamp)
    after, faults = dict(before), list[Fault]()
    known = _Files.of(files)
    asked = rows[["stream", "kind", "wording", "answer"]].astype("str").itertuples(index=False, name=None)
    for label, (stream, kind, wording, answer) in zip(rows.index, asked, strict=True):
        question = _question(stream, kind, wording)
        fault = _fault(question, answer, known, after)
        if fault is not None:
            faults.append(Fault(int(label), *fault))
        elif _meaning(answer) == "withdrawn":
            after.pop(question, None)
        else:
            after[question] = answer
    changed = _changed(_with_answers(files, before), _with_answers(files, after))
    return _days(connection, changed), faults


def _fault(question: Question, answer: str, known: _Files, given: Answers) -> tuple[str, str] | None:
    """Field and code of what is wrong with an answer."""
    stream, kind, wording = question
    meaning = _meaning(answer)
    if meaning == "withdrawn":
        return None
    if kind == "hospital":
        return _unit_fault(wording, answer, meaning, known)
    if not stream:
        return "stream", "form_empty"
    preferred = wording if meaning else answer
    if known.said.get(question, preferred) != preferred:
        return "answer", "mapping_file"
    mapping = _mapping(known.said, given, stream, kind) | {wording: preferred}
    return ("answer", "mapping_circle") if preferred != wording and _leads_back(mapping, wording) else None


def _unit_fault(wording: str, answer: str, meaning: str, known: _Files) -> tuple[str, str] | None:
    if wording in known.named:
        right = not meaning and known.names.get(wording) == known.unit(answer) != ""
        return None if right else ("answer", "mapping_file")
    if meaning:
        return None
    if ";" in wording:
        return "wording", "mapping_separator"
    return None if known.unit(answer) else ("answer", "mapping_hospital")


def _mapping(said: Answers, given: Answers, stream: str, kind: str) -> dict[str, str]:
    """Wording → what files and answers count it as, of one stream and kind."""
    mapping = {}
    for source in (given, said):
        for (of, sort, wording), text in source.items():
            if (of, sort) == (stream, kind):
                mapping[wording] = wording if _meaning(text) else text
    return mapping


def _leads_back(mapping: Mapping[str, str], wording: str) -> bool:
    seen = {wording}
    place = mapping[wording]
    while place in mapping and mapping[place] != place:
        if place in seen:
            return True
        seen.add(place)
        place = mapping[place]
    return place in seen


def _changed(before: Reference, after: Reference) -> set[Question]:
    """Wordings that are counted otherwise than before."""
    return {question for question, _ in set(_ends(before)) ^ set(_ends(after))}


def _ends(known: Reference) -> Iterator[tuple[Question, str]]:
    table = known.synonyms
    for stream, kind in sorted(set(zip(table["stream"], table["kind"], strict=True))):
        for wording, end in synonyms.mapping_of(known, stream, kind).items():
            yield (stream, kind, wording), end
    for name, hospital_id in hospitals.known_names(known.hospitals).items():
        yield (synonyms.EVERY_STREAM, "hospital", name), hospital_id


def _days(connection: Connection, changed: Iterable[Question]) -> set[str]:
    """Days from which the versions are in force that hold one of these wordings."""
    wordings: dict[tuple[str, str], list[str]] = {}
    for stream, kind, wording in sorted(changed):
        sought = wordings.setdefault((stream, kind), [])
        sought.append(wording)
        if kind == "product":  # numbers are kept without white space, and a key stands for all renewals
            sought += [numbers.written(wording), numbers.read(stream, wording).key]
    days: set[str] = set()
    for (stream, kind), sought in wordings.items():
        statement = select(case_version.c.effective_on).distinct()
        if kind != "hospital":
            table = case_product if kind == "product" else case_event
            statement = statement.join(table, table.c.version_id == case_version.c.version_id)
            statement = statement.where(case_version.c.stream == stream)
        days |= set(connection.execute(statement.where(_holds(connection, kind, sought))).scalars())
    return days


def _holds(connection: Connection, kind: str, sought: list[str]) -> ColumnElement[bool]:
    columns = {
        "hospital": (case_version.c.hospital,),
        "event": (case_event.c.event,),
        "product": (case_product.c.product, case_product.c.identifier),
    }[kind]
    return or_(*(store.among(connection, column, sought) for column in columns))
