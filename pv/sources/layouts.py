"""The layouts that files come in, declared in `reference/layouts.toml` and `reference/layouts/*.csv`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

from pv import reference


@dataclass(frozen=True)
class LayoutColumn:
    """A column as exported (repeated headings carry `.1`), and the field that it fills ("" for none)."""

    name: str
    aliases: tuple[str, ...]
    field: str
    required: str
    personal: bool


@dataclass(frozen=True)
class Layout:
    """`grain`: what a row is (a report and product, a report, or of what record several rows are); `detect`: any of
    these headings. `roles` and `values`: see `layouts.toml`; `dates` and `split`: see `own_layouts.py`."""

    name: str
    stream: str
    grain: str
    detect: tuple[str, ...]
    columns: tuple[LayoutColumn, ...]
    roles: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict, compare=False)
    dates: Mapping[str, str] = field(default_factory=dict, compare=False)
    split: Mapping[str, str] = field(default_factory=dict, compare=False)

    @cached_property
    def headings(self) -> list[list[str]]:
        """Per column the normalised headings under which it stands."""
        return [[normalise_heading(name) for name in (column.name, *column.aliases)] for column in self.columns]

    def positions(self, headings: Sequence[str]) -> dict[str, int]:
        """Field → position among normalised headings; the first alias present wins."""
        where = {heading: number for number, heading in reversed(list(enumerate(headings)))}
        found: dict[str, int] = {}
        for column, names in zip(self.columns, self.headings, strict=True):
            position = next((where[name] for name in names if name in where), None)
            if column.field and position is not None:
                found.setdefault(column.field, position)
        return found

    def missing(self, fields: Mapping[str, int]) -> list[str]:
        """Required columns that are not there; of those marked "any", one is enough."""
        lacking = [c.name for c in self.columns if c.required == "yes" and c.field not in fields]
        either = [c for c in self.columns if c.required == "any"]
        if either and not any(c.field in fields for c in either):
            lacking.append(" / ".join(c.name for c in either))
        return lacking

    def heading_of(self, field: str) -> str:
        return next(column.name for column in self.columns if column.field == field)


@cache
def layouts() -> tuple[Layout, ...]:
    """All layouts of reports, in the order of `layouts.toml`."""
    return tuple(layout for layout in _declared() if layout.grain != USE)


@cache
def use_layouts() -> tuple[Layout, ...]:
    """Layouts of tables that hold quantities of products used, not reports."""
    return tuple(layout for layout in _declared() if layout.grain == USE)


USE = "use"
MESSAGE = "record"  # several rows are one message: E2B


def _declared() -> tuple[Layout, ...]:
    return tuple(
        Layout(
            name,
            entry["stream"],
            entry["grain"],
            tuple(entry["detect"]),
            _columns(name),
            tuple(entry.get("roles", ())),
            entry.get("values", {}),
        )
        for name, entry in reference.shipped_toml("layouts").items()
        if isinstance(entry, dict)
    )


def _columns(name: str) -> tuple[LayoutColumn, ...]:
    return tuple(
        LayoutColumn(
            row["column"],
            tuple(alias for alias in row["aliases"].split(";") if alias),
            row["field"],
            row["required"],
            row["personal"] == "yes",
        )
        for row in reference.shipped_csv(f"layouts/{name}")
    )


@cache
def normalise_heading(text: str) -> str:
    """Headings are compared without white space (exports break lines inside them), width differences and the asterisk
    of what must be filled in."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).strip("*")


def number_repeats(headings: Sequence[str]) -> list[str]:
    """Normalised headings; the second of a name becomes `name.1`, the third `name.2`."""
    seen: dict[str, int] = {}
    result = []
    for heading in map(normalise_heading, headings):
        count = seen.get(heading, 0)
        seen[heading] = count + 1
        result.append(f"{heading}.{count}" if heading and count else heading)
    return result


def recognise(
    head: Sequence[Sequence[str]], among: Sequence[Layout] | None = None
) -> tuple[Layout, int, list[str]] | None:
    """Layout, 0-based heading row and numbered headings of the best match among the first rows, or None.

    A row is a heading of a layout when it holds one of its tell-tale columns and at least three of its columns;
    among several the one with the most known columns wins.
    """
    best: tuple[int, Layout, int, list[str]] | None = None
    for row, cells in enumerate(head):
        headings = number_repeats(cells)
        present = set(headings)
        for layout in layouts() if among is None else among:
            if present.isdisjoint(map(normalise_heading, layout.detect)):
                continue
            known = sum(not present.isdisjoint(names) for names in layout.headings)
            if known >= 3 and (best is None or known > best[0]):
                best = (known, layout, row, headings)
    return None if best is None else best[1:]
