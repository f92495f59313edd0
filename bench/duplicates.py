"""How long it takes to find duplicates among 100,000 and 1 million reports, and how many are found rightly.

The reports are made up, with three copies in a hundred; in a copy each field is left out or written otherwise with a
chance of its own (`SLIPS`, house assumptions); every other report writes its lot and approval number another way.
Beside them stand reports that only look alike: later events of the same patient, and clusters of one lot on one day.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, select

from bench.load import empty_store
from bench.synthetic import weights
from pv import duplicates, store
from pv.duplicates.linking import Linked
from pv.schema import case_event, case_pair, case_person, case_product, case_version, file

SIZES = (100_000, 1_000_000)
COPIES, EPISODES, CLUSTERED = 0.03, 0.05, 0.01
# Chance that a copy tells a field otherwise, and that any report leaves it out.
SLIPS = {"name": 0.02, "birth": 0.01, "days": 0.10, "weeks": 0.015, "product": 0.015, "lot": 0.05, "event": 0.25}
SLIPS |= {"outcome": 0.2, "unit": 0.6, "record": 0.3, "approval": 0.05}
BLANKS = {"name": 0.03, "birth": 0.25, "age": 0.03, "sex": 0.01, "lot": 0.2, "approval": 0.1}
_NAMES, _PRODUCTS, _EVENTS, _UNITS, _DAYS = 400_000, 2_000, 1_500, 300, 1_825
_LOTS, _APPROVALS, _BIRTHS, _RECORDS = 30, 3, 32_000, 10_000_000
Random = np.random.Generator
Ints = NDArray[np.int64]


def main() -> None:
    """Print a Markdown table: reports, pairs of copies, what became of them, seconds, peak memory."""
    heads = (
        "reports | store | copies | merged | precision | recall | for people | recall with those | s | CPU s | peak GiB"
    )
    print(f"| {heads} | 1,000 more, s |\n|{'---|' * 12}")
    for size, engine in product(SIZES, ("SQLite", "PostgreSQL")):
        command = [sys.executable, "-m", "bench.duplicates", str(size), engine]
        figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        if not figures:
            continue
        print(
            "| {reports:,} | {store} | {copies:,} | {merged:,} | {precision:.4f} | {recall:.3f} | {review:,} "
            "| {in_sight:.3f} | {seconds:.1f} | {cpu:.1f} | {peak_gib:.2f} | {more:.2f} |".format_map(figures),
            flush=True,
        )


# --- reports ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """Reports as columns of numbers (-1 unknown), and the pairs of them that tell the same event."""

    columns: dict[str, Ints]
    same: Ints

    def __len__(self) -> int:
        return len(self.columns["name"])


def reports(size: int, seed: int = 1) -> Made:
    """So many reports: originals, look-alikes and copies, in the order of their receipt."""
    random = np.random.default_rng([seed, size])
    copies, episodes, clustered = (round(size * share) for share in (COPIES, EPISODES, CLUSTERED))
    first = _originals(size - copies - episodes - clustered, random)
    again = _episodes(first, random.choice(len(first["name"]), episodes, replace=False), random)
    alike = _clusters(first, clustered, random)
    events = {name: np.concatenate([first[name], again[name], alike[name]]) for name in first}
    of = random.choice(len(events["name"]), copies, replace=False)
    copied = _slipped(events, of, random)
    both = {name: np.concatenate([events[name], copied[name]]) for name in first}
    columns = _with_blanks(both, random)
    return Made(columns, np.column_stack([of, len(events["name"]) + np.arange(copies)]))


def _drawn(size: int, kinds: int, random: Random) -> Ints:
    """Codes of which the r-th is drawn in proportion to 1 / r."""
    limits = np.cumsum(weights(kinds))
    return np.minimum(np.searchsorted(limits, random.random(size)), kinds - 1).astype(np.int64)


def _originals(size: int, random: Random) -> dict[str, Ints]:
    product = _drawn(size, _PRODUCTS, random)
    onset = random.integers(0, _DAYS, size)
    birth = random.integers(0, _BIRTHS, size)
    lot = product * _LOTS + random.integers(0, _LOTS, size)
    return {
        # A common name in a thousand, as of 王伟 and its like; most names are rare.
        "name": np.where(random.random(size) < 0.02, random.integers(0, 200, size), random.integers(0, _NAMES, size)),
        "birth": birth,
        "age": (_BIRTHS + onset - birth) // 365,
        "sex": random.integers(0, 2, size),
        "onset": onset,
        "received": onset + random.integers(0, 60, size),
        "product": product,
        "lot": lot,
        "approval": product * _APPROVALS + lot % _APPROVALS,
        "event": (_drawn(size, _EVENTS, random) + product * 7) % _EVENTS,
        "second": np.where(random.random(size) < 0.35, _drawn(size, _EVENTS, random), -1),
        "outcome": random.choice(4, size, p=[0.5, 0.35, 0.1, 0.05]),
        "unit": _drawn(size, _UNITS, random),
        "record": random.integers(0, _RECORDS, size),
    }


def _episodes(first: dict[str, Ints], of: Ints, random: Random) -> dict[str, Ints]:
    """Later events of the same patients with the same product."""
    again = {name: values[of].copy() for name, values in first.items()}
    back = random.integers(35, 400, len(of))
    again["onset"] += back
    again["received"] += back
    again["event"] = np.where(random.random(len(of)) < 0.5, again["event"], _drawn(len(of), _EVENTS, random))
    return again


def _clusters(first: dict[str, Ints], size: int, random: Random) -> dict[str, Ints]:
    """Tens of patients of about one age with the same lot, day, event and unit."""
    leaders = random.choice(len(first["name"]), max(1, size // 10), replace=False)[
        np.arange(size) // 10 % max(1, size // 10)
    ]
    alike = {name: values[leaders].copy() for name, values in first.items()}
    alike["name"], alike["record"] = random.integers(0, _NAMES, size), random.integers(0, _RECORDS, size)
    alike["birth"] += random.integers(-400, 400, size)
    alike["age"] = (_BIRTHS + alike["onset"] - alike["birth"]) // 365
    alike["sex"] = random.integers(0, 2, size)
    return alike


def _slipped(events: dict[str, Ints], of: Ints, random: Random) -> dict[str, Ints]:
    """Copies of events, received later and written anew."""
    copy = {name: values[of].copy() for name, values in events.items()}
    size = len(of)

    def slip(kind: str) -> NDArray[np.bool_]:
        return random.random(size) < SLIPS[kind]

    copy["received"] += random.integers(1, 30, size)
    copy["name"] = np.where(slip("name"), random.integers(0, _NAMES, size), copy["name"])
    copy["birth"] = np.where(slip("birth"), copy["birth"] + random.integers(1, 300, size), copy["birth"])
    copy["onset"] -= np.where(slip("days"), random.integers(1, 4, size), 0)
    copy["onset"] -= np.where(slip("weeks"), random.integers(4, 30, size), 0)
    copy["product"] = np.where(slip("product"), _drawn(size, _PRODUCTS, random), copy["product"])
    copy["approval"] = copy["product"] * _APPROVALS + copy["approval"] % _APPROVALS
    copy["lot"] = np.where(slip("lot"), random.integers(0, _PRODUCTS * _LOTS, size), copy["lot"])
    copy["second"] = np.where(slip("event"), _drawn(size, _EVENTS, random), copy["second"])
    copy["outcome"] = np.where(slip("outcome"), random.integers(0, 4, size), copy["outcome"])
    moved = slip("unit")
    copy["unit"] = np.where(moved, random.integers(0, _UNITS, size), copy["unit"])
    copy["record"] = np.where(moved | slip("record"), random.integers(0, _RECORDS, size), copy["record"])
    other = copy["product"] * _APPROVALS + random.integers(0, _APPROVALS, size)
    copy["approval"] = np.where(slip("approval"), other, copy["approval"])
    return copy


def _with_blanks(columns: dict[str, Ints], random: Random) -> dict[str, Ints]:
    size = len(columns["name"])
    return columns | {name: np.where(random.random(size) < share, -1, columns[name]) for name, share in BLANKS.items()}


# --- store -----------------------------------------------------------------------------------------------------------


def put(connection: Connection, made: Made, of: Ints, first_version: int = 1) -> None:
    """Reports into a store, as a file of the drug stream."""
    columns = {name: values[of] for name, values in made.columns.items()}
    number = np.arange(len(made))[of]
    version = first_version + np.arange(len(number))
    size = len(number)
    if first_version == 1:
        connection.execute(file.insert().values(_empty(file) | {"file_id": 1}))
    start = np.datetime64("2021-01-01")
    received = np.datetime_as_string(start + columns["received"].astype("timedelta64[D]"))
    versions = {
        "version_id": version,
        "stream": "drug",
        "case_number": case_numbers(number),
        "effective_on": received,
        "received_on": received,
        "onset_on": np.datetime_as_string(start + columns["onset"].astype("timedelta64[D]")),
        "sex": np.array(["male", "female", ""])[columns["sex"]],
        "age_years": np.where(columns["age"] < 0, np.nan, columns["age"]),
        "hospital": _texts("unit", columns["unit"]),
        "outcome": np.array(["recovered", "recovering", "not_recovered", "sequelae"])[columns["outcome"]],
        "record_hash": _texts("record", columns["record"]),
        "patient_hash": _patients(columns),
        "file_id": 1,
    }
    _append(connection, case_version, versions, size)
    named = {"version_id": version, "role": "suspect", "product": _texts("product", columns["product"])}
    named |= {"case_product_id": version, "lot": _in_two_ways(number, columns["lot"], "{:07d}A", "批号：{:07d}a")}
    named |= {"identifier": _in_two_ways(number, columns["approval"], "国药准字H2{:07d}", "国药准字（h2{:07d}）")}
    _append(connection, case_product, named, size)
    persons = {"version_id": version, "name_hash": _texts("name", columns["name"])}
    persons |= {"birth_hash": _texts("birth", columns["birth"])}
    _append(connection, case_person, persons, size)
    second = columns["second"] >= 0
    events = np.concatenate([columns["event"], columns["second"][second]])
    told = {"version_id": np.concatenate([version, version[second]]), "kind": "reaction"}
    told |= {"event": _texts("event", events), "case_event_id": 2 * first_version + np.arange(len(events))}
    _append(connection, case_event, told, len(events))


def _patients(columns: dict[str, Ints]) -> NDArray[Any]:
    """Name, birth date (or age) and sex as one; "" where the name is not known, or neither birth date nor age."""
    born = np.where(columns["birth"] >= 0, columns["birth"] + 1_000, columns["age"])
    told = (columns["name"] >= 0) & (born >= 0)
    return _texts("patient", np.where(told, (columns["name"] * 100_000 + born) * 3 + columns["sex"] + 1, -1))


def case_numbers(number: Ints) -> NDArray[Any]:
    return _texts("R", number)


def _texts(kind: str, codes: Ints) -> NDArray[Any]:
    """32 characters a code, as a keyed hash has; "" for −1."""
    return _formatted(codes, f"{kind}{{:0{32 - len(kind)}d}}")


def _formatted(codes: Ints, form: str) -> NDArray[Any]:
    known, places = np.unique(codes, return_inverse=True)
    return np.array(["" if code < 0 else form.format(code) for code in known.tolist()])[places]


def _in_two_ways(number: Ints, codes: Ints, one: str, other: str) -> NDArray[Any]:
    """The codes as texts, those of every other report another way; "" for −1."""
    return np.where(number % 2, _formatted(codes, one), _formatted(codes, other))


def _empty(table: Table) -> dict[str, Any]:
    return {column.name: "" if column.type.python_type is str else 0 for column in table.columns}


def _append(connection: Connection, table: Table, columns: dict[str, Any], rows: int) -> None:
    frame = pd.DataFrame(_empty(table) | columns, index=range(rows))
    texts = {column.name: "str" for column in table.columns if column.type.python_type is str}
    store.append(connection, table, frame.astype(texts))


# --- figures ---------------------------------------------------------------------------------------------------------


def found(connection: Connection, made: Made) -> dict[str, float]:
    """How many of the true pairs are merged or before people, and how many merged pairs are true."""
    numbers = case_numbers(np.arange(len(made))).tolist()
    true = {tuple(sorted((numbers[one], numbers[other]))) for one, other in made.same.tolist()}
    parent = duplicates.merges(connection, "drug")
    groups: dict[str, list[str]] = {}
    for case in parent:
        groups.setdefault(duplicates.root(case, parent), []).append(case)
    merged = {
        tuple(sorted((one, other)))
        for stays, members in groups.items()
        for place, one in enumerate([stays, *members])
        for other in [stays, *members][place + 1 :]
    }
    pairs = connection.execute(select(case_pair.c.case_number, case_pair.c.other_number, case_pair.c.zone))
    review = {(one, other) for one, other, zone in pairs if zone == "review"}
    return {
        "copies": len(true),
        "merged": len(merged),
        "precision": len(merged & true) / max(1, len(merged)),
        "recall": len(merged & true) / len(true),
        "review": len(review),
        "in_sight": len((merged | review) & true) / len(true),
    }


def measure(size: int, engine_name: str = "SQLite") -> dict[str, Any]:
    """All reports but the last thousand at once, then those; nothing where there is no server."""
    import resource

    made = reports(size)
    order = np.argsort(made.columns["received"], kind="stable").astype(np.int64)
    with tempfile.TemporaryDirectory() as folder, empty_store(engine_name, Path(folder), "store") as url:
        if not url:
            return {}
        engine = store.open_store(url)
        # In a process of its own: its memory is not that of the search.
        filling = get_context("spawn").Process(target=_fill, args=(url, size))
        filling.start()
        filling.join()
        started, cpu = time.perf_counter(), time.process_time()
        with store.writing(engine) as connection:
            linked = _link(connection, 1)
        figures: dict[str, Any] = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
        figures["peak_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        with store.writing(engine) as connection:
            put(connection, made, order[-1_000:], size - 999)
            started = time.perf_counter()
            _link(connection, size - 999)
            figures["more"] = time.perf_counter() - started
            figures |= found(connection, made)
        engine.dispose()
    return {"reports": size, "store": engine_name, "compared": linked.cases} | figures


def _fill(url: str, size: int) -> None:
    """All reports but the last thousand into the store."""
    made = reports(size)
    order = np.argsort(made.columns["received"], kind="stable").astype(np.int64)
    engine = store.open_store(url)
    with store.writing(engine) as connection:
        put(connection, made, order[:-1_000])
        store.refresh_statistics(connection, (case_version, case_product, case_event, case_person))
    engine.dispose()


def _link(connection: Connection, first_version: int) -> Linked:
    return duplicates.link_new(connection, "drug", first_version, "2026-11-22T00:00:00Z")


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), *sys.argv[2:])))
