"""Quantities of products used or bought, as sentinel hospitals export them: the denominators of rates by use.

Layouts with `grain = "use"` of `layouts.toml`. Counted is what was used (or bought) per hospital, product, channel
(门诊, 住院) and month; a row without a product, day or quantity is left out and told.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pv.sources.layouts import Layout, recognise, use_layouts
from pv.sources.opening import grids_of
from pv.sources.refusal import FileRefused
from pv.sources.whole_reports import Table, table_frame
from pv.text import clean_all, iso_dates, over_unique

COLUMNS = ("hospital", "identifier", "name", "maker", "unit", "channel", "month")


@dataclass(frozen=True)
class Use:
    """What a table of quantities holds.

    `quantities`: `COLUMNS` as text (month as 2026-11), `quantity` (sum, may be 0 where returns cancel out), `rows` (how
    many rows it is the sum of); sorted. `left_out`: sheet, row, column, value of rows that could not be counted.
    `read` = the sum of `rows` + the length of `left_out`. `measure`: "use" or "purchase".
    """

    layout: Layout
    measure: str
    read: int
    quantities: pd.DataFrame
    left_out: pd.DataFrame


def recognises(path: Path) -> bool:
    """Whether a sheet of the file is a table of quantities."""
    try:
        return bool(_tables(path))
    except FileRefused:
        return False


def read_use(path: Path) -> Use:
    """Read all sheets. Raises FileRefused where none is a table of quantities or a required column is missing."""
    found = _tables(path)
    if not found:
        raise FileRefused("unknown_layout")
    parts = [_checked(table, block_frame) for table in found for block_frame in table_frame(table)]
    good = pd.concat([part[0] for part in parts], ignore_index=True)
    left_out = pd.concat([part[1] for part in parts], ignore_index=True)
    keys = list(COLUMNS)
    summed = good.groupby(keys, sort=True, as_index=False).agg(quantity=("quantity", "sum"), rows=("quantity", "size"))
    measure = "purchase" if found[0].layout.name == "sentinel_purchase" else "use"
    return Use(found[0].layout, measure, len(good) + len(left_out), summed, left_out)


def _tables(path: Path) -> list[Table]:
    matched = [(grid, recognise(grid.head, use_layouts())) for grid in grids_of(path)]
    return [Table(grid, *match) for grid, match in matched if match is not None]


def _checked(table: Table, fields: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows that count, in one form, and the others with what is wrong with them."""
    rows = fields.assign(**{name: "" for name in (*COLUMNS, "day", "quantity") if name not in fields})
    for name in ("hospital", "name", "maker", "unit", "channel"):
        rows[name] = clean_all(rows[name])
    rows["identifier"] = over_unique(clean_all(rows["identifier"]), lambda text: text.replace(" ", ""))
    rows["month"] = iso_dates(rows["day"]).str.slice(0, 7)
    quantity = pd.to_numeric(over_unique(rows["quantity"], lambda text: text.strip().replace(",", "")), errors="coerce")
    wrong = pd.Series("", index=rows.index, dtype="str")
    wrong = wrong.where((rows["identifier"] != "") | (rows["name"] != ""), "name")
    wrong = wrong.where(rows["month"] != "", "day")
    wrong = wrong.where(np.isfinite(quantity.astype("float64")), "quantity")
    bad = rows[wrong != ""]
    left_out = pd.DataFrame(
        {
            "sheet": bad["sheet"],
            "row": bad["row"],
            "column": [table.layout.heading_of(field) for field in wrong[bad.index]],
            "value": [rows.at[place, field] for place, field in wrong[bad.index].items()],
        }
    )
    good = rows.loc[wrong == "", list(COLUMNS)].assign(quantity=quantity[wrong == ""].astype("float64"))
    return good, left_out
