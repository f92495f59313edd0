"""Hospitals: names as written → hospital_id, by code, name or former name."""

from __future__ import annotations

import pandas as pd

from pv.text import clean, clean_all, lookup


def known_names(hospitals: pd.DataFrame) -> dict[str, str]:
    """Normalised name, former name or code → hospital_id; a name that two hospitals share is left out."""
    pairs = [(str(row.hospital_id), str(row.hospital_id)) for row in hospitals.itertuples()]
    for row in hospitals.itertuples():
        names = [row.name, *str(row.former_names).split(";")]
        pairs += [(clean(str(name)), str(row.hospital_id)) for name in names if str(name).strip()]
    owners: dict[str, set[str]] = {}
    for name, hospital_id in pairs:
        owners.setdefault(name, set()).add(hospital_id)
    return {name: ids.pop() for name, ids in owners.items() if len(ids) == 1}


def assign(names: pd.Series[str], hospitals: pd.DataFrame) -> pd.Series[str]:
    """hospital_id for each name as written; "" where it is blank or unknown."""
    return lookup(clean_all(names), known_names(hospitals))
