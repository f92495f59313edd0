"""The demo city as a whole: the same bytes, the layouts, the totals, the reference tables."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from pv import reference
from pv.demo import LAST_WEEK, write_city
from tests.demo.demo_files import FILES, SMALL, STREAMS, City, harm, left_out, rows_of, serious, table


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_same_arguments_same_bytes(city: City, tmp_path: Path) -> None:
    write_city(tmp_path, **SMALL)
    again, first = _bytes(tmp_path), _bytes(city.folder)
    assert again.keys() == first.keys()
    assert [name for name in first if first[name] != again[name]] == []


def test_another_seed_is_another_city_and_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    first = write_city(tmp_path, seed=1, weeks=14, hospitals=8, reports_per_week=6)
    second = write_city(tmp_path, seed=2, weeks=5, hospitals=8, reports_per_week=6)
    assert first["totals"] != second["totals"]
    written = {f"exports/{path.parent.name}/{path.name}" for path in (tmp_path / "exports").glob("*/*")}
    assert written == set(second["files"])
    forms = {f"forms/{path.name}" for path in (tmp_path / "forms").iterdir()}
    assert forms == {form["file"] for form in second["forms"]} < {form["file"] for form in first["forms"]}
    assert json.loads((tmp_path / "truth.json").read_text(encoding="utf-8")) == second


@pytest.mark.parametrize("wrong", [{"weeks": 1}, {"hospitals": 2}, {"reports_per_week": 0}])
def test_too_small_a_city_is_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        write_city(tmp_path, **wrong)


@pytest.mark.parametrize("stream", STREAMS)
def test_headings_are_those_of_the_layout_in_order(city: City, stream: str) -> None:
    columns = [row["column"] for row in reference.shipped_csv(f"layouts/{stream}_national")]
    rows = rows_of(city.folder / "exports" / str(LAST_WEEK) / FILES[stream])
    headings = rows[1 if stream == "drug" else 0]
    assert [re.sub(r"\s", "", heading) for heading in headings] == [re.sub(r"\.\d$", "", column) for column in columns]
    if stream == "drug":
        assert rows[0][0].startswith("药品不良反应/事件报告表")
        assert sum("\n" in heading for heading in headings) >= 5
    if stream == "device":
        assert {h for h, n in Counter(headings).items() if n == 2} == {"伤害", "单位名称", "事件原因分析"}


def test_encodings_and_text_cells(city: City) -> None:
    week = city.folder / "exports" / str(LAST_WEEK)
    assert (week / "cosmetic.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with pytest.raises(UnicodeDecodeError):
        (week / "device.csv").read_bytes().decode("utf-8")
    assert all(isinstance(value, str) for line in city.of("drug") for _, value in line.cells)
    assert any("\n" in line["不良反应过程描述"] for line in city.of("drug"))


def test_drug_rows_of_a_report_differ_only_in_the_product(city: City) -> None:
    of_the_use = {
        *("怀疑/并用", "药品序号", "批准文号", "通用名称", "剂型", "生产厂家", "生产批号", "用量", "用量单位"),
        *("用法-日", "用法-次", "给药途径", "用药开始时间", "用药终止时间", "用药原因"),
    }
    differing = {entry["case"] for entry in city.truth["broken"] if "receipt_differs" in entry["reasons"]}
    reports = defaultdict(list)
    for line in city.of("drug"):
        if line.case and line.case not in differing:
            reports[line.week, line.case].append({k: v for k, v in line.cells if k not in of_the_use})
    assert max(len(rows) for rows in reports.values()) >= 4
    assert all(row == rows[0] for rows in reports.values() for row in rows)


def test_totals_follow_from_the_files(city: City) -> None:
    for stream in STREAMS:
        totals, lines = city.truth["totals"][stream], city.of(stream)
        files = [account for account in city.truth["files"].values() if account["stream"] == stream]
        cases = {line.case for line in lines if line.case}
        assert totals["rows"] == len(lines) == sum(account["rows"] for account in files)
        assert totals["filed"] == len(cases) + sum(not line.case for line in lines)
        assert totals["filed"] == totals["stored"] + totals["quarantined"]
        assert totals["stored"] == sum(key.startswith(stream) for key in city.last)
        assert totals["current"] == totals["stored"] - totals["merged"] - sum(totals["left_out"].values())
        for account in files:
            assert account["rows"] == account["stored"] + account["unchanged"] + account["quarantined"]
        assert Counter(line.file for line in lines) == {
            name: account["rows"] for name, account in city.truth["files"].items() if account["stream"] == stream
        }


def test_left_out_serious_and_deaths_follow_from_the_last_versions(city: City) -> None:
    found: dict[str, Counter[str]] = {stream: Counter() for stream in STREAMS}
    for rows in city.last.values():
        line = rows[0]
        reason = left_out(line)
        found[line.stream][reason or "counting"] += 1
        if not reason:
            found[line.stream]["serious"] += serious(line)
            found[line.stream]["deaths"] += harm(line) == "死亡" or line["不良反应结果"] == "死亡"
    for stream in STREAMS:
        totals = city.truth["totals"][stream]
        assert {reason: found[stream][reason] for reason in totals["left_out"]} == totals["left_out"]
        assert found[stream]["serious"] == totals["serious"]
        assert found[stream]["deaths"] == totals["deaths"]
        assert found[stream]["counting"] == sum(city.truth["reports_by_week"][stream].values())
        assert found[stream]["counting"] == sum(city.truth["reports_by_hospital"][stream].values())


def test_hospitals_are_known_or_listed_as_unknown(city: City) -> None:
    hospitals = table(city, "hospitals")
    known = {name for row in hospitals for name in (row["name"], *row["former_names"].split(";"))} - {""}
    unknown: dict[str, Counter[str]] = defaultdict(Counter)
    for rows in city.last.values():
        line = rows[0]
        name = (line["报告单位名称"] or line["单位名称"]).strip("\u3000 ")
        if not left_out(line) and name not in known:
            unknown[name][line.stream] += 1
    assert unknown == city.truth["unknown_units"]
    assert len(unknown) >= 3


def test_reference_tables_load_and_belong_together(city: City) -> None:
    tables = reference.build(reference.read_texts(city.folder / "reference"))
    assert tables.root_area == city.truth["region"]["name"]
    assert len(tables.hospitals) == SMALL["hospitals"]
    assert tables.hospitals["name"].is_unique
    assert set(tables.hospitals["level"]) == {"3", "2", "1", ""}
    assert set(tables.quotas["hospital_id"]) <= set(tables.hospitals["hospital_id"])
    people = tables.denominators.query("scope == 'area' and year == 2026").set_index("id")["value"]
    root = city.truth["region"]["code"]
    assert people[root] == people.drop(root).sum() == city.truth["region"]["population"]
    assert len(set(tables.targets["set"])) == 2
    with_catchment = tables.denominators.query("scope == 'hospital' and measure == 'population'")["id"]
    assert 0 < len(set(tables.hospitals["hospital_id"]) - set(with_catchment)) < len(tables.hospitals)


def test_seventeen_a_week_make_a_district(tmp_path: Path) -> None:
    truth = write_city(tmp_path, weeks=20, hospitals=10, reports_per_week=17)
    assert truth["region"]["scope"] == "district"
    assert truth["region"]["population"] == 680_000
    assert len(truth["weeks"]) == 20
    assert truth["weeks"][-1] == "2026-W46"
    for stream, rate in (("drug", 17), ("device", 8), ("cosmetic", 3)):
        weekly = sorted(truth["reports_by_week"][stream].values())
        assert weekly[len(weekly) // 2] == pytest.approx(rate, rel=0.5)
