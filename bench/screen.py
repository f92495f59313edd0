"""How long all pairs of a long table take: `pvwatch screen` with Python's start, and counts and measures alone."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from pv.signals import long_table

RUNS = 5
CASES = 500_000


def main() -> None:
    """Print a Markdown table."""
    print("| table | rows | cases | pairs | s |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "cases.csv"
        small = _simulated(3_356)
        small.to_csv(path, index=False)
        _command("simulated", path, ("case", "product", "event"))
        shared = Path(os.environ.get("PV_SHARED") or Path(__file__).parents[2] / "shared")
        caers = shared / "data" / "caers" / "caers.csv"
        if caers.is_file():
            _command("CAERS 2012", caers, ("id", "var1", "var2"))
    frame = _simulated(CASES)
    start = time.perf_counter()
    result = long_table.screen(frame, case="case", product="product", event="event")
    _row("simulated, read already", result, time.perf_counter() - start)


def _command(label: str, path: Path, columns: tuple[str, str, str]) -> None:
    """The whole command, median of several runs."""
    case, product, event = columns
    options = ["--case", case, "--product", product, "--event", event]
    command = [sys.executable, "-c", "from pv.cli import main; main()", "screen", str(path), *options]
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    result = long_table.screen(long_table.read_table(path), case=case, product=product, event=event)
    _row(f"{label}, `pvwatch screen`", result, statistics.median(seconds))


def _row(label: str, result: long_table.ScreenResult, seconds: float) -> None:
    print(f"| {label} | {result.rows:,} | {result.n:,} | {len(result.pairs):,} | {seconds:.2f} |", flush=True)


def _simulated(cases: int) -> pd.DataFrame:
    """1 to 11 rows a case; products and events as unequal as in real data (weights 1/rank)."""
    random = np.random.default_rng(1)
    case = np.repeat(np.arange(cases), random.integers(1, 12, cases))
    columns = {"case": pd.Index([f"R{number}" for number in range(cases)], dtype="str").take(case)}
    for name, size in (("product", 2_900), ("event", 1_300)):
        weights = 1 / np.arange(1, size + 1)
        codes = random.choice(size, len(case), p=weights / weights.sum())
        columns[name] = pd.Index([f"{name} {number}" for number in range(size)], dtype="str").take(codes)
    return pd.DataFrame(columns)


if __name__ == "__main__":
    main()
