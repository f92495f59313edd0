"""Whether a week's files show what the demo city's registers say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fastexcel
import pandas as pd

from pv.reference import streams
from pv.rendering.hospital_columns import OFFICIAL

OFFICIAL_SHEET = "与官方数核对"


def not_shown(truth: Mapping[str, Any], folder: Path) -> list[str]:
    """What truth.json says under `risk`, `use` and `official` and the week's files in `folder` do not, in words.

    Risk information on a product without an alert stands beside no signal, so it is not looked for there; that on a
    product that no report names is looked for among what stands alone.
    """
    return [*_risk(truth["risk"], folder), *_use(truth["use"], folder), *_official(truth["official"], folder)]


def _table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", keep_default_na=False, dtype="str")


def _keys(table: pd.DataFrame, columns: list[str]) -> set[tuple[str, ...]]:
    return set(table[columns].itertuples(index=False, name=None))


def _risk(entries: list[dict[str, str]], folder: Path) -> Iterator[str]:
    signals, linked, alone = (_table(folder, name) for name in ("signals", "risk", "risk_alone"))
    alerted = _keys(signals[~signals["status"].isin(["", "lapsed"])], ["stream", "product"])
    beside = _keys(linked, ["stream", "product", "link", "source", "number"])
    unlinked = _keys(alone, ["source", "number"])
    for entry in entries:
        about, known = (entry["stream"], entry["product"]), (entry["source"], entry["number"])
        shown = (*about, entry["link"], *known) in beside if entry["link"] else known in unlinked
        if not shown and (about in alerted or not entry["link"]):
            yield f"risk information {entry['number']} on {entry['product'] or 'no product'} is not shown"


def _use(entries: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    table = _table(folder, "use")
    for entry in entries:
        known = {name: entry[name] for name in ("stream", "by", "product", "measure", "length")}
        mine = table[(table[list(known)] == pd.Series(known)).all(axis=1)]
        found = [(float(str(row.quantity)), float(str(row.reports))) for row in mine.itertuples()]
        if found != [(entry["quantity"], entry["reports"])]:
            told = f"{entry['quantity']} used or sold, {entry['reports']} reports"
            yield f"{entry['stream']}, {entry['product']}: use is {found}, truth.json says {told}"


def _official(entries: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    sheet = fastexcel.read_excel(folder / "hospitals.xlsx").load_sheet(OFFICIAL_SHEET, dtypes="string").to_pandas()
    table = sheet.set_axis([column.name for column in OFFICIAL], axis=1).fillna("").astype("str")
    for entry in entries:
        stream = streams()[entry["stream"]].zh
        mine = table[table["stream"].str.startswith(stream) & (table["period"] == entry["period"])]
        found = [tuple(map(float, row)) for row in mine[["official", "difference"]].to_numpy().tolist()]
        if found != [(entry["official"], entry["difference"])]:
            told = f"{entry['official']}, {entry['difference']} more than ours"
            yield f"{entry['stream']}, {entry['period']}: the official figure is {found}, truth.json says {told}"
