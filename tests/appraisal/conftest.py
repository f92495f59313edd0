"""A small city, and tables written as text: words apart by spaces, "." for an empty cell."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from pv.reference import COLUMNS, Reference, build
from pv.week import Week

Table = Callable[[str], pd.DataFrame]

FILING_TEXT = [
    *("stream", "case", "received_on", "reported_on", "onset_on", "evaluated_on", "hospital_id", "hospital"),
    *("merged_into", "left_out", "sex", "age_band", "outcome", "products", "events", "warnings"),
]
FILING_FLAGS = ["evaluated", "serious", "death", "new"]
QUARANTINE_TEXT = [*("stream", "case", "received_on", "hospital_id", "hospital", "file", "sheet", "rows", "reasons")]

# Three districts of a city; D3 has no population and no hospital. H1 leads H3 and H4.
CITY = {
    "areas": """code name parent
        C 江城 .
        D1 东区 C
        D2 西区 C
        D3 南区 C
        T1 河镇 D2""",
    "hospitals": """hospital_id name level kind district registered reports_for
        H1 第一医院 3 综合医院 D1 1 .
        H2 第二医院 2 综合医院 D2 1 .
        H3 河镇卫生院 1 卫生院 T1 . H1
        H4 东门诊所 . 诊所 D1 . H1
        H5 儿童医院 2 专科医院 D2 0 .
        P1 东门药店 . 药店 D1 . .""",
    "denominators": """scope id year measure value source
        area C 2025 population 1000000 年鉴2025
        area D1 2025 population 400000 年鉴2025
        area D1 2026 population 500000 年鉴2026
        area D2 2027 population 9 未来
        area D2 2024 population 250000 年鉴2024
        hospital H1 2026 population 200000 服务人口
        hospital H1 2026 beds 900 年报""",
    "quotas": """hospital_id stream year value source
        H1 drug 2026 4 文件
        H1 drug 2025 99 文件
        H2 drug 2026 10 文件""",
}


def rows(text: str) -> pd.DataFrame:
    head, *body = [line.split() for line in text.strip().splitlines()]
    cells = [["" if cell == "." else cell for cell in line] for line in body]
    return pd.DataFrame(cells, columns=head, dtype="str")


def make_filings(text: str) -> pd.DataFrame:
    given = rows(text)
    frame = given.reindex(columns=FILING_TEXT, fill_value="").astype("str")
    for flag in FILING_FLAGS:
        frame[flag] = given[flag] == "1" if flag in given else False
    return frame.assign(version=1)


def make_quarantined(text: str = "stream case received_on hospital_id") -> pd.DataFrame:
    return rows(text).reindex(columns=QUARANTINE_TEXT, fill_value="").astype("str")


def make_reference(**tables: str) -> Reference:
    """The city, with some tables replaced."""
    texts = {}
    for name, text in (CITY | tables).items():
        texts[name] = rows(text).reindex(columns=list(COLUMNS[name]), fill_value="").to_csv(index=False)
    return build(texts)


@pytest.fixture(scope="session")
def filings() -> Table:
    return make_filings


@pytest.fixture(scope="session")
def quarantined() -> Callable[..., pd.DataFrame]:
    return make_quarantined


@pytest.fixture(scope="session")
def reference() -> Callable[..., Reference]:
    return make_reference


@pytest.fixture(scope="session")
def week() -> Week:
    """9 to 15 November 2026; the year to date is 319 of 365 days."""
    return Week.parse("2026-W46")


@pytest.fixture
def november(filings: Table) -> pd.DataFrame:
    """Drug reports around the week; what each stands for is in its number."""
    return filings(
        """stream case received_on hospital_id serious new evaluated merged_into left_out
        drug week1 2026-11-15 H1 1 0 1 . .
        drug week2 2026-11-09 H1 0 1 0 . .
        drug copy 2026-11-09 H2 1 1 0 week2 .
        drug deleted 2026-11-10 H2 1 1 1 . deleted
        drug twice 2026-11-10 H2 0 0 0 . duplicate
        drug year1 2026-01-01 H1 0 0 0 . .
        drug member 2026-03-01 H3 0 0 0 . .
        drug unknown 2026-03-01 . 1 0 1 . .
        drug foreign 2026-03-01 XX 0 0 0 . .
        drug later 2026-11-16 H1 1 1 1 . .
        drug before 2025-12-31 H1 1 1 1 . .
        drug lastyear 2025-11-15 H1 0 0 0 . .
        drug beyond 2025-11-16 H1 0 0 0 . .
        device dev 2026-05-05 H2 0 0 0 . .
        """
    )


@pytest.fixture
def held(quarantined: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """In quarantine: one dated, one not, one stored in an earlier version, one twice."""
    return quarantined(
        """stream case received_on hospital_id
        drug q1 2026-11-12 H1
        drug q2 . H1
        drug week1 2026-11-15 H1
        drug q3 2026-10-01 H2
        drug q3 2026-10-01 H2
        drug . 2026-02-02 H2
        drug . 2026-02-02 H2
        """
    )
