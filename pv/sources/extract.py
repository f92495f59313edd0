"""What a reader hands over: fields of a layout as columns of text."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pv.sources.layouts import Layout

MARKS = ("ragged", "garbled", "fault", "standing")  # what only the reader of a file can tell of a row


@dataclass(frozen=True)
class Extract:
    """What a file, or a batch of it, holds, as text.

    `fields`: one column per field of the layout that the file has, plus `sheet`, `row` and `ragged` (the record has
    another number of cells than the heading) and, from some readers,

    - `garbled`: characters of the row are in no known encoding;
    - `fault`: why a message cannot be read ("" for those that can);
    - `standing`: "stray" for a record that belongs to no report, "retraction" for a case number that is withdrawn.

    `raw`: every column as exported, in the same order of rows, for the quarantine.
    """

    layout: Layout
    fields: pd.DataFrame
    raw: pd.DataFrame
