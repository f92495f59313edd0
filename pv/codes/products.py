"""Products: by which key a stream counts them, and by which rule that key was found.

On loading a product gets the key that its row alone gives (`with_identity`); in a view it is told again, with the
tables of the moment (`resolved`), so that a table that has changed holds for the past too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from pv.codes import lots, numbers, udi
from pv.reference import streams
from pv.text import BLANK, SEVERAL, clean, clean_all, lookup, one_label_a_row, over_unique

# The rules by which a product is known, in the order in which they are tried.
SYNONYM, UDI_TABLE, NUMBER, ODD_NUMBER, NAME = "synonym", "udi", "number", "odd_number", "as_written"
DERIVED = ("ingredient", "catalogue")  # columns that only a view has
UNNAMED = ("identifier", "lot", "model")  # columns of which a cell does not say what product it is
CONFLICT = "udi_conflict"  # the number and the UDI of a row name different products


@dataclass(frozen=True)
class Tables:
    """What a place knows of products: wording → preferred wording, generic name → ingredients (joined by ";"), DI →
    registration number."""

    synonyms: Mapping[str, str] = field(default_factory=dict)
    ingredients: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)


def with_identity(products: pd.DataFrame, stream: str) -> pd.DataFrame:
    """Add `product`, the key at the stream's default level, to rows of name, identifier, class, model, lot, udi.

    A stream counts by name, or by number and by name where there is no number (`counts_by` of `streams.toml`). Where
    its `class_from_name` says so, a product is of the class that its name says, if the source gives none.
    """
    rule = streams()[stream]
    rows = products.copy()
    for column in ("name", "maker", "model", "lot", "class"):
        rows[column] = clean_all(rows[column])
    for column in ("lot", "model", "class"):
        rows[column] = rows[column].where(~rows[column].isin(BLANK), "")
    rows["identifier"] = over_unique(rows["identifier"], numbers.written)
    if "udi" in rows:
        rows["udi"] = rows["udi"].str.strip().where(~rows["udi"].isin(BLANK), "")
    if rule.class_from_name:
        rows["class"] = rows["class"].where(rows["class"] != "", rows["name"])
    rows["product"] = rows["name"]
    if rule.counts_by == "number":
        rows["product"] = keys_of(rows["identifier"], stream).where(rows["identifier"] != "", rows["name"])
    return rows


def lots_of(written: pd.Series[str], udis: pd.Series[str]) -> pd.Series[str]:
    """The lots of each row in one form, several joined by `SEVERAL`; where it writes none, those of its UDI."""
    own = lots.of(written)
    return own.where(own != "", lots.of(udi.lots_in(udis.where(own == "", ""))))


def keys_of(identifiers: pd.Series[str], stream: str) -> pd.Series[str]:
    """What each number is counted under: one for all renewals; "" where there is none."""
    return over_unique(identifiers, lambda text: numbers.read(stream, text).key)


def resolved(products: pd.DataFrame, stream: str, tables: Tables) -> pd.DataFrame:
    """Rows of `case_product` with their identity told by the tables.

    `product`: the key; `number`: the number to show with it, "" where it is no number; `identifier`: in its official
    form, filled from the UDI where the row has none, `as_written` as in the report; `written`: the wording that was
    looked up; `rule`, `problem`; `generic`: the key, which a label may replace in `product`;
    `lot`: normalised, several joined by `SEVERAL`, filled from the UDI; `risk_class` filled from the number;
    `catalogue`; `ingredient` (several joined likewise).
    """
    rows = products.copy()
    number = {name: _told(rows["identifier"], stream, name) for name in ("normal", "kind", "key")}
    di = udi.identifiers_in(rows["udi"]) if tables.devices else pd.Series("", index=rows.index, dtype="str")
    from_udi = lookup(di, tables.devices)
    known = {name: _told(from_udi, stream, name) for name in ("normal", "key")}
    filled = (number["normal"] == "") & (from_udi != "")
    differ = (number["key"] != known["key"]) & (number["key"] != "") & (from_udi != "")
    identifier = number["normal"].where(~filled, known["normal"])
    key = number["key"].where(~filled, known["key"])
    odd = ~over_unique(rows["identifier"], lambda text: "y" * numbers.is_known_form(stream, text)).eq("y")
    if streams()[stream].counts_by == "number":
        by_number = identifier != ""
        rule = pd.Series(NUMBER, index=rows.index, dtype="str").mask(odd, ODD_NUMBER).mask(filled, UDI_TABLE)
        rows["written"] = rows["identifier"].where(rows["identifier"] != "", di.where(filled, rows["name"]))
        rows["product"], rows["rule"] = key.where(by_number, rows["name"]), rule.where(by_number, NAME)
        rows["number"] = identifier.where(by_number, "")
    else:
        rows["product"] = rows["written"] = rows["name"]
        rows["number"], rows["rule"] = "", NAME
    rows = _with_synonyms(rows, stream, tables.synonyms)
    rows["generic"], rows["as_written"] = rows["product"], rows.get("as_written", rows["identifier"])
    rows["problem"] = pd.Series("", index=rows.index, dtype="str").mask(differ, CONFLICT)
    rows["identifier"] = identifier
    rows["lot"] = lots_of(rows["lot"], rows["udi"])
    derived = _told(identifier, stream, "risk_class")
    rows["risk_class"] = rows["risk_class"].where(rows["risk_class"] != "", derived)
    rows["catalogue"] = _told(identifier, stream, "category")
    rows["ingredient"] = _ingredients(rows["product"], tables.ingredients)
    return rows


def _told(identifiers: pd.Series[str], stream: str, what: str) -> pd.Series[str]:
    return over_unique(identifiers, lambda text: str(getattr(numbers.read(stream, text), what)))


def _with_synonyms(rows: pd.DataFrame, stream: str, synonyms: Mapping[str, str]) -> pd.DataFrame:
    """Preferred wordings in place of others; both may be numbers, which stand for all their renewals."""
    if not synonyms:
        return rows
    by_number = streams()[stream].counts_by == "number"

    def read(text: str) -> numbers.Number:
        return numbers.read(stream, text) if by_number else numbers.Number("", "")

    keyed: dict[str, tuple[str, str]] = {}
    for wording, preferred in synonyms.items():
        number, wanted = read(wording), read(preferred)
        meant = (wanted.key, wanted.normal) if wanted.kind else (clean(preferred), "")
        keyed |= dict.fromkeys((number.key,) if number.kind else (clean(wording), number.key or clean(wording)), meant)
    listed = rows["product"].isin(list(keyed))
    if not listed.any():
        return rows
    key = lookup(rows["product"], {wording: product for wording, (product, _) in keyed.items()})
    shown = lookup(rows["product"], {wording: number for wording, (_, number) in keyed.items()})
    return rows.assign(
        product=rows["product"].mask(listed, key),
        number=rows["number"].mask(listed, shown),
        rule=rows["rule"].mask(listed, SYNONYM),
    )


def _ingredients(names: pd.Series[str], table: Mapping[str, str]) -> pd.Series[str]:
    """The ingredients of each generic name; a name that is not in the table stands for itself."""
    if not table:
        return names
    known = {
        clean(name): SEVERAL.join(dict.fromkeys(part for part in map(clean, made_of.split(";")) if part))
        for name, made_of in table.items()
    }
    return over_unique(names, lambda name: known.get(name) or name)


def labelled(products: pd.DataFrame) -> pd.Series[str]:
    """`<number> <name>` for products that count by number: of the numbers and names under which a product is reported
    the most frequent ones; ties go to the wording that sorts first.

    Takes columns product, number ("" where the product is not known by one), name.
    """
    numbered = products["product"].isin(products.loc[products["number"] != "", "product"].unique())
    if not numbered.any():
        return products["product"]
    mine = products[numbered]
    number, name = (
        lookup(products["product"], _most_frequent(mine[mine[column] != ""], column)) for column in ("number", "name")
    )
    return (number + " " + name).str.strip().where(numbered, products["product"])


def names(products: pd.DataFrame, column: str) -> dict[str, str]:
    """Number, lot or model → the product (label) with which it is reported most; of a tie the one that sorts first."""
    told = (products[column] != "") & (products["product"] != "")
    rows = one_label_a_row(products.loc[told, ["product", column]])
    return _most_frequent(rows.rename(columns={"product": "name", column: "product"}), "name")


def _most_frequent(rows: pd.DataFrame, column: str) -> dict[str, str]:
    """The most frequent wording of each product."""
    counts = rows.groupby(["product", column], sort=True).size().rename("n").reset_index()
    counts = counts.sort_values(["product", "n", column], ascending=[True, False, True], kind="stable")
    first = counts.drop_duplicates("product")
    return dict(zip(first["product"], first[column], strict=True))
