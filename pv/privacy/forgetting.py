"""A case is forgotten: it stays counted, and nothing of its patient is kept.

First it is noted, so that no file brings anything back; then each archived file that tells it is replaced; last the
store loses its hashes and quarantined texts. A run that was killed is gone on with by the same command.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, delete, select

from pv import access, archive, contracts, keys, store
from pv.intake import copies, forgotten
from pv.intake.content import with_hashes
from pv.intake.retractions import without_retractions
from pv.schema import case_person, case_version, forgotten_case, quarantine, redaction
from pv.schema import file as file_table
from pv.sources import Extract, FileRefused, Source, open_source
from pv.sources.layouts import Layout
from pv.sources.opening import dialect
from pv.week import instant_text, local_day

Progress = Callable[[int, int], None]

_PIECE = 1 << 20  # bytes
_BESIDE = 1 << 10  # bytes, more than any number of a case
_MAX_UNPACKED = 1 << 32  # bytes of a refused archive that are looked through


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


@dataclass(frozen=True)
class Place:
    """The archive, the key and the centre's own layouts, by which it is read."""

    folder: Path
    key: str
    own: Sequence[Layout] = ()


@dataclass(frozen=True)
class Told:
    """An archived file that tells the case, with the name under which it was loaded ("" of a refused one).

    `whole`: no copy without the case can be made, so that the file is deleted; `rows`: those of other cases in it.
    """

    sha256: str
    name: str
    whole: bool
    rows: int


@dataclass
class Search:
    """What the archive says of a case. `unread`: files that can no longer be read as reports; `clean`: all others that
    do not tell it."""

    told: list[Told] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    clean: set[str] = field(default_factory=set)


@dataclass
class Forgotten:
    """What was done. `unread`: archived files that can no longer be read as reports; they were left."""

    versions: int = 0
    quarantined: int = 0
    files_searched: int = 0
    files_replaced: int = 0
    files_deleted: int = 0
    unread: tuple[str, ...] = ()


def search(engine: Engine, place: Place, wish: Wish, progress: Progress | None = None) -> Search:
    """Look for a case in the archive; nothing is changed. Raises ValueError where the store does not know it."""
    found = Search()
    with store.writing(engine) as connection:
        hashing = keys.hash_key(connection, place.key, place.folder)
        _known(connection, wish)
        known = forgotten.numbers(connection, wish.stream) | {wish.number}
    with closing(_archived(engine, place, wish.stream, (), progress)) as files:
        for path, sha256, name in files:
            try:
                told = _searched(path, name, (place, hashing), wish, known)
            except FileRefused:
                found.unread.append(sha256)
                continue
            if told is None:
                found.clean.add(sha256)
            else:
                found.told.append(Told(sha256, name, *told))
    return found


def _searched(
    path: Path, name: str, given: tuple[Place, str], wish: Wish, known: frozenset[str]
) -> tuple[bool, int] | None:
    """`whole` and `rows` of a file that tells the case; None of another one. Raises FileRefused."""
    place, hashing = given
    if not name:
        return (True, 0) if _tells(path, wish.number) else None
    source = open_source(path, own=place.own)
    told = _told(source, hashing, wish)
    if told is None:
        return None
    with copies.private_place(place.folder, "trial") as beside:  # a load may make a copy at the same time
        return copies.copy_of(source, known, beside) is None, told.rows


def forget(
    engine: Engine, place: Place, wish: Wish, progress: Progress | None = None, clean: Collection[str] = ()
) -> Forgotten:
    """Forget a case. `clean`: files that a search has found not to tell it. Raises ValueError where the store does not
    know it."""
    done = Forgotten(files_searched=len(clean))
    with store.writing(engine) as connection:
        hashing = keys.hash_key(connection, place.key, place.folder)
        _known(connection, wish)
        _note(connection, wish)
    with closing(_archived(engine, place, wish.stream, clean, progress)) as files:
        for path, sha256, name in files:
            done.files_searched += 1
            if name:
                _replace(engine, (path, sha256), (place, hashing), wish, done)
            elif _tells(path, wish.number):
                archive.stored_path(place.folder / archive.REFUSED, sha256).unlink()
                done.files_deleted += 1
    with store.erasing(engine) as connection:
        _erase(connection, hashing, wish, done)
        done.quarantined += _erase_unnumbered(connection, place.key, wish)
    return done


def _known(connection: Connection, wish: Wish) -> None:
    for table in (case_version, quarantine):
        mine = (table.c.stream == wish.stream) & (table.c.case_number == wish.number)
        if connection.execute(select(table.c.stream).where(mine).limit(1)).first() is not None:
            return
    raise ValueError(f"no case {wish.number} of the stream “{wish.stream}” is in the store; check both")


def _note(connection: Connection, wish: Wish) -> None:
    entry = {"stream": wish.stream, "case_number": wish.number, "recorded_at": wish.stamp}
    if wish.number not in forgotten.numbers(connection, wish.stream):
        values = {"forgotten_id": store.next_key(connection, forgotten_case), "decided_by": wish.by, **entry}
        connection.execute(forgotten_case.insert().values(reason=wish.reason, **values))
    who = access.user() if access.user() == wish.by else f"{wish.by} ({access.user()})"
    access.record(connection, who, "forget", wish.reason, wish.now, stream=wish.stream, subjects=[wish.number])


def _archived(
    engine: Engine, place: Place, stream: str, but: Collection[str], progress: Progress | None
) -> Generator[tuple[Path, str, str], None, None]:
    """The files of a stream in the archive, then the refused ones: each in clear while it is worked on, its SHA-256,
    its name ("" of a refused one)."""
    with store.reading(engine) as connection:
        known = _files(connection, stream)
    kept = [(sha256, name) for sha256, name in known.items() if archive.stored_path(place.folder, sha256).is_file()]
    refused = [(archive.sha256_of(path), "") for path in archive.objects(place.folder / archive.REFUSED)]
    entries = [one for one in (*kept, *refused) if one[0] not in but]
    for number, (sha256, name) in enumerate(entries, start=1):
        folder = place.folder if name else place.folder / archive.REFUSED
        with copies.private_place(place.folder, "search") as beside:
            path = beside / sha256
            archive.restore(folder, sha256, place.key, path)
            yield path, sha256, name
        if progress is not None:
            progress(number, len(entries))


def _files(connection: Connection, stream: str) -> dict[str, str]:
    """Files of a stream, and the copies that have taken the place of some: SHA-256 → name."""
    loaded = select(file_table.c.sha256, file_table.c.name).where(file_table.c.stream == stream)
    names = {str(sha256): str(name) for sha256, name in connection.execute(loaded.order_by(file_table.c.file_id))}
    copied = select(redaction.c.sha256, redaction.c.replaced_by).where(redaction.c.replaced_by != "")
    for sha256, copy in connection.execute(copied.order_by(redaction.c.redaction_id)):
        if sha256 in names:
            names.setdefault(str(copy), names[sha256])
    return names


def _replace(engine: Engine, file: tuple[Path, str], given: tuple[Place, str], wish: Wish, done: Forgotten) -> None:
    """Replace one archived file where it tells the case, and the hashes that were made of it."""
    (path, sha256), (place, hashing) = file, given
    try:
        source = open_source(path, own=place.own)
        told = _told(source, hashing, wish)
    except FileRefused:
        done.unread += (sha256,)
        return
    if told is None:
        return
    with store.writing(engine) as connection:
        for table in (case_version, quarantine):
            for before, after in told.hashes.items():
                mine = (table.c.stream == wish.stream) & (table.c.content_hash == before)
                connection.execute(table.update().where(mine).values(content_hash=after))
        copy = copies.withhold(connection, source, (place.folder, sha256), place.key, wish.stamp)
    copies.remove((place.folder, sha256), copy)
    done.files_replaced += bool(copy)
    done.files_deleted += not copy


@dataclass
class _Telling:
    """Hash of the content with the personal cells → without them; how many rows are of other cases."""

    hashes: dict[str, str] = field(default_factory=dict)
    rows: int = 0


def _told(source: Source, hashing: str, wish: Wish) -> _Telling | None:
    """What a file tells of the case; None where that is nothing."""
    found = _Telling()
    told = False
    if source.layout.stream != wish.stream:
        return None
    for extract in source.batches():
        rest, _ = without_retractions(extract)
        bare, changed = forgotten.without_persons(rest, frozenset([wish.number]))
        theirs = contracts.case_numbers(rest.fields) == wish.number
        found.rows += int((~theirs).sum())
        told |= dialect(source.layout) is not None and _broken_tells(rest, wish.number)
        if not changed:
            continue
        told = True
        before, after = (
            with_hashes(contracts.check(one, local_day(wish.now)).rows, one, hashing).loc[theirs, "content_hash"]
            for one in (rest, bare)
        )
        found.hashes |= dict(zip(before, after, strict=True))
    return found if told else None


def _broken_tells(extract: Extract, number: str) -> bool:
    """Whether a message that cannot be read holds the number; its text is the last column."""
    texts = extract.raw.loc[extract.fields["fault"] != "", extract.raw.columns[-1]]
    return any(map(forgotten.telling([number]).search, texts))


def _tells(path: Path, number: str) -> bool:
    """Whether a file that no layout reads holds the number of the case; so does one that cannot be looked through."""
    written = [_written(number, encoding) for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be")]
    with path.open("rb") as stream:
        packed = stream.read(2) == b"PK"
        stream.seek(0)
        if _holds(stream, written, path.stat().st_size):
            return True
    if not packed:
        return False
    left = _MAX_UNPACKED
    try:
        with zipfile.ZipFile(path) as pack:
            for info in pack.infolist():
                with pack.open(info) as member:
                    if _holds(member, written, left):
                        return True
                left -= info.file_size
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError, ValueError):
        return True
    return False


def _written(number: str, encoding: str) -> re.Pattern[bytes]:
    """Finds a number in bytes, not within a longer one. Letters beside it are no sign: a byte of a Chinese character of
    GB18030 may look like one."""
    beside = {"utf-16-le": rb"[0-9]\x00", "utf-16-be": rb"\x00[0-9]"}.get(encoding, rb"[0-9]")
    return re.compile(rb"(?<!%s)%s(?!%s)" % (beside, re.escape(number.encode(encoding)), beside))


def _holds(stream: IO[bytes], written: Sequence[re.Pattern[bytes]], most: int) -> bool:
    """Whether a stream holds one of the texts, or is longer than `most`."""
    held = b""
    while piece := stream.read(_PIECE):
        held += piece
        most -= len(piece)
        if most < 0 or any(text.search(held) for text in written):
            return True
        held = held[-_BESIDE:]  # one may stand across two pieces
    return False


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


def _erase_unnumbered(connection: Connection, key: str, wish: Wish) -> int:
    """Take out quarantined texts of which no number could be read, but which hold that of the case: a broken message,
    a displaced row."""
    number = forgotten.telling([wish.number])
    waiting = (quarantine.c.stream == wish.stream) & (quarantine.c.case_number == "") & (quarantine.c.raw != "")
    found = []
    for entry, sealed in connection.execute(select(quarantine.c.quarantine_id, quarantine.c.raw).where(waiting)):
        with suppress(archive.ArchiveError):  # what no key opens, `rotate-key` names
            if number.search(archive.unseal(sealed, key)):
                found.append(int(entry))
    for entry in found:
        connection.execute(quarantine.update().where(quarantine.c.quarantine_id == entry).values(raw=""))
    return len(found)
