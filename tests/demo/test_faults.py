"""Broken cells stand where the truth says, and nowhere else."""

from __future__ import annotations

from collections import defaultdict

from tests.demo.demo_files import KEYS, City, day, exports_of


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
            rows = exports_of(city, entry["stream"], entry["case"])[entry["mended"]]
            assert day(rows[0][KEYS[entry["stream"]][1]])
    assert reasons["quarantine"] == {
        *("no_number", "no_receipt", "receipt_impossible", "receipt_future", "receipt_early", "receipt_differs"),
        *("role_unknown", "no_product", "no_event", "ragged"),
    }
    assert reasons["warning"] == {
        *("age_unreadable", "sex_unknown", "onset_after_receipt", "date_unreadable"),
        *("severity_unknown", "outcome_unknown", "harm_unknown", "new_unknown", "use_after_onset"),
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
        days = [day(line[column]) for column in (birth, onset, received) if line[column]]
        good = line[product] and None not in days and sorted(days) == days and day(line[received])
        columns = {column for file, row, column in broken if (file, row) == (line.file, line.number)}
        if not good and not columns & {received, onset, product}:
            wrong.append(line)
    assert wrong == []


def test_broken_files_are_beside_the_exports(city: City) -> None:
    for entry in city.truth["broken_files"]:
        assert (city.folder / entry["file"]).is_file()
        assert not entry["file"].startswith("exports/")
