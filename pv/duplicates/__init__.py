"""Reports that tell the same event: found without doubt, or by their likeness; merged, or put before people."""

from __future__ import annotations

from pv.duplicates.deciding import Decided, Deciding, DecisionError, decide
from pv.duplicates.explaining import explained, in_words
from pv.duplicates.groups import merges, root, roots
from pv.duplicates.linking import Linked, link_new, release
from pv.duplicates.pairs import merged_by, regrouped, waiting

__all__ = [
    "Decided",
    "Deciding",
    "DecisionError",
    "Linked",
    "decide",
    "explained",
    "in_words",
    "link_new",
    "merged_by",
    "merges",
    "regrouped",
    "release",
    "root",
    "roots",
    "waiting",
]
