"""The command `pvwatch background`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from pv.cli.common import MomentType, WeekType, as_json_option, print_json, reported
from pv.week import Week


@click.command()
@click.option("--week", required=True, type=WeekType(), help="Counts up to the end of this ISO week, e.g. 2026-W46.")
@click.option("--source", required=True, help="Who made the counts; it is written into the file.")
@click.option("--as-of", type=MomentType(), help="What was known then, e.g. 2026-11-16 (its end, Shanghai).")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@as_json_option
@reported
def background(week: Week, source: str, as_of: datetime | None, out: Path, as_json: bool) -> None:
    """The counts of this store as background.csv, for the districts of a province to compare with.

    \b
    Example:
      pvwatch background --week 2026-W46 --source "provincial centre" --out background.csv
    """
    from pv import pipeline
    from pv.settings import Settings

    rows = pipeline.background_counts(Settings.load(), week, as_of or datetime.now(UTC), source)
    rows.to_csv(out, index=False, lineterminator="\n", encoding="utf-8")
    if as_json:
        print_json({"file": str(out), "week": str(week), "counts": len(rows)})
    else:
        click.echo(f"{len(rows)} counts up to {week}: {out}")
