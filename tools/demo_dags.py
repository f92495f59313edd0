"""Runs DAGs as `airflow dags test` does, one after the other in one process: starting Airflow takes longer than each.

Usage: demo_dags.py LOGS DAG [DAG…] with DAG as `name` or `name@day`. The output of each goes to a file in LOGS. Ends
with 1 at the first that fails, after its last lines.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LAST_LINES = 60


def main(logs: str, *dags: str) -> int:
    shown = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for asked in dags:
        name, _, day = asked.partition("@")
        log = Path(logs) / f"airflow-dags-test-{name}.log"
        begin = time.monotonic()
        with _output_to(log):
            failed = _failed(["dags", "test", name, *([day] if day else [])])
        print(f"  {f'airflow dags test {name}':<34} {time.monotonic() - begin:4.0f} s", file=shown, flush=True)
        if failed:
            print(*log.read_text(encoding="utf-8").splitlines()[-LAST_LINES:], sep="\n", file=sys.stderr)
            print(f"demo: {name} failed: {failed}; all of its output is in {log}", file=sys.stderr)
            return 1
    return 0


def _failed(command: list[str]) -> str:
    """What a command of Airflow fails with, "" where it does not."""
    from airflow.cli.cli_parser import get_parser

    arguments = get_parser().parse_args(command)
    try:
        arguments.func(arguments)
    except SystemExit as end:
        return str(end.code or "")
    return ""


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """All output of this process goes into a file."""
    kept = os.dup(1), os.dup(2)
    with log.open("w", encoding="utf-8") as target:
        os.dup2(target.fileno(), 1)
        os.dup2(target.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for place, stream in enumerate(kept, start=1):
                os.dup2(stream, place)
                os.close(stream)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
