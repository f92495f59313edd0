"""Reports per million population, by hospital and by district.

Rate per million = n / population × 10⁶ for a period, with exact Poisson (Garwood) limits over the same
denominator. Three numbers with three names: the rate of the year to date, that rate ÷ the elapsed share of
the year (annualised), and completion = year to date ÷ yearly quota. n is the official count (see `ledger`).
More reports is better here: a reporting rate says how well a hospital reports, never how often harm occurs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from pv.appraisal.areas import UNASSIGNED, AreaTree
from pv.text import lookup

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pv.appraisal.ledger import Ledger
    from pv.reference import Reference
    from pv.week import Week

# The first columns of hospital_rates.csv, stable; more follow.
HOSPITAL_COLUMNS = [
    *("stream", "hospital_id", "hospital", "level", "district", "population"),
    *("reports_week", "reports_ytd", "rate_ytd", "rate_low", "rate_high", "rate_annualised"),
    *("quota", "completion", "serious", "new_or_serious", "evaluated"),
]
_RECONCILED = ["counted", "merged", "quarantined", "deleted", "reports_last_year", "year_on_year"]
_HOSPITAL_EXTRAS = [
    *(*_RECONCILED, "population_year", "population_source", "kind", "district_name", "reports_for"),
    *("members", "reports_week_with_members", "reports_ytd_with_members", "completion_with_members"),
]
DISTRICT_COLUMNS = [
    *("stream", "scope", "area", "name", "parent", "population"),
    *("reports_week", "reports_ytd", "rate_ytd", "rate_low", "rate_high", "rate_annualised"),
    *("quota", "quota_reports", "completion", "serious", "new_or_serious", "evaluated"),
    *(*_RECONCILED, "population_year", "population_source", "hospitals", "hospitals_reporting"),
]


def garwood(n: ArrayLike, alpha: float = 0.05) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact Poisson limits of counts: χ²(α/2, 2n)/2 (0 at n = 0) and χ²(1 − α/2, 2n + 2)/2 (Garwood 1936)."""
    counts = np.asarray(n, dtype=np.float64)
    # Half of the χ² quantile; scipy.stats, which has that by its name, takes a second to load.
    low = np.where(counts > 0, gammaincinv(np.maximum(counts, 1), alpha / 2), 0.0)
    high = np.asarray(gammaincinv(counts + 1, 1 - alpha / 2), dtype=np.float64)
    return low, high


def hospital_rates(ledger: Ledger) -> pd.DataFrame:
    """Every stream × every hospital, with reports or without, then what is assigned to none (id "").

    Columns: HOSPITAL_COLUMNS, then counted, merged, quarantined, deleted (left out), reports_last_year,
    year_on_year, the population's year and source, kind, district_name, and for a lead hospital
    (`reports_for` of others names it) its members and the sums of its own and their reports. Members keep
    their reports; those sums are not to be added. A hospital without a catchment population has no rate.
    """
    reference, week = ledger.reference, ledger.week
    table = ledger.counts.reset_index()
    table = table.merge(_hospital_facts(ledger), on="hospital_id", how="left", validate="many_to_one")
    table = table.merge(_quotas(reference, week.year), on=["stream", "hospital_id"], how="left")
    table = table.merge(populations(reference, "hospital", week.year), on="hospital_id", how="left")
    table["quota_reports"] = table["reports_ytd"]
    table = _with_rates(_with_members(table), week)
    table["completion_with_members"] = _ratio(table["reports_ytd_with_members"], table["quota"])
    return table[HOSPITAL_COLUMNS + _HOSPITAL_EXTRAS]


def district_rates(ledger: Ledger) -> pd.DataFrame:
    """Every stream × every area: the whole, its districts, areas below them, and reports assigned to none.

    Per stream whole = districts + direct + unassigned (see `AreaTree.rows`). A district's quota is the sum of
    its hospitals' and is completed by the reports of just these hospitals (quota_reports). `hospitals` are
    those of `hospitals.csv`, `hospitals_reporting` those with a report in the year to date.
    """
    reference, tree, week = ledger.reference, ledger.tree, ledger.week
    counts = ledger.counts.reset_index()
    counts = counts.merge(_quotas(reference, week.year), on=["stream", "hospital_id"], how="left")
    counts["quota_reports"] = counts["reports_ytd"].where(counts["quota"].notna(), 0)
    counts["hospitals"] = (counts["hospital_id"] != UNASSIGNED).astype("int64")
    counts["hospitals_reporting"] = counts["hospitals"].where(counts["reports_ytd"] > 0, 0)
    sums = (
        counts.merge(tree.membership, on="hospital_id")
        .drop(columns="hospital_id")
        .groupby(["stream", "scope", "area"])
        .sum(min_count=1)
    )
    rows = pd.DataFrame({"stream": pd.Series(ledger.streams, dtype="str")}).merge(tree.rows, how="cross")
    table = rows.merge(sums.reset_index(), on=["stream", "scope", "area"], how="left")
    whole_numbers = table.columns.difference([*rows.columns, "quota"])
    table[whole_numbers] = table[whole_numbers].fillna(0).astype("int64")
    table = table.merge(area_populations(reference, tree, week.year), on=["scope", "area"], how="left")
    return _with_rates(table, week)[DISTRICT_COLUMNS]


def populations(reference: Reference, scope: str, year: int) -> pd.DataFrame:
    """Population of each hospital or area given one: that of the year, else of the latest year before it.

    Columns: hospital_id or area, population (persons), population_year (text), population_source.
    """
    given = reference.denominators
    use = (given["scope"] == scope) & (given["measure"] == "population") & (given["value"] > 0)
    use &= given["year"] <= year
    latest = given[use].sort_values("year", kind="stable").drop_duplicates("id", keep="last")
    return pd.DataFrame(
        {
            "hospital_id" if scope == "hospital" else scope: latest["id"],
            "population": latest["value"].astype("float64"),
            "population_year": latest["year"].astype("int64").astype("str"),
            "population_source": latest["source"],
        }
    )


def area_populations(reference: Reference, tree: AreaTree, year: int) -> pd.DataFrame:
    """Populations for the district table: scope, area, population, population_year, population_source.

    A whole without a population of its own is the sum of its districts, where all of them have one of one
    year.
    """
    given = populations(reference, "area", year)
    rows = tree.rows.loc[tree.rows["scope"].isin(["whole", "district", "area"]), ["scope", "area"]]
    table = rows.merge(given, on="area", how="inner")
    districts = table[table["scope"] == "district"]
    complete = len(districts) == (rows["scope"] == "district").sum() > 0
    if "whole" in set(table["scope"]) or not complete or districts["population_year"].nunique() != 1:
        return table
    total: dict[str, Any] = {"scope": "whole", "area": tree.root, "population": districts["population"].sum()}
    total["population_year"] = districts["population_year"].iloc[0]
    total["population_source"] = "; ".join(dict.fromkeys(districts["population_source"]))
    return pd.concat([pd.DataFrame([total]).astype(table.dtypes), table], ignore_index=True)


def _hospital_facts(ledger: Ledger) -> pd.DataFrame:
    """What is known of each hospital, and a blank row for the reports assigned to none."""
    hospitals = ledger.reference.hospitals.rename(columns={"name": "hospital"})
    facts = hospitals[["hospital_id", "hospital", "level", "kind", "district", "reports_for"]]
    blank = pd.DataFrame([dict.fromkeys(facts.columns, "")], dtype="str")
    facts = pd.concat([facts, blank], ignore_index=True)
    areas = ledger.reference.areas
    return facts.assign(district_name=area_names(facts["district"], areas))


def area_names(codes: pd.Series[str], areas: pd.DataFrame) -> pd.Series[str]:
    """Names of areas by code; "" where the code is unknown."""
    return lookup(codes, dict(zip(areas["code"], areas["name"], strict=True)))


def _quotas(reference: Reference, year: int) -> pd.DataFrame:
    """Yearly quota by stream and hospital; a quota holds for its own year only."""
    of_year = reference.quotas[reference.quotas["year"] == year]
    kept = of_year.drop_duplicates(["stream", "hospital_id"], keep="last")
    quota = kept["value"].astype("float64")
    return pd.DataFrame({"stream": kept["stream"], "hospital_id": kept["hospital_id"], "quota": quota})


def _with_members(table: pd.DataFrame) -> pd.DataFrame:
    """Adds what the members of a lead hospital filed, in columns of their own."""
    leads = table.loc[table["reports_for"] != table["hospital_id"], ["stream", "reports_for"]]
    leads = leads.join(table[["reports_week", "reports_ytd"]])[leads["reports_for"] != ""]
    theirs = leads.groupby(["stream", "reports_for"]).agg(
        members=("reports_ytd", "size"), week=("reports_week", "sum"), ytd=("reports_ytd", "sum")
    )
    theirs = theirs.reindex(pd.MultiIndex.from_frame(table[["stream", "hospital_id"]]), fill_value=0)
    return table.assign(
        members=theirs["members"].to_numpy(dtype=np.int64),
        reports_week_with_members=table["reports_week"] + theirs["week"].to_numpy(dtype=np.int64),
        reports_ytd_with_members=table["reports_ytd"] + theirs["ytd"].to_numpy(dtype=np.int64),
    )


def _with_rates(table: pd.DataFrame, week: Week) -> pd.DataFrame:
    """Adds rates, limits, completion and the change on last year; NaN where there is nothing to divide by."""
    low, high = garwood(table["reports_ytd"].to_numpy())
    per_million = 1e6 / table["population"]
    rate = table["reports_ytd"] * per_million
    texts = {name: table[name].fillna("").astype("str") for name in ("population_year", "population_source")}
    return table.assign(
        **texts,
        rate_ytd=rate,
        rate_low=low * per_million,
        rate_high=high * per_million,
        rate_annualised=rate / week.year_elapsed,
        completion=_ratio(table["quota_reports"], table["quota"]),
        year_on_year=_ratio(table["reports_ytd"] - table["reports_last_year"], table["reports_last_year"]),
    )


def _ratio(part: pd.Series[Any], whole: pd.Series[Any]) -> pd.Series[float]:
    """Share; NaN where the whole is 0 or unknown."""
    return part / whole.where(whole > 0).astype("float64")
