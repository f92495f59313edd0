"""MedDRA, for those who hold a licence: its own ASCII files in `meddra/` of the reference folder.

Nothing of MedDRA comes with this program. Any language edition will do, and any release; the three files must be of one
release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

# Name of the reference table → file in the reference folder, and the cells that a line must have at least.
FILES = {"meddra_llt": "meddra/llt.asc", "meddra_pt": "meddra/pt.asc", "meddra_mdhier": "meddra/mdhier.asc"}
_CELLS = {"meddra_llt": 3, "meddra_pt": 2, "meddra_mdhier": 12}
LEVELS = ("hlt", "hlgt", "soc")  # above the preferred terms
AMBIGUOUS = ""


@dataclass(frozen=True)
class MedDRA:
    """Terms by wording and by code.

    `terms`: wording of a lowest level term (folded by `folded`) → its preferred term, AMBIGUOUS where the wording is
    that of several with different preferred terms; `codes`: code of a lowest level or preferred term → preferred term;
    `above`: preferred term → names of its HLT, HLGT and SOC on the primary path.
    """

    terms: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    above: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)


class MedDRAError(Exception):
    """What is wrong, with file, row and what to do; no sentence about the table itself."""


def folded(text: str) -> str:
    """Wordings are compared without regard to capitals and runs of white space."""
    return " ".join(text.casefold().split())


@lru_cache(maxsize=2)  # 20 MB of text, read in half a second
def parse(llt: str, pt: str, mdhier: str) -> MedDRA:
    """The terms of the three files; all empty: none. Raises MedDRAError."""
    texts = {"meddra_llt": llt, "meddra_pt": pt, "meddra_mdhier": mdhier}
    missing = [FILES[name] for name, text in texts.items() if not text]
    if len(missing) == len(texts):
        return MedDRA()
    if missing:
        raise MedDRAError(f"{missing[0]} is missing. MedDRA needs {', '.join(FILES.values())} of one release.")
    names = {row[0]: row[1] for row in _rows("meddra_pt", pt)}
    codes, terms = dict(names), {folded(name): name for name in names.values()}
    for row in _rows("meddra_llt", llt):
        preferred = names.get(row[2])
        if preferred is None:
            raise MedDRAError(
                f"{FILES['meddra_llt']}: the preferred term {row[2]} of “{row[1]}” is not in {FILES['meddra_pt']}. "
                "Take all files from one release."
            )
        codes[row[0]] = preferred
        known = terms.setdefault(folded(row[1]), preferred)
        if known != preferred:
            terms[folded(row[1])] = AMBIGUOUS
    above = {
        names[row[0]]: (row[5], row[6], row[7])
        for row in _rows("meddra_mdhier", mdhier)
        if row[11] == "Y" and row[0] in names
    }
    return MedDRA(terms, codes, above)


def _rows(name: str, text: str) -> Iterator[list[str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("$")]
        if len(cells) < _CELLS[name] or not cells[0].isdigit() or not cells[1]:
            raise MedDRAError(
                f"{FILES[name]}, row {number}: “{line[:60]}” is no row of this MedDRA file, which has at least "
                f"{_CELLS[name]} cells with $ between. Copy the file again from the release."
            )
        yield cells
