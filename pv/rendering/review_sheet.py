"""The sheet 疑似重复: pairs of reports that may tell the same event, a form (`duplicates`) that people fill in."""

from __future__ import annotations

from pv.rendering.columns import CASE, HOSPITAL, RECEIVED, STREAM, Column, Table
from pv.rendering.formats import Kind
from pv.rendering.labels import CODES
from pv.rendering.workbook import Book
from pv.reviews import FACTS
from pv.sources.forms import form

SHEET = "疑似重复"
_FORM = form("duplicates")


def _entry(name: str, width: int, codes: str = "") -> Column:
    """A column by whose heading the form is known again."""
    kind: Kind = "code" if codes else "text"
    return Column(name, _FORM.heading(name, "zh"), _FORM.heading(name, "en"), kind, codes, width)


_FACT_COLUMNS = {
    "received_on": RECEIVED,
    "onset_on": Column("onset_on", "发生日期", "Onset", "day", width=12),
    "sex": Column("sex", "性别", "Sex", "code", "sex", 9),
    "age_band": Column("age_band", "年龄段", "Age band", width=9),
    "products": Column("products", "产品", "Products", width=30),
    "events": Column("events", "事件", "Events", width=26),
    "outcome": Column("outcome", "转归", "Outcome", "code", "outcome", 12),
    "hospital": HOSPITAL,
}


def _other(column: Column) -> Column:
    kind, codes, width = column.kind, column.codes, column.width
    return Column(f"other_{column.name}", f"另一份{column.zh}", f"Other: {column.en}", kind, codes, width)


REVIEWS = (
    _entry("stream", STREAM.width, STREAM.codes),
    _entry("case_number", CASE.width),
    _entry("other_number", CASE.width),
    Column("probability", "同一事件的概率", "Probability of one event", "probability", width=10),
    Column("zone", "状态", "Waits as", "code", "review_zone", 12),
    Column("reasons_zh", "依据", "Why, in Chinese", width=56),
    *(column for fact in FACTS for column in (_FACT_COLUMNS[fact], _other(_FACT_COLUMNS[fact]))),
    Column("reasons", "依据（英文）", "Why", width=56),
)
ENTRIES = (_entry("verdict", 18), _entry("decided_by", 14), _entry("note", 30))

# How many wait and how many are merged, per stream.
DUPLICATES = (
    STREAM,
    Column("waiting", "待人工判定", "Pairs that wait for people", "count", width=10),
    Column("held", "其中整份暂缓", "of them: file held back", "count", width=10),
    Column("merged", "已合并报告", "Reports merged", "count", width=10),
    Column("merged_exact", "完全一致", "without doubt", "count", width=10),
    Column("merged_likely", "高度相似", "very likely", "count", width=10),
    Column("merged_people", "人工判定", "by people", "count", width=10),
)


def put_reviews(book: Book, reviews: Table) -> None:
    """What is known of each pair, differences marked; then coloured cells for people, the verdict from a list."""
    table = Table((*reviews.columns, *ENTRIES), tuple((*row, *("" for _ in ENTRIES)) for row in reviews.rows))
    sheet = book.table_sheet(SHEET, table, frozen=3, form=True)
    first, rows = len(reviews.columns), max(1, len(table))
    for row in range(1, rows + 1):
        for place in range(first, len(table.columns)):
            sheet.write_blank(row, place, None, book.style(entry=True))
    sheet.data_validation(
        *(1, first, rows, first),
        {
            "validate": "list",
            "source": [f"{zh} {en}" for zh, en in CODES["verdict"].values()],
            "error_title": f"{ENTRIES[0].zh} {ENTRIES[0].en}",
            "error_message": "请从列表中选择。Choose from the list.",
        },
    )
    differs = book.style(bold=True, font_color="#9C0006")
    for fact in FACTS:
        place = reviews.place(fact)
        one, other = (f"${_letters(at)}2" for at in (place, place + 1))
        rule = f'=AND({one}<>"—",{other}<>"—",{one}<>{other})'
        sheet.conditional_format(1, place, rows, place + 1, {"type": "formula", "criteria": rule, "format": differs})


def _letters(place: int) -> str:
    """The column of a sheet by its place: A, …, Z, AA, …"""
    return (_letters(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)
