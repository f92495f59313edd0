"""Reports put into a store as they are told in a test, without the intake."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Table, select

from pv import store
from pv.duplicates import merges
from pv.schema import case_event, case_pair, case_person, case_product, case_version, file

NOW = "2026-11-22T00:00:00Z"
# One report and all that is known of it; a test says what differs. Texts stand for their keyed hashes.
REPORT: Mapping[str, Any] = {
    "number": "A",
    "stream": "drug",
    "name": "张伟",
    "birth": "1980-05-01",
    "sex": "male",
    "age": 46.0,
    "onset": "2026-10-01",
    "received": "2026-10-10",
    "unit": "第一医院",
    "record": "",
    "outcome": "recovered",
    "products": [("阿莫西林胶囊", "国药准字H1", "L1")],
    "role": "suspect",
    "events": [("reaction", "皮疹")],
    "left_out": "",
}


def tell(connection: Connection, *reports: Mapping[str, Any]) -> int:
    """Store reports, one version each; gives the number of the first version."""
    first = store.next_key(connection, case_version)
    if not connection.execute(select(file.c.file_id)).all():
        _append(connection, file, [{"file_id": 1}])
    tables: dict[Table, list[dict[str, Any]]] = {case_version: [], case_product: [], case_event: [], case_person: []}
    for version, told in enumerate(reports, start=first):
        report = {**REPORT, **told}
        tables[case_version].append(_version(version, report))
        tables[case_person].append({"version_id": version, "name_hash": report["name"], "birth_hash": report["birth"]})
        for product, identifier, lot, *rest in report["products"]:
            row = {"version_id": version, "role": report["role"], "product": product, "identifier": identifier}
            tables[case_product].append(row | {"lot": lot, "udi": "".join(rest)})
        for kind, event in report["events"]:
            tables[case_event].append({"version_id": version, "kind": kind, "event": event})
    for table, key in ((case_product, "case_product_id"), (case_event, "case_event_id")):
        start = store.next_key(connection, table)
        tables[table] = [row | {key: start + number} for number, row in enumerate(tables[table])]
    for table, rows in tables.items():
        _append(connection, table, rows)
    return first


def _version(version: int, report: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version_id": version,
        "file_id": 1,
        "stream": report["stream"],
        "case_number": report["number"],
        "effective_on": report["received"],
        "received_on": report["received"],
        "onset_on": report["onset"],
        "sex": report["sex"],
        "age_years": np.nan if report["age"] is None else report["age"],
        "hospital": report["unit"],
        "patient_hash": f"{report['name']} {report['birth'] or report['age']} {report['sex']}"
        if report["name"]
        else "",
        "record_hash": report["record"],
        "outcome": report["outcome"],
        "left_out": report["left_out"],
        "recorded_at": NOW,
    }


def _append(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    blank = {column.name: "" if column.type.python_type is str else 0 for column in table.columns}
    store.append(connection, table, pd.DataFrame([blank | row for row in rows], columns=list(blank)))


def merged(connection: Connection, stream: str = "drug") -> dict[str, str]:
    """Report → the one it is merged into."""
    return merges(connection, stream)


def zones(connection: Connection, stream: str = "drug") -> dict[str, str]:
    """The last zone of each recorded pair, as “A B”."""
    rows = connection.execute(select(case_pair).where(case_pair.c.stream == stream).order_by(case_pair.c.pair_id))
    return {f"{row.case_number} {row.other_number}": row.zone for row in rows}


def crowd(size: int, seed: int = 1) -> list[dict[str, Any]]:
    """Reports with few different values and many gaps, so that pairs at every level are among them."""
    random = np.random.default_rng(seed)

    def one_of(*values: Any) -> Any:
        return values[int(random.integers(len(values)))]

    def some_of(values: list[Any], most: int) -> list[Any]:
        return [values[n] for n in sorted(random.choice(len(values), int(random.integers(most + 1)), replace=False))]

    products = [(f"药{n % 4}", one_of("", f"准字{n}"), one_of("", f"L{n % 5}")) for n in range(12)]
    start = date(2026, 1, 1)
    return [
        {
            "number": f"R{number:04d}",
            "name": one_of("", "张伟", "王芳", "李娜", "刘洋"),
            "birth": one_of("", "", "1980-05-01", "1981-06-02", "2025-01-01"),
            "sex": one_of("male", "female", "unknown", ""),
            "age": one_of(None, 1.0, 1.05, 1.5, 44.0, 45.0, 46.0, 47.0, 48.5),
            "onset": one_of("", *((start + timedelta(days=int(day))).isoformat() for day in (0, 1, 3, 4, 20, 31, 60))),
            "received": (start + timedelta(days=int(random.integers(60, 90)))).isoformat(),
            "unit": one_of("", "第一医院", "第二医院"),
            "record": one_of("", "1", "2", "3"),
            "outcome": one_of("", "unknown", "recovered", "death"),
            "products": some_of(products, 3),
            "events": some_of([("reaction", event) for event in "甲乙丙丁"], 3),
            "left_out": one_of("", "", "", "", "deleted"),
        }
        for number in range(size)
    ]


def written_otherwise(reports: list[dict[str, Any]], seed: int = 1) -> list[dict[str, Any]]:
    """The same reports, with numbers and lots in several wordings: by itself each is one, or several, or says none."""
    random = np.random.default_rng(seed)

    def ways(number: str, lot: str) -> list[tuple[str, ...]]:
        digit = number[-1:]
        official = f"国药准字H2005345{digit}" if number else ""
        typed = f"批准文号：国药准字（ｈ2005345{digit}）" if number else ""
        in_udi = f"(01)06901234567892(10){lot}" if lot else "81234567890123456789"
        return [
            (official, lot),
            (typed, f"批号：{lot.lower()}"),
            (official, "", in_udi),
            (typed, "不知道", in_udi),
            (number, f"{lot}、L9", in_udi),
        ]

    def other(product: str, number: str, lot: str) -> tuple[str, ...]:
        found = ways(number, lot)
        return (product, *found[int(random.integers(len(found)))])

    return [report | {"products": [other(*one) for one in report["products"]]} for report in reports]
