"""Reports that tell the same event: found without doubt, or by their likeness; merged, or put before people."""

from __future__ import annotations

from pv.duplicates.deciding import Decided, Deciding, DecisionError, decide
from pv.duplicates.groups import merges, root, roots
from pv.duplicates.linking import Linked, link_new, release
from pv.duplicates.pairs import explained, waiting

__all__ = [
    "Decided",
    "Deciding",
    "DecisionError",
    "Linked",
    "decide",
    "explained",
    "link_new",
    "merges",
    "release",
    "root",
    "roots",
    "waiting",
]
