"""Reports as filed: one Report is one version of one case, before it is laid out in an export's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from pv.demo.catalogue import EVENT_COUNTS, STREAMS, Catalogue, Product, table, toml
from pv.demo.dice import Dice, Weighted
from pv.demo.people import Patient, People
from pv.demo.region import Hospital, Region
from pv.week import Week

_WEEKDAYS = Weighted(dict(enumerate((21.0, 20.0, 19.0, 18.0, 17.0, 3.0, 2.0))))
_SUSPECTS = Weighted({1: 0.85, 2: 0.13, 3: 0.02})
_CONCOMITANTS = Weighted({0: 0.55, 1: 0.28, 2: 0.12, 3: 0.05})
_OUTCOMES = Weighted({"好转": 0.52, "痊愈": 0.38, "未好转": 0.04, "不详": 0.05, "有后遗症": 0.01})
_UNKNOWN_UNIT, _FORMER_NAME, _SPACED_NAME = 0.012, 0.06, 0.01
_OWN_PREPARATION, _TRADITIONAL = 0.12, 0.35
_SEVERE_HARMS = frozenset(
    {"二次手术", "心肌梗死", "血栓形成", "吻合口漏", "皮肤坏死", "骨折不愈合", "意外妊娠", "给药过量", "晕厥", "失血"}
)
# Share of reports that are fatal among the serious ones; cosmetics have no such field.
_FATAL = {"drug": 0.02, "device": 0.012, "cosmetic": 0.0}
_SERIOUS_AT_LEAST = {"drug": 0.045, "device": 0.03, "cosmetic": 0.025}
_NEW, _NEW_WHERE_PLANTED = 0.07, 0.6


@dataclass
class Identity:
    """The numbers of a case, shared by its versions; given out when all reports are known."""

    number: str = ""
    unique: str = ""

    @property
    def case(self) -> str:
        """The case number: 唯一标识, else the report number."""
        return self.unique or self.number


@dataclass(frozen=True)
class Unit:
    """Who reports: `hospital_id` is empty for units that hospitals.csv does not know."""

    hospital_id: str
    written: str
    area: str
    kind: str


@dataclass(frozen=True)
class Use:
    """A product in a report. `counted`: suspect (怀疑), not concomitant (并用)."""

    product: Product
    counted: bool
    lot: str


@dataclass(frozen=True)
class Report:
    """`decor` seeds the cells that nothing counts. `received` is the clock time of the receipt."""

    stream: str
    identity: Identity
    decor: int
    received: datetime
    reported: date
    onset: date
    unit: Unit
    patient: Patient
    uses: tuple[Use, ...]
    events: Mapping[str, tuple[str, ...]]
    serious: bool
    death: bool
    new: bool
    outcome: str
    evaluated: date | None
    modified: datetime
    left_out: str = ""
    narrative: str = ""
    holder_harm: str = ""

    @property
    def week(self) -> Week:
        """The week of receipt."""
        return Week.of(self.received.date())

    @property
    def harm(self) -> str:
        """The device export's 伤害, as the user facility gave it."""
        return "死亡" if self.death else "严重伤害" if self.serious else "其他"

    @property
    def serious_now(self) -> bool:
        """Serious as counted: for devices the holder's 伤害, where given, has the last word."""
        return self.holder_harm in {"严重伤害", "死亡"} if self.holder_harm else self.serious

    @property
    def death_now(self) -> bool:
        return self.holder_harm == "死亡" if self.holder_harm else self.death


@dataclass(frozen=True)
class Boost:
    """From `start` on, a report with the product has the event with this further probability."""

    kind: str
    event: str
    start: Week
    probability: float


class Desk:
    """Files the reports of one stream. `boosts`: drug group or product number → what is planted on it."""

    def __init__(
        self,
        products: Catalogue,
        region: Region,
        boosts: Mapping[str, Sequence[Boost]],
        seed: int,
    ) -> None:
        self.catalogue, self.region, self.boosts = products, region, boosts
        self.stream = products.stream
        self.people = People(self.stream)
        self.dice = Dice(seed, 2, STREAMS.index(self.stream))
        self._filed = 0
        self._any = Weighted(products.weights)
        self._traditional = _subset(products, "ZY")
        self._general = _subset(products, "HSZY")
        self._severity = {row["term"]: float(row["serious"]) for row in table("reactions")}

    def day_in(self, week: Week) -> date:
        return week.start + timedelta(days=_WEEKDAYS.draw(self.dice))

    def file(
        self,
        day: date,
        *,
        unit: Unit | None = None,
        uses: tuple[Use, ...] | None = None,
        events: Mapping[str, Sequence[str]] | None = None,
        serious: bool | None = None,
        lag: int | None = None,
    ) -> Report:
        """A report received on a day; what is not given is drawn."""
        dice, week = self.dice, Week.of(day)
        hospital = self.region.draw(self.stream, week, dice)
        received = datetime.combine(day, time(8 + dice.below(11), dice.below(60), dice.below(60)))
        reported = day - timedelta(days=dice.days(0.8, 5))
        onset = reported - timedelta(days=dice.days(7.0, 75) if lag is None else lag)
        uses = uses or self._uses(hospital, onset)
        planted: set[str] = set()
        if events is None:
            drawn = self.catalogue.draw_events(uses[0].product.group, dice)
            events, planted = self._boosted(drawn, uses, week)
        severe = self._is_serious(events) if serious is None else serious
        fatal = severe and serious is None and dice.chance(_FATAL[self.stream])
        evaluated = self._evaluated(day)
        self._filed += 1
        return Report(
            stream=self.stream,
            identity=Identity(),
            decor=self._filed,
            received=received,
            reported=reported,
            onset=onset,
            unit=unit or self.unit(hospital),
            patient=self.people.patient(onset, dice, self._who(uses, events)),
            uses=uses,
            events={kind: tuple(events.get(kind, ())) for kind in EVENT_COUNTS[self.stream]},
            serious=severe,
            death=fatal,
            new=dice.chance(_NEW_WHERE_PLANTED if planted else _NEW),
            outcome="死亡" if fatal else _OUTCOMES.draw(dice),
            evaluated=evaluated,
            modified=max(received, datetime.combine(evaluated or day, time(18, dice.below(60)))),
            holder_harm=self._holder_harm(severe, fatal),
        )

    def unit(self, hospital: Hospital) -> Unit:
        """The hospital under the name that the report bears; now and then one that nobody knows."""
        dice = self.dice
        if dice.chance(_UNKNOWN_UNIT):
            return self.unknown_unit()
        written = hospital.name
        if hospital.former and dice.chance(_FORMER_NAME):
            written = hospital.former
        if dice.chance(_SPACED_NAME):
            written = f"\u3000{written} "
        return Unit(hospital.hospital_id, written, hospital.area.name, "医疗机构")

    def unknown_unit(self) -> Unit:
        name = self.dice.pick(toml("names")["unknown"]["units"])
        kind = "经营企业" if "药房" in name else "医疗机构"
        return Unit("", name, self.dice.pick(self.region.areas[1:]).name, kind)

    def holder_unit(self, product: Product) -> Unit:
        """The marketing-authorisation holder as reporting unit."""
        return Unit("", product.maker, self.region.root.name, "生产企业")

    def use(self, product: Product, onset: date, *, counted: bool = True) -> Use:
        lot = "" if self.dice.chance(0.15) else product.lot(onset, self.dice.below(2))
        return Use(product, counted, lot)

    def other_product(self, *groups: str) -> Product:
        """A product outside the groups."""
        while True:
            group = self._any.draw(self.dice)
            if group not in groups and self.catalogue.groups[group].products[0].category != "P":
                return self.catalogue.groups[group].pick.draw(self.dice)

    def _uses(self, hospital: Hospital, onset: date) -> tuple[Use, ...]:
        first = self._product(hospital)
        if self.stream != "drug":
            return (self.use(first, onset),)
        taken, uses = [first.group], [self.use(first, onset)]
        suspects, others = _SUSPECTS.draw(self.dice), _CONCOMITANTS.draw(self.dice)
        for number in range(suspects + others - 1):
            product = self.other_product(*taken)
            taken.append(product.group)
            uses.append(self.use(product, onset, counted=number < suspects - 1))
        return tuple(uses)

    def _product(self, hospital: Hospital) -> Product:
        dice = self.dice
        if self.stream != "drug":
            return self.catalogue.groups[self._any.draw(dice)].pick.draw(dice)
        if hospital.preparations and dice.chance(_OWN_PREPARATION):
            return dice.pick(hospital.preparations)
        traditional = hospital.kind == "中医医院" and dice.chance(_TRADITIONAL)
        group = (self._traditional if traditional else self._general).draw(dice)
        return self.catalogue.groups[group].pick.draw(dice)

    def _who(self, uses: Sequence[Use], events: Mapping[str, Sequence[str]]) -> str:
        patients, group = toml("patients"), uses[0].product.group
        if any(term in patients["women_events"] for terms in events.values() for term in terms):
            return "woman"
        return next((who for who in ("woman", "child", "anyone") if group in patients[who]), "adult")

    def _boosted(
        self, events: Mapping[str, Sequence[str]], uses: Sequence[Use], week: Week
    ) -> tuple[dict[str, Sequence[str]], set[str]]:
        result, planted = dict(events), set()
        for use in uses:
            if not use.counted:
                continue
            for key in dict.fromkeys((use.product.group, use.product.identifier)):
                for boost in self.boosts.get(key, ()):
                    if week >= boost.start and self.dice.chance(boost.probability):
                        result[boost.kind] = tuple(dict.fromkeys((boost.event, *result[boost.kind])))
                        planted.add(boost.event)
        return result, planted

    def _is_serious(self, events: Mapping[str, Sequence[str]]) -> bool:
        worst = _SERIOUS_AT_LEAST[self.stream]
        if self.stream == "drug":
            worst = max(worst, *(self._severity[term] for term in events["reaction"]))
        elif self.stream == "device" and _SEVERE_HARMS & set(events["harm"]):
            worst = 0.55
        return self.dice.chance(worst)

    def _evaluated(self, day: date) -> date | None:
        """Reviewed within five days, else the export (made on the third day after the week) shows it open."""
        done = day + timedelta(days=self.dice.days(1.6, 9))
        export = Week.of(day).end + timedelta(days=2)
        return done if done <= export and self.dice.chance(0.96) else None

    def _holder_harm(self, serious: bool, death: bool) -> str:
        if self.stream != "device" or self.dice.chance(0.6):
            return ""
        if death:
            return "死亡"
        graver = serious != self.dice.chance(0.04)
        return "严重伤害" if graver else "其他"


def _subset(products: Catalogue, classes: str) -> Weighted[str]:
    chosen = {
        name: weight
        for name, weight in products.weights.items()
        if products.stream != "drug" or products.groups[name].products[0].category in classes
    }
    return Weighted(chosen)


def received_again(report: Report, day: date) -> Report:
    """The same content received later, as another report with a number of its own."""
    received = datetime.combine(day, report.received.time())
    return replace(
        report,
        identity=Identity(),
        received=received,
        reported=day,
        evaluated=None,
        modified=received,
        holder_harm="",
    )
