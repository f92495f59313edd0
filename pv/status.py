"""What the store holds and what waits for people, as one page: for a centre and for its data engineer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, func, select

from pv import accounts, cases, duplicates, forms, inbox, mapping, messages, pipeline, quarantine, reference, store
from pv.accounts import AccountError, Accounts
from pv.appraisal.ledger import Ledger
from pv.appraisal.official import official_figures
from pv.forms import learned
from pv.reference import Reference
from pv.schema import file as file_table
from pv.schema import revision
from pv.settings import Settings
from pv.week import Week, instant_text

_ROWS = ("read", "stored", "unchanged", "quarantined")


def status(settings: Settings) -> dict[str, Any]:
    """The state of an installation now; `failed` says which account does not add up ("" for none)."""
    engine = store.open_store(settings.database_url)
    as_of = datetime.now(UTC)
    stamp = instant_text(as_of)
    with store.reading(engine) as connection:
        known = learned.reference_at(connection, stamp)
        waiting = cases.quarantined(connection, as_of, known, messages.language())
        loaded = {name: cases.StreamCases(connection, name, as_of, known) for name in _streams(connection, stamp)}
        standing = {name: stream.standing() for name, stream in loaded.items()}
        failed, account = _checked(connection, stamp, standing)
        entries = quarantine.by_state(quarantine.entries(connection, stamp))
        state = {
            "streams": {
                name: _stream(connection, stamp, stream, standing[name], known, waiting)
                for name, stream in loaded.items()
            },
            "rows": _rows(connection),
            "accounts": None if account is None else account.as_dict()["streams"],
            "failed": failed,
            "refused": [] if account is None else _refused(account),
            "quarantine": {"entries": sum(entries.values()), **entries},
            "weeks_rendered": int(connection.execute(select(func.count(revision.c.week.distinct()))).scalar_one()),
            "store": {"engine": engine.dialect.name, "bytes": store.size(connection)},
        }
        figures = forms.in_force(connection, "official", stamp)
    week = pipeline.latest_week(settings)
    return state | {
        "official": _official(loaded, waiting, known, week, figures),
        "weeks_stale": pipeline.stale_weeks(engine),
        "latest_week": str(week or ""),
        "inbox": [{"set": title, "zh": zh, "en": en} for title, (zh, en) in inbox.waiting(settings).items()],
        "home": str(settings.home),
    }


def _streams(connection: Connection, stamp: str) -> tuple[str, ...]:
    """The streams of the reports, then foreign ones that have cases."""
    stored = set(pipeline.stored_streams(connection, "9999"))
    foreign = (name for name in reference.foreign_streams() if name in stored)
    return (*pipeline.own_streams(connection, stamp), *foreign)


def _checked(connection: Connection, stamp: str, standing: dict[str, pd.DataFrame]) -> tuple[str, Accounts | None]:
    try:
        return "", accounts.accounts(connection, stamp, standing)
    except AccountError as error:
        return str(error), None


def _official(
    loaded: Mapping[str, cases.StreamCases],
    waiting: pd.DataFrame,
    known: Reference,
    week: Week | None,
    figures: pd.DataFrame,
) -> dict[str, Any]:
    """The official figures that people entered: how many there are, and those that are not ours."""
    if week is None or figures.empty:
        return {"entered": len(figures), "differ": []}
    filings = pd.concat([stream.filings(week) for stream in loaded.values()], ignore_index=True)
    fresh = waiting[~waiting["stored"]].reset_index(drop=True)
    found = official_figures(Ledger.of(filings, fresh, known, week), figures)
    return {"entered": len(figures), "differ": found[found["difference"] != 0].to_dict("records")}


def _stream(
    connection: Connection,
    stamp: str,
    loaded: cases.StreamCases,
    standing: pd.DataFrame,
    known: Reference,
    waiting: pd.DataFrame,
) -> dict[str, Any]:
    """filed = counted + merged + deleted + duplicate + misreport + quarantined; of it unassigned; and what waits."""
    mine = waiting[waiting["stream"] == loaded.stream]
    fresh = int((~mine["stored"]).sum())
    left_out = standing["left_out"]
    merged = (standing["merged_into"] != "") & (left_out == "")
    totals: dict[str, Any] = {
        "filed": len(standing) + fresh,
        "counted": int(((left_out == "") & ~merged).sum()),
        "merged": int(merged.sum()),
    }
    totals |= {reason: int((left_out == reason).sum()) for reason in accounts.LEFT_OUT}
    totals["quarantined"] = fresh
    totals["unassigned"] = int((standing["hospital_id"] == "").sum())
    totals["unmapped"] = len(mapping.waiting(loaded, known))
    totals["to_review"] = len(duplicates.waiting(connection, loaded.stream, stamp))
    of_files = select(func.count(), func.max(file_table.c.recorded_at)).where(file_table.c.stream == loaded.stream)
    files, last = connection.execute(of_files).one()
    return totals | {"files": int(files), "last_load": str(last or ""), "waiting": len(mine)}


def _rows(connection: Connection) -> dict[str, int]:
    """Rows of all files, each as it was first loaded."""
    sums = (func.coalesce(func.sum(file_table.c[name]), 0) for name in _ROWS)
    found = connection.execute(select(func.count(), *sums)).one()
    return dict(zip(("files", *_ROWS), map(int, found), strict=True))


def _refused(account: Accounts) -> list[dict[str, Any]]:
    """Files that were refused and not taken since."""
    listed = account.as_dict()["refused"]
    return [
        {name: row[name] for name in ("file", "sha256", "recorded_at", "code", "detail")}
        | {lang: messages.refusal(row["code"], row["detail"], lang) for lang in ("zh", "en")}
        for row in listed
        if not row["taken"]
    ]
