"""What the commands share: types of options, errors as sentences, JSON, progress."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from typing import Any

import click

from pv.week import Week, parse_instant


class WeekType(click.ParamType):
    name = "week"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Week:
        try:
            return value if isinstance(value, Week) else Week.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class MomentType(click.ParamType):
    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return value if isinstance(value, datetime) else parse_instant(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def reported(function: Callable[..., Any]) -> Callable[..., Any]:
    """What goes wrong reaches the user as one sentence and exit code 1, never as a traceback."""

    @wraps(function)
    def wrapper(*args: Any, **options: Any) -> Any:
        from pv.accounts import AccountError
        from pv.appraisal.reconciliation import ReconciliationError
        from pv.archive import ArchiveError
        from pv.reference import ReferenceDataError
        from pv.settings import SettingsError
        from pv.store import StoreError

        failures = (SettingsError, StoreError, ReferenceDataError, ArchiveError, AccountError, ReconciliationError)
        try:
            return function(*args, **options)
        except BrokenPipeError:  # the reader of our output has gone, as in `pvwatch status | head`
            raise
        except (*failures, OSError, ValueError) as error:
            click.echo(f"pvwatch: {error}", err=True)
            sys.exit(1)

    return wrapper


as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def progress(items: Sequence[Any], label: str, quiet: bool) -> Any:
    """A bar on the terminal's error stream; nothing where the output is a file or JSON."""
    hidden = quiet or not sys.stderr.isatty()
    return click.progressbar(items, label=label, file=sys.stderr, show_pos=True, hidden=hidden)


def plain(row: dict[Any, Any]) -> dict[str, Any]:
    """JSON knows neither ∞ nor “not a number”: the one becomes "inf", as in CSV files, the other null."""
    numbers = {name: value for name, value in row.items() if isinstance(value, float)}
    return {str(name): value for name, value in row.items()} | {
        str(name): None if math.isnan(value) else "inf" for name, value in numbers.items() if not math.isfinite(value)
    }
