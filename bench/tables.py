"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def heading(names: Sequence[str]) -> str:
    return line(names) + "\n" + line(["---"] * len(names))


def line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
