"""Screens: which criteria a pair must meet, on which table. They are data (`pv/reference/screens.toml`)."""

from __future__ import annotations

import math
import operator
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pv.reference import SHIPPED, ReferenceDataError, streams
from pv.signals.pair_measures import ALL_COLUMNS, SHRUNK_COLUMNS
from pv.text import clean

WINDOWS = ("all", "12m")
STREAM = "stream"  # the comparator: all cases of the stream
BACKGROUND = "background"  # the comparator: the province's or the nation's cases, where the installation has them
STRATA = ("sex", "age_band", "year", "district")
ALL_TIME = "all"
MOST_SCREENS = 59  # the screens a pair meets are bits of one int64, beside three of the history
_OF_CASES = ("serious", "deaths")  # counted from the cases, beside the 2×2 table
MEASURES = (*ALL_COLUMNS, *_OF_CASES)

_OPERATORS: Mapping[str, Callable[[Any, float], NDArray[np.bool_]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
_SYMBOLS = {">=": "≥", "<=": "≤", "prr": "PRR", "ror": "ROR", "chi_square": "χ²", "ic": "IC", "expected": "E"}
_SYMBOLS |= {"ic025": "IC025", "ic975": "IC975", "prr_low": "PRR025", "prr_high": "PRR975"}
_SYMBOLS |= {"ror_low": "ROR025", "ror_high": "ROR975", "rrr": "RRR", "chi_square_pearson": "χ² (Pearson)"}
_SYMBOLS |= {"ebgm": "EBGM", "eb05": "EB05", "eb95": "EB95", "q_bh": "q (BH)", "q_by": "q (BY)"}
_KEYS = ("zh", "en", "source", "mark", "streams", "level", "event_kinds", "comparator", "window", "products", "events")


@dataclass(frozen=True)
class Table:
    """One family of 2×2 tables: what is counted, as which product, against what, over which time."""

    stream: str
    event_kind: str
    level: str
    comparator: str
    window: str


@dataclass(frozen=True)
class Criterion:
    """A bound on one measure, such as PRR ≥ 2. A measure that is not defined (NaN) meets no bound."""

    measure: str
    operator: str
    value: float

    def met(self, measures: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        return _OPERATORS[self.operator](measures[self.measure], self.value)

    @property
    def least_a(self) -> int:
        """The least a (of 1 and above) with which the criterion can be met."""
        if self.measure != "a" or self.operator.startswith("<"):
            return 1
        least = math.ceil(self.value) if self.operator == ">=" else math.floor(self.value) + 1
        return max(1, least)

    @property
    def measures(self) -> frozenset[str]:
        return frozenset({self.measure})

    def __str__(self) -> str:
        sign = _SYMBOLS.get(self.operator, self.operator)
        return f"{_SYMBOLS.get(self.measure, self.measure)} {sign} {self.value:g}"


@dataclass(frozen=True)
class Rule:
    """All or any of several criteria and rules."""

    how: str
    parts: tuple[Criterion | Rule, ...]

    def met(self, measures: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Which pairs meet the rule; `measures` holds one array a measure, one value a pair."""
        join = np.logical_and if self.how == "all" else np.logical_or
        return np.asarray(join.reduce([part.met(measures) for part in self.parts]))

    @property
    def least_a(self) -> int:
        least = [part.least_a for part in self.parts]
        return max(least) if self.how == "all" else min(least)

    @property
    def measures(self) -> frozenset[str]:
        """The measures it bounds."""
        return frozenset().union(*(part.measures for part in self.parts))

    def __str__(self) -> str:
        return (", " if self.how == "all" else " / ").join(dict.fromkeys(self._texts()))

    def _texts(self) -> Iterator[str]:
        for part in self.parts:
            if isinstance(part, Rule) and (part.how == self.how or len(part.parts) == 1):
                yield from part._texts()
            else:
                yield f"({part})" if isinstance(part, Rule) else str(part)


@dataclass(frozen=True)
class Screen:
    """One entry of the screens file. Empty `event_kinds`, `products` and `events` mean all; level "default" is the
    stream's own.
    """

    name: str
    zh: str
    en: str
    source: str
    mark: str
    streams: tuple[str, ...]
    level: str
    event_kinds: tuple[str, ...]
    comparator: str
    window: str
    rule: Rule
    products: tuple[str, ...] = ()
    events: tuple[str, ...] = ()

    @property
    def general(self) -> bool:
        """Whether the criteria fit any long table: every stream, its default level, against everything, no gravity."""
        limited = self.event_kinds or self.products or self.events or not self.rule.measures.isdisjoint(_OF_CASES)
        of_default = self.level == "default" and not limited
        return (
            of_default and self.comparator == STREAM and self.window == ALL_TIME and set(streams()) == set(self.streams)
        )

    @property
    def needs_prior(self) -> bool:
        return not self.rule.measures.isdisjoint(SHRUNK_COLUMNS)

    def tables(self, stream: str) -> Iterator[Table]:
        """The tables of a stream on which the screen looks."""
        if stream not in self.streams:
            return
        entry = streams()[stream]
        level = entry.default_level if self.level == "default" else self.level
        for kind in self.event_kinds or entry.event_kinds:
            if kind in entry.event_kinds or kind in entry.event_levels:
                yield Table(stream, kind, level, self.comparator, self.window)


def tables_of(stream: str, screens: Sequence[Screen]) -> dict[Table, tuple[Screen, ...]]:
    """The tables to make for a stream, each with the screens that look on it.

    The table of the default level against the whole stream over all time is always there. Order: event kind,
    level, comparator and window as `streams.toml` lists them, the whole stream before groups.
    """
    entry = streams()[stream]
    wanted: dict[Table, tuple[Screen, ...]] = {
        Table(stream, kind, entry.default_level, STREAM, ALL_TIME): () for kind in entry.event_kinds
    }
    for screen in screens:
        for table in screen.tables(stream):
            wanted[table] = (*wanted.get(table, ()), screen)
    kinds, levels = [*entry.event_kinds, *entry.event_levels], [STREAM, *entry.levels, BACKGROUND]

    def place(table: Table) -> tuple[int, ...]:
        first = table.level != entry.default_level
        place_of_level, comparator = levels.index(table.level), levels.index(table.comparator)
        return kinds.index(table.event_kind), first, place_of_level, comparator, WINDOWS.index(table.window)

    return {table: wanted[table] for table in sorted(wanted, key=place)}


def load_screens(path: Path | None = None) -> tuple[Screen, ...]:
    """Read and check a screens file, the shipped one by default.

    Raises ReferenceDataError that names the file, the screen, the key and the fix.
    """
    path = path or SHIPPED / "screens.toml"
    return parse_screens(screens_text(path), path)


def screens_text(path: Path = SHIPPED / "screens.toml") -> str:
    """The text of a screens file. Raises ReferenceDataError where it is missing or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ReferenceDataError(f"{path} is missing. Put the screens file there.") from None
    except UnicodeDecodeError as error:
        raise ReferenceDataError(f"{path} is not UTF-8: {error}. Save it as UTF-8.") from None


def parse_screens(text: str, path: Path = Path("screens.toml")) -> tuple[Screen, ...]:
    """Check the text of a screens file; `path` is what complaints name. Raises ReferenceDataError."""
    return _Reader(path, _entries(text, path)).screens()


def parse_strata(text: str, path: Path = Path("screens.toml")) -> tuple[str, ...]:
    """The key `strata` of a screens file: by what the stratified measures of the weekly signals are stratified.

    Empty where the key is not there. Raises ReferenceDataError.
    """
    value = _entries(text, path).get("strata", [])
    if not isinstance(value, list) or any(item not in STRATA for item in value):
        raise ReferenceDataError(f"{path}: key “strata” holds {value!r}. Write a list of {', '.join(STRATA)}.")
    return tuple(dict.fromkeys(value))


def _entries(text: str, path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ReferenceDataError(f"{path} cannot be read as TOML: {error}. Mend the file.") from None


class _Reader:
    """Checks the entries of one file; every complaint names where it is and what to write instead."""

    def __init__(self, path: Path, entries: Mapping[str, Any]) -> None:
        self._path = path
        self._entries = {name: entry for name, entry in entries.items() if isinstance(entry, dict)}
        for key in ("title", "source", "reviewed"):
            if key not in entries:
                raise ReferenceDataError(
                    f"{path}: “{key}” is missing at the top. Add {key} = … before the first screen."
                )
        stray = sorted(set(entries) - set(self._entries) - {"title", "source", "reviewed", "strata"})
        if stray:
            raise ReferenceDataError(f"{path}: “{stray[0]}” is no screen. Write a section [{stray[0]}] or remove it.")

    def screens(self) -> tuple[Screen, ...]:
        if len(self._entries) > MOST_SCREENS:
            raise ReferenceDataError(
                f"{self._path}: {len(self._entries)} screens; at most {MOST_SCREENS} can be. Remove some."
            )
        return tuple(self._screen(name) for name in self._entries)

    def _screen(self, name: str) -> Screen:
        entry = self._entries[name]
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise self._error(name, name, "is no name for a screen", "use small letters, digits and _")
        unknown = sorted(set(entry) - {*_KEYS, "all", "any"})
        if unknown:
            raise self._error(name, unknown[0], "is unknown", f"known keys: {', '.join(_KEYS)}, all, any")
        texts = {key: self._text(name, key) for key in ("zh", "en", "source", "level", "comparator")}
        chosen = self._names(name, "streams", tuple(streams()))
        return Screen(
            name=name,
            zh=texts["zh"],
            en=texts["en"],
            source=texts["source"],
            mark=self._one_of(name, "mark", ("S", "W", "K")),
            streams=chosen,
            level=self._level(name, "level", "default", chosen),
            event_kinds=self._event_kinds(name, chosen),
            comparator=self._comparator(name, chosen),
            window=self._one_of(name, "window", WINDOWS),
            rule=self._rule(name, ()),
            products=self._labels(name, "products"),
            events=self._labels(name, "events"),
        )

    def _text(self, name: str, key: str) -> str:
        value = self._entries[name].get(key)
        if not isinstance(value, str) or not value.strip():
            raise self._error(name, key, "is missing or empty", f'write {key} = "…"')
        return value

    def _one_of(self, name: str, key: str, allowed: tuple[str, ...]) -> str:
        value = self._text(name, key)
        if value not in allowed:
            raise self._error(name, key, f"is “{value}”", f"write one of {', '.join(allowed)}")
        return value

    def _names(self, name: str, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        value = self._entries[name].get(key)
        if value == "all":
            return allowed
        if not isinstance(value, list) or not value:
            raise self._error(name, key, "is missing or no list", f'write "all" or a list of {", ".join(allowed)}')
        for item in value:
            if item not in allowed:
                raise self._error(name, key, f"holds “{item}”", f"known here: {', '.join(allowed)}")
        return tuple(item for item in allowed if item in value)

    def _labels(self, name: str, key: str) -> tuple[str, ...]:
        """Products or events to which the screen is limited, as they are written after normalising; none: all."""
        value = self._entries[name].get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise self._error(name, key, f"holds {value!r}", 'write a list of texts, such as ["过敏性休克"]')
        if key in self._entries[name] and not value:
            raise self._error(name, key, "is an empty list", "name some, or leave the key out")
        return tuple(dict.fromkeys(clean(item) for item in value))

    def _event_kinds(self, name: str, chosen: tuple[str, ...]) -> tuple[str, ...]:
        of = [streams()[stream] for stream in chosen]
        known = tuple(dict.fromkeys(kind for one in of for kind in (*one.event_kinds, *one.event_levels)))
        kinds = self._names(name, "event_kinds", known)
        return () if self._entries[name]["event_kinds"] == "all" else kinds

    def _level(self, name: str, key: str, besides: str, chosen: tuple[str, ...]) -> str:
        value = self._text(name, key)
        for stream in chosen:
            levels = tuple(streams()[stream].levels)
            if value not in (besides, *levels):
                known = ", ".join((besides, *levels, *((BACKGROUND,) if key == "comparator" else ())))
                raise self._error(name, key, f"is “{value}”, which {stream} does not have", f"{stream} has {known}")
        return value

    def _comparator(self, name: str, chosen: tuple[str, ...]) -> str:
        if self._entries[name].get("comparator") == BACKGROUND:
            return BACKGROUND
        value = self._level(name, "comparator", STREAM, chosen)
        level = self._entries[name]["level"]
        for stream in chosen:
            if value == (streams()[stream].default_level if level == "default" else level):
                raise self._error(name, "comparator", "is the level itself", "name a wider level, or stream")
        return value

    def _rule(self, name: str, within: tuple[str, ...]) -> Rule:
        entry = self._entries[name]
        if name in within:
            circle = " → ".join((*within, name))
            raise self._error(within[0], "all / any", f"goes in a circle: {circle}", "take one of the names out")
        ways = [how for how in ("all", "any") if how in entry]
        if len(ways) != 1:
            raise self._error(name, "all / any", f"{len(ways)} of the two are there", "give just one of them")
        how = ways[0]
        parts = entry[how]
        if not isinstance(parts, list) or not parts:
            raise self._error(name, how, "holds no criterion", 'write a list such as [["prr", ">=", 2]]')
        return Rule(how, tuple(self._part(name, how, part, (*within, name)) for part in parts))

    def _part(self, name: str, how: str, part: object, within: tuple[str, ...]) -> Criterion | Rule:
        match part:
            case str() if part in self._entries:
                return self._rule(part, within)
            case str():
                raise self._error(
                    name, how, f"names the screen “{part}”, which is not there", "mend it or add the screen"
                )
            case [str(measure), str(sign), int(value) | float(value)] if not isinstance(value, bool):
                return self._criterion(name, how, Criterion(measure, sign, float(value)))
            case _:
                raise self._error(name, how, f"holds {part!r}", "write [measure, operator, number] or a screen's name")

    def _criterion(self, name: str, how: str, criterion: Criterion) -> Criterion:
        if criterion.measure not in MEASURES:
            raise self._error(name, how, f"has no measure “{criterion.measure}”", f"known: {', '.join(MEASURES)}")
        if criterion.operator not in _OPERATORS:
            raise self._error(name, how, f"has no operator “{criterion.operator}”", f"known: {', '.join(_OPERATORS)}")
        if not math.isfinite(criterion.value):
            raise self._error(name, how, f"bounds {criterion.measure} by {criterion.value}", "write a finite number")
        return criterion

    def _error(self, name: str, key: str, problem: str, fix: str) -> ReferenceDataError:
        return ReferenceDataError(f"{self._path}: screen “{name}”, key “{key}” {problem}. To mend: {fix}.")
