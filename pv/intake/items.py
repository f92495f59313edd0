"""The products and events of reports, as rows of `case_product` and `case_event`."""

from __future__ import annotations

import pandas as pd

from pv.codes import events, numbers, products
from pv.reference import streams
from pv.sources.layouts import MESSAGE, Layout
from pv.text import BLANK, clean_all, code_list, iso_dates, over_unique

_PRODUCT = ("role", "name", "identifier", "maker", "model", "lot", "class", "udi", "risk_class", "used_from")


def product_rows(rows: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Each product of a report once; a withdrawn report may name none."""
    found = _with_first_use(products.with_identity(_listed(rows, layout), layout.stream))
    unnamed = found["product"].isin(BLANK)
    return found[~unnamed].reset_index(drop=True) if unnamed.any() else found


def _listed(rows: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """A row per product: those that stand side by side in a row (name, name.1, …) one below the other."""
    told = {"risk_class": over_unique(rows["device_class"], numbers.risk_class)} if "device_class" in rows else {}
    blank = {name: "" for name in _PRODUCT if name not in rows and name not in told}
    parts = [rows.assign(**told, **blank)[["report", *_PRODUCT]]]
    number = 1
    while f"name.{number}" in rows:
        beside = {name: rows.get(f"{name}.{number}", "") for name in _PRODUCT}
        if f"used_from.{number}" in rows:
            beside["used_from"] = iso_dates(rows[f"used_from.{number}"])
        beside["role"] = _role(layout, number)
        part = rows[["report"]].assign(**beside)
        parts.append(part[~clean_all(part["name"]).isin(BLANK)])
        number += 1
    if number == 1:
        return parts[0]
    return pd.concat(parts).sort_values("report", kind="stable", ignore_index=True)


def _role(layout: Layout, number: int) -> str:
    """The role of the product in the fields name.<number>, where its layout says one."""
    return code_list("role")[layout.roles[number]] if number < len(layout.roles) else "suspect"


def _with_first_use(rows: pd.DataFrame) -> pd.DataFrame:
    """Each product of a report once, with the earliest known start of its use."""
    if not rows["report"].duplicated().any():
        return rows
    same = list(rows.columns.drop("used_from"))
    repeated = rows.duplicated(same, keep=False)
    if repeated.any():
        again = rows[repeated]
        days = again["used_from"].where(again["used_from"] != "")  # an unknown start is not the earliest
        first = days.groupby([again[name] for name in same]).transform("min")
        rows = rows.assign(used_from=rows["used_from"].where(~repeated, first.fillna("").astype("str")))
    return rows.drop_duplicates(same, ignore_index=True)


def event_rows(rows: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Each term of a report once per kind."""
    found = []
    rule = streams()[layout.stream]
    one_by_one = rule.foreign or layout.grain == MESSAGE  # such terms may hold commas
    for name, kind in rule.event_fields.items():
        terms = events.split(rows[name], one_by_one or name in layout.split)
        found.append(pd.DataFrame({"report": rows["report"].reindex(terms.index), "kind": kind, "event": terms}))
    return pd.concat(found).drop_duplicates().sort_values(["report"], kind="stable", ignore_index=True)
