"""The command `pvwatch trace`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from pv.cli.common import MomentType, as_json_option, print_json, reported


@click.command()
@click.argument("what", nargs=-1)
@click.option("--lot", "lots", multiple=True, help="A lot; may be given more than once.")
@click.option("--udi", "udis", multiple=True, help="A UDI: of its lot, or of its product where it names none.")
@click.option("--number", "numbers", multiple=True, help="An approval, registration or filing number.")
@click.option("--product", "products", multiple=True, help="A product by its whole name.")
@click.option("--stream", "streams", multiple=True, help="Only this stream.")
@click.option("--foreign", is_flag=True, help="Foreign databases too.")
@click.option("--as-of", type=MomentType(), help="What was known then, e.g. 2026-11-16 (its end, Shanghai).")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file: a workbook (.xlsx) or a page to print (.html).",
)
@as_json_option
@reported
def trace(
    what: tuple[str, ...],
    lots: tuple[str, ...],
    udis: tuple[str, ...],
    numbers: tuple[str, ...],
    products: tuple[str, ...],
    streams: tuple[str, ...],
    foreign: bool,
    as_of: datetime | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Every case, hospital, date and patient group of a lot, number, UDI or product, for a recall.

    \b
    Examples:
      pvwatch trace 20260301
      pvwatch trace 注射用头孢曲松钠 --lot 20260301 --lot 20260302 --out recall.xlsx
    """
    from pv import messages, tracing
    from pv.settings import Settings
    from pv.tracing import output

    if not (what or lots or udis or numbers or products):
        raise click.UsageError("what is to be traced? Write a lot, a number, a UDI or a product name")
    if out is not None and out.suffix.lower() not in {".xlsx", ".html"}:
        raise click.UsageError(f"--out {out}: write a name that ends in .xlsx or .html")
    question = tracing.Question(what, lots, numbers, products, udis, streams, foreign)
    found = tracing.trace(Settings.load(), question, as_of or datetime.now(UTC))
    lang = messages.language()
    if out is not None and out.suffix.lower() == ".xlsx":
        output.write_workbook(found, out)
    elif out is not None:
        output.write_page(found, out, lang)
    if as_json:
        print_json(output.as_json(found))
        return
    for line in output.as_text(found, lang):
        click.echo(line)
    if out is not None:
        click.echo(f"\n{out}")
