"""A week as it lies in its folder: complete, consistent, inert, and the same bytes each time."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from read_page import Page, read_page
from small_city import City, make_city, make_filings, make_quarantined

from pv import context
from pv.rendering import formats
from pv.rendering.models import WeekInput
from pv.rendering.tables import CSV_TABLES
from pv.rendering.week_files import render_week
from pv.signals.evidence import KINDS

PAGES = ("signals.zh.html", "signals.en.html", "hospitals.zh.html", "hospitals.en.html")
TABLES = ("signals.csv", "hospital_rates.csv", "district_rates.csv", "target_status.csv", "mappings.csv")
HOSTILE = ["<script>alert(1)</script>", "=cmd|'/C calc'!A0", "http://evil.example/", "{{ 7 * 7 }}", '"><img src=x>']


def read_csv(path: Path) -> pd.DataFrame:
    numbers = {"a", "b", "c", "d", "reports_week", "reports_ytd", "year"}
    frame = pd.read_csv(path, dtype="str", keep_default_na=False)
    for name in frame.columns:
        if name in numbers or re.match(r"prr|ror|ic\d*|expected|chi|rate|completion|value|actual|population$", name):
            frame[name] = pd.to_numeric(frame[name])
    return frame


def test_everything_is_there(rendered: Path) -> None:
    names = {path.name for path in rendered.iterdir()}
    evidence = {f"{name}.csv" for name in (*KINDS, *context.TABLES)}
    assert names == {*PAGES, *TABLES, *evidence, "signals.xlsx", "hospitals.xlsx", "summary.json"}


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_the_readme_names_every_file(rendered: Path, readme: str) -> None:
    text = (Path(__file__).parents[2] / readme).read_text(encoding="utf-8")
    block = re.search(r"```\nout/index\.html.*?```", text, flags=re.DOTALL)
    assert block is not None
    names = set(re.findall(r"[\w.]+\.(?:html|xlsx|csv|json)", block[0]))
    written = {path.name for path in rendered.iterdir()}
    assert names == written | {"index.html", "index.en.html", "accounts.json", "changes.csv"}


def test_the_same_week_gives_the_same_bytes(rendered: Path, city: City, tmp_path: Path) -> None:
    render_week(city.week_input, tmp_path)
    for path in rendered.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_summary_names_every_file_with_its_digest(rendered: Path) -> None:
    summary = json.loads((rendered / "summary.json").read_text(encoding="utf-8"))
    assert {entry["name"] for entry in summary["files"]} == {p.name for p in rendered.iterdir()} - {"summary.json"}
    for entry in summary["files"]:
        content = (rendered / entry["name"]).read_bytes()
        assert entry == {
            "name": entry["name"],
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }


def test_the_summary_agrees_with_the_reports(rendered: Path, city: City) -> None:
    summary = json.loads((rendered / "summary.json").read_text(encoding="utf-8"))
    assert (summary["week"], summary["as_of"], summary["revision"]) == ("2026-W46", "2026-11-16T00:30:00Z", 1)
    assert summary["alerts"]["device"]["new"] == 1
    assert summary["totals"][0]["deaths"] == 1
    assert summary["quarantined"] == len(city.quarantined)
    districts = read_csv(rendered / "district_rates.csv")
    whole = districts[districts["scope"] == "whole"].set_index("stream")
    for total in summary["totals"]:
        assert total["week"] == whole.loc[total["stream"], "reports_week"]
        assert total["ytd"] == whole.loc[total["stream"], "reports_ytd"]


def test_csv_files_hold_the_frames_exactly(rendered: Path, city: City) -> None:
    frames = {"signals": city.week_input.signals, "mappings": city.week_input.mappings} | {
        name: getattr(city.week_input.appraisal, name) for name in CSV_TABLES if name not in {"signals", "mappings"}
    }
    for name, frame in frames.items():
        content = (rendered / f"{name}.csv").read_bytes()
        assert not content.startswith(b"\xef\xbb\xbf")
        assert b"\r" not in content
        read = pd.read_csv(
            rendered / f"{name}.csv",
            dtype={column: "str" for column in frame.columns if frame[column].dtype == "str"},
            keep_default_na=False,
            na_values={column: [""] for column in frame.columns if frame[column].dtype == "float64"},
        )
        pd.testing.assert_frame_equal(read, frame.reset_index(drop=True), check_dtype=False, check_exact=True)


@pytest.mark.parametrize("name", CSV_TABLES)
def test_every_column_of_the_csv_files_has_a_heading(rendered: Path, name: str) -> None:
    header = (rendered / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    assert header == [column.name for column in CSV_TABLES[name]]


@pytest.mark.parametrize("code", ["zh", "en"])
def test_alerts_in_the_page_equal_the_csv(rendered: Path, code: str) -> None:
    page = read_page(rendered / f"signals.{code}.html")
    lines = [row for table in page.tables for row in table[1:] if len(row) == 9 and " → " in row[1]]
    signals = read_csv(rendered / "signals.csv")
    this_week = signals["status_since"] == "2026-W46"
    changed = signals[signals["status"].isin(["new", "returned", "strengthened"]) & this_week]
    expected = sorted(alert_line(row, code) for _, row in changed.iterrows())
    assert sorted([line[1], line[3], *line[5:]] for line in lines) == expected
    assert len(expected) >= 3
    drawn = [[line[1:] for line in table[1:]] for table in page.tables if len(table) == 3]
    for _, row in changed.iterrows():
        assert [[f"{row['a']:,}", f"{row['b']:,}"], [f"{row['c']:,}", f"{row['d']:,}"]] in drawn


CHI_SQUARE = {"chi_square": "ratio", "expected": "ratio", "q_bh": "probability"}
STRATIFIED = {"zh": "分层 ROR", "en": "ROR, stratified"}


def alert_line(row: pd.Series, code: str) -> list[str]:
    """Pair, measures, first week, deaths, serious and reporting units as the page writes them."""
    together = {"zh": " (仅同时报告)", "en": " (only reported together)"}[code]

    def ratio(name: str, low: str, high: str) -> str:
        note = together if row[name] == float("inf") else ""
        return f"{formats.write(row[name], 'ratio', code)}{note} {formats.interval(row[low], row[high])}"

    measures = [
        f"PRR {ratio('prr', 'prr_low', 'prr_high')}",
        f"ROR {ratio('ror', 'ror_low', 'ror_high')}",
        f"IC {ratio('ic', 'ic025', 'ic975')}",
        f"EBGM {ratio('ebgm', 'eb05', 'eb95')}",
    ]
    values = [formats.write(row[name], kind, code) for name, kind in CHI_SQUARE.items()]
    measures.append("χ² {} E {}; q {}".format(*values))
    if not np.isnan(row["ror_mh"]):
        measures.append(f"{STRATIFIED[code]} {ratio('ror_mh', 'ror_mh_low', 'ror_mh_high')}")
    counts = [f"{int(row[name]):,}" for name in ("deaths", "serious", "hospitals")]
    return [f"{row['product']} → {row['event']}", " ".join(measures), row["first_week"], *counts]


@pytest.mark.parametrize("code", ["zh", "en"])
def test_rates_in_the_page_equal_the_csv(rendered: Path, code: str) -> None:
    page = read_page(rendered / f"hospitals.{code}.html")
    for name, label, cells in (("district_rates", "name", 1), ("hospital_rates", "hospital", 2)):
        frame = read_csv(rendered / f"{name}.csv")
        for _, row in frame[(frame[label] != "") & frame["rate_ytd"].notna()].iterrows():
            values = [
                formats.write(row["population"], "population", code),
                formats.write(row["reports_week"], "count", code),
                formats.write(row["reports_ytd"], "count", code),
                formats.write(row["rate_ytd"], "number", code),
                formats.interval(row["rate_low"], row["rate_high"], "number"),
                formats.write(row["rate_annualised"], "number", code),
                formats.write(row["completion"], "percent", code),
            ]
            line = page.row(*values[3:6])
            assert line[0].startswith(row[label])
            figures = line[cells:]
            assert [figures[place] for place in (0, 1, 2, 4, 5, 7, 9)] == values


@pytest.mark.parametrize("code", ["zh", "en"])
def test_totals_in_the_page_equal_the_summary(rendered: Path, code: str) -> None:
    summary = json.loads((rendered / "summary.json").read_text(encoding="utf-8"))
    page = read_page(rendered / f"signals.{code}.html")
    table = next(table for table in page.tables if any("52" in cell for cell in table[0]))
    for total, line in zip(summary["totals"], table[1:], strict=True):
        assert [line[1], line[2], line[6]] == [f"{total[name]:,}" for name in ("week", "last_week", "ytd")]


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_sound(rendered: Path, name: str) -> None:
    page = read_page(rendered / name)
    assert page.language == ("zh-CN" if ".zh." in name else "en")
    assert page.unclosed == []
    assert page.title.strip()
    assert len(page.ids) == len(set(page.ids))
    assert page.captions == len(page.tables)
    assert page.unscoped == 0
    assert "" not in page.headings
    for link in page.links:
        target = link.split("#")
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        elif not link.startswith("../"):
            assert (rendered / target[0]).is_file(), link


@pytest.mark.parametrize("name", PAGES)
def test_pages_need_nothing_from_elsewhere(rendered: Path, name: str) -> None:
    text = (rendered / name).read_text(encoding="utf-8")
    page = read_page(rendered / name)
    assert not {"script", "img", "iframe", "link", "object", "form"} & page.tags
    assert not {"src", "onclick", "onload"} & page.attributes
    assert "http" not in text.replace("http://www.w3.org/", "")
    assert "url(" not in text
    assert "nan" not in re.sub(r"[a-z]{4,}", "", page.text.lower())
    assert "None" not in page.text.replace("None this week", "").replace("None.", "").replace("None ", "")


@pytest.mark.parametrize("report", ["signals", "hospitals"])
def test_the_chinese_page_is_chinese_throughout(rendered: Path, report: str) -> None:
    page = read_page(rendered / f"{report}.zh.html")
    known = {"PRR", "ROR", "IC", "IC025", "a", "E", "SHA-256", "χ²", "IC975", "α1", "β1", "α2", "β2", "P"}
    english = {heading for heading in page.headings if not re.search(r"[\u4e00-\u9fff]|W\d\d", heading)} - known
    assert english == set()


@pytest.mark.parametrize("report", ["signals", "hospitals"])
def test_the_english_page_has_english_headings(rendered: Path, report: str, city: City) -> None:
    page = read_page(rendered / f"{report}.en.html")
    data = {*city.filings["products"], *city.filings["hospital"], "西山区妇幼保健院", *city.reference.areas["name"]}
    data |= set(city.reference.targets["set"]) | set(city.reference.hospitals["kind"])
    chinese = {
        heading
        for heading in page.headings
        if re.search(r"[\u4e00-\u9fff]", heading) and not any(word in heading for word in data)
    }
    assert {heading for heading in chinese if "武清" not in heading} == set()


def test_both_languages_say_the_same_numbers(rendered: Path) -> None:
    def numbers(page: Page) -> list[list[list[str]]]:
        numeric = re.compile(r"[-−+]?[\d,.]+%?")
        return [[[cell for cell in row if numeric.fullmatch(cell)] for row in table] for table in page.tables]

    for report in ("signals", "hospitals"):
        zh, en = (read_page(rendered / f"{report}.{code}.html") for code in ("zh", "en"))
        drop = re.compile(r"^\d[\d,]*$")
        assert len(zh.tables) == len(en.tables)
        for first, second in zip(numbers(zh), numbers(en), strict=True):
            # Populations stand in 万 in Chinese and in persons in English.
            assert [[c for c in row if "." in c or not drop.match(c) or len(c) < 6] for row in first] == [
                [c for c in row if "." in c or not drop.match(c) or len(c) < 6] for row in second
            ]


def test_hostile_text_is_shown_and_does_nothing(tmp_path: Path) -> None:
    filings, quarantined = make_filings(weeks=5), make_quarantined()
    week = filings["received_on"] >= "2026-11-09"
    for place, text in enumerate(HOSTILE):
        row = filings.index[week & (filings["stream"] == "drug")][place]
        filings.loc[row, ["products", "hospital", "hospital_id"]] = [text, text, ""]
        filings.loc[row, ["serious", "left_out"]] = [True, ""]
    quarantined.loc[0, ["case", "hospital", "file", "reasons", "reasons_zh"]] = HOSTILE[0]
    hostile = make_city(filings, quarantined).week_input
    render_week(replace(hostile, area=HOSTILE[4]), tmp_path)
    for name in PAGES:
        page = read_page(tmp_path / name)
        assert not {"script", "img"} & page.tags
        assert page.unclosed == []
    shown = read_page(tmp_path / "signals.zh.html")
    for text in HOSTILE:
        assert text in shown.text
    assert not any("evil" in link for link in shown.links)


def test_a_week_without_reports_renders(empty_input: WeekInput, tmp_path: Path) -> None:
    summary = render_week(empty_input, tmp_path)
    assert summary["quarantined"] == 0
    for name in PAGES:
        page = read_page(tmp_path / name)
        assert page.unclosed == []
        assert page.captions == len(page.tables)
    assert "本周没有待办事项" in read_page(tmp_path / "signals.zh.html").text


def test_no_names_of_people_are_asked_for(rendered: Path) -> None:
    """The line lists show age bands; there is no column for a name, a birth date, a telephone or a record number."""
    for name in PAGES:
        headings = " ".join(read_page(rendered / name).headings).lower()
        assert not re.search(r"姓名|电话|出生|病历|patient|birth|telephone", headings)


# Beside the alerts


def test_the_evidence_is_written_for_programs_as_it_was_computed(rendered: Path, city: City) -> None:
    for name, frame in city.week_input.evidence.items():
        written = read_csv(rendered / f"{name}.csv")
        assert list(written.columns) == list(frame.columns)
        assert len(written) == len(frame)
    assert {name for name, frame in city.week_input.evidence.items() if len(frame)} >= {
        "subgroups",
        "duplicates",
        "onset",
        "foreign",
    }


def test_risk_information_and_use_stand_beside_the_alerts(rendered: Path) -> None:
    page = read_page(rendered / "signals.en.html")
    (risk,) = [row for table in page.tables for row in table if "CJ-1" in row]
    assert risk[2:5] == ["same lot", "2026-10-20", "sampling failure"]
    (use,) = [row for table in page.tables for row in table if "2025-11" in row]
    assert use[-6:] == ["20,000.0", "瓶", "8", "4.00", "1.73", "7.88"]
    (lead,) = [table for table in page.tables if "Risk information" in table[0]]
    place = lead[0].index("Risk information")
    assert {row[place] for row in lead[1:] if "碘海醇注射液" in row} == {"1"}
    assert {row[place] for row in lead[1:] if "碘海醇注射液" not in row} == {"0"}
    text = (rendered / "signals.en.html").read_text(encoding="utf-8")
    assert 'href="javascript' not in text


@pytest.mark.parametrize(("code", "heading"), [("zh", "提示的旁证"), ("en", "Beside the alerts")])
def test_the_page_shows_the_foreign_counts_beside_the_pair(rendered: Path, code: str, heading: str) -> None:
    page = read_page(rendered / f"signals.{code}.html")
    assert heading in page.text
    rows = [row for table in page.tables for row in table if "FAERS" in row]
    assert [row[2:9] for row in rows] == [["碘海醇注射液", "过敏性休克", "FAERS", "9", "90", "50", "9,000"]]


def test_a_prior_is_shown_with_what_is_to_be_said_against_it(rendered: Path) -> None:
    counted = pd.read_csv(rendered / "signals.csv")
    assert counted["ebgm"].notna().any()
    page = read_page(rendered / "signals.en.html")
    priors = [row for table in page.tables if "α1" in table[0] for row in table[1:]]
    assert len(priors) >= 3
