"""One file into the store: archive, read, check, tell versions apart, quarantine, load — in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, select

from pv import archive, contracts, duplicates, store
from pv.codes import events, products
from pv.schema import case_event, case_product, case_version, quarantine
from pv.schema import file as file_table
from pv.sources import Extract, FileRefused, read
from pv.text import clean_all, code_list, iso_dates, lookup, over_unique
from pv.week import Week, instant_text, local_day

LISTED = 1_000  # problems that an account names, quarantine before warnings; all stand in the store
_KEYS_A_QUERY = 5_000  # below every driver's limit of bound values (SQLite 32,766; PostgreSQL 65,535)


@dataclass(frozen=True)
class Problem:
    """Something wrong with a row; `code` is explained in `reference/messages.toml`."""

    code: str
    outcome: str
    sheet: str
    row: int
    column: str
    value: str
    case: str


@dataclass(frozen=True)
class FileAccount:
    """What became of a file: read = stored + unchanged + quarantined, in rows. `refused`: why nothing was taken."""

    file: str
    sha256: str
    stream: str = ""
    format: str = ""
    read: int = 0
    stored: int = 0
    unchanged: int = 0
    quarantined: int = 0
    warnings: int = 0
    cases: int = 0
    weeks: tuple[str, ...] = ()
    refused: str = ""
    refused_values: Mapping[str, object] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The account as `ingest --json` prints it."""
        values = asdict(self)
        values["weeks"] = list(self.weeks)
        values["problems"] = [asdict(problem) for problem in self.problems]
        return values


@dataclass(frozen=True)
class _Parts:
    """The rows of one file sorted into what goes where; row counts beside."""

    versions: pd.DataFrame
    products: pd.DataFrame
    events: pd.DataFrame
    quarantined: pd.DataFrame
    stored_rows: int
    quarantined_rows: int


def load_file(
    engine: Engine, path: Path, archive_folder: Path, key: str, recorded_at: datetime, dry_run: bool = False
) -> FileAccount:
    """Load a file; a refused one is reported in the account, and nothing of it is stored.

    With `dry_run` the account is the same and nothing is kept.
    """
    try:
        sha256 = archive.file_sha256(path)
        extract = read(path)
    except FileRefused as refusal:
        return _refused(path, refusal)
    except OSError as error:
        return _refused(path, FileRefused("unreadable", detail=error.strerror or str(error)))
    checked = contracts.check(extract, local_day(recorded_at))
    if not dry_run:
        archive.keep(path, archive_folder, sha256, key)
    with store.writing(engine) as connection:
        parts = _sort_out(connection, extract, checked, key)
        account = _account(path, sha256, extract, checked, parts)
        if dry_run:
            connection.rollback()
        else:
            _write(connection, account, parts, recorded_at)
    return account


def _refused(path: Path, refusal: FileRefused) -> FileAccount:
    sha256 = archive.file_sha256(path) if path.is_file() else ""
    return FileAccount(str(path), sha256, refused=refusal.code, refused_values=refusal.values)


def _sort_out(connection: Connection, extract: Extract, checked: contracts.Checked, key: str) -> _Parts:
    rows = _with_hashes(checked.rows, extract.fields, key)
    bad = rows["report"].isin(checked.quarantined)
    stream = extract.layout.stream
    good = rows[~bad] if bad.any() else rows
    versions = _versions(good, checked.problems, extract)
    known = _known(connection, versions["case_number"], stream)
    versions = _only_new(versions, known)
    versions["effective_on"] = _effective(versions, known, str(good["received_on"].max()))
    new = good["report"].isin(versions["report"])
    kept = good if new.all() else good[new]
    return _Parts(
        versions=versions,
        products=_product_rows(kept, stream),
        events=_event_rows(kept, stream),
        quarantined=_quarantine_rows(connection, rows[bad], extract, checked, key),
        stored_rows=len(kept),
        quarantined_rows=int(bad.sum()),
    )


def _with_hashes(rows: pd.DataFrame, raw: pd.DataFrame, key: str) -> pd.DataFrame:
    """Add keyed hashes of the patient and of the content as written; personal text itself goes no further."""
    rows = rows.copy()

    def text(name: str) -> pd.Series[str]:
        return clean_all(raw[name]) if name in raw else pd.Series("", index=raw.index, dtype="str")

    born = iso_dates(text("birth_date"))
    ages = pd.Series([f"{years:.2f}" for years in rows["age_years"]], index=rows.index, dtype="str")
    born = born.where(born != "", ages)
    person = (text("patient_name") + "\x1f" + born + "\x1f" + rows["sex"]).where(text("patient_name") != "", "")
    rows["patient_hash"] = _hashed(person, archive.hasher(key, "patient"))
    rows["record_hash"] = _hashed(text("record_number"), archive.hasher(key, "record"))
    content = raw.drop(columns=["sheet", "row", "ragged", *_PERSONAL], errors="ignore").assign(
        patient=rows["patient_hash"], record=rows["record_hash"]
    )
    columns = [content[name].tolist() for name in sorted(content.columns)]
    keyed = archive.hasher(key, "content")
    hashes = pd.Series([keyed("\x1f".join(cells)) for cells in zip(*columns, strict=True)], dtype="str")
    if rows["report"].duplicated().any():
        together = hashes.groupby(rows["report"].to_numpy()).agg(lambda group: "".join(sorted(set(group))))
        hashes = rows["report"].map(_hashed(together, keyed)).reset_index(drop=True)
    rows["content_hash"] = hashes.to_numpy()
    return rows


_PERSONAL = ("patient_name", "birth_date", "patient_phone", "record_number")


def _hashed(values: pd.Series[str], keyed: Callable[[str], str]) -> pd.Series[str]:
    return over_unique(values, keyed)


def _first_filled(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Per report the first non-empty text of each column, in the order of rows."""
    if not rows["report"].duplicated().any():
        return rows.set_index("report")[columns]
    filled = rows[columns].mask(rows[columns] == "")
    return filled.groupby(rows["report"], sort=False).first().fillna("").astype("str")


_TEXTS = (
    "case_number modified_on content_hash received_on reported_on onset_on discovered_on evaluated_on outcome sex "
    "hospital area patient_hash record_hash severity new harm harm_holder evaluation deleted duplicate misreport"
).split()


def _versions(rows: pd.DataFrame, problems: pd.DataFrame, extract: Extract) -> pd.DataFrame:
    """One row per report version of the file, with the columns of `case_version` that the file decides."""
    rows = rows.assign(**{name: "" for name in _TEXTS if name not in rows})
    versions = _first_filled(rows, _TEXTS)
    versions["age_years"] = rows.groupby("report", sort=False)["age_years"].first()
    versions["stream"] = extract.layout.stream
    versions["warnings"] = lookup(versions.index.to_series(), _warning_texts(problems, extract))
    _set_flags(versions, extract.layout.stream)
    return versions.reset_index()


def _set_flags(versions: pd.DataFrame, stream: str) -> None:
    """Serious, death, new, evaluated and why a report is left out, as the house table of exports says."""
    harm = versions["harm_holder"].where(versions["harm_holder"] != "", versions["harm"])
    death = (harm if stream == "device" else versions["outcome"]).eq("death")
    serious = harm.isin(["serious", "death"]) if stream == "device" else versions["severity"].eq("serious")
    evaluation = versions["evaluation"].str.strip()
    if stream == "cosmetic":
        evaluated = evaluation.ne("")
    else:
        state = lookup(evaluation, code_list("evaluation")).eq("yes")
        # A state decides for devices; for drugs the date of the city's evaluation does, else the state.
        evaluated = state if stream == "device" else versions["evaluated_on"].ne("") | state
    versions["death"] = death.astype("int64")
    versions["serious"] = (serious | death).astype("int64")
    versions["new"] = versions["new"].eq("yes").astype("int64")
    versions["evaluated"] = evaluated.astype("int64")
    reasons = {
        "deleted": versions["deleted"].str.strip().isin(_written("deleted")),
        "duplicate": versions["duplicate"].str.strip().isin(_written("duplicate")),
        "misreport": versions["misreport"].str.strip().isin(_written("misreport")),
    }
    versions["left_out"] = np.select(list(reasons.values()), list(reasons), default="")


def _written(name: str) -> list[str]:
    return [written for written, code in code_list(name).items() if code == "yes"]


def _warning_texts(problems: pd.DataFrame, extract: Extract) -> dict[int, str]:
    """Per report: `code(column=value)` joined by "; "."""
    kept = problems[problems["outcome"] == "warning"]
    headings = over_unique(kept["field"], extract.layout.heading_of)
    texts = kept["code"] + "(" + headings + "=" + kept["value"].str.slice(0, 40) + ")"
    found: dict[int, str] = {}
    for report, text in zip(kept["report"], texts, strict=True):
        found[report] = f"{found[report]}; {text}" if report in found else text
    return found


def _only_new(versions: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Versions whose content is not in the store for that case, in order of modification, each content once."""
    seen = set(zip(known["case_number"], known["content_hash"], strict=True))
    ordered = versions.sort_values(["case_number", "modified_on", "report"], kind="stable")
    fresh = []
    for content in zip(ordered["case_number"], ordered["content_hash"], strict=True):
        fresh.append(content not in seen)
        seen.add(content)
    return ordered[np.array(fresh, dtype=bool)].reset_index(drop=True)


def _known(connection: Connection, numbers: pd.Series[str], stream: str) -> pd.DataFrame:
    """Stored versions of these cases: case_number, content_hash, modified_on."""
    columns = (case_version.c.case_number, case_version.c.content_hash, case_version.c.modified_on)
    wanted = numbers.drop_duplicates().tolist()
    found = []
    for start in range(0, max(1, len(wanted)), _KEYS_A_QUERY):
        batch = wanted[start : start + _KEYS_A_QUERY]
        statement = select(*columns).where(case_version.c.stream == stream, case_version.c.case_number.in_(batch))
        found.append(store.read(connection, statement))
    return pd.concat(found, ignore_index=True)


def _effective(versions: pd.DataFrame, known: pd.DataFrame, newest: str) -> pd.Series[str]:
    """Receipt date for the first version of a case; modification date for later ones.

    A later version without a modification date is in force from `newest`, the newest receipt in its file: the export
    was made no earlier, and a backlog of exports thus fills its past weeks whenever it is loaded. A version that was
    modified before every stored one arrives late: it is in force from the receipt, and the order of modification
    lets the stored ones win.
    """
    earliest = lookup(versions["case_number"], known.groupby("case_number")["modified_on"].min().to_dict())
    stored = versions["case_number"].isin(known["case_number"])
    before_all = versions["modified_on"].ne("") & versions["modified_on"].lt(earliest)
    first = (~stored | before_all) & ~versions["case_number"].duplicated()
    later = versions["modified_on"].where(versions["modified_on"] != "", newest)
    later = later.where(later >= versions["received_on"], versions["received_on"])
    return versions["received_on"].where(first, later)


def _product_rows(rows: pd.DataFrame, stream: str) -> pd.DataFrame:
    columns = ("role", "name", "identifier", "maker", "model", "lot", "class")
    listed = rows.assign(**{name: "" for name in columns if name not in rows})[["report", *columns]]
    return products.with_identity(listed, stream).drop_duplicates(ignore_index=True)


def _event_rows(rows: pd.DataFrame, stream: str) -> pd.DataFrame:
    found = []
    for name, kind in contracts.EVENT_FIELDS[stream].items():
        terms = events.split(rows[name])
        found.append(pd.DataFrame({"report": rows["report"].reindex(terms.index), "kind": kind, "event": terms}))
    return pd.concat(found).drop_duplicates().sort_values(["report"], kind="stable", ignore_index=True)


def _quarantine_rows(
    connection: Connection, rows: pd.DataFrame, extract: Extract, checked: contracts.Checked, key: str
) -> pd.DataFrame:
    """One row per quarantined report, with every reason and its sealed raw rows; known ones are left out.

    `received_on` is empty where the receipt is no possible day.
    """
    problems, today = checked.problems, checked.today.isoformat()
    if rows.empty:
        return pd.DataFrame(columns=_QUARANTINE_COLUMNS, dtype="str")
    known = set(store.read(connection, select(quarantine.c.content_hash))["content_hash"])
    reasons = dict(iter(problems[problems["outcome"] == "quarantine"].groupby("report")))
    found = []
    for report, group in rows.groupby("report", sort=True):
        first = group.iloc[0]
        if first["content_hash"] in known:
            continue
        raw = extract.raw.loc[group.index].to_dict(orient="split", index=False)
        received = [day for day in group["received_on"] if contracts.EARLIEST_RECEIPT <= day <= today]
        found.append(
            {
                "stream": extract.layout.stream,
                "case_number": first["case_number"],
                "received_on": received[0] if received else "",
                "hospital": first["hospital"],
                "sheet": first["sheet"],
                "rows": ",".join(map(str, group["row"])),
                "reasons": json.dumps(_reasons(reasons[report], extract), ensure_ascii=False),
                "content_hash": first["content_hash"],
                "raw": archive.seal(json.dumps(raw, ensure_ascii=False), key),
            }
        )
    return pd.DataFrame(found, columns=_QUARANTINE_COLUMNS).drop_duplicates("content_hash", ignore_index=True)


_QUARANTINE_COLUMNS = "stream case_number received_on hospital sheet rows reasons content_hash raw".split()


def _reasons(problems: pd.DataFrame, extract: Extract) -> list[dict[str, Any]]:
    return [
        {"code": p.code, "sheet": p.sheet, "row": p.row, "column": p.column, "value": p.value[:40]}
        for p in _listed(problems, extract)
    ]


def _listed(problems: pd.DataFrame, extract: Extract) -> list[Problem]:
    where = extract.fields.iloc[problems["row"]]
    columns = [extract.layout.heading_of(field) if field else "" for field in problems["field"]]
    return [
        Problem(str(code), str(outcome), str(sheet), int(row), column, str(value)[:80], str(case))
        for code, outcome, sheet, row, column, value, case in zip(
            problems["code"],
            problems["outcome"],
            where["sheet"],
            where["row"],
            columns,
            problems["value"],
            where["report_number"],
            strict=True,
        )
    ]


def _account(path: Path, sha256: str, extract: Extract, checked: contracts.Checked, parts: _Parts) -> FileAccount:
    days = [*parts.versions["effective_on"], *parts.quarantined["received_on"]]
    weeks = sorted({Week.of(date.fromisoformat(day)) for day in set(days) if day})
    total = len(checked.rows)
    return FileAccount(
        file=str(path),
        sha256=sha256,
        stream=extract.layout.stream,
        format=extract.layout.name,
        read=total,
        stored=parts.stored_rows,
        unchanged=total - parts.stored_rows - parts.quarantined_rows,
        quarantined=parts.quarantined_rows,
        warnings=int((checked.problems["outcome"] == "warning").sum()),
        cases=int(checked.rows["case_number"].replace("", np.nan).nunique()),
        weeks=tuple(map(str, weeks)),
        problems=tuple(_listed(checked.problems.sort_values("outcome", kind="stable").head(LISTED), extract)),
    )


def _write(connection: Connection, account: FileAccount, parts: _Parts, recorded_at: datetime) -> None:
    stamp = instant_text(recorded_at.astimezone(UTC))
    file_id = _file_id(connection, account, stamp)
    first = store.next_key(connection, case_version)
    versions = parts.versions.assign(file_id=file_id, recorded_at=stamp)
    versions["version_id"] = np.arange(first, first + len(versions))
    store.append(connection, case_version, versions)
    keys = versions.set_index("report")["version_id"]
    for table, frame in ((case_product, parts.products), (case_event, parts.events)):
        (key,) = table.primary_key.columns
        start = store.next_key(connection, table)
        listed = frame.assign(version_id=frame["report"].map(keys))
        listed[key.name] = np.arange(start, start + len(listed))
        store.append(connection, table, listed)
    start = store.next_key(connection, quarantine)
    waiting = parts.quarantined.assign(file_id=file_id, recorded_at=stamp)
    waiting["quarantine_id"] = np.arange(start, start + len(waiting))
    store.append(connection, quarantine, waiting)
    duplicates.merge_exact(connection, account.stream, first, stamp)


def _file_id(connection: Connection, account: FileAccount, stamp: str) -> int:
    """The file's record; a file read again keeps the record of its first reading."""
    statement = select(file_table.c.file_id).where(file_table.c.sha256 == account.sha256)
    known = connection.execute(statement).scalar()
    if known is not None:
        return int(known)
    file_id = store.next_key(connection, file_table)
    values = {column.name: getattr(account, column.name, None) for column in file_table.columns}
    values |= {
        "file_id": file_id,
        "name": Path(account.file).name,
        "recorded_at": stamp,
        "weeks": ";".join(account.weeks),
    }
    connection.execute(file_table.insert().values(values))
    return file_id
