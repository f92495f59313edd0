"""How much longer the alerts of 104 weeks take than those of one week, over the same million reports.

Every report arrives in one of 104 weeks and stays. *One week* is the same stream with all reports in the last of
them: one count, one set of measures, one look. The backfill looks in every week and writes the rows of the last one.
Screens: the general ones (all time, whole stream, a ≥ 3), once those of closed forms alone, once all of them, which
takes a fit of the prior in every week.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from bench import synthetic
from bench.tables import heading, line
from pv.cases import StreamView
from pv.signals.alerts import signals_of_weeks
from pv.signals.counts import Incidence
from pv.signals.screens import Screen, load_screens
from pv.week import Week

CASES = 1_000_000
WEEKS = 104
HOSPITALS = 1_000
SCREENS: dict[str, Callable[[Screen], bool]] = {
    "closed forms": lambda screen: not screen.needs_prior,
    "all general": lambda screen: True,  # noqa: ARG005 - takes a screen like the other
}
_FIRST = Week.parse("2024-W46")
_OPEN_END = 2**31 - 1


def main() -> None:
    """Print a Markdown table: seconds, CPU seconds, peak GiB, alerts of the last week, and times one week in CPU."""
    print(
        heading(["screens", "weeks", "s", "CPU s", "peak GiB", "pairs on a screen in the last week", "times one week"])
    )
    for kind in SCREENS:
        one = 0.0
        for weeks in (1, WEEKS):
            command = [sys.executable, "-m", "bench.backfill", str(CASES), str(weeks), kind]
            figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            one = one or figures["cpu"]
            cells = [kind, weeks, f"{figures['s']:.1f}", f"{figures['cpu']:.1f}", f"{figures['gib']:.2f}"]
            print(line([*cells, f"{figures['alerts']:,}", f"{figures['cpu'] / one:.1f}"]), flush=True)


def measured(cases: int, weeks: int, kind: str) -> dict[str, float]:
    """Seconds (wall, CPU), peak GiB and last alerts of looking at every one of so many weeks."""
    stream = view(synthetic.incidence(cases), weeks)
    screens = [screen for screen in load_screens() if screen.general and SCREENS[kind](screen)]
    start, cpu = time.perf_counter(), time.process_time()
    ((_, pairs, _),) = signals_of_weeks(stream, [Week(_FIRST.index + weeks - 1)], screens)
    return {
        "s": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "alerts": int((pairs["screens"] != "").sum()),
    }


def view(incidence: Incidence, weeks: int) -> StreamView:
    """The case set as a stream of drugs; as many reports arrive in each week."""
    cases = len(incidence.counted)
    random = np.random.default_rng([1, 1])
    start = _FIRST.index + np.arange(cases, dtype=np.int64) * weeks // cases
    hospitals = pd.Index([f"H{number:04d}" for number in range(HOSPITALS)], dtype="str")
    facts = {
        "case": np.arange(cases).astype(str),
        "start": start,
        "end": np.full(cases, _OPEN_END, dtype=np.int64),
        "received": start,
        "serious": random.random(cases) < 0.1,
        "death": random.random(cases) < 0.005,
        "new": np.zeros(cases, dtype=bool),
        "hospital": hospitals.take(random.integers(0, HOSPITALS, cases)),
        "onset_on": "",
        "sex": "",
        "age_years": np.nan,
        "district": "",
        "sentinel": False,
    }
    products = _long(incidence.D, "generic", incidence.products)
    events = _long(incidence.E, "event", incidence.events)
    return StreamView(
        stream="drug",
        cases=pd.DataFrame(facts),
        products=products.assign(approval=_blank(products), lot=_blank(products), used_from=_blank(products)),
        events=events.assign(kind=_blank(events, "reaction"))[["segment", "kind", "event"]],
    )


def _long(matrix: csr_array, name: str, labels: pd.Index) -> pd.DataFrame:
    """One row an entry: the segment and the label."""
    segment = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return pd.DataFrame({"segment": segment, name: labels.take(matrix.indices)})


def _blank(rows: pd.DataFrame, text: str = "") -> pd.Series:
    return pd.Series(text, index=rows.index, dtype="str")


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
