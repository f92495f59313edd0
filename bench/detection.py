"""How many of the demo's planted pairs the screens find, how soon, and how many false alerts they give.

A demo city and a district are written, loaded week by week as a centre would, and looked at in every week; the last
52 looks are judged. A planted pair is *alerted* by a screen if it meets it at some look from its onset on; its delay is
the weeks from onset to the first such look. Pairs that met the screen just before their onset are left out of that
screen's figures. An alert is *new* if the pair meets the screen for the first time ever; it is *false* unless the pair
is planted, belongs to a planted cluster or to a hospital's padding, or is one of the associations that the demo's data
have by their structure (`structure` of truth.json; only against the whole stream, since products of a group share one
structure).
"""

from __future__ import annotations

import statistics
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.fernet import Fernet

from pv import pipeline, reference, store
from pv.cases import StreamCases, StreamView
from pv.demo import write_city
from pv.reference import streams
from pv.settings import Settings
from pv.signals.alerts import signals_of_weeks
from pv.signals.screens import STREAM, Screen, load_screens
from pv.week import Week, weeks_between

LOOKS = 52
REGIONS = {"City, 120 reports a week": 120, "District, 17 reports a week": 17}
ORIGINS = ("planted", "cluster or padding", "structure", "false")


class Alert(NamedTuple):
    """A pair on a screen; `product` is of the screen's level."""

    screen: str
    stream: str
    kind: str
    product: str
    event: str


def main() -> None:
    """Print Markdown tables for a city and for a district."""
    screens = load_screens()
    for title, reports_per_week in REGIONS.items():
        with tempfile.TemporaryDirectory() as name:
            truth = write_city(Path(name), reports_per_week=reports_per_week)
            views = _load(Path(name), [Week.parse(week) for week in truth["weeks"]])
        weeks = weeks_between(Week.parse(truth["weeks"][0]), Week.parse(truth["weeks"][-1]))
        met = _weeks_met(views, weeks, screens)
        print(f"### {title}\n")
        _print_found(truth, met, screens, weeks[-LOOKS])
        _print_new(truth, met, screens, weeks[-LOOKS])


def _load(folder: Path, weeks: Sequence[Week]) -> list[StreamView]:
    """Every week's exports, loaded on the Monday after; the streams as known when the last are in."""
    home = folder / "home"
    home.mkdir()
    settings = Settings(
        home=home,
        database_url=f"sqlite:///{home / 'pvwatch.sqlite'}",
        out=home / "out",
        inbox=home / "inbox",
        reference=folder / "reference",
        key=Fernet.generate_key().decode(),
    )
    for week in weeks:
        pipeline.ingest(settings, sorted((folder / "exports" / str(week)).iterdir()), _morning_after(week))
    tables = reference.build(reference.read_texts(settings.reference))
    engine = store.open_store(settings.database_url)
    with store.reading(engine) as connection:
        as_of = _morning_after(weeks[-1])
        views = [StreamCases(connection, stream, as_of, tables).view() for stream in streams()]
    engine.dispose()
    return views


def _morning_after(week: Week) -> datetime:
    return datetime.combine(week.end, time(1), tzinfo=UTC)


def _weeks_met(views: Iterable[StreamView], weeks: Sequence[Week], screens: Sequence[Screen]) -> dict[Alert, list[int]]:
    """The weeks (Week.index, ascending) in which each pair met each screen."""
    met: dict[Alert, list[int]] = {}
    for view in views:
        for week, pairs, _ in signals_of_weeks(view, weeks, screens):
            columns = ("screens", "stream", "event_kind", "product", "event")
            meeting = pairs.loc[pairs["screens"] != "", list(columns)]
            for names, *pair in meeting.itertuples(index=False, name=None):
                for name in names.split(";"):
                    met.setdefault(Alert(name, *pair), []).append(week.index)
    return met


# --- planted pairs ---------------------------------------------------------------------------------------------------


def _delay(planted: Mapping[str, Any], screen: Screen, met: Mapping[Alert, list[int]], first_look: Week) -> int | None:
    """Weeks from onset to the first alert; None where there is none, -1 where the screen was met before the onset."""
    pair = Alert(screen.name, planted["stream"], planted["kind"], planted["product"], planted["event"])
    weeks, onset = met.get(pair, []), Week.parse(planted["onset"])
    if onset.index - 1 in weeks:
        return -1
    after = [week for week in weeks if week >= onset.index]
    return after[0] - onset.index if after and after[-1] >= first_look.index else None


def _looks_at(screen: Screen, planted: Mapping[str, Any]) -> bool:
    return any(
        table.level == planted["level"] and table.event_kind == planted["kind"]
        for table in screen.tables(planted["stream"])
    )


def _print_found(
    truth: Mapping[str, Any], met: Mapping[Alert, list[int]], screens: Sequence[Screen], first_look: Week
) -> None:
    delays = [
        (pair, {s.name: _delay(pair, s, met, first_look) for s in screens if _looks_at(s, pair)})
        for pair in truth["pairs"]
    ]
    names = [screen.name for screen in screens]
    print("Planted pairs alerted in the last 52 looks (median weeks from onset), by strength:\n")
    print(_line(["strength", "against", "pairs", *names, "any"]) + "\n" + _line(["---"] * (len(names) + 4)))
    for against, strength in sorted({(pair["against"] != STREAM, pair["strength"]) for pair in truth["pairs"]}):
        chosen = [d for p, d in delays if (p["against"] != STREAM, p["strength"]) == (against, strength)]
        cells = [_share([d[name] for d in chosen if name in d]) for name in names]
        either = _share([_first(d.values()) for d in chosen])
        print(_line([f"× {strength}", "group" if against else "stream", len(chosen), *cells, either]))
    print(
        "\nPair by pair, weeks from onset (– not alerted, b met before the onset, blank: the screen does not look):\n"
    )
    print(_line(["onset", "strength", "against", "pair", "a", *names]) + "\n" + _line(["---"] * (len(names) + 5)))
    for pair, of_pair in sorted(delays, key=lambda item: (item[0]["onset"], item[0]["product"])):
        label = f"{pair['product']} – {pair['event']}"
        cells = [_weeks(of_pair[name]) if name in of_pair else "" for name in names]
        print(_line([pair["onset"], f"× {pair['strength']}", pair["against"], label, pair["a"], *cells]))
    print()


def _first(delays: Iterable[int | None]) -> int | None:
    return min((delay for delay in delays if delay is not None), default=None)


def _share(delays: Sequence[int | None]) -> str:
    judged = [delay for delay in delays if delay != -1]
    alerted = [delay for delay in judged if delay is not None]
    if not judged:
        return "" if not delays else "b"
    return f"{len(alerted)}/{len(judged)}" + (f" ({statistics.median(alerted):g})" if alerted else "")


def _weeks(delay: int | None) -> str:
    return "–" if delay is None else "b" if delay == -1 else str(delay)


# --- new alerts ------------------------------------------------------------------------------------------------------


class Truth:
    """What the demo says of a pair."""

    def __init__(self, truth: Mapping[str, Any]) -> None:
        self._label = {
            (product["stream"], name): product["label"]
            for product in truth["products"]
            for name in (product["identifier"], product["label"])
            if name
        }
        self._structure = truth["structure"]
        self._planted = {(p["stream"], p["kind"], p["product"], p["event"]): p["level"] for p in truth["pairs"]}
        self._planted_label = {
            (stream, kind, self._label.get((stream, product), product), event)
            for stream, kind, product, event in self._planted
        }
        self._grouped = {
            (group["stream"], kind, group["product"], event)
            for group in (*truth["clusters"], *truth["padding"])
            for kind, events in group["events"].items()
            for event in events
        }

    def origin(self, alert: Alert, against_stream: bool) -> str:
        """One of ORIGINS. Against its group, a pair planted in the whole group does not stand out."""
        label = self._label.get((alert.stream, alert.product), alert.product)
        pair, of_label = alert[1:], (alert.stream, alert.kind, label, alert.event)
        if against_stream and of_label in self._planted_label:
            return "planted"
        if not against_stream and self._planted.get(pair, "generic") != "generic":
            return "planted"
        if of_label in self._grouped:
            return "cluster or padding"
        profile = self._structure[alert.stream][alert.kind].get(label, {})
        return "structure" if against_stream and alert.event in profile else "false"


def _print_new(
    truth: Mapping[str, Any], met: Mapping[Alert, list[int]], screens: Sequence[Screen], first_look: Week
) -> None:
    says = Truth(truth)
    print("Pairs newly meeting a screen in a year of looks:\n")
    print(_line(["screen", *ORIGINS, "false a week"]) + "\n" + _line(["---"] * 6))
    for screen in screens:
        new = [alert for alert, weeks in met.items() if alert.screen == screen.name and weeks[0] >= first_look.index]
        counts = Counter(says.origin(alert, screen.comparator == STREAM) for alert in new)
        print(_line([screen.name, *(counts[origin] for origin in ORIGINS), f"{counts['false'] / LOOKS:.1f}"]))
    print()


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    main()
