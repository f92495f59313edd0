"""Writes docs/data-dictionary.md from what the program itself uses: schema, columns, code lists, layouts, messages.

Run it as `sh tools/run python tools/data_dictionary.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import BigInteger, Column, Float, Integer, Text

from pv.reference import shipped_csv, shipped_toml, streams
from pv.rendering.labels import CODES
from pv.rendering.tables import CSV_TABLES
from pv.schema import metadata
from pv.sources.forms import forms
from pv.sources.layouts import Layout, layouts

TARGET = Path(__file__).parents[1] / "docs" / "data-dictionary.md"

# What one row of each table is.
TABLES = {
    "file": "One row a file that was loaded, with the account of its rows. A refused file has none.",
    "file_load": "One row a load of a file; the rows of a file are those of its first load.",
    "file_refusal": "One row a file that was refused, each time; nothing else of it is kept.",
    "case_version": "One row a version of a report. A version is never changed or removed; the latest one that counts "
    "at a moment is chosen when a week is computed.",
    "case_product": "One row a product of a version.",
    "case_event": "One row a term of a version: reaction, failure, harm, finding, symptom or diagnosis.",
    "entry": "One row a line of a form that somebody filled in; the last one of a key counts.",
    "case_merge": "One row a change of what a report is merged into; the last one of a report counts.",
    "case_person": "One row a version that names its patient or tells the birth date, as keyed hashes.",
    "case_pair": "One row a judgement on two reports that may tell one event; the last one of a pair counts.",
    "case_decision": "One row a verdict of a person on two reports; the last one of a pair binds every rule.",
    "quarantine": "One row a report that cannot be counted rightly, with every reason and its encrypted rows.",
    "access_log": "One row an access to personal or raw data, or its deletion. The store refuses changes of its rows.",
    "forgotten_case": "One row a case of which nothing personal is kept: its rows lose such cells on loading.",
    "redaction": "One row a change of what the archive keeps in the place of a file that tells a forgotten case.",
    "store_key": "One row: the key that hashes personal data, itself encrypted with PVWATCH_KEY.",
    "quarantine_closing": "One row an entry of the quarantine that waits no longer: how, by which file or whom, why.",
    "reference_snapshot": "One row a content that a reference file has had.",
    "revision": "One row a rendered revision of a week.",
    "alert": "One row a pair of a revision that meets a screen or has a status; the columns are those of signals.csv.",
}
CSV_FILES = {
    "signals": "One row a pair of a product and an event in one table of counts.",
    "hospital_rates": "One row a stream and a hospital; the row without an id holds the reports of unknown units.",
    "district_rates": "One row a stream and an area; whole = districts + directly under the whole area + unassigned.",
    "target_status": "One row a target that applies to the week's year.",
    "mappings": "One row a wording of the counted reports: what it was counted as, and by which rule.",
}
_TYPES = ((Text, "text"), (Float, "number"), (BigInteger, "integer"), (Integer, "integer"))
_INTRO = """# Data dictionary

Written by `tools/data_dictionary.py` from the program itself; a test fails when it is out of date. Do not edit it.

- [Tables of the store](#tables-of-the-store)
- [CSV files of a week](#csv-files-of-a-week)
- [Streams](#streams)
- [Codes in reports](#codes-in-reports)
- [Columns of the exports](#columns-of-the-exports)
- [Forms](#forms)
- [Wordings in the exports](#wordings-in-the-exports)
- [Messages](#messages)
"""


def dictionary() -> str:
    """The whole document."""
    parts = (_store(), _csv_files(), _streams(), _codes(), _exports(), _forms(), _wordings(), _messages())
    return "\n".join([_INTRO.rstrip("\n"), *(line for part in parts for line in ("", *part))]) + "\n"


def _table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(heading)} |"
    yield "|" + "---|" * len(heading)
    for row in rows:
        cells = (str(cell).replace("|", "\\|").replace("\n", " ") for cell in row)
        yield f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _store() -> Iterator[str]:
    yield "## Tables of the store"
    yield ""
    yield "Dates are ISO text (`2026-11-16`), instants ISO text in UTC (`2026-11-16T00:00:00Z`), truth values 0 or 1."
    yield "Missing text is empty, never NULL. The same on SQLite and PostgreSQL."
    for name, meaning in TABLES.items():
        table = metadata.tables[name]
        yield ""
        yield f"### {name}"
        yield ""
        yield meaning
        yield ""
        columns = ((_code(c.name), _type(c), _key(c), c.info["zh"], c.info["en"]) for c in table.columns)
        yield from _table(("column", "type", "key", "中文", "meaning"), columns)
    undescribed = set(metadata.tables) - set(TABLES)
    if undescribed:
        raise ValueError(f"say what a row of these tables is: {', '.join(sorted(undescribed))}")


def _type(column: Column[object]) -> str:
    name = next(name for kind, name in _TYPES if isinstance(column.type, kind))
    return f"{name}, may be NULL" if column.nullable else name


def _key(column: Column[object]) -> str:
    if column.primary_key:
        return "primary"
    for foreign in column.foreign_keys:
        return f"→ {foreign.target_fullname}"
    return "unique" if column.unique else ""


def _csv_files() -> Iterator[str]:
    yield "## CSV files of a week"
    yield ""
    yield "UTF-8, comma, full precision; ∞ is `inf`, missing is empty, shares are 0 to 1."
    yield "Columns are added at the end; those that are there keep their names and their order."
    for name, columns in CSV_TABLES.items():
        yield ""
        yield f"### {name}.csv"
        yield ""
        yield CSV_FILES[name]
        yield ""
        rows = ((_code(column.name), column.kind, column.zh, column.en) for column in columns)
        yield from _table(("column", "kind", "中文", "English"), rows)


def _streams() -> Iterator[str]:
    yield "## Streams"
    yield ""
    rows = []
    for name, stream in streams().items():
        kinds = "; ".join(f"`{kind}` {words['zh']} {words['en']}" for kind, words in stream.event_kinds.items())
        levels = ", ".join(f"`{level}`" + (" (default)" * (level == stream.default_level)) for level in stream.levels)
        rows.append((_code(name), stream.zh, stream.en, kinds, levels, ", ".join(map(_code, stream.roles))))
    yield from _table(("stream", "中文", "English", "event kinds", "product levels", "roles counted"), rows)


def _codes() -> Iterator[str]:
    yield "## Codes in reports"
    yield ""
    words = ((_code(name), _code(code), zh, en) for name, codes in CODES.items() for code, (zh, en) in codes.items())
    yield from _table(("list", "code", "中文", "English"), words)


def _exports() -> Iterator[str]:
    yield "## Columns of the exports"
    yield ""
    yield "`required`: yes – the file is refused without the column; any – one of the columns so marked is enough."
    yield "`personal`: never leaves the encrypted archive and quarantine but as a keyed hash."
    yield "Columns that fill no field are read only into the archive and, for a quarantined report, the quarantine."
    for layout in layouts():
        yield ""
        yield f"### {layout.name}"
        yield ""
        grain = "one row a report and product" if layout.grain == "product" else "one row a report"
        tell_tale = " or ".join(f"“{column}”" for column in layout.detect)
        yield f"Stream `{layout.stream}`, {grain}; recognised by {tell_tale}."
        yield ""
        yield from _table(("column", "also named", "field", "required", "personal"), _columns(layout))


def _columns(layout: Layout) -> Iterator[Sequence[object]]:
    for column in layout.columns:
        personal = "yes" if column.personal else ""
        yield column.name, "; ".join(column.aliases), _code(column.field), column.required, personal


def _forms() -> Iterator[str]:
    yield "## Forms"
    yield ""
    yield "Tables that people fill in, see [forms](forms.md)."
    yield "A later entry of the same key takes the place of the earlier one."
    for form in forms():
        yield ""
        yield f"### {form.zh} {form.en} (`{form.name}`)"
        yield ""
        columns = (
            (
                c.name,
                "; ".join(c.aliases),
                _code(c.field),
                form.kinds[c.field],
                c.required,
                "key" * (c.field in form.key),
            )
            for c in form.columns
        )
        yield from _table(("column", "also named", "field", "kind", "required", "key"), columns)


def _wordings() -> Iterator[str]:
    yield "## Wordings in the exports"
    yield ""
    yield "A wording that is not listed is a warning, or for `role` a reason for quarantine. Nothing is guessed."
    yield ""
    lists: dict[tuple[str, str], list[str]] = {}
    for row in shipped_csv("codes"):
        lists.setdefault((row["list"], row["code"]), []).append(row["written"])
    rows = ((_code(name), _code(code), "、".join(written)) for (name, code), written in lists.items())
    yield from _table(("list", "code", "as written"), rows)


def _messages() -> Iterator[str]:
    messages = shipped_toml("messages")
    yield "## Messages"
    yield ""
    yield "### Why a file is refused"
    yield ""
    refused = ((_code(code), text["zh"], text["en"]) for code, text in messages["refused"].items())
    yield from _table(("code", "中文", "English"), refused)
    for outcome, title in (("quarantine", "Why a report is quarantined"), ("warning", "Why a value is only warned of")):
        yield ""
        yield f"### {title}"
        yield ""
        problems = messages["problem"].items()
        rows = ((_code(code), text["zh"], text["en"]) for code, text in problems if text["outcome"] == outcome)
        yield from _table(("code", "中文", "English"), rows)


if __name__ == "__main__":
    TARGET.write_text(dictionary(), encoding="utf-8", newline="\n")
