"""What is asked for, and which of the wordings in the store it means.

People type a lot or a number as it stands on a box or in a letter. Both sides are folded (width, case; all that is
neither letter nor digit left out) and compared whole: nothing is taken for something that it only resembles. What
resembles is told beside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz.distance import Levenshtein
from sqlalchemy import Connection, func, select

from pv.codes import lots, numbers, udi
from pv.reference import Reference, streams
from pv.schema import case_product
from pv.text import fold

KINDS = ("udi", "number", "lot", "product")
# The columns of `case_product` in which each kind is looked for: a UDI holds a lot, and may name a number.
COLUMNS = {"udi": ("udi",), "number": ("identifier", "udi"), "lot": ("lot", "udi"), "product": ("product", "name")}
NEAR = 5  # steps of the number at the end of a lot
_PARTS = re.compile(r"[;、,，/|]")  # several numbers in one cell
_LABELLED = ("LOT", "BATCH")
_SHORTEST = 4  # characters of a lot that may be told by a slip
_LOOK_ALIKE = str.maketrans("OQDILZSB", "00011258")
_LISTED = 8
_BETWEEN = "\x1e\x1f\x1e"  # stands in no cell


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
    udis: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    foreign: bool = False

    def parts(self) -> list[tuple[str, str]]:
        """(text, kind) of everything asked; kind "" where it may be any."""
        named = dict(zip(KINDS, (self.udis, self.numbers, self.lots, self.products), strict=True))
        return [(text, kind) for kind, texts in {"": self.texts, **named}.items() for text in texts]


@dataclass(frozen=True)
class Pair:
    """What else a UDI means: the lot that it names, of a product of one of its numbers. Wordings of both."""

    numbers: frozenset[str] = frozenset()
    lots: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Asked:
    """One thing asked: the kinds as which the store knows it, the wordings meant, and where none is, what is near."""

    text: str
    kinds: tuple[str, ...]
    wordings: tuple[str, ...]
    near: tuple[str, ...]
    pair: Pair = Pair()

    @property
    def known(self) -> bool:
        return bool(self.wordings or (self.pair.numbers and self.pair.lots))


@dataclass(frozen=True)
class Group:
    """Texts that are alternatives, since they share a kind."""

    kinds: frozenset[str]
    wordings: frozenset[str]
    pairs: tuple[Pair, ...] = field(default=())


def folds(written: str, kind: str) -> tuple[str, ...]:
    """The folded forms that a wording stands for: itself and, where a cell holds several lots, each of them."""
    whole = fold(written)
    if kind != "lot" or (whole == written and not whole.startswith(_LABELLED)):
        return (whole,)
    return tuple(dict.fromkeys([whole, *map(fold, lots.lots(written))]))


class Wordings:
    """The distinct wordings of the store, read when they are needed; and which of them a text means."""

    def __init__(self, connection: Connection, reference: Reference) -> None:
        self._connection, self._reference = connection, reference
        self._columns: dict[str, list[str]] = {}
        self._known: dict[str, dict[str, list[str]]] = {}

    def of(self, kind: str) -> dict[str, list[str]]:
        """Folded form → wordings, of a kind other than UDI."""
        if kind not in self._known:
            found: dict[str, list[str]] = {}
            for written in sorted({text for name in COLUMNS[kind] if name != "udi" for text in self._distinct(name)}):
                for form in folds(written, kind):
                    found.setdefault(form, []).append(written)
            found.pop("", None)
            self._known[kind] = found
        return self._known[kind]

    def _distinct(self, name: str) -> list[str]:
        if name not in self._columns:
            column = select(case_product.c[name].label("wording")).distinct().subquery().c.wording
            # As one text: of a million wordings a row each takes four times as long.
            joined = self._connection.execute(select(func.aggregate_strings(column, _BETWEEN))).scalar_one()
            self._columns[name] = joined.split(_BETWEEN) if joined else []
        return self._columns[name]

    def meant(self, text: str, kind: str) -> tuple[str, ...]:
        """The wordings that a text means as a kind."""
        if not fold(text):
            return ()
        found = {"udi": self._udis, "number": self._numbers, "lot": self._lots, "product": self._products}[kind](text)
        return tuple(sorted(set(found)))

    def _udis(self, text: str) -> list[str]:
        """UDIs of the same product (DI) and, where the text names one, of the same lot, else the same serial number."""
        asked = udi.read(text)
        if not asked.di and not asked.serial:
            return []
        part = "lot" if asked.lot else "serial" if asked.serial else ""
        with_it = self._udis_with(fold(asked.di or asked.serial))
        same = [(written, found) for written, found in with_it if found.di == asked.di]
        return [one for one, found in same if not part or fold(getattr(found, part)) == fold(getattr(asked, part))]

    def _udis_with(self, form: str) -> list[tuple[str, udi.Udi]]:
        """UDIs that hold a folded text, read: of a million few do."""
        plain, others = self._all_udis
        spaced = "[^0-9A-Za-z]*".join(map(re.escape, form))
        some = plain.filter(pc.match_substring_regex(plain, spaced, ignore_case=True)).to_pylist()
        some += [written for written in others if form in fold(written)]
        return [(written, one) for written in some for one in udi.read_all(written)]

    @cached_property
    def _all_udis(self) -> tuple[pa.Array, list[str]]:
        """All UDIs, those of ASCII, nearly all, by themselves."""
        cells = pa.array(self._distinct("udi"), pa.large_string())
        plain = pc.string_is_ascii(cells)
        return cells.filter(plain), cells.filter(pc.invert(plain)).to_pylist()

    def pair(self, text: str) -> Pair:
        """The lot of a UDI together with the numbers under which its product is known: most reports name no UDI."""
        asked = udi.read(text)
        if not (asked.di and asked.lot):
            return Pair()
        same = {written for written, found in self._udis_with(fold(asked.di)) if found.di == asked.di}
        columns = (case_product.c.identifier, case_product.c.udi)
        rows = self._connection.execute(select(*columns).where(case_product.c.udi.in_(sorted(same))).distinct())
        devices = self._reference.devices
        known = {*(str(number) for number, _ in rows), *devices.loc[devices["di"] == asked.di, "number"]} - {""}
        written = {wording for number in sorted(known) for wording in self._numbers(number)}
        return Pair(frozenset(written), frozenset(self._lots(asked.lot)))

    def _numbers(self, text: str) -> list[str]:
        """Numbers that read the same, renewals of a registration among them; and UDIs that the tables put under it."""
        found = list(self.of("number").get(fold(text), ()))
        read = {name: numbers.read(name, text) for name in streams()}
        keys = {name: number.key for name, number in read.items() if number.kind}
        if not keys:
            return found
        tail = re.findall(r"\d", text)[-_SHORTEST:]
        some = (written for written in self._distinct("identifier") if "".join(tail) in written)
        found += [one for one in some if any(_reads(one, name, key) for name, key in keys.items())]
        devices = self._reference.devices
        mine = [
            di
            for di, of in zip(devices["di"], devices["number"], strict=True)
            if _reads(of, "device", keys.get("device"))
        ]
        return found + [one for di in mine for one, said in self._udis_with(fold(di)) if said.di == di]

    def _lots(self, text: str) -> list[str]:
        forms = folds(text, "lot")
        found = [wording for form in forms for wording in self.of("lot").get(form, ())]
        return found + [one for form in forms for one, said in self._udis_with(form) if fold(said.lot) == form]

    def _products(self, text: str) -> list[str]:
        """Wordings of the product, and those that are synonyms of it."""
        form = fold(text)
        forms = [form, *(fold(wording) for wording in self._synonyms(form))]
        return [wording for one in forms for wording in self.of("product").get(one, ())]

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
        for kind in (one for one in kinds if one != "udi"):
            known = self.of(kind)
            if kind == "product":
                found += [wording for other, written in known.items() if form in other for wording in written]
            else:
                found += [wording for other in _alike(form, known) for wording in known[other]]
        return tuple(dict.fromkeys(found))[:_LISTED]


def _reads(written: str, stream: str, key: str | None) -> bool:
    return key is not None and any(numbers.read(stream, part).key == key for part in (written, *_PARTS.split(written)))


def asked_of(question: Question, wordings: Wordings) -> list[Asked]:
    """What each text of a question means. Raises ValueError where nothing is asked."""
    parts = question.parts()
    if not any(fold(text) for text, _ in parts):
        raise ValueError("nothing is asked for: write a lot, an approval or registration number, or a product name")
    return [_asked(text, kind, wordings) for text, kind in parts]


def _asked(text: str, kind: str, wordings: Wordings) -> Asked:
    kinds = (kind,) if kind else KINDS
    meant = {one: wordings.meant(text, one) for one in kinds}
    if meant.get("number"):
        meant.pop("product", None)  # devices and cosmetics are counted under their numbers
    pair = wordings.pair(text) if "udi" in kinds else Pair()
    there = tuple(one for one in kinds if meant.get(one) or (one == "udi" and pair.numbers and pair.lots))
    near = () if there else wordings.near(text, kinds)
    # What no kind knows is most likely a lot that nobody has reported.
    unknown = kind or ("udi" if udi.read(text).di else "lot")
    return Asked(text, there or (unknown,), tuple(sorted(set().union(*meant.values()))), near, pair)


def matches(rows: pd.DataFrame, asked: Sequence[Asked]) -> pd.Series[bool]:
    """Which product rows are meant: of texts of one kind any, and something of every kind."""
    fits = pd.Series(True, index=rows.index)
    for group in groups(asked):
        columns = sorted({name for kind in group.kinds for name in COLUMNS[kind]})
        meant = rows[columns].isin(group.wordings).any(axis=1)
        for pair in group.pairs:
            meant |= rows["identifier"].isin(pair.numbers) & rows[["lot", "udi"]].isin(pair.lots).any(axis=1)
        fits &= meant
    return fits


def groups(asked: Sequence[Asked]) -> list[Group]:
    """The texts by what they are alternatives to."""
    found: list[Group] = []
    for one in asked:
        joined = Group(frozenset(one.kinds), frozenset(one.wordings), (one.pair,) if one.pair.numbers else ())
        apart = []
        for group in found:
            if group.kinds & joined.kinds:
                kinds, wordings = group.kinds | joined.kinds, group.wordings | joined.wordings
                joined = Group(kinds, wordings, group.pairs + joined.pairs)
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
            if steps <= 1 and len(form) >= _SHORTEST:
                near.append((steps, other))
    return [other for _, other in sorted(near)]
