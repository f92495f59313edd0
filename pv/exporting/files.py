"""Cases of the store into one file: E2B(R3), or the national export of the stream as CSV or XLSX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pv import store
from pv.exporting import e2b_r3, national, selection
from pv.exporting.e2b_r3 import Header
from pv.exporting.selection import Frames, Wanted
from pv.exporting.stored import stored_cases
from pv.exporting.unwritten import Unwritten
from pv.settings import Settings
from pv.sources.icsr import Case
from pv.week import instant_text

MAX_PARTY = 60  # characters of an identifier of sender or receiver (N.1.3, N.1.4)


@dataclass
class Exported:
    """What a file holds: reports (messages, or reports as rows), how many of them withdrawn, and what was left out."""

    reports: int = 0
    withdrawn: int = 0
    unwritten: list[Unwritten] = field(default_factory=list)


def export_e2b(settings: Settings, wanted: Wanted, path: Path, sender: str, receiver: str) -> Exported:
    """Write a batch of ICSR messages to a new file. Raises ValueError; then there is no file.

    The batch is made at the moment of `wanted`, so that the same store, options and moment give the same bytes.
    """
    if wanted.stream != "drug":
        raise ValueError(
            f"E2B(R3) is for medicinal products, and what is read from it is counted as drugs; the stream "
            f"“{wanted.stream}” would come back as another. Use --format national."
        )
    for option, text in (("sender", sender), ("receiver", receiver)):
        _check_party(option, text)
    header = Header(_number(wanted, sender), sender, receiver, wanted.as_of)
    done = Exported()

    def cases(found: Iterable[Frames]) -> Iterator[Case]:
        for frames in found:
            for case in stored_cases(*frames, sender=sender):
                why = e2b_r3.unsayable(case)
                if why is not None:
                    done.unwritten.append(why)
                    continue
                done.withdrawn += case.change == "nullification"
                yield case

    with _found(settings, wanted) as found, _aside(path) as part, part.open("wb") as stream:
        done.reports = e2b_r3.write(cases(found), stream, header)
    return done


def _number(wanted: Wanted, sender: str) -> str:
    """Of the batch: sender, stream, weeks and moment."""
    weeks = "" if wanted.last is None else f"{wanted.first or 'all'}-{wanted.last}-"
    return f"{sender}-{wanted.stream}-{weeks}{instant_text(wanted.as_of)}"


def _check_party(option: str, text: str) -> None:
    if not text:
        raise ValueError(
            f"who the {option} is is not known. Give --{option}, or set “{option}” in pvwatch.toml "
            f"(PVWATCH_{option.upper()}): the identifier that both sides have agreed on."
        )
    if len(text) > MAX_PARTY or not text.isprintable():
        raise ValueError(f"--{option}: an identifier has at most {MAX_PARTY} characters on one line.")


def export_national(settings: Settings, wanted: Wanted, path: Path, encoding: str) -> Exported:
    """Write a CSV or XLSX file, by its name, in the national layout of the stream. Raises ValueError; then there is
    no file."""
    kind = path.suffix.lower()
    if kind not in {".csv", ".xlsx"}:
        raise ValueError(f"{path.name}: the national layout is written as CSV or XLSX. End the name in .csv or .xlsx.")
    if wanted.stream not in national.STREAMS:
        raise ValueError(
            f"there is no national layout of the stream “{wanted.stream}”. Choose one of {', '.join(national.STREAMS)}."
        )
    fields = {column.field for column in national.layout_of(wanted.stream).columns}
    if wanted.history and "modified_on" not in fields:
        raise ValueError(
            f"the national layout of “{wanted.stream}” has no date of modification, which tells the versions of a case "
            "apart. Leave --history out."
        )
    done = Exported()

    def lines(found: Iterable[Frames]) -> Iterator[Sequence[str]]:
        for frames in found:
            left_out = iter(frames[0]["left_out"].ne(""))
            for report in national.rows(*frames, wanted.stream):
                withdrawn = next(left_out)
                if isinstance(report, Unwritten):
                    done.unwritten.append(report)
                    continue
                done.reports += 1
                done.withdrawn += bool(withdrawn)
                yield from report

    with _found(settings, wanted) as found, _aside(path) as part:
        if kind == ".csv":
            national.write_csv(part, wanted.stream, lines(found), encoding)
        else:
            national.write_xlsx(part, wanted.stream, lines(found), wanted.as_of)
    return done


@contextmanager
def _found(settings: Settings, wanted: Wanted) -> Iterator[Iterator[Frames]]:
    """The versions wanted, of one state of the store."""
    engine = store.open_store(settings.database_url)
    with store.reading(engine) as connection:
        yield selection.batches(connection, selection.chosen(connection, wanted))


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place when all went well."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
