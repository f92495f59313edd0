"""From a file of any format to columns of text: open_source(path) → batches of whole reports, with sheet and row."""

from __future__ import annotations

from pv.sources.extract import Extract
from pv.sources.opening import Source, detect, open_source, read
from pv.sources.own_layouts import read_own
from pv.sources.refusal import FileRefused
from pv.sources.sets import Loose, gathered, loose

__all__ = [
    "Extract",
    "FileRefused",
    "Loose",
    "Source",
    "detect",
    "gathered",
    "loose",
    "open_source",
    "read",
    "read_own",
]
