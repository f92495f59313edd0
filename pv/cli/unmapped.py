"""The command `pvwatch unmapped`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pv.cli.common import as_json_option, print_json, reported

SHOWN = 20  # questions of a kind


@click.command()
@click.option("--stream", help="Only this stream; also one of the foreign databases.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the workbook to fill in (XLSX).")
@as_json_option
@reported
def unmapped(stream: str | None, out: Path | None, as_json: bool) -> None:
    """Wordings that wait for a mapping, most cases first, with suggestions. None is applied by itself.

    \b
    Example:
      pvwatch unmapped --out unmapped.xlsx
      pvwatch ingest unmapped.xlsx             # filled in
    """
    from pv import mapping, pipeline
    from pv.reference import streams
    from pv.settings import Settings

    if stream and stream not in streams():
        raise ValueError(f"there is no stream {stream}; there are {', '.join(streams())}")
    if out is not None and out.suffix.lower() != ".xlsx":
        raise click.UsageError("--out is a workbook: let its name end in .xlsx")
    now = datetime.now(UTC)
    asked, learned = pipeline.unmapped(Settings.load(), now, stream or "")
    if out is not None:
        mapping.write_unmapped(out, asked, learned, now)
    if as_json:
        print_json({"file": str(out or ""), "learned": len(learned), "waiting": [asdict(one) for one in asked]})
        return
    _show(asked, len(learned))
    if out is not None:
        click.echo(f"Fill in {out} and drop it into the inbox, or give it to: pvwatch ingest")
    elif asked:
        click.echo("Write the workbook to fill in: pvwatch unmapped --out unmapped.xlsx")


def _show(asked: list[Any], learned: int) -> None:
    from pv.messages import language
    from pv.rendering.labels import code_label

    lang = language()
    for kind in ("hospital", "product", "event"):
        mine = [one for one in asked if one.kind == kind]
        click.echo(f"{code_label('unmapped_kind', kind, lang)}: {len(mine)}")
        for one in mine[:SHOWN]:
            place = f" ({one.stream})" if one.stream else ""
            name = f" {one.beside}" if one.beside else ""
            best = "; ".join(f"{found.shown} {found.score}" for found in one.suggestions[:3])
            reason = code_label("unmapped_reason", one.reason, lang)
            click.echo(f"  {one.cases:>6}  {one.wording}{name}{place}: {reason}" + (f" → {best}?" if best else ""))
        if len(mine) > SHOWN:
            click.echo(f"  … and {len(mine) - SHOWN} more; all with --out or --json")
    click.echo(f"learned: {learned}")
