"""Tables of one set of a public database that lie unpacked beside one another → one archive of them.

FAERS, VAERS and MAUDE come as several tables that mean nothing alone. Those of one folder (FAERS: also of its folders
`ascii` and `deleted`; MAUDE: also those that the FDA packs one by one) are packed, without compression and with the
same bytes for the same tables, so that a set is one file of the account, of the archive and of a transaction, however
it was handed in.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pv.sources import faers, maude, vaers
from pv.sources.refusal import FileRefused
from pv.sources.zips import is_archive, members

# Database → its reader, the tables without which it is none, the main one first, and what a whole set has besides.
_SETS = {
    "FAERS": (faers, ("DEMO", "DRUG", "REAC"), ("OUTC", "THER", "INDI")),
    "VAERS": (vaers, ("DATA", "VAX", "SYMPTOMS"), ()),
    "MAUDE": (maude, ("MDRFOI", "DEVICE"), ("PATIENT",)),
}
_BY_NAME_ONLY = {"DELETED", "CODES"}  # such a file alone is no sign of a set
_INNER = {"ascii", "asc", "deleted", "delete"}
_MADE = (1980, 1, 1, 0, 0, 0)  # the first moment of zip archives


@dataclass(frozen=True)
class Given:
    """A file to load, and what to call it: the folder, where the file is an archive of loose tables."""

    path: Path
    name: str


@contextmanager
def gathered(paths: Iterable[Path], room: Path) -> Iterator[list[Given]]:
    """The files in their order, a set of loose tables in the place of its first; archives are made below `room`."""
    listed = list(paths)
    groups = _groups(listed)
    with TemporaryDirectory(prefix=".sets-", dir=room if groups else None) as folder:
        packed: dict[Path, Given] = {}
        for number, (root, title, files) in enumerate(groups):
            target = Path(folder) / str(number) / f"{root.name} {title} {len(files)}.zip"
            target.parent.mkdir()
            _pack(target, root, files)
            packed |= dict.fromkeys(files, Given(target, str(root)))
        given = (packed.get(path) or Given(path, str(path)) for path in listed)
        yield list(dict.fromkeys(given))


@dataclass(frozen=True)
class Loose:
    """Tables of one quarter or year in one folder. `lacks`: the tables of a whole set that are not among them."""

    title: str
    files: tuple[Path, ...]
    lacks: tuple[str, ...]


def loose(paths: Iterable[Path]) -> list[Loose]:
    """The sets of which some tables lie loose among the files of a folder, whole or not, by title.

    An archive that has the main table with others is a set by itself, even where it lacks one.
    """
    found: dict[tuple[str, str], dict[Path, set[str]]] = {}
    for path in paths:
        for name, tables in _tables(path).items():
            if not (len(tables) > 1 and _SETS[name][1][0] in tables):
                for table, label in tables.items():
                    found.setdefault((name, label), {}).setdefault(path, set()).add(table)
    sets = []
    for (name, label), files in sorted(found.items()):
        there = set().union(*files.values())
        if there - _BY_NAME_ONLY:
            _, needed, besides = _SETS[name]
            lacks = tuple(table for table in (*needed, *besides) if table not in there)
            sets.append(Loose(f"{name} {label}".strip(), tuple(sorted(files)), lacks))
    return sets


def _groups(paths: list[Path]) -> list[tuple[Path, str, list[Path]]]:
    """Folder, title and files of each set that has its main table and more than one file."""
    found: dict[tuple[Path, str], dict[Path, Mapping[str, str]]] = {}
    for path in paths:
        for name, tables in _tables(path).items():
            root = path.parent.parent if path.parent.name.lower() in _INNER else path.parent
            found.setdefault((root, name), {})[path] = tables
    return [
        (root, " ".join([name, *_one_label(files.values())]), sorted(files))
        for (root, name), files in found.items()
        if len(files) > 1 and any(_SETS[name][1][0] in tables for tables in files.values())
    ]


def _one_label(files: Iterable[Mapping[str, str]]) -> list[str]:
    """The quarter or year that all tables are of."""
    labels = {label for tables in files for label in tables.values() if label}
    return [*labels] if len(labels) == 1 else []


def _tables(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Database → the tables of it that a file is or holds, each with its quarter or year; none for an archive that is a
    set by itself."""
    if path.suffix.lower() not in {".txt", ".csv", ".zip"}:
        return {}
    found = {}
    try:
        listed = members(path)
        for name, (module, needed, _) in _SETS.items():
            tables = {table: module.label_of(member) for member in listed if (table := module.table_of(member))}
            if tables and not set(needed) <= set(tables):
                found[name] = tables
    except FileRefused:  # whoever reads it says why
        return {}
    return found


def _pack(target: Path, root: Path, files: list[Path]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            place = file.relative_to(root)
            for member in members(file):
                name = place / member.name if is_archive(file) else place
                info = zipfile.ZipInfo(name.as_posix().replace(".zip/", "/"), _MADE)
                info.file_size = member.size
                with member.open() as source, archive.open(info, "w") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
