"""How reports arrive and change: copies, late rows, corrections, deletions, repeats.

An Entry is a report in one week's export. Reports made here are additional to the baseline, so that no report carries
two plans; the first of every kind has its consequence in the newest week's export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from pv.demo.plants import Calendar
from pv.demo.reports import Desk, Report, Unit, Use, received_again
from pv.week import Week

# Shares of the stream's expected reports, and the least number of each.
AMOUNTS: dict[str, tuple[float, int]] = {
    "duplicate": (0.012, 3),
    "near_duplicate": (0.003, 6),
    "exported_late": (0.008, 3),
    "reported_late": (0.006, 2),
    "corrected": (0.012, 6),
    "deleted": (0.005, 2),
    "flagged_duplicate": (0.003, 2),
    "misreport": (0.006, 2),
    "repeated": (0.010, 3),
    "slipped_duplicate": (0.006, 6),
    "doubtful_duplicate": (0.0015, 2),
}


@dataclass(frozen=True)
class Edit:
    """A cell overwritten after the layout; `row` counts the report's own rows from 0, None means all of them."""

    column: str
    value: str
    row: int | None = None


@dataclass(frozen=True, eq=False)
class Entry:
    """`outcome`: what intake does with the rows – stored, unchanged, quarantined."""

    report: Report
    week: Week
    outcome: str = "stored"
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Change:
    """One planted thing: its list in truth.json, what is known of it, its exports; `about` are its reports."""

    section: str
    known: dict[str, Any]
    entries: tuple[Entry, ...]
    about: tuple[Report, ...] = field(default=())


def number_of(kind: str, expected: float) -> int:
    share, least = AMOUNTS[kind]
    return max(least, round(share * expected))


def first_entry(report: Report) -> Entry:
    """A report in the export of the week of its receipt."""
    return Entry(report, report.week)


class Planner:
    """Makes the changes of one stream. `expected`: reports of the stream over all weeks."""

    def __init__(self, desk: Desk, calendar: Calendar, expected: float) -> None:
        self.desk, self.calendar, self.expected = desk, calendar, expected
        self.dice = desk.dice
        self.stream = desk.stream

    def changes(self) -> Iterator[Change]:
        makers: dict[str, Callable[[int], Change]] = {
            "duplicate": self._duplicate,
            "near_duplicate": self._near_duplicate,
            "exported_late": self._exported_late,
            "reported_late": self._reported_late,
            "corrected": self._corrected,
            "repeated": self._repeated,
        }
        if self.stream == "drug":
            makers |= {"deleted": self._deleted, "flagged_duplicate": self._flagged_duplicate}
        if self.stream == "device":
            makers["misreport"] = self._misreport
        makers |= {"slipped_duplicate": self._slipped_duplicate, "doubtful_duplicate": self._doubtful_duplicate}
        for kind, make in makers.items():
            for number in range(number_of(kind, self.expected)):
                yield make(number)

    # ── when ──
    def two_weeks(self, number: int) -> tuple[Week, Week]:
        """A week and a later one, within five weeks of it."""
        last = self.calendar.last.index
        if number == 0:
            return Week(last - 1), Week(last)
        first = self.calendar.first.index + self.dice.below(last - self.calendar.first.index)
        return Week(first), Week(first + self.dice.between(1, min(5, last - first)))

    def file(self, week: Week, **given: Any) -> Report:
        return self.desk.file(self.desk.day_in(week), **given)

    def changed_at(self, week: Week) -> datetime:
        """Thursday to Sunday: later than any review that the export of the week before could show."""
        day = week.start + timedelta(days=self.dice.between(3, 6))
        return datetime.combine(day, time(19, self.dice.below(60), self.dice.below(60)))

    # ── copies ──
    def _copy(self, report: Report, day: date) -> Report:
        """The same patient and event, filed by another hospital or by the holder."""
        by_holder = self.stream != "cosmetic" and self.dice.chance(0.3)
        product = next(use.product for use in report.uses if use.counted)
        unit = self.desk.holder_unit(product) if by_holder else self._other_hospital(report, day)
        patient = replace(report.patient, phone=report.patient.phone, record=f"MZ{self.dice.below(10_000_000):07d}")
        copy = received_again(report, day)
        return replace(copy, unit=unit, patient=patient, decor=report.decor + 5_000_000 + self.dice.below(10**6))

    def _other_hospital(self, report: Report, day: date) -> Unit:
        while True:
            hospital = self.desk.region.draw(self.stream, Week.of(day), self.dice)
            if hospital.hospital_id != report.unit.hospital_id:
                return Unit(hospital.hospital_id, hospital.name, hospital.area.name, "医疗机构")

    def _later_day(self, report: Report, number: int) -> date:
        """Some days after the report; for the first of a kind in the newest week."""
        last = self.calendar.last
        earliest = report.received.date() + timedelta(days=1)
        if number == 0:
            earliest = max(earliest, last.start)
        return min(earliest + timedelta(days=self.dice.days(6.0, 20)), last.last_day)

    def _duplicate(self, number: int) -> Change:
        report = self.file(self.two_weeks(number)[0])
        copies = [self._copy(report, self._later_day(report, number))]
        if number % 12 == 1 and copies[0].received.date() < self.calendar.last.last_day:
            copies.append(self._copy(report, self._later_day(copies[0], number)))
        return self._same_event("duplicates", "exact", report, *copies)

    def _same_event(self, section: str, kind: str, report: Report, *copies: Report) -> Change:
        by = ["holder" if copy.unit.kind == "生产企业" else "hospital" for copy in copies]
        reports = (report, *copies)
        known = {"stream": self.stream, "kind": kind, "by": by}
        return Change(section, known, tuple(map(first_entry, reports)), reports)

    def _slipped_duplicate(self, number: int) -> Change:
        """A copy in which something is left out or written otherwise, so that it is none to the exact rule."""
        kinds = ["onset", "age", "name_spaced", "lot", "events"]
        if self.stream != "cosmetic":
            kinds.append("birth")
        kind = kinds[number % len(kinds)]
        report = self.file(self.two_weeks(number)[0])
        if kind == "birth":
            report = self._with_birth(report, number)
        if kind == "lot":
            first, *others = report.uses
            report = replace(report, uses=(replace(first, lot=first.product.lot(report.onset)), *others))
        copy = self._slipped(kind, self._copy(report, self._later_day(report, number)))
        return self._same_event("duplicates", kind, report, copy)

    def _slipped(self, kind: str, copy: Report) -> Report:
        patient = copy.patient
        if kind == "age":
            return replace(copy, patient=replace(patient, birth=None, age=""))
        if kind == "birth":
            return replace(copy, patient=replace(patient, birth=None))
        if kind == "name_spaced":
            return replace(copy, patient=replace(patient, name=f"{patient.name[0]} {patient.name[1:]}"))
        if kind == "lot":
            first, *others = copy.uses
            mistyped = f"{first.lot[:-2]}{first.lot[-1]}{first.lot[-2]}"
            copy = replace(copy, uses=(replace(first, lot=mistyped), *others))
        if kind == "events":
            copy = replace(copy, events=self._other_events("event_added", copy))
        return replace(copy, onset=self._free_day(copy, 1, 3))

    def _free_day(self, report: Report, least: int, most: int) -> date:
        """An earlier day on which no patient of this name fell ill, so many days before the onset."""
        days = list(range(least, most + 1))
        start = self.dice.below(len(days))
        for back in days[start:] + days[:start]:
            day = report.onset - timedelta(days=back)
            if self.desk.people.claim(report.patient, day):
                return day
        raise ValueError(f"{report.patient.name} has fallen ill on each of {len(days)} days")

    def _doubtful_duplicate(self, number: int) -> Change:
        """A copy that does not say who the patient is: people must decide."""
        report = self.file(self.two_weeks(number)[0])
        copy = self._copy(report, self._later_day(report, number))
        kind = ("unnamed", "masked")[number % 2]
        name = "" if kind == "unnamed" else f"{copy.patient.name[0]}某某"
        copy = replace(copy, patient=replace(copy.patient, name=name, birth=None, phone=""))
        return self._same_event("doubtful_duplicates", kind, report, copy)

    def _near_duplicate(self, number: int) -> Change:
        kinds = ["name", "onset", "sex", "birth" if self.stream != "cosmetic" else "age", "product"]
        if self.stream == "drug":
            kinds.append("concomitant")
        kind = kinds[number % len(kinds)]
        report = self.file(self.two_weeks(number)[0])
        if kind == "birth":
            report = self._with_birth(report, number)
        copy = self._differing(kind, report, self._copy(report, self._later_day(report, number)))
        known = {"stream": self.stream, "differs": kind}
        return Change("near_duplicates", known, (first_entry(report), first_entry(copy)), (report, copy))

    @staticmethod
    def _with_birth(report: Report, number: int) -> Report:
        """The report with a birth date, made up where it has none."""
        if report.patient.birth is not None:
            return report
        birth = report.onset - timedelta(days=16_000 + number)
        return replace(report, patient=replace(report.patient, birth=birth, age="43", age_unit="岁"))

    def _differing(self, kind: str, report: Report, copy: Report) -> Report:
        patient, people = copy.patient, self.desk.people
        if kind == "name":
            return replace(copy, patient=replace(patient, name=people.other_name(patient, copy.onset, self.dice)))
        if kind == "onset":
            return replace(copy, onset=self._free_day(copy, 40, 70))
        if kind == "sex":
            other = replace(patient, sex="女" if patient.sex == "男" else "男")
            if not people.claim(other, copy.onset):
                other = replace(other, name=people.other_name(other, copy.onset, self.dice))
            return replace(copy, patient=other)
        if kind in {"product", "concomitant"}:
            return replace(copy, uses=self._other_uses(kind, report))
        if kind == "age":
            return replace(copy, patient=replace(patient, age=str(int(patient.age) + 3)))
        return replace(copy, patient=replace(patient, birth=(patient.birth or report.onset) - timedelta(days=40)))

    def _other_uses(self, kind: str, report: Report) -> tuple[Use, ...]:
        """Another product; the report's own ones only as concomitant."""
        groups = {use.product.group for use in report.uses}
        other = self.desk.use(self.desk.other_product(*groups), report.onset)
        if kind == "product":
            return (other,)
        return (other, *(replace(use, counted=False) for use in report.uses))

    # ── late ──
    def _exported_late(self, number: int) -> Change:
        first, later = self.two_weeks(number)
        report = self.file(first)
        known = {"stream": self.stream, "kind": "exported_late", "received": str(first), "exported": str(later)}
        return Change("late", known, (Entry(report, later),), (report,))

    def _reported_late(self, number: int) -> Change:
        week = self.two_weeks(number)[1]
        report = self.file(week, lag=self.dice.between(80, 240))
        known = {
            "stream": self.stream,
            "kind": "reported_late",
            "onset": report.onset.isoformat(),
            "received": str(week),
            "exported": str(week),
        }
        return Change("late", known, (first_entry(report),), (report,))

    # ── changed ──
    def _corrected(self, number: int) -> Change:
        kinds = ["event_added", "event_changed", "severity_raised", "evaluated_later"]
        if self.stream == "drug":
            kinds += ["product_changed", "outcome_changed"]
        kind = kinds[number % len(kinds)]
        first, later = self.two_weeks(number)
        report = self._before(kind, first)
        corrected = self._after(kind, report, self.changed_at(later))
        known = {"stream": self.stream, "kind": kind, "first": str(first), "corrected": str(later)}
        return Change("corrected", known, (Entry(report, first), Entry(corrected, later)), (corrected,))

    def _before(self, kind: str, week: Week) -> Report:
        report = self.file(week, serious=False if kind == "severity_raised" else None)
        if kind == "severity_raised":
            return replace(report, holder_harm="")
        if kind == "evaluated_later":
            return replace(report, evaluated=None, modified=report.received)
        if kind == "outcome_changed" and not report.death:
            return replace(report, outcome="未好转")
        return report

    def _after(self, kind: str, report: Report, modified: datetime) -> Report:
        report = replace(report, modified=modified)
        if kind == "evaluated_later":
            return replace(report, evaluated=modified.date())
        if kind == "severity_raised":
            return replace(report, serious=True)
        if kind == "outcome_changed":
            return replace(report, outcome="痊愈", death=False)
        if kind == "product_changed":
            first, *others = report.uses
            product = self.desk.other_product(*(use.product.group for use in report.uses))
            use = Use(product, first.counted, product.lot(report.onset))
            return replace(report, uses=(use, *others))
        return replace(report, events=self._other_events(kind, report))

    def _other_events(self, kind: str, report: Report) -> dict[str, tuple[str, ...]]:
        main = list(report.events)[-1 if self.stream == "cosmetic" else 0]
        terms = report.events[main]
        group = report.uses[0].product.group
        while True:
            term = self.desk.catalogue.groups[group].terms[main].draw(self.dice)
            if term not in terms:
                break
        return {**report.events, main: (*terms, term) if kind == "event_added" else (term, *terms[1:])}

    def _left_out(self, number: int, reason: str, report: Report, later: Week) -> Change:
        """Marked in a later export, every third one at once."""
        marked = replace(report, left_out=reason, modified=self.changed_at(later))
        first = report.week
        entries: tuple[Entry, ...] = (Entry(report, first), Entry(marked, later))
        if number % 3 == 2:
            marked, later = replace(report, left_out=reason), first
            entries = (Entry(marked, first),)
        known = {"stream": self.stream, "reason": reason, "first": str(first), "marked": str(later)}
        return Change("left_out", known, entries, (marked,))

    def _deleted(self, number: int) -> Change:
        first, later = self.two_weeks(number)
        return self._left_out(number, "deleted", self.file(first), later)

    def _misreport(self, number: int) -> Change:
        first, later = self.two_weeks(number)
        return self._left_out(number, "misreport", self.file(first), later)

    def _flagged_duplicate(self, number: int) -> Change:
        """A copy with a slip in the name, which only people saw to be one."""
        first, later = self.two_weeks(number)
        report = self.file(first)
        copy = replace(report, identity=type(report.identity)(), decor=report.decor + 7_000_000)
        name = self.desk.people.other_name(copy.patient, copy.onset, self.dice)
        copy = replace(copy, patient=replace(copy.patient, name=name), unit=self._other_hospital(report, first.start))
        change = self._left_out(number, "duplicate", copy, later)
        return replace(change, entries=(first_entry(report), *change.entries))

    def _repeated(self, number: int) -> Change:
        first, later = self.two_weeks(number)
        report = self.file(first)
        known = {"stream": self.stream, "first": str(first), "repeated": str(later)}
        return Change("repeated", known, (Entry(report, first), Entry(report, later, "unchanged")), (report,))
