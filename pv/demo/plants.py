"""What is planted on top of the baseline: disproportionate pairs, lot clusters, hospitals that pad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from pv.demo.catalogue import Catalogue, Product, toml
from pv.demo.region import Hospital
from pv.demo.reports import Boost, Desk, Report, Unit, Use
from pv.week import Week

FULL_HISTORY = 104  # weeks for which plants.toml is written
_HIGHEST_SHARE = 0.9


@dataclass(frozen=True)
class Calendar:
    """The weeks of the demo, both ends included."""

    first: Week
    last: Week

    @property
    def weeks(self) -> list[Week]:
        return [Week(index) for index in range(self.first.index, self.last.index + 1)]

    def ago(self, weeks: int) -> Week:
        """So many weeks before the last; shorter histories shrink in proportion."""
        length = self.last.index - self.first.index + 1
        return Week(self.last.index - round(weeks * min(1.0, length / FULL_HISTORY)))


@dataclass(frozen=True)
class Pair:
    """`share`: of the product's reports from onset on that have the event; `reference_share`: of those it is
    measured against (all reports of the stream, of the same device class, or of the same generic drug)."""

    stream: str
    kind: str
    level: str
    product: str
    event: str
    strength: float
    against: str
    onset: Week
    share: float
    reference_share: float
    boost_key: str
    probability: float

    @property
    def boost(self) -> Boost:
        return Boost(self.kind, self.event, self.onset, self.probability)


@dataclass(frozen=True)
class Planted:
    """A planted group of reports and its entry for truth.json; the case numbers come later."""

    entry: dict[str, Any]
    reports: tuple[Report, ...]


def pairs(products: Catalogue, calendar: Calendar) -> list[Pair]:
    """The disproportionate pairs of a stream."""
    found = []
    for block in toml("plants")["pair"]:
        if block["stream"] == products.stream:
            found += [_pair(block, row, products, calendar) for row in block["rows"]]
    return found


def _pair(block: Mapping[str, Any], row: Mapping[str, Any], products: Catalogue, calendar: Calendar) -> Pair:
    product = products.product(row["product"])
    kind, event = block["kind"], row["event"]
    natural = products.event_share(product.group, kind, event)
    reference = products.stream_share(kind, event) if block["against"] == "stream" else natural
    share = min(_HIGHEST_SHARE, row["strength"] * reference)
    whole_group = block["level"] == "generic"
    return Pair(
        stream=products.stream,
        kind=kind,
        level=block["level"],
        product=product.identifier if block["level"] == "approval" else product.label,
        event=event,
        strength=row["strength"],
        against=block["against"],
        onset=calendar.ago(row["ago"]),
        share=share,
        reference_share=reference,
        boost_key=product.group if whole_group else product.identifier,
        probability=max(0.0, (share - natural) / (1 - natural)),
    )


def boosts(planted: list[Pair]) -> dict[str, list[Boost]]:
    found: dict[str, list[Boost]] = {}
    for pair in planted:
        found.setdefault(pair.boost_key, []).append(pair.boost)
    return found


def clusters(desk: Desk, calendar: Calendar) -> Iterator[Planted]:
    """Reports of one lot (有源 devices: of one registration) within a few days."""
    for block in toml("plants")["cluster"]:
        if block["stream"] == desk.stream:
            for row in block["rows"]:
                yield _cluster(desk, calendar, row)


def _cluster(desk: Desk, calendar: Calendar, row: Mapping[str, Any]) -> Planted:
    product = desk.catalogue.product(row["product"])
    start = calendar.ago(row["ago"]).start
    days = min(row["days"], (calendar.last.end - start).days)
    lot = "" if product.category == "有源" else product.lot(start, 1)
    units = _units(desk, Week.of(start), row["hospitals"])
    reports = []
    for number in range(row["size"]):
        day = start + timedelta(days=number * (days - 1) // max(1, row["size"] - 1))
        reports.append(
            desk.file(
                day,
                unit=units[number % len(units)],
                uses=(Use(product, True, lot),),
                events=row["events"],
                serious=number < row["serious"],
                lag=desk.dice.below(4),
            )
        )
    entry = {
        "stream": desk.stream,
        "product": product.label,
        "identifier": product.identifier,
        "grouped_by": "lot" if lot else "registration",
        "lot": lot,
        "events": row["events"],
        "size": row["size"],
        "serious": row["serious"],
        "first_received": min(report.received for report in reports).date().isoformat(),
        "last_received": max(report.received for report in reports).date().isoformat(),
        "hospitals": sorted({report.unit.hospital_id for report in reports}),
    }
    return Planted(entry, tuple(reports))


def _units(desk: Desk, week: Week, number: int) -> list[Unit]:
    """Different known hospitals that report in that week."""
    found: dict[str, Hospital] = {}
    for _ in range(200):
        hospital = desk.region.draw(desk.stream, week, desk.dice)
        found.setdefault(hospital.hospital_id, hospital)
        if len(found) == number:
            break
    return [Unit(h.hospital_id, h.name, h.area.name, "医疗机构") for h in found.values()]


def padding(desk: Desk, calendar: Calendar, reports_per_week: int) -> Iterator[Planted]:
    """Hospitals that file the same mild narrative again and again, at least two reports a padded week."""
    numbered = [(block["stream"], row) for block in toml("plants")["padding"] for row in block["rows"]]
    padders = [hospital for hospital in desk.region.hospitals if hospital.padding]
    for (stream, row), hospital in zip(numbered, padders, strict=False):
        if stream == desk.stream:
            yield _padded(desk, calendar, row, hospital, reports_per_week)


def _padded(
    desk: Desk, calendar: Calendar, row: Mapping[str, Any], hospital: Hospital, reports_per_week: int
) -> Planted:
    product = desk.catalogue.product(row["product"])
    per_week = max(2, round(row["per_week"] * reports_per_week / 120))
    weeks = sorted({calendar.ago(ago) for ago in row["ago"]})
    unit = Unit(hospital.hospital_id, hospital.name, hospital.area.name, "医疗机构")
    reports = [
        replace(_mild(desk, week.start + timedelta(days=4), product, row, unit), narrative=row["narrative"])
        for week in weeks
        for _ in range(per_week)
    ]
    entry = {
        "stream": desk.stream,
        "hospital_id": hospital.hospital_id,
        "hospital": hospital.name,
        "product": product.label,
        "events": row["events"],
        "narrative": row["narrative"],
        "weeks": [str(week) for week in weeks],
        "reports": len(reports),
    }
    return Planted(entry, tuple(reports))


def _mild(desk: Desk, day: date, product: Product, row: Mapping[str, Any], unit: Unit) -> Report:
    lag = desk.dice.below(10)
    return desk.file(
        day,
        unit=unit,
        uses=(desk.use(product, day - timedelta(days=lag)),),
        events=row["events"],
        serious=False,
        lag=lag,
    )
