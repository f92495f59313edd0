"""Small views from small tables, and the whole of `pv.signals` a second time in plain dictionaries."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from types import SimpleNamespace

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from pv.reference import streams
from pv.signals.counts import Incidence
from pv.signals.measures import all_measures
from pv.signals.running import RunningCounts, Segments
from pv.signals.screens import Screen, Table, tables_of

OPEN = 2**31 - 1


def case(name, products, events, start=0, end=OPEN, received=None, serious=False, death=False, hospital="h1"):
    """One segment. `products`: labels of the default level, or a mapping of level to label; `events`: names of the
    stream's first event kind, or (kind, event)."""
    return {
        "case": name,
        "products": products,
        "events": events,
        "start": start,
        "end": end,
        "received": start if received is None else received,
        "serious": serious,
        "death": death,
        "hospital": hospital,
    }


class View(SimpleNamespace):
    """A `pv.cases.StreamView` in shape; it shows itself as the segments it was made from."""

    def __repr__(self):
        return f"make_view({self.stream!r}, {self.segments!r})"


def make_view(stream, segments):
    """The view of a list of `case(…)`."""
    entry = streams()[stream]
    first_kind = next(iter(entry.event_kinds))
    products, events = [], []
    for number, segment in enumerate(segments):
        for product in segment["products"]:
            given = {entry.default_level: product} if isinstance(product, str) else product
            products.append({"segment": number, **{level: given.get(level, "") for level in entry.levels}})
        for event in segment["events"]:
            kind, name = (first_kind, event) if isinstance(event, str) else event
            events.append({"segment": number, "kind": kind, "event": name})
    case_types = {"case": "str", "hospital": "str", "serious": bool, "death": bool, "new": bool}
    case_types |= dict.fromkeys(("start", "end", "received"), "int64")
    facts = [{name: segment.get(name, False) for name in case_types} for segment in segments]
    return View(
        stream=stream,
        cases=pd.DataFrame(facts, columns=list(case_types)).astype(case_types),
        products=_texts(products, ["segment", *entry.levels]),
        events=_texts(events, ["segment", "kind", "event"]),
        segments=segments,
    )


def _texts(rows, columns):
    types = {column: "int64" if column == "segment" else "str" for column in columns}
    return pd.DataFrame(rows, columns=columns).astype(types)


def running_counts(view, window):
    """Counts of the default level and the first event kind, before the first week."""
    entry = streams()[view.stream]
    events = view.events.loc[view.events["kind"] == next(iter(entry.event_kinds)), ["segment", "event"]]
    incidence = Incidence.of(len(view.cases), view.products[["segment", entry.default_level]], events)
    return RunningCounts(incidence, Segments.of(view.cases, window))


# --- by hand -------------------------------------------------------------------------------------------------------


def in_view(segment, week, window):
    there = segment["start"] <= week < segment["end"]
    return there and (window == "all" or segment["received"] > week - 52)


def pair_counts_by_hand(cases):
    """(product, event) → (a, n_product, n_event, n) of [(products, events)]."""
    kept = [(set(products), set(events)) for products, events in cases if products and events]
    by_product = Counter(p for products, _ in kept for p in products)
    by_event = Counter(e for _, events in kept for e in events)
    pairs = Counter(pair for products, events in kept for pair in itertools.product(products, events))
    return {(p, e): (a, by_product[p], by_event[e], len(kept)) for (p, e), a in pairs.items()}


class ByHand:
    """One table of a view, week after week."""

    def __init__(self, view, table: Table, screens: tuple[Screen, ...]):
        self.view, self.table, self.screens = view, table, screens
        self.state: dict = {}
        self.last_group: dict = {}
        self.default = streams()[view.stream].default_level

    def week(self, week):
        """(product, event) → row, as in signals.csv but for the first columns; None where there is no table."""
        rows = self._rows(week)
        met = {pair: self._met(row) for pair, row in rows.items()}
        for pair in set(rows) | set(self.state):
            self._step(pair, week, met.get(pair, ()), rows.get(pair))
        listed = {pair for pair in self.state if self.state[pair]["status"]}
        if (self.table.level, self.table.comparator, self.table.window) == (self.default, "stream", "all"):
            listed |= {pair for pair, row in rows.items() if row["a"] > 0}
        return {
            pair: {
                "a": 0,
                **rows.get(pair, {}),
                "screens": ";".join(met.get(pair, ())),
                "status": self.state.get(pair, {}).get("status", ""),
                "first_week": self.state.get(pair, {}).get("first", None),
            }
            for pair in listed
        }

    def _products(self, segment):
        for product in segment["products"]:
            given = {self.default: product} if isinstance(product, str) else product
            yield given.get(self.table.level, ""), given.get(self.table.comparator, "")

    def _events(self, segment):
        first_kind = next(iter(streams()[self.view.stream].event_kinds))
        for event in segment["events"]:
            kind, name = (first_kind, event) if isinstance(event, str) else event
            if kind == self.table.event_kind and name:
                yield name

    def _counted(self, week):
        for segment in self.view.segments:
            if in_view(segment, week, self.table.window):
                products = {product for product, _ in self._products(segment) if product}
                events = set(self._events(segment))
                if products and events:
                    yield segment, products, events

    def _cells(self, week):
        counted = list(self._counted(week))
        groups = self._groups(counted)
        pairs = {pair for _, products, events in counted for pair in itertools.product(products, events)}
        cells = {}
        for product, event in pairs | set(self.state):
            if self.table.comparator == "stream":
                among = counted
            elif groups.get(product) is None:
                continue
            else:
                among = [c for c in counted if any(groups.get(p) == groups[product] for p in c[1])]
            has_both = [(product in products, event in events) for _, products, events in among]
            cells[product, event] = tuple(
                has_both.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))
            )
        return cells

    def _groups(self, counted):
        votes = defaultdict(Counter)
        for segment, _, _ in counted:
            for product, group in self._products(segment):
                if product and group:
                    votes[product][group] += 1
        present = {product for _, products, _ in counted for product in products}
        for product in present:
            most = sorted(votes[product].items(), key=lambda item: (-item[1], item[0]))
            self.last_group[product] = most[0][0] if most else None
        return self.last_group

    def _rows(self, week):
        cells = self._cells(week)
        if not cells:
            return {}
        measures = all_measures(*zip(*cells.values(), strict=True))
        rows = {pair: {name: values[i] for name, values in measures.items()} for i, pair in enumerate(cells)}
        counted = list(self._counted(week))
        for (product, event), row in rows.items():
            both = [segment for segment, products, events in counted if product in products and event in events]
            row["serious"] = sum(segment["serious"] for segment in both)
            row["deaths"] = sum(segment["death"] for segment in both)
            row["hospitals"] = len({segment["hospital"] for segment in both} - {""})
        return rows

    def _met(self, row):
        if row["a"] == 0:
            return ()
        measures = {name: np.array([value]) for name, value in row.items()}
        return tuple(screen.name for screen in self.screens if screen.rule.met(measures)[0])

    def _step(self, pair, week, met, row):
        state = self.state.setdefault(pair, {"status": "", "first": None, "below": 0, "reference": None})
        if not met:
            state["below"] += 1
            if state["status"]:
                state["status"] = "continuing" if state["below"] == 1 else "lapsed"
            return
        state["below"] = 0
        if state["status"] in ("", "lapsed"):
            state["status"] = "returned" if state["status"] else "new"
            state["first"] = week if state["first"] is None else state["first"]
            state["reference"] = (row["ic"], set(met), row["deaths"], row["serious"])
            return
        ic, screens, deaths, serious = state["reference"]
        if row["ic025"] > ic or set(met) - screens or row["deaths"] > 0 == deaths or row["serious"] > 0 == serious:
            state["status"] = "strengthened"
        elif row["ic975"] < ic or screens - set(met):
            state["status"] = "weakened"
        else:
            state["status"] = "continuing"


def all_tables_by_hand(view, screens, weeks):
    """week → table → (product, event) → row, for consecutive weeks."""
    runs = {table: ByHand(view, table, of) for table, of in tables_of(view.stream, screens).items()}
    return {week: {table: run.week(week) for table, run in runs.items()} for week in weeks}


# --- strategies ----------------------------------------------------------------------------------------------------

_LEVELS = {
    "drug": ({"generic": "GHI"}, {"approval": "pqrs"}),
    "device": ({"registration": "xyz"}, {"class": "AB"}),
    "cosmetic": ({"product": "uv"}, {"category": "CD"}),
}


@st.composite
def views(draw, stream, last_week=12):
    """Cases that enter in weeks 0 to 12, change, leave and lack things; some were received nearly a year before."""
    levels = {level: letters for part in _LEVELS[stream] for level, letters in part.items()}
    kinds = list(streams()[stream].event_kinds)
    labels = {level: st.sampled_from(["", *letters]) for level, letters in levels.items()}
    product = st.fixed_dictionaries(labels)
    event = st.tuples(st.sampled_from(kinds), st.sampled_from(["", "e", "f", "g"]))
    segments = []
    for number in range(draw(st.integers(0, 14))):
        received = draw(st.integers(-52, last_week))
        edges = sorted(draw(st.sets(st.integers(max(0, received), last_week), min_size=1, max_size=3)))
        ends = [*edges[1:], draw(st.sampled_from([OPEN, OPEN, last_week]))]
        for start, end in zip(edges, ends, strict=True):
            segments.append(
                case(
                    f"c{number}",
                    draw(st.lists(product, max_size=3)),
                    draw(st.lists(event, max_size=3)),
                    start=start,
                    end=max(end, start + 1),
                    received=received,
                    serious=draw(st.booleans()),
                    death=draw(st.booleans()),
                    hospital=draw(st.sampled_from(["", "h1", "h2", "?h3"])),
                )
            )
    return make_view(stream, draw(st.permutations(segments)))
