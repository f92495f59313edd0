"""Whether an installation is in order: one sentence a check, in Chinese or English. Nothing is loaded or mended."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, make_url, select
from sqlalchemy.exc import ArgumentError

from pv import archive, inbox, keys, messages, reference, sources, store
from pv.archive import ArchiveError
from pv.reference import ReferenceDataError
from pv.schema import case_version
from pv.settings import Settings, SettingsError
from pv.signals.screens import parse_screens
from pv.store import StoreError

SAMPLE = 10  # archived files that are read to their end
_LEAST = 1 << 30  # bytes that must be free; beside them once more what an embedded store holds
_LISTED = 5


@dataclass(frozen=True)
class Finding:
    """What a check has found. `code`: its sentence in `messages.toml`, `values`: what stands in it."""

    check: str
    good: bool
    code: str
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, lang: str) -> str:
        return messages.health(self.code, self.values, lang)


def examine(environment: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """The findings of all checks; without readable settings there is only that one."""
    try:
        settings = Settings.load(environment)
    except SettingsError as error:
        yield Finding("settings", good=False, code="failed", values={"detail": error})
        return
    yield Finding("settings", good=True, code="settings", values={"home": settings.home})
    for name, check in _CHECKS.items():
        try:
            yield check(settings)
        except (SettingsError, StoreError, ReferenceDataError, ArchiveError, OSError, ValueError) as error:
            yield Finding(name, good=False, code="failed", values={"detail": error})


def _folders(settings: Settings) -> Finding:
    folders = (settings.home, settings.archive, settings.inbox, settings.out)
    bad = [str(folder) for folder in folders if not _is_writable(folder)]
    return Finding("folders", not bad, "folders_bad" if bad else "folders", {"names": ", ".join(bad)})


def _is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or in the nearest one above it that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _store_file(settings: Settings) -> Path | None:
    """The file of an embedded store; None of a server, or where the address is none (opening it says so)."""
    try:
        address = make_url(settings.database_url)
    except ArgumentError:
        return None
    return Path(address.database) if address.get_backend_name() == "sqlite" and address.database else None


def _is_new(settings: Settings) -> bool:
    path = _store_file(settings)
    return path is not None and not path.exists()


def _store(settings: Settings) -> Finding:
    if _is_new(settings):
        return Finding("store", good=True, code="store_new")
    with store.reading(store.open_store(settings.database_url)) as connection:
        versions = connection.execute(select(func.count()).select_from(case_version)).scalar_one()
    return Finding("store", good=True, code="store", values={"version": store.newest_migration(), "rows": versions})


def _key(settings: Settings) -> Finding:
    key = settings.require_key()
    if not _is_new(settings):
        with store.reading(store.open_store(settings.database_url)) as connection:
            keys.check(connection, key, settings.archive)
    return Finding("key", good=True, code="key", values={"mark": keys.mark_of(archive.keys_of(key)[0])})


def _archive(settings: Settings) -> Finding:
    """Some files, evenly among all, and that a killed run has left nothing in clear."""
    clear = [str(path) for path in sorted(settings.archive.glob(".open-*/*"))]
    if clear:
        return Finding("archive", good=False, code="archive_clear", values={"names": ", ".join(clear[:_LISTED])})
    kept = archive.objects(settings.archive)
    chosen = [kept[place * len(kept) // SAMPLE] for place in range(SAMPLE)] if len(kept) > SAMPLE else kept
    for path in chosen:
        archive.check(path, settings.require_key())
    return Finding("archive", good=True, code="archive", values={"files": len(kept), "read": len(chosen)})


def _reference(settings: Settings) -> Finding:
    folder = settings.reference
    if not any((folder / name).is_file() for name in reference.FILES.values()):
        return Finding("reference", good=False, code="reference_none", values={"folder": folder})
    texts = reference.read_texts(folder)
    found = reference.build(texts)
    if texts.get("screens"):
        parse_screens(texts["screens"])
    own = sources.read_own(folder)
    return Finding("reference", True, "reference", {"hospitals": len(found.hospitals), "layouts": len(own)})


def _inbox(settings: Settings) -> Finding:
    unknown = [Path(name).name for files in inbox.files(settings, inbox.UNKNOWN) for name in files]
    names = ", ".join(unknown[:_LISTED])
    return Finding("inbox", not unknown, "inbox_unknown" if unknown else "inbox", {"n": len(unknown), "names": names})


def _disk(settings: Settings) -> Finding:
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    path = _store_file(settings)
    needed = _LEAST + (path.stat().st_size if path is not None and path.is_file() else 0)
    free = shutil.disk_usage(folder).free
    values = {"free": f"{free / 2**30:.1f}", "needed": f"{needed / 2**30:.1f}"}
    return Finding("disk", free >= needed, "disk" if free >= needed else "disk_full", values)


_CHECKS: Mapping[str, Callable[[Settings], Finding]] = {
    "folders": _folders,
    "disk": _disk,
    "store": _store,
    "key": _key,
    "archive": _archive,
    "reference": _reference,
    "inbox": _inbox,
}
