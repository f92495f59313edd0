"""The workbook of wordings that wait: people answer in it and drop it into the inbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from xlsxwriter.worksheet import Worksheet

from pv.forms.learned import Question as Asked
from pv.mapping.questions import MOST, Question
from pv.rendering.columns import Column, Table
from pv.rendering.workbook import Book

AS_WRITTEN = "原文正确 as written"
WITHDRAWN = "取消对照 withdraw"
_ASKED = (
    Column("stream", "报告类别", "Stream", "code", "stream", 12),
    Column("kind", "种类", "Kind", "code", "unmapped_kind", 14),
    Column("wording", "原文", "As written", width=34),
)
_FILLED = (
    Column("answer", "对照为", "Counts as", width=34),
    Column("decided_by", "填写人", "Filled in by", width=14),
    Column("note", "说明", "Note", width=24),
)
_KNOWN = (
    Column("beside", "名称", "Name", width=26),
    Column("reason", "原因", "Why", "code", "unmapped_reason", 26),
    Column("cases", "病例数", "Cases", "count", width=9),
)
_SUGGESTED = tuple(
    column
    for rank in range(1, MOST + 1)
    for column in (
        Column(f"suggestion_{rank}", f"建议{rank}", f"Suggestion {rank}", width=30),
        Column(f"score_{rank}", f"相似度{rank}", f"Score {rank}", "count", width=9),
    )
)
_CHOICES = tuple(Column(f"choice_{place}", f"选项{place}", f"Choice {place}", width=60) for place in range(MOST + 1))
_COLUMNS = (*_ASKED, *_KNOWN, *_FILLED, *_SUGGESTED, *_CHOICES)
_LEARNED = (*_ASKED, Column("now", "现对照为", "Counts as now", width=34), *_FILLED)
_SHEETS = (("hospital", "报告单位"), ("product", "产品"), ("event", "事件"))
_GUIDE = (
    (
        "本表列出尚无对照的用语，每个工作表一类，病例多的在前。请在黄色的“对照为”栏填写，并填写填写人。",
        "Wordings without a mapping, a sheet a kind, most cases first. Answer in the yellow column, with your name.",
    ),
    (
        "可从下拉列表选择建议，也可自行填写。建议按字面相似度（0–100）排序，仅供参考，系统不会自动采用。",
        "Choose a suggestion or write your own. They are ranked by likeness of letters; none is applied by itself.",
    ),
    (
        f"原文本身正确（或报告单位不属本辖区）：选“{AS_WRITTEN}”，今后不再询问。",
        f"The wording is right, or the unit is none of yours: choose “{AS_WRITTEN}”; it is not asked about again.",
    ),
    (
        "不确定的行请留空，空行不作处理，下次仍会列出。",
        "Leave a row empty where you are not sure; it is passed over and comes again.",
    ),
    (
        "填好后保存，放入收件箱（inbox），或执行 pvwatch ingest；受影响的周次会重新计算。",
        "Save it and drop it into the inbox, or give it to pvwatch ingest; the weeks concerned are computed again.",
    ),
    (
        f"“已学习”工作表列出现行的对照；改写或填“{WITHDRAWN}”即可更改或取消。",
        f"The sheet 已学习 lists what has been learned; write another answer, or “{WITHDRAWN}”, to change it.",
    ),
)


def write_unmapped(path: Path, asked: Sequence[Question], learned: Mapping[Asked, str], made: datetime) -> None:
    """Write the workbook: a guide, a sheet for each kind that has questions, and what has been learned."""
    with Book(path, "待对照用语 Wordings that wait for a mapping", made) as book:
        _guide(book, asked, learned)
        for kind, name in _SHEETS:
            mine = [one for one in asked if one.kind == kind]
            if mine:
                _questions(book, name, mine)
        if learned:
            rows = tuple((*question, answer, "", "", "") for question, answer in sorted(learned.items()))
            table = Table(_LEARNED, rows)
            _entries(book, book.table_sheet("已学习", table, frozen=3, form=True), table)


def _guide(book: Book, asked: Sequence[Question], learned: Mapping[Asked, str]) -> None:
    sheet = book.empty_sheet("填写说明")
    sheet.set_column(0, 0, 120)
    counts = {name: sum(one.kind == kind for one in asked) for kind, name in _SHEETS}
    total = "，".join(f"{name} {count}" for name, count in [*counts.items(), ("已学习", len(learned))])
    book.put_text(sheet, 0, 0, "待对照用语 Wordings that wait for a mapping", bold=True, font_size=14)
    book.put_text(sheet, 1, 0, total)
    row = 3
    for zh, en in _GUIDE:
        book.put_text(sheet, row, 0, zh, text_wrap=True)
        book.put_text(sheet, row + 1, 0, en, text_wrap=True, font_color="#595959")
        row += 3


def _questions(book: Book, name: str, asked: Iterable[Question]) -> None:
    rows = tuple(_row(one) for one in asked)
    table = Table(_COLUMNS, rows)
    sheet = book.table_sheet(name, table, frozen=3, form=True)
    first, last = table.place("choice_0"), table.place(f"choice_{MOST}")
    sheet.set_column(first, last, None, None, {"hidden": True})
    sheet.fit_to_pages(2, 0)  # questions and answers, then the suggestions
    _entries(book, sheet, table)
    answer = table.place("answer")
    sheet.data_validation(
        *(1, answer, len(rows), answer),
        {
            "validate": "list",
            "source": f"=${_letters(first)}2:${_letters(last)}2",
            "show_error": False,  # another answer may be written
            "input_title": "对照为 Counts as",
            "input_message": "选择或填写；不确定请留空。Choose or write; leave empty if unsure.",
        },
    )
    for column in ("stream", "beside"):
        place = table.place(column)
        if not any(row[place] for row in rows):
            sheet.set_column(place, place, None, None, {"hidden": True})


def _entries(book: Book, sheet: Worksheet, table: Table) -> None:
    """Coloured empty cells where people write; and nothing where there is nothing, since what is shown is read."""
    first = table.place("answer")
    entry, plain = book.style(entry=True), book.style()
    for row, values in enumerate(table.rows, start=1):
        for place in range(first, first + len(_FILLED)):
            sheet.write_blank(row, place, None, entry)
        for place, value in enumerate(values):
            if value in {"", None} and not first <= place < first + len(_FILLED):
                sheet.write_blank(row, place, None, plain)


def _row(one: Question) -> tuple[object, ...]:
    found: list[object] = []
    for suggestion in one.suggestions:
        found += [suggestion.shown, suggestion.score]
    missing = MOST - len(one.suggestions)
    found += ["", None] * missing
    choices = [AS_WRITTEN, *(suggestion.shown for suggestion in one.suggestions), *[""] * missing]
    return (one.stream, one.kind, one.wording, one.beside, one.reason, one.cases, "", "", "", *found, *choices)


def _letters(place: int) -> str:
    """The letters of a column: 0 is A, 26 is AA."""
    high, low = divmod(place, 26)
    return (chr(64 + high) if high else "") + chr(65 + low)
