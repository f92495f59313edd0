"""What is asked for, and which of the wordings in the store it means.

People type a lot or a number as it stands on a box or in a letter. Both sides are folded (width, case; all that is
neither letter nor digit left out) and compared whole: nothing is taken for something that it only resembles. What
resembles is told beside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
from rapidfuzz.distance import Levenshtein
from sqlalchemy import Connection, select

from pv.reference import Reference
from pv.schema import case_product
from pv.text import BLANK, clean

KINDS = ("number", "lot", "product")
# The columns of `case_product` in which each kind is looked for.
COLUMNS = {"number": ("identifier",), "lot": ("lot",), "product": ("product", "name")}
NEAR = 5  # steps of the number at the end of a lot
_PARTS = re.compile(r"[;、,，/|]")  # several lots in one cell
_SHORTEST_PART = 4
_LOOK_ALIKE = str.maketrans("OQDILZSB", "00011258")
_LISTED = 8


@dataclass(frozen=True)
class Question:
    """What to trace. `texts` may be of any kind; the others are of the kind they are named for.

    Several of one kind are alternatives (the lots of a recall); different kinds must hold together, in one product of
    a report. `streams`: of these only; none means all of our own, with `foreign` those of foreign databases too.
    """

    texts: tuple[str, ...] = ()
    lots: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    foreign: bool = False

    def parts(self) -> list[tuple[str, str]]:
        """(text, kind) of everything asked; kind "" where it may be any."""
        named = (("", self.texts), ("lot", self.lots), ("number", self.numbers), ("product", self.products))
        return [(text, kind) for kind, texts in named for text in texts]


@dataclass(frozen=True)
class Asked:
    """One thing asked: the kinds as which the store knows it, the wordings meant, and where none is, what is near."""

    text: str
    kinds: tuple[str, ...]
    wordings: tuple[str, ...]
    near: tuple[str, ...]


def fold(text: str) -> str:
    """Letters and digits of a text, in one width and case; "" for the pieces that mean “none”.

    >>> fold("２０２６－03 0a")
    '2026030A'
    """
    if text.isascii() and text.isalnum() and text not in BLANK:  # most lots, of which there are a hundred thousand
        return text.upper()
    whole = clean(text)
    return "" if whole in BLANK else "".join(filter(str.isalnum, whole.upper()))


def folds(written: str, kind: str) -> tuple[str, ...]:
    """The folded forms that a wording stands for: itself and, where a cell holds several lots, each of them."""
    whole = (fold(written),)
    if kind != "lot" or not _PARTS.search(written):
        return whole
    parts = (fold(part) for part in _PARTS.split(clean(written)))
    return tuple(dict.fromkeys([*whole, *(part for part in parts if len(part) >= _SHORTEST_PART)]))


class Wordings:
    """The distinct wordings of the store by kind, read when they are needed; and which of them a text means."""

    def __init__(self, connection: Connection, reference: Reference) -> None:
        self._connection, self._reference = connection, reference
        self._known: dict[str, dict[str, list[str]]] = {}

    def of(self, kind: str) -> dict[str, list[str]]:
        """Folded form → wordings."""
        if kind not in self._known:
            found: dict[str, list[str]] = {}
            for written in self._read(kind):
                for form in folds(written, kind):
                    found.setdefault(form, []).append(written)
            found.pop("", None)
            self._known[kind] = found
        return self._known[kind]

    def _read(self, kind: str) -> Iterable[str]:
        texts = {text for name in COLUMNS[kind] for text in self._distinct(name)}
        return sorted(texts - self._distinct("identifier") if kind == "product" else texts)

    def _distinct(self, name: str) -> set[str]:
        column = case_product.c[name]
        return set(self._connection.execute(select(column).distinct()).scalars())

    def meant(self, text: str, kind: str) -> tuple[str, ...]:
        """The wordings that a text means as a kind; of a product also those that are synonyms of it."""
        form = fold(text)
        if not form:
            return ()
        known = self.of(kind)
        forms = [form, *(fold(wording) for wording in self._synonyms(form))] if kind == "product" else [form]
        return tuple(sorted({wording for one in forms for wording in known.get(one, ())}))

    def _synonyms(self, form: str) -> list[str]:
        """All wordings of the product whose preferred name, or one of whose wordings, folds to `form`."""
        table = self._reference.synonyms
        mine = table[table["kind"] == "product"]
        alike = (mine["preferred"].map(fold) == form) | (mine["wording"].map(fold) == form)
        preferred = set(mine.loc[alike, "preferred"])
        return sorted(preferred | set(mine.loc[mine["preferred"].isin(preferred), "wording"]))

    def near(self, text: str, kinds: Sequence[str]) -> tuple[str, ...]:
        """Wordings that come near a text that is not in the store: lots and numbers by spelling, products by a part."""
        form, found = fold(text), []
        if not form:
            return ()
        for kind in kinds:
            known = self.of(kind)
            if kind == "product":
                found += [wording for other, written in known.items() if form in other for wording in written]
            else:
                found += [wording for other in _alike(form, known) for wording in known[other]]
        return tuple(dict.fromkeys(found))[:_LISTED]


def asked_of(question: Question, wordings: Wordings) -> list[Asked]:
    """What each text of a question means. Raises ValueError where nothing is asked."""
    parts = question.parts()
    if not any(fold(text) for text, _ in parts):
        raise ValueError("nothing is asked for: write a lot, an approval or registration number, or a product name")
    found = []
    for text, kind in parts:
        kinds = (kind,) if kind else KINDS
        meant = {one: wordings.meant(text, one) for one in kinds}
        there = tuple(one for one in kinds if meant[one])
        near = () if there else wordings.near(text, kinds)
        # What no kind knows is most likely a lot that nobody has reported.
        found.append(Asked(text, there or (kind or "lot",), tuple(sorted(set().union(*meant.values()))), near))
    return found


def matches(rows: pd.DataFrame, asked: Sequence[Asked]) -> pd.Series[bool]:
    """Which product rows are meant: of texts of one kind any, and something of every kind."""
    fits = pd.Series(True, index=rows.index)
    for kinds, wordings in groups(asked):
        columns = [name for kind in KINDS if kind in kinds for name in COLUMNS[kind]]
        fits &= rows[columns].isin(wordings).any(axis=1)
    return fits


def groups(asked: Sequence[Asked]) -> list[tuple[set[str], set[str]]]:
    """Kinds and wordings of the texts that are alternatives: those that share a kind."""
    found: list[tuple[set[str], set[str]]] = []
    for one in asked:
        joined = (set(one.kinds), set(one.wordings))
        apart = []
        for group in found:
            if group[0] & joined[0]:
                joined = (group[0] | joined[0], group[1] | joined[1])
            else:
                apart.append(group)
        found = [*apart, joined]
    return found


def relation(lot: str, others: Iterable[str]) -> str:
    """How a lot stands to the lots asked for: "asked", "adjacent" (the next numbers), "similar" (a slip), "other"."""
    mine = set(folds(lot, "lot"))
    theirs = {form for other in others for form in folds(other, "lot")}
    if mine & theirs:
        return "asked"
    if any(_adjacent(a, b) for a in mine for b in theirs):
        return "adjacent"
    return "similar" if any(_alike(a, theirs) for a in mine) else "other"


def _adjacent(one: str, other: str) -> bool:
    """Whether two lots are the same but for a number at their end, which differs by a few steps."""
    a, b = (re.fullmatch(r"(.*?)(\d+)", text) for text in (one, other))
    if a is None or b is None or a[1] != b[1]:
        return False
    return len(a[2]) == len(b[2]) and 0 < abs(int(a[2]) - int(b[2])) <= NEAR


def _alike(form: str, known: Iterable[str]) -> list[str]:
    """Forms that differ by one letter or digit, or by characters that look alike (0 and O, 1 and I); nearest first."""
    plain = form.translate(_LOOK_ALIKE)
    near = []
    for other in known:
        if abs(len(other) - len(form)) <= 1:
            steps = Levenshtein.distance(plain, other.translate(_LOOK_ALIKE), score_cutoff=1)
            if steps <= 1 and len(form) >= _SHORTEST_PART:
                near.append((steps, other))
    return [other for _, other in sorted(near)]
