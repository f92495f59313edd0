"""The command `pvwatch explain`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from pv.cli.common import MomentType, WeekType, as_json_option, plain, print_json, reported
from pv.week import Week

SHOWN_CASES = 50
_LISTS = ("tables", "history", "use", "risk", "cases", "mappings")


@click.command()
@click.argument("product")
@click.argument("event")
@click.option("--week", required=True, type=WeekType(), help="ISO week, e.g. 2026-W46.")
@click.option("--as-of", type=MomentType(), help="What was known then, e.g. 2026-11-16 (its end, Shanghai).")
@as_json_option
@reported
def explain(product: str, event: str, week: Week, as_of: datetime | None, as_json: bool) -> None:
    """The 2×2 tables of a pair, each measure with its formula filled in, screens met, history, wordings, cases.

    \b
    Example:
      pvwatch explain 注射用头孢曲松钠 过敏性休克 --week 2026-W46
    """
    from pv import explanation
    from pv.rendering.labels import code_label
    from pv.settings import Settings

    found = explanation.explain(Settings.load(), product, event, week, as_of or datetime.now(UTC))
    if as_json:
        print_json({**found, **{name: [plain(row) for row in found[name]] for name in _LISTS}})
        return
    click.echo(f"{found['product']} → {found['event']}, {found['week']}")
    for table in found["tables"]:
        _show_table(table)
    click.echo("\nweek      table                                     a      E   IC025  screens, status")
    for row in found["history"]:
        name = f"{row['event_kind']}, {row['level']}, {row['comparator']}, {row['window']}"
        figures = f"{row['a']:>5} {row['expected']:>6.2f} {row['ic025']:>7.2f}"
        click.echo(f"{row['week']}  {name:<38} {figures}  {row['screens'] or '—'} {row['status']}")
    click.echo("\ncounted as these, and why:")
    for row in found["mappings"][:SHOWN_CASES]:
        problem = f"; look at it: {code_label('mapping_problem', row['problem'], 'en')}" if row["problem"] else ""
        rule = code_label("mapping_rule", row["rule"], "en")
        click.echo(f"  {row['kind']} “{row['wording']}”: {rule}, {row['cases']} reports{problem}")
    _show_registers(found)
    click.echo(f"\n{len(found['cases'])} reports as filed:")
    for case in found["cases"][:SHOWN_CASES]:
        marks = [name for name in ("serious", "death") if case[name]]
        marks += [f"merged into {case['merged_into']}"] if case["merged_into"] else []
        marks += [f"not counted: {case['left_out']}"] if case["left_out"] else []
        facts = (case["received_on"], case["case"], case["hospital"], case["sex"], case["age_band"], *marks)
        click.echo("  " + ", ".join(fact for fact in facts if fact))
    if len(found["cases"]) > SHOWN_CASES:
        click.echo(f"  … and {len(found['cases']) - SHOWN_CASES} more; all with --json")


def _show_registers(found: dict[str, Any]) -> None:
    for row in found["use"]:
        of = row["place"] or f"{row['places']} hospitals"
        amount = f"{row['quantity']:,.10g} {row['unit']} {row['measure']}, {row['reports']:g} reports"
        limits = f"{row['rate']:.2f} per 10,000 ({row['rate_low']:.2f} – {row['rate_high']:.2f})"
        click.echo(f"\nuse, {row['first_period']} to {row['last_period']}, {of}: {amount}; {limits}")
    if found["risk"]:
        click.echo("\nother risk information of the last 12 months:")
    for row in found["risk"]:
        facts = (
            f"same {row['link']}",
            row["kind"],
            row["lot"],
            row["maker"],
            row["finding"],
            row["state"],
            row["source"],
        )
        click.echo(f"  {row['occurred_on']}, {row['number']}: " + ", ".join(fact for fact in facts if fact))


def _show_table(table: dict[str, Any]) -> None:
    what = (
        table["stream"],
        table["event_kind"],
        f"by {table['level']}",
        f"against {table['comparator']}",
        table["window"],
    )
    name = ", ".join(what)
    click.echo(f"\n{name}: a {table['a']}, b {table['b']}, c {table['c']}, d {table['d']}")
    for line in table["formulas"]:
        click.echo(f"  {line}")
    for criterion in table["criteria"]:
        click.echo(f"  meets {criterion['screen']}: {criterion['criteria']} [{criterion['source']}]")
    since = f", since {table['status_since']}" if table["status_since"] else ""
    click.echo(f"  status: {table['status'] or 'none'}{since}; first week {table['first_week'] or '—'}")
