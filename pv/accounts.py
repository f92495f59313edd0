"""The account of all rows, stage by stage, checked against what the store holds.

    files → rows read = stored + unchanged + quarantined, of every load
    stored rows → report versions → cases = counted + merged + deleted + duplicate + misreport
    quarantined rows → entries of the quarantine (or rows of a report that waits already) → one state each

Rows of forms that cannot be taken are such entries too, of the stream `forms`; they are no reports and have no fate.

Rows of a file that is read again, and quarantined rows that are replayed, are loads of their own: nothing is counted
into an earlier account. A sum that fails is an error, never a figure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection, case, func, select

from pv import quarantine, store
from pv.schema import case_version, entry, file, file_load, file_refusal
from pv.schema import quarantine as quarantine_table

LEFT_OUT = ("deleted", "duplicate", "misreport")
FATES = ("counted", "merged", *LEFT_OUT)
ROWS = ("read", "stored", "unchanged", "quarantined")
LOADS = ("first", "again", "replay")
ALL = "all"
FORMS = "forms"  # the stream of files that people fill in; their rows are entries of forms
_STORED = ("versions", "version_rows", "unknown_rows", "entries", "entered")


class AccountError(Exception):
    """The rows do not add up; nothing may be reported from them."""


@dataclass(frozen=True)
class Accounts:
    """`loads`: a row a load: file, sha256, stream, format and the columns of `file_load`. `streams`: a row a stream,
    and `all`: what the stages hold (see `COLUMNS`). `refusals`: file, sha256, recorded_at, code, detail, `taken`
    (whether the same file was taken later). All of one moment."""

    loads: pd.DataFrame
    streams: pd.DataFrame
    refusals: pd.DataFrame

    def as_dict(self) -> dict[str, Any]:
        """For `pvwatch status --json` and accounts.json."""
        streams = {str(row.pop("stream")): row for row in self.streams.to_dict("records")}
        refusals = self.refusals.assign(detail=[json.loads(text) for text in self.refusals["detail"]])
        return {"streams": streams, "loads": self.loads.to_dict("records"), "refused": refusals.to_dict("records")}


COLUMNS = (
    "stream",
    "files",
    *(f"loads_{kind}" for kind in LOADS),
    *ROWS,
    "replayed",
    "replayed_good",
    "versions",
    "cases",
    *FATES,
    "entered",
    "entries",
    *(f"entries_{state}" for state in quarantine.STATES),
)


def accounts(connection: Connection, stamp: str, filings: Mapping[str, pd.DataFrame]) -> Accounts:
    """The accounts at a moment; `filings`: of every stream that has reports, how they stand
    (`StreamCases.standing`).

    Raises AccountError where a sum fails.
    """
    loads, held = _loads(connection, stamp), _held(connection, stamp)
    found = quarantine.entries(connection, stamp)
    names = [*filings, *sorted((set(loads["stream"]) | set(found["stream"])) - set(filings))]
    _check_loads(loads)
    rows = []
    for name in names:
        mine = loads[loads["stream"] == name]
        of_store = held.get(name, dict.fromkeys(_STORED, 0))
        _check_store(name, mine, of_store, _form_rows(connection, stamp) if name == FORMS else None)
        rows.append(_stream(name, mine, found[found["stream"] == name], filings.get(name)))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(COLUMNS[1:], "int64"))
    total = table.drop(columns="stream").sum().to_dict()
    table = pd.concat([table, pd.DataFrame([{"stream": ALL, **total}])], ignore_index=True)
    return Accounts(loads, table.astype({"stream": "str"}), _refusals(connection, stamp))


def _loads(connection: Connection, stamp: str) -> pd.DataFrame:
    columns = [column for column in file_load.c if column.name not in {"load_id", "file_id"}]
    facts = (file.c.name.label("file"), file.c.sha256, file.c.stream, file.c.format)
    statement = select(*facts, *columns).join(file, file.c.file_id == file_load.c.file_id)
    return store.read(connection, statement.where(file_load.c.recorded_at <= stamp).order_by(file_load.c.load_id))


def _held(connection: Connection, stamp: str) -> dict[str, dict[str, int]]:
    """Per stream what stands in the store itself: the other way to the sums of the loads."""
    rows = case_version.c.row_count
    versions = select(
        case_version.c.stream,
        func.count().label("versions"),
        func.sum(rows).label("version_rows"),
        func.sum(case((rows == 0, 1), else_=0)).label("unknown_rows"),
    )
    entered = quarantine_table.c.row_count
    entries = select(
        quarantine_table.c.stream, func.count().label("entries"), func.sum(entered).label("entered")
    ).where(quarantine_table.c.recorded_at <= stamp)
    held: dict[str, dict[str, int]] = {}
    for statement in (
        versions.where(case_version.c.recorded_at <= stamp).group_by(case_version.c.stream),
        entries.group_by(quarantine_table.c.stream),
    ):
        for row in connection.execute(statement).mappings():
            sums = held.setdefault(str(row["stream"]), dict.fromkeys(_STORED, 0))
            sums |= {str(name): int(value) for name, value in row.items() if name != "stream"}
    return held


def _form_rows(connection: Connection, stamp: str) -> int:
    statement = select(func.count()).select_from(entry).where(entry.c.recorded_at <= stamp)
    return int(connection.execute(statement).scalar_one())


def _stream(
    name: str, loads: pd.DataFrame, entries: pd.DataFrame, filings: pd.DataFrame | None
) -> dict[str, int | str]:
    plain = loads[loads["kind"] != "replay"]
    replays = loads[loads["kind"] == "replay"]
    row: dict[str, int | str] = {"stream": name, "files": loads["sha256"].nunique()}
    row |= {f"loads_{kind}": int((loads["kind"] == kind).sum()) for kind in LOADS}
    row |= {column: int(plain[column].sum()) for column in ROWS}
    row |= {"replayed": int(replays["read"].sum())}
    row |= {"replayed_good": int(replays["stored"].sum() + replays["unchanged"].sum())}
    row |= {"versions": int(loads["versions"].sum())} | _fates(name, filings)
    row |= {"entered": int(loads["entered"].sum()), "entries": len(entries)}
    return row | {f"entries_{state}": count for state, count in quarantine.by_state(entries).items()}


def _fates(name: str, filings: pd.DataFrame | None) -> dict[str, int]:
    if filings is None:
        return dict.fromkeys(("cases", *FATES), 0)
    left_out = filings["left_out"]
    merged = (filings["merged_into"] != "") & (left_out == "")
    fates = {"counted": int(((left_out == "") & ~merged).sum()), "merged": int(merged.sum())}
    fates |= {reason: int((left_out == reason).sum()) for reason in LEFT_OUT}
    cases = filings["case"].nunique()
    if cases != sum(fates.values()):
        parts = " + ".join(f"{fates[fate]} {fate}" for fate in FATES)
        raise AccountError(f"{name}: {cases} cases, but {parts}. A case has a fate that is none of these.")
    return {"cases": cases} | fates


def _check_loads(loads: pd.DataFrame) -> None:
    wrong = loads[loads["read"] != loads["stored"] + loads["unchanged"] + loads["quarantined"]]
    if not wrong.empty:
        row = wrong.iloc[0]
        raise AccountError(
            f"{row['file']} ({row['kind']}, {row['recorded_at']}): read {row['read']}, but stored {row['stored']} + "
            f"unchanged {row['unchanged']} + quarantined {row['quarantined']}."
        )


def _check_store(name: str, loads: pd.DataFrame, held: Mapping[str, int], form_rows: int | None) -> None:
    """The sums over the loads are what the store holds."""
    pairs = [("versions", "versions"), ("entries", "entries"), ("entered", "entered")]
    if not held["unknown_rows"] and form_rows is None:
        pairs.append(("stored", "version_rows"))
    for column, kept in pairs:
        said = int(loads[column].sum())
        if said != held[kept]:
            raise AccountError(
                f"{name}: the loads say {column} {said}, the store holds {held[kept]}. "
                "Rows were added or removed past pvwatch; restore the store from a backup, or report this."
            )
    if form_rows is not None and (said := int(loads["stored"].sum())) != form_rows:
        raise AccountError(f"{name}: the loads say stored {said}, the store holds {form_rows} entries of forms.")


def _refusals(connection: Connection, stamp: str) -> pd.DataFrame:
    """The latest refusal of each content, newest first."""
    columns = [column for column in file_refusal.c if column.name not in {"refusal_id", "name"}]
    statement = select(file_refusal.c.name.label("file"), *columns).where(file_refusal.c.recorded_at <= stamp)
    found = store.read(connection, statement.order_by(file_refusal.c.refusal_id.desc()))
    key = found["sha256"].where(found["sha256"] != "", found["file"])
    latest = found[~key.duplicated()].reset_index(drop=True)
    taken = set(store.read(connection, select(file.c.sha256).where(file.c.recorded_at <= stamp))["sha256"])
    return latest.assign(taken=latest["sha256"].isin(taken))
