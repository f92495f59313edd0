"""Tables as CSV files for programs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """UTF-8 without a byte order mark, lines end in LF; floats in full precision, ∞ as `inf`, missing as nothing."""
    frame.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")
