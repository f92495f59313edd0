"""A draft as a mapping file, with what a person must check beside each line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from pv.drafting.drafts import SURE, Draft, Guess
from pv.reference import streams
from pv.sources.date_forms import FORMS
from pv.sources.own_layouts import described, fields_of
from pv.text import code_list

MOST_SHOWN = 20  # values of a code that are listed


def mapping_text(found: Draft, path: Path) -> str:
    """TOML, UTF-8. What is doubtful stands behind #; a person takes the mark away or leaves it."""
    parts = (_intro(found, path), _columns(found), _dates(found), _split(found), _values(found), _fields(found))
    return "\n".join(line for part in parts for line in part) + "\n"


def _quoted(text: str) -> str:
    """A basic string of TOML; JSON writes the same escapes."""
    return json.dumps(text, ensure_ascii=False)


def _intro(found: Draft, path: Path) -> Iterator[str]:
    stream = streams()[found.stream]
    sheet = f"，工作表 sheet {found.sheet}" if found.sheet else ""
    yield f"# 字段对照文件草稿 Draft of a mapping file: {path.name.translate(_NO_BREAKS)}{sheet}"
    if found.known:
        yield f"# 注意：此文件已按内置版式 {found.known} 识别，可直接导入，不需要本文件。"
        yield f"# This file is read as {found.known} already. No mapping file is needed, and this one would be refused."
    yield "# 请逐行核对，改好后放入参考数据文件夹的 layouts/ 下；然后用 pvwatch ingest --dry-run 试导入。"
    yield "# Check every line, put the file into layouts/ of the reference folder, then: pvwatch ingest --dry-run FILE"
    for missing in found.missing:
        words = "，".join(f"{name} {described(name)['zh']} {described(name)['en']}" for name in missing.split(" / "))
        yield f"# 缺少 MISSING: {words}"
    yield ""
    yield f"stream = {_quoted(found.stream)}  # {stream.zh} {stream.en}"
    if found.roles:
        roles = ", ".join(map(_quoted, found.roles))
        yield f"roles = [{roles}]  # 同一行第一、第二个产品 of the first and second product of a row"
    yield ""


_NO_BREAKS = dict.fromkeys((*range(32), 127), " ")


def _columns(found: Draft) -> Iterator[str]:
    yield "[columns]  # 表头 heading = 字段 field；末尾为把握程度 at the end: how sure, 0 to 1"
    for one in found.guesses:
        if one.field and one.confidence < SURE:
            yield f'{_quoted(one.heading)} = ""'
            yield f"#? {_quoted(one.heading)} = {_quoted(one.field)}  {_told(one)}；请确认 please confirm"
        elif one.field:
            yield f"{_quoted(one.heading)} = {_quoted(one.field)}  {_told(one)}"
        else:
            yield f'{_quoted(one.heading)} = ""'
    yield ""


def _told(one: Guess) -> str:
    words = described(one.field)
    return f"# {words['zh']} {words['en']}; {one.confidence:.2f} ({one.why})"


def _dates(found: Draft) -> Iterator[str]:
    if not found.dates:
        return
    yield f"[dates]  # 日期写法 how days are written: {', '.join(FORMS)}"
    for name, form in found.dates.items():
        sample = _quoted(found.filled[name].heading)
        if form == "?":
            yield f"# {sample}：日、月顺序无法判断，请选一种 day and month cannot be told apart; choose one"
            yield f'#? {name} = "day/month/year"'
            yield f'#? {name} = "month/day/year"'
        else:
            yield f"{name} = {_quoted(form)}  # {sample}"
    yield ""


def _split(found: Draft) -> Iterator[str]:
    if not found.split:
        return
    yield "[split]  # 一格内有多项时的分隔符 the sign between several entries in a cell"
    for name, sign in found.split.items():
        one = found.filled[name]
        if sign == "?":
            yield f"# {_quoted(one.heading)}：逗号是否为分隔符？ do commas part the terms, or stand in them?"
            yield f'#? {name} = ","'
            yield f'#? {name} = ";"'
        else:
            yield f"{name} = {_quoted(sign)}  # {one.profile.separators[sign]} cells of {_quoted(one.heading)}"
    yield ""


def _values(found: Draft) -> Iterator[str]:
    for name, values in found.values.items():
        ours = ", ".join(dict.fromkeys(code_list(name)))
        yield f"[values.{name}]  # 表中写法 as written = 本系统用语 one of: {ours}"
        counts: Mapping[str, int] = found.filled[name].profile.codes
        for text, meant in list(values.items())[:MOST_SHOWN]:
            mark = "" if meant else "#? "
            yield f"{mark}{_quoted(text)} = {_quoted(meant)}  # {counts[text]}"
        yield ""


def _fields(found: Draft) -> Iterator[str]:
    """The fields that nothing fills yet, for who looks for one."""
    yield "# 其余可用字段 Other fields:"
    for name in fields_of(found.stream):
        if name not in found.filled and "." not in name:
            yield f"#   {name}  {described(name)['zh']} {described(name)['en']}"
