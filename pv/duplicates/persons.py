"""Who the patient is, as far as a search for duplicates needs it: keyed hashes of the name and of the birth date.

`patient_hash` tells name, birth (or age) and sex together; a report that leaves the birth date out, or the age, then
looks like one of another patient. The parts are hashed by themselves so that what two reports both tell is compared.
"""

from __future__ import annotations

import re

import pandas as pd

from pv import archive
from pv.sources import Extract
from pv.text import BLANK, clean, iso_dates, over_unique

# Spaces and dots within a name are a matter of typing; “张某”, “张**” and initials name nobody.
_BETWEEN = re.compile(r"[\s.·•・,，\-]+")
_NOBODY = re.compile(r"[*?？※]|某|(?<![a-z])x+(?![a-z])|匿名|佚名|不详|未知|不明|患者|保密|^无名|^test|^测试")
_INITIALS = re.compile(r"[a-z]{0,3}")


def bare_name(written: str) -> str:
    """A name without what differs between ways of typing it; "" where it names nobody."""
    name = _BETWEEN.sub("", clean(written)).casefold()
    if clean(written) in BLANK or len(name) < 2 or _NOBODY.search(name) or _INITIALS.fullmatch(name):
        return ""
    return name


def person_rows(rows: pd.DataFrame, extract: Extract, key: str) -> pd.DataFrame:
    """One row per report that names its patient or tells the birth date: report, name_hash, birth_hash.

    `rows`: the rows to be stored, with the index of the extract's fields.
    """
    fields = extract.fields.loc[rows.index, [n for n in ("patient_name", "birth_date") if n in extract.fields]]
    blank = pd.Series("", index=rows.index, dtype="str")
    names = over_unique(fields.get("patient_name", blank), bare_name)
    births = iso_dates(fields.get("birth_date", blank))
    found = pd.DataFrame(
        {
            "report": rows["report"],
            "name_hash": over_unique(names, archive.hasher(key, "name")),
            "birth_hash": over_unique(births, archive.hasher(key, "birth")),
        }
    )
    found = found[(found["name_hash"] != "") | (found["birth_hash"] != "")]
    return found.drop_duplicates("report", ignore_index=True)
