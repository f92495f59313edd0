"""Recall: every case, hospital, date and patient group of a lot, number or product at once."""

from __future__ import annotations

from pv.tracing.finding import Trace, trace
from pv.tracing.question import Question

__all__ = ["Question", "Trace", "trace"]
