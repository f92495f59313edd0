"""The index of the weeks, `index.html` and `index.en.html`, from the summaries that stand in the output folder."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pv.rendering.language import LANGUAGES
from pv.rendering.site import INDEX_PAGES, page, write
from pv.week import Week


@dataclass(frozen=True)
class WeekEntry:
    """One line of the index, taken from a `summary.json`; counts are sums over the streams."""

    week: Week
    first_day: str
    last_day: str
    area: str
    revision: int
    as_of: str
    reports: tuple[tuple[str, int], ...]
    deaths: int
    serious: int
    fresh: int  # pairs that are new or have returned
    standing: int
    quarantined: int
    silent: int
    behind: int
    earlier: tuple[int, ...]  # revisions kept
    looks_back: tuple[str, ...]  # folders of the week as it was known at older moments
    stale: bool


def render_index(out: Path, *, stale: Collection[str] = ()) -> None:
    """Write the index pages of `out`, newest week first; `stale` weeks are marked as to be rendered again.

    Each week that has earlier revisions gets an index of them, which leads from their pages back to the others.
    """
    entries = sorted(_entries(out, frozenset(stale)), key=lambda entry: entry.week, reverse=True)
    for code in LANGUAGES:
        write(out / INDEX_PAGES[code], page("index.html", code, entries=entries, index_pages=INDEX_PAGES))
    for entry in entries:
        folder = out / str(entry.week) / "revisions"
        if folder.is_dir():
            for code in LANGUAGES:
                write(folder / INDEX_PAGES[code], page("revisions.html", code, entry=entry, index_pages=INDEX_PAGES))


def _entries(out: Path, stale: frozenset[str]) -> list[WeekEntry]:
    entries = []
    for path in out.glob("*/summary.json"):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            week = Week.parse(path.parent.name)
        except (OSError, ValueError):
            continue  # not a rendered week
        entries.append(_entry(week, found, path.parent, str(week) in stale))
    return entries


def _entry(week: Week, found: dict[str, Any], folder: Path, stale: bool) -> WeekEntry:
    alerts = found["alerts"].values()

    def alerts_of(*statuses: str) -> int:
        return sum(counts[status] for counts in alerts for status in statuses)

    revisions = folder / "revisions"
    names = [path.name for path in revisions.iterdir() if path.is_dir()] if revisions.is_dir() else []
    earlier = [int(name) for name in names if name.isdigit()]
    return WeekEntry(
        week=week,
        first_day=found["first_day"],
        last_day=found["last_day"],
        area=found["area"],
        revision=found["revision"],
        as_of=found["as_of"],
        reports=tuple((total["stream"], total["week"]) for total in found["totals"]),
        deaths=sum(total["deaths"] for total in found["totals"]),
        serious=sum(total["serious"] for total in found["totals"]),
        fresh=alerts_of("new", "returned"),
        standing=alerts_of("strengthened", "continuing", "weakened"),
        quarantined=found["quarantined"],
        silent=found["silent_hospitals"],
        behind=found["targets"]["behind"],
        earlier=tuple(sorted(earlier, reverse=True)),
        looks_back=tuple(sorted(name for name in names if not name.isdigit())),
        stale=stale,
    )
