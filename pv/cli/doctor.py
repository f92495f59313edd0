"""The command `pvwatch doctor`."""

from __future__ import annotations

import sys

import click

from pv.cli.common import as_json_option, print_json, reported

_WORDS = {"zh": {True: "正常", False: "异常"}, "en": {True: "ok ", False: "BAD"}}


@click.command()
@as_json_option
@reported
def doctor(as_json: bool) -> None:
    """Check the installation: settings, folders, disk, store, key, archive, reference data, inbox.

    A line a check, in Chinese or English; nothing is loaded or mended. Exit code 1 where anything is not in order.

    \b
    Example:
      pvwatch doctor
    """
    from pv import health, messages

    lang = messages.language()
    found = list(health.examine())
    if as_json:
        print_json([{"check": one.check, "good": one.good, "text": one.text(lang)} for one in found])
    else:
        for one in found:
            click.echo(f"{_WORDS[lang][one.good]}  {one.check}: {one.text(lang)}")
    if not all(one.good for one in found):
        sys.exit(1)
