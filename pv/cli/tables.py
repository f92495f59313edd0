"""Commands on tables that need no store: screen, measures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd

from pv.cli.common import as_json_option, plain, print_json, reported


class PriorType(click.ParamType):
    """Five numbers: alpha1,beta1,alpha2,beta2,p."""

    name = "a1,b1,a2,b2,p"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from pv.signals.prior import Prior

        try:
            numbers = [float(part) for part in str(value).split(",")]
            if len(numbers) != 5:
                raise ValueError(f"“{value}” holds {len(numbers)} numbers")
            return Prior(*numbers)
        except ValueError as error:
            self.fail(f"{error}. Write five numbers: alpha1,beta1,alpha2,beta2,p.", param, ctx)


def case_table(function: Callable[..., Any]) -> Callable[..., Any]:
    """A long table with the columns of case, product and event."""
    for decorate in (
        click.option("--event", required=True, help="Column of the event."),
        click.option("--product", required=True, help="Column of the product."),
        click.option("--case", "case", required=True, help="Column of the case number."),
        click.argument("table", metavar="CASES", type=click.Path(path_type=Path, exists=True, dir_okay=False)),
    ):
        function = decorate(function)
    return function


_FILE = click.Path(path_type=Path, dir_okay=False)
_prior = click.option("--prior", type=PriorType(), help="Take this prior for EBGM instead of fitting one.")
_out = click.option("--out", type=_FILE, help="Write to this file: CSV, or Parquet by its name.")


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """CSV with plain numbers (inf, empty for none), or Parquet where the name ends so."""
    if path.suffix.lower() == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, lineterminator="\n", na_rep="")


@click.command()
@case_table
@click.option("--stratum", "strata", multiple=True, help="Column to stratify by; may be given more than once.")
@click.option(
    "--variant",
    type=click.Choice(["zeros", "truncated"]),
    default="zeros",
    show_default=True,
    help="Likelihood of the EBGM fit: all cells, or those with a case (as openEBGM does).",
)
@_prior
@click.option("--masking", type=_FILE, help="Write to this file the pairs that a dominant product masks.")
@click.option("--interactions", type=_FILE, help="Write to this file Ω of two products and an event.")
@_out
@as_json_option
@reported
def screen(
    table: Path,
    case: str,
    product: str,
    event: str,
    strata: tuple[str, ...],
    variant: str,
    prior: Any,
    masking: Path | None,
    interactions: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Counts and measures of all pairs of a long table (CSV, Parquet, XLSX); no store is needed.

    \b
    Example:
      pvwatch screen caers.csv --case id --product var1 --event var2 --stratum strat1 --out pairs.csv
    """
    import time

    from pv.signals import long_table

    start = time.perf_counter()
    frame = long_table.read_table(table)
    seconds = {"read": round(time.perf_counter() - start, 3)}
    result = long_table.screen(frame, case, product, event, strata=strata, variant=variant, prior=prior)
    seconds |= result.seconds
    wanted = {out: lambda: result.pairs, masking: result.masking, interactions: result.interactions}
    before = time.perf_counter()
    for path, made in wanted.items():
        if path is not None:
            write_frame(made(), path)
    seconds["write"] = round(time.perf_counter() - before, 3)
    seconds["total"] = round(time.perf_counter() - start, 3)
    summary = result.summary() | {"seconds": seconds, "peak_mb": _peak_mb()}
    if as_json:
        print_json(summary)
        return
    for name, value in summary.items():
        click.echo(f"{name}: {value}")
    _explain(result.fit.warnings)
    if out is not None:
        click.echo(f"All pairs: {out}")


def _explain(warnings: tuple[str, ...]) -> None:
    from pv import messages

    for code in warnings:
        click.echo(f"prior: {messages.prior_warning(code, messages.language())}", err=True)


def _peak_mb() -> float | None:
    """The most memory that this process has held, in MB; None where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


@click.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_prior
@_out
@as_json_option
@reported
def measures(table: Path, prior: Any, out: Path | None, as_json: bool) -> None:
    """Measures of given 2×2 tables: columns a, b, c, d (others are carried along).

    Without --prior one is fitted to the given cells alone, with a warning: cells without a case are not known here.

    \b
    Example:
      pvwatch measures tables.csv --prior 0.19,0.22,2.34,1.67,0.46 --out measured.csv
    """
    from pv.signals import long_table

    found = long_table.measure_tables(long_table.read_table(table), prior)
    measured = found.tables
    if found.fit is not None:
        _explain(("cells_unknown", *found.fit.warnings))
    if out is not None:
        write_frame(measured, out)
    if as_json:
        print_json([plain(row) for row in measured.to_dict("records")])
    elif out is None:
        click.echo(measured.to_csv(index=False, lineterminator="\n", na_rep=""), nl=False)
    else:
        click.echo(f"{len(measured)} tables measured: {out}")
