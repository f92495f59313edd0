"""Counts and measures of every pair at national size: seconds, memory, and how they grow with the data.

Each size runs in a process of its own, so that its peak memory is its own; making the cases is not timed, but its
memory counts. Goals, on two cores: a million reports in 8 s and 2 GiB for counts, closed forms and EBGM with limits;
20 million: counts in 20 s, closed forms and EBGM in 60 s more, all within 8 GiB.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from bench import synthetic
from bench.tables import heading, line
from pv.signals import exact, prior
from pv.signals.counts import PairCounts, pair_counts
from pv.signals.ebgm import ebgm
from pv.signals.false_discovery import benjamini_hochberg
from pv.signals.measures import all_measures, cells_from_margins

SIZES = (1_000_000, 5_000_000, 20_000_000)
LEAST = 3  # exact tails are worked out from so many cases on; p = 1 below
STEPS = ("counts", "closed forms", "EBGM fit", "EBGM and limits", "exact tails, a ≥ 3", "q")
FITTED = STEPS[:4]
T = TypeVar("T")


def main() -> None:
    """Print a Markdown table of every size and step, and one of the sums that have a goal."""
    columns = ["reports", "pair rows", "pairs", "step", "s", "CPU s", "CPU s a million rows", "peak GiB"]
    print(heading(columns))
    results = []
    for size in SIZES:
        result = of_size(size)
        results.append(result)
        for step in STEPS:
            print(line(_cells(result, step)), flush=True)
    print("\nRows: pair rows (the sum of a) for the counts, pairs for the rest. Peak: of the process so far.\n")
    print(heading(["reports", "counts, s", "closed forms and EBGM, s", "together, s", "peak GiB"]))
    for result in results:
        counts, fitted = result["seconds"][STEPS[0]], sum(result["seconds"][step] for step in FITTED[1:])
        cells = (f"{value:.1f}" for value in (counts, fitted, counts + fitted, result["gib"][FITTED[-1]]))
        print(line([f"{result['reports']:,}", *cells]))


def of_size(cases: int) -> dict[str, Any]:
    """Figures of `measured`, from a process of its own."""
    command = [sys.executable, "-m", "bench.national", str(cases)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def measured(cases: int) -> dict[str, Any]:
    """Numbers of reports, pair rows and pairs; seconds, cpu and gib by step; the prior found."""
    watch = _Watch()
    incidence = synthetic.incidence(cases)
    counts = watch("counts", pair_counts, incidence)
    del incidence
    closed = watch("closed forms", _closed_forms, counts)
    fit = watch("EBGM fit", _fitted, counts)
    shrunk = watch("EBGM and limits", ebgm, closed["a"], closed["expected"], fit.prior)
    del shrunk
    often = closed["a"] >= LEAST
    cells = [closed[name][often] for name in "abcd"]
    del closed
    p = np.ones(len(often))
    p[often] = watch("exact tails, a ≥ 3", exact.tail, *cells).p
    q = watch("q", benjamini_hochberg, p, counts.family)
    return {
        "reports": cases,
        "rows": int(counts.a.sum()),
        "pairs": len(counts.a),
        "tails": int(often.sum()),
        "discoveries": int((q <= 0.05).sum()),
        "prior": list(vars(fit.prior).values()),
        "points": fit.points,
        "warnings": list(fit.warnings),
        "seconds": watch.seconds,
        "cpu": watch.cpu,
        "gib": watch.gib,
    }


def _closed_forms(counts: PairCounts) -> dict[str, Any]:
    return all_measures(counts.a, *cells_from_margins(counts.a, counts.n_product, counts.n_event, counts.n))


def _fitted(counts: PairCounts) -> prior.Fit:
    return prior.fit(prior.cells_from_margins(counts, "zeros"), "zeros")


class _Watch:
    """Times steps: wall and CPU seconds of each, and the peak memory of the process when it ends."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.gib: dict[str, float] = {}

    def __call__(self, step: str, work: Callable[..., T], *arguments: Any) -> T:
        start, cpu = time.perf_counter(), time.process_time()
        result = work(*arguments)
        self.seconds[step], self.cpu[step] = time.perf_counter() - start, time.process_time() - cpu
        self.gib[step] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        return result


def _cells(result: dict[str, Any], step: str) -> list[str]:
    rows = result["rows" if step == "counts" else "tails" if step.startswith("exact") else "pairs"] / 1e6
    return [
        *(f"{result[name]:,}" for name in ("reports", "rows", "pairs")),
        step,
        f"{result['seconds'][step]:.2f}",
        f"{result['cpu'][step]:.2f}",
        f"{result['cpu'][step] / rows:.3f}",
        f"{result['gib'][step]:.2f}",
    ]


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
