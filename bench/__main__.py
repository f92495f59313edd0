"""Run the parts named, or all."""

from __future__ import annotations

import importlib
import sys

PARTS = {
    "load": "Loading large files",
    "screen": "All pairs of a long table",
    "detection": "Planted pairs found, and false alerts",
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"bench: there is no part “{unknown[0]}”; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    for name in names or PARTS:
        print(f"\n## {PARTS[name]}\n", flush=True)
        importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
