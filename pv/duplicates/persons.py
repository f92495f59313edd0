"""Who the patient is, as far as a search for duplicates needs it: which written names and record numbers say it.

`patient_hash` tells name, birth (or age) and sex together; a report that leaves the birth date out, or the age, then
looks like one of another patient. Name and birth date are hashed by themselves as well, so that what two reports both
tell is compared.
"""

from __future__ import annotations

import re

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pv.text import BLANK, clean, over_unique

# “张某”, “张**”, “王女士”, initials and numbers name nobody: taken for names they would make one patient of many.
_NOBODY_WORDS = (
    "某|匿名|佚名|不详|未知|不明|不便|隐去|未提供|患者|病人|保密|^无名|^无$|^测试|先生|女士|小姐|男士|阿姨|大爷|同学|"
    "消费者|顾客|客户|用户|家属|家长|新生儿|婴儿|患儿|儿童|^[男女]$|^[男女][性童婴]$"
)
_NOBODY = re.compile(
    _NOBODY_WORDS + r"|[*?？※]|(?<![a-z])x+(?![a-z])|^test|unknown|anonym|privacy|masked|confidential|withheld|^patient"
)
_BETWEEN = re.compile(r"[\s.·•・,，\-]+")  # within a name a matter of typing
_INITIALS = re.compile(r"[a-z]{0,3}|[\W\d_]*")
_HAN = r"^[\x{3400}-\x{4dbf}\x{4e00}-\x{9fff}]{2,}$"


def bare_name(written: str) -> str:
    """A name without what differs between ways of typing it; "" where it names nobody."""
    text = clean(written)
    name = _BETWEEN.sub("", text).casefold()
    if text in BLANK or len(name) < 2 or _NOBODY.search(name) or _INITIALS.fullmatch(name):
        return ""
    return name


def bare_names(written: pd.Series[str]) -> pd.Series[str]:
    """`bare_name` of every text. Names of Chinese characters alone, nearly all, are looked at by Arrow."""
    cells = pa.array(written, pa.large_string(), from_pandas=True)
    plain = pc.match_substring_regex(cells, _HAN)
    nobody = pc.match_substring_regex(cells, _NOBODY_WORDS)
    blank = pa.scalar("", pa.large_string())
    named = pc.if_else(pc.and_not(plain, nobody), cells, blank)
    others = over_unique(pd.Series(pc.if_else(plain, blank, cells), index=written.index, dtype="str"), bare_name)
    found = pc.if_else(plain, named, pa.array(others, pa.large_string(), from_pandas=True))
    return pd.Series(found, index=written.index, dtype="str")


_FILLER = re.compile(r"\W*|.{0,2}|\W*(.)(\1|\W)*", re.DOTALL)  # “/”, “0”, “12”, “0000”
_NO_NUMBER = re.compile("无|不详|未知|未|不明|暂|^[*?？]|[*?？]{2}")


def tells_record(written: str) -> str:
    """A record number as it is; "" for what stands there where there is none (“无”, “/”, “0000”) or is masked."""
    return "" if _FILLER.fullmatch(written) or _NO_NUMBER.search(written) else written
