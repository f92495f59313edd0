"""The steps in order, one function each: all that the DAGs and the command line call."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, Select, func, select

from pv import (
    accounts,
    cases,
    context,
    duplicates,
    forms,
    intake,
    keys,
    mapping,
    reference,
    revisions,
    snapshots,
    sources,
    store,
)
from pv.appraisal import Appraisal, appraise
from pv.forms import learned
from pv.forms.registers import EXPOSURE, RISK
from pv.intake import FileAccount, Replayed
from pv.reference import Reference
from pv.rendering.index import render_index
from pv.rendering.models import WeekInput
from pv.rendering.week_files import render_week
from pv.reviews import to_review
from pv.schema import case_version, file_load, quarantine, quarantine_closing, reference_snapshot
from pv.schema import file as file_table
from pv.schema import revision as revision_table
from pv.settings import Settings
from pv.signals.alerts import signals_of_weeks
from pv.signals.background import background_rows
from pv.signals.evidence import KINDS, evidence
from pv.signals.screens import Screen, load_screens, parse_screens, parse_strata, screens_text
from pv.sources.forms import STREAM as FORMS
from pv.week import Week, instant_text

RENDERED_AGAIN = 4  # weeks; a late case changes every later week, older ones are marked stale
_NOTHING = hashlib.sha256(b"").hexdigest()  # of a table that has never been there

Progress = Callable[[str], None]


def ingest(
    settings: Settings,
    paths: Sequence[Path],
    recorded_at: datetime,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[FileAccount]:
    """Load files, each in a transaction of its own, in the order given; loose tables of one set are one file."""
    key = settings.require_key()
    engine = store.open_store(settings.database_url)
    with store.reading(engine) as connection:
        keys.check(connection, key, settings.archive)
    if not dry_run:
        remember_reference(engine, settings, recorded_at)
    own = sources.read_own(settings.reference)
    accounts = []
    with sources.gathered(paths, settings.home) as files:
        for file in files:
            account = intake.load_file(engine, file.path, settings.archive, key, recorded_at, dry_run, own)
            accounts.append(replace(account, file=file.name))
            if progress is not None:
                progress(file.name)
    return accounts


def replay(settings: Settings, recorded_at: datetime, stream: str = "", entries: Collection[int] = ()) -> Replayed:
    """Check what waits in the quarantine by today's rules, and store what is in order."""
    key = settings.require_key()
    engine = store.open_store(settings.database_url)
    with store.reading(engine) as connection:
        keys.check(connection, key, settings.archive)
    remember_reference(engine, settings, recorded_at)
    own = sources.read_own(settings.reference)
    return intake.replay(engine, settings.archive, key, recorded_at, stream, entries, own)


def remember_reference(engine: Engine, settings: Settings, recorded_at: datetime) -> None:
    """Keep a snapshot of each reference table that has changed. Raises ReferenceDataError where one is wrong."""
    folder = settings.reference
    there = any((folder / file).is_file() for file in reference.FILES.values())
    texts = reference.read_texts(folder) if there else {}
    reference.build(texts)
    _screens(texts)
    stamp = instant_text(recorded_at)
    with store.writing(engine) as connection:
        known = snapshots.digests(connection)
        for name in reference.FILES:
            content = texts.get(name, "")
            digest = hashlib.sha256(content.encode()).hexdigest()
            if digest != known.get(name, _NOTHING):
                key = store.next_key(connection, reference_snapshot)
                values = {"snapshot_id": key, "name": name, "sha256": digest, "recorded_at": stamp}
                connection.execute(reference_snapshot.insert().values(content=content, **values))


def weeks_to_refresh(touched: Iterable[str], latest: Week) -> list[Week]:
    """Weeks to render after an ingest: of all from the first touched to the latest, the last four."""
    first = min((Week.parse(text) for text in touched), default=None)
    if first is None or first > latest:
        return []
    start = max(first.index, latest.index - RENDERED_AGAIN + 1)
    return [Week(index) for index in range(start, latest.index + 1)]


def latest_week(settings: Settings) -> Week | None:
    """The week of the newest receipt in the store."""
    engine = store.open_store(settings.database_url)
    with store.reading(engine) as connection:
        day = connection.execute(select(func.max(case_version.c.received_on))).scalar()
    return Week.of(date.fromisoformat(day)) if day else None


def run(
    settings: Settings,
    weeks: Sequence[Week],
    as_of: datetime,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> list[dict[str, Any]]:
    """Compute and render weeks as known at a moment; one summary each, with the `folder` that holds the pages.

    A week that says the same stays as it is. A moment before that of the latest revision never replaces it: what was
    known then is put beside the earlier revisions, as `revisions/as-of-<moment>`.

    `now` is the moment of the call, under which changed reference tables are kept; give it where `as_of` lies in the
    past.
    """
    engine = store.open_store(settings.database_url)
    remember_reference(engine, settings, now or as_of)
    summaries = []
    for week_input in _week_inputs(engine, sorted(set(weeks)), as_of):
        summaries.append(_publish(engine, settings.out, week_input))
        if progress is not None:
            progress(str(week_input.week))
    render_index(settings.out, stale=stale_weeks(engine))
    return summaries


def _screens(texts: Mapping[str, str]) -> tuple[Screen, ...]:
    """The installation's own screens where it has any, else the shipped ones."""
    return parse_screens(texts["screens"]) if texts.get("screens") else load_screens()


def own_streams(connection: Connection, stamp: str) -> tuple[str, ...]:
    """The streams of the reports at a moment: the core ones, and others of our own that have cases or wait for them."""
    return reference.reported(set(stored_streams(connection, stamp)))


def stored_streams(connection: Connection, stamp: str) -> Iterator[str]:
    for table in (case_version, quarantine):
        statement = select(table.c.stream).where(table.c.recorded_at <= stamp).distinct()
        yield from map(str, connection.execute(statement).scalars())


def week_inputs(
    settings: Settings, weeks: Sequence[Week], as_of: datetime, *, beside: bool = True, product: str = ""
) -> Iterator[WeekInput]:
    """What the reports of weeks are made from, in their order; nothing is written.

    `beside`: with the evidence; without it, risk information and use are there if a `product` is named.
    """
    return _week_inputs(store.open_store(settings.database_url), sorted(set(weeks)), as_of, beside, product)


def _week_inputs(
    engine: Engine, weeks: Sequence[Week], as_of: datetime, beside: bool = True, product: str = ""
) -> Iterator[WeekInput]:
    stamp = instant_text(as_of)
    with store.reading(engine) as connection:
        texts = snapshots.texts(connection, stamp)
        known, screens = learned.applied(reference.build(texts), connection, stamp), _screens(texts)
        strata = parse_strata(texts.get("screens") or screens_text())
        loaded = [cases.StreamCases(connection, name, as_of, known) for name in own_streams(connection, stamp)]
        standing = {stream.stream: stream.standing() for stream in loaded}
        account = accounts.accounts(connection, stamp, standing)
        waiting = {lang: cases.quarantined(connection, as_of, known, lang) for lang in ("zh", "en")}
        official = forms.in_force(connection, "official", stamp)
        pairs, duplicate_counts = to_review(connection, loaded, stamp)
        registers = {name: forms.in_force(connection, name, stamp) for name in (EXPOSURE, RISK)}
        files = store.read(
            connection, select(file_table).where(file_table.c.recorded_at <= stamp).order_by(file_table.c.file_id)
        )
    product_names = {stream.stream: stream.product_names() for stream in loaded}
    unmapped = pd.concat([mapping.waiting(stream, known) for stream in loaded], ignore_index=True)
    names = {
        f"district:{code}": f"district:{name}"
        for code, name in zip(known.areas["code"], known.areas["name"], strict=True)
    }
    kinds = frozenset(kind for screen in screens for kind in screen.event_kinds)
    views = [stream.view(event_kinds=kinds) for stream in loaded]
    filed = [stream.view(as_filed=True) for stream in loaded]
    per_stream = [signals_of_weeks(view, weeks, screens, strata=strata, background=known.background) for view in views]
    for parts in zip(*per_stream, strict=True):
        week = parts[0][0]
        tables = [
            evidence(view, as_filed, week, screens, part[1], known.foreign)
            for view, as_filed, part in zip(views, filed, parts, strict=True)
            if beside
        ]
        for of in tables:
            of["subgroups"]["subgroup"] = of["subgroups"]["subgroup"].replace(names)
        filings = pd.concat([stream.filings(week) for stream in loaded], ignore_index=True)
        signals = pd.concat([part[1] for part in parts], ignore_index=True)
        yield WeekInput(
            week=week,
            as_of=as_of,
            revision=1,
            area=known.root_area,
            signals=signals,
            counted=pd.concat([part[2] for part in parts], ignore_index=True),
            filings=filings,
            filings_before=pd.concat([stream.filings(week.previous) for stream in loaded], ignore_index=True),
            quarantined=waiting["en"].assign(reasons_zh=waiting["zh"]["reasons"]),
            appraisal=_appraise(filings, waiting["en"], known, week, official),
            files=files.rename(columns={"name": "file"}),
            unmapped=unmapped,
            accounts=account,
            mappings=pd.concat([stream.mappings(week) for stream in loaded], ignore_index=True),
            screens=screens,
            reviews=pairs,
            duplicates=duplicate_counts,
            product_names=product_names,
            evidence={name: pd.concat([of[name] for of in tables], ignore_index=True) for name in KINDS if tables}
            | (_context(registers, loaded, known, signals, week, product) if beside or product else {}),
        )


def _context(
    registers: Mapping[str, pd.DataFrame],
    loaded: Sequence[cases.StreamCases],
    known: Reference,
    signals: pd.DataFrame,
    week: Week,
    product: str,
) -> dict[str, pd.DataFrame]:
    """What the registers say beside the signals; the reports are looked through only where a register says anything.

    `product`: one that is looked at whether it has an alert or not.
    """
    if not any(map(len, registers.values())):
        return context.nothing()
    named = pd.concat([stream.named(week) for stream in loaded], ignore_index=True)
    alerts = context.alerted(signals, product)
    return context.tables(registers[EXPOSURE], registers[RISK], named, known, alerts, week)


def background_counts(settings: Settings, week: Week, as_of: datetime, source: str) -> pd.DataFrame:
    """The rows of `background.csv` that a province hands to its districts, from all streams of its own store."""
    engine, stamp = store.open_store(settings.database_url), instant_text(as_of)
    with store.reading(engine) as connection:
        known = learned.reference_at(connection, stamp)
        own = own_streams(connection, stamp)
        views = [cases.StreamCases(connection, name, as_of, known).view() for name in own]
    return pd.concat([background_rows(view, week, source) for view in views], ignore_index=True)


def _appraise(
    filings: pd.DataFrame, waiting: pd.DataFrame, known: Reference, week: Week, official: pd.DataFrame
) -> Appraisal:
    return appraise(filings, waiting[~waiting["stored"]].reset_index(drop=True), known, week, official)


def _publish(engine: Engine, out: Path, week_input: WeekInput) -> dict[str, Any]:
    """Render aside, compare with the latest revision, and put a changed week in place."""
    week = week_input.week
    revisions.recover(out, week)
    now = revisions.current(out, week)
    mark = revisions.fingerprint(_content(week_input))
    stamp = instant_text(week_input.as_of)
    with store.reading(engine) as connection:
        last = revisions.recorded(connection, week)
    if mark == last[1] and (now.number, now.fingerprint) == last:
        return now.summary | {"folder": str(now.folder)}
    if now.as_of > stamp:
        return _look_back(now, week_input, mark)
    numbered = _with_revision(week_input, revisions.number_of(now, last, mark))
    aside = out / f".{week}.part"
    aside.mkdir(parents=True)
    summary = render_week(numbered, aside, fingerprint=mark)
    if now.number and now.number != numbered.revision:
        before = pd.read_csv(
            now.folder / "signals.csv", keep_default_na=False, dtype={"product": "str", "event": "str"}
        )
        changed = revisions.changes(before, week_input.signals)
        changed.to_csv(aside / "changes.csv", index=False, lineterminator="\n")
    with store.writing(engine) as connection:
        revisions.record(connection, week, numbered.revision, stamp, mark, week_input.signals)
        revisions.put_in_place(aside, now, numbered.revision)
    return summary | {"folder": str(now.folder)}


def _look_back(now: revisions.Current, week_input: WeekInput, mark: str) -> dict[str, Any]:
    """Render what was known before the latest revision; it is no revision and is not recorded."""
    name = re.sub(r"\W", "", instant_text(week_input.as_of))
    folder = now.folder / "revisions" / f"{revisions.LOOK_BACK}{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    summary = render_week(_with_revision(week_input, 0), folder, fingerprint=mark)
    return summary | {"folder": str(folder)}


def _with_revision(week_input: WeekInput, number: int) -> WeekInput:
    return replace(week_input, revision=number)


def _content(week_input: WeekInput) -> dict[str, pd.DataFrame]:
    """Everything that a reader of the week would see change; files and moments left aside."""
    frames = {name: frame for name, frame in vars(week_input.appraisal).items() if isinstance(frame, pd.DataFrame)}
    return frames | {
        "signals": week_input.signals,
        "counted": week_input.counted,
        "filings": week_input.filings,
        "quarantined": week_input.quarantined,
        "unmapped": week_input.unmapped,
        "reviews": week_input.reviews,
        "duplicates": week_input.duplicates,
        "mappings": week_input.mappings,
        **week_input.evidence,
    }


def _changes() -> Iterator[Select[Any]]:
    """Moments at which something became known, each with the first day that it touches."""
    versions, entries, closing = case_version.c, quarantine.c, quarantine_closing.c
    yield select(versions.recorded_at, func.min(versions.effective_on)).group_by(versions.recorded_at)
    dated = select(entries.recorded_at, func.min(entries.received_on)).where(entries.received_on != "")
    yield dated.group_by(entries.recorded_at)
    ended = select(closing.recorded_at, func.min(entries.received_on)).join(
        quarantine, entries.quarantine_id == closing.quarantine_id
    )
    yield ended.where(entries.received_on != "").group_by(closing.recorded_at)


def stale_weeks(engine: Engine) -> list[str]:
    """Rendered weeks that a later load has changed and that have not been rendered since."""
    latest = select(revision_table.c.week, func.max(revision_table.c.as_of)).group_by(revision_table.c.week)
    with store.reading(engine) as connection:
        rendered = [(Week.parse(week), as_of) for week, as_of in connection.execute(latest)]
        loads = [(str(at), str(day)) for statement in _changes() for at, day in connection.execute(statement)]
        filled = connection.execute(
            select(file_load.c.recorded_at, file_load.c.weeks)
            .join(file_table, file_table.c.file_id == file_load.c.file_id)
            .where(file_table.c.stream == FORMS, file_load.c.weeks != "")
        ).all()
        merged = duplicates.regrouped(connection)
    loads += [*merged, *((str(at), Week.parse(str(weeks).split(";")[0]).start.isoformat()) for at, weeks in filled)]
    return [
        str(week)
        for week, as_of in sorted(rendered)
        if any(at > as_of and day < week.end.isoformat() for at, day in loads)
    ]


def unmapped(
    settings: Settings, as_of: datetime, stream: str = ""
) -> tuple[list[mapping.Question], dict[learned.Question, str]]:
    """What waits for a mapping in the streams of the reports (or in one stream), and what has been learned."""
    engine, stamp = store.open_store(settings.database_url), instant_text(as_of)
    remember_reference(engine, settings, as_of)
    with store.reading(engine) as connection:
        known = learned.reference_at(connection, stamp)
        names = (stream,) if stream else own_streams(connection, stamp)
        loaded = [cases.StreamCases(connection, name, as_of, known) for name in names]
        return mapping.questions(loaded, known), learned.answers(connection, stamp)
