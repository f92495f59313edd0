"""A case is forgotten: it stays counted, and nothing of its patient is kept.

First it is noted, so that no file brings anything back; then each archived file that tells it is replaced; last the
store loses its hashes and quarantined texts. A run that was killed is gone on with by the same command.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, select

from pv import access, archive, contracts, keys, store
from pv.intake import forgotten
from pv.intake.content import with_hashes
from pv.intake.retractions import without_retractions
from pv.schema import case_person, case_version, forgotten_case, quarantine, redaction
from pv.schema import file as file_table
from pv.sources import FileRefused, open_source
from pv.week import instant_text, local_day


@dataclass(frozen=True)
class Wish:
    """What is to be forgotten, who has decided it, why and when."""

    stream: str
    number: str
    by: str
    reason: str
    now: datetime

    @property
    def stamp(self) -> str:
        return instant_text(self.now.astimezone(UTC))


@dataclass
class Forgotten:
    """What was done. `unread`: archived files that can no longer be read as reports; they were left."""

    versions: int = 0
    quarantined: int = 0
    files_searched: int = 0
    files_replaced: int = 0
    files_deleted: int = 0
    unread: tuple[str, ...] = ()


def forget(
    engine: Engine, folder: Path, key: str, wish: Wish, progress: Callable[[int, int], None] | None = None
) -> Forgotten:
    """Forget a case. Raises ValueError where the store does not know it."""
    done = Forgotten()
    with store.writing(engine) as connection:
        hashing = keys.hash_key(connection, key, folder)
        _note(connection, wish)
        files = _files(connection, wish.stream)
    kept = [sha256 for sha256 in files if archive.stored_path(folder, sha256).is_file()]
    refused = archive.objects(folder / archive.REFUSED)
    total = len(kept) + len(refused)
    for number, sha256 in enumerate(kept, start=1):
        _replace(engine, (folder, sha256), (key, hashing), wish, done)
        if progress is not None:
            progress(number, total)
    for number, path in enumerate(refused, start=len(kept) + 1):
        done.files_searched += 1
        if _tells(b"".join(archive.chunks_of(path, key)), wish.number):
            path.unlink()
            done.files_deleted += 1
        if progress is not None:
            progress(number, total)
    with store.erasing(engine) as connection:
        _erase(connection, hashing, wish, done)
    return done


def _note(connection: Connection, wish: Wish) -> None:
    known = False
    for table in (case_version, quarantine):
        mine = (table.c.stream == wish.stream) & (table.c.case_number == wish.number)
        known |= connection.execute(select(table.c.stream).where(mine).limit(1)).first() is not None
    if not known:
        raise ValueError(f"no case {wish.number} of the stream “{wish.stream}” is in the store; check both")
    entry = {"stream": wish.stream, "case_number": wish.number, "recorded_at": wish.stamp}
    if wish.number not in forgotten.numbers(connection, wish.stream):
        values = {"forgotten_id": store.next_key(connection, forgotten_case), "decided_by": wish.by, **entry}
        connection.execute(forgotten_case.insert().values(reason=wish.reason, **values))
    who = access.user() if access.user() == wish.by else f"{wish.by} ({access.user()})"
    access.record(connection, who, "forget", wish.reason, wish.now, stream=wish.stream, subjects=[wish.number])


def _files(connection: Connection, stream: str) -> list[str]:
    """Files of a stream, and the copies that have taken the place of some."""
    loaded = select(file_table.c.sha256).where(file_table.c.stream == stream).order_by(file_table.c.file_id)
    copies = select(redaction.c.replaced_by).where(redaction.c.replaced_by != "").order_by(redaction.c.redaction_id)
    found = [*connection.execute(loaded).scalars(), *connection.execute(copies).scalars()]
    return list(dict.fromkeys(map(str, found)))


def _replace(engine: Engine, archived: tuple[Path, str], given: tuple[str, str], wish: Wish, done: Forgotten) -> None:
    """Replace one archived file where it tells the case, and the hashes that were made of it."""
    folder, sha256 = archived
    done.files_searched += 1
    with forgotten.private_place(folder, "search") as place:
        path = place / sha256
        archive.restore(folder, sha256, given[0], path)
        try:
            hashes = _hashes(path, given[1], wish)
        except FileRefused:
            done.unread += (sha256,)
            return
        if hashes is None:
            return
        with store.writing(engine) as connection:
            for table in (case_version, quarantine):
                for before, after in hashes.items():
                    mine = (table.c.stream == wish.stream) & (table.c.content_hash == before)
                    connection.execute(table.update().where(mine).values(content_hash=after))
            copy = forgotten.withhold(connection, path, archived, given[0], wish.stamp)
    done.files_replaced += bool(copy)
    done.files_deleted += not copy


def _hashes(path: Path, hashing: str, wish: Wish) -> dict[str, str] | None:
    """Hash of the content with the personal cells → without them; None where the file tells none of them."""
    found: dict[str, str] = {}
    told = False
    source = open_source(path)
    if source.layout.stream != wish.stream:
        return None
    for extract in source.batches():
        rest, _ = without_retractions(extract)
        bare, changed = forgotten.without_persons(rest, frozenset([wish.number]))
        if not changed:
            continue
        told = True
        theirs = contracts.case_numbers(rest.fields) == wish.number
        before, after = (
            with_hashes(contracts.check(one, local_day(wish.now)).rows, one, hashing).loc[theirs, "content_hash"]
            for one in (rest, bare)
        )
        found |= dict(zip(before, after, strict=True))
    return found if told else None


def _tells(data: bytes, number: str) -> bool:
    """Whether a file that no layout reads holds the number of the case."""
    parts = [data]
    if data.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as pack:
                parts += [pack.read(name) for name in pack.namelist()]
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
            return True  # what cannot be searched may hold it
    written = [number.encode(encoding) for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be")]
    return any(text in part for part in parts for text in written)


def _erase(connection: Connection, hashing: str, wish: Wish, done: Forgotten) -> None:
    """Take hashes and quarantined texts out of the store."""
    table = case_version.c
    mine = (table.stream == wish.stream) & (table.case_number == wish.number)
    keyed = archive.hasher(hashing, "forgotten")
    versions = connection.execute(select(table.version_id, table.content_hash, table.patient_hash).where(mine)).all()
    done.versions = len(versions)
    for version_id, content, patient in versions:
        person = case_person.c.version_id == version_id
        had = connection.execute(delete(case_person).where(person)).rowcount or patient
        # A file that is no longer in the archive could not be hashed anew.
        unknown = {"content_hash": keyed(content)} if had and not done.files_replaced + done.files_deleted else {}
        update = case_version.update().where(table.version_id == version_id)
        connection.execute(update.values(patient_hash="", record_hash="", **unknown))
    waiting = (quarantine.c.stream == wish.stream) & (quarantine.c.case_number == wish.number)
    done.quarantined = connection.execute(quarantine.update().where(waiting).values(raw="")).rowcount
