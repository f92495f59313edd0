"""The whole way: a demo city's exports into the store, a week computed and rendered, reconciled with the truth."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select

from pv import inbox, pipeline, reference, store
from pv.cases import StreamCases
from pv.demo import write_city
from pv.demo.reading_back import not_shown
from pv.schema import alert, revision
from pv.settings import Settings
from pv.signals.alerts import signals_of_weeks
from pv.signals.screens import load_screens
from pv.status import status
from pv.week import Week
from tests.conftest import KEY, NOW
from tests.sources import test_caers

WEEK = Week.parse("2026-W46")
STREAM_NAMES = {name: stream.en for name, stream in reference.streams().items()}


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("city")
    return folder, write_city(folder, weeks=30, hospitals=12, reports_per_week=17)


def _settings(home: Path, city: Path, url: str = "") -> Settings:
    settings = Settings.load(
        {"PVWATCH_HOME": str(home), "PVWATCH_KEY": KEY, "PVWATCH_REFERENCE": str(city / "reference")}
    )
    return replace(settings, database_url=url) if url else settings


@pytest.fixture(scope="session")
def loaded(city: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = _settings(tmp_path_factory.mktemp("home"), city[0])
    pipeline.ingest(settings, inbox.files_of([city[0] / "exports"]), NOW)
    pipeline.run(settings, [WEEK], NOW)
    return settings


@pytest.fixture
def home(loaded: Settings, tmp_path: Path) -> Settings:
    """A copy of the loaded home that a test may change."""
    shutil.copytree(loaded.home, tmp_path / "home")
    return replace(
        loaded,
        home=tmp_path / "home",
        database_url=f"sqlite:///{tmp_path / 'home' / 'pvwatch.sqlite'}",
        out=tmp_path / "home" / "out",
        inbox=tmp_path / "home" / "inbox",
    )


def test_totals_are_those_of_the_truth(loaded: Settings, city: tuple[Path, dict[str, Any]]) -> None:
    """Filed, stored, merged, deleted and quarantined reports of each stream, to the last one."""
    state = status(loaded)
    for stream, totals in city[1]["totals"].items():
        found = state["streams"][stream]
        left_out = {name: found[name] for name in ("deleted", "duplicate", "misreport")}
        assert found["filed"] == totals["filed"]
        assert found["filed"] - found["quarantined"] == totals["stored"]
        assert (found["merged"], found["quarantined"]) == (totals["merged"], totals["quarantined"])
        assert left_out == totals["left_out"]
        assert found["counted"] == totals["current"]
        assert found["filed"] == found["counted"] + found["merged"] + sum(left_out.values()) + found["quarantined"]


def test_registers_that_people_keep_are_shown(home: Settings, city: tuple[Path, dict[str, Any]]) -> None:
    """The forms of the city, dropped in: risk information, quantities and official figures of truth.json are shown."""
    folder, truth = city
    loaded = pipeline.ingest(home, inbox.files_of([folder / "forms"]), NOW)
    assert {one.format: (one.stored, one.quarantined) for one in loaded} == {
        form["form"]: (form["rows"], 0) for form in truth["forms"]
    }
    (summary,) = pipeline.run(home, [WEEK], NOW)
    week = Path(summary["folder"])
    assert not_shown(truth, week) == []
    assert {entry["link"] for entry in truth["risk"]} == {"lot", "number", "product", "maker", ""}
    assert sum(entry["reports"] for entry in truth["use"]) > 0
    wrong = {name: [dict(entry) for entry in truth[name]] for name in ("risk", "use", "official")}
    wrong["risk"][-1]["number"] = "none"
    wrong["use"][0]["reports"] += 1
    wrong["official"][0]["difference"] += 1
    assert len(not_shown(wrong, week)) == 3


def test_every_row_of_every_stream_is_accounted_for(loaded: Settings, city: tuple[Path, dict[str, Any]]) -> None:
    """Files, the store, the workbook and truth.json come to the same sums."""
    folder = loaded.out / str(WEEK)
    account = json.loads((folder / "accounts.json").read_text(encoding="utf-8"))
    months = pd.read_excel(folder / "hospitals.xlsx", sheet_name="逐月对账").rename(
        columns=lambda name: name.split()[0]
    )
    whole = months[months["范围"].str.startswith("全辖区")]
    for stream, totals in city[1]["totals"].items():
        row, mine = account["streams"][stream], [one for one in account["loads"] if one["stream"] == stream]
        for name in ("read", "stored", "unchanged", "quarantined", "versions", "entries"):
            assert row[name] == sum(one[name] for one in mine), (stream, name)
        assert row["read"] == row["stored"] + row["unchanged"] + row["quarantined"] > 0
        assert row["cases"] == totals["stored"]
        assert row["counted"] == totals["current"]
        named = whole[whole["类别"].str.endswith(STREAM_NAMES[stream])]
        assert named["上报总数"].sum() == named.iloc[:, 6:12].sum().sum() > 0
    total = account["streams"]["all"]
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8"))["accounts"] == total
    assert total["files"] == len({one["sha256"] for one in account["loads"]})


def test_both_engines_hold_the_same(
    loaded: Settings, city: tuple[Path, dict[str, Any]], store_url: str, tmp_path: Path
) -> None:
    other = _settings(tmp_path / "home", city[0], store_url)
    pipeline.ingest(other, inbox.files_of([city[0] / "exports"]), NOW)
    (summary,) = pipeline.run(other, [WEEK], NOW)
    assert summary.pop("folder") == str(other.out / str(WEEK))
    assert summary == json.loads((loaded.out / str(WEEK) / "summary.json").read_text(encoding="utf-8"))
    for path in sorted((loaded.out / str(WEEK)).iterdir()):
        assert path.read_bytes() == (other.out / str(WEEK) / path.name).read_bytes(), path.name


def test_no_name_leaves_the_intake(loaded: Settings, city: tuple[Path, dict[str, Any]]) -> None:
    canaries = [canary["value"] for canary in city[1]["canaries"]]
    assert canaries
    for path in sorted(loaded.home.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            for canary in canaries:
                assert canary.encode() not in data, (canary, path)
                assert canary.encode("gb18030") not in data, (canary, path)


def test_pages_files_and_store_say_the_same(loaded: Settings) -> None:
    folder = loaded.out / str(WEEK)
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        *(f"{page}.{lang}.html" for page in ("signals", "hospitals") for lang in ("zh", "en")),
        *("signals.xlsx", "hospitals.xlsx", "signals.csv", "hospital_rates.csv", "target_status.csv", "summary.json"),
    }
    signals = pd.read_csv(
        folder / "signals.csv", keep_default_na=False, na_values={"ic": [""]}, dtype={"product": "str"}
    )
    engine = store.open_store(loaded.database_url)
    with store.reading(engine) as connection:
        stored = store.read(connection, select(alert).order_by(alert.c.alert_id))
        marks = store.read(connection, select(revision))
    engine.dispose()
    shown = signals[(signals["screens"] != "") | (signals["status"] != "")].reset_index(drop=True)
    for column in (
        "stream",
        "level",
        "comparator",
        "window",
        "product",
        "event",
        "a",
        "b",
        "c",
        "d",
        "screens",
        "status",
    ):
        assert shown[column].tolist() == stored[column].tolist(), column
    pd.testing.assert_series_equal(shown["ic"], stored["ic"], check_exact=True)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert marks["sha256"].tolist() == [summary["fingerprint"]]


def test_the_same_moment_gives_the_same_bytes(home: Settings) -> None:
    before = {path.name: path.read_bytes() for path in (home.out / str(WEEK)).iterdir()}
    shutil.rmtree(home.out)
    pipeline.run(home, [WEEK], NOW)
    assert {path.name: path.read_bytes() for path in (home.out / str(WEEK)).iterdir()} == before


def test_an_emptied_folder_is_filled_again_and_the_store_follows(
    home: Settings, city: tuple[Path, dict[str, Any]]
) -> None:
    """The pages were removed and the data have changed: a new revision in both, not the old alerts in the store."""
    shutil.rmtree(home.out)
    later = NOW + timedelta(hours=1)
    pipeline.ingest(home, [_late_report(home, city[0])], later)
    (summary,) = pipeline.run(home, [WEEK], later)
    assert summary["revision"] == 2
    engine = store.open_store(home.database_url)
    with store.reading(engine) as connection:
        marks = store.read(connection, select(revision).order_by(revision.c.revision))
    assert marks["revision"].tolist() == [1, 2]
    assert marks["sha256"].iloc[1] == summary["fingerprint"]


def test_a_week_that_says_the_same_keeps_its_revision(home: Settings) -> None:
    (summary,) = pipeline.run(home, [WEEK], NOW + timedelta(days=1))
    assert summary["revision"] == 1
    assert not (home.out / str(WEEK) / "revisions").exists()


def _late_report(home: Settings, city: Path) -> Path:
    """The newest drug file again with one more death: another number on the first report's rows."""
    from pv.sources import read

    path = city / "exports" / str(WEEK) / "drug.xlsx"
    raw = read(path).raw
    first = raw[raw["报告表编码"] == raw["报告表编码"].iloc[0]].copy()
    first["报告表编码"], first["不良反应结果"] = "LATE-1", "死亡"
    if "唯一标识" in first:
        first["唯一标识"] = ""
    home.inbox.mkdir(parents=True, exist_ok=True)
    late = home.inbox / "late.csv"
    first.to_csv(late, index=False, encoding="gb18030")
    return late


def test_a_late_report_makes_a_revision_and_marks_older_weeks(
    home: Settings, city: tuple[Path, dict[str, Any]]
) -> None:
    earlier = [Week(WEEK.index - 2), Week(WEEK.index - 1)]
    pipeline.run(home, earlier, NOW)
    later = NOW + timedelta(hours=1)
    (account,) = pipeline.ingest(home, [_late_report(home, city[0])], later)
    assert account.stored > 0
    engine = store.open_store(home.database_url)
    touched = [week for week in [*earlier, WEEK] if str(week) >= min(account.weeks)]
    assert pipeline.stale_weeks(engine) == [str(week) for week in touched]
    assert pipeline.weeks_to_refresh(account.weeks, WEEK) == touched
    *_, summary = pipeline.run(home, touched, later)
    assert summary["revision"] == 2
    assert pipeline.stale_weeks(engine) == []
    engine.dispose()
    folder = home.out / str(WEEK)
    assert (folder / "revisions" / "1" / "signals.csv").is_file()
    assert (folder / "changes.csv").read_text(encoding="utf-8").startswith("stream,")
    (then,) = pipeline.run(home, [WEEK], NOW)  # the week as it was known before the late report
    assert then["fingerprint"] == json.loads((folder / "revisions/1/summary.json").read_text("utf-8"))["fingerprint"]
    assert Path(then["folder"]) == folder / "revisions" / "as-of-20261122T040000Z"
    assert "as-of-20261122T040000Z" in (folder / "revisions" / "index.html").read_text(encoding="utf-8")
    assert json.loads((folder / "summary.json").read_text("utf-8"))["revision"] == 2


OWN_SCREENS = """
title = "本中心的筛选标准"
source = "决定"
reviewed = 2026-11-22

[many]
zh = "十例以上"
en = "Ten or more"
source = "决定"
mark = "S"
streams = ["drug"]
level = "default"
event_kinds = "all"
comparator = "stream"
window = "all"
all = [["a", ">=", 10]]
"""


def test_a_centre_has_screens_of_its_own_from_when_it_wrote_them(home: Settings, tmp_path: Path) -> None:
    own = replace(home, reference=tmp_path / "reference", out=tmp_path / "own")
    shutil.copytree(home.reference, own.reference)
    (own.reference / "screens.toml").write_text(OWN_SCREENS, encoding="utf-8")
    later = NOW + timedelta(days=2)
    pipeline.run(own, [WEEK], later)
    signals = pd.read_csv(own.out / str(WEEK) / "signals.csv", keep_default_na=False)
    assert set(signals["screens"]) == {"", "many"}
    assert ((signals["screens"] == "many") == (signals["a"].astype(int) >= 10))[signals["stream"] == "drug"].all()
    (then,) = pipeline.run(replace(own, out=tmp_path / "then"), [WEEK], NOW)
    before = json.loads((home.out / str(WEEK) / "summary.json").read_text(encoding="utf-8"))
    assert then["fingerprint"] == before["fingerprint"]


def test_weeks_to_refresh_are_the_last_four_touched() -> None:
    latest = Week.parse("2026-W46")
    assert [str(w) for w in pipeline.weeks_to_refresh(["2026-W45"], latest)] == ["2026-W45", "2026-W46"]
    assert [str(w) for w in pipeline.weeks_to_refresh(["2026-W46", "2024-W01"], latest)] == [
        "2026-W43",
        "2026-W44",
        "2026-W45",
        "2026-W46",
    ]
    assert pipeline.weeks_to_refresh([], latest) == []
    assert pipeline.weeks_to_refresh(["2026-W47"], latest) == []


def test_the_inbox_is_sorted_by_content_and_emptied(home: Settings, city: tuple[Path, dict[str, Any]]) -> None:
    late = _late_report(home, city[0])
    (home.inbox / "notes.txt").write_text("hello", encoding="utf-8")
    assert inbox.files(home, "drug") == [[str(late)]]
    assert inbox.files(home, "device") == []
    ((unknown,),) = inbox.files(home, "unknown")
    assert unknown == str(home.inbox / "notes.txt")
    for account in pipeline.ingest(home, [late, Path(unknown)], NOW):
        inbox.file_away(home, account)
    assert "rows read 3 = stored 3" in (home.inbox / "done" / "late.csv.receipt.txt").read_text(encoding="utf-8")
    assert [path for path in home.inbox.iterdir() if path.is_file()] == []
    assert "未识别的版式" in (home.inbox / "refused" / "notes.txt.reason.txt").read_text(encoding="utf-8")
    assert inbox.files(home, "drug") == []


def test_forms_and_foreign_databases_have_feeds_of_their_own(tmp_path: Path) -> None:
    settings = Settings.load({"PVWATCH_HOME": str(tmp_path)})
    settings.inbox.mkdir()
    texts = {
        "form.csv": "Stream,Case number,Other case number,Verdict,Decided by\n",
        "caers.csv": f'{test_caers.NEW}\r\n1/1/2004,1,,SUSPECT,"A, B",3,X,2,year(s),F,RASH,Death\r\n',
        "other.csv": "a,b,c\n",
    }
    for name, text in texts.items():
        (settings.inbox / name).write_text(text, encoding="utf-8")
    feeds = {feed: inbox.files(settings, feed) for feed in ("drug", "forms", "foreign", "unknown")}
    assert {feed: [Path(path).name for (path,) in paths] for feed, paths in feeds.items()} == {
        "drug": [],
        "forms": ["form.csv"],
        "foreign": ["caers.csv"],
        "unknown": ["other.csv"],
    }


def test_broken_files_are_refused_and_the_rest_goes_on(home: Settings, city: tuple[Path, dict[str, Any]]) -> None:
    broken = inbox.files_of([city[0] / "broken"])
    assert broken
    accounts = pipeline.ingest(home, broken, NOW)
    reasons = {Path(account.file).name: account.refused for account in accounts}
    assert reasons == {Path(entry["file"]).name: entry["reason"] for entry in city[1]["broken_files"]}
    assert all(account.stored == 0 for account in accounts)


def test_real_device_reports_are_counted_as_by_hand(shared: Path, tmp_path: Path) -> None:
    """535 FDA reports of 2017, one without an event type: a stream of their own, in no report of ours."""
    settings = Settings.load({"PVWATCH_HOME": str(tmp_path), "PVWATCH_KEY": KEY})
    (account,) = pipeline.ingest(settings, [shared / "data" / "maude" / "maude.csv"], NOW)
    assert (account.read, account.stored, account.quarantined, account.stream) == (535, 534, 1, "maude")
    week = Week.parse("2017-W26")
    with store.reading(store.open_store(settings.database_url)) as connection:
        view = StreamCases(connection, "maude", NOW, reference.build({})).view()
    ((_, signals, _),) = signals_of_weeks(view, [week], load_screens())
    whole = signals[
        (signals["level"] == "product") & (signals["comparator"] == "stream") & (signals["window"] == "all")
    ]
    assert set(whole["event_kind"]) == {"type"}
    # By hand: reports received up to 2 July 2017 with an event type.
    raw = pd.read_csv(shared / "data" / "maude" / "maude.csv", dtype="str", keep_default_na=False)
    raw = raw[(raw["date_received"] < "20170703") & (raw["event_type"] != "No answer provided")]
    counted = whole[whole["a"] > 0]
    assert set(counted[["a", "b", "c", "d"]].sum(axis=1)) == {len(raw)}
    assert counted["a"].sum() == len(raw)  # every report has one device and one event type
    pipeline.run(settings, [week], NOW)
    assert pd.read_csv(settings.out / str(week) / "signals.csv").empty
