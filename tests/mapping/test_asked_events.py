"""Which events are asked about."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from pv.mapping.questions import _events


def test_a_term_that_meddra_knows_is_not_asked_about() -> None:
    versions = pd.DataFrame({"version_id": [1, 2, 3], "case_number": ["A", "B", "C"], "left_out": ["", "", "deleted"]})
    events = pd.DataFrame(
        [
            (1, "皮疹", "as_written"),
            (2, "皮疹", "as_written"),
            (2, "瘙痒症", "synonym;meddra_llt"),
            (1, "恶心", "synonym"),
            (3, "头痛", "as_written"),  # of a report that is left out
        ],
        columns=["version_id", "event", "rule"],
    )
    loaded = SimpleNamespace(wordings=lambda: (versions, None, events))
    assert _events(loaded).to_dict() == {"皮疹": 2, "恶心": 1}  # type: ignore[arg-type]
