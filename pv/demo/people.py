"""Patients and reporters: names of weather, plants and water, telephone numbers that cannot be dialled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from pv.demo.catalogue import toml
from pv.demo.dice import Dice

OLDEST_BIRTH = date(1934, 1, 1)
_WOMEN = {"drug": 0.52, "device": 0.52, "cosmetic": 0.84}


@dataclass(frozen=True)
class Patient:
    """`birth` is None where the export leaves it blank. Age as written, with its unit."""

    name: str
    sex: str
    birth: date | None
    age: str
    age_unit: str
    phone: str
    record: str


class People:
    """Patients of one stream. No two of them share name, sex and onset date, so that only planted copies merge."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._names = toml("names")["people"]
        self._seen: set[tuple[str, str, date]] = set()

    def patient(self, onset: date, dice: Dice, who: str = "adult") -> Patient:
        """`who`: woman, child, adult or anyone."""
        sex = "女" if who == "woman" or dice.chance(_WOMEN[self._stream]) else "男"
        name = self.name(dice)
        while (name, sex, onset) in self._seen:
            name = self.name(dice)
        self._seen.add((name, sex, onset))
        return self._aged(name, sex, onset, _days_old(who, dice), dice)

    def other_name(self, patient: Patient, onset: date, dice: Dice) -> str:
        """The name with another last character, unused on that day."""
        for last in self._names["second"]:
            name = f"{patient.name[:-1]}{last}"
            if name != patient.name and (name, patient.sex, onset) not in self._seen:
                self._seen.add((name, patient.sex, onset))
                return name
        return self.patient(onset, dice).name

    def claim(self, patient: Patient, onset: date) -> bool:
        """Reserve a combination; False where another report has it."""
        key = (patient.name, patient.sex, onset)
        free = key not in self._seen
        self._seen.add(key)
        return free

    def name(self, dice: Dice) -> str:
        names = self._names
        given = dice.pick(names["second"])
        first = dice.pick(names["first"]) if dice.chance(0.85) else ""
        return f"{dice.pick(names['surnames'])}{first}{given}"

    def _aged(self, name: str, sex: str, onset: date, days: int, dice: Dice) -> Patient:
        birth = max(OLDEST_BIRTH, onset - timedelta(days=days))
        age, unit = _age((onset - birth).days)
        known = self._stream != "cosmetic" and dice.chance(0.85)
        return Patient(
            name=name,
            sex=sex,
            birth=birth if known else None,
            age="" if known and dice.chance(0.04) else age,
            age_unit=unit,
            phone=phone(dice),
            record=f"ZY{dice.below(10_000_000):07d}",
        )


def _days_old(who: str, dice: Dice) -> int:
    if who == "anyone":
        who = "child" if dice.chance(0.25) else "adult"
    low, high = {"child": (0.1, 15), "woman": (18, 48), "adult": (18, 88)}[who]
    return int(365.25 * (low + (high - low) * dice.uniform() ** 0.8))


def _age(days: int) -> tuple[str, str]:
    if days < 31:
        return str(days), "天"
    if days < 730:
        return str(days // 30), "月"
    return str(int(days / 365.25)), "岁"


def phone(dice: Dice) -> str:
    """A mobile number with the prefix 100, which no operator gives out."""
    return f"100{dice.below(100_000_000):08d}"


def landline(number: int) -> str:
    return f"0000-{8_800_000 + number}"
