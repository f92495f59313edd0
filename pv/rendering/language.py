"""Languages of the reports: English message ids, Chinese from `reports/locale`, labels of columns and codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

from pv.rendering import formats
from pv.rendering.columns import Column
from pv.rendering.labels import code_label

LANGUAGES = ("zh", "en")


@cache
def reports_folder() -> Path:
    """Templates, CSS and translations: `reports/` of a checkout, `pv/_reports` of an installed wheel."""
    package = Path(str(files("pv")))
    for folder in (package / "_reports", package.parent / "reports"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"the report templates are missing: neither {package / '_reports'} nor "
        f"{package.parent / 'reports'} is there; install pvwatch again"
    )


@dataclass(frozen=True)
class Language:
    """One language: messages, headings and values."""

    code: str
    messages: Mapping[str, str] = field(repr=False)
    screen_titles: Mapping[str, str] = field(default_factory=dict, repr=False)

    def gettext(self, message: str) -> str:
        return self.messages.get(message, message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Chinese has one form, kept under the singular."""
        english = singular if number == 1 else plural
        return self.messages.get(singular, english)

    def label(self, column: Column) -> str:
        """A column's heading."""
        return column.zh if self.code == "zh" else column.en

    def name(self, codes: str, code: Any) -> str:
        """What a code means; an unknown code is shown as it is."""
        return code_label(codes, str(code), self.code)

    def cell(self, column: Column, value: Any) -> str:
        """A value of a column as people read it."""
        if formats.is_missing(value):
            return formats.MISSING
        if column.kind == "code":
            return self.name(column.codes, value)
        if column.kind == "codes":
            return "; ".join(self.name(column.codes, code) for code in str(value).split(";"))
        if column.kind == "screens":
            return "; ".join(self.screen_titles.get(name, name) for name in str(value).split(";"))
        return formats.write(value, column.kind, self.code)


@cache
def _messages(code: str) -> Mapping[str, str]:
    path = reports_folder() / "locale" / code / "LC_MESSAGES" / "pvwatch.po"
    if not path.is_file():
        return {}
    with path.open("rb") as handle:
        catalog = read_po(handle, locale=code)
    found = {}
    for message in catalog:
        key, text = _first(message.id), _first(message.string or "")
        if key and text:
            found[key] = text
    return found


def _first(words: str | Sequence[str]) -> str:
    """The only form of a message, or the first of its plural forms."""
    return words if isinstance(words, str) else words[0]


def language(code: str, screen_titles: Mapping[str, str] | None = None) -> Language:
    """A language by its code, with the titles of the week's screens in it."""
    return Language(code, _messages(code), screen_titles or {})
