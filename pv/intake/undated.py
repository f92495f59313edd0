"""Versions without a modification date: which of two exports is the newer one decides.

Device and cosmetic exports do not say when a report was changed. An export was made no earlier than its newest receipt,
so of two files that tell a report differently the one with the newer receipts is right, whatever the order of loading:

- a content that the store knows, told again by a newer export, has come back: it is a version of its own;
- another content in an export older than every one that the store has of the case is out of date: it is not stored;
- one in between holds from its own time on. Whether a newer export has taken it back cannot be known, since unchanged
  reports leave no trace; the account says so, and loading the newest export once more settles it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection, exists, func, select

from pv import store
from pv.intake.versions import PENDING
from pv.schema import case_event, case_person, case_product, case_version, file

_KEYS = 10_000  # versions that are removed at a time


@dataclass(frozen=True)
class Settled:
    """Labels of versions that are not stored after all; how many of them are out of date, how many are in doubt."""

    dropped: tuple[int, ...] = ()
    outdated: int = 0
    doubtful: int = 0


def returned(versions: pd.DataFrame, known: pd.DataFrame, first_version: int) -> pd.Series[bool]:
    """Versions whose content the store knows, but not as the last one of the case: by a newer export they come back.

    Cases of which this file has told a version already (from `first_version` on) are left as they are.
    """
    order = ["case_number", "effective_on", "modified_on", "version_id"]
    last = known.sort_values(order, kind="stable").drop_duplicates("case_number", keep="last")
    last = last[(last["version_id"] < first_version) & (last["modified_on"] == "")].set_index("case_number")
    content = versions["case_number"].map(last["content_hash"])
    stored = versions["case_number"] + "\x1f" + versions["content_hash"]
    seen = stored.isin(known["case_number"] + "\x1f" + known["content_hash"])
    undated = (versions["modified_on"] == "") & ~versions["case_number"].duplicated(keep=False)
    return seen & undated & content.notna() & (content != versions["content_hash"])


def settle_undated(connection: Connection, stream: str, first_version: int, newest: str) -> Settled:
    """Judge the versions of a file that wait for its newest receipt; those that do not hold are removed again."""
    newest_export = _newest_export(connection, stream)
    if newest_export <= newest and not _has_versions(connection, stream, first_version):
        return Settled()
    waiting = _pending(connection, first_version)
    if waiting.empty:
        return Settled()
    others = _others(connection, stream, first_version, waiting["case_number"])
    told = others.groupby("case_number")["exported_on"].agg(["min", "max"]).reindex(waiting["case_number"])
    first, last = (told[name].fillna("").to_numpy() for name in ("min", "max"))
    known = others["case_number"] + "\x1f" + others["content_hash"]
    again = (waiting["case_number"] + "\x1f" + waiting["content_hash"]).isin(known)
    outdated = ~again & (first > newest)
    dropped = (again & (last >= newest)) | outdated
    doubtful = ~dropped & (newest_export > newest)
    gone = waiting.loc[dropped, "version_id"].tolist()
    for start in range(0, len(gone), _KEYS):
        part = gone[start : start + _KEYS]
        for table in (case_event, case_product, case_person, case_version):
            connection.execute(table.delete().where(table.c.version_id.in_(part)))
    return Settled(tuple(gone), int(outdated.sum()), int(doubtful.sum()))


def _newest_export(connection: Connection, stream: str) -> str:
    newest = select(func.coalesce(func.max(file.c.newest_on), "")).where(file.c.stream == stream)
    return str(connection.execute(newest).scalar_one())


def _has_versions(connection: Connection, stream: str, first_version: int) -> bool:
    """Whether other files have told any case of the stream."""
    table = case_version.c
    earlier = select(table.version_id).where(table.stream == stream, table.version_id < first_version)
    return connection.execute(earlier.limit(1)).first() is not None


def _pending(connection: Connection, first_version: int) -> pd.DataFrame:
    """Undated versions of this file that are in force from its newest receipt; withdrawals are not among them."""
    table = case_version.c
    mine = (table.version_id >= first_version) & (table.effective_on == PENDING) & (table.modified_on == "")
    told = exists().where(case_product.c.version_id == table.version_id)
    columns = (table.version_id, table.case_number, table.content_hash)
    return store.read(connection, select(*columns).where(mine, told).order_by(table.version_id))


def _others(connection: Connection, stream: str, first_version: int, numbers: pd.Series[str]) -> pd.DataFrame:
    """What other files have told of these cases, and how new those files are."""
    table = case_version.c
    exported = func.coalesce(func.nullif(file.c.newest_on, ""), table.effective_on)
    statement = (
        select(table.case_number, table.content_hash, exported.label("exported_on"))
        .join(file, file.c.file_id == table.file_id)
        .where(table.stream == stream, table.version_id < first_version)
        .where(store.among(connection, table.case_number, numbers.drop_duplicates().tolist()))
    )
    return store.read(connection, statement).astype({"exported_on": "str"})
