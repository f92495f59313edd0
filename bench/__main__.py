"""Run the parts named, or all; `--write FILE` writes what one part prints to a file."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
from pathlib import Path

PARTS = {
    "load": "Loading large files",
    "duplicates": "Duplicates among many reports",
    "screen": "All pairs of a long table",
    "national": "Counts and measures at national size",
    "peer": "The same pairs through vigipy",
    "backfill": "Alerts of 104 weeks",
    "detection": "Planted pairs found, and false alerts",
    "calibration": "Calibration",
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without a name")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write what one part prints to this file")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.parts if name not in PARTS]
    if unknown:
        parser.error(f"there is no part “{unknown[0]}”; there are {', '.join(PARTS)}")
    if given.write is None:
        for name in given.parts or PARTS:
            print(f"\n## {PARTS[name]}\n", flush=True)
            _run(name)
    elif len(given.parts) == 1:
        # A file written in one go: a run that is stopped leaves the old one as it was.
        aside = given.write.with_name(given.write.name + ".part")
        with aside.open("w", encoding="utf-8", newline="\n") as file, contextlib.redirect_stdout(file):
            _run(given.parts[0])
        aside.replace(given.write)
    else:
        parser.error("--write takes one part")
    return 0


def _run(name: str) -> None:
    importlib.import_module(f"bench.{name}").main()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
