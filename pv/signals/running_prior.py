"""The prior of a table through the weeks of its history: fitted as the cases grow, not more often than it can move.

A city's history of 104 weeks has six tables; a full fit takes some 50 ms, one from last week's prior some 10 ms. Both
steps depend on the counts alone, so that a week reads the same whichever weeks are rendered.
"""

from __future__ import annotations

from collections.abc import Callable

from pv.signals.prior import Cells, Fit, fit, refit

KEPT = 0.02  # share by which the cases may change before the prior is fitted anew
FOLLOWED = 0.25  # share by which they may change before it is looked for from other places, too


class RunningPrior:
    """Fits of variant "zeros"."""

    def __init__(self) -> None:
        self._fit: Fit | None = None
        self._cases = self._cases_in_full = 0

    def at(self, cases: int, cells: Callable[[], Cells]) -> Fit:
        """The fit of the current week. `cases`: how many are counted in the table."""
        if self._fit is None or _moved(cases, self._cases_in_full, FOLLOWED):
            self._fit = fit(cells(), "zeros", self._fit.prior if self._fit else None)
            self._cases = self._cases_in_full = cases
        elif _moved(cases, self._cases, KEPT):
            self._fit = refit(cells(), self._fit)
            self._cases = cases
        return self._fit


def _moved(now: int, then: int, share: float) -> bool:
    return abs(now - then) > share * then
