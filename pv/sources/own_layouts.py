"""Layouts of a centre's own: mapping files (`layouts/<name>.toml` of the reference folder), checked when they are read.

    stream = "drug"
    [columns]                     # heading = field; "" for a column that is known and not needed
    "Case ID" = "report_number"
    [dates]                       # field = form, where it is not year-month-day
    [split]                       # field = separator, where a cell holds several
    [values.severity]             # what is written = our wording

A row is a product of a report, or anything less: all rows of a case number are one report.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pv.reference import ReferenceDataError, shipped_csv, streams
from pv.sources import again, forms
from pv.sources.date_forms import FORMS
from pv.sources.layouts import Layout, LayoutColumn, layouts, normalise_heading, number_repeats, recognise, use_layouts
from pv.sources.several import PRODUCT_FIELDS
from pv.text import clean, code_list

FOLDER = "layouts"
MOST_BESIDE = 10  # products side by side in a row
NEEDED = ("report_number", "received_on", "name")
_KEYS = ("title", "stream", "columns", "dates", "split", "values", "required", "roles")
_CODED = {"harm_holder": "harm"}


@cache
def fields() -> Mapping[str, Mapping[str, str]]:
    """The fields that a mapping file may fill: field → kind, zh, en, headings."""
    return {row["field"]: row for row in shipped_csv("fields")}


def described(field: str) -> Mapping[str, str]:
    """Kind and words of a field; those of name.1 are those of name."""
    return fields()[field.partition(".")[0]]


def fields_of(stream: str) -> tuple[str, ...]:
    """The fields of a stream: events of other streams left out; name.1, lot.1, … are of a second product of the row."""
    events = {field for one in streams().values() for field in one.event_fields}
    own = [field for field in fields() if field not in events or field in streams()[stream].event_fields]
    beside = [f"{field}.{number}" for number in range(1, MOST_BESIDE) for field in (*PRODUCT_FIELDS, "dose")]
    return (*own, *beside)


def read_own(folder: Path) -> tuple[Layout, ...]:
    """The layouts of a reference folder, by name. Raises ReferenceDataError naming file, key and fix."""
    found = [_layout(path) for path in sorted((folder / FOLDER).glob("*.toml"))]
    for number, layout in enumerate(found):
        for other in found[:number]:
            if {*_needed_headings(layout)} == {*_needed_headings(other)}:
                raise ReferenceDataError(
                    f"{FOLDER}/{layout.name}.toml: it asks for the same columns as {other.name}.toml, so that a file "
                    "would fit both. Remove one, or add a heading that tells them apart to “required”."
                )
    return tuple(found)


def _needed_headings(layout: Layout) -> Iterable[str]:
    return (normalise_heading(column.name) for column in layout.columns if column.required == "yes")


def _layout(path: Path) -> Layout:
    try:
        entry = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ReferenceDataError(f"{FOLDER}/{path.name} is not UTF-8. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ReferenceDataError(
            f"{FOLDER}/{path.name} cannot be read: {error}. Write one “heading” = “field” a line, both in quotes."
        ) from None
    return parse(path.stem, entry)


def parse(name: str, entry: Mapping[str, Any]) -> Layout:
    """A layout from a mapping file. Raises ReferenceDataError naming file, key and fix."""
    checked = _Checked(name, entry)
    checked.frame()
    columns = checked.columns()
    layout = Layout(
        name=name,
        stream=str(entry["stream"]),
        grain="product",
        detect=tuple(column.name for column in columns if column.required == "yes"),
        columns=columns,
        roles=checked.roles(),
        values=checked.values(),
        dates=checked.dates(),
        split=checked.split(),
    )
    checked.shadow(layout)
    return layout


class _Checked:
    """One mapping file on its way to a layout."""

    def __init__(self, name: str, entry: Mapping[str, Any]) -> None:
        self._name, self._entry = name, entry
        self._filled: set[str] = set()

    def _refuse(self, problem: str) -> ReferenceDataError:
        return ReferenceDataError(f"{FOLDER}/{self._name}.toml: {problem}")

    def _one_of(self, where: str, value: object, known: Iterable[str]) -> str:
        """The value, where it is known; else the nearest ones are named."""
        listed = list(known)
        if isinstance(value, str) and value in listed:
            return value
        near = difflib.get_close_matches(str(value), listed, 3, 0.5)
        raise self._refuse(f"{where}: “{value}” is not known. " + _choice(near or listed))

    def frame(self) -> None:
        """Name, keys and stream."""
        if self._name in {one.name for one in (*again.shipped(), *use_layouts())}:
            raise self._refuse("a layout of this name comes with pvwatch. Give the file another name.")
        for key in self._entry:
            self._one_of("key", key, _KEYS)
        if "stream" not in self._entry:
            raise self._refuse('the stream is missing. Write, for example: stream = "drug"')
        own = [name for name, stream in streams().items() if not stream.foreign]
        self._one_of("stream", self._entry["stream"], own)

    def _section(self, key: str, known: Iterable[str]) -> dict[str, Any]:
        found = self._entry.get(key, {})
        if not isinstance(found, dict):
            raise self._refuse(f"“{key}” must be a section: a line [{key}], and below it one entry a line")
        for name in found:
            self._one_of(f"[{key}]", name, known)
        return found

    def columns(self) -> tuple[LayoutColumn, ...]:
        stream = self._entry["stream"]
        written = self._entry.get("columns")
        if not isinstance(written, dict) or not written:
            raise self._refuse('[columns] is missing. Write below it one line a column: "heading" = "field"')
        headings: dict[str, str] = {}
        for heading, field in written.items():
            bare = normalise_heading(heading)
            if bare in headings or not bare:
                raise self._refuse(f"[columns]: the heading “{heading}” stands twice or is empty. Leave one.")
            headings[bare] = "" if field == "" else self._one_of(f"[columns] “{heading}”", field, fields_of(stream))
        filled = [field for field in headings.values() if field]
        twice = sorted({field for field in filled if filled.count(field) > 1})
        if twice:
            raise self._refuse(f'[columns]: the field “{twice[0]}” is filled by two columns. Write "" for one of them.')
        self._filled = set(filled)
        self._all_there(stream)
        required = self._required(headings)
        return tuple(
            LayoutColumn(heading, (), field, "yes" if heading in required else "", _is_personal(field))
            for heading, field in headings.items()
        )

    def _all_there(self, stream: str) -> None:
        for field in NEEDED:
            if field not in self._filled:
                words = fields()[field]
                raise self._refuse(
                    f"[columns]: no column fills “{field}” ({words['zh']}, {words['en']}), which every report needs. "
                    f'Add the line "<heading>" = "{field}".'
                )
        events = streams()[stream].event_fields
        if not self._filled & set(events) and not streams()[stream].event_optional:
            raise self._refuse(f"[columns]: no column tells what happened. Fill one of: {', '.join(events)}.")

    def _required(self, headings: Mapping[str, str]) -> set[str]:
        """The columns without which a file is not of this layout: those named, and those that every report needs."""
        named = self._entry.get("required", [])
        if not isinstance(named, list):
            raise self._refuse('“required” must be a list: required = ["heading", "heading"]')
        for heading in named:
            self._one_of("required", normalise_heading(str(heading)), headings)
        return {normalise_heading(str(heading)) for heading in named} | {
            heading for heading, field in headings.items() if field in NEEDED
        }

    def roles(self) -> tuple[str, ...]:
        """Of the products side by side in a row, where no column says."""
        roles = self._entry.get("roles", [])
        if not isinstance(roles, list):
            raise self._refuse('“roles” must be a list, for the first product, the second, …: roles = ["怀疑", "并用"]')
        return tuple(self._one_of("roles", role, code_list("role")) for role in roles)

    def dates(self) -> dict[str, str]:
        days = [field for field in self._filled if described(field)["kind"] == "date"]
        section = self._section("dates", sorted(days))
        return {field: self._one_of(f"[dates] {field}", form, FORMS) for field, form in section.items()}

    def split(self) -> dict[str, str]:
        events = streams()[self._entry["stream"]].event_fields
        section = self._section("split", sorted(self._filled & {*PRODUCT_FIELDS, *events}))
        for field, separator in section.items():
            if not isinstance(separator, str) or not separator or separator.isalnum():
                raise self._refuse(f'[split] {field}: write the sign between two entries, for example {field} = ";"')
        return dict(section)

    def values(self) -> dict[str, dict[str, str]]:
        coded = sorted(field for field in self._filled if described(field)["kind"] == "code")
        found = {}
        for field, written in self._section("values", coded).items():
            if not isinstance(written, dict):
                raise self._refuse(f"“values.{field}” must be a section: [values.{field}]")
            known = code_list(_CODED.get(field, field))
            for text, ours in written.items():
                self._one_of(f"[values.{field}] “{text}”", ours, ["", *known])
            found[field] = {text if text == "*" else clean(text): str(ours) for text, ours in written.items()}
        return found

    def shadow(self, layout: Layout) -> None:
        """A file of this layout must not be one that is read already."""
        head = [[column.name for column in layout.columns]]
        for among in (layouts(), use_layouts(), forms.forms()):
            match = recognise(head, among)
            if match is not None and not match[0].missing(match[0].positions(match[2])):
                raise self._refuse(f"files with these columns are read as {match[0].name} already. Remove this file.")


def _choice(known: Sequence[str]) -> str:
    return "Write one of: " + ", ".join(f"“{one}”" for one in known if one) + "."


def _is_personal(field: str) -> bool:
    return bool(field) and (described(field)["kind"] == "personal" or field == "birth_date")


def recognise_own(head: Sequence[Sequence[str]], own: Sequence[Layout]) -> tuple[Layout, int, list[str]] | None:
    """Layout, heading row and headings: among those whose required columns are all there, of most known columns."""
    best: tuple[int, Layout, int, list[str]] | None = None
    for row, cells in enumerate(head):
        headings = number_repeats(cells)
        for layout in own:
            there = {column.name for column in layout.columns} & set(headings)
            if set(layout.detect) <= there and (best is None or len(there) > best[0]):
                best = (len(there), layout, row, headings)
    return None if best is None else best[1:]
