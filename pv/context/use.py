"""Use and reporting rate: reports of a product per 10,000 units used, where and when the quantities were stated.

A quantity covers a product at a hospital or in an area over a period. Only the reports of that hospital or area that
were received in that period are set against it; what is not covered by a quantity is left out of both. Periods of one
length are added up, never those of different lengths, nor hospitals and areas: they may cover the same use twice. A
rate tells how often use is followed by a report, not how often by a reaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import numpy as np
import pandas as pd

from pv.appraisal.rates import garwood
from pv.codes import hospitals, lots, numbers, synonyms
from pv.forms.periods import bounds
from pv.reference import Reference
from pv.text import SEVERAL, fold, lookup, over_unique
from pv.week import Week

PER = 10_000  # units
COLUMNS = (
    "stream product by measure unit length first_period last_period periods place places quantity reports rate "
    "rate_low rate_high alert"
).split()
UNPLACED = "unplaced"  # a hospital or area that the reference tables do not know
_GROUP = ["stream", "by", "key", "measure", "unit", "length", "scope"]
_WHOLE_USE = ("used", "doses")  # of these a hospital states all that it used, whoever made it


def use_rates(
    quantities: pd.DataFrame, named: pd.DataFrame, known: Reference, week: Week, alerted: set[tuple[str, str]]
) -> pd.DataFrame:
    """One row per product, measure, unit, length of period, and area (or all hospitals together).

    `quantities`: entries of the form `exposure`; `named`: rows of `StreamCases.named` over all streams, as the week
    sees them; `alerted`: (stream, product label) with an alert. Taken are whole periods that ended by the week's end:
    of months and quarters those of the last twelve months, of years the last one. `by`: product, number or lot;
    `place`: name of the area, or ""; `places`: hospitals. Where the place is unknown, `reports` and rate are missing.
    The rate is per 10,000 units with its exact Poisson limits.
    """
    cells = _in_window(_placed(quantities, known), week)
    if cells.empty:
        return pd.DataFrame(columns=COLUMNS)
    reports = _by_place(named, known)
    grouped = _levels(cells).groupby(_GROUP)
    table = pd.DataFrame(
        [_rate(dict(zip(_GROUP, map(str, part.iloc[0][_GROUP]), strict=True)), part, reports) for _, part in grouped]
    )
    labels = {(stream, fold(label)) for stream, label in alerted} | _names(named, alerted)
    pairs = zip(table["stream"], over_unique(table["product"].astype("str"), fold), strict=True)
    table["alert"] = [pair in labels for pair in pairs]
    order = ["alert", "stream", "product", "by", "measure", "unit", "length", "place"]
    ascending = [name != "alert" for name in order]
    return table.sort_values(order, ascending=ascending, kind="stable", ignore_index=True)[COLUMNS]


def _names(named: pd.DataFrame, alerted: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Names and numbers under which products with an alert are reported, folded."""
    both = pd.MultiIndex.from_arrays([named["stream"], named["product"]])
    mine = named[both.isin(list(alerted))] if alerted else named.iloc[:0]
    return {
        (stream, fold(text))
        for column in ("name", "number")
        for stream, text in mine[["stream", column]].drop_duplicates().itertuples(index=False)
        if text
    }


def _placed(quantities: pd.DataFrame, known: Reference) -> pd.DataFrame:
    """With scope ("hospital", or the code of the area; "" unknown), place, and the keys of the product."""
    unit = hospitals.assign(quantities["hospital"], known.hospitals)
    code = lookup(quantities["area"], _codes(known))
    scope = code.where(quantities["hospital"] == "", pd.Series("hospital", index=code.index).where(unit != "", ""))
    wording = _preferred(quantities, known)
    keyed = zip(quantities["stream"], quantities["identifier"], strict=True)
    keys = [numbers.read(stream, text).key if text else "" for stream, text in keyed]
    return quantities.assign(
        scope=scope,
        place=unit.where(quantities["hospital"] != "", code),
        wording=wording,
        name_key=over_unique(wording, fold),
        number_key=pd.Series(keys, index=quantities.index, dtype="str"),
        lot_key=over_unique(over_unique(quantities["lot"], lots.normal), fold),
    )


def _codes(known: Reference) -> dict[str, str]:
    areas = known.areas
    return dict(zip(areas["name"], areas["code"], strict=True)) | {code: code for code in areas["code"]}


def _preferred(quantities: pd.DataFrame, known: Reference) -> pd.Series[str]:
    """Product names in the wording under which they are counted."""
    wording = quantities["product"].copy()
    for stream in quantities["stream"].unique():
        mine = quantities["stream"] == stream
        wording[mine] = wording[mine].replace(synonyms.mapping_of(known, str(stream), "product"))
    return wording


def _in_window(cells: pd.DataFrame, week: Week) -> pd.DataFrame:
    """Rows whose period is over and recent, with its length."""
    spans = {text: bounds(text) for text in cells["period"].unique()}
    length = lookup(cells["period"], {text: name for text, (name, _, _) in spans.items()})
    last_year = max((text for text, (name, _, end) in spans.items() if name == "year" and end <= week.end), default="")
    wanted = {
        text
        for text, (name, _, end) in spans.items()
        if end <= week.end and (text == last_year if name == "year" else end > week.end - timedelta(days=366))
    }
    return cells.assign(length=length)[cells["period"].isin(wanted)]


def _levels(cells: pd.DataFrame) -> pd.DataFrame:
    """Each row at the level for which it holds.

    By lot where a lot is named; else by number where one is; and by product where no number is named, or where a
    hospital states its whole use.
    """
    whole = (cells["scope"] == "hospital") & cells["measure"].isin(_WHOLE_USE)
    number = cells["number_key"]
    by_lot = cells[cells["lot_key"] != ""]
    rest = cells[cells["lot_key"] == ""]
    by_number = rest[number[rest.index] != ""]
    by_name = rest[(rest["name_key"] != "") & ((number[rest.index] == "") | whole[rest.index])]
    parts = (
        by_lot.assign(by="lot", key=by_lot["number_key"] + "\x1f" + by_lot["name_key"] + "\x1f" + by_lot["lot_key"]),
        by_number.assign(by="number", key=by_number["number_key"]),
        by_name.assign(by="product", key=by_name["name_key"]),
    )
    return pd.concat(parts, ignore_index=True)


def _by_place(named: pd.DataFrame, known: Reference) -> pd.DataFrame:
    """Reports with their keys, once for the hospital and once for each area that holds it: place, month."""
    rows = named.assign(lot=named["lot"].str.split(SEVERAL)).explode("lot").astype({"lot": "str"})
    rows = rows.assign(
        month=rows["received_on"].str.slice(0, 7),
        name_key=over_unique(rows["name"], fold),
        label_key=over_unique(rows["product"], fold),
        lot_key=over_unique(rows["lot"], fold),
    )
    above = _above(known)
    holding = pd.Series([above.get(code, above[""]) for code in rows["district"]], index=rows.index, dtype="object")
    areas = rows.assign(place=holding).explode("place")
    placed = pd.concat([rows.assign(place=rows["hospital_id"]), areas], ignore_index=True)
    return placed[placed["place"].fillna("") != ""].reset_index(drop=True)


def _above(known: Reference) -> dict[str, list[str]]:
    """Area → itself and those that hold it; "" (hospital unknown) → the whole."""
    parent = dict(zip(known.areas["code"], known.areas["parent"], strict=True))
    found = {"": [code for code, over in parent.items() if not over]}
    for code in parent:
        chain = [code]
        while parent.get(chain[-1]) and len(chain) <= len(parent):
            chain.append(parent[chain[-1]])
        found[code] = chain
    return found


def _rate(group: Mapping[str, str], cells: pd.DataFrame, reports: pd.DataFrame) -> dict[str, object]:
    quantity = float(cells["quantity"].sum())
    placed = group["scope"] != ""
    count = _reports(group, cells, reports) if placed else np.nan
    low, high = garwood(np.array([count])) if placed else (np.array([np.nan]), np.array([np.nan]))
    rate = [float(value) * PER / quantity if quantity > 0 else np.nan for value in (count, low[0], high[0])]
    by_area = placed and group["scope"] != "hospital"
    named = cells["wording"].where(cells["wording"] != "", cells["identifier"])
    shown = named.mode().iloc[0]
    if group["by"] != "product":
        shown = " ".join(dict.fromkeys(filter(None, (cells["identifier"].iloc[0], shown))))
    if group["by"] == "lot":
        shown += f" {cells['lot'].iloc[0]}"
    return dict(group) | {
        "product": shown,
        "first_period": min(cells["period"]),
        "last_period": max(cells["period"]),
        "periods": cells["period"].nunique(),
        "place": str(cells["area"].iloc[0]) if by_area else ("" if placed else UNPLACED),
        "places": 0 if by_area else cells["hospital"].nunique(),
        "quantity": quantity,
        "reports": count,
        "rate": rate[0],
        "rate_low": rate[1],
        "rate_high": rate[2],
    }


def _reports(group: Mapping[str, str], cells: pd.DataFrame, reports: pd.DataFrame) -> int:
    """Reports of the product at the places and in the months of the cells, each once."""
    mine = reports[reports["stream"] == group["stream"]]
    if group["by"] == "number":
        mine = mine[mine["number"] == group["key"]]
    elif group["by"] == "product":
        mine = mine[(mine["name_key"] == group["key"]) | (mine["label_key"] == group["key"])]
    else:
        number, name, lot = group["key"].split("\x1f")
        product = (mine["number"] == number) if number else (mine["name_key"] == name)
        mine = mine[product & (mine["lot_key"] == lot)]
    months = pd.DataFrame([(row.place, month) for row in cells.itertuples() for month in _months(str(row.period))])
    covered = months.drop_duplicates().set_axis(["place", "month"], axis=1)
    return int(mine.merge(covered, on=["place", "month"])["case"].nunique())


def _months(period: str) -> Iterator[str]:
    length, first, _ = bounds(period)
    for step in range({"year": 12, "quarter": 3, "month": 1}[length]):
        yield f"{first.year}-{first.month + step:02d}"
