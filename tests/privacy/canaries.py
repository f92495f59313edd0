"""Reports full of planted personal values in every layout of ours, and a search for them in any bytes."""

from __future__ import annotations

import base64
import binascii
import csv
import gzip
import html
import io
import json
import re
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from openpyxl import Workbook

from pv.sources.layouts import Layout, layouts

OWN = [
    layout
    for layout in layouts()
    if any(c.personal for c in layout.columns) and not layout.name.startswith("e2b") and "feedback" not in layout.name
]

Sheets = dict[str, list[list[str]]]

_SURNAMES = "鸢鹮鹬鸫鹀鹡鹨鹛鹟鹎"  # birds: in no wording of ours
_GIVEN = "丽伟芳娜敏静强磊军洋勇艳杰娟涛超霞平刚桂"


class Planter:
    """Makes personal values, each one once, and remembers them."""

    def __init__(self) -> None:
        self.planted: list[str] = []

    def _next(self, value: str) -> str:
        self.planted.append(value)
        return value

    def name(self) -> str:
        number = len(self.planted)
        return self._next(_SURNAMES[number % 10] + _GIVEN[number // 10 % 20] + _GIVEN[number // 200 % 20])

    def telephone(self) -> str:
        return self._next(f"139{47_110_000 + 7 * len(self.planted)}")

    def birth(self) -> str:
        number = len(self.planted)
        return self._next(f"{1931 + number % 60}-{1 + number // 60 % 12:02d}-{1 + number % 27:02d}")

    def record(self) -> str:
        return self._next(f"ZYH{8_210_000 + 13 * len(self.planted)}Q")

    def identity(self) -> str:
        head = f"330106{1931 + len(self.planted) // 900}1203{100 + len(self.planted) % 900}"
        total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(head))
        return self._next(head + "10X98765432"[total % 11])

    def address(self) -> str:
        return self._next(f"鹮鹬路{1000 + len(self.planted)}弄")

    def narrative(self) -> str:
        sentence = self._next(f"鸢尾丛中第{len(self.planted)}句")
        return f"患者{self.name()}（身份证{self.identity()}，住{self.address()}）{sentence}。"

    def of(self, heading: str) -> str:
        """A value as it stands under a heading."""
        makers = {
            "邮箱": lambda: self._next(f"canary{len(self.planted)}@example.invalid"),
            "出生日期": self.birth,
            "病历号|门诊号": self.record,
            "电话|联系方式": self.telephone,
            "地址|住址": self.address,
            "姓名|签名|报告人|录入人|联系人|监护人|审核人": self.name,
        }
        return next((make for words, make in makers.items() if re.search(words, heading)), self.narrative)()


_PLAIN = {
    "received_on": "2026-11-10",
    "name": "阿莫西林胶囊",
    "reaction": "皮疹",
    "role": "怀疑",
    "severity": "一般",
    "unit_kind": "医疗机构",
    "hospital": "第一医院",
    "harm": "其他",
    "harm_finding": "头痛",
    "failure": "漏液",
    "finding": "红斑",
    "diagnosis": "接触性皮炎",
    "age": "40",
    "sex": "女",
    "onset_on": "2026-11-08",
}


def row(layout: Layout, number: str, planter: Planter, **told: str) -> dict[str, str]:
    """A correct report with a planted value in every personal column; `told`: what some fields say instead."""
    values = _PLAIN | {"report_number": number, "unique_id": number} | told
    return {c.name: planter.of(c.name) if c.personal else values.get(c.field, "") for c in layout.columns}


def rows(layout: Layout, planter: Planter) -> list[dict[str, str]]:
    """Sound, quarantined, warned; with values under wrong headings; moved by one cell."""
    prefix = layout.name[:2].upper() + str(len(layout.name))
    made = [
        row(layout, f"{prefix}100{number}", planter, **told)
        for number, told in enumerate(
            [
                {},
                {"received_on": "2026-02-30"},
                {"name": "无", "name.1": ""},
                {"onset_on": planter.telephone(), "age": planter.name(), "sex": planter.name()},
                {"received_on": f"{planter.name()} {planter.identity()}", "severity": planter.name()},
                {"report_number": planter.name(), "unique_id": "", "received_on": planter.birth() + planter.name()},
                {"outcome": planter.name(), "onset_on": planter.narrative(), "harm": planter.name()},
                {"used_from": planter.identity(), "modified_on": planter.name(), "new": planter.name()},
            ]
        )
    ]
    moved = row(layout, f"{prefix}1100", planter)
    cells = list(moved.values())
    made.append(dict(zip(moved, [cells[0], "", *cells[1:-1]], strict=True)))
    return made


def linked_sheets(planter: Planter) -> Sheets:
    """The workbook of linked sheets: sound, quarantined, warned, a drug without a report; sheets that none needs."""
    told = ["反馈码", "报告类型", "性别", "年龄", "不良反应发生时间", "报告日期", "不良反应过程描述", "患者姓名"]
    sound = ["一般", "女", "40", "2026-11-08", "2026-11-10"]
    changed: list[dict[int, str]] = [{}, {4: "2026-02-30"}, {4: planter.name()}, {0: planter.name()}]
    changed.append({1: planter.name(), 2: planter.birth(), 3: planter.telephone()})
    main = [[*sound, planter.narrative(), planter.name()] for _ in changed]
    for row, cells in zip(main, changed, strict=True):
        for place, text in cells.items():
            row[place] = text
    codes = [f"FK{number}" for number in range(len(main))]
    drugs = [[code, "怀疑", "1", "", "阿莫西林胶囊", planter.narrative()] for code in [*codes, "FK99"]]
    drugs[2][1] = planter.name()
    return {
        "药品不良反应报告表": [told, *([code, *row] for code, row in zip(codes, main, strict=True))],
        "原患疾病": [["反馈码", "疾病"], *([code, planter.narrative()] for code in codes)],
        "不良反应名称": [["反馈码", "不良反应名称"], *([code, "皮疹"] for code in codes)],
        "怀疑用药": [["反馈码", "怀疑/合并", "序号", "批准文号", "通用名称", "家属电话"], *drugs],
        "联系人": [[planter.name(), planter.telephone()]],
    }


def filled_forms(planter: Planter) -> Sheets:
    """Every form: rows that are in order with telephone numbers, identity cards and mail addresses in their remarks;
    rows that are not, with a name, a telephone number or a day of birth where something else belongs."""

    def remark() -> str:
        return f"患者来电{planter.telephone()}，身份证{planter.identity()}，{planter.of('邮箱')}，诉皮疹"

    def faulty(sound: Sequence[str], places: Sequence[int]) -> Iterator[list[str]]:
        for place in places:
            for value in (planter.name(), planter.telephone(), planter.birth() + planter.name()):
                yield [*sound[:place], value, *sound[place + 1 :]]

    risk = ["T1", "2026-11-10", "投诉举报", "阿莫西林胶囊", remark(), "严重", "12315", remark()]
    exposure = ["2026-10", "药品", "阿莫西林胶囊", "第一医院", "使用量", "100", "盒", remark()]
    official = ["药品", "2026-10", "接收", "12", remark()]
    mapping = ["药品", "产品", "阿莫西林胶囊", "原文正确", "李四", remark()]
    verdict = ["药品", "DR131003", "DR131006", "同一事件", "李四", remark()]
    headings = {
        "risk": "信息编号 日期 信息类别 产品名称 发现的问题 严重程度 来源 承办单位",
        "exposure": "期间 报告类别 产品名称 医疗机构 数量口径 数量 单位 来源",
        "official": "报告类别 期间 口径 官方数 来源",
        "mapping": "报告类别 种类 原文 对照为 填写人 说明",
        "duplicates": "报告类别 报告编号 另一报告编号 人工判定 判定人 说明",
    }
    rows = {
        "risk": [risk, *faulty(risk, (1, 2, 5))],
        "exposure": [exposure, *faulty(exposure, (0, 1, 4, 5))],
        "official": [official, *faulty(official, (0, 1, 2, 3))],
        "mapping": [mapping, *faulty(mapping, (0, 1))],
        "duplicates": [verdict, *faulty(verdict, (0, 1, 2, 3))],
    }
    return {name: [headings[name].split(), *rows[name]] for name in headings}


def write_sheets(path: Path, sheets: Sheets) -> None:
    book = Workbook()
    book.remove(book.active)
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    book.save(path)


def write_csv(path: Path, made: Sequence[Mapping[str, str]], encoding: str) -> None:
    """With a row that has a cell too many in its middle, and one that ends early."""
    with path.open("w", encoding=encoding, newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(name.removesuffix(".1").removesuffix(".2") for name in made[0])
        lines = [list(one.values()) for one in made]
        writer.writerows([*lines, [*lines[0][:1], "多", *lines[0][1:]], lines[0][: len(lines[0]) // 2]])


def write_xlsx(path: Path, made: Sequence[Mapping[str, str]]) -> None:
    book = Workbook()
    sheet = book.active
    sheet.append([name.removesuffix(".1").removesuffix(".2") for name in made[0]])
    for one in made:
        sheet.append(list(one.values()))
    book.save(path)


def patterns(value: str) -> set[bytes]:
    """A value as bytes, in every way in which text is written; dates in several ways of writing."""
    texts = {value}
    if day := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", value):
        year, month, of_month = day.groups()
        texts |= {f"{year}/{month}/{of_month}", f"{year}/{int(month)}/{int(of_month)}"}
        texts |= {f"{year}年{int(month)}月{int(of_month)}日", f"{year}.{month}.{of_month}"}
    found = set()
    for text in texts:
        for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
            found.add(text.encode(encoding))
        escaped = text.encode("ascii", "xmlcharrefreplace")
        found |= {json.dumps(text)[1:-1].encode(), escaped, html.escape(text).encode()}
        found |= {urllib.parse.quote(text).encode(), repr(text.encode())[2:-1].encode()}
    return found


class Search:
    """Looks for values in bytes and in what is packed or encoded within them."""

    def __init__(self, values: Sequence[str]) -> None:
        self._of = {pattern: value for value in values for pattern in patterns(value)}
        ordered = sorted(self._of, key=len, reverse=True)
        self._any = re.compile(b"|".join(map(re.escape, ordered)))
        self._begin = np.zeros(1 << 16, dtype=bool)  # pairs of bytes with which a pattern begins
        self._begin[[int.from_bytes(pattern[:2]) for pattern in ordered]] = True
        self._longest = len(ordered[0])

    def in_bytes(self, data: bytes) -> set[str]:
        return {found for part in unpacked(data) for found in self._in(part)}

    def _in(self, part: bytes) -> set[str]:
        if len(part) < 1_000:
            return {self._of[found] for found in self._any.findall(part)}
        octets = np.frombuffer(part, np.uint8).astype(np.uint16)
        places = np.flatnonzero(self._begin[(octets[:-1] << 8) | octets[1:]]).tolist()
        found = (self._any.match(part, place, place + self._longest) for place in places)
        return {self._of[one[0]] for one in found if one}

    def in_folder(self, folder: Path) -> dict[str, set[str]]:
        """Path (and its own name) → values found."""
        found = {}
        for path in sorted(folder.rglob("*")):
            here = self.in_bytes(str(path.relative_to(folder)).encode())
            if path.is_file():
                here |= self.in_bytes(path.read_bytes())
            if here:
                found[str(path)] = here
        return found


_ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")


def unpacked(data: bytes, depth: int = 3) -> Iterator[bytes]:
    """The bytes, and those of archives, packed streams, Parquet and base64 within them."""
    yield data
    if not depth:
        return
    for inner in (*_members(data), *_streams(data), *_tables(data)):
        yield from unpacked(inner, depth - 1)
    for run in _ENCODED.findall(data) if len(data) < 5_000_000 else ():
        for altchars in (b"+/", b"-_"):
            try:
                yield from unpacked(base64.b64decode(run + b"=" * (-len(run) % 4), altchars, validate=True), 1)
            except (binascii.Error, ValueError):
                continue


def _members(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(info) for info in archive.infolist())


def _streams(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data)
    elif data.startswith((b"\x78\x01", b"\x78\x9c", b"\x78\xda")):
        try:
            yield zlib.decompress(data)
        except zlib.error:
            return


def _tables(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"PAR1"):
        yield pq.read_table(io.BytesIO(data)).to_pandas().to_csv().encode()
