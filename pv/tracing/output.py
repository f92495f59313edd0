"""A trace for people: a workbook, a page to print, text on the terminal. Nothing personal is in any of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pv.rendering.columns import Column, Table
from pv.rendering.formats import local_instant
from pv.rendering.language import Language, language
from pv.rendering.workbook import Book
from pv.tracing.finding import Trace
from pv.tracing.question import Asked
from pv.tracing.summaries import products_named, tables, totals

Words = tuple[str, str]  # Chinese, English
SHEETS: dict[str, tuple[str, Words]] = {
    "cases": ("病例", ("报告清单（按接收日期，新的在前）", "Reports, newest first")),
    "hospitals": ("报告单位", ("报告单位", "Reporting units")),
    "days": ("日期", ("发生与接收日期", "Days of onset and receipt")),
    "lots": ("批号", ("同一产品的批号", "Lots of the same product")),
    "patients": ("患者人群", ("患者年龄与性别", "Patients by age and sex")),
    "quarantined": ("隔离报告", ("隔离报告中提到所查内容的", "Quarantined reports that name it")),
}
_KINDS: dict[str, Words] = {
    "udi": ("UDI", "UDI"),
    "number": ("批准文号/注册证/备案号", "approval or registration number"),
    "lot": ("批号", "lot"),
    "product": ("产品", "product"),
}
_LINES = {"cases": 50, "hospitals": 30, "days": 31, "lots": 20, "patients": 30, "quarantined": 20}
_SHORT = ("state stream case received_on onset_on hospital sex age_band death serious outcome events lot name").split()
_READING = ("hospitals", "lots", "patients", "days", "cases", "quarantined")  # what is acted on comes first
_WIDEST = 34
_WORDINGS = 12


def title(found: Trace) -> Words:
    asked = " + ".join(one.text for one in found.asked)
    return f"产品追溯：{asked}", f"Trace of {asked}"


def facts(found: Trace) -> list[Words]:
    """What the answer is, and what limits it, sentence by sentence."""
    return [*_meant(found.asked), _figures(totals(found)), *_limits(found, totals(found))]


def _meant(asked: Sequence[Asked]) -> Iterator[Words]:
    for one in asked:
        if one.known:
            zh, en = (
                "、".join(_KINDS[kind][0] for kind in one.kinds),
                " and ".join(_KINDS[kind][1] for kind in one.kinds),
            )
            found = [
                *one.wordings,
                *(f"{number} + {lot}" for number in sorted(one.pair.numbers) for lot in sorted(one.pair.lots)),
            ]
            written = "; ".join(found[:_WORDINGS]) + (" …" if len(found) > _WORDINGS else "")
            yield (
                f"“{one.text}”按{zh}查询，报告中写作：{written}",
                f"“{one.text}”, taken as {en}; written as: {written}",
            )
        elif one.near:
            near = "; ".join(one.near)
            yield f"没有报告写到“{one.text}”。相近的写法：{near}", f"No report names “{one.text}”. Near it: {near}"
        else:
            yield (
                f"没有报告写到“{one.text}”，也没有相近的写法。",
                f"No report names “{one.text}”, nor anything near it.",
            )


def _figures(total: dict[str, Any]) -> Words:
    zh = "{reports} 份报告，合并重复后 {cases} 例，其中严重 {serious} 例、死亡 {deaths} 例；报告单位 {hospitals} 家。"
    en = "{reports} reports, {cases} cases with duplicates merged: {serious} serious, {deaths} died; {hospitals} units."
    if total["first_on"]:
        zh, en = f"{zh}接收日期 {{first_on}} 至 {{last_on}}。", f"{en} Received from {{first_on}} to {{last_on}}."
    return zh.format_map(total), en.format_map(total)


# What stands beside the figures, where there is any.
_BESIDE: dict[str, Words] = {
    "left_out": (
        "{} 份报告已删除或标记为重复、误报：列出，不计。",
        "{} reports are left out (deleted, marked as duplicate or misreport): listed, not counted.",
    ),
    "corrected": (
        "{} 份报告经更正后不再涉及：列出，不计。",
        "{} reports named it in an earlier version only: listed, not counted.",
    ),
    "partner": (
        "{} 份报告与所列报告为同一事件，但本身未写明：列出，不计。",
        "{} reports tell the same events without naming it: listed, not counted.",
    ),
    "quarantined": (
        "{} 份隔离报告写到所查内容：未计入，应先更正并重新导入。",
        "{} quarantined reports name it: not counted; mend them and load them again.",
    ),
    "quarantined_unsearched": (
        "{} 份隔离报告无法检索，其中可能有所查内容：请设置 PVWATCH_KEY 后重新查询。",
        "{} quarantined reports could not be searched and may name it: set PVWATCH_KEY and trace again.",
    ),
}


def _limits(found: Trace, total: dict[str, Any]) -> Iterator[Words]:
    products = products_named(found)
    if len(products) > 1 and all(one.kinds == ("lot",) for one in found.asked):
        named = "; ".join(products[:_WORDINGS]) + (" …" if len(products) > _WORDINGS else "")
        yield (
            f"该批号见于 {len(products)} 种产品：{named}。只查其中一种时，请加写产品或文号。",
            f"The lot is one of {len(products)} products: {named}. To trace one of them, add its name or number.",
        )
    for name, (zh, en) in _BESIDE.items():
        if total[name]:
            yield zh.format(total[name]), en.format(total[name])
    if not found.question.foreign and not found.question.streams:
        yield "未包括国外数据库（需要时加 --foreign）。", "Foreign databases are not included (add --foreign)."


def write_workbook(found: Trace, path: Path) -> None:
    """Sheets: 摘要, then one for each table."""
    with Book(path, title(found)[0], found.as_of) as book:
        sheet = book.empty_sheet("摘要")
        sheet.set_row(0, 26)
        book.put_text(sheet, 0, 0, title(found)[0], bold=True, font_size=15)
        book.put_text(sheet, 1, 0, title(found)[1])
        lines = [
            f"数据截至 as of {local_instant(found.as_of)}（北京时间 Beijing time）",
            "内部工作资料，含报告编号，不得对外发布 Internal working paper, not for publication",
            *(text for pair in facts(found) for text in pair),
        ]
        for row, line in enumerate(lines, start=3):
            book.put_text(sheet, row, 0, line)
        sheet.set_column(0, 0, 120)
        for name, table in tables(found).items():
            book.table_sheet(SHEETS[name][0], table, frozen=1)


def write_page(found: Trace, path: Path, code: str) -> None:
    """One self-contained HTML page, to be read on the screen or printed."""
    from pv.rendering.site import page, write

    place = 0 if code == "zh" else 1
    made = _to_read(found)
    text = page(
        "trace.html",
        code,
        title=title(found)[place],
        area=found.area,
        as_of=found.as_of,
        facts=[pair[place] for pair in facts(found)],
        parts=[(name, SHEETS[name][1][place], made[name]) for name in made if made[name].rows],
    )
    write(path, text)


def as_text(found: Trace, code: str) -> Iterator[str]:
    """Lines for the terminal."""
    spoken, place = language(code), 0 if code == "zh" else 1
    yield title(found)[place]
    yield f"{('数据截至', 'as of')[place]} {local_instant(found.as_of)} ({('北京时间', 'Beijing time')[place]})"
    yield from (pair[place] for pair in facts(found))
    for name, table in _to_read(found).items():
        if table.rows:
            yield ""
            yield f"{SHEETS[name][1][place]} ({len(table)})"
            yield from _grid(table, spoken, _LINES[name])
            if len(table) > _LINES[name]:
                rest = len(table) - _LINES[name]
                yield (f"… 另有 {rest} 行，见 --out 或 --json", f"… {rest} more, see --out or --json")[place]


def as_json(found: Trace) -> dict[str, Any]:
    """Everything, for programs."""
    asked = [
        {"text": one.text, "kinds": list(one.kinds) if one.known else [], "wordings": list(one.wordings)}
        | {"near": list(one.near)}
        for one in found.asked
    ]
    made = {
        name: [dict(zip([column.name for column in table.columns], row, strict=True)) for row in table.rows]
        for name, table in tables(found).items()
    }
    return {"asked": asked, "as_of": found.as_of.isoformat(), "totals": totals(found), **made}


def _to_read(found: Trace) -> dict[str, Table]:
    """The tables in the order in which they are read, the cases with the columns that fit a page."""
    made = tables(found)
    wanted = [name for name in _SHORT if name != "name" or found.reports["name"].nunique() > 1]
    return {name: made[name].only(*wanted) if name == "cases" else made[name] for name in _READING}


def _grid(table: Table, spoken: Language, most: int) -> Iterator[str]:
    rows = [
        [spoken.cell(column, value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows
    ]
    lines = [[spoken.label(column) for column in table.columns], *rows[:most]]
    cut = [[_cut(_plain(cell)) for cell in line] for line in lines]
    widths = [max(_width(line[place]) for line in cut) for place in range(len(table.columns))]
    for line in cut:
        cells = zip(table.columns, line, widths, strict=True)
        yield "  ".join(_padded(column, cell, width) for column, cell, width in cells).rstrip()


def _plain(text: str) -> str:
    """Text that cannot steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _cut(text: str) -> str:
    if _width(text) <= _WIDEST:
        return text
    kept, width = "", 0
    for character in text:
        width += _width(character)
        if width > _WIDEST - 1:
            break
        kept += character
    return kept + "…"


def _padded(column: Column, text: str, width: int) -> str:
    blank = " " * (width - _width(text))
    return blank + text if column.numeric else text + blank
