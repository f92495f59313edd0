"""Other risk information beside the signals: sampling failures, inspections, complaints, cases, opinion, recalls.

An entry is linked to a product by what it names, from the nearest to the farthest: a lot of it, its number, its name,
its maker. A lot counts only where something else that the entry names (number, name or maker) agrees, too: lots of
different makers may read the same. The maker is a link only for entries about the maker as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd

from pv.codes import lots, numbers
from pv.text import SEVERAL, fold, over_unique
from pv.week import Week, local_day, parse_instant

DAYS = 365
LINKS = ("lot", "number", "product", "maker")
FACTS = (
    "occurred_on kind risk_product identifier lot maker finding level state handled_by source number link_text"
).split()
LINKED = ["stream", "product", "link", *FACTS]
UNLINKED = [*FACTS, "reports"]


@dataclass(frozen=True)
class _Product:
    """All that the reports of a product name."""

    numbers: frozenset[str]
    names: frozenset[str]
    makers: frozenset[str]
    lots: frozenset[str]


def _product(rows: pd.DataFrame) -> _Product:
    return _Product(
        numbers=_set(rows["number"]),
        names=_set(rows["name_key"]),
        makers=_set(rows["maker_key"]),
        lots=_set(rows["lot_key"].explode()),
    )


def _set(values: pd.Series[str]) -> frozenset[str]:
    return frozenset(values.unique()) - {""}


def linked(entries: pd.DataFrame, named: pd.DataFrame, alerts: pd.DataFrame, week: Week) -> pd.DataFrame:
    """Risk information of the last 12 months on products with an alert: `LINKED`, the nearest links first.

    `entries`: of the form `risk`; `named`: rows of `StreamCases.named` over all streams; `alerts`: stream, level,
    product, each once, in the order in which they are to stand.
    """
    recent = _keyed(_facts(entries, week))
    rows = _keyed_rows(named.drop(columns=["case", "received_on", "hospital_id", "district"]).drop_duplicates())
    found = []
    asked = alerts[["stream", "level", "product"]].astype("str").to_numpy().tolist()
    for stream, level, product in asked if len(recent) else ():
        mine = rows[rows["stream"] == stream]  # other streams have other levels
        if mine.get(f"level_{level}") is None:
            continue
        mine = mine[_holds(mine[f"level_{level}"], product)]
        links = _links(recent, _product(mine), stream)
        near = recent.assign(stream=stream, product=product, link=links)[links != ""]
        near = near.assign(place=near["link"].map(LINKS.index).astype("int64"))
        near = near.sort_values(["occurred_on", "number"], ascending=[False, True], kind="stable")
        found.append(near[[*LINKED, "place"]])
    if not found:
        return pd.DataFrame(columns=LINKED, dtype="str")
    return pd.concat(found).sort_values("place", kind="stable", ignore_index=True)[LINKED]


def unlinked(entries: pd.DataFrame, named: pd.DataFrame, found: pd.DataFrame, week: Week) -> pd.DataFrame:
    """Risk information of the week (of its date, or entered in it) on products without an alert: `UNLINKED`.

    `found`: what `linked` gave; a maker in common is no link here. `reports`: those that name its lot, number or name.
    """
    recent = _facts(entries, week)
    entered = [local_day(parse_instant(at)) for at in recent["recorded_at"]]
    during = pd.Series([week.start <= day < week.end for day in entered], index=recent.index, dtype=bool)
    during |= recent["occurred_on"] >= week.start.isoformat()
    near = found[found["link"] != "maker"]
    known = set(zip(near["source"], near["number"], strict=True))
    alone = [key not in known for key in zip(recent["source"], recent["number"], strict=True)]
    mine = _keyed(recent[during & pd.Series(alone, index=recent.index, dtype=bool)])
    rows = _keyed_rows(named)
    mine = mine.assign(reports=[_reports(entry, rows) for _, entry in mine.iterrows()])
    ordered = mine.sort_values(["occurred_on", "source", "number"], ascending=[False, True, True], kind="stable")
    return ordered[UNLINKED].reset_index(drop=True)


def _facts(entries: pd.DataFrame, week: Week) -> pd.DataFrame:
    """Entries of the year up to the week's end, under the names of `FACTS`."""
    first = (week.end - timedelta(days=DAYS)).isoformat()
    day = entries["occurred_on"]
    recent = entries[(day >= first) & (day < week.end.isoformat())]
    return recent.rename(columns={"product": "risk_product", "link": "link_text"}).reset_index(drop=True)


def _keyed(entries: pd.DataFrame) -> pd.DataFrame:
    keys = {f"{name}_key": over_unique(entries[name], fold) for name in ("risk_product", "maker")}
    return entries.assign(**keys, lot_key=_lot_keys(entries["lot"]))


def _keyed_rows(named: pd.DataFrame) -> pd.DataFrame:
    keys = {f"{name}_key": over_unique(named[name], fold) for name in ("name", "maker")}
    return named.assign(**keys, lot_key=_lot_keys(named["lot"]))


def _lot_keys(written: pd.Series[str]) -> pd.Series[Any]:
    known = {text: tuple(filter(None, map(fold, lots.lots(text.replace(SEVERAL, ";"))))) for text in written.unique()}
    return pd.Series([known[text] for text in written], index=written.index, dtype="object")


def _holds(cells: pd.Series[str], label: str) -> pd.Series[bool]:
    """Whether a cell is the label, or one of several is."""
    several = {cell for cell in cells.unique() if label in cell.split(SEVERAL)}
    return cells.isin(several)


def _links(entries: pd.DataFrame, product: _Product, stream: str) -> pd.Series[str]:
    """How near each entry is to a product; "" where it is not."""
    keys = over_unique(entries["identifier"], lambda text: numbers.read(stream, text).key if text else "")
    number = keys.isin(product.numbers)
    name = entries["risk_product_key"].isin(product.names)
    maker = entries["maker_key"].isin(product.makers)
    lot = pd.Series([bool(product.lots.intersection(lots_of)) for lots_of in entries["lot_key"]], index=entries.index)
    nameless = (entries["identifier"] == "") & (entries["risk_product_key"] == "")
    bare = nameless & (entries["maker_key"] == "")
    whole = nameless & (entries["lot"] == "")  # an entry about one product of a maker says nothing of its others
    links = pd.Series("", index=entries.index, dtype="str")
    for link, fits in reversed(
        list(zip(LINKS, (lot & (number | name | maker | bare), number, name, maker & whole), strict=True))
    ):
        links = links.mask(fits, link)
    return links


def _reports(entry: pd.Series, rows: pd.DataFrame) -> int:
    """Reports that name the lot (with what agrees), number or product of an entry, each once."""
    found = 0
    for stream, mine in rows.groupby("stream"):
        key = numbers.read(str(stream), entry["identifier"]).key if entry["identifier"] else ""
        fits = (mine["number"] == key) & (key != "")
        fits |= (mine["name_key"] == entry["risk_product_key"]) & (entry["risk_product_key"] != "")
        if entry["lot_key"]:
            same = pd.Series([bool(set(entry["lot_key"]) & set(keys)) for keys in mine["lot_key"]], index=mine.index)
            bare = not (key or entry["risk_product_key"] or entry["maker_key"])
            agree = fits | (mine["maker_key"] == entry["maker_key"]) & (entry["maker_key"] != "") | bare
            fits = same & agree if bool((same & agree).any()) else fits
        found += mine.loc[fits, "case"].nunique()
    return found


def alerted(signals: pd.DataFrame, product: str = "") -> pd.DataFrame:
    """Products with an alert that has not lapsed, and `product`: stream, level, product, each once."""
    standing = signals[~signals["status"].isin(["", "lapsed"]) | (signals["product"] == product)]
    return standing[["stream", "level", "product"]].drop_duplicates(ignore_index=True)


def counts(found: pd.DataFrame, nearest: Sequence[str] = LINKS[:3]) -> dict[tuple[str, str], int]:
    """(stream, product) → entries on its lots, number or name."""
    near = found[found["link"].isin(list(nearest))]
    return {key: int(number) for key, number in near.groupby(["stream", "product"]).size().items()}  # type: ignore[misc]
