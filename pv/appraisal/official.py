"""Our totals beside the official figures that people enter, and what may explain a difference.

Nothing is adjusted: the official figure stays as it was entered, ours is what the reports as filed come to, and the
difference is laid out to its last report. What may explain it is a bound, not a finding: of 5 missing reports, 3 that
stand under no known hospital *may* be among them. A report in quarantine has no day but that of its receipt.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from pv.appraisal.areas import UNASSIGNED
from pv.appraisal.ledger import FATES, LEFT_OUT
from pv.appraisal.reconciliation import ReconciliationError
from pv.codes import hospitals

if TYPE_CHECKING:
    from pv.appraisal.ledger import Ledger

BASES = {"received": "received_on", "evaluated": "evaluated_on", "reported": "reported_on"}
# What may explain that the official figure is higher, and that it is lower; in the order in which it is drawn upon.
MISSING = ("unassigned", "left_out", "undated")
SURPLUS = ("quarantined", "merged")
COLUMNS = (
    *("stream", "area", "hospital", "period", "basis", "official", "ours", "difference"),
    *(f"by_{name}" for name in (*MISSING, *SURPLUS)),
    *("rest", "why", "filed", *FATES, "unassigned", "source", "recorded_at"),
)
_TEXTS = {"stream", "area", "hospital", "period", "basis", "why", "source", "recorded_at"}
MONTH_COLUMNS = ("stream", "month", "scope", "area", "name", "filed", *FATES, "official")


def official_figures(ledger: Ledger, figures: pd.DataFrame | None) -> pd.DataFrame:
    """A row an official figure whose period has begun by the end of the week, in the order of stream, period and place.

    `figures`: stream, area, hospital, period (2026 or 2026-10), basis, value, source, recorded_at. COLUMNS: official −
    ours = difference = the sum of by_* and rest (all with the sign of the difference). `why`: codes joined by ";" –
    the names of MISSING and SURPLUS that can explain something, `not_exported` or `not_official` for the rest,
    `basis_…` where ours on that basis is just the official figure, `open` where the period is not over,
    `unknown_place`. Raises ReconciliationError where a sum fails.
    """
    end = ledger.week.end.isoformat()
    if figures is None:
        return _check(pd.DataFrame(columns=list(COLUMNS)))
    begun = figures[figures["period"].map(_first_day).astype("str") < end]
    ordered = begun.sort_values(["stream", "period", "area", "hospital", "basis"], kind="stable")
    rows = [_line(ledger, figure) for figure in ordered.to_dict("records")]
    return _check(pd.DataFrame(rows, columns=list(COLUMNS)))


def _first_day(period: str) -> str:
    return f"{period}-01-01"[:10]


def _line(ledger: Ledger, figure: dict[Any, Any]) -> dict[str, Any]:
    place = _hospitals(ledger, figure["area"], figure["hospital"])
    reports = ledger.reports[ledger.reports["stream"] == figure["stream"]]
    here = reports[reports["hospital_id"].isin(place or ())]
    counted = {basis: here[here[column].str.startswith(figure["period"])] for basis, column in BASES.items()}
    mine = counted[figure["basis"]]
    ours, difference = int(mine["official"].sum()), round(figure["value"]) - int(mine["official"].sum())
    fates = {fate: int((mine["fate"] == fate).sum()) for fate in FATES}
    elsewhere = reports[reports["official"] & reports[BASES[figure["basis"]]].str.startswith(figure["period"])]
    nowhere = elsewhere[elsewhere["hospital_id"] == UNASSIGNED]
    undated = here[(here["fate"] == "quarantined") & (here[BASES[figure["basis"]]] == "")]
    bounds = {
        "unassigned": 0 if UNASSIGNED in (place or ()) else len(nowhere),
        "left_out": sum(fates[fate] for fate in LEFT_OUT),
        "undated": len(undated),
        "quarantined": fates["quarantined"],
        "merged": fates["merged"],
    }
    parts, rest = _explained(difference, bounds)
    why = [name for name, part in parts.items() if part]
    why += ["not_exported" if rest > 0 else "not_official"] if rest else []
    if difference and figure["value"]:
        why += [f"basis_{name}" for name, found in counted.items() if found["official"].sum() == round(figure["value"])]
    why += ["open"] if _last_day(figure["period"]) >= ledger.week.end.isoformat() else []
    why += ["unknown_place"] if place is None else []
    return {
        **{name: figure[name] for name in ("stream", "area", "hospital", "period", "basis", "source", "recorded_at")},
        "official": round(figure["value"]),
        "ours": ours,
        "difference": difference,
        **{f"by_{name}": part for name, part in parts.items()},
        "rest": rest,
        "why": ";".join(why),
        "filed": len(mine),
        **fates,
        "unassigned": len(nowhere),
    }


def _last_day(period: str) -> str:
    return f"{period}-12-31" if len(period) == 4 else f"{period}-31"


def _explained(difference: int, bounds: dict[str, int]) -> tuple[dict[str, int], int]:
    """The difference drawn from what may explain it, in order; and what nothing explains."""
    parts = dict.fromkeys((*MISSING, *SURPLUS), 0)
    sign, rest = (1, difference) if difference > 0 else (-1, -difference)
    for name in MISSING if sign > 0 else SURPLUS:
        parts[name] = sign * min(rest, bounds[name])
        rest -= abs(parts[name])
    return parts, sign * rest


def _hospitals(ledger: Ledger, area: str, hospital: str) -> frozenset[str] | None:
    """Ids of the place that a figure is of; None where it is unknown. The whole area includes the unassigned id."""
    if hospital:
        units = ledger.reference.hospitals
        if (units["hospital_id"] == hospital).any():
            return frozenset([hospital])
        known = str(hospitals.assign(pd.Series([hospital], dtype="str"), units).iloc[0])
        return frozenset([known]) if known else None
    code = ledger.tree.find(area)
    return None if code is None else ledger.tree.hospitals_in(code)


def _check(table: pd.DataFrame) -> pd.DataFrame:
    table = table.astype({name: "str" if name in _TEXTS else "int64" for name in COLUMNS})
    parts = [f"by_{name}" for name in (*MISSING, *SURPLUS)]
    wrong = table[
        (table["difference"] != table[[*parts, "rest"]].sum(axis=1))
        | (table["official"] != table["ours"] + table["difference"])
        | (table["filed"] != table[list(FATES)].sum(axis=1))
    ]
    if not wrong.empty:
        row = wrong.iloc[0]
        raise ReconciliationError(
            f"{row['stream']}, {row['area'] or row['hospital'] or 'the whole area'}, {row['period']}: the official "
            f"figure {row['official']} and ours, {row['ours']}, are not explained to the last report."
        )
    return table


def months(ledger: Ledger) -> pd.DataFrame:
    """The account of the reports of this year by stream, month of receipt and area: MONTH_COLUMNS.

    Each row: filed = the sum of its FATES. Each stream and month: whole = districts + direct + unassigned, and the
    months add up to the year to date. Raises ReconciliationError where a sum fails.
    """
    reports = ledger.reports[ledger.reports["in_year"]]
    flags = pd.DataFrame({fate: reports["fate"] == fate for fate in FATES})
    flags = flags.assign(filed=True, official=reports["official"]).astype("int64")
    keys = reports[["stream", "hospital_id"]].assign(month=reports["received_on"].str.slice(0, 7))
    sums = pd.concat([keys, flags], axis=1).merge(ledger.tree.membership, on="hospital_id")
    sums = sums.drop(columns="hospital_id").groupby(["stream", "month", "scope", "area"]).sum().reset_index()
    grid = pd.DataFrame(list(_grid(ledger)), columns=["stream", "month"]).merge(ledger.tree.rows, how="cross")
    table = grid.merge(sums, on=["stream", "month", "scope", "area"], how="left")
    counts = ["filed", *FATES, "official"]
    table[counts] = table[counts].fillna(0).astype("int64")
    _check_months(table, ledger)
    return table[list(MONTH_COLUMNS)]


def _grid(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Every stream with a report × every month of the year up to the week's end."""
    last = ledger.week.last_day
    first = ledger.week.year_start
    known = set(ledger.reports["stream"])
    for stream in ledger.streams:
        if stream in known:
            for number in range(first.month, 12 * (last.year - first.year) + last.month + 1):
                yield stream, f"{first.year + (number - 1) // 12}-{(number - 1) % 12 + 1:02d}"


def _check_months(table: pd.DataFrame, ledger: Ledger) -> None:
    wrong = table[table["filed"] != table[list(FATES)].sum(axis=1)]
    if not wrong.empty:
        row = wrong.iloc[0]
        raise ReconciliationError(
            f"{row['stream']}, {row['month']}, {row['name']}: {row['filed']} filed, fates differ."
        )
    areas = table["filed"].where(table["scope"].isin(["district", "direct", "unassigned"]), 0)
    whole = table["filed"].where(table["scope"] == "whole", 0)
    sums = table.assign(whole=whole, areas=areas).groupby(["stream", "month"])[["whole", "areas"]].sum().reset_index()
    wrong = sums[sums["whole"] != sums["areas"]]
    if not wrong.empty:
        row = wrong.iloc[0]
        raise ReconciliationError(
            f"{row['stream']}, {row['month']}: {row['whole']} reports filed, but the areas' add up to {row['areas']}."
        )
    year = ledger.reports.loc[ledger.reports["in_year"], "stream"].value_counts()
    by_stream = sums.groupby("stream")["whole"].sum()
    for stream in by_stream.index:
        if by_stream[stream] != year.get(stream, 0):
            raise ReconciliationError(
                f"{stream}: the months have {by_stream[stream]} reports, the year {year.get(stream, 0)}."
            )
