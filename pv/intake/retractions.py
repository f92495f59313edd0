"""Case numbers that a source withdraws without telling the report again: the FDA's lists of deleted cases."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection, select

from pv import archive, store
from pv.intake.versions import PENDING
from pv.schema import case_version
from pv.sources import Extract


def without_retractions(extract: Extract) -> tuple[Extract, pd.Series[str]]:
    """A batch without the case numbers that it withdraws, and these numbers."""
    if "standing" not in extract.fields or not (gone := extract.fields["standing"] == "retraction").any():
        return extract, pd.Series(dtype="str")
    numbers = extract.fields.loc[gone, "report_number"].str.strip()
    rest = (frame[~gone].reset_index(drop=True) for frame in (extract.fields, extract.raw))
    return Extract(extract.layout, *rest), numbers


def withdrawn_versions(connection: Connection, numbers: pd.Series[str], stream: str, key: str) -> pd.DataFrame:
    """The last stored version of each case as a new version that is left out as deleted.

    Cases that are not in the store or already left out have none: there is nothing to change.
    """
    table = case_version.c
    stored = select(case_version).where(
        table.stream == stream, store.among(connection, table.case_number, numbers.drop_duplicates().tolist())
    )
    versions = store.read(connection, stored)
    versions = versions.sort_values(["case_number", "effective_on", "modified_on", "version_id"], kind="stable")
    last = versions.drop_duplicates("case_number", keep="last")
    last = last[last["left_out"] == ""].reset_index(drop=True)
    keyed = archive.hasher(key, "content")
    hashes = ["" if last.empty else keyed(f"withdrawn\x1f{content}") for content in last["content_hash"]]
    return last.assign(
        left_out="deleted",
        effective_on=PENDING,
        row_count=1,
        content_hash=pd.Series(hashes, index=last.index, dtype="str"),
    )
