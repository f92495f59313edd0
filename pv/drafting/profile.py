"""What a column holds, from its first rows: days, numbers, codes, several entries in a cell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pv.sources.date_forms import FORMS
from pv.sources.grids import Grid
from pv.text import clean

ROWS = 2_000  # looked at
MOST_CODES = 20
SEPARATORS = (";", "|", "\n")  # signs that stand within no name
_COMMA = ","  # may well stand within one
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Profile:
    """`filled`: cells with text; `days`: form → how many of them are days so written; `numbers`: how many are numbers;
    `distinct`: how many differ; `codes`: value → count, where there are few; `separators`: sign → cells with it;
    `latin`: cells of plain letters."""

    rows: int
    filled: int
    days: dict[str, int] = field(default_factory=dict)
    numbers: int = 0
    distinct: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    separators: dict[str, int] = field(default_factory=dict)
    latin: int = 0

    @property
    def day_form(self) -> str:
        """The form in which all days can be read: "" for none, "?" where day and month cannot be told apart."""
        if not self.filled or not self.days or max(self.days.values()) < 0.5 * self.filled:
            return ""
        usual, best = self.days.get("year-month-day", 0), max(self.days.values())
        if usual == best:
            return "year-month-day"
        forms = [form for form, count in self.days.items() if count == best]
        return forms[0] if len(forms) == 1 else "?"


def profile(cells: Iterable[str]) -> Profile:
    """Look at the cells of a column.

    >>> profile(["03/11/2026", "13/11/2026"]).day_form, profile(["03/11/2026"]).day_form
    ('day/month/year', '?')
    """
    written = list(cells)
    texts = [clean(text) for text in written]
    filled = [text for text in texts if text]
    counts = Counter(filled)
    days = {form: sum(count for text, count in counts.items() if read(text)) for form, read in FORMS.items()}
    separators = {sign: sum(sign in text or _wide(sign) in text for text in written) for sign in (*SEPARATORS, _COMMA)}
    return Profile(
        rows=len(texts),
        filled=len(filled),
        days={form: count for form, count in days.items() if count},
        numbers=sum(count for text, count in counts.items() if _NUMBER.fullmatch(text)),
        distinct=len(counts),
        codes=dict(counts.most_common()) if len(counts) <= MOST_CODES else {},
        separators={sign: count for sign, count in separators.items() if count},
        latin=sum(text.isascii() for text in filled),
    )


def _wide(sign: str) -> str:
    return chr(ord(sign) + 0xFEE0) if sign.isprintable() else sign


def profiles(grid: Grid, heading_row: int, width: int) -> list[Profile]:
    """A profile for each column below the heading."""
    columns: list[list[str]] = [[] for _ in range(width)]
    for block in grid.blocks(heading_row, range(width)):
        room = ROWS - len(columns[0]) if columns else 0
        for place in range(width):
            column = block.columns.get(place)
            found = column.slice(0, room).to_pylist() if column is not None else [""] * min(room, len(block))
            columns[place] += [text or "" for text in found]
        if not columns or len(columns[0]) >= ROWS:
            break
    return [profile(cells) for cells in columns]


def heading_row(head: Sequence[Sequence[str]]) -> int:
    """Where the heading stands, if no layout tells: the first row nearly as wide as any, of words that all differ."""
    widths = [sum(bool(cell.strip()) for cell in row) for row in head]
    widest = max(widths, default=0)
    for row, cells in enumerate(head):
        words = [clean(cell) for cell in cells if cell.strip()]
        data = sum(bool(_NUMBER.fullmatch(word)) or any(read(word) for read in FORMS.values()) for word in words)
        if words and widths[row] >= 0.6 * widest and len(set(words)) == len(words) and data <= 0.2 * len(words):
            return row
    return 0
