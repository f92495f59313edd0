"""The weights of `reference/duplicates.toml`: comparisons, their levels, zones and limits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from pv.reference import shipped_toml

ZONES = ("merged", "review", "different")  # from the surest to the least alike
NEEDS = "needs"  # the limit of pairs that are at none of the levels that tell the same person


@dataclass(frozen=True)
class Level:
    """One outcome of a comparison. `limit`: the best zone that a pair at this level can have ("" for none).

    `frequency` names the shares that take the place of `u`; a level without `m` and `u` has the weight 0.
    """

    name: str
    zh: str
    en: str
    m: float = 0.0
    u: float = 0.0
    frequency: str = ""
    limit: str = ""

    @property
    def weight(self) -> float:
        """log2(m / u) in bits."""
        return math.log2(self.m / self.u) if self.m else 0.0


@dataclass(frozen=True)
class Comparison:
    name: str
    zh: str
    en: str
    levels: tuple[Level, ...]

    def level(self, name: str) -> Level:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Level]:
        return {level.name: level for level in self.levels}


@dataclass(frozen=True)
class Frequency:
    """Share of reports with a value, drawn towards `share` as if there were `weight` reports more."""

    share: float
    weight: float

    def of(self, reports: float, everyone: float) -> float:
        return (reports + self.share * self.weight) / (everyone + self.weight)


@dataclass(frozen=True)
class Model:
    """The weights of one version; `rule` is its name in the store."""

    rule: str
    comparisons: tuple[Comparison, ...]
    frequencies: Mapping[str, Frequency]
    duplicates_a_report: float
    least_reports: int
    zones: Mapping[str, float]
    needs: frozenset[str]
    contradictions: int
    largest_share: float
    at_least: int
    largest_block: int
    largest_day: int
    bulk_from: int

    def prior(self, reports: int) -> float:
        """Share of pairs that tell the same event among all pairs of a store with so many reports."""
        return 2 * self.duplicates_a_report / max(reports, self.least_reports)

    def likely(self, probability: float) -> str:
        """Zone by probability alone."""
        return next((zone for zone, least in self.zones.items() if probability >= least), ZONES[-1])

    def limits(self, levels: Mapping[str, str]) -> dict[str, str]:
        """What keeps a pair at these levels (comparison → level) from merging: “comparison.level” or NEEDS → zone."""
        at = [f"{name}.{level}" for name, level in levels.items()]
        found = {place: self._limits[place] for place in at if place in self._limits}
        return found if not self.needs.isdisjoint(at) else found | {NEEDS: "review"}

    @cached_property
    def _limits(self) -> Mapping[str, str]:
        """“comparison.level” → zone, of the levels that have a limit."""
        return {
            f"{one.name}.{level.name}": level.limit for one in self.comparisons for level in one.levels if level.limit
        }

    def zone(self, probability: float, levels: Mapping[str, str]) -> str:
        """Zone of a pair: by its probability, and no surer than its levels allow."""
        limits = self.limits(levels)
        if len(contradictions(limits)) >= self.contradictions:
            return ZONES[-1]
        return max([self.likely(probability), *limits.values()], key=ZONES.index)

    def __getitem__(self, comparison: str) -> Comparison:
        return self._by_name[comparison]

    @cached_property
    def _by_name(self) -> Mapping[str, Comparison]:
        return {one.name: one for one in self.comparisons}

    def merge_limit(self, reports: int) -> int:
        """How many merges a file with so many new reports may bring."""
        return max(self.at_least, math.floor(self.largest_share * reports))


def contradictions(limits: Iterable[str]) -> list[str]:
    """Those limits that come of a difference, not of something unknown."""
    return [place for place in limits if place != NEEDS and not place.endswith(".unknown")]


@cache
def model() -> Model:
    """The shipped weights."""
    return read(shipped_toml("duplicates"))


def read(data: Mapping[str, Any]) -> Model:
    """A model from its TOML. Raises ValueError where the shares of a comparison do not sum to 1."""
    comparisons = tuple(_comparison(name, entry) for name, entry in data["comparison"].items())
    return Model(
        rule=data["rule"],
        comparisons=comparisons,
        frequencies={name: Frequency(**entry) for name, entry in data["frequency"].items()},
        duplicates_a_report=data["prior"]["duplicates_a_report"],
        least_reports=data["prior"]["least_reports"],
        zones={zone: data["zones"][zone] for zone in ZONES[:-1]},
        needs=frozenset(data["zones"]["needs"]),
        contradictions=data["zones"]["contradictions"],
        largest_share=data["run"]["largest_share"],
        at_least=data["run"]["at_least"],
        largest_block=data["blocking"]["largest_block"],
        largest_day=data["blocking"]["largest_day"],
        bulk_from=data["blocking"]["bulk_from"],
    )


def _comparison(name: str, entry: Mapping[str, Any]) -> Comparison:
    levels = tuple(Level(name=level, **values) for level, values in entry["levels"].items())
    for share in ("m", "u"):
        total = math.fsum(getattr(level, share) for level in levels)
        if not math.isclose(total, 1.0, abs_tol=1e-9):
            raise ValueError(f"duplicates.toml, comparison {name}: {share} of its levels sum to {total:g}, not to 1")
    return Comparison(name, entry["zh"], entry["en"], levels)
