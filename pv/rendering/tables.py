"""Tables as CSV files for programs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pv.rendering.hospital_columns import DISTRICT_RATES, HOSPITAL_RATES, TARGET_STATUS
from pv.rendering.signal_columns import MAPPINGS, SIGNALS

# What is written as CSV, and from which columns the headings of these tables come.
CSV_TABLES = {
    "signals": SIGNALS,
    "hospital_rates": HOSPITAL_RATES,
    "district_rates": DISTRICT_RATES,
    "target_status": TARGET_STATUS,
    "mappings": MAPPINGS,
}


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """UTF-8 without a byte order mark, lines end in LF; floats in full precision, ∞ as `inf`, missing as nothing."""
    frame.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")
