"""The command `pvwatch map`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pv.cli.common import as_json_option, print_json, reported


@click.command("map")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--stream", help="What the table is about, such as drug; else it is told from the headings.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the mapping file here (TOML).")
@as_json_option
@reported
def draft_mapping(file: Path, stream: str | None, out: Path | None, as_json: bool) -> None:
    """Look at a table of any form and draft the mapping file with which ingest can read it.

    \b
    Example:
      pvwatch map export.xlsx --out export.toml
    """
    from pv import messages
    from pv.drafting import draft, mapping_text
    from pv.sources import FileRefused

    try:
        found = draft(file, stream or "")
    except FileRefused as refusal:
        raise ValueError(f"{file}: {messages.refusal(refusal.code, refusal.values, messages.language())}") from None
    text = mapping_text(found, file)
    if out is not None:
        out.write_text(text, encoding="utf-8", newline="\n")
    if as_json:
        print_json(_as_json(found, out))
        return
    if out is None:
        click.echo(text, nl=False)
    _summary(found, out)


def _as_json(found: Any, out: Path | None) -> dict[str, Any]:
    columns = [
        {"heading": one.heading, "field": one.field, "confidence": round(one.confidence, 2), "why": one.why}
        for one in found.guesses
    ]
    told = {name: dict(getattr(found, name)) for name in ("dates", "split", "values")}
    plain = {"sheet": found.sheet, "stream": found.stream, "known": found.known, "missing": list(found.missing)}
    return {"file": str(out or ""), **plain, "columns": columns, **told}


def _summary(found: Any, out: Path | None) -> None:
    doubtful = [one.heading for one in found.guesses if one.field and one.field not in found.filled]
    click.echo(f"stream {found.stream}: {len(found.filled)} of {len(found.guesses)} columns fill a field", err=True)
    if found.known:
        click.echo(f"The file is read as {found.known} already: pvwatch ingest needs no mapping file for it.", err=True)
    if doubtful:
        click.echo(f"please confirm: {', '.join(doubtful)}", err=True)
    unknown = sum(not ours for values in found.values.values() for ours in values.values())
    if unknown:
        click.echo(f"{unknown} values of codes have no wording of ours yet: see the sections [values…]", err=True)
    for name, form in found.dates.items():
        if form == "?":
            click.echo(f"{name}: day and month cannot be told apart; choose in [dates]", err=True)
    for missing in found.missing:
        click.echo(f"missing, and needed: {missing}", err=True)
    if out is not None and not found.known:
        click.echo(
            f"Check {out} and put it into layouts/ of the reference folder; then pvwatch ingest --dry-run", err=True
        )
