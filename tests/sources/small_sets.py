"""Archives of small tables, as text in the tests."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from pv.sources.extract import Extract
from pv.text import BLANK, code_list, iso_date


def packed(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A zip archive of these files; text is written as UTF-8 with the line breaks it has."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def table(*lines: str, end: str = "\r\n") -> str:
    """Lines of a table, the heading first."""
    return "".join(line + end for line in lines)


def together(extracts: Iterable[Extract]) -> pd.DataFrame:
    """The fields of all batches."""
    return pd.concat([extract.fields for extract in extracts], ignore_index=True)


def records(fields: pd.DataFrame) -> int:
    """Records as they are counted: by table and number."""
    return len(fields[["sheet", "row"]].drop_duplicates())


def unsound(fields: pd.DataFrame) -> pd.DataFrame:
    """Rows that cannot be counted: ragged, no part of a report, or without a number, receipt, role or product."""
    role = fields["role"].map(code_list("role")).notna() if "role" in fields else True
    number = fields["unique_id"] if "unique_id" in fields else fields["report_number"]
    sound = ~fields["ragged"] & fields["standing"].eq("") & number.str.strip().ne("") & role
    return fields[~(sound & fields["received_on"].map(iso_date).ne("") & ~fields["name"].isin(BLANK))]
