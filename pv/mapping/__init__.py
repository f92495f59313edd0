"""What waits for a mapping, what it may mean, and the workbook in which people say it."""

from __future__ import annotations

from pv.mapping.questions import Question, Suggestion, questions
from pv.mapping.waiting import waiting
from pv.mapping.workbook import write_unmapped

__all__ = ["Question", "Suggestion", "questions", "waiting", "write_unmapped"]
