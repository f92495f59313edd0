"""Products: approval, registration and filing numbers, and the key by which a stream counts."""

from __future__ import annotations

import re
from functools import cache

import pandas as pd

from pv import reference
from pv.text import BLANK, clean_all, lookup, over_unique


@cache
def _patterns(stream: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in reference.shipped_toml("identifiers").get(stream, {}).values())


def identifier(text: str) -> str:
    """A number without white space; the pieces that mean “none” become ""."""
    bare = re.sub(r"\s+", "", text)
    return "" if bare in BLANK else bare


def is_known_form(stream: str, number: str) -> bool:
    """Whether a number has a form that the stream knows; where it knows none, any will do."""
    return not _patterns(stream) or any(pattern.match(number) for pattern in _patterns(stream))


def with_identity(products: pd.DataFrame, stream: str) -> pd.DataFrame:
    """Add `product`, the key at the stream's default level, to rows of name, identifier, class and model.

    Drugs count by generic name; devices and cosmetics by number, and by name where there is no number. Devices are of
    the class that their name says, where the source gives none.
    """
    rows = products.copy()
    for column in ("name", "maker", "model", "lot", "class"):
        rows[column] = clean_all(rows[column])
    for column in ("lot", "model", "class"):
        rows[column] = rows[column].where(~rows[column].isin(BLANK), "")
    rows["identifier"] = over_unique(clean_all(rows["identifier"]), identifier)
    if stream == "device":
        rows["class"] = rows["class"].where(rows["class"] != "", rows["name"])
    numbered = (rows["identifier"] != "") & (stream != "drug")
    rows["product"] = rows["identifier"].where(numbered, rows["name"])
    return rows


def labelled(products: pd.DataFrame) -> pd.Series[str]:
    """`<number> <name>` for products that count by number; the name is the most frequent wording of that number.

    Takes columns product, identifier, name; ties go to the wording that sorts first.
    """
    numbered = products["product"].eq(products["identifier"]) & products["identifier"].ne("")
    if not numbered.any():
        return products["product"]
    wording = (
        products.loc[numbered]
        .groupby(["product", "name"], sort=True)
        .size()
        .rename("n")
        .reset_index()
        .sort_values(["product", "n", "name"], ascending=[True, False, True], kind="stable")
        .drop_duplicates("product")
        .set_index("product")["name"]
    )
    names = lookup(products["product"], wording.to_dict())
    return (products["product"] + " " + names).str.strip().where(numbered, products["product"])
