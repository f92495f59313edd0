"""What of a cell may be told in an account, a log or the store: enough to find it, and nothing of a person.

Cells of dates, ages and codes are told where they cannot be read. Where a row is displaced by a cell, or two headings
have changed places, a name or a telephone number stands in them; so only what belongs into such a cell is told, the
rest is `***`. The place of the cell (sheet, row, column) is always told.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from functools import cache

from pv.text import code_list

HIDDEN = "***"

_MAIL = re.compile(r"[^\s@,;，；]+@[^\s@,;，；]+")
_TELEPHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)|(?<!\d)0\d{2,3}[- ]\d{7,8}(?!\d)")
_IDENTITY = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")
_DIGITS = re.compile(r"\d{15,}|(?<![\d.])\d{9,11}(?![\d.])")  # no date, time or age has so many; 14: 20261110091233
_DAY = re.compile(r"\d{8}|\d{4}\D{1,2}\d")
_LONG = re.compile(r"\d{6,}|\d{4}\D{1,2}\d{1,2}\D")
_BORN = re.compile(
    r"\d{4}\D{1,2}\d{1,2}\D{1,2}\d{1,2}.*[\u3400-\u9fff]{2}|[\u3400-\u9fff]{2}.*\d{4}\D{1,2}\d{1,2}\D{1,2}\d"
)
_LETTERS = re.compile(r"[^\W\d_]+")
_TIME_WORDS = re.compile(
    r"(?:不详|不明|未知|未提供|未说明|暂无|没有|昨天|今天|明天|前天|昨日|今日|去年|今年|上周|本周|上月|本月|上午|下午|左右|大约"
    r"|成人|成年|新生儿|婴儿|幼儿|儿童|老年|周岁|年|月|日|号|时|分|秒|岁|个|约|无|空|初|旬|天|前|后|[零〇一二三四五六七八九十百千两几多半])+"
    r"|t|z|am|pm|utc|gmt|nan|nat|nil|none|null|unk|unknown|missing|na|n|a|days?|weeks?|months?|years?|yrs?|y|m|d|h|old|adult|child"
    r"|infant|elderly|about|yesterday|today|tomorrow|jan\w*|feb\w*|mar\w*|apr\w*|may|june?|july?|aug\w*|sep\w*|oct\w*|nov\w*|dec\w*",
    flags=re.IGNORECASE,
)
_PLAIN_WORDS = (
    "不 未 无 非 否 是 没有 其他 其它 待 暂 缺 空 说明 不明 详 知 确定 填 选 见 好 转 后 已 有 的 "
    "很 较 轻 微 中 重 度 级 类 型 特别 极 伤 亡 死 可疑 主要 次要 用药 药品 合用"
).split()
_NAME_LIKE = re.compile(r"[\u3400-\u9fff·]{2,4}")
_ORGANISATION = re.compile(
    r"医院|卫生|医疗|保健|诊所|门诊|药|公司|集团|中心|疾控|站|所|院|厂|店|馆|学校|大学|机构|部门"
    r"|hospital|clinic|health|centre|center|pharm|university|school|company|ltd|inc|gmbh",
    flags=re.IGNORECASE,
)


def time(text: str) -> str:
    """A cell of a date or time: figures and the words that go with them.

    >>> time("2026年13月5日"), time("明天"), time("张三"), time("13912345678"), time("1951-03-07 王五")
    ('2026年13月5日', '明天', '***', '***', '***')
    """
    strange = any(not _TIME_WORDS.fullmatch(word) for word in _LETTERS.findall(text))
    return HIDDEN if strange or any(found.search(text) for found in (_MAIL, _TELEPHONE, _DIGITS)) else text


def age(text: str) -> str:
    """A cell of an age: as that of a time, and no day of birth.

    >>> age("九百"), age("40 y"), age("1951-03-07"), age("19510307"), age("张三")
    ('九百', '40 y', '***', '***', '***')
    """
    return HIDDEN if _DAY.search(text) else time(text)


def code(text: str, lists: Iterable[str]) -> str:
    """A cell of a code: a wording that is made of wordings of the lists and plain words, and no day or long number.

    >>> code("较重", ["severity"]), code("未说明", ["sex"]), code("张三", ["sex"]), code("13912345678", ["sex"])
    ('较重', '未说明', '***', '***')
    """
    if _LONG.search(text):
        return HIDDEN
    bare = "".join(letter for letter in text.casefold() if letter.isalnum())
    return text if len(bare) < 2 or any(_words(name).fullmatch(bare) for name in lists) else HIDDEN


@cache
def _words(name: str) -> re.Pattern[str]:
    known = {"".join(letter for letter in written.casefold() if letter.isalnum()) for written in code_list(name)}
    words = sorted({*known, *_PLAIN_WORDS, *"0123456789"} - {""}, key=len, reverse=True)
    return re.compile(f"(?:{'|'.join(map(re.escape, words))})+")


def number(text: str) -> str:
    """The number of a report: neither a wording without figures, nor one with a day, nor the number of a telephone or
    identity card.

    >>> number("330100202600001"), number("张三"), number("13912345678"), number("11010519491231002X")
    ('330100202600001', '***', '***', '***')
    >>> number("沪2026-11-10-1"), number("1951-03-07 张三")
    ('沪2026-11-10-1', '***')
    """
    bare = text.strip()
    wordy = any(letter > "\u2e80" for letter in bare) and not any(letter.isdigit() for letter in bare)
    wordy = wordy or bool(_BORN.search(bare))
    return HIDDEN if wordy or _MAIL.search(bare) or _TELEPHONE.fullmatch(bare) or _is_identity(bare) else text


def identifier(text: str) -> str:
    """A device identifier or trace code that cannot be read: letters and figures, no words.

    >>> identifier("(01)0693123456789"), identifier("张三 1951"), identifier("13912345678")
    ('(01)0693123456789', '***', '***')
    """
    bare = unicodedata.normalize("NFKC", text).strip()
    wordy = any(letter > "\u2e80" for letter in bare)
    if wordy or any(found.search(bare) for found in (_MAIL, _TELEPHONE, _IDENTITY)):
        return HIDDEN
    return bare


def _is_identity(text: str) -> bool:
    """An eighteen-digit citizen number: a day of birth in the middle, a check digit at the end (GB 11643-1999)."""
    if not _IDENTITY.fullmatch(text):
        return False
    try:
        date.fromisoformat(f"{text[6:10]}-{text[10:12]}-{text[12:14]}")
    except ValueError:
        return False
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17].upper()


def is_telephone(text: str) -> bool:
    return bool(_TELEPHONE.fullmatch(text))


def remark(text: str) -> str:
    """A free text of people: without numbers of telephones and identity cards, and addresses of mail.

    Names in it cannot be told from other words.

    >>> remark("来电13912345678，身份证11010519491231002X，诉皮疹2次，编号330100202600001")
    '来电***，身份证***，诉皮疹2次，编号330100202600001'
    """
    bare = _IDENTITY.sub(lambda found: HIDDEN if _is_identity(found[0]) else found[0], text)
    return _TELEPHONE.sub(HIDDEN, _MAIL.sub(HIDDEN, bare))


def organisation(text: str, *, displaced: bool = True) -> str:
    """A reporting unit: left out where it may be a person; in a displaced row where nothing tells that it is a unit.

    >>> organisation("第一人民医院"), organisation("张三"), organisation("张三", displaced=False), organisation("X 1")
    ('第一人民医院', '', '', '')
    """
    if any(found.search(text) for found in (_MAIL, _TELEPHONE, _IDENTITY)):
        return ""
    return text if _ORGANISATION.search(text) or not (displaced or _NAME_LIKE.fullmatch(text.strip())) else ""
