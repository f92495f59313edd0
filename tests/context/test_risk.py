"""Other risk information: linked by lot, number, name and maker, from the nearest to the farthest."""

from __future__ import annotations

import pandas as pd

from pv.context.risk import alerted, counts, linked, unlinked
from pv.week import Week
from tests.context.conftest import named, report

WEEK = Week.parse("2026-W46")
ALERT = pd.DataFrame({"stream": ["drug"], "level": ["generic"], "product": ["阿莫西林胶囊"]}, dtype="str")
REPORTS = named(report("A", lot="L-1\x1fL2"), report("B", product="头孢", name="头孢", number="国药准字H2", lot="L9"))


def entry(number: str, **told: str) -> dict[str, str]:
    blank = dict.fromkeys(("product", "identifier", "lot", "maker", "level", "link", "handled_by", "state"), "")
    fixed = {"occurred_on": "2026-11-10", "kind": "sampling", "finding": "可见异物", "source": "抽检"}
    return blank | fixed | {"number": number, "recorded_at": "2026-10-01T00:00:00Z"} | told


def entries(*rows: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(entry("x")), dtype="str")


def links(*rows: dict[str, str], alerts: pd.DataFrame = ALERT) -> list[tuple[str, str]]:
    found = linked(entries(*rows), REPORTS, alerts, WEEK)
    return list(found[["number", "link"]].itertuples(index=False, name=None))


def test_nearest_first() -> None:
    assert links(
        entry("maker", maker="甲制药"),
        entry("name", product="阿莫西林 胶囊"),
        entry("number", identifier="国药准字（Ｈ）20250001", product="另一名称"),
        entry("lot", lot="批号：l-1", maker="甲制药"),
        entry("none", product="头孢", maker="乙制药"),
    ) == [("lot", "lot"), ("number", "number"), ("name", "product"), ("maker", "maker")]


def test_a_lot_counts_with_something_that_agrees() -> None:
    assert links(entry("1", lot="L2")) == [("1", "lot")]
    assert links(entry("1", lot="L2", product="阿莫西林胶囊")) == [("1", "lot")]
    assert links(entry("1", lot="L2", product="头孢", maker="乙制药")) == []
    assert links(entry("1", lot="L8", product="阿莫西林胶囊")) == [("1", "product")]
    assert links(entry("1", product="甲制药的另一产品", maker="甲制药")) == []  # says nothing of this one


def test_twelve_months_newest_first() -> None:
    rows = [
        entry(day, product="阿莫西林胶囊", occurred_on=day)
        for day in ("2025-11-15", "2025-11-16", "2026-11-15", "2026-11-16", "2026-03-01")
    ]
    assert [number for number, _ in links(*rows)] == ["2026-11-15", "2026-03-01", "2025-11-16"]


def test_alerts_of_other_levels() -> None:
    by_lot = ALERT.assign(level="lot", product="L2")
    assert links(entry("1", identifier="国药准字H20250001"), alerts=by_lot) == [("1", "number")]
    assert links(entry("1", product="阿莫西林胶囊"), alerts=ALERT.assign(level="unheard")) == []


def test_streams_have_levels_of_their_own() -> None:
    device = report(
        "E", stream="device", product="国械注准20153141234 输液器", name="输液器", number="国械注准20153··1234"
    )
    told = {name: text for name, text in device.items() if not name.startswith("level_")}
    other = pd.DataFrame([told | {"level_registration": device["product"], "level_class": "输液器"}])
    both = pd.concat([REPORTS, other], ignore_index=True)
    alerts = pd.concat([ALERT, pd.DataFrame([{"stream": "device", "level": "class", "product": "输液器"}])])
    rows = entries(entry("1", product="阿莫西林胶囊"), entry("2", identifier="国械注准20153661234"))
    found = linked(rows, both, alerts, WEEK)
    assert found[["stream", "number", "link"]].to_numpy().tolist() == [
        ["device", "2", "number"],
        ["drug", "1", "product"],
    ]


def test_what_has_no_alert_is_listed_with_its_reports() -> None:
    rows = entries(
        entry("of the alert", product="阿莫西林胶囊"),
        entry("other", product="头孢"),
        entry("lot", product="头孢", lot="L9"),
        entry("only the maker", product="维生素", maker="甲制药"),
        entry("before", product="头孢", occurred_on="2026-11-08"),
        entry("late", product="头孢", occurred_on="2026-11-01", recorded_at="2026-11-10T00:00:00Z"),
    )
    found = unlinked(rows, REPORTS, linked(rows, REPORTS, ALERT, WEEK), WEEK)
    assert found[["number", "reports"]].to_numpy().tolist() == [
        ["lot", 1],
        ["only the maker", 0],
        ["other", 1],
        ["late", 1],
    ]


def test_counts() -> None:
    rows = entries(entry("1", product="阿莫西林胶囊"), entry("2", lot="L2"), entry("3", maker="甲制药"))
    found = linked(rows, REPORTS, ALERT, WEEK)
    assert counts(found) == {("drug", "阿莫西林胶囊"): 2}  # a maker in common is told, not counted
    assert found["number"].tolist() == ["2", "1", "3"]
    assert linked(entries(), REPORTS, ALERT, WEEK).empty


def test_products_with_an_alert() -> None:
    rows = [("new", "甲"), ("lapsed", "乙"), ("", "丙"), ("continuing", "甲")]
    signals = pd.DataFrame(rows, columns=["status", "product"]).assign(stream="drug", level="generic")
    assert alerted(signals)["product"].tolist() == ["甲"]
    assert alerted(signals, "丙")["product"].tolist() == ["甲", "丙"]
