"""Products and events of the demo city: how often each product is reported, and with which events.

A group (a generic drug, a kind of device, a category of cosmetics) has an event profile; its products share it. An
event of a report is drawn from the profile with probability MIX, else from the stream's background.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pv.demo.dice import Dice, Weighted

DATA = Path(__file__).parent / "data"
MIX = 0.6
STREAMS = ("drug", "device", "cosmetic")

# Probability that a report names 0, 1, 2 … events of the kind.
EVENT_COUNTS: dict[str, dict[str, tuple[float, ...]]] = {
    "drug": {"reaction": (0.0, 0.66, 0.25, 0.09)},
    "device": {"failure": (0.12, 0.80, 0.08), "harm": (0.42, 0.46, 0.12)},
    "cosmetic": {
        "finding": (0.04, 0.45, 0.36, 0.15),
        "symptom": (0.06, 0.60, 0.34),
        "diagnosis": (0.03, 0.97),
    },
}
# The event kind that a report always has, so that it can be counted.
MAIN_KIND = {"drug": "reaction", "device": "failure", "cosmetic": "finding"}

_LOT_DAYS = 45  # a maker releases a lot about every six weeks
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, eq=False)
class Product:
    """One approval, registration or filing. `label` is what the store shows at the stream's default level."""

    stream: str
    index: int
    group: str
    name: str
    identifier: str
    maker: str
    category: str = ""
    models: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        if self.stream == "drug":
            return self.name
        return f"{self.identifier} {self.name}".strip()

    def lot(self, day: date, back: int = 0) -> str:
        """The lot on sale on a day, or `back` lots before it; no two products share a lot number."""
        period = day.toordinal() // _LOT_DAYS - 1 - back
        made = date.fromordinal(period * _LOT_DAYS)
        letters = _LETTERS[self.index // len(_LETTERS)] + _LETTERS[self.index % len(_LETTERS)]
        return f"{letters}{made:%y%m}{1 + period % 28:02d}"


@dataclass(frozen=True, eq=False)
class Group:
    """Products that share a profile: event kind → terms with their shares among the draws."""

    name: str
    products: tuple[Product, ...]
    terms: Mapping[str, Weighted[str]]
    profile: Mapping[str, tuple[str, ...]]
    pick: Weighted[Product]


class Catalogue:
    """All groups of one stream, most reported first."""

    def __init__(self, stream: str, groups: Sequence[Group], weights: Mapping[str, float]) -> None:
        self.stream = stream
        self.groups = {group.name: group for group in groups}
        self.weights = dict(weights)
        self.share = Weighted(self.weights).share

    def product(self, reference: str) -> Product:
        """`group#n`, the n-th product of a group (the first where no number is given)."""
        group, _, number = reference.partition("#")
        return self.groups[group].products[int(number or 1) - 1]

    def event_share(self, group: str, kind: str, term: str) -> float:
        """Probability that a report on a product of the group has the term."""
        drawn = self.groups[group].terms[kind].share.get(term, 0.0)
        counts = EVENT_COUNTS[self.stream][kind]
        return sum(p * (1 - (1 - drawn) ** n) for n, p in enumerate(counts))

    def stream_share(self, kind: str, term: str) -> float:
        """Probability that a report of the stream has the term."""
        return sum(share * self.event_share(group, kind, term) for group, share in self.share.items())

    def draw_events(self, group: str, dice: Dice) -> dict[str, tuple[str, ...]]:
        """Events by kind for a report on a product of the group."""
        events = {}
        for kind, counts in EVENT_COUNTS[self.stream].items():
            number = _how_many(counts, dice)
            drawn = [self.groups[group].terms[kind].draw(dice) for _ in range(number)]
            events[kind] = tuple(dict.fromkeys(drawn))
        main = MAIN_KIND[self.stream]
        if not any(events[kind] for kind in events if kind != "symptom"):
            events[main] = (self.groups[group].terms[main].draw(dice),)
        return events


def _how_many(counts: Sequence[float], dice: Dice) -> int:
    left = dice.uniform()
    for number, probability in enumerate(counts):
        left -= probability
        if left < 0:
            return number
    return len(counts) - 1


@cache
def table(name: str) -> tuple[Mapping[str, str], ...]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return tuple(csv.DictReader(handle))


@cache
def toml(name: str) -> Mapping[str, Any]:
    return tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))


def catalogue(stream: str) -> Catalogue:
    """The stream's catalogue; the same for every seed."""
    return {"drug": _drugs, "device": _devices, "cosmetic": _cosmetics}[stream]()


def _zipf(rank: int) -> float:
    """Flattened at the head: the first of 100 gets 4 %, the tenth 2 %, the last 0.4 %."""
    return float((rank + 7) ** -0.9)


def _terms(text: str) -> dict[str, float]:
    pairs = (item.rsplit(":", 1) for item in text.split())
    return {term: float(weight) for term, weight in pairs}


def _mixture(profile: Mapping[str, float], background: Mapping[str, float]) -> Weighted[str]:
    own, common = Weighted(profile).share, Weighted(background).share
    terms = {**common, **own}
    return Weighted({term: MIX * own.get(term, 0.0) + (1 - MIX) * common.get(term, 0.0) for term in terms})


def _group(
    name: str,
    products: Sequence[Product],
    profiles: Mapping[str, str],
    background: Mapping[str, Mapping[str, float]],
) -> Group:
    parsed = {kind: _terms(text) for kind, text in profiles.items()}
    return Group(
        name=name,
        products=tuple(products),
        terms={kind: _mixture(own, background[kind]) for kind, own in parsed.items()},
        profile={kind: tuple(own) for kind, own in parsed.items()},
        pick=Weighted({product: (rank + 1) ** -0.7 for rank, product in enumerate(products)}),
    )


def _background(name: str) -> dict[str, dict[str, float]]:
    kinds: dict[str, dict[str, float]] = {}
    for row in table(name):
        kinds.setdefault(row["kind"], {})[row["term"]] = float(row["weight"])
    return kinds


def _drugs() -> Catalogue:
    makers = toml("names")["firms"]["drug"]
    background = {"reaction": {row["term"]: float(row["weight"]) for row in table("reactions")}}
    groups, weights, index = [], {}, 0
    for rank, row in enumerate(table("drugs")):
        products = []
        for number in range(int(row["makers"])):
            # Serial numbers from 9900 are not in use: no real product is meant.
            approval = f"国药准字{row['class']}{2005 + rank % 19}{9000 + index:04d}"
            products.append(
                Product(
                    stream="drug",
                    index=index,
                    group=row["generic"],
                    name=row["generic"],
                    identifier=approval if row["class"] in "HZS" else "",
                    maker=makers[(rank * 5 + number * 7) % len(makers)],
                    category=row["class"],
                    details={key: row[key] for key in ("form", "route", "dose", "unit", "indication")},
                )
            )
            index += 1
        groups.append(_group(row["generic"], products, {"reaction": row["events"]}, background))
        weights[row["generic"]] = _zipf(rank)
    return Catalogue("drug", groups, weights)


def _registration(row: Mapping[str, str], index: int) -> tuple[str, str]:
    """A registration number in the form of its class, and the product's origin."""
    year, serial = 2019 + index % 6, 9000 + index
    if row["class"] == "Ⅰ":
        return f"云泽械备{year}{serial}号", "国产"
    digit = {"Ⅱ": 2, "Ⅲ": 3}[row["class"]]
    if index % 7 == 3:
        return f"国械注进{year}{digit}{row['code']}{serial}", "进口"
    place = "国" if digit == 3 else "云"
    return f"{place}械注准{year}{digit}{row['code']}{serial}", "国产"


def _devices() -> Catalogue:
    makers = toml("names")["firms"]["device"]
    background = _background("device_background")
    groups, weights, index = [], {}, 0
    for rank, row in enumerate(table("devices")):
        products = []
        for number in range(int(row["registrations"])):
            identifier, origin = _registration(row, index)
            products.append(
                Product(
                    stream="device",
                    index=index,
                    group=row["kind"],
                    name=row["kind"],
                    identifier=identifier,
                    maker=makers[(rank * 3 + number * 4) % len(makers)],
                    category=row["category"],
                    models=tuple(row["models"].split("|")),
                    details={"class": f"{row['class']}类", "origin": origin, "purpose": row["purpose"]},
                )
            )
            index += 1
        profiles = {"failure": row["failures"], "harm": row["harms"]}
        groups.append(_group(row["kind"], products, profiles, background))
        weights[row["kind"]] = _zipf(rank)
    return Catalogue("device", groups, weights)


def _cosmetics() -> Catalogue:
    firms = toml("names")["firms"]
    background = _background("cosmetic_background")
    groups, weights, index = [], {}, 0
    for row in table("cosmetics"):
        names, products = row["names"].split("|"), []
        for number in range(int(row["products"])):
            brand = firms["brands"][(index * 5 + number) % len(firms["brands"])]
            year = 2021 + index % 5
            filing = f"云G妆网备字{year}{900000 + index:06d}"
            products.append(
                Product(
                    stream="cosmetic",
                    index=index,
                    group=row["category"],
                    name=f"{brand}{names[number % len(names)]}",
                    identifier=f"国妆特字{year}{9000 + index}" if row["special"] == "yes" else filing,
                    maker=firms["cosmetic"][firms["brands"].index(brand) % len(firms["cosmetic"])],
                    category=row["category"],
                )
            )
            index += 1
        profiles = {"finding": row["findings"], "symptom": row["symptoms"], "diagnosis": row["diagnoses"]}
        groups.append(_group(row["category"], products, profiles, background))
        weights[row["category"]] = float(row["products"])
    return Catalogue("cosmetic", groups, weights)
