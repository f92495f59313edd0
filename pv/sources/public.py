"""The readers of public databases, and which of them reads a file."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from pv.sources import caers, faers, maude, openfda, vaers

READERS: tuple[ModuleType, ...] = (faers, vaers, maude, openfda, caers)


def reader(path: Path) -> ModuleType | None:
    """The reader whose `recognises` knows the file or folder; None for other files.

    Raises FileRefused where it is an archive that must not be looked into.
    """
    return next((module for module in READERS if module.recognises(path)), None)
