"""`summary.json`: the key figures of a week, for programs and for the index page."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pv.rendering.columns import Table
from pv.rendering.models import HospitalReport, SignalReport, StreamTotals
from pv.week import instant_text

EDITION = "internal"


def summary(signals: SignalReport, hospitals: HospitalReport, fingerprint: str) -> dict[str, Any]:
    """Week, moment and figures; `alerts` counts pairs by stream and status, each under its gravest status."""
    heading = signals.heading
    cells = [cell for row in hospitals.targets for cell in row.cells if cell is not None]
    return {
        "week": str(heading.week),
        "first_day": heading.first_day.isoformat(),
        "last_day": heading.last_day.isoformat(),
        "as_of": instant_text(heading.as_of),
        "revision": heading.revision,
        "edition": EDITION,
        "area": heading.area,
        "fingerprint": fingerprint,
        "totals": [_totals(total) for total in signals.totals],
        "alerts": {stream: dict(counts) for stream, counts in signals.alert_counts},
        "quarantined": len(signals.quarantined),
        "unmapped": len(signals.unmapped),
        "duplicates": _duplicates(signals.duplicates),
        "targets": {
            "met": sum(cell.met == "yes" for cell in cells),
            "not_met": sum(cell.met in {"no", "not_yet"} for cell in cells),
            "behind": sum(cell.behind for cell in cells),
            "unknown": sum(cell.met == "" for cell in cells),
        },
        "silent_hospitals": sum(row.everywhere for row in hospitals.silent),
        "stopped_hospitals": len({row[1] for row in hospitals.tables["stopped"].rows if row[0] != "all"}),
    }


def _duplicates(counts: Table) -> dict[str, int]:
    """Pairs that wait for people, of them held back with their file; reports merged, by rule; over all streams."""
    return {
        column.name: sum(int(row[counts.place(column.name)]) for row in counts.rows)
        for column in counts.columns
        if column.numeric
    }


def _totals(total: StreamTotals) -> dict[str, Any]:
    return {field.name: getattr(total, field.name) for field in fields(total) if field.name != "trend"}
