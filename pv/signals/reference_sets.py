"""Reference sets: pairs of a product and an event whose truth is known, and case sets in their wording.

A set lists pairs with 1 (a reaction) or 0 (a negative control). An event of a set may stand for a group of terms: a
case has it when it has any of them, and counts once. Wording matches where it is the same after folding of case,
width and white space; nothing is matched by likeness.

    reference = read_reference(Path("omopReferenceSet.csv"))
    table = in_words_of(reference, long_table, "drug", "pt")
    found = evaluate(screen(table, "id", "drug", "pt").pairs, reference.pairs, ["evans", "ror"])
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pv.signals.table_files import TableError, read_table, text_columns
from pv.text import clean, over_unique

# Headings of product, event and truth. OMOP and EU-ADR as in OHDSI's MethodEvaluation; Harpaz et al. 2014.
FORMS = (
    ("product", "event", "truth"),
    ("exposureName", "outcomeName", "groundTruth"),
    ("DRUG_CONCEPT_NAME", "EVENT_CONCEPT_NAME", "GROUND_TRUTH"),
)
DEFINITIONS = ("EVENT_CONCEPT_NAME", "MEDDRA_PT", "DEFINITION_LEVEL")
MAPPING = ("kind", "wording", "reference")
KINDS = ("product", "event")
_TARGET = "\x1freference"  # the name of no column


@dataclass(frozen=True)
class ReferenceSet:
    """`pairs`: product, event, truth (1 or 0). `words`: kind, wording (folded) and reference, the set's wording."""

    pairs: pd.DataFrame
    words: pd.DataFrame


def read_reference(path: Path, definitions: Path | None = None) -> ReferenceSet:
    """A reference set: a table in one of `FORMS`, recognised by its headings; other columns are left alone.

    The events of Harpaz et al. are groups of MedDRA terms: those that `definitions` lists as “narrow”; by default it
    is the file beside the set whose name has `event_definitions` for `reference_set`. Raises TableError that names the
    file, the row and the fix.
    """
    table = _stripped(read_table(path))
    form = next((form for form in FORMS if set(form) <= set(table.columns)), None)
    if form is None:
        known = "; ".join(", ".join(form) for form in FORMS)
        raise TableError(f"{path} is no reference set. Give it the columns {FORMS[0]}. Known headings: {known}.")
    pairs = pd.DataFrame({name: table[column] for name, column in zip(FORMS[0], form, strict=True)})
    pairs["truth"] = _truths(pairs["truth"], path)
    pairs = _unique(pairs, path)
    named = [pd.DataFrame({"kind": kind, "wording": pairs[kind], "reference": pairs[kind]}) for kind in KINDS]
    reference = ReferenceSet(pairs, _folded(pd.concat(named)))
    if definitions is None and form[1] == DEFINITIONS[0]:
        definitions = path.with_name(path.name.replace("reference_set", "event_definitions"))
    return reference if definitions is None else with_mapping(reference, _definitions(definitions))


def _stripped(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_axis([str(name).strip() for name in table.columns], axis=1)


def _truths(written: pd.Series[str], path: Path) -> pd.Series[int]:
    wrong = ~written.str.strip().isin(["0", "1"])
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TableError(f"{path}, row {row + 1}: the truth is “{written.iloc[row]}”. Write 1 or 0.")
    return written.astype("int64")


def _unique(pairs: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Each pair once, in the wording that comes first."""
    key = pd.DataFrame({kind: fold(pairs[kind]) for kind in KINDS})
    for kind in KINDS:
        if (key[kind] == "").any():
            raise TableError(f"{path}, row {int(np.argmax(key[kind] == '')) + 1}: the {kind} is missing. Fill it in.")
    both = pairs["truth"].groupby([key[kind] for kind in KINDS]).transform("nunique") > 1
    if both.any():
        row = int(np.argmax(both))
        pair = " with ".join(pairs[kind].iloc[row] for kind in KINDS)
        raise TableError(f"{path}, row {row + 1}: {pair} is listed as 1 and as 0. Keep one.")
    first = {kind: pairs[kind].groupby(key[kind]).transform("first") for kind in KINDS}
    return pairs.assign(**first)[~key.duplicated()].reset_index(drop=True)


def _definitions(path: Path) -> pd.DataFrame:
    """Narrow terms by event; the event is written in the first row of its terms only."""
    if not path.is_file():
        raise TableError(
            f"{path} is missing: it lists the terms of the set's events. Put it there or name another file."
        )
    table = _stripped(read_table(path))
    if not set(DEFINITIONS) <= set(table.columns):
        raise TableError(f"{path} does not define events. Its columns must be {', '.join(DEFINITIONS)}.")
    event = table[DEFINITIONS[0]].mask(table[DEFINITIONS[0]].str.strip() == "").ffill()
    narrow = table[DEFINITIONS[2]].str.strip() == "narrow"
    return pd.DataFrame({"kind": "event", "wording": table[DEFINITIONS[1]], "reference": event})[narrow]


def read_mapping(path: Path) -> pd.DataFrame:
    """A table of the user's wording: kind (product or event), wording, reference (the set's wording)."""
    table = _stripped(read_table(path))
    if not set(MAPPING) <= set(table.columns):
        raise TableError(f"{path} is no mapping. Give it the columns {', '.join(MAPPING)}.")
    wrong = ~table["kind"].isin(KINDS)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TableError(f"{path}, row {row + 1}: the kind is “{table['kind'].iloc[row]}”. Write product or event.")
    return table[list(MAPPING)]


def with_mapping(reference: ReferenceSet, mapping: pd.DataFrame) -> ReferenceSet:
    """The set with further wording that means its products and events; a wording may mean several.

    Rows that lead to nothing in the set are left aside, so that one mapping serves several sets. Raises TableError
    where that is so of every row.
    """
    added = _folded(mapping)
    own = reference.words.assign(target=fold(reference.words["reference"])).drop_duplicates(["kind", "target"])
    added = added.assign(target=fold(added["reference"])).drop(columns="reference")
    known = added.merge(own[["kind", "target", "reference"]], on=["kind", "target"]).drop(columns="target")
    if known.empty:
        file = mapping.attrs.get("file", "the mapping")
        raise TableError(f"{file} leads to no product or event of the reference set. Check its column “reference”.")
    words = pd.concat([reference.words, known[list(MAPPING)]]).drop_duplicates(ignore_index=True)
    return replace(reference, words=words)


def _folded(words: pd.DataFrame) -> pd.DataFrame:
    """The words by which labels are looked up; a blank label means nothing."""
    folded = words.assign(wording=fold(words["wording"]))[list(MAPPING)]
    return folded[folded["wording"] != ""].drop_duplicates(ignore_index=True)


def fold(labels: pd.Series[str]) -> pd.Series[str]:
    """Labels with case, width and white space folded, by which they are compared."""
    return over_unique(labels, lambda label: clean(label).casefold())


def in_words_of(reference: ReferenceSet, table: pd.DataFrame, product: str, event: str) -> pd.DataFrame:
    """A long table with products and events in the wording of the set, the rest of them folded.

    A label that means several events of the set gives a row each; a case still counts once a pair. Raises TableError
    where one of the columns is missing.
    """
    labels = text_columns(table, dict(zip(KINDS, (product, event), strict=True)))
    columns = {kind: str(series.name).strip() for kind, series in labels.items()}
    found = _stripped(table).assign(**{columns[kind]: fold(series) for kind, series in labels.items()})
    for kind, column in columns.items():
        words = reference.words.loc[reference.words["kind"] == kind, ["wording", "reference"]]
        words = words.rename(columns={"wording": column, "reference": _TARGET})
        joined = found.merge(words, how="left", on=column)
        found = joined.assign(**{column: joined[_TARGET].fillna(joined[column])}).drop(columns=_TARGET)
    return found
