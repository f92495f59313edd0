"""Reads a rendered page back: its text, tables, links and language, by the standard library's parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

_VOID = {"meta", "br", "line", "circle", "path", "rect", "link"}


@dataclass
class Page:
    """`tables`: rows of cell texts; the cells of a table within a cell belong to a table of their own."""

    language: str = ""
    title: str = ""
    text: str = ""
    tables: list[list[list[str]]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)  # texts of th
    captions: int = 0
    links: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    unscoped: int = 0  # th without a scope
    unclosed: list[str] = field(default_factory=list)

    def row(self, *starts: str) -> list[str]:
        """The first row of any table that holds all of these cells."""
        for table in self.tables:
            for row in table:
                if all(start in row for start in starts):
                    return row
        raise AssertionError(f"no row with {starts}")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[str] = []
        self._nested: list[list[list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.page.tags.add(tag)
        self.page.attributes.update(given)
        if tag == "html":
            self.page.language = given.get("lang", "")
        if "href" in given:
            self.page.links.append(given["href"])
        if "id" in given:
            self.page.ids.append(given["id"])
        if tag == "table":
            self._nested.append([])
            self.page.tables.append(self._nested[-1])
        if tag == "caption":
            self.page.captions += 1
        if tag == "tr":
            self._nested[-1].append([])
        if tag in {"td", "th"}:
            self._nested[-1][-1].append("")
            self.page.unscoped += tag == "th" and "scope" not in given
        if tag in {"br", "dt", "dd"}:
            self.handle_data(" ")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.page.unclosed.append(tag)
        if tag == "table":
            self._nested.pop()
        if tag == "th" and self._nested:
            self.page.headings.append(self._nested[-1][-1][-1].strip())

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        if "title" in self._open:
            self.page.title += data
        self.page.text += data
        if self._nested and {"td", "th"} & set(self._open) and self._nested[-1] and self._nested[-1][-1]:
            self._nested[-1][-1][-1] += data


def read_page(path: Path) -> Page:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    page = reader.page
    page.tables = [[[" ".join(cell.split()) for cell in row] for row in table] for table in page.tables]
    return page
