"""truth.json: everything that is planted in a demo city and the totals that follow from it.

All of it comes from what the generator did, never from reading the exports back. “Case” is the case number (唯一标识,
else the report number); files are paths below the demo's folder; weeks are written 2026-W46; rows are counted as a
spreadsheet shows them (the first row of the file is 1; a line break inside a cell starts no row).

    arguments       seed, weeks, hospitals, reports_per_week
    weeks           every week, first to last
    region          scope (city|district), name, code, population
    files           file → {stream, week, rows, reports, stored, unchanged, quarantined}; the last three are rows
    totals          stream → {
                      rows          rows in all exports
                      filed         reports with a number of their own, and broken ones without a number
                      stored        cases of which at least one version is good (filed − quarantined)
                      versions      good versions that differ (first versions and changed ones)
                      quarantined   reports never mended
                      merged        cases merged into another (copies, roots not counted)
                      left_out      {deleted, duplicate, misreport}: stored cases whose last version is so marked
                      current       cases that count for alerts: stored − merged − left_out
                      serious, deaths, new   of the cases stored and not left out
                      warnings      bad values kept as missing }
    reports_by_week, reports_by_hospital
                    stream → week of receipt, or hospital_id ("" unassigned) → cases stored and not left out
                    (merged copies included: a merge takes no hospital's credit)
    pairs           disproportionate pairs: stream, kind, level, product and event as the store shows them, strength,
                    against (stream|class|generic), onset (week), share (of the product's reports from onset on),
                    reference_share, a, b, c, d (2×2 table of the last week at that level, all time, whole stream)
    onsets          pairs with an early or late onset: stream, kind, level, product, event, pattern (early|late), shape
                    and scale (days) of the Weibull distribution, a (cases with the pair in the last week, all time)
    clusters        stream, product, identifier, grouped_by, lot, events, size, serious, dates, hospitals, cases
    padding         stream, hospital_id, hospital, product, events, narrative, weeks, reports, cases
    duplicates      stream, kind, by (hospital|holder, one per copy), cases (the root first): must be merged. Kind
                    “exact” is what the exact rule finds; of the others the copy differs: onset (1 to 3 days off), age
                    (left out), birth (only the age told), name_spaced, lot and events (with an onset off as well)
    doubtful_duplicates
                    stream, kind (unnamed|masked), by, cases: the same event, but only people can say so
    near_duplicates stream, differs (name|onset|sex|birth|age|product|concomitant), cases: must not be merged, for they
                    are of another patient or of another event (onset: 40 to 70 days earlier)
    late            stream, kind (exported_late: in a later week's file; reported_late: months after
                    onset), weeks, cases
    corrected       stream, kind, first, corrected (weeks of the two exports), cases
    left_out        stream, reason (deleted|duplicate|misreport), first, marked (weeks), cases
    repeated        stream, first, repeated (weeks of the same rows), cases
    broken          stream, reasons, outcome (quarantine|warning), mended (week, or empty), case, file, sheet,
                    cells [{rows, column, value}]; reasons are the codes of intake's messages; column “+” is a cell
                    beyond the last heading
    broken_files    file, reason: files that must be refused whole
    silent          hospital_id, hospital, level, first_silent_week, never_reported
    unknown_units   name as written → stream → cases stored and not left out
    canaries        stream, column, value: personal values that must not appear in any report
    structure       stream → event kind → product label → event → ratio: the associations that are in the data without
                    being planted (share of the product's reports with the event ÷ share in the stream, above 1)
    forms           file, form, rows: what people have filled in (pv/demo/registers.py)
    risk            stream, product (label), link (lot|number|product|maker, or "" where no report names it), source,
                    number: how the reports of the last week must show each entry, where the product has an alert
    use             stream, by (product|number), product, measure, length (month|quarter), quantity, reports: the lines
                    of the sheet 使用量与报告率 in the last week
    official        stream, period (month), official, difference (official less what pvwatch counts)
    products        stream, label, group, identifier, maker, category, models: to bring other levels back to the label
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pv.demo.catalogue import EVENT_COUNTS, Catalogue
from pv.demo.changes import Change, Entry
from pv.demo.onsets import onsets
from pv.demo.plants import Pair, Planted
from pv.demo.reports import Identity, Report, Use
from pv.demo.writers import SHEET

SECTIONS = ("duplicates", "doubtful_duplicates", "near_duplicates", "late", "corrected", "left_out", "repeated")


@dataclass(frozen=True)
class Placed:
    """Where an entry stands: `first_row` as a spreadsheet counts, `rows` of them."""

    entry: Entry
    file: str
    first_row: int
    rows: int


@dataclass(frozen=True)
class StreamPlan:
    """All that happens in one stream."""

    catalogue: Catalogue
    pairs: Sequence[Pair]
    clusters: Sequence[Planted]
    padding: Sequence[Planted]
    changes: Sequence[Change]
    entries: Sequence[Entry]
    canaries: Sequence[Mapping[str, str]]

    @property
    def stream(self) -> str:
        return self.catalogue.stream

    def final(self) -> dict[int, Report]:
        """The last good version of each case, by the identity of its Identity."""
        found = {}
        for entry in sorted(self.entries, key=lambda entry: entry.week):
            if entry.outcome == "stored":
                found[id(entry.report.identity)] = entry.report
        return found

    def copies(self) -> list[tuple[Identity, ...]]:
        """Groups that merge, the root first."""
        groups = [change.about for change in self.changes if change.section == "duplicates"]
        return [tuple(report.identity for report in group) for group in groups]


def stream_truth(plan: StreamPlan, placed: Sequence[Placed]) -> dict[str, Any]:
    """The parts of truth.json that belong to one stream: section → list, or stream → mapping."""
    counting = [report for report in plan.final().values() if not report.left_out]
    unknown: dict[str, dict[str, int]] = {}
    for report in counting:
        if not report.unit.hospital_id:
            by_stream = unknown.setdefault(report.unit.written, {plan.stream: 0})
            by_stream[plan.stream] += 1
    sections: dict[str, Any] = {
        "files": _files(plan.stream, placed),
        "totals": {plan.stream: _totals(plan, counting, placed)},
        "reports_by_week": {plan.stream: _tally(str(report.week) for report in counting)},
        "reports_by_hospital": {plan.stream: _tally(report.unit.hospital_id for report in counting)},
        "unknown_units": unknown,
        "pairs": _pairs(plan),
        "onsets": _onsets(plan),
        "clusters": [_with_cases(planted.entry, planted.reports) for planted in plan.clusters],
        "padding": [_with_cases(planted.entry, planted.reports) for planted in plan.padding],
        "canaries": list(plan.canaries),
        "structure": {plan.stream: structure(plan.catalogue)},
        "products": _products(plan.catalogue),
        "broken": _broken(plan, placed),
    }
    for section in SECTIONS:
        sections[section] = [
            _with_cases(change.known, change.about) for change in plan.changes if change.section == section
        ]
    return sections


def _with_cases(known: Mapping[str, Any], reports: Iterable[Report]) -> dict[str, Any]:
    return {**known, "cases": [report.identity.case for report in reports]}


def _tally(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _files(stream: str, placed: Sequence[Placed]) -> dict[str, dict[str, Any]]:
    files: dict[str, dict[str, Any]] = {}
    for place in placed:
        account = files.setdefault(
            place.file,
            {
                "stream": stream,
                "week": str(place.entry.week),
                "rows": 0,
                "reports": 0,
                "stored": 0,
                "unchanged": 0,
                "quarantined": 0,
            },
        )
        account["rows"] += place.rows
        account["reports"] += 1
        account[place.entry.outcome] += place.rows
    return files


def _totals(plan: StreamPlan, counting: Sequence[Report], placed: Sequence[Placed]) -> dict[str, Any]:
    final = plan.final()
    filed = {id(entry.report.identity) for entry in plan.entries}
    left_out = Counter(report.left_out for report in final.values() if report.left_out)
    merged = sum(len(group) - 1 for group in plan.copies())
    warned = [c for c in plan.changes if c.section == "broken" and c.known["outcome"] == "warning"]
    return {
        "rows": sum(place.rows for place in placed),
        "filed": len(filed),
        "stored": len(final),
        "versions": sum(entry.outcome == "stored" for entry in plan.entries),
        "quarantined": len(filed) - len(final),
        "merged": merged,
        "left_out": {reason: left_out[reason] for reason in ("deleted", "duplicate", "misreport")},
        "current": len(final) - merged - sum(left_out.values()),
        "serious": sum(report.serious_now for report in counting),
        "deaths": sum(report.death_now for report in counting),
        "new": sum(report.new for report in counting) if plan.stream == "drug" else 0,
        "warnings": len(warned),
    }


# ── pairs ──
def _level_value(use: Use, level: str) -> str:
    return use.product.identifier if level == "approval" else use.product.label


def _case_sets(plan: StreamPlan, level: str, kind: str) -> list[tuple[set[str], set[str]]]:
    """Products and events of each counting case; a merged group is one case with the union of both."""
    root = {id(copy): id(group[0]) for group in plan.copies() for copy in group}
    cases: dict[int, tuple[set[str], set[str]]] = {}
    for identity, report in plan.final().items():
        if report.left_out:
            continue
        products, events = cases.setdefault(root.get(identity, identity), (set(), set()))
        products |= {_level_value(use, level) for use in report.uses if use.counted} - {""}
        events |= set(report.events[kind])
    return [(products, events) for products, events in cases.values() if products and events]


def _pairs(plan: StreamPlan) -> list[dict[str, Any]]:
    sets: dict[tuple[str, str], list[tuple[set[str], set[str]]]] = {}
    found = []
    for pair in plan.pairs:
        key = (pair.level, pair.kind)
        if key not in sets:
            sets[key] = _case_sets(plan, *key)
        cells = Counter((pair.product in products, pair.event in events) for products, events in sets[key])
        found.append(
            {
                "stream": pair.stream,
                "kind": pair.kind,
                "level": pair.level,
                "product": pair.product,
                "event": pair.event,
                "strength": pair.strength,
                "against": pair.against,
                "onset": str(pair.onset),
                "share": round(pair.share, 6),
                "reference_share": round(pair.reference_share, 6),
                "a": cells[True, True],
                "b": cells[True, False],
                "c": cells[False, True],
                "d": cells[False, False],
            }
        )
    return found


def _onsets(plan: StreamPlan) -> list[dict[str, Any]]:
    found = []
    for onset in onsets(plan.catalogue):
        sets = _case_sets(plan, onset.level, onset.kind)
        entry = {name: getattr(onset, name) for name in "stream kind level product event pattern shape scale".split()}
        both = sum(onset.product in products and onset.event in events for products, events in sets)
        found.append({**entry, "a": both})
    return found


def structure(products: Catalogue) -> dict[str, dict[str, dict[str, float]]]:
    """Event kind → product label → event → ratio, for the associations of the catalogue itself."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kind in EVENT_COUNTS[products.stream]:
        labels = found.setdefault(kind, {})
        for group in products.groups.values():
            ratios = {
                term: products.event_share(group.name, kind, term) / products.stream_share(kind, term)
                for term in group.profile[kind]
            }
            elevated = {term: round(ratio, 3) for term, ratio in ratios.items() if ratio > 1}
            labels |= {product.label: elevated for product in group.products}
    return found


def _products(products: Catalogue) -> list[dict[str, Any]]:
    return [
        {
            "stream": product.stream,
            "label": product.label,
            "group": product.group,
            "identifier": product.identifier,
            "maker": product.maker,
            "category": product.category,
            "models": list(product.models),
        }
        for group in products.groups.values()
        for product in group.products
    ]


def _broken(plan: StreamPlan, placed: Sequence[Placed]) -> list[dict[str, Any]]:
    where = {id(place.entry): place for place in placed}
    found = []
    for change in plan.changes:
        if change.section != "broken":
            continue
        entry = change.entries[0]
        place = where[id(entry)]
        rows = list(range(place.first_row, place.first_row + place.rows))
        found.append(
            {
                **change.known,
                "case": "" if "no_number" in change.known["reasons"] else entry.report.identity.case,
                "file": place.file,
                "sheet": SHEET if plan.stream == "drug" else "",
                "cells": [
                    {
                        "rows": rows if edit.row is None else [rows[edit.row]],
                        "column": edit.column,
                        "value": edit.value,
                    }
                    for edit in entry.edits
                ],
            }
        )
    return found
