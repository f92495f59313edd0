"""The fictional city (or district): its areas, hospitals, denominators, targets and quotas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pv.demo.catalogue import Product, catalogue, toml
from pv.demo.dice import Dice, Weighted
from pv.week import Week

DISTRICT_BELOW = 40  # drug reports a week; fewer than that is a district, not a city
PEOPLE_PER_REPORT = 40_000  # population for each weekly drug report: 1,300 reports per million a year
_PARTS = (0.24, 0.20, 0.18, 0.15, 0.13, 0.10)
_SHARES_BY_LEVEL = {"city": (0.15, 0.35, 0.25), "district": (0.025, 0.125, 0.35)}
_WEIGHT = {"3": 9.0, "2": 3.0, "1": 0.7, "": 0.35}
_BEDS = {"3": (800, 2200), "2": (180, 620), "1": (40, 120), "": (8, 24)}
_DERMATOLOGY = {"3": 1.0, "2": 0.6, "1": 0.05, "": 0.05}


@dataclass(frozen=True)
class Area:
    code: str
    name: str
    parent: str
    population: int


@dataclass
class Hospital:
    """A reporting unit of hospitals.csv. `silent_from`: first week without any report."""

    hospital_id: str
    name: str
    level: str
    kind: str
    area: Area
    former: str = ""
    sentinel: bool = False
    registered: bool = True
    reports_for: str = ""
    beds: int = 0
    catchment: int | None = None
    weight: float = 1.0
    silent_from: Week | None = None
    padding: bool = False
    preparations: list[Product] = field(default_factory=list)


@dataclass
class Region:
    """All areas (the root first) and hospitals."""

    areas: list[Area]
    hospitals: list[Hospital]

    def __post_init__(self) -> None:
        self._by_week: dict[tuple[str, int], Weighted[int]] = {}

    @property
    def root(self) -> Area:
        return self.areas[0]

    @property
    def silent(self) -> list[Hospital]:
        return [hospital for hospital in self.hospitals if hospital.silent_from is not None]

    def draw(self, stream: str, week: Week, dice: Dice) -> Hospital:
        """A hospital in proportion to how much it reports in that week."""
        key = (stream, week.index)
        if key not in self._by_week:
            self._by_week[key] = Weighted(
                {
                    number: hospital.weight * (_DERMATOLOGY[hospital.level] if stream == "cosmetic" else 1.0)
                    for number, hospital in enumerate(self.hospitals)
                    if hospital.silent_from is None or week < hospital.silent_from
                }
            )
        return self.hospitals[self._by_week[key].draw(dice)]


def make_region(seed: int, first: Week, last: Week, hospitals: int, reports_per_week: int) -> Region:
    """A city with districts, or a district with towns where `reports_per_week` is below DISTRICT_BELOW."""
    dice = Dice(seed, 1)
    scope = "district" if reports_per_week < DISTRICT_BELOW else "city"
    areas = _areas(scope, reports_per_week)
    units = _hospitals(scope, areas, hospitals, dice)
    _give_numbers(units, areas, dice)
    _give_preparations(units)
    _give_fates(units, first, last)
    return Region(areas, units)


def _areas(scope: str, reports_per_week: int) -> list[Area]:
    place = toml("names")["place"]
    total = PEOPLE_PER_REPORT * reports_per_week
    root, code, names = (
        (place["city"], "990100", place["districts"])
        if scope == "city"
        else (place["district"], "990103", place["towns"])
    )
    step = 1 if scope == "city" else 1000
    parts = [
        Area(str(int(code) * step + number), name, code, int(round(total * share, -2)))
        for number, (name, share) in enumerate(zip(names, _PARTS, strict=True), start=1)
    ]
    return [Area(code, root, "", sum(part.population for part in parts)), *parts]


def _names(scope: str, areas: Sequence[Area]) -> dict[str, list[tuple[str, str, int]]]:
    """Level → (name, kind, area number), in the order in which hospitals come into being."""
    place = toml("names")["place"]
    city, parts = place["city"], list(enumerate(areas))[1:]
    third = [
        (f"{city}第一人民医院", "综合医院", 1),
        (f"{city}中医医院", "中医医院", 2),
        (f"{city}第二人民医院", "综合医院", 2),
        (f"{city}妇幼保健院", "妇幼保健院", 1),
        (f"{city}肿瘤医院", "专科医院", 3),
        ("云泽医学院附属医院", "综合医院", 1),
    ]
    third += [(f"{city}第{n}医院", "综合医院", 1 + n % len(parts)) for n in range(3, 200)]
    kinds = (
        ("人民医院", "综合医院"),
        ("中医医院", "中医医院"),
        ("妇幼保健院", "妇幼保健院"),
        ("第二人民医院", "综合医院"),
    )
    prefix = "" if scope == "city" else place["district"].removeprefix(city)
    second = [(f"{prefix}{area.name}{word}", kind, n) for word, kind in kinds for n, area in parts]
    if scope == "district":
        second = [(f"{prefix}{word}", kind, 1) for word, kind in kinds] + second
    first = _places(parts, place["stems"], "卫生院", "乡镇卫生院")
    none = _places(parts, place["stems"][::-1], "社区卫生服务中心", "社区卫生服务中心")
    return {"3": third, "2": second, "1": first, "": none}


def _places(
    parts: Sequence[tuple[int, Area]], stems: Sequence[str], word: str, kind: str
) -> list[tuple[str, str, int]]:
    """One part after the other, each time with another place; all combinations differ."""
    found = []
    for number in range(len(parts) * len(stems)):
        place, area = parts[number % len(parts)]
        stem = stems[(number + number // len(stems)) % len(stems)]
        found.append((f"{area.name}{stem}{word}", kind, place))
    return found


def _hospitals(scope: str, areas: Sequence[Area], number: int, dice: Dice) -> list[Hospital]:
    shares = _SHARES_BY_LEVEL[scope]
    names = _names(scope, areas)
    numbers = {level: max(1, round(number * share)) for level, share in zip("321", shares, strict=True)}
    numbers = {level: min(count, len(names[level])) for level, count in numbers.items()}
    numbers[""] = max(0, number - sum(numbers.values()))
    units: list[Hospital] = []
    for level, count in numbers.items():
        for name, kind, area in names[level][:count]:
            units.append(
                Hospital(
                    hospital_id=f"YZ{len(units) + 1:03d}",
                    name=name,
                    level=level,
                    kind=kind,
                    area=areas[area],
                    weight=_WEIGHT[level] * (0.4 + 1.2 * dice.uniform()),
                )
            )
    return units


def _give_numbers(units: list[Hospital], areas: Sequence[Area], dice: Dice) -> None:
    """Beds and catchment. Every ninth hospital does not know its catchment population."""
    root = areas[0]
    for unit in units:
        low, high = _BEDS[unit.level]
        unit.beds = dice.between(low, high) // 2 * 2
    total = sum(unit.beds for unit in units)
    for number, unit in enumerate(units):
        served = round(root.population * unit.beds / total, -2)
        unit.catchment = None if number % 9 == 5 else max(1000, int(served))
        unit.sentinel = unit.level == "3" and number % 2 == 0
    for unit in [unit for unit in units if unit.level == "2"][1::4]:
        former = unit.name.replace("人民医院", "中心医院").replace("保健院", "保健所")
        unit.former = former.replace("中医医院", "中医院")
    leads = {unit.area.code: unit.hospital_id for unit in reversed(units) if unit.level == "2"}
    for lead in [unit for unit in units if unit.hospital_id in leads.values()][:2]:
        for unit in units:
            if unit.level == "" and unit.area is lead.area:
                unit.reports_for = lead.hospital_id


def _give_preparations(units: list[Hospital]) -> None:
    """Hospital preparations are used only where they are made."""
    makers = [unit for unit in units if unit.kind in {"中医医院", "专科医院"}] or units[:1]
    own = [group for group in catalogue("drug").groups.values() if group.products[0].category == "P"]
    for number, group in enumerate(own):
        makers[number % len(makers)].preparations.append(group.products[0])


def _give_fates(units: list[Hospital], first: Week, last: Week) -> None:
    """Which hospitals fall silent, never report, are not registered, or pad."""
    span = last.index - first.index + 1
    second = [unit for unit in units if unit.level == "2"]
    quiet = [*second[-2:], *[unit for unit in units if unit.level == "1"][:1]]
    for unit, share in zip(quiet, (0.6, 0.82, 0.9), strict=False):
        unit.silent_from = Week(first.index + max(1, round(share * span)))
    if len(second) > 4:
        second[-3].silent_from = first
        second[-3].registered = False
    loud = [unit for unit in units if unit.silent_from is None and unit.level in {"1", "2"}]
    for unit in loud[:3]:
        unit.padding = True
