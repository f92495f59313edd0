"""The page about calibration: its numbers, its tables, and that the one in docs/ is of the screens as they are."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bench import calibration
from bench.__main__ import PARTS, main
from bench.calibration import Size, mean, page, percent
from bench.synthetic import Shape
from pv.signals.screens import load_screens

WRITTEN = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text(encoding="utf-8")
TINY = Size(
    cases=300,
    screened=2,
    permutations=4,
    planted_cases=2_000,
    planted_sets=2,
    planted_each=1,
    years=1,
    shape=Shape(products=30, products_a_case=1.2, events=40, events_a_case=1.5),
)


@pytest.fixture(scope="module")
def small() -> str:
    """The page of very little data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "YEAR_SHAPES", {"Village, 3 reports a week": (3, TINY.shape)})
        return page(TINY, progress=lambda _: None)


def tables(text: str) -> list[list[list[str]]]:
    """The cells of every table."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)
    return [[row.strip("| ").split(" | ") for row in table.splitlines()] for table in found]


def test_a_share_and_its_standard_error() -> None:
    """1 of 10 and 3 of 10: 20 %; deviations 1 - 2 and 3 - 2 have an SD of √2, over √2 sets and 10 pairs: 10 %."""
    assert percent([1, 3], [10, 10]) == "20.00 ± 10.00"
    assert percent([1], [8]) == "12.50"
    assert percent([0], [0]) == "–"


def test_larger_sets_weigh_more() -> None:
    """5 of 10 and 5 of 90: 10 % of all; deviations 4 and -4, SD √32, over √2 and a mean of 50: 8 %."""
    assert percent([5, 5], [10, 90]) == "10.00 ± 8.00"


def test_the_error_of_a_share_of_sets_is_the_binomial_one() -> None:
    """30 of 100: √(0.3 · 0.7 / 99) = 4.61 %."""
    assert percent(np.arange(100) < 30, np.ones(100)) == "30.00 ± 4.61"


def test_a_mean_and_its_standard_error() -> None:
    assert mean([1, 2, 3, 6]) == "3.0 ± 1.1"


def test_every_table_has_full_rows(small: str) -> None:
    for text in (small, WRITTEN):
        found = tables(text)
        assert len(found) >= 6
        for heading, rule, *rows in found:
            assert set(rule) == {"---"}
            assert len(rows) >= 2
            assert {len(row) for row in (rule, *rows)} == {len(heading)}


def test_the_same_page_twice(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "YEAR_SHAPES", {"Village, 3 reports a week": (3, TINY.shape)})
    assert page(TINY, progress=lambda _: None) == small


def test_the_written_page_is_of_the_screens_as_they_are(small: str) -> None:
    """Its numbers are not made again here, but its criteria and its sentences are compared."""
    assert tables(WRITTEN)[0] == tables(small)[0], "write it again: make calibration"
    criteria = [name for name, _ in tables(WRITTEN)[0][2:]]
    general = [s.name for s in load_screens() if s.general and not s.rule.measures & {"serious", "deaths"}]
    assert criteria == [*general, "q_bh", "q_by"]

    def sentences(text: str) -> list[str]:
        lines = [line for line in text.splitlines() if not line.startswith(("|", "**City", "**Dist", "**Vill"))]
        return re.sub(r"\d[\d,]*", "#", " ".join(" ".join(lines).split())).split(". ")

    assert sentences(WRITTEN) == sentences(small), "write it again: make calibration"


def test_the_written_page_keeps_what_it_promises() -> None:
    """Of q as pvwatch has it, no more sets have a discovery than 5 %, by the exact upper limit."""
    (found,) = [table for table in tables(WRITTEN) if table[0][0] == "q-value"]
    kept = [row for row in found if row[0].startswith("q (")]
    assert len(kept) == 4
    assert all(float(row[4]) <= 5 for row in kept)


def test_the_parts_of_the_benchmark_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Path(calibration.__file__).parent
    assert all((bench / f"{name}.py").is_file() for name in PARTS)
    with pytest.raises(SystemExit) as stop:
        main(["nonsense"])
    assert stop.value.code == 2
    assert "there is no part “nonsense”" in capsys.readouterr().err


def test_writing_takes_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "page", lambda: "# ±\n")
    assert main(["calibration", "--write", str(tmp_path / "page.md")]) == 0
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("page.md", "# ±\n".encode())]
    with pytest.raises(SystemExit):
        main(["--write", str(tmp_path / "page.md")])
