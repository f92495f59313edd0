"""What the demo shows at its end: the week's figures, and what the store and the reports say against truth.json.

Usage: demo_summary.py CITY WEEK. Ends with 1 where they differ from truth.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pv.demo.reading_back import not_shown
from pv.settings import Settings
from pv.status import status as status_of


def main(city: str, week: str) -> int:
    settings = Settings.load()
    summary = json.loads((settings.out / week / "summary.json").read_text(encoding="utf-8"))
    planned = json.loads((Path(city) / "truth.json").read_text(encoding="utf-8"))
    truth = planned["totals"]
    status = status_of(settings)
    totals = {row["stream"]: row for row in summary["totals"]}
    print(f"{summary['area']}, {week}:")
    line("", totals)
    line("reports received", [row["week"] for row in totals.values()])
    line("  serious", [row["serious"] for row in totals.values()])
    for kind in ("new", "returned", "strengthened"):
        line(f"alerts, {kind}", [summary["alerts"][stream].get(kind, 0) for stream in totals])
    print("All weeks in the store:")
    expected = {stream: planted(truth[stream]) for stream in totals}
    for name in next(iter(expected.values())):
        line(f"  {name}", [status["streams"][stream][name] for stream in totals])
    rows = status["rows"]
    parts = " + ".join(f"{name} {rows[name]:,}" for name in ("stored", "unchanged", "quarantined"))
    print(f"  rows of {rows['files']} files: read {rows['read']:,} = {parts}")
    wrong = [
        f"{stream}: {name} is {status['streams'][stream][name]}, truth.json says {value}"
        for stream, values in expected.items()
        for name, value in values.items()
        if status["streams"][stream][name] != value
    ]
    wrong += not_shown(planned, settings.out / week)
    print(*(wrong or ["  all as planted (truth.json)"]), sep="\n")
    return 1 if wrong else 0


def planted(totals: dict[str, Any]) -> dict[str, int]:
    """The totals of truth.json under the names of `pvwatch status`."""
    same = {name: totals[name] for name in ("filed", "merged", "quarantined")}
    return {**same, **totals["left_out"], "counted": totals["current"]}


def line(title: str, cells: Any) -> None:
    print(f"  {title:<24}" + "".join(f"{cell:>12,}" if isinstance(cell, int) else f"{cell:>12}" for cell in cells))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
