"""Why a pair is, or is not, an alert: its 2×2 tables, measures with their formulas filled in, history, cases."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from pv import pipeline
from pv.settings import Settings
from pv.signals.screens import Screen
from pv.text import clean
from pv.week import Week

WEEKS_OF_HISTORY = 12
_TABLE = ("stream", "event_kind", "level", "comparator", "window")


class UnknownPairError(ValueError):
    """No table of the week lists the pair; the message says what was looked for and which names come near."""


def explain(settings: Settings, product: str, event: str, week: Week, as_of: datetime) -> dict[str, Any]:
    """Everything about a pair in a week, as JSON has it: `tables` (one each that lists it), `history`, `use` and `risk`
    (see `pv.context`), `cases`, `mappings` (the wordings counted as the product or the event).

    Raises UnknownPairError.
    """
    product, event = clean(product), clean(event)
    weeks = [Week(index) for index in range(week.index - WEEKS_OF_HISTORY + 1, week.index + 1)]
    inputs = list(pipeline.week_inputs(settings, weeks, as_of, beside=False, product=product))
    last = inputs[-1]
    rows = _rows(last.signals, product, event)
    if rows.empty:
        raise UnknownPairError(_unknown(last.signals, product, event, week))
    priors = last.counted.set_index(list(_TABLE))
    history = [
        {"week": str(one.week)}
        | {name: row[name] for name in (*_TABLE[1:], "a", "expected", "ic025", "screens", "status")}
        for one in inputs
        for row in _records(_rows(one.signals, product, event))
    ]
    return {
        "week": str(week),
        "product": product,
        "event": event,
        "tables": [
            _table(row, priors.loc[tuple(row[name] for name in _TABLE)], last.screens) for row in _records(rows)
        ],
        "history": history,
        "use": _records(_on(last.evidence["use"], product)),
        "risk": _records(_on(last.evidence["risk"], product)),
        "cases": _records(_cases(last.filings, product, event)),
        "mappings": _records(_mappings(last.mappings, set(rows["stream"]), product, event)),
    }


def _on(frame: pd.DataFrame, product: str) -> pd.DataFrame:
    """Rows of a product; quantities are stated by its name or number, which its label holds."""
    return frame[[name == product or (name != "" and name in product.split(" ")) for name in frame["product"]]]


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _rows(signals: pd.DataFrame, product: str, event: str) -> pd.DataFrame:
    return signals[(signals["product"] == product) & (signals["event"] == event)]


def _unknown(signals: pd.DataFrame, product: str, event: str, week: Week) -> str:
    parts = []
    for name, text in (("product", product), ("event", event)):
        known = signals[name].drop_duplicates()
        if (known == text).any():
            continue
        near = sorted(label for label in known if text and text in label)[:5]
        hint = f" Names that contain it: {'; '.join(near)}." if near else " Check its wording in signals.csv."
        parts.append(f"no {name} “{text}” in {week}.{hint}")
    return " ".join(parts) or f"“{product}” and “{event}” were never reported together up to {week}."


def _table(row: dict[str, Any], prior: pd.Series[Any], screens: Sequence[Screen]) -> dict[str, Any]:
    named = {screen.name: screen for screen in screens}
    met = [name for name in row["screens"].split(";") if name]
    return row | {
        "formulas": list(formulas(row, prior)) if row["a"] else [],
        "criteria": [{"screen": name, "criteria": str(named[name].rule), "source": named[name].source} for name in met],
    }


def formulas(row: dict[str, Any], prior: pd.Series[Any]) -> Iterator[str]:
    """Each measure of a table with its formula and the numbers in it."""
    a, b, c, d = (int(row[name]) for name in "abcd")
    n = a + b + c + d
    yield f"E = (a+b)(a+c)/N = {a + b} · {a + c} / {n} = {_number(row['expected'])}"
    yield f"RRR = a/E = {a} / {_number(row['expected'])} = {_number(row['rrr'])}"
    yield f"PRR = [a/(a+b)] / [c/(c+d)] = [{a}/{a + b}] / [{c}/{c + d}] = {_with_limits(row, 'prr')}"
    yield f"ROR = ad/(bc) = {a} · {d} / ({b} · {c}) = {_with_limits(row, 'ror')}"
    yield (
        f"χ² (Yates) = N(|ad − bc| − N/2)² / [(a+b)(c+d)(a+c)(b+d)] = {n}(|{a * d} − {b * c}| − {n / 2:g})² / "
        f"[{a + b} · {c + d} · {a + c} · {b + d}] = {_number(row['chi_square'])}; "
        f"Pearson {_number(row['chi_square_pearson'])}"
    )
    yield (
        f"IC = log2[(a + ½)/(E + ½)] = log2[{a + 0.5:g} / {_number(row['expected'] + 0.5)}] = {_number(row['ic'])} "
        f"({_number(row['ic025'])} – {_number(row['ic975'])})"
    )
    if not math.isnan(row["ebgm"]):
        mixture = f"P = {_number(prior['p'])} of Gamma({_number(prior['alpha1'])}, {_number(prior['beta1'])}), else "
        mixture += f"Gamma({_number(prior['alpha2'])}, {_number(prior['beta2'])})"
        yield (
            f"EBGM = exp E[log λ | a = {a}, E] with the prior {mixture} = {_number(row['ebgm'])} "
            f"(EB05 {_number(row['eb05'])}, EB95 {_number(row['eb95'])})"
        )
    if not math.isnan(row["p"]):
        p, middle, *q = (f"{row[name]:.3g}" for name in ("p", "p_mid", "q_bh", "q_by"))
        yield f"p = P(A ≥ {a} | margins) = {p}; mid-p {middle}; q (BH) {q[0]}, (BY) {q[1]}"
    if not math.isnan(row["ror_mh"]):
        yield (
            f"stratified: E = {_number(row['expected_stratified'])}, ROR = {_with_limits(row, 'ror_mh')}, "
            f"IC025 {_number(row['ic025_stratified'])}, EB05 {_number(row['eb05_stratified'])}"
        )


def _with_limits(row: dict[str, Any], name: str) -> str:
    return f"{_number(row[name])} ({_number(row[name + '_low'])} – {_number(row[name + '_high'])})"


def _number(value: float) -> str:
    if math.isnan(value):
        return "—"
    return "∞" if math.isinf(value) else f"{value:.4g}"


def _mappings(mappings: pd.DataFrame, streams: set[str], product: str, event: str) -> pd.DataFrame:
    """The wordings that were counted as the product or the event, and the rule of each."""
    wanted = (mappings["kind"].eq("product") & mappings["counted_as"].eq(product)) | (
        mappings["kind"].eq("event") & mappings["counted_as"].eq(event)
    )
    return mappings[wanted & mappings["stream"].isin(streams)]


def _cases(filings: pd.DataFrame, product: str, event: str) -> pd.DataFrame:
    """Reports as filed that name both; those merged into others and left out are among them and marked."""
    both = [
        product in products.split("; ") and event in events.split("; ")
        for products, events in zip(filings["products"], filings["events"], strict=True)
    ]
    columns = "stream case received_on hospital sex age_band outcome serious death merged_into left_out".split()
    return filings.loc[both, columns].sort_values(["received_on", "case"], kind="stable")
