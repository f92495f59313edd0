"""Columns of the tables that people or programs get: name, Chinese and English heading, format.

Each is declared once, here or in the modules of the two reports; the headings of pages, workbooks and CSV files all
come from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pv.rendering.formats import Kind


@dataclass(frozen=True)
class Column:
    """`codes` names the code list of `labels.py` that translates the values; `width` is in characters."""

    name: str
    zh: str
    en: str
    kind: Kind = "text"
    codes: str = ""
    width: int = 12

    @property
    def numeric(self) -> bool:
        return self.kind in _NUMERIC


_NUMERIC = {"count", "change", "growth", "number", "ratio", "percent", "population", "probability", "measure"}


@dataclass(frozen=True)
class Table:
    """Rows of a table under declared columns; values are raw and are written by the renderer."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Iterable[Column]) -> Table:
        """The named columns of a frame, in their order, as plain Python values."""
        chosen = tuple(columns)
        values = [frame[column.name].tolist() for column in chosen]
        return cls(chosen, tuple(zip(*values, strict=True)))

    def place(self, name: str) -> int:
        """Where a column stands. Raises ValueError where there is none."""
        return [column.name for column in self.columns].index(name)

    def only(self, *names: str) -> Table:
        """The same rows with fewer columns."""
        places = [self.place(name) for name in names]
        return Table(
            tuple(self.columns[place] for place in places),
            tuple(tuple(row[place] for place in places) for row in self.rows),
        )


STREAM = Column("stream", "类别", "Stream", "code", "stream", 10)
EVENT_KIND = Column("event_kind", "事件类别", "Event kind", "code", "event_kind", 11)
LEVEL = Column("level", "产品层级", "Product level", "code", "level", 11)
COMPARATOR = Column("comparator", "对照", "Compared with", "code", "comparator", 16)
WINDOW = Column("window", "时间窗", "Window", "code", "window", 11)
PRODUCT = Column("product", "产品", "Product", width=34)
EVENT = Column("event", "事件", "Event", width=24)
CASE = Column("case", "报告编号", "Case number", width=24)
RECEIVED = Column("received_on", "接收日期", "Received on", "day", width=12)
HOSPITAL_ID = Column("hospital_id", "机构编号", "Hospital id", width=12)
HOSPITAL = Column("hospital", "报告单位", "Reporting unit", width=28)
SERIOUS = Column("serious", "严重", "Serious", "count", width=8)
FILE = Column("file", "文件", "File", width=36)
