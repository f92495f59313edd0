"""What entries of the registers must say besides what their columns say: quantities of products, risk information."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from pv.forms.checking import Fault

EXPOSURE, RISK = "exposure", "risk"


def quantity_faults(rows: pd.DataFrame) -> Iterator[Fault]:
    """A quantity is of a product, at a hospital or in an area, and not below 0."""
    for label, row in _records(rows):
        if not _any(row, ("product", "identifier")):
            yield Fault(label, "product", "form_unnamed")
        elif not _any(row, ("hospital", "area")):
            yield Fault(label, "hospital", "form_nowhere")
        elif row["hospital"] and row["area"]:
            yield Fault(label, "area", "form_two_places")
        elif float(row["quantity"]) < 0:
            yield Fault(label, "quantity", "form_negative")


def risk_faults(rows: pd.DataFrame) -> Iterator[Fault]:
    """Risk information is about a product, a number, a lot or a maker."""
    for label, row in _records(rows):
        if not _any(row, ("product", "identifier", "lot", "maker")):
            yield Fault(label, "product", "form_unnamed")


def _records(rows: pd.DataFrame) -> Iterator[tuple[int, Mapping[str, str]]]:
    for label, record in zip(rows.index, rows.to_dict("records"), strict=True):
        yield int(label), {str(name): str(value) for name, value in record.items()}


def _any(row: Mapping[str, str], names: Sequence[str]) -> bool:
    return any(row[name] for name in names)
