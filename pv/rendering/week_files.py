"""From the figures of a week to what people and programs read: pages, workbooks, CSV files, a summary, the index.

The CSV files are for programs: plain UTF-8 without a byte order mark, numbers in full precision, text as it is. People
open the workbooks, where text can never become a formula.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pv.rendering.hospital_model import hospital_report
from pv.rendering.hospital_workbook import write_hospital_workbook
from pv.rendering.models import WeekInput
from pv.rendering.signal_model import signal_report
from pv.rendering.signal_workbook import write_signal_workbook
from pv.rendering.site import write_hospital_pages, write_signal_pages
from pv.rendering.summary import summary
from pv.rendering.tables import CSV_TABLES, write_csv


def render_week(week_input: WeekInput, folder: Path, *, fingerprint: str = "") -> dict[str, Any]:
    """Write both reports of a week into an empty folder; returns what `summary.json` says.

    `fingerprint` is kept in the summary: it lets the caller tell whether a later computation says the same.
    """
    signals, hospitals = signal_report(week_input), hospital_report(week_input)
    appraised = {name: frame for name, frame in vars(week_input.appraisal).items() if name in CSV_TABLES}
    frames = {"signals": week_input.signals, "mappings": week_input.mappings, **appraised, **week_input.evidence}
    for name, frame in frames.items():
        write_csv(frame, folder / f"{name}.csv")
    write_signal_pages(signals, folder)
    write_hospital_pages(hospitals, folder)
    write_signal_workbook(signals, folder / "signals.xlsx")
    write_hospital_workbook(hospitals, folder / "hospitals.xlsx")
    if week_input.accounts is not None:
        _write_json(week_input.accounts.as_dict(), folder / "accounts.json")
    content = summary(signals, hospitals, fingerprint) | {"files": _files(folder)}
    if week_input.accounts is not None:
        content["accounts"] = week_input.accounts.as_dict()["streams"]["all"]
    _write_json(content, folder / "summary.json")
    return content


def _write_json(content: dict[str, Any], path: Path) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _files(folder: Path) -> list[dict[str, Any]]:
    """Name, size and SHA-256 of each file of the reports."""
    contents = ((path.name, path.read_bytes()) for path in sorted(folder.iterdir()) if path.is_file())
    return [
        {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents
    ]
