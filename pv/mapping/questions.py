"""Questions about wordings, each with ranked suggestions. A suggestion is never applied by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
from rapidfuzz import fuzz

from pv.cases import StreamCases
from pv.codes import numbers
from pv.codes.synonyms import EVERY_STREAM, confirmed
from pv.mapping.similarity import Candidates, folded
from pv.mapping.waiting import most_frequent, waiting
from pv.reference import Reference, streams
from pv.text import clean

MOST = 5  # suggestions
LEAST = 50.0  # score of a suggestion
# A wording is asked about where it resembles one that people have named; or where it looks like a slip of the pen: as
# a whole like one that is written five times as often. A part is not enough there: 眼睑水肿 is no slip for 水肿.
LIKE_NAMED, LIKE_FREQUENT, TIMES = 70.0, 75.0, 5


@dataclass(frozen=True)
class Suggestion:
    """`answer` is what to write; `shown` the same for people to choose; `source`: reference, preferred or frequent;
    `cases` those of a wording of the store (0 for a unit)."""

    answer: str
    shown: str
    score: int
    source: str
    cases: int


@dataclass(frozen=True)
class Question:
    """A wording that waits (see `waiting`), or that resembles another one (`reason` "resembles"). Units stand for all
    streams: their `stream` is empty."""

    stream: str
    kind: str
    wording: str
    beside: str
    reason: str
    cases: int
    suggestions: tuple[Suggestion, ...]


def questions(loaded: Sequence[StreamCases], reference: Reference) -> list[Question]:
    """All questions, by kind (units, products, events) and most cases first."""
    found = _units(pd.concat([waiting(stream, reference) for stream in loaded]), reference) if loaded else []
    for stream in loaded:
        found += _numbers(stream, reference)
        found += _resembling(stream, "product", _names(stream), reference)
        found += _resembling(stream, "event", _events(stream), reference)
    order = {"hospital": 0, "product": 1, "event": 2}
    return sorted(found, key=lambda one: (order[one.kind], -one.cases, one.stream, one.wording))


def _units(waits: pd.DataFrame, reference: Reference) -> list[Question]:
    cases = waits[waits["kind"] == "hospital"].groupby("wording", sort=True)["cases"].sum()
    names: list[tuple[str, str]] = []
    for hospital_id, name, former in reference.hospitals[["hospital_id", "name", "former_names"]].itertuples(
        index=False, name=None
    ):
        names += [(one, clean(f"{hospital_id} {name}")) for one in (name, *former.split(";")) if one.strip()]
    near = Candidates([name for name, _ in names]).nearest(list(cases.index), 2 * MOST, LEAST)
    return [
        Question(EVERY_STREAM, "hospital", str(wording), "", "unknown_hospital", int(count), _best_units(places, names))
        for (wording, count), places in zip(cases.items(), near, strict=True)
    ]


def _best_units(places: Iterable[tuple[int, float]], names: Sequence[tuple[str, str]]) -> tuple[Suggestion, ...]:
    """Each unit once, with the best of its names."""
    best: dict[str, Suggestion] = {}
    for place, score in places:
        shown = names[place][1]
        best.setdefault(shown, Suggestion(shown.partition(" ")[0], shown, round(score), "reference", 0))
    return tuple(best.values())[:MOST]


def _numbers(loaded: StreamCases, reference: Reference) -> list[Question]:
    """Numbers of no known form; compared with known ones together with their names."""
    waits = waiting(loaded, reference)
    waits = waits[waits["kind"] == "product"]
    if waits.empty:
        return []
    rows = _counted(loaded)
    rows = rows[[bool(number) and numbers.is_known_form(loaded.stream, number) for number in rows["identifier"]]]
    cases = rows.groupby("identifier", sort=True)["case_number"].nunique()
    cases = cases.sort_values(ascending=False, kind="stable")
    names = most_frequent(rows, "identifier", "name")
    texts = [f"{number} {names[number]}" for number in cases.index]
    near = Candidates(texts).nearest((waits["wording"] + " " + waits["beside"]).tolist(), MOST, LEAST)
    found = []
    asked = waits[["wording", "beside", "cases"]].itertuples(index=False, name=None)
    for (wording, beside, count), places in zip(asked, near, strict=True):
        listed = tuple(
            Suggestion(str(cases.index[place]), texts[place], round(score), "frequent", int(cases.iloc[place]))
            for place, score in places
        )
        found.append(Question(loaded.stream, "product", str(wording), str(beside), "number_form", int(count), listed))
    return found


def _resembling(loaded: StreamCases, kind: str, cases: pd.Series[int], reference: Reference) -> list[Question]:
    """Wordings nobody has named that resemble a named or a far more frequent one; `cases` by wording, most first."""
    named = confirmed(reference, loaded.stream, kind)
    cases = pd.concat([cases, pd.Series(0, index=sorted(named - set(cases.index)), dtype="int64")])
    counts = [int(count) for count in cases]
    texts = [str(text) for text in cases.index]
    asked = [place for place, text in enumerate(texts) if text not in named]
    near = Candidates(texts).nearest([texts[place] for place in asked], 2 * MOST, LEAST)
    found = []
    for place, others in zip(asked, near, strict=True):
        own = counts[place]
        better = [one for one in others if one[0] != place and (texts[one[0]] in named or counts[one[0]] > own)]
        likely = any(
            score >= LIKE_NAMED
            if texts[other] in named
            else counts[other] >= TIMES * own and _slip(texts[place], texts[other])
            for other, score in better
        )
        if likely:
            listed = tuple(
                Suggestion(
                    texts[other],
                    texts[other],
                    round(score),
                    "preferred" if texts[other] in named else "frequent",
                    counts[other],
                )
                for other, score in better[:MOST]
            )
            found.append(Question(loaded.stream, kind, texts[place], "", "resembles", own, listed))
    return found


def _slip(one: str, other: str) -> bool:
    return fuzz.ratio(folded(one), folded(other)) >= LIKE_FREQUENT


def _counted(loaded: StreamCases) -> pd.DataFrame:
    """Counted products of reports that are not left out, with their case number."""
    versions, rows, _ = loaded.wordings()
    kept = versions.loc[versions["left_out"] == "", ["version_id", "case_number"]]
    return rows[rows["role"].isin(streams()[loaded.stream].roles)].merge(kept, on="version_id")


def _names(loaded: StreamCases) -> pd.Series[int]:
    """Cases by product of those that count by name."""
    rows = _counted(loaded)
    return _most_first(rows[rows["number"] == ""], "product")


def _events(loaded: StreamCases) -> pd.Series[int]:
    versions, _, events = loaded.wordings()
    kept = versions.loc[versions["left_out"] == "", ["version_id", "case_number"]]
    asked = events[~events["rule"].str.contains("meddra", regex=False)]  # a term of MedDRA needs no mapping
    return _most_first(asked.merge(kept, on="version_id"), "event")


def _most_first(rows: pd.DataFrame, wording: str) -> pd.Series[int]:
    counts = rows.groupby(wording, sort=True)["case_number"].nunique()
    return counts.sort_values(ascending=False, kind="stable")
