"""The command `pvwatch evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from pv.cli.common import as_json_option, print_json, reported
from pv.cli.tables import case_table, write_frame

_TABLE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@case_table
@click.option("--reference", required=True, type=_TABLE, help="Pairs with known truth: OMOP, EU-ADR, Harpaz or a CSV.")
@click.option("--definitions", type=_TABLE, help="Terms of the set's events, where they are groups (Harpaz 2014).")
@click.option("--mapping", type=_TABLE, help="Own wordings of the set's names: kind, wording, reference.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the table of measures to this file."
)
@as_json_option
@reported
def evaluate(
    table: Path,
    case: str,
    product: str,
    event: str,
    reference: Path,
    definitions: Path | None,
    mapping: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """How well each measure tells known pairs from others, on cases of one's own.

    \b
    Example:
      pvwatch evaluate cases.csv --case id --product drug --event reaction --reference omopReferenceSet.csv
    """
    from pv.signals import discrimination, long_table, reference_sets

    known = reference_sets.read_reference(reference, definitions)
    if mapping is not None:
        known = reference_sets.with_mapping(known, reference_sets.read_mapping(mapping))
    cases = reference_sets.in_words_of(known, long_table.read_table(table), product, event)
    result = long_table.screen(cases, case, product, event)
    found = discrimination.evaluate(result.pairs, known.pairs, list(result.met))
    if out is not None:
        write_frame(found.auc, out)
    if as_json:
        print_json(found.summary())
        return
    for part in (found.found, found.auc, found.screens):
        click.echo(part.to_string(index=False, na_rep="—", float_format="%.3f") + "\n")
