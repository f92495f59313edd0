"""How long loading takes and how much memory: a 100,000-row sheet of 60 columns, a million-row GB18030 text file, and
E2B(R3) messages; into SQLite and, where PVWATCH_TEST_POSTGRES names a server, into PostgreSQL.

`BENCH_MESSAGES` sets the number of messages (100,000 without it: 1 GB).
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import xlsxwriter
from sqlalchemy import create_engine, text

from pv.exporting.e2b_r3 import Header, write
from pv.sources.icsr import Case, Drug, Reaction
from pv.sources.layouts import Layout, layouts

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "100000"))

_LOAD = """
import json, resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from pv import intake, store
engine = store.open_store(sys.argv[2])
start, cpu = time.perf_counter(), time.process_time()
at = datetime(2026, 11, 22, tzinfo=UTC)
account = intake.load_file(engine, Path(sys.argv[1]), Path(sys.argv[3]), "0" * 43 + "=", at)
print(json.dumps({"read": account.read, "stored": account.stored, "quarantined": account.quarantined,
    "seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu,
    "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2}))
"""


def main() -> None:
    """Print a Markdown table: file, store, rows, seconds, CPU seconds of this process, peak GiB."""
    print("| file | store | rows read | stored | s | CPU s | peak GiB |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, make in (
            ("XLSX 100,000 × 60", _sheet),
            ("CSV GB18030 1,000,000", _text),
            (f"E2B(R3) {MESSAGES:,}", _messages),
        ):
            path = make(folder)
            for engine in ("SQLite", "PostgreSQL"):
                with empty_store(engine, folder, path.stem) as url:
                    if url:
                        _show(label, engine, path, _load(path, folder, url))
            path.unlink()


def _show(label: str, engine: str, path: Path, figures: dict[str, float]) -> None:
    print(
        f"| {label} ({path.stat().st_size / 1e6:.0f} MB) | {engine} | {figures['read']:,} | {figures['stored']:,} "
        f"| {figures['seconds']:.1f} | {figures['cpu']:.1f} | {figures['peak_gib']:.2f} |",
        flush=True,
    )


@contextmanager
def empty_store(engine: str, folder: Path, name: str) -> Iterator[str]:
    """Address of an empty store; "" where there is no server."""
    server = os.environ.get("PVWATCH_TEST_POSTGRES", "")
    if engine == "SQLite":
        file = folder / f"{name}.sqlite"
        yield f"sqlite:///{file}"
        file.unlink()
    elif not server:
        yield ""
    else:
        schema = f"bench{os.getpid()}"
        admin = create_engine(server)
        with admin.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
        yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{schema}"
        with admin.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        admin.dispose()


def _load(path: Path, folder: Path, url: str) -> dict[str, float]:
    command = [sys.executable, "-c", _LOAD, str(path), url, str(folder / f"archive-{url.split(':', maxsplit=1)[0]}")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _layout(name: str) -> Layout:
    return next(layout for layout in layouts() if layout.name == name)


# What a field holds in row i, with product p, event e, day d; fields that are not listed stay empty.
_TEXTS = {
    "report_number": "R{i:09d}",
    "received_on": "{d}",
    "role": "怀疑",
    "severity": "一般",
    "harm": "其他",
    "name": "产品名称{p}",
    "identifier": "国械注准2015314{p:04d}",
    "reaction": "反应{e}（一般）",
    "failure": "故障表现{e}",
    "harm_finding": "无",
    "patient_name": "张{n}",
    "age": "45",
    "age_unit": "岁",
    "sex": "女",
    "hospital": "第{h}医院",
    "": "说明文字",
}


_HAN = str.maketrans("0123456789", "伟芳娜敏静丽强磊洋艳")  # names are of Chinese characters


def _rows(layout: Layout, count: int, columns: list[str]) -> Iterator[list[str]]:
    """Plausible rows: every field that decides is filled, and so is every column that fills no field."""
    random = np.random.default_rng(1)
    fields = {column.name: column.field for column in layout.columns}
    texts = [_TEXTS.get(fields[name], "") for name in columns]
    products, events, days = (random.integers(0, upper, count).tolist() for upper in (3_000, 400, 720))
    start = date(2024, 11, 18)
    for i, (p, e, d) in enumerate(zip(products, events, days, strict=True)):
        values = {"i": i, "p": p, "e": e, "d": start + timedelta(days=d), "h": i % 300, "n": str(i).translate(_HAN)}
        yield [text.format_map(values) for text in texts]


def _sheet(folder: Path) -> Path:
    """The first 60 columns of the drug export that hold every required one."""
    layout = _layout("drug_national")
    required = [column.name for column in layout.columns if column.required or column.field]
    columns = [c.name for c in layout.columns if c.name in required]
    columns += [c.name for c in layout.columns if c.name not in required][: 60 - len(columns)]
    path = folder / "drug.xlsx"
    book: Any = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet: Any = book.add_worksheet()
    sheet.write_row(0, 0, columns)
    for number, row in enumerate(_rows(layout, 100_000, columns), start=1):
        sheet.write_row(number, 0, row)
    book.close()
    return path


def _text(folder: Path) -> Path:
    layout = _layout("device_national")
    columns = [column.name for column in layout.columns]
    path = folder / "device.csv"
    with path.open("w", encoding="gb18030", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(name.removesuffix(".1") for name in columns)
        writer.writerows(_rows(layout, 1_000_000, columns))
    return path


def _messages(folder: Path) -> Path:
    """Messages of about 10 KB with two drugs and two reactions."""
    path = folder / "messages.xml"
    header = Header("BENCH", "CENTRE", "1", datetime(2026, 11, 22, tzinfo=UTC))
    with path.open("wb") as stream:
        write((_case(number) for number in range(MESSAGES)), stream, header)
    return path


def _case(number: int) -> Case:
    drugs = [
        Drug(
            "suspect",
            f"药品{(number * 7 + k) % 3_000}",
            ("成分",),
            "国药准字H20153141",
            "某公司",
            (f"L{k}",),
            "2026-10-01",
        )
        for k in range(2)
    ]
    return Case(
        number=f"CN-BENCH-{number}",
        worldwide=f"CN-BENCH-{number}",
        created_on="2026-11-10",
        received_on="2026-11-02",
        modified_on="2026-11-03",
        sender="某公司",
        reporter=f"第{number % 300}医院",
        patient="甲",
        age="45",
        age_unit="year",
        sex="female",
        reactions=(Reaction(f"反应{number % 400}", "10037844", "2026-10-20", "recovered"), Reaction("皮疹")),
        drugs=tuple(drugs),
    )


if __name__ == "__main__":
    main()
