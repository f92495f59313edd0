"""Forms: tables that people fill in, recognised by their headings in either language (`reference/forms.toml`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import pandas as pd

from pv import reference
from pv.sources.extract import Extract
from pv.sources.layouts import Layout, LayoutColumn
from pv.sources.whole_reports import Table, table_frames

STREAM = "forms"  # where an account names the stream of a file of reports
GRAIN = "form"


@dataclass(frozen=True)
class Form(Layout):
    """A layout whose rows are entries of people, not reports.

    `key`: fields that say what an entry is about; `answer`: the field without which nothing has been said ("": every
    row counts); `kinds`: field → text, date, period, number, stream, or a list of `codes.csv`; `zh`, `en`: its name.
    """

    key: tuple[str, ...] = ()
    answer: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict, compare=False)
    zh: str = ""
    en: str = ""

    def heading(self, name: str, lang: str) -> str:
        """The heading of a field, for who writes a blank form."""
        column = next(column for column in self.columns if column.field == name)
        return column.name if lang == "zh" else column.aliases[0]


@cache
def forms() -> tuple[Form, ...]:
    """All forms, in the order of `forms.toml`."""
    return tuple(
        _form(name, entry) for name, entry in reference.shipped_toml("forms").items() if isinstance(entry, dict)
    )


def form(name: str) -> Form:
    return next(form for form in forms() if form.name == name)


def _form(name: str, entry: Mapping[str, str]) -> Form:
    rows = reference.shipped_csv(f"forms/{name}")
    columns = tuple(
        LayoutColumn(row["column"], _aliases(row["column"], row["aliases"]), row["field"], row["required"], False)
        for row in rows
    )
    by_name = {column.name: column for column in columns}
    told = tuple(text for heading in entry["detect"] for text in (heading, *by_name[heading].aliases))
    return Form(
        name=name,
        stream=STREAM,
        grain=GRAIN,
        detect=told,
        columns=columns,
        key=tuple(entry["key"]),
        answer=entry.get("answer", ""),
        kinds={row["field"]: row["kind"] for row in rows},
        zh=entry["zh"],
        en=entry["en"],
    )


def _aliases(column: str, written: str) -> tuple[str, ...]:
    """The other headings of a column, and the one in both languages that our own workbooks write."""
    aliases = tuple(filter(None, written.split(";")))
    return (*aliases, f"{column}\n{aliases[0]}") if aliases else ()


def filled(tables: Sequence[Table]) -> Iterator[Extract]:
    """An extract a sheet (a workbook may hold several forms): all fields of the form, plus sheet and row."""
    for table in tables:
        parts = list(table_frames(table)) or [(_NO_ROWS, _NO_ROWS)]
        rows, raw = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
        yield whole(Extract(table.layout, rows, raw))


_NO_ROWS = pd.DataFrame({"sheet": pd.Series(dtype="str"), "row": pd.Series(dtype="int64")})


def whole(extract: Extract) -> Extract:
    """With all fields of the layout."""
    lacking = {column.field for column in extract.layout.columns if column.field} - set(extract.fields)
    blank = {field: pd.Series("", index=extract.fields.index, dtype="str") for field in sorted(lacking)}
    return Extract(extract.layout, extract.fields.assign(**blank), extract.raw)
