"""A demo city's files as a reader sees them who knows nothing of the generator."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import openpyxl

SMALL = {"seed": 5, "weeks": 12, "hospitals": 14, "reports_per_week": 40}
FILES = {"drug": "drug.xlsx", "device": "device.csv", "cosmetic": "cosmetic.csv"}
STREAMS = tuple(FILES)
KEYS = {
    # stream: (number, received, name, birth, age, sex, onset, product)
    "drug": ("报告表编码", "国家中心接收时间", "患者姓名", "出生日期", "年龄", "性别", "不良反应发生时间", "通用名称"),
    "device": ("报告编码", "报告日期", "姓名", "出生日期", "年龄", "性别", "事件发生日期", "产品名称"),
    "cosmetic": ("报告表编号", "报告日期", "患者/消费者姓名", "", "年龄", "性别", "不良反应发生日期", "化妆品名称"),
}


EVENTS = {
    "reaction": "不良反应名称",
    "failure": "器械故障表现",
    "harm": "伤害表现",
    "finding": "皮损形态",
    "symptom": "自觉症状",
    "diagnosis": "初步判断",
}


@dataclass(frozen=True)
class Line:
    """One row of an export: `number` as a spreadsheet counts; repeated headings keep their order in `cells`."""

    stream: str
    week: str
    file: str
    number: int
    cells: list[tuple[str, str]]

    def __getitem__(self, column: str) -> str:
        return dict(reversed(self.cells)).get(column, "")

    @property
    def case(self) -> str:
        return self["唯一标识"] or self[KEYS[self.stream][0]]


@dataclass(frozen=True)
class City:
    folder: Path
    truth: dict[str, Any]

    @cached_property
    def lines(self) -> list[Line]:
        return [line for file in sorted(self.truth["files"]) for line in self._read(file)]

    def of(self, stream: str) -> list[Line]:
        return [line for line in self.lines if line.stream == stream]

    @cached_property
    def last(self) -> dict[str, list[Line]]:
        """Case → its rows in the last export that has it unbroken."""
        broken = {
            (entry["file"], row)
            for entry in self.truth["broken"]
            if entry["outcome"] == "quarantine"
            for cell in entry["cells"]
            for row in cell["rows"]
        }
        cases: dict[str, dict[str, list[Line]]] = {}
        for line in self.lines:
            cases.setdefault(f"{line.stream} {line.case}", {}).setdefault(line.week, []).append(line)
        found = {}
        for case, weeks in cases.items():
            good = [week for week, lines in weeks.items() if not any((x.file, x.number) in broken for x in lines)]
            if good:
                found[case] = weeks[max(good)]
        return found

    def _read(self, file: str) -> Iterator[Line]:
        _, week, name = file.split("/")
        stream = name.split(".")[0]
        rows = rows_of(self.folder / file)
        start = 2 if stream == "drug" else 1
        headings = [re.sub(r"\s", "", heading) for heading in rows[start - 1]]
        for number, row in enumerate(rows[start:], start=start + 1):
            names = headings + ["+"] * (len(row) - len(headings))
            yield Line(stream, week, file, number, list(zip(names, row, strict=True)))


def rows_of(path: Path) -> list[list[str]]:
    """All rows of an export as text."""
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path, read_only=True)
        rows = [["" if cell is None else cell for cell in row] for row in book.active.iter_rows(values_only=True)]
        book.close()
        return rows
    encoding = "utf-8-sig" if path.name == "cosmetic.csv" else "gb18030"
    return list(csv.reader(io.StringIO(path.read_bytes().decode(encoding), newline="")))


def day(text: str) -> date | None:
    match = re.match(r"(\d{4})[-/年](\d{1,2})[-/月](\d{1,2})", text)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def terms(text: str) -> set[str]:
    parts = re.split(r"[；;、,]", text)
    return {re.sub(r"（(严重|一般)）$", "", part) for part in parts} - {"", "无"}


def narrow(name: str) -> str:
    return name.replace("（", "(").replace("）", ")")


def left_out(line: Line) -> str:
    marks = {"删除标识": "deleted", "重复报告": "duplicate", "是否为错报误报报告": "misreport"}
    return next((reason for column, reason in marks.items() if line[column] not in {"", "否"}), "")


def harm(line: Line) -> str:
    return next((value for name, value in reversed(line.cells) if name == "伤害" and value), "")


def serious(line: Line) -> bool:
    return "严重" in {line["报告类型-严重程度"], line["报告类型"]} or harm(line) in {"严重伤害", "死亡"}


def table(city: City, name: str) -> list[dict[str, str]]:
    rows = (city.folder / "reference" / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    columns = rows[0].split(",")
    return [dict(zip(columns, row.split(","), strict=True)) for row in rows[1:]]


NUMBER = {
    "drug": "批准文号",
    "device": "注册证编号/曾用注册证编号",
    "cosmetic": "特殊化妆品注册证书编号/普通化妆品备案编号",
}


def exports_of(city: City, stream: str, case: str) -> dict[str, list[Line]]:
    found = defaultdict(list)
    for line in city.of(stream):
        if line.case == case:
            found[line.week].append(line)
    return found
