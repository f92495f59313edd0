"""Reports that tell the same event: found without doubt, or by their likeness; merged, or put before people."""

from __future__ import annotations

from pv.duplicates.deciding import decide
from pv.duplicates.exact import merge_exact
from pv.duplicates.groups import merges, root, roots
from pv.duplicates.linking import Linked, link_new, release
from pv.duplicates.pairs import explained, waiting
from pv.duplicates.persons import person_rows

__all__ = [
    "Linked",
    "decide",
    "explained",
    "link_new",
    "merge_exact",
    "merges",
    "person_rows",
    "release",
    "root",
    "roots",
    "waiting",
]
