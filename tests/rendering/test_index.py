from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from read_page import read_page

from pv.rendering.index import render_index


@pytest.fixture
def out(rendered: Path, tmp_path: Path) -> Path:
    """An output folder with two weeks (one of them with an earlier revision) and things that are no weeks."""
    for week in ("2026-W45", "2026-W46"):
        shutil.copytree(rendered, tmp_path / week)
    shutil.copytree(rendered, tmp_path / "2026-W45" / "revisions" / "1")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "summary.json").write_text("{}", encoding="utf-8")
    (tmp_path / ".2026-W47.part").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("code", "name", "other"), [("zh", "index.html", "index.en.html"), ("en", "index.en.html", "index.html")]
)
def test_weeks_are_listed_newest_first(out: Path, code: str, name: str, other: str) -> None:
    render_index(out)
    page = read_page(out / name)
    assert [anchor for anchor in page.ids if anchor.startswith("2026")] == ["2026-W46", "2026-W45"]
    assert f"2026-W46/signals.{code}.html" in page.links
    assert other in page.links
    for link in page.links:
        assert (out / link).is_file(), link
    assert page.unclosed == []
    assert page.unscoped == 0


def test_links_of_a_week_lead_to_the_index(out: Path) -> None:
    render_index(out)
    for path in (out / "2026-W46").glob("*.html"):
        upward = [link for link in read_page(path).links if link.startswith("..")]
        assert len(upward) == 3
        for link in upward:
            assert (path.parent / link.split("#")[0]).is_file()


def test_an_earlier_revision_finds_its_way_back(out: Path) -> None:
    render_index(out)
    for path in (out / "2026-W45" / "revisions" / "1").glob("*.html"):
        for link in read_page(path).links:
            if not link.startswith("#"):
                assert (path.parent / link.split("#")[0]).is_file(), link
    overview = out / "2026-W45" / "revisions" / "index.html"
    for link in read_page(overview).links:
        assert (overview.parent / link).is_file(), link


def test_stale_weeks_are_marked(out: Path) -> None:
    render_index(out, stale=["2026-W45"])
    marked = [row for table in read_page(out / "index.html").tables for row in table if "数据已有更新" in row[-1]]
    assert [row[0] for row in marked] == ["2026-W45"]


def test_an_empty_folder_has_an_index_too(tmp_path: Path) -> None:
    render_index(tmp_path)
    assert "尚未生成" in read_page(tmp_path / "index.html").text
    assert "No week has been rendered yet" in read_page(tmp_path / "index.en.html").text


def test_the_index_is_the_same_each_time(out: Path) -> None:
    render_index(out)
    first = (out / "index.html").read_bytes()
    render_index(out)
    assert (out / "index.html").read_bytes() == first
