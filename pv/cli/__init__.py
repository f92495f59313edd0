"""The command `pvwatch`. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some rows are quarantined."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pv import __version__
from pv.cli import (
    background,
    doctor,
    duplicates,
    evaluate,
    explain,
    export,
    mapping,
    privacy,
    quarantine,
    status,
    tables,
    trace,
    unmapped,
)
from pv.cli.common import MomentType, WeekType, as_json_option, print_json, progress, reported
from pv.week import Week, weeks_between

QUARANTINED = 3
SHOWN_PROBLEMS = 20


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pvwatch")
def main() -> None:
    """Weekly safety signals and hospital reporting for ADR monitoring centres.

    \b
    First steps:
      pvwatch make-key > ~/pvwatch.key        # once; keep it safe, apart from the data
      export PVWATCH_HOME=~/pvwatch PVWATCH_KEY="$(cat ~/pvwatch.key)"
      pvwatch ingest exports/
      pvwatch run --week 2026-W46
    """


@main.command("make-key")
@click.option("--mark", is_flag=True, help="Make none; show the mark of the one that is set, to tell keys apart.")
@reported
def make_key(mark: bool) -> None:
    """Print a new key for PVWATCH_KEY.

    It encrypts the raw archive and the quarantine and hashes names; without it neither can be read.

    \b
    Example:
      pvwatch make-key
    """
    from cryptography.fernet import Fernet

    if mark:
        from pv import archive, keys
        from pv.settings import Settings

        for one in archive.keys_of(Settings.load().require_key()):
            click.echo(keys.mark_of(one))
        return

    click.echo(Fernet.generate_key().decode("ascii"))


@main.command("demo-data")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", default=1, show_default=True, help="Another seed makes another city.")
@click.option("--weeks", default=104, show_default=True, type=click.IntRange(4, 520), help="Up to 2026-W46.")
@click.option("--hospitals", default=40, show_default=True, type=click.IntRange(8, 500), help="Reporting hospitals.")
@click.option(
    "--reports-per-week", default=120, show_default=True, type=click.IntRange(5, 20_000), help="17: a district."
)
@as_json_option
@reported
def demo_data(folder: Path, seed: int, weeks: int, hospitals: int, reports_per_week: int, as_json: bool) -> None:
    """Write the exports and reference files of a fictional city, with truth.json.

    \b
    Example:
      pvwatch demo-data demo --reports-per-week 17
    """
    from pv.demo import write_city

    truth = write_city(folder, seed=seed, weeks=weeks, hospitals=hospitals, reports_per_week=reports_per_week)
    if as_json:
        print_json({"folder": str(folder), "totals": truth["totals"]})
        return
    for stream, totals in truth["totals"].items():
        click.echo(f"{stream}: " + ", ".join(f"{name} {value}" for name, value in totals.items()))
    click.echo(f"Exports, reference files and truth.json are in {folder}")


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--dry-run", is_flag=True, help="Check and account, keep nothing.")
@as_json_option
@reported
def ingest(paths: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Load files, or all files below folders: detect, archive, check, store.

    \b
    Example:
      pvwatch ingest exports/2026-W46
      pvwatch ingest --dry-run drug.xlsx
    """
    from pv import inbox, pipeline
    from pv.settings import Settings

    settings = Settings.load()
    now = datetime.now(UTC)
    files = inbox.files_of(paths)
    with progress(files, "ingest", quiet=as_json) as bar:
        accounts = pipeline.ingest(settings, files, now, dry_run, progress=lambda _path: bar.update(1))
    if as_json:
        print_json([account.as_dict() for account in accounts])
    else:
        _show_accounts(accounts)
    if any(account.refused for account in accounts):
        sys.exit(1)
    if any(account.quarantined for account in accounts):
        sys.exit(QUARANTINED)


def _show_accounts(accounts: Iterable[Any]) -> None:
    from pv import messages

    lang = messages.language()
    total = {"read": 0, "stored": 0, "unchanged": 0, "quarantined": 0, "warnings": 0}
    for account in accounts:
        if account.refused:
            reason = messages.refusal(account.refused, account.refused_values, lang)
            click.echo(f"{account.file}: refused. {reason}", err=True)
            continue
        click.echo(
            f"{account.file}: {account.format}, read {account.read} = stored {account.stored} + unchanged "
            f"{account.unchanged} + quarantined {account.quarantined}; warnings {account.warnings}"
        )
        _show_problems(account, lang)
        for name in total:
            total[name] += getattr(account, name)
    click.echo("total: " + ", ".join(f"{name} {value}" for name, value in total.items()))


def _show_problems(account: Any, lang: str) -> None:
    from pv import messages

    ordered = sorted(account.problems, key=lambda problem: problem.outcome)  # quarantine before warning
    for problem in ordered[:SHOWN_PROBLEMS]:
        sheet = f", sheet “{problem.sheet}”" if problem.sheet else ""
        value = f", {problem.column} “{problem.value}”" if problem.column else ""
        click.echo(
            f"  {problem.outcome}: {Path(account.file).name}{sheet}, row {problem.row}{value}: "
            f"{messages.problem(problem.code, lang)}",
            err=True,
        )
    if len(ordered) > SHOWN_PROBLEMS:
        click.echo(f"  … and {len(ordered) - SHOWN_PROBLEMS} more; all with --json", err=True)


_as_of = click.option("--as-of", type=MomentType(), help="What was known then, e.g. 2026-11-16 (its end, Shanghai).")


@main.command()
@click.option("--week", required=True, type=WeekType(), help="ISO week, e.g. 2026-W46.")
@_as_of
@as_json_option
@reported
def run(week: Week, as_of: datetime | None, as_json: bool) -> None:
    """Alerts, appraisal and reports of one week.

    \b
    Example:
      pvwatch run --week 2026-W46
    """
    _run_weeks([week], as_of, as_json)


@main.command()
@click.option("--from", "first", required=True, type=WeekType(), help="First ISO week.")
@click.option("--to", "last", required=True, type=WeekType(), help="Last ISO week.")
@_as_of
@as_json_option
@reported
def backfill(first: Week, last: Week, as_of: datetime | None, as_json: bool) -> None:
    """The same for many weeks.

    \b
    Example:
      pvwatch backfill --from 2026-W01 --to 2026-W46
    """
    try:
        weeks = weeks_between(first, last)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    _run_weeks(weeks, as_of, as_json)


def _run_weeks(weeks: Sequence[Week], as_of: datetime | None, as_json: bool) -> None:
    from pv import pipeline
    from pv.settings import Settings

    settings = Settings.load()
    now = datetime.now(UTC)
    with progress(weeks, "weeks", quiet=as_json) as bar:
        summaries = pipeline.run(settings, weeks, as_of or now, progress=lambda _week: bar.update(1), now=now)
    if as_json:
        print_json(summaries)
        return
    for week, summary in zip(weeks, summaries, strict=True):
        click.echo(f"{week}: revision {summary['revision'] or 'none (as of then)'}, {summary['folder']}")
    click.echo(f"All weeks: {settings.out / 'index.html'}")
    if not any(total["ytd"] for summary in summaries for total in summary["totals"]):
        click.echo(f"No reports up to these weeks in {settings.database_url}; is PVWATCH_HOME right?", err=True)


for command in (
    background.background,
    doctor.doctor,
    duplicates.duplicates,
    evaluate.evaluate,
    explain.explain,
    export.export,
    quarantine.quarantine,
    status.status,
    tables.screen,
    tables.measures,
    trace.trace,
    *privacy.COMMANDS,
    unmapped.unmapped,
    mapping.draft_mapping,
):
    main.add_command(command)
