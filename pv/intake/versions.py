"""Report versions: what a file says of each report, which of it is new, and from when it is in force."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from pv import store
from pv.reference import streams
from pv.schema import case_version
from pv.sources import Extract
from pv.text import code_list, is_among, lookup, over_unique

_TEXTS = (
    "case_number modified_on content_hash received_on reported_on onset_on discovered_on evaluated_on outcome sex "
    "hospital area patient_hash name_hash birth_hash record_hash severity new harm harm_holder evaluation "
    "deleted duplicate misreport"
).split()


def versions_of(rows: pd.DataFrame, problems: pd.DataFrame, extract: Extract) -> pd.DataFrame:
    """One row per report version of a batch, with the columns of `case_version` that the file decides."""
    rows = rows.assign(**{name: "" for name in _TEXTS if name not in rows})
    versions = _first_filled(rows, _TEXTS)
    versions["age_years"] = rows.drop_duplicates("report").set_index("report")["age_years"]
    if rows["report"].duplicated().any():
        versions["age_years"] = rows.groupby("report", sort=False)["age_years"].first()
    versions["row_count"] = rows["counts"].groupby(rows["report"], sort=False).sum().astype("int64")
    versions["stream"] = extract.layout.stream
    versions["warnings"] = lookup(versions.index.to_series(), _warning_texts(problems, extract))
    _set_flags(versions, extract.layout.stream)
    return versions.reset_index()


def _first_filled(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Per report the first non-empty text of each column, in the order of rows."""
    if not rows["report"].duplicated().any():
        return rows.set_index("report")[columns]
    filled = rows[columns].mask(rows[columns] == "")
    return filled.groupby(rows["report"], sort=False).first().fillna("").astype("str")


def _set_flags(versions: pd.DataFrame, stream: str) -> None:
    """Serious, death, new, evaluated and why a report is left out, as `streams.toml` says."""
    rule = streams()[stream]
    harm = versions["harm_holder"].where(versions["harm_holder"] != "", versions["harm"])
    by_harm = rule.serious_by == "harm"
    death = (harm if by_harm else versions["outcome"]).eq("death")
    serious = harm.isin(["serious", "death"]) if by_harm else versions["severity"].eq("serious")
    versions["death"] = death.astype("int64")
    versions["serious"] = (serious | death).astype("int64")
    versions["new"] = versions["new"].eq("yes").astype("int64")
    versions["evaluated"] = _evaluated(versions, rule.evaluated_by).astype("int64")
    reasons = {name: _says_yes(versions[name], name) for name in ("deleted", "duplicate", "misreport")}
    versions["left_out"] = np.select(list(reasons.values()), list(reasons), default="")


def _evaluated(versions: pd.DataFrame, rule: str) -> pd.Series[bool]:
    """By a filled cell ("text"), a wording that means yes ("state"), or a date and else such a wording."""
    written = over_unique(versions["evaluation"], str.strip)
    if rule == "text":
        return written.ne("")
    state = lookup(written, code_list("evaluation")).eq("yes")
    return state if rule == "state" else versions["evaluated_on"].ne("") | state


def _says_yes(values: pd.Series[str], name: str) -> pd.Series[bool]:
    meant = {written for written, code in code_list(name).items() if code == "yes"}
    return over_unique(values, str.strip).isin(meant)


def _warning_texts(problems: pd.DataFrame, extract: Extract) -> dict[int, str]:
    """Per report: `code(column=value)` joined by "; "."""
    kept = problems[problems["outcome"] == "warning"]
    headings = over_unique(kept["field"], extract.layout.heading_of)
    texts = kept["code"] + "(" + headings + "=" + kept["value"].str.slice(0, 40) + ")"
    found: dict[int, str] = {}
    for report, text in zip(kept["report"], texts, strict=True):
        found[report] = f"{found[report]}; {text}" if report in found else text
    return found


def known_versions(connection: Connection, numbers: pd.Series[str], stream: str) -> pd.DataFrame:
    """Stored versions of these cases, in the order in which they were stored."""
    wanted = numbers.drop_duplicates().tolist()
    table = case_version.c
    columns = (table.version_id, table.case_number, table.content_hash, table.modified_on, table.received_on)
    found = select(*columns, table.effective_on).where(
        table.stream == stream, store.among(connection, table.case_number, wanted)
    )
    return store.read(connection, found.order_by(table.version_id))


def in_order(versions: pd.DataFrame) -> pd.DataFrame:
    """Versions with those of a case in the order of their modification, where a batch has several."""
    if versions["case_number"].duplicated().any():
        first = versions.groupby("case_number", sort=False)["report"].transform("min")
        ordered = versions.assign(first=first).sort_values(["first", "modified_on", "report"], kind="stable")
        return ordered.drop(columns="first")
    return versions


def only_new(versions: pd.DataFrame, known: pd.DataFrame, returned: pd.Series[bool]) -> pd.DataFrame:
    """Versions whose content is not in the store for that case, each content once, and those that have `returned`."""
    content = versions["case_number"] + "\x1f" + versions["content_hash"]
    seen = is_among(content, known["case_number"] + "\x1f" + known["content_hash"]) | content.duplicated()
    seen &= ~returned
    return (versions[~seen] if seen.any() else versions).reset_index(drop=True)


PENDING = ""  # in force from the newest receipt of the file, which is known when all of it has been read


def effective(versions: pd.DataFrame, known: pd.DataFrame) -> pd.Series[str]:
    """Receipt date for the first version of a case; modification date for later ones.

    A later version without a modification date is in force from the newest receipt in its file (`PENDING`): the export
    was made no earlier, and a backlog of exports thus fills its past weeks whenever it is loaded. A version that was
    modified before every stored one arrives late: it is in force from the receipt, and the order of modification
    lets the stored ones win.
    """
    oldest = known.sort_values("modified_on", kind="stable").drop_duplicates("case_number")
    earliest = lookup(versions["case_number"], dict(zip(oldest["case_number"], oldest["modified_on"], strict=True)))
    stored = is_among(versions["case_number"], known["case_number"])
    before_all = versions["modified_on"].ne("") & versions["modified_on"].lt(earliest)
    first = (~stored | before_all) & ~versions["case_number"].duplicated()
    later = versions["modified_on"]
    later = later.where((later >= versions["received_on"]) | (later == PENDING), versions["received_on"])
    return versions["received_on"].where(first, later)


def settle_split_cases(
    connection: Connection, versions: pd.DataFrame, known: pd.DataFrame, first_version: int
) -> pd.DataFrame:
    """`versions` with `effective_on`, as if all versions that the file has of a case stood in one batch.

    Messages of one case can stand anywhere in a file. Those of earlier batches are already stored, with numbers from
    `first_version` on; where a version before them turns up, they are put in force anew.
    """
    here = known["version_id"] >= first_version
    earlier = known[~here]
    split = known[here & is_among(known["case_number"], versions["case_number"])]
    if split.empty:
        return versions.assign(effective_on=effective(versions, earlier))
    both = pd.concat([split, versions.assign(version_id=-1)], ignore_index=True)
    both = both.assign(place=np.arange(len(both))).sort_values(["case_number", "modified_on", "place"], kind="stable")
    settled = both.assign(effective_now=effective(both, earlier)).sort_values("place", kind="stable")
    moved = settled.iloc[: len(split)]
    moved = moved[moved["effective_now"] != moved["effective_on"]]
    for version_id, day in zip(moved["version_id"].tolist(), moved["effective_now"].tolist(), strict=True):
        update = case_version.update().where(case_version.c.version_id == version_id)
        connection.execute(update.values(effective_on=day))
    return versions.assign(effective_on=settled["effective_now"].iloc[len(split) :].to_numpy())


def settle_pending(connection: Connection, first_version: int, newest: str) -> int:
    """Put the `PENDING` versions of a file in force from its newest receipt; gives how many."""
    pending = (case_version.c.version_id >= first_version) & (case_version.c.effective_on == PENDING)
    return connection.execute(case_version.update().where(pending).values(effective_on=newest)).rowcount
