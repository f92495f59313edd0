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


CODE, NAME, FORMER_NAME, AS_WRITTEN = "code", "name", "former_name", "as_written"
SHARED = "name_shared"  # two units have the name: it is given to neither


def rules(hospitals: pd.DataFrame) -> dict[str, str]:
    """By which rule each name or code that is known is known; SHARED for those that more than one unit has."""
    former = [clean(name) for names in hospitals["former_names"] for name in str(names).split(";") if name.strip()]
    own = [clean(str(name)) for name in hospitals["name"]]
    found = dict.fromkeys(former, FORMER_NAME) | dict.fromkeys(own, NAME)
    found |= dict.fromkeys(hospitals["hospital_id"].astype("str"), CODE)
    known = known_names(hospitals)
    return {name: rule if name in known else SHARED for name, rule in found.items() if name}


def assign(names: pd.Series[str], hospitals: pd.DataFrame) -> pd.Series[str]:
    """hospital_id for each name as written; "" where it is blank or unknown."""
    return lookup(clean_all(names), known_names(hospitals))
