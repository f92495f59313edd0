"""Events: multi-valued wording split into terms, severity marks taken off."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache

import pandas as pd

from pv.reference.meddra import AMBIGUOUS, MedDRA, folded
from pv.text import BLANK, clean, lookup, over_unique

# Separators outside brackets, after width folding.
_SPLIT = re.compile(r"[;、,/|](?![^(]*\))")
# Terms of foreign dictionaries hold commas and strokes (“Hallucination, auditory”); their readers join them by this.
_JOINT = re.compile("；")
_MARK = re.compile(r"\((?:严重|一般|新的|新的严重|新的一般|轻度|中度|重度)\)$")

# The rules by which an event is known; a synonym may be followed by one of MedDRA.
SYNONYM, LLT, PT, CODE, AS_WRITTEN = "synonym", "meddra_llt", "meddra_pt", "meddra_code", "as_written"
SEVERAL_TERMS = "meddra_ambiguous"  # MedDRA has the wording under several preferred terms: it stays as written


def terms(text: str, foreign: bool = False) -> tuple[str, ...]:
    """The terms of a field, in order, without repeats; “无” and its like are none. `foreign`: only “；” parts them.

    >>> terms("皮疹（一般）；过敏性休克（严重）")
    ('皮疹', '过敏性休克')
    >>> terms("Hallucination, auditory；Rash", foreign=True)
    ('Hallucination, auditory', 'Rash')
    """
    lines = re.split(r"[\r\n]+", text)
    if foreign:
        parts = [clean(part) for line in lines for part in _JOINT.split(line)]
    else:
        parts = [part for line in lines for part in _SPLIT.split(clean(line))]
    stripped = [_MARK.sub("", part.strip()).strip() for part in parts]
    return tuple(dict.fromkeys(term for term in stripped if term not in BLANK))


def split(values: pd.Series[str], foreign: bool = False) -> pd.Series[str]:
    """One row per term, on the index of `values`; rows without a term are left out."""
    joined = over_unique(values, lambda text: "\n".join(terms(text, foreign)))
    kept = joined[joined != ""]
    return kept.str.split("\n").explode().astype("str")


def resolved(
    rows: pd.DataFrame, synonyms: Mapping[str, str], meddra: MedDRA, meddra_kinds: Collection[str]
) -> pd.DataFrame:
    """Rows of `case_event` with the event that each wording stands for; `written`, `rule` and `problem` tell how.

    A synonym comes first; what it leads to (or the wording itself), if its kind is one of `meddra_kinds` and MedDRA
    has it as a lowest level term or as its code, is the preferred term.
    """
    if not synonyms and not meddra.terms:
        return rows.assign(written=rows["event"], rule=AS_WRITTEN, problem="")
    coded = rows["kind"].isin(list(meddra_kinds)) if meddra.terms else pd.Series(False, index=rows.index)
    wordings = rows["event"].where(~coded, rows["event"] + _CODED)

    @cache
    def read(wording: str) -> tuple[str, str, str]:
        return _read(wording.removesuffix(_CODED), synonyms, meddra if wording.endswith(_CODED) else None)

    told = {
        name: over_unique(wordings, lambda wording, place=place: read(wording)[place])  # type: ignore[misc]
        for place, name in enumerate(("event", "rule", "problem"))
    }
    return rows.assign(written=rows["event"], **told)


_CODED = "\x1f"


def _read(wording: str, synonyms: Mapping[str, str], meddra: MedDRA | None) -> tuple[str, str, str]:
    """Event, rule, problem."""
    term = synonyms.get(wording, wording)
    first = (SYNONYM,) if wording in synonyms else ()
    if meddra is None:
        return term, ";".join(first) or AS_WRITTEN, ""
    if term in meddra.codes:
        return meddra.codes[term], ";".join((*first, CODE)), ""
    preferred = meddra.terms.get(folded(term))
    if preferred is None or preferred == AMBIGUOUS:
        return term, ";".join(first) or AS_WRITTEN, "" if preferred is None else SEVERAL_TERMS
    return preferred, ";".join((*first, PT if folded(preferred) == folded(term) else LLT)), ""


def above(rows: pd.DataFrame, meddra: MedDRA, levels: Mapping[str, tuple[str, int]]) -> pd.DataFrame:
    """Rows of events at higher levels of MedDRA: of `levels` (kind → kind of the terms, place in `MedDRA.above`).

    Terms that MedDRA does not have stand in no level.
    """
    found = []
    for kind, (of_kind, place) in levels.items():
        mine = rows[rows["kind"] == of_kind]
        names = lookup(mine["event"], {term: levels_of[place] for term, levels_of in meddra.above.items()})
        found.append(mine.assign(kind=kind, event=names)[names != ""])
    return pd.concat([rows, *found], ignore_index=True).drop_duplicates() if found else rows
