"""The command `pvwatch export`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pv.cli.common import MomentType, WeekType, as_json_option, print_json, reported
from pv.week import Week

INCOMPLETE = 3
SHOWN = 20


@click.command()
@click.option("--format", "kind", required=True, type=click.Choice(["e2b-r3", "national"]), help="What to write.")
@click.option(
    "--stream", type=click.Choice(["drug", "device", "cosmetic"]), default="drug", show_default=True, help="Of what."
)
@click.option("--week", type=WeekType(), help="What came into force in this ISO week, e.g. 2026-W46.")
@click.option("--from", "first", type=WeekType(), help="What came into force from this week on.")
@click.option("--to", "last", type=WeekType(), help="What came into force up to the end of this week.")
@click.option("--case", "numbers", multiple=True, help="Only this case; may be given more than once.")
@click.option("--history", is_flag=True, help="Every version of a case, not only the last.")
@click.option("--as-of", type=MomentType(), help="What was known then, e.g. 2026-11-16 (its end, Shanghai).")
@click.option("--sender", help="Identifier of the sender of E2B messages; else PVWATCH_SENDER.")
@click.option("--receiver", help="Identifier of the receiver of E2B messages; else PVWATCH_RECEIVER.")
@click.option(
    "--encoding",
    type=click.Choice(["utf-8", "gb18030"]),
    default="utf-8",
    show_default=True,
    help="Of a CSV file.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@as_json_option
@reported
def export(
    kind: str,
    stream: str,
    week: Week | None,
    first: Week | None,
    last: Week | None,
    numbers: tuple[str, ...],
    history: bool,
    as_of: datetime | None,
    sender: str | None,
    receiver: str | None,
    encoding: str,
    out: Path,
    as_json: bool,
) -> None:
    """Reports of the store for another system: E2B(R3) messages, or a table in the national layout.

    Of each report its last version, if that came into force in the weeks asked for; withdrawn ones say so. Names, birth
    dates, telephones and record numbers are not in the store and cannot be given.

    \b
    Example:
      pvwatch export --format e2b-r3 --week 2026-W46 --sender SHI-CENTRE --receiver PROVINCE --out W46.xml
      pvwatch export --format national --stream device --out devices.xlsx
    """
    from pv.exporting import files
    from pv.exporting.selection import Wanted
    from pv.settings import Settings

    if week is not None and (first is not None or last is not None):
        raise click.UsageError("--week is one week; give it or --from and --to, not both")
    if first is not None and last is not None and first > last:
        raise click.UsageError(f"--from {first} is after --to {last}")
    settings = Settings.load()
    wanted = Wanted(
        stream, as_of or datetime.now(UTC), week or first, week or last, tuple(dict.fromkeys(numbers)), history
    )
    if kind == "e2b-r3":
        done = files.export_e2b(settings, wanted, out, sender or settings.sender, receiver or settings.receiver)
    else:
        done = files.export_national(settings, wanted, out, "utf-8-sig" if encoding == "utf-8" else encoding)
    _show(done, {"file": str(out), "format": kind, "stream": stream}, as_json)
    if done.unwritten:
        sys.exit(INCOMPLETE)


def _show(done: Any, what: dict[str, str], as_json: bool) -> None:
    from pv import messages

    lang = messages.language()
    left = [{"case": one.case, "why": messages.unwritten(one.code, one.value, lang)} for one in done.unwritten]
    if as_json:
        print_json(what | {"reports": done.reports, "withdrawn": done.withdrawn, "not_written": left})
        return
    for one in left[:SHOWN]:
        click.echo(f"  not written: {one['case']}: {one['why']}", err=True)
    if len(left) > SHOWN:
        click.echo(f"  … and {len(left) - SHOWN} more; all with --json", err=True)
    not_written = f"; {len(left)} could not be written" if left else ""
    click.echo(f"{done.reports} reports, {done.withdrawn} of them withdrawn{not_written}: {what['file']}")
    if not done.reports:
        click.echo("Nothing came into force in these weeks; the file has no report.", err=True)
