"""The demo city's files against its truth, read with plain Python."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from pv import reference
from pv.demo import LAST_WEEK, write_city
from pv.week import Week
from tests.demo.demo_files import EVENTS, FILES, KEYS, SMALL, City, Line, rows_of

STREAMS = tuple(FILES)


def _day(text: str) -> date | None:
    match = re.match(r"(\d{4})[-/年](\d{1,2})[-/月](\d{1,2})", text)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def _terms(text: str) -> set[str]:
    parts = re.split(r"[；;、,]", text)
    return {re.sub(r"（(严重|一般)）$", "", part) for part in parts} - {"", "无"}


def _ascii(name: str) -> str:
    return name.replace("（", "(").replace("）", ")")


# ── bytes ──
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
    first = write_city(tmp_path, seed=1, weeks=6, hospitals=8, reports_per_week=6)
    second = write_city(tmp_path, seed=2, weeks=5, hospitals=8, reports_per_week=6)
    assert first["totals"] != second["totals"]
    written = {f"exports/{path.parent.name}/{path.name}" for path in (tmp_path / "exports").glob("*/*")}
    assert written == set(second["files"])
    assert json.loads((tmp_path / "truth.json").read_text(encoding="utf-8")) == second


@pytest.mark.parametrize("wrong", [{"weeks": 1}, {"hospitals": 2}, {"reports_per_week": 0}])
def test_too_small_a_city_is_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        write_city(tmp_path, **wrong)


# ── layouts ──
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


# ── totals ──
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
        reason = _left_out(line)
        found[line.stream][reason or "counting"] += 1
        if not reason:
            found[line.stream]["serious"] += _serious(line)
            found[line.stream]["deaths"] += _harm(line) == "死亡" or line["不良反应结果"] == "死亡"
    for stream in STREAMS:
        totals = city.truth["totals"][stream]
        assert {reason: found[stream][reason] for reason in totals["left_out"]} == totals["left_out"]
        assert found[stream]["serious"] == totals["serious"]
        assert found[stream]["deaths"] == totals["deaths"]
        assert found[stream]["counting"] == sum(city.truth["reports_by_week"][stream].values())
        assert found[stream]["counting"] == sum(city.truth["reports_by_hospital"][stream].values())


def _left_out(line: Line) -> str:
    marks = {"删除标识": "deleted", "重复报告": "duplicate", "是否为错报误报报告": "misreport"}
    return next((reason for column, reason in marks.items() if line[column] not in {"", "否"}), "")


def _harm(line: Line) -> str:
    return next((value for name, value in reversed(line.cells) if name == "伤害" and value), "")


def _serious(line: Line) -> bool:
    return "严重" in {line["报告类型-严重程度"], line["报告类型"]} or _harm(line) in {"严重伤害", "死亡"}


def test_hospitals_are_known_or_listed_as_unknown(city: City) -> None:
    hospitals = _table(city, "hospitals")
    known = {name for row in hospitals for name in (row["name"], *row["former_names"].split(";"))} - {""}
    unknown: dict[str, Counter[str]] = defaultdict(Counter)
    for rows in city.last.values():
        line = rows[0]
        name = (line["报告单位名称"] or line["单位名称"]).strip("\u3000 ")
        if not _left_out(line) and name not in known:
            unknown[name][line.stream] += 1
    assert unknown == city.truth["unknown_units"]
    assert len(unknown) >= 3


def _table(city: City, name: str) -> list[dict[str, str]]:
    rows = (city.folder / "reference" / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    columns = rows[0].split(",")
    return [dict(zip(columns, row.split(","), strict=True)) for row in rows[1:]]


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


# ── duplicates ──
def _merged(city: City, stream: str) -> set[frozenset[str]]:
    """The groups that the exact rule makes of the last versions, found without the generator's help."""
    _, _, name, birth, age, sex, onset, product = KEYS[stream]
    people = defaultdict(list)
    for key, rows in city.last.items():
        line = rows[0]
        if line.stream == stream and not _left_out(line) and line[name]:
            born = str(_day(line[birth])) if line[birth] else f"age {line[age]}"
            counted = {_ascii(row[product]) for row in rows if row["怀疑/并用"] != "并用"}
            if stream != "drug":
                counted = {f"{line[_NUMBER[stream]]} {line[product]}"}
            person = (line[name], born, line[sex], str(_day(line[onset])))
            people[person].append((key.split()[1], counted))
    groups: set[frozenset[str]] = set()
    for reports in people.values():
        linked = {case: {case} for case, _ in reports}
        for (one, products), (other, others) in combinations(reports, 2):
            if products & others:
                union = linked[one] | linked[other]
                linked |= dict.fromkeys(union, union)
        groups |= {frozenset(group) for group in linked.values() if len(group) > 1}
    return groups


_NUMBER = {
    "drug": "批准文号",
    "device": "注册证编号/曾用注册证编号",
    "cosmetic": "特殊化妆品注册证书编号/普通化妆品备案编号",
}


@pytest.mark.parametrize("stream", STREAMS)
def test_exactly_the_planted_copies_satisfy_the_merge_rule(city: City, stream: str) -> None:
    planted = [entry["cases"] for entry in city.truth["duplicates"] if entry["stream"] == stream]
    assert _merged(city, stream) == {frozenset(cases) for cases in planted}
    assert city.truth["totals"][stream]["merged"] == sum(len(cases) - 1 for cases in planted) > 0
    near = [entry for entry in city.truth["near_duplicates"] if entry["stream"] == stream]
    assert {entry["differs"] for entry in near} >= {"name", "onset", "sex", "product"}


@pytest.mark.parametrize("stream", STREAMS)
def test_the_root_of_a_group_was_received_on_an_earlier_day(city: City, stream: str) -> None:
    received = KEYS[stream][1]
    for entry in city.truth["duplicates"]:
        if entry["stream"] == stream:
            days = [_day(city.last[f"{stream} {case}"][0][received]) for case in entry["cases"]]
            assert days[0] < min(days[1:])


# ── late, changed, left out ──
def _exports(city: City, stream: str, case: str) -> dict[str, list[Line]]:
    found = defaultdict(list)
    for line in city.of(stream):
        if line.case == case:
            found[line.week].append(line)
    return found


def test_late_reports_come_in_the_weeks_that_the_truth_says(city: City) -> None:
    kinds = set()
    for entry in city.truth["late"]:
        (week, rows), *more = _exports(city, entry["stream"], entry["cases"][0]).items()
        received = _day(rows[0][KEYS[entry["stream"]][1]])
        assert more == []
        assert (str(Week.of(received)), week) == (entry["received"], entry["exported"])
        kinds.add((entry["kind"], entry["received"] < entry["exported"]))
    assert kinds == {("exported_late", True), ("reported_late", False)}


def test_corrected_reports_differ_and_repeated_ones_do_not(city: City) -> None:
    for entry in city.truth["corrected"]:
        exports = _exports(city, entry["stream"], entry["cases"][0])
        first, later = exports[entry["first"]], exports[entry["corrected"]]
        assert [line.cells for line in first] != [line.cells for line in later]
        if entry["stream"] == "drug":
            moments = [rows[0]["最后修改时间"] for rows in (first, later)]
            assert _day(moments[0]) < _day(moments[1])
            assert str(Week.of(_day(moments[1]))) == entry["corrected"]
    for entry in city.truth["repeated"]:
        exports = _exports(city, entry["stream"], entry["cases"][0])
        first, later = exports[entry["first"]], exports[entry["repeated"]]
        assert [line.cells for line in first] == [line.cells for line in later]


def test_reports_are_marked_as_left_out_from_the_week_that_the_truth_says(city: City) -> None:
    for entry in city.truth["left_out"]:
        exports = _exports(city, entry["stream"], entry["cases"][0])
        marked = {week for week, rows in exports.items() if _left_out(rows[0]) == entry["reason"]}
        assert marked == {entry["marked"]}
        assert set(exports) == {entry["first"], entry["marked"]}
    assert {entry["reason"] for entry in city.truth["left_out"]} == {"deleted", "duplicate", "misreport"}


# ── broken ──
def test_broken_cells_stand_where_the_truth_says(city: City) -> None:
    lines = {(line.file, line.number): line for line in city.lines}
    for entry in city.truth["broken"]:
        for cell in entry["cells"]:
            for row in cell["rows"]:
                line = lines[entry["file"], row]
                assert line[cell["column"]] == cell["value"]
                assert line.case == entry["case"]


def test_every_kind_of_fault_is_there_and_some_are_mended(city: City) -> None:
    reasons = defaultdict(set)
    for entry in city.truth["broken"]:
        reasons[entry["outcome"]] |= set(entry["reasons"])
        if entry["mended"]:
            rows = _exports(city, entry["stream"], entry["case"])[entry["mended"]]
            assert _day(rows[0][KEYS[entry["stream"]][1]])
    assert reasons["quarantine"] == {
        *("no_number", "no_receipt", "receipt_impossible", "receipt_future", "receipt_early", "receipt_differs"),
        *("role_unknown", "no_product", "no_event", "ragged"),
    }
    assert reasons["warning"] == {
        *("age_unreadable", "sex_unknown", "onset_after_receipt", "date_unreadable"),
        *("severity_unknown", "outcome_unknown", "harm_unknown", "new_unknown"),
    }
    assert 0 < sum(bool(entry["mended"]) for entry in city.truth["broken"]) < len(city.truth["broken"]) / 2


def test_apart_from_the_planted_ones_no_cell_is_broken(city: City) -> None:
    broken = {
        (entry["file"], row, cell["column"])
        for entry in city.truth["broken"]
        for cell in entry["cells"]
        for row in cell["rows"]
    }
    wrong = []
    for line in city.lines:
        _, received, _, birth, _, _, onset, product = KEYS[line.stream]
        days = [_day(line[column]) for column in (birth, onset, received) if line[column]]
        good = line[product] and None not in days and sorted(days) == days and _day(line[received])
        columns = {column for file, row, column in broken if (file, row) == (line.file, line.number)}
        if not good and not columns & {received, onset, product}:
            wrong.append(line)
    assert wrong == []


def test_broken_files_are_beside_the_exports(city: City) -> None:
    for entry in city.truth["broken_files"]:
        assert (city.folder / entry["file"]).is_file()
        assert not entry["file"].startswith("exports/")


# ── hospitals and people ──
def test_silent_hospitals_stop_and_padding_ones_repeat_themselves(city: City) -> None:
    names = {row["name"]: row["hospital_id"] for row in _table(city, "hospitals")}
    silent = {entry["hospital_id"]: entry["first_silent_week"] for entry in city.truth["silent"]}
    assert any(entry["never_reported"] for entry in city.truth["silent"])
    for line in city.lines:
        unit = names.get((line["报告单位名称"] or line["单位名称"]).strip("\u3000 "))
        received = _day(line[KEYS[line.stream][1]])
        if unit in silent and received and received < LAST_WEEK.end:
            assert str(Week.of(received)) < silent[unit]
    stories = Counter((line["不良反应过程描述"] or line["使用过程"]) for line in city.lines)
    assert len(city.truth["padding"]) == 3
    for entry in city.truth["padding"]:
        assert stories[entry["narrative"]] == entry["reports"] == len(entry["cases"])


def test_clusters_share_a_lot_within_some_days(city: City) -> None:
    lots = {"drug": "生产批号", "device": "产品批号", "cosmetic": "生产批号"}
    for entry in city.truth["clusters"]:
        lines = [city.last[f"{entry['stream']} {case}"][0] for case in entry["cases"]]
        assert {line[lots[entry["stream"]]] for line in lines} <= {entry["lot"], "不详"}
        days = [_day(line[KEYS[entry["stream"]][1]]) for line in lines]
        assert (str(min(days)), str(max(days))) == (entry["first_received"], entry["last_received"])
        assert max(days) - min(days) < timedelta(days=30)
        assert sum(_serious(line) for line in lines) >= entry["serious"] * (entry["stream"] != "device")
    assert {entry["grouped_by"] for entry in city.truth["clusters"]} == {"lot", "registration"}


def test_canaries_stand_in_the_newest_week_and_nowhere_else(city: City) -> None:
    for canary in city.truth["canaries"]:
        column = re.sub(r"\.\d$", "", canary["column"])
        found = {line.week for line in city.of(canary["stream"]) if (column, canary["value"]) in line.cells}
        assert found == {str(LAST_WEEK)}
    values = [canary["value"] for canary in city.truth["canaries"] if "出生" not in canary["column"]]
    assert len(set(values)) == len(values)


# ── pairs ──
def _table_of(city: City, entry: dict[str, str]) -> tuple[int, int, int, int]:
    """The 2×2 table of a pair, counted from the files; merged groups are one case."""
    stream, level = entry["stream"], entry["level"]
    root = {
        case: group["cases"][0]
        for group in city.truth["duplicates"]
        if group["stream"] == stream
        for case in group["cases"]
    }
    cases: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for key, rows in city.last.items():
        case = key.split()[1]
        if key.startswith(stream) and not _left_out(rows[0]):
            products, events = cases[root.get(case, case)]
            products |= {_label(row, level) for row in rows if row["怀疑/并用"] != "并用"} - {"", "/"}
            events |= _terms(rows[0][EVENTS[entry["kind"]]])
    cells = Counter(
        (entry["product"] in products, entry["event"] in events)
        for products, events in cases.values()
        if products and events
    )
    return cells[True, True], cells[True, False], cells[False, True], cells[False, False]


def _label(line: Line, level: str) -> str:
    if level == "approval":
        return line["批准文号"]
    if level == "generic":
        return _ascii(line["通用名称"])
    name = line["产品名称"] or line["化妆品名称"]
    return f"{line[_NUMBER[line.stream]]} {name}"


def test_the_tables_of_planted_pairs_follow_from_the_files(city: City) -> None:
    for entry in city.truth["pairs"]:
        assert _table_of(city, entry) == (entry["a"], entry["b"], entry["c"], entry["d"]), entry


def _reports_on(city: City, entry: dict[str, str]) -> list[Line]:
    """First rows of the reports on a planted product received from the onset on."""
    stream, received = entry["stream"], KEYS[entry["stream"]][1]
    return [
        rows[0]
        for key, rows in city.last.items()
        if key.startswith(stream)
        and str(Week.of(_day(rows[0][received]))) >= entry["onset"]
        and any(_label(row, entry["level"]) == entry["product"] and row["怀疑/并用"] != "并用" for row in rows)
    ]


def test_planted_pairs_are_in_excess_from_their_onset_on(city: City) -> None:
    """All pairs together: at least twice what the reference share lets expect, and about what is planted."""
    observed, unremarkable, planted = 0, 0.0, 0.0
    clusters = {case for entry in city.truth["clusters"] for case in entry["cases"]}
    for entry in city.truth["pairs"]:
        lines = [line for line in _reports_on(city, entry) if line.case not in clusters]
        observed += sum(entry["event"] in _terms(line[EVENTS[entry["kind"]]]) for line in lines)
        unremarkable += entry["reference_share"] * len(lines)
        planted += entry["share"] * len(lines)
    assert observed > 2 * unremarkable
    assert observed == pytest.approx(planted, rel=0.35)


def test_pairs_are_graded_and_the_structure_is_not_planted(city: City) -> None:
    by_stream = defaultdict(set)
    for entry in city.truth["pairs"]:
        by_stream[entry["stream"]].add(entry["strength"])
        known = city.truth["structure"][entry["stream"]][entry["kind"]]
        if entry["against"] == "stream":
            assert entry["event"] not in known[entry["product"]]
    assert all(strengths == {2, 4, 8, 16} for strengths in by_stream.values())
    labels = {product["label"] for product in city.truth["products"]}
    for stream in STREAMS:
        for kind in city.truth["structure"][stream].values():
            assert set(kind) <= labels
            assert all(ratio > 1 for events in kind.values() for ratio in events.values())


def test_seventeen_a_week_make_a_district(tmp_path: Path) -> None:
    truth = write_city(tmp_path, weeks=20, hospitals=10, reports_per_week=17)
    assert truth["region"]["scope"] == "district"
    assert truth["region"]["population"] == 680_000
    assert len(truth["weeks"]) == 20
    assert truth["weeks"][-1] == "2026-W46"
    for stream, rate in (("drug", 17), ("device", 8), ("cosmetic", 3)):
        weekly = sorted(truth["reports_by_week"][stream].values())
        assert weekly[len(weekly) // 2] == pytest.approx(rate, rel=0.5)
