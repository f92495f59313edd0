"""What people ask of an alert next: is it masked, one-sided, made by duplicates, joint with another product, early?

Everything here looks at one week of one stream at the default level, and is computed for the weeks that are rendered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pv.reference import streams
from pv.signals.comparison import LabelledCounts, effect_of_duplicates, foreign_beside
from pv.signals.counts import Bools, Incidence, pair_counts
from pv.signals.interactions import interactions
from pv.signals.masking import unmasked
from pv.signals.onset import onset_days, time_to_onset
from pv.signals.screens import ALL_TIME, STREAM, Screen
from pv.signals.subgroups import subgroup_masks, subgroup_tables
from pv.week import Week

if TYPE_CHECKING:
    from pv.cases import StreamView

KEY = ["stream", "event_kind"]
PAIR = ["product", "event"]
KINDS = ("subgroups", "masking", "interactions", "onset", "duplicates", "foreign")


@dataclass(frozen=True)
class _Kind:
    """One event kind of a view in a week."""

    name: str
    incidence: Incidence  # of all segments of the view
    among: Bools  # segments in the week


def evidence(
    view: StreamView,
    as_filed: StreamView,
    week: Week,
    screens: Sequence[Screen],
    signals: pd.DataFrame,
    foreign: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """The tables named in `KINDS`, each led by stream and event_kind.

    `as_filed`: the same stream without merging. `signals`: its rows of the week, as `pv.signals.alerts` gives them.
    subgroups: pairs that meet a general screen within a subgroup and none among all cases. masking: pairs of a masked
    event that meet other screens without the masking product's cases. interactions: two products and an event, Ω025
    above 0.
    onset and duplicates: pairs with a status at the default level against the whole stream; of duplicates those whose
    count they change. foreign: of every pair with a status, what foreign databases count.
    """
    alerts = _alerts(view.stream, signals)
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in KINDS}
    for kind in _kinds(view, week):
        of_kind = alerts.loc[alerts["event_kind"] == kind.name, PAIR]
        tables = {
            "subgroups": _subgroups(view, kind, screens, of_kind),
            "masking": _masking(kind, screens),
            "interactions": _interactions(kind),
            "onset": _onset(view, kind, of_kind),
            "duplicates": _duplicates(kind, as_filed, week, screens, of_kind),
        }
        for name, table in tables.items():
            table.insert(0, "stream", view.stream)
            table.insert(1, "event_kind", kind.name)
            found[name].append(table)
    found["foreign"].append(foreign_beside(signals.loc[signals["status"] != "", [*KEY, *PAIR]], foreign))
    return {name: pd.concat(tables, ignore_index=True) for name, tables in found.items()}


def _alerts(stream: str, signals: pd.DataFrame) -> pd.DataFrame:
    table = {"level": streams()[stream].default_level, "comparator": STREAM, "window": ALL_TIME}
    chosen = (signals["screens"] != "") & np.logical_and.reduce([signals[name] == text for name, text in table.items()])
    alerts: pd.DataFrame = signals.loc[chosen, ["event_kind", *PAIR]]
    return alerts


def _kinds(view: StreamView, week: Week) -> Iterator[_Kind]:
    entry = streams()[view.stream]
    among = ((view.cases["start"] <= week.index) & (view.cases["end"] > week.index)).to_numpy()
    for kind in entry.event_kinds:
        events = view.events.loc[view.events["kind"] == kind, ["segment", "event"]]
        yield _Kind(kind, Incidence.of(len(view.cases), view.products[["segment", entry.default_level]], events), among)


def _subgroups(view: StreamView, kind: _Kind, screens: Sequence[Screen], pairs: pd.DataFrame) -> pd.DataFrame:
    masks: Mapping[str, Bools] = {name: mask & kind.among for name, mask in subgroup_masks(view.cases).items()}
    table = subgroup_tables(kind.incidence, masks, screens)
    known = pd.MultiIndex.from_frame(table[PAIR]).isin(pd.MultiIndex.from_frame(pairs))
    return table[~known].reset_index(drop=True)


def _masking(kind: _Kind, screens: Sequence[Screen]) -> pd.DataFrame:
    table = unmasked(kind.incidence, pair_counts(kind.incidence, kind.among), screens, kind.among)
    return table[table["screens"] != table["screens_unmasked"]].reset_index(drop=True)


def _interactions(kind: _Kind) -> pd.DataFrame:
    incidence = kind.incidence.only(kind.among)
    table = interactions(incidence, pair_counts(incidence))
    return table[table["omega025"] > 0].reset_index(drop=True)


def _onset(view: StreamView, kind: _Kind, pairs: pd.DataFrame) -> pd.DataFrame:
    level = streams()[view.stream].default_level
    # A stream can have another level that is called "product".
    products = view.products[["segment", level, "used_from"]].set_axis(["segment", "product", "used_from"], axis=1)
    events = view.events.loc[view.events["kind"] == kind.name, ["segment", "event"]]
    table = time_to_onset(onset_days(view.cases[kind.among], products, events, pairs), pairs)
    return table[table["n"] + table["unusable"] > 0].reset_index(drop=True)


def _duplicates(
    kind: _Kind, as_filed: StreamView, week: Week, screens: Sequence[Screen], pairs: pd.DataFrame
) -> pd.DataFrame:
    filed = next(other for other in _kinds(as_filed, week) if other.name == kind.name)
    table = effect_of_duplicates(_labelled(kind), _labelled(filed), screens)
    changed = table[table["a"] != table["a_as_filed"]]
    return changed.merge(pairs, on=PAIR).sort_values(PAIR, kind="stable", ignore_index=True)


def _labelled(kind: _Kind) -> LabelledCounts:
    incidence = kind.incidence
    return LabelledCounts(incidence.products, incidence.events, pair_counts(incidence, kind.among))
