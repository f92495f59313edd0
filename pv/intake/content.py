"""Keyed hashes of the patient and of the content as written; personal text itself goes no further."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pv import archive
from pv.duplicates import persons
from pv.sources import Extract
from pv.text import clean_all, iso_dates, over_unique

PERSONAL = ("patient_name", "birth_date", "patient_phone", "record_number")
_SEPARATOR, _NAMED = "\x1f", "\x1e"  # control characters, which hardly any cell holds


def with_hashes(rows: pd.DataFrame, extract: Extract, key: str) -> pd.DataFrame:
    """Add patient_hash, name_hash, birth_hash, record_hash and content_hash (of the whole report) to checked rows.

    The first four say who the patient is, and are empty where that is not told: for a masked name, and the
    patient_hash without a birth date or an age too. The content is that of the fields of the layout that are filled
    in, each with its name: it does not depend on what stands beside the report in its file, nor on fields that the
    layout gets later.
    """
    raw = extract.fields
    name, record = _written(raw, "patient_name"), _written(raw, "record_number")
    born = iso_dates(_written(raw, "birth_date"))
    person = name + _SEPARATOR + born.where(born != "", _age_texts(rows)) + _SEPARATOR + rows["sex"]
    patient = over_unique(person.where(name != "", ""), archive.hasher(key, "patient"))
    numbered = over_unique(record, archive.hasher(key, "record"))
    fields = {column.field for column in extract.layout.columns if column.field} - set(PERSONAL)
    content = {field: raw[field] for field in fields & set(raw)} | {"patient": patient, "record": numbered}
    hashes = _content_hashes(content, rows["report"].to_numpy(), extract.layout.grain == "report", key)
    names = persons.bare_names(name)
    known = (names != "") & ((born != "") | rows["age_years"].notna())
    return rows.assign(
        patient_hash=patient.where(known, ""),
        name_hash=over_unique(names, archive.hasher(key, "name")),
        birth_hash=over_unique(born, archive.hasher(key, "birth")),
        record_hash=numbered.where(over_unique(record, persons.tells_record) != "", ""),
        content_hash=pd.Series(hashes, rows.index, "str"),
    )


def _written(raw: pd.DataFrame, field: str) -> pd.Series[str]:
    return clean_all(raw[field]) if field in raw else pd.Series("", index=raw.index, dtype="str")


def _age_texts(rows: pd.DataFrame) -> pd.Series[str]:
    years = rows["age_years"].tolist()
    texts = {age: f"{age:.2f}" for age in set(years)}
    return pd.Series([texts[age] for age in years], index=rows.index, dtype="str")


def _content_hashes(content: dict[str, pd.Series[str]], report: np.ndarray, row_is_report: bool, key: str) -> list[str]:
    """Per row the hash of its report: of the row, else of the set of its rows, in whatever order they stand."""
    keyed = archive.hasher(key, "content")
    # pyarrow 26 leaves out rows in which all cells are null: the first cell of each is none.
    cells = [_text("report"), *(_named(name, content[name]) for name in sorted(content))]
    joined = pc.binary_join_element_wise(*cells, _text(_SEPARATOR), null_handling="skip")
    single = [keyed(text) for text in joined.to_pylist()]
    if row_is_report:
        return single
    together: dict[int, set[str]] = {}
    for number, hashed in zip(report.tolist(), single, strict=True):
        together.setdefault(number, set()).add(hashed)
    whole = {number: keyed("".join(sorted(hashes))) for number, hashes in together.items()}
    return [whole[number] for number in report.tolist()]


def _named(name: str, values: pd.Series[str]) -> pa.Array:
    """Filled cells with the name of their field before them; null for empty ones."""
    cells = pa.array(values, pa.large_string(), from_pandas=True)
    cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    named = pc.binary_join_element_wise(_text(name), cells, _text(_NAMED))
    return pc.if_else(pc.not_equal(cells, ""), named, pa.scalar(None, pa.large_string()))


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())
