"""The command `pvwatch quarantine`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pv.cli.common import as_json_option, print_json, reported

if TYPE_CHECKING:
    from pv.sources.layouts import Layout

STILL_WAITING = 3
SHOWN = 50

_stream = click.option("--stream", default="", help="Only this stream.")
_entries = click.argument("entries", nargs=-1, type=click.IntRange(1))


@click.group("quarantine", invoke_without_command=True)
@_stream
@as_json_option
@click.pass_context
@reported
def quarantine(context: click.Context, stream: str, as_json: bool) -> None:
    """Reports that cannot be counted rightly, rows of forms that cannot be taken: what waits, why, how to mend it.

    \b
    Examples:
      pvwatch quarantine
      pvwatch quarantine export --reason "to correct" --out mend.xlsx
      pvwatch quarantine replay
    """
    if context.invoked_subcommand:
        if stream or as_json:
            raise click.UsageError(f"write the options behind “{context.invoked_subcommand}”")
        return
    rows = _waiting(stream)
    if as_json:
        print_json(rows)
        return
    of_forms = sum(row["stream"] == "forms" for row in rows)
    more = f" and {of_forms} rows of forms" if of_forms else ""
    click.echo(f"{len(rows) - of_forms} reports{more} wait in the quarantine")
    for row in rows[:SHOWN]:
        _show(row)
    if len(rows) > SHOWN:
        click.echo(f"… and {len(rows) - SHOWN} more; all with --json")
    if rows:
        click.echo("correct them: pvwatch quarantine export; check them again: pvwatch quarantine replay")


def _waiting(stream: str) -> list[dict[str, Any]]:
    from pv import quarantine as entries
    from pv import sources, store
    from pv.reference import streams
    from pv.settings import Settings
    from pv.sources import forms

    known = (*streams(), forms.STREAM)
    if stream and stream not in known:
        raise ValueError(f"there is no stream {stream}; there are {', '.join(known)}")
    settings = Settings.load()
    with store.reading(store.open_store(settings.database_url)) as connection:
        found = entries.chosen(entries.entries(connection, "9999", stream), ())
    own = sources.read_own(settings.reference)
    return [_listed(entry, own) for entry in found.to_dict("records")]


def _listed(entry: dict[Any, Any], own: Sequence[Layout]) -> dict[str, Any]:
    from pv import messages
    from pv.sources.again import layout_of

    layout = layout_of(entry["format"], own)
    personal = {column.name for column in layout.columns if column.personal} if layout else set()
    reasons = [
        reason
        | {"value": "***" if reason["column"] in personal and reason["value"] else reason["value"]}
        | {lang: messages.problem(reason["code"], lang) for lang in ("zh", "en")}
        for reason in json.loads(entry["reasons"])
    ]
    mend = "load_again" if layout is None or not entry["kept"] else _way_out(layout)
    names = ("stream", "format", "file", "sheet", "rows", "received_on", "hospital", "recorded_at", "stored")
    facts = {name: entry[name] for name in names}
    return {"entry": entry["quarantine_id"], "case": entry["case_number"], **facts, "mend": mend, "reasons": reasons}


def _way_out(layout: Layout) -> str:
    from pv.sources.again import is_message, is_table

    return "export" if is_table(layout) else "ask_sender" if is_message(layout) else "replay"


_MEND = {
    "export": "",
    "ask_sender": "    ask the sender for the message again, or replay it once the code lists are mended",
    "replay": "    replay it once the code lists are mended, or load a later edition of the database; else dismiss it",
    "load_again": "    mend the file and load it again: its rows are kept no longer, or its mapping file is gone",
}


def _show(row: dict[str, Any]) -> None:
    from pv.messages import language

    sheet = f", sheet “{row['sheet']}”" if row["sheet"] else ""
    number = row["case"] or "(no number)"
    click.echo(f"{row['entry']}  {row['stream']}  {number}  {row['file']}{sheet}, row {row['rows']}")
    for reason in row["reasons"]:
        column = f", {reason['column']} “{reason['value']}”" if reason["column"] else ""
        click.echo(f"    row {reason['row']}{column}: {reason[language()]}")
    if _MEND[row["mend"]]:
        click.echo(_MEND[row["mend"]])


@quarantine.command("export")
@_entries
@_stream
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The workbook to write.")
@click.option("--reason", required=True, help="Why; it goes into the access log.")
@as_json_option
@reported
def export(entries: tuple[int, ...], stream: str, out: Path, reason: str, as_json: bool) -> None:
    """Write the rows that wait, as they came, into a workbook; of ENTRIES, or of all.

    Correct the marked cells, leave the first column as it is, and drop the workbook into the inbox. It holds names; the
    access is recorded. Rows of several layouts go into a workbook each.

    \b
    Example:
      pvwatch quarantine export --stream drug --reason "to correct" --out mend.xlsx
    """
    from pv import access, keys, sources, store
    from pv import quarantine as kept
    from pv.settings import Settings

    settings = Settings.load()
    key = settings.require_key()
    engine = store.open_store(settings.database_url)
    now = datetime.now(UTC)
    with store.writing(engine) as connection:
        keys.check(connection, key, settings.archive)
        found = kept.chosen(kept.entries(connection, "9999", stream), entries)
        own = sources.read_own(settings.reference)
        files, left = _workbooks(out, found, own)
        if there := [path for path in files if path.exists()]:
            raise click.UsageError(f"{there[0]} is there already; name another file.")
        numbers = [f"{row['quarantine_id']}: {row['case_number']}" for rows in files.values() for row in rows]
        access.record(connection, access.user(), "quarantine export", reason, now, stream=stream, subjects=numbers)
    for path, rows in files.items():
        path.touch(mode=0o600)
        with store.reading(engine) as connection:
            _write(connection, path, rows, own, key, now)
    _show_export(files, left, as_json)


def _workbooks(out: Path, found: Any, own: Sequence[Layout]) -> tuple[dict[Path, list[dict[Any, Any]]], int]:
    """Which rows go into which file; and how many cannot be corrected in a table."""
    from pv.sources.again import is_table, layout_of

    groups: dict[str, list[dict[Any, Any]]] = {}
    for row in found.to_dict("records"):
        layout = layout_of(row["format"], own)
        if row["kept"] and layout is not None and is_table(layout):
            groups.setdefault(row["format"], []).append(row)
    left = len(found) - sum(map(len, groups.values()))
    if len(groups) == 1:
        return {out: next(iter(groups.values()))}, left
    return {out.with_name(f"{out.stem}-{name}{out.suffix}"): rows for name, rows in groups.items()}, left


def _write(
    connection: Any, path: Path, rows: list[dict[Any, Any]], own: Sequence[Layout], key: str, now: datetime
) -> None:
    import pandas as pd

    from pv.cases import explain
    from pv.intake.replay import kept_rows
    from pv.rendering.mending import Mending, write_mending_workbook
    from pv.sources.again import layout_of

    layout = layout_of(rows[0]["format"], own)
    assert layout is not None  # noqa: S101 - `_workbooks` has looked
    raw = kept_rows(connection, pd.DataFrame(rows), layout, key)
    entries = [
        Mending(
            row["quarantine_id"],
            row["file"],
            explain(row["reasons"], "zh"),
            explain(row["reasons"], "en"),
            frozenset((reason["row"], reason["column"]) for reason in json.loads(row["reasons"])),
            raw[row["quarantine_id"]],
        )
        for row in rows
    ]
    write_mending_workbook(entries, layout, path, now)


def _show_export(files: dict[Path, list[dict[Any, Any]]], left: int, as_json: bool) -> None:
    if as_json:
        print_json({"files": [{"file": str(path), "entries": len(rows)} for path, rows in files.items()], "left": left})
        return
    for path, rows in files.items():
        click.echo(f"{len(rows)} entries are in {path}. It holds personal data: delete it when it has served.")
    if left:
        click.echo(
            f"{left} entries are left out: messages, public databases, or rows kept no longer",
            err=True,
        )
    if not files:
        click.echo("No report waits that could be corrected in a sheet.")


@quarantine.command("replay")
@_entries
@_stream
@as_json_option
@reported
def replay(entries: tuple[int, ...], stream: str, as_json: bool) -> None:
    """Check the rows that wait by today's rules, code lists and layouts, and store those in order; of ENTRIES, or all.

    \b
    Example:
      pvwatch quarantine replay --stream device
    """
    from pv import pipeline
    from pv.settings import Settings

    done = pipeline.replay(Settings.load(), datetime.now(UTC), stream, entries)
    accounts = [account.as_dict() for account in done.accounts]
    left = done.left["quarantine_id"].tolist()
    if as_json:
        print_json({"accounts": accounts, "load_again": left})
    else:
        _show_replayed(done)
    if left or any(account["quarantined"] for account in accounts):
        sys.exit(STILL_WAITING)


def _show_replayed(done: Any) -> None:
    for account in done.accounts:
        click.echo(
            f"{account.file}: rows checked again {account.read} = stored {account.stored} + unchanged "
            f"{account.unchanged} + still quarantined {account.quarantined}; entries cleared {account.cleared}"
        )
    weeks = sorted({week for account in done.accounts for week in account.weeks})
    if weeks:
        click.echo(f"weeks touched: {', '.join(weeks)}")
    if not done.left.empty:
        names = ", ".join(sorted(set(done.left["file"])))
        click.echo(
            f"{len(done.left)} entries are left: their rows are kept no longer, lack what today's layout needs, or "
            f"their mapping file is gone. Mend that, or load their files again: {names}",
            err=True,
        )
    if not done.accounts and done.left.empty:
        click.echo("Nothing waits.")


@quarantine.command("dismiss")
@click.argument("entries", nargs=-1, required=True, type=click.IntRange(1))
@click.option("--by", required=True, help="Who has decided.")
@click.option("--reason", required=True, help="Why these reports need not be counted.")
@as_json_option
@reported
def dismiss(entries: tuple[int, ...], by: str, reason: str, as_json: bool) -> None:
    """Say that reports need not be counted, such as tests or rows told twice. This cannot be taken back.

    \b
    Example:
      pvwatch quarantine dismiss 12 13 --by 李四 --reason "test reports"
    """
    from pv import quarantine as kept
    from pv import store
    from pv.settings import Settings
    from pv.week import instant_text, weeks_of

    with store.writing(store.open_store(Settings.load().database_url)) as connection:
        gone = kept.dismiss(connection, entries, by, reason, instant_text(datetime.now(UTC)))
    weeks = weeks_of(gone["received_on"])
    if as_json:
        print_json({"dismissed": gone["quarantine_id"].tolist(), "weeks": weeks})
    else:
        click.echo(f"{len(gone)} entries dismissed; weeks touched: {', '.join(weeks) or 'none'}")
