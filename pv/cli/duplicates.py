"""The command `pvwatch duplicates`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from pv.cli.common import as_json_option, print_json, reported

SHOWN = 50


@click.command()
@click.option("--stream", help="Only this stream; needed with the options below.")
@click.option("--same", nargs=2, metavar="REPORT REPORT", help="Two reports that tell the same event.")
@click.option("--different", nargs=2, metavar="REPORT REPORT", help="Two reports that tell different events.")
@click.option("--by", help="Who has decided; needed with --same and --different.")
@click.option("--note", default="", help="Why.")
@click.option("--release", is_flag=True, help="Merge what was held back because its file would have merged too much.")
@as_json_option
@reported
def duplicates(
    stream: str | None,
    same: tuple[str, str] | None,
    different: tuple[str, str] | None,
    by: str | None,
    note: str,
    release: bool,
    as_json: bool,
) -> None:
    """Pairs of reports that may tell the same event and wait for people; or what people have decided.

    \b
    Examples:
      pvwatch duplicates
      pvwatch duplicates --stream drug --same 330100202600001 330100202600017 --by 李四
    """
    from pv.settings import Settings

    asked = [name for name, given in (("same", same), ("different", different), ("release", release)) if given]
    if len(asked) > 1:
        raise click.UsageError(f"one at a time: --{' or --'.join(asked)}")
    if asked and not stream:
        raise click.UsageError(f"--{asked[0]} needs --stream")
    if (same or different) and not by:
        raise click.UsageError(f"--{asked[0]} needs --by")
    url = Settings.load().database_url
    if stream and release:
        _show_changed(_release(url, stream), as_json)
    elif stream and by and (pair := same or different):
        _show_changed(_decide(url, stream, pair, asked[0], by, note), as_json)
    else:
        _show_waiting(_waiting(url, stream), as_json)


def _decide(url: str, stream: str, pair: tuple[str, str], verdict: str, by: str, note: str) -> dict[str, Any]:
    from pv import store
    from pv.duplicates import decide
    from pv.week import instant_text, weeks_of

    with store.writing(store.open_store(url)) as connection:
        done = decide(connection, stream, pair, verdict, by, instant_text(datetime.now(UTC)), note)
    return {
        "stream": stream,
        "verdict": verdict,
        "reports": list(pair),
        "changed": list(done.changed),
        "weeks": weeks_of(done.days),
    }


def _release(url: str, stream: str) -> dict[str, Any]:
    from pv import store
    from pv.duplicates import release
    from pv.week import instant_text, weeks_of

    with store.writing(store.open_store(url)) as connection:
        done = release(connection, stream, instant_text(datetime.now(UTC)))
    return {"stream": stream, "merged": done.merged, "weeks": weeks_of(done.days)}


def _show_changed(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if "merged" in found:
        click.echo(f"{found['merged']} reports merged")
    else:
        reports = ", ".join(found["changed"])
        click.echo(f"recorded; the group has changed of: {reports}" if reports else "recorded; no group has changed")
    if found["weeks"]:
        click.echo(f"counts differ from {found['weeks'][0]} on; pvwatch status names the weeks to render again")


def _waiting(url: str, stream: str | None) -> list[dict[str, Any]]:
    from pv import store
    from pv.duplicates import waiting
    from pv.reference import streams

    if stream and stream not in streams():
        raise ValueError(f"there is no stream {stream}; there are {', '.join(streams())}")
    with store.reading(store.open_store(url)) as connection:
        frames = [waiting(connection, name) for name in ([stream] if stream else streams())]
    return [{str(name): cell for name, cell in row.items()} for frame in frames for row in frame.to_dict("records")]


def _show_waiting(rows: list[dict[str, Any]], as_json: bool) -> None:
    from pv.duplicates import explained
    from pv.messages import language

    lang = language()
    if as_json:
        print_json([{**row, "explanation": explained(row["explanation"], lang)} for row in rows])
        return
    click.echo(f"{len(rows)} pairs wait for people")
    for row in rows[:SHOWN]:
        click.echo(f"{row['stream']}  {row['case']}  {row['other']}  {row['probability']:.4f}  {row['zone']}")
        told = "; ".join(f"{name}: {level} {bits:+.1f}" for name, level, bits in explained(row["explanation"], lang))
        click.echo(f"    {told}")
    if len(rows) > SHOWN:
        click.echo(f"… and {len(rows) - SHOWN} more; all with --json")
