"""The inbox: which of its files belongs to which feed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pv import reference, sources
from pv.privacy.inbox import file_away
from pv.settings import Settings
from pv.sources.layouts import Layout

__all__ = ["FOREIGN", "UNKNOWN", "file_away", "files", "files_of"]

FOREIGN, UNKNOWN = "foreign", "unknown"  # feeds beside the streams


def files(settings: Settings, feed: str) -> list[str]:
    """Files of the inbox recognised by content: of a stream of our own, "foreign" ones, "forms", or "unknown" ones."""
    if not settings.inbox.is_dir():
        return []
    paths = sorted(path for path in settings.inbox.iterdir() if path.is_file() and not _is_unfinished(path))
    own = sources.read_own(settings.reference)
    return [str(path) for path in paths if _feed_of(path, own) == feed]


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Files named, and those below folders named, sorted by path; hidden and unfinished ones only where named."""
    found = []
    for path in paths:
        below = sorted(p for p in path.rglob("*") if p.is_file() and not _is_unfinished(p))
        found += below if path.is_dir() else [path]
    return found


def _is_unfinished(path: Path) -> bool:
    """Hidden files, lock files of office programs, downloads and copies under way."""
    return path.name.startswith((".", "~")) or path.suffix.lower() in {".part", ".tmp", ".crdownload"}


def _feed_of(path: Path, own: Sequence[Layout]) -> str:
    layout = sources.detect(path, own)
    if layout is None:
        return UNKNOWN
    return FOREIGN if layout.stream in reference.foreign_streams() else layout.stream
