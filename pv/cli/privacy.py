"""Commands on keys, the archive and personal data."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pv.cli.common import as_json_option, print_json, reported

if TYPE_CHECKING:
    from pv.privacy.forgetting import Told


@click.command("rotate-key")
@as_json_option
@reported
def rotate_key(as_json: bool) -> None:
    """Encrypt the archive and the quarantine with a new PVWATCH_KEY.

    Set PVWATCH_KEY to the new key, a comma and the old key, for every service that uses the store; run this; then leave
    the old key away. It can be killed at any time and run again; loading and reading go on meanwhile.

    \b
    Example:
      PVWATCH_KEY="NEW,OLD" pvwatch rotate-key
    """
    from pv import access, archive, keys, store
    from pv.privacy.rotation import rotate
    from pv.settings import Settings

    settings = Settings.load()
    key = settings.require_key()
    engine = store.open_store(settings.database_url)
    mark = keys.mark_of(archive.keys_of(key)[0])
    with store.writing(engine) as connection:
        keys.check(connection, key, settings.archive)
        access.record(connection, access.user(), "rotate-key", f"to the key {mark}", datetime.now(UTC))
    done = rotate(engine, settings.archive, key, progress=_counting("encrypted", as_json))
    if as_json:
        print_json({"mark": mark, **asdict(done)})
    else:
        _show_rotation(done, mark)
    if done.unreadable:
        sys.exit(1)


def _show_rotation(done: Any, mark: str) -> None:
    hashing = "wrapped anew" if done.hash_key_changed else "as it was"
    click.echo(
        f"archived files: {done.files_changed} of {done.files} encrypted anew; quarantined reports: "
        f"{done.rows_changed} of {done.rows}; key of the hashes: {hashing}"
    )
    for name in done.unreadable:
        click.echo(f"  no given key opens {name}", err=True)
    if done.unreadable:
        click.echo("Add the key that they were written with to PVWATCH_KEY, after a comma, and run it again.", err=True)
    else:
        click.echo(f"Everything is under the key {mark}. PVWATCH_KEY needs no other; keep old ones for old backups.")


def _counting(verb: str, quiet: bool) -> Any:
    """Progress on a terminal: how many of how many."""
    if quiet or not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        click.echo(f"\r{verb}: {done} of {total}", err=True, nl=done == total)

    return show


@click.command("access-log")
@as_json_option
@reported
def access_log(as_json: bool) -> None:
    """Who looked at, took out or deleted personal or raw data, when, which, and why; oldest first.

    \b
    Example:
      pvwatch access-log
    """
    from pv import access, store
    from pv.settings import Settings

    with store.reading(store.open_store(Settings.load().database_url)) as connection:
        entries = access.entries(connection)
    if as_json:
        print_json(entries.to_dict("records"))
        return
    for entry in entries.to_dict("records"):
        where = " ".join(filter(None, (entry["stream"], entry["subject"])))
        cells = (entry["recorded_at"], entry["who"], entry["what"], where or "—", entry["why"] or "—")
        click.echo("  ".join(map(str, cells)))
    if entries.empty:
        click.echo("Nothing has been recorded.", err=True)


@click.group("archive")
def archived() -> None:
    """The raw files as they came: list them, get one back.

    \b
    Example:
      pvwatch archive list
    """


@archived.command("list")
@as_json_option
@reported
def list_archive(as_json: bool) -> None:
    """Files that were loaded, newest last, and whether they are still kept.

    \b
    Example:
      pvwatch archive list
    """
    from sqlalchemy import select

    from pv import archive, store
    from pv.intake.forgotten import kept_copy
    from pv.schema import file
    from pv.settings import Settings

    settings = Settings.load()
    columns = (file.c.sha256, file.c.name, file.c.stream, file.c.recorded_at)
    with store.reading(store.open_store(settings.database_url)) as connection:
        files = store.read(connection, select(*columns).order_by(file.c.file_id))
        copies = [kept_copy(connection, sha256) for sha256 in files["sha256"]]
    kept = {archive.sha256_of(path) for path in archive.objects(settings.archive)}
    files["kept"] = [(copy or sha256) in kept for sha256, copy in zip(files["sha256"], copies, strict=True)]
    if as_json:
        print_json(files.to_dict("records"))
        return
    for entry in files.to_dict("records"):
        gone = "" if entry["kept"] else "  (deleted)"
        click.echo(f"{entry['sha256'][:12]}  {entry['recorded_at']}  {entry['stream']}  {entry['name']}{gone}")


@archived.command("get")
@click.argument("sha256")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where to write it.")
@click.option("--reason", required=True, help="Why; it goes into the access log.")
@as_json_option
@reported
def get_archived(sha256: str, out: Path, reason: str, as_json: bool) -> None:
    """Write a raw file as it came. SHA256: its fingerprint, or the first digits of it (eight or more).

    The file holds names: it is written for your eyes only, and the access is recorded.

    \b
    Example:
      pvwatch archive get 3fa2b1c9d0e4 --reason "check by the national centre" --out drug.xlsx
    """
    from pv import access, archive, keys, store
    from pv.intake.forgotten import kept_copy
    from pv.settings import Settings

    settings = Settings.load()
    key = settings.require_key()
    if out.exists():
        raise click.UsageError(f"{out} is there already; name another file.")
    engine = store.open_store(settings.database_url)
    with store.reading(engine) as connection:
        keys.check(connection, key, settings.archive)
        copy = kept_copy(connection, sha256)
    if copy == "":
        raise archive.ArchiveError(f"{sha256} told a case that is forgotten and is no longer kept")
    if copy:
        click.echo(f"{sha256} told a case that is forgotten; this is the copy without its personal data.", err=True)
    whole = archive.whole_sha256(settings.archive, copy or sha256)
    with store.writing(engine) as connection:
        access.record(connection, access.user(), "archive get", reason, datetime.now(UTC), subjects=[whole])
    archive.restore(settings.archive, whole, key, out)
    if as_json:
        print_json({"sha256": whole, "file": str(out)})
    else:
        click.echo(f"{whole} is in {out}. It holds personal data: delete it when it has served.")


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what is due, delete nothing.")
@as_json_option
@reported
def retention(dry_run: bool, as_json: bool) -> None:
    """Delete raw data whose period of keeping has ended.

    Periods, in years, are set under [retention] in pvwatch.toml for archive, quarantine, done and refused. What has
    none is kept for ever. What was deleted stands in the access log; cases and counts stay.

    \b
    Example:
      pvwatch retention --dry-run
    """
    from pv import access, store
    from pv.privacy.retention import delete, due
    from pv.settings import RETAINED, Settings

    settings, now = Settings.load(), datetime.now(UTC)
    engine = store.open_store(settings.database_url)
    with store.reading(engine) as connection:
        found = due(connection, settings, now)
    if found and not dry_run:
        why = ", ".join(f"{kind} {years:g} years" for kind, years in sorted(settings.retention.items()))
        delete(engine, found, access.user(), why, now)
    if as_json:
        fields = ("kind", "subject", "stream", "since")
        listed = [{name: getattr(one, name) for name in fields} for one in found]
        print_json({"periods": dict(settings.retention), "deleted": not dry_run, "due": listed})
        return
    for kind in RETAINED:
        mine = [one for one in found if one.kind == kind]
        period = f"{settings.retention[kind]:g} years" if kind in settings.retention else "no period, kept for ever"
        done = "due" if dry_run else "deleted"
        click.echo(f"{kind}: {period}; {len(mine)} {done}" + (f", oldest of {mine[0].since[:10]}" if mine else ""))


@click.command()
@click.argument("case")
@click.option("--stream", required=True, help="The stream of the case, e.g. drug.")
@click.option("--by", required=True, help="Who has decided it.")
@click.option("--reason", required=True, help="Why; do not name the patient.")
@click.option("--dry-run", is_flag=True, help="Show which archived files tell the case, delete nothing.")
@click.option("--yes", is_flag=True, help="Delete files from which the case cannot be cut out, without asking.")
@as_json_option
@reported
def forget(case: str, stream: str, by: str, reason: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete everything of a case's patient, for good; the case stays counted.

    Hashes and quarantined rows leave the store; archived files that tell the case are replaced by copies without it;
    files that tell it later lose its personal cells on loading. This cannot be undone.

    A file of which no such copy can be made is deleted with all that it tells of other cases: the command names these
    files first and asks, or ends where nobody can be asked.

    \b
    Example:
      pvwatch forget 330100202600001 --stream drug --by "Li Si" --reason "request of 2026-11-20"
    """
    from pv import sources, store
    from pv.privacy import forgetting
    from pv.settings import Settings

    settings = Settings.load()
    place = forgetting.Place(settings.archive, settings.require_key(), sources.read_own(settings.reference))
    engine = store.open_store(settings.database_url)
    wish = forgetting.Wish(stream, case, by, reason, datetime.now(UTC))
    found = forgetting.search(engine, place, wish, _counting("searched", as_json))
    if dry_run and as_json:
        print_json({"told": [asdict(one) for one in found.told], "unread": found.unread})
        return
    if not as_json:
        _show_told(found.told, dry_run)
    if dry_run:
        return
    if not (yes or _agreed([one for one in found.told if one.whole], as_json)):
        click.echo("Nothing has been done.", err=True)
        sys.exit(1)
    done = forgetting.forget(engine, place, wish, _counting("worked on", as_json), found.clean)
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(
            f"{stream} {case} is forgotten: {done.versions} versions and {done.quarantined} quarantined reports "
            f"without personal data; of {done.files_searched} archived files {done.files_replaced} replaced by copies "
            f"without it, {done.files_deleted} deleted."
        )
        click.echo("Backups and files outside of pvwatch are yours to clear.")
    for sha256 in done.unread:
        click.echo(f"The archived file {sha256} is no longer read by any layout; look into it yourself.", err=True)
    if done.unread:
        sys.exit(1)


def _show_told(told: Sequence[Told], dry_run: bool) -> None:
    """What will become, or would become, of each archived file that tells the case."""
    will = "would be" if dry_run else "will be"
    for one in told:
        if not one.name:
            what = f"was refused and holds the number of the case; it {will} deleted"
        elif one.whole:
            what = f"cannot be cut; it {will} deleted whole, with {one.rows} rows of other cases"
        else:
            what = f"{will} replaced by a copy without the case; {one.rows} rows of other cases stay"
        click.echo(f"{one.sha256[:12]} {one.name or '(refused)'}: {what}.")


def _agreed(whole: Sequence[Told], as_json: bool) -> bool:
    """Whether files may be deleted whole; nobody is asked about none."""
    if not whole:
        return True
    if as_json or not sys.stdin.isatty():
        names = ", ".join(one.name or "(refused)" for one in whole)
        click.echo(
            f"The case cannot be cut out of {len(whole)} archived files: {names}. They would be deleted with all that "
            "they tell of other cases. Say --yes if that is what you want.",
            err=True,
        )
        return False
    return click.confirm(f"Delete {len(whole)} files with all that they tell of other cases?", err=True)


COMMANDS = (access_log, archived, forget, retention, rotate_key)
