"""A draft of a mapping file: which column fills which field, by its heading and by what it holds.

A heading is looked up in the shipped layouts (those of the stream first), then in the words of `fields.csv`, then by
likeness. What a column holds confirms it or speaks against it. Nothing doubtful is drafted as if it were sure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from rapidfuzz import fuzz, process

from pv.drafting.profile import SEPARATORS, Profile, heading_row, profiles
from pv.reference import shipped_toml, streams
from pv.sources.grids import Grid
from pv.sources.layouts import Layout, layouts, normalise_heading, number_repeats, recognise
from pv.sources.opening import grids_of
from pv.sources.own_layouts import NEEDED, described, fields, fields_of
from pv.sources.refusal import FileRefused
from pv.sources.several import PRODUCT_FIELDS
from pv.text import clean, code_list

SURE = 0.6  # from here on a column is drafted; below it is only proposed
_IN_LAYOUT, _IN_STREAM, _IN_WORDS, _ELSEWHERE, _ALIKE, _BY_CONTENT = 1.0, 0.95, 0.9, 0.8, 0.8, 0.4
_LIKE = 82.0  # of headings; 严重报告 and 重复报告 have 75, 医疗机构类别 and 医疗机构 80
_ONLY_DAY = 0.7  # a day of report is that of receipt where the table has no other, as in the national device export
_AGAINST = 0.4  # what is left of the confidence where the content speaks against it
SHARE_OF_SEVERAL = 0.02  # of cells with a separator


@dataclass(frozen=True)
class Guess:
    """A column: its heading as written (`.1` where it repeats), the field it fills ("" for none), how sure (0 to 1),
    and why."""

    heading: str
    field: str
    confidence: float
    why: str
    profile: Profile


@dataclass(frozen=True)
class Draft:
    """What has been found in a file. `known`: the shipped layout that reads it already; `missing`: fields that nothing
    fills, of several joined by "/" one is enough; `values`: field → written → our wording ("" where nobody knows)."""

    sheet: str
    stream: str
    known: str
    guesses: tuple[Guess, ...]
    missing: tuple[str, ...]
    dates: Mapping[str, str] = field(default_factory=dict)
    split: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def filled(self) -> dict[str, Guess]:
        """Field → column, of those that are sure."""
        return {one.field: one for one in self.guesses if one.field and one.confidence >= SURE}


def draft(path: Path, stream: str = "") -> Draft:
    """Look at a table and draft how it maps. Raises FileRefused where it is no table, or ValueError for the stream."""
    own = [name for name, one in streams().items() if not one.foreign]
    if stream and stream not in own:
        raise ValueError(f"there is no stream {stream} of your own; there are {', '.join(own)}")
    grid, row = _sheet(grids_of(path))
    headings = number_repeats(grid.head[row])
    match = recognise([grid.head[row]])
    whole = match is not None and not match[0].missing(match[0].positions(headings))
    known = match[0].name if match is not None and whole else ""
    chosen = stream or _stream_of(headings)
    found = profiles(grid, row, len(headings))
    nearest = _nearest(headings, chosen)
    guesses = _assigned(headings, found, chosen, nearest)
    guesses = [replace(one, heading=_as_written(one.heading, grid.head[row])) for one in guesses]
    filled = {one.field: one for one in guesses if one.field and one.confidence >= SURE}
    return Draft(
        sheet=grid.sheet,
        stream=chosen,
        known=known,
        guesses=tuple(guesses),
        missing=tuple(_missing(filled, chosen)),
        dates=_dates(filled),
        split=_split(filled, chosen),
        roles=nearest.roles if nearest is not None and "name.1" in filled else (),
        values=_values(filled),
    )


def _sheet(grids: Sequence[Grid]) -> tuple[Grid, int]:
    """The sheet that a layout knows, else the widest one; and its heading row."""
    for grid in grids:
        match = recognise(grid.head)
        if match is not None:
            return grid, match[1]
    rows = [(grid, heading_row(grid.head)) for grid in grids if grid.head]
    if not rows:
        raise FileRefused("empty")
    return max(rows, key=lambda one: sum(bool(cell.strip()) for cell in one[0].head[one[1]]))


def _as_written(heading: str, row: Sequence[str]) -> str:
    """A heading as the file has it, where it is told from the others without a number."""
    same = {clean(cell) for cell in row if normalise_heading(cell) == heading}
    return same.pop() if len(same) == 1 else heading


def _own_layouts() -> list[Layout]:
    return [layout for layout in layouts() if not streams()[layout.stream].foreign]


def _overlap(layout: Layout, headings: Iterable[str]) -> int:
    names = {normalise_heading(name) for column in layout.columns for name in (column.name, *column.aliases)}
    return sum(heading in names for heading in headings)


def _stream_of(headings: Sequence[str]) -> str:
    """The stream of the layout with most of these headings; else of the events that the words tell; else drugs."""
    best = max(_own_layouts(), key=lambda layout: _overlap(layout, headings))
    if _overlap(best, headings) >= 3:
        return best.stream
    told = {_words().get(folded(heading), "") for heading in headings}
    for name, stream in streams().items():
        if not stream.foreign and told & set(stream.event_fields):
            return name
    return next(iter(streams()))


def folded(heading: str) -> str:
    """A heading without case, white space and punctuation; case IDs written in one word are parted."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading)
    return re.sub(r"[\W_]+", "", clean(parted).casefold())


@cache
def _words() -> Mapping[str, str]:
    """Folded heading → field, by `fields.csv`; the first field that claims a word has it."""
    found: dict[str, str] = {}
    for name, row in fields().items():
        for word in (row["zh"], row["en"], *row["headings"].split(";")):
            found.setdefault(folded(word), name)
    return found


@cache
def _headings(stream: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Heading → field, by the layouts of a stream and by those of others; "" where a column fills none."""
    mine: dict[str, str] = {}
    others: dict[str, str] = {}
    for layout in _own_layouts():
        where = mine if layout.stream == stream else others
        for column in layout.columns:
            for name in (column.name, *column.aliases):
                where.setdefault(normalise_heading(name), column.field)
    return mine, others


def _candidates(heading: str, best: Mapping[str, str], stream: str) -> list[tuple[str, float, str]]:
    """Fields that a heading may mean, the likeliest first; ("", …) where it is known to fill none."""
    mine, others = _headings(stream)
    found = []
    for table, confidence, why in (
        (best, _IN_LAYOUT, "layout"),
        (mine, _IN_STREAM, "stream"),
        ({heading: _words()[word]} if (word := folded(heading)) in _words() else {}, _IN_WORDS, "words"),
        (others, _ELSEWHERE, "other streams"),
    ):
        if heading in table:
            found.append((table[heading], confidence, why))
    for word, likeness, _ in process.extract(folded(heading), list(_words()), scorer=fuzz.ratio, limit=3):
        if likeness >= _LIKE:
            found.append((_words()[word], _ALIKE * likeness / 100, f"like {word}"))
    allowed = {"", *fields_of(stream)}
    return [one for one in found if one[0] in allowed]


def _nearest(headings: Sequence[str], stream: str) -> Layout | None:
    """The shipped layout of the stream that shares most headings, if it shares three."""
    mine = [layout for layout in _own_layouts() if layout.stream == stream]
    nearest = max(mine, key=lambda layout: _overlap(layout, headings), default=None)
    return nearest if nearest is not None and _overlap(nearest, headings) >= 3 else None


def _assigned(headings: Sequence[str], found: Sequence[Profile], stream: str, nearest: Layout | None) -> list[Guess]:
    """Each field goes to the column that is surest of it; of equally sure ones to the first."""
    best: dict[str, str] = {}
    if nearest is not None:
        for column in nearest.columns:
            for name in (column.name, *column.aliases):
                best.setdefault(normalise_heading(name), column.field)
    bids = []
    for place, heading in enumerate(headings):
        for rank, (name, confidence, why) in enumerate(_candidates(heading, best, stream)):
            held = confidence if not name else confidence * _held(name, found[place])
            bids.append((-held, rank, place, name, why))
    taken: dict[int, tuple[str, float, str]] = {}
    used: set[str] = set()
    for held, _, place, name, why in sorted(bids):
        if place not in taken and (not name or name not in used):
            taken[place] = (name, -held, why)
            used |= {name} - {""}
    _by_content(taken, used, headings, found)
    return [
        Guess(heading, *taken.get(place, ("", 0.0, "")), found[place])
        for place, heading in enumerate(headings)
        if heading
    ]


def _held(name: str, seen: Profile) -> float:
    """1 where the content agrees or says nothing, less where it speaks against the field."""
    kind = described(name)["kind"]
    if not seen.filled:
        return 1.0
    days, numbers = bool(seen.day_form), seen.numbers / seen.filled
    against = (
        (kind == "date" and not days)
        or (kind in {"text", "personal", "code"} and days)
        or (kind == "number_value" and numbers < 0.3)
        or (kind == "code" and not seen.codes)
        or (name == "report_number" and (days or seen.filled < 0.5 * seen.rows))
        or (name in {"name", "reaction", "hospital"} and numbers > 0.9 and not seen.day_form)
    )
    return _AGAINST if against else 1.0


def _by_content(
    taken: dict[int, tuple[str, float, str]], used: set[str], headings: Sequence[str], found: Sequence[Profile]
) -> None:
    """Proposals for what every report needs and no heading tells: the number, and the day of receipt."""
    free = [place for place, heading in enumerate(headings) if heading and place not in taken]
    if "report_number" not in used:
        numbers = [p for p in free if found[p].filled == found[p].rows > 0 and not found[p].day_form]
        if numbers:
            place = max(numbers, key=lambda p: (found[p].distinct, -p))
            taken[place] = ("report_number", _BY_CONTENT, "never empty, and most different")
    reported = next((place for place, (name, sure, _) in taken.items() if name == "reported_on" and sure >= SURE), None)
    if "received_on" not in used and reported is not None:
        taken[reported] = ("received_on", min(_ONLY_DAY, taken[reported][1]), "no other day of receipt")
    elif "received_on" not in used:
        days = [p for p in free if found[p].day_form and p not in taken]
        if days:
            place = max(days, key=lambda p: (found[p].filled, -p))
            taken[place] = ("received_on", _BY_CONTENT, "holds days")


def _missing(filled: Mapping[str, Guess], stream: str) -> Iterable[str]:
    yield from (name for name in NEEDED if name not in filled)
    events = streams()[stream].event_fields
    if not streams()[stream].event_optional and not filled.keys() & set(events):
        yield " / ".join(events)


def _dates(filled: Mapping[str, Guess]) -> dict[str, str]:
    """Forms of days that are not the usual one; "?" where day and month cannot be told apart."""
    days = {name: one.profile.day_form for name, one in filled.items() if described(name)["kind"] == "date"}
    told = {form for form in days.values() if form in {"day/month/year", "month/day/year"}}
    # What one column tells holds for those of the same table that are short of a day beyond the twelfth.
    other = told.pop() if len(told) == 1 else "?"
    forms = {name: other if form == "?" else form for name, form in days.items()}
    return {name: form for name, form in forms.items() if form not in {"", "year-month-day"}}


def _split(filled: Mapping[str, Guess], stream: str) -> dict[str, str]:
    """Columns that hold several entries in a cell, by signs that stand in no name.

    Chinese events are parted by the intake itself. Terms of other languages may hold commas: "?" where only a person
    can tell whether those part them.
    """
    events = streams()[stream].event_fields
    found = {}
    for name, one in filled.items():
        seen = one.profile
        signs = {sign: seen.separators[sign] for sign in SEPARATORS if sign in seen.separators}
        several = signs and max(signs.values()) >= max(1, SHARE_OF_SEVERAL * seen.filled)
        if name in PRODUCT_FIELDS and several:
            found[name] = max(signs, key=lambda sign: signs[sign])
        elif name in events and seen.latin > 0.5 * seen.filled and seen.separators:
            found[name] = max(signs, key=lambda sign: signs[sign]) if several else "?"
    return found if "name" in found else {name: sign for name, sign in found.items() if name in events}


def _values(filled: Mapping[str, Guess]) -> dict[str, dict[str, str]]:
    """Codes that the intake does not know, and what they may mean."""
    meant: Mapping[str, Mapping[str, Sequence[str]]] = shipped_toml("drafting")["values"]
    found: dict[str, dict[str, str]] = {}
    for name, one in filled.items():
        if described(name)["kind"] != "code":
            continue
        known = code_list(name)
        translated = {text: ours for ours, texts in meant.get(name, {}).items() for text in texts}
        unknown = [text for text in one.profile.codes if text not in known]
        if unknown:
            found[name] = {text: translated.get(text.casefold(), "") for text in unknown}
    return found
