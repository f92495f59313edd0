"""How long after its first use a product does harm: on the planted pairs early or late, else at a constant hazard."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pv.demo.catalogue import STREAMS, Catalogue, catalogue, toml
from pv.demo.dice import Dice
from pv.demo.reports import Report


@dataclass(frozen=True)
class Onset:
    """Days from first use to onset of the reports on a product that have the event: Weibull, rounded down.

    `key`: what a use is recognised by, the group at the level “generic”, else the product's number.
    """

    stream: str
    kind: str
    level: str
    product: str
    event: str
    shape: float
    scale: float
    key: str

    @property
    def pattern(self) -> str:
        return "early" if self.shape < 1 else "late"

    def days(self, dice: Dice) -> int:
        return int(self.scale * (-math.log1p(-dice.uniform())) ** (1 / self.shape))


def onsets(products: Catalogue) -> list[Onset]:
    """The planted pairs of a stream."""
    found = []
    for block in toml("plants")["onset"]:
        if block["stream"] == products.stream:
            found += [_onset(block, row, products) for row in block["rows"]]
    return found


def _onset(block: Mapping[str, str], row: Mapping[str, object], products: Catalogue) -> Onset:
    product = products.product(str(row["product"]))
    return Onset(
        stream=products.stream,
        kind=block["kind"],
        level=block["level"],
        product=product.label,
        event=str(row["event"]),
        shape=float(str(row["shape"])),
        scale=float(str(row["scale"])),
        key=product.group if block["level"] == "generic" else product.identifier,
    )


@cache
def _planted(stream: str) -> tuple[Onset, ...]:
    return tuple(onsets(catalogue(stream)))


def days_before_onset(report: Report, place: int, seed: int, usual: int) -> int:
    """Days from the start of a report's use (by its place) to the onset: planted ones, else the usual number.

    The draws have a seed of their own, so that planting moves nothing else.
    """
    use = report.uses[place]
    keys = {use.product.group, use.product.identifier} if use.counted else set()
    for onset in _planted(report.stream):
        if onset.key in keys and onset.event in report.events[onset.kind]:
            return onset.days(Dice(seed, 4, STREAMS.index(report.stream), report.decor, place, block=1))
    return usual
