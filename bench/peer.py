"""The same pair counts through vigipy 3.5.1 and through us: seconds, and the ratio.

vigipy starts from pair counts and computes for a ≥ 3 only: PRR, ROR, BCPNN (IC) and GPS (EBGM and its limits), each
as it comes. Ours is the whole way from cases: counts of all pairs, closed forms, the fit and EBGM with limits of every
pair. vigipy has libraries of its own choice in an environment of its own, kept in the user's cache folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from bench import synthetic
from bench.national import FITTED, of_size
from bench.tables import heading, line
from pv.signals.counts import pair_counts

CASES = 1_000_000
PEER = "vigipy==3.5.1"
_RUN = """
import json, resource, sys, time, warnings
import numpy, pandas, vigipy
warnings.simplefilter("ignore")
counts = numpy.load(sys.argv[1])
frame = pandas.DataFrame({name: counts[name] for name in ("name", "AE", "count")})
seconds, container = {}, None
def timed(step, work):
    start, cpu = time.perf_counter(), time.process_time()
    result = work()
    seconds[step] = (time.perf_counter() - start, time.process_time() - cpu)
    return result
container = timed("convert", lambda: vigipy.convert(frame))
for method in ("prr", "ror", "bcpnn", "gps"):
    timed(method, lambda: getattr(vigipy, method)(container, min_events=3))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
print(json.dumps({"seconds": seconds, "gib": peak}))
"""


def main() -> None:
    """Print a Markdown table of the steps of both and the ratio of their sums; only a sentence without vigipy."""
    python = _environment()
    if python is None:
        return
    ours = of_size(CASES)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "counts.npz"
        counts = pair_counts(synthetic.incidence(CASES))
        np.savez(path, name=counts.product, AE=counts.event, count=counts.a)
        done = subprocess.run([str(python), "-c", _RUN, str(path)], check=True, capture_output=True, text=True)
    theirs = json.loads(done.stdout)
    print(heading(["", "step", "s", "CPU s", "peak GiB"]))
    for step, (wall, cpu) in theirs["seconds"].items():
        print(line([PEER, step, f"{wall:.2f}", f"{cpu:.2f}", ""]))
    for step in FITTED:
        print(line(["pvwatch", step, f"{ours['seconds'][step]:.2f}", f"{ours['cpu'][step]:.2f}", ""]))
    sums = {
        PEER: tuple(map(sum, zip(*theirs["seconds"].values(), strict=True))),
        "pvwatch": tuple(sum(ours[of][step] for step in FITTED) for of in ("seconds", "cpu")),
    }
    memory = {PEER: theirs["gib"], "pvwatch": ours["gib"][FITTED[-1]]}
    for name, (wall, cpu) in sums.items():
        print(line([name, "**sum**", f"{wall:.1f}", f"{cpu:.1f}", f"{memory[name]:.2f}"]))
    wall, cpu = (peer / own for peer, own in zip(sums[PEER], sums["pvwatch"], strict=True))
    print(f"\nRatio: {wall:.0f} by the clock, {cpu:.0f} in CPU time.")


def _environment() -> Path | None:
    """The Python of the peer's environment, made where it is not there; None, with a sentence, if it cannot be made."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "pvwatch-bench" / PEER.replace("==", "-")
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ready = home / "ready"
    if ready.is_file():
        return python
    for command in ([sys.executable, "-m", "venv", "--clear", home], [python, "-m", "pip", "install", "-q", PEER]):
        done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True)
        if done.returncode:
            complaint = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            print(f"Left out: {PEER} cannot be installed here ({complaint[-1]}).")
            return None
    ready.touch()
    return python


if __name__ == "__main__":
    main()
