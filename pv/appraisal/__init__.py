"""The appraisal (考核) of hospitals and of the centre for one week, from reports as filed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pv.appraisal.coverage import coverage, silent_hospitals, stopped_hospitals
from pv.appraisal.evaluation import evaluation_rates
from pv.appraisal.ledger import Ledger
from pv.appraisal.official import months, official_figures
from pv.appraisal.rates import district_rates, hospital_rates
from pv.appraisal.reconciliation import reconciliation
from pv.appraisal.targets import target_status

if TYPE_CHECKING:
    import pandas as pd

    from pv.reference import Reference
    from pv.week import Week


@dataclass(frozen=True)
class Appraisal:
    """The tables of the hospital assessment report; the function of the same subject describes each."""

    hospital_rates: pd.DataFrame
    district_rates: pd.DataFrame
    target_status: pd.DataFrame
    silent: pd.DataFrame
    stopped: pd.DataFrame
    coverage: pd.DataFrame
    evaluation: pd.DataFrame
    reconciliation: pd.DataFrame
    months: pd.DataFrame
    official: pd.DataFrame


def appraise(
    filings: pd.DataFrame,
    quarantined: pd.DataFrame,
    reference: Reference,
    week: Week,
    official: pd.DataFrame | None = None,
) -> Appraisal:
    """All tables of a week; `official`: figures that people entered, see `official_figures`. Raises ReconciliationError
    where the figures do not add up."""
    ledger = Ledger.of(filings, quarantined, reference, week)
    return Appraisal(
        reconciliation=reconciliation(filings, quarantined, ledger),
        months=months(ledger),
        official=official_figures(ledger, official),
        hospital_rates=hospital_rates(ledger),
        district_rates=district_rates(ledger),
        target_status=target_status(ledger),
        silent=silent_hospitals(ledger),
        stopped=stopped_hospitals(ledger),
        coverage=coverage(ledger),
        evaluation=evaluation_rates(ledger),
    )
