"""The inbox: which of its files belongs to which feed, and which wait for others.

Loose tables of FAERS, VAERS or MAUDE are taken together, as the set that they are. One that is not whole stays where it
is; a note in `waiting/` says what it lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pv import archive, reference, sources
from pv.privacy.inbox import file_away
from pv.settings import Settings
from pv.sources import Loose
from pv.sources.layouts import Layout

__all__ = ["FOREIGN", "UNKNOWN", "file_away", "files", "files_of", "waiting"]

FOREIGN, UNKNOWN = "foreign", "unknown"  # feeds beside the streams
_WAITING, _ENDING = "waiting", ".txt"


def files(settings: Settings, feed: str) -> list[list[str]]:
    """What is to be loaded, each one file or all tables of a set, recognised by content: of a stream of our own,
    "foreign" (which notes what the others lack), "forms", or "unknown"."""
    if not settings.inbox.is_dir():
        return []
    own = sources.read_own(settings.reference)
    paths = sorted(path for path in settings.inbox.iterdir() if path.is_file() and not _is_unfinished(path))
    feeds = {path: _feed_of(path, own) for path in paths}
    loose = sources.loose(path for path in paths if feeds[path] == UNKNOWN) if feed in {FOREIGN, UNKNOWN} else []
    of_sets = {path for one in loose for path in one.files}
    found = [[str(path)] for path in paths if feeds[path] == feed and path not in of_sets]
    if feed == FOREIGN:
        found += [[str(path) for path in one.files] for one in loose if not one.lacks]
        _note(settings.inbox / _WAITING, [one for one in loose if one.lacks])
    return found


def waiting(settings: Settings) -> dict[str, tuple[str, str]]:
    """The sets that were not whole when the inbox was last looked through: what is said of each, zh and en."""
    notes = sorted((settings.inbox / _WAITING).glob(f"*{_ENDING}"))
    told = {note.stem: note.read_text(encoding="utf-8").splitlines() for note in notes}
    return {title: (lines[0], lines[1]) for title, lines in told.items() if len(lines) > 1}


def _note(folder: Path, sets: Sequence[Loose]) -> None:
    """Write what each set lacks; notes of sets that wait no longer are removed."""
    if sets:
        archive.private_folder(folder)
    for one in sets:
        names = [path.name for path in one.files]
        zh = f"{one.title}：还缺表 {'、'.join(one.lacks)}；已有 {'、'.join(names)}。"
        zh += "补齐后自动导入；若本就没有这些表，请打成一个 zip 再放入收件箱。"
        en = f"{one.title} lacks the tables {', '.join(one.lacks)}; there are {', '.join(names)}. "
        en += "It is loaded once they have come; if there are none, pack what there is into one zip and drop that."
        (folder / f"{one.title}{_ENDING}").write_text(f"{zh}\n{en}\n", encoding="utf-8")
    titles = {one.title for one in sets}
    for note in folder.glob(f"*{_ENDING}"):
        if note.stem not in titles:
            note.unlink()


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
