"""What became of a file, in rows, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from pv import shown
from pv.contracts import Checked
from pv.sources import Extract
from pv.week import weeks_of

FIRST, AGAIN, REPLAY, DRY_RUN = "first", "again", "replay", "dry_run"
LISTED = 1_000  # problems that an account names, quarantine before warnings; all stand in the store


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
    """What became of a file: read = stored + unchanged + quarantined, in rows. `refused`: why nothing was taken.

    A row is a row of a sheet or text table, a message, or a record of the main table of a set of linked ones.
    `kind`: FIRST, AGAIN (the same file once more), REPLAY (of its quarantined rows), DRY_RUN. Of the quarantined rows
    `entered` were not waiting already; they are `entries` reports. `versions`: of reports, stored; `cleared`: entries
    of the quarantine, of whatever file, that need not wait any more.
    """

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
    kind: str = FIRST
    entered: int = 0
    entries: int = 0
    versions: int = 0
    cleared: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The account as `ingest --json` prints it."""
        values = asdict(self)
        values["weeks"] = list(self.weeks)
        values["problems"] = [asdict(problem) for problem in self.problems]
        return values


class Tally:
    """The account of a file as its batches go by."""

    def __init__(self) -> None:
        self.read = self.stored = self.quarantined = self.warnings = 0
        self.entered = self.entries = self.versions = self.cleared = 0
        self.days: set[str] = set()
        self.newest = ""  # receipt of a report that is counted
        self._cases: set[int] = set()
        self._problems: dict[str, list[Problem]] = {"quarantine": [], "warning": []}

    def add(self, extract: Extract, checked: Checked) -> None:
        """Rows, cases and problems of a batch; what is stored and quarantined is added by who does it."""
        problems = checked.problems
        self.read += int(checked.rows["counts"].sum())
        self.warnings += int((problems["outcome"] == "warning").sum())
        # Numbers stand for the texts: a set of a million of them takes 60 MB.
        numbers = checked.rows["case_number"]
        self._cases.update(pd.util.hash_array(numbers[numbers != ""].to_numpy(dtype=object)).tolist())
        for outcome, listed in self._problems.items():
            room = LISTED - len(listed)
            if room > 0:
                listed.extend(problems_of(problems[problems["outcome"] == outcome].head(room), extract))

    def warn(self, problem: Problem) -> None:
        """Something to be said of the file as a whole; it is named first."""
        self.warnings += 1
        self._problems["warning"].insert(0, problem)

    def account(self, file: str, sha256: str, stream: str, layout: str, kind: str) -> FileAccount:
        return FileAccount(
            file=file,
            sha256=sha256,
            stream=stream,
            format=layout,
            read=self.read,
            stored=self.stored,
            unchanged=self.read - self.stored - self.quarantined,
            quarantined=self.quarantined,
            warnings=self.warnings,
            cases=len(self._cases),
            weeks=tuple(weeks_of(self.days)),
            problems=tuple([*self._problems["quarantine"], *self._problems["warning"]][:LISTED]),
            kind=kind,
            entered=self.entered,
            entries=self.entries,
            versions=self.versions,
            cleared=self.cleared,
        )

    def touch(self, days: Iterable[str]) -> None:
        """Days of which the weeks are to be refreshed; "" for none."""
        self.days.update(days)


def problems_of(problems: pd.DataFrame, extract: Extract) -> list[Problem]:
    """Problems with the place where a person finds them; texts cut to what a list shows."""
    where = extract.fields.iloc[problems["row"]]
    columns = [extract.layout.heading_of(field) if field else "" for field in problems["field"]]
    return [
        Problem(str(code), str(outcome), str(sheet), int(row), column, str(value)[:80], shown.number(str(case)))
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
