"""The command `pvwatch status`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from pv.cli.common import as_json_option, print_json, reported

_FATES = ("counted", "merged", "deleted", "duplicate", "misreport", "quarantined")
_SHOWN = 5  # refused files, official figures
_WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "files": "文件",
        "read": "读取",
        "stored": "入库",
        "unchanged": "未变",
        "quarantined": "隔离",
        "filed": "上报",
        "counted": "计入",
        "merged": "并入重复",
        "deleted": "已删除",
        "duplicate": "标为重复",
        "misreport": "错报误报",
        "unassigned": "未归属单位",
        "unmapped": "待对照",
        "to_review": "疑似重复待核对",
        "last_load": "最近导入",
        "waiting": "隔离待处理",
        "store": "数据库",
        "latest": "最新周次",
        "rows": "文件行数",
        "reports": "报告",
        "rendered": "已出报告的周次",
        "stale": "数据已有更新",
        "none": "无",
        "again": "重新生成",
        "refused": "拒收的文件",
        "inbox": "收件箱中待齐",
        "mend": "查看与更正",
        "replayed": "重新核对",
        "replayed_good": "已入库或未变",
        "official": "官方数",
        "differ": "与本系统数不一致",
        "failed": "账目不符",
        "never": "尚未导入",
    },
    "en": {
        "to_review": "possible duplicates to review",
        "last_load": "last load",
        "waiting": "waiting in quarantine",
        "store": "store",
        "latest": "latest week",
        "rows": "rows of files",
        "rendered": "weeks rendered",
        "stale": "stale",
        "again": "render them again",
        "refused": "files refused",
        "inbox": "waits in the inbox",
        "mend": "see and mend them",
        "replayed": "checked again",
        "replayed_good": "in order then",
        "official": "official figures entered",
        "differ": "not ours",
        "failed": "THE ACCOUNTS DO NOT ADD UP",
        "never": "nothing loaded",
    },
}


@click.command("status")
@as_json_option
@reported
def status(as_json: bool) -> None:
    """What the store holds and what waits for people. Exit code 1 where the accounts do not add up.

    \b
    Example:
      pvwatch status
    """
    from pv.messages import language
    from pv.settings import Settings
    from pv.status import status as current

    state = current(Settings.load())
    if as_json:
        print_json(state)
    else:
        for line in _lines(state, language()):
            click.echo(line)
    if state["failed"]:
        click.echo(f"pvwatch: {_word('failed', language())}: {state['failed']}", err=True)
        sys.exit(1)


def _word(name: str, lang: str) -> str:
    return _WORDS[lang].get(name, name)


def _lines(state: Mapping[str, Any], lang: str) -> Iterator[str]:
    def say(name: str, value: object) -> str:
        return f"{_word(name, lang)} {value:,}" if isinstance(value, int) else f"{_word(name, lang)} {value}"

    held = state["store"]
    size = f"{held['bytes'] / 1e6:,.1f} MB ({held['engine']})"
    yield f"{state['home']}; {say('store', size)}; {say('latest', state['latest_week'] or '—')}"
    rows = state["rows"]
    parts = " + ".join(say(name, rows[name]) for name in ("stored", "unchanged", "quarantined"))
    yield f"{_word('rows', lang)}: {say('files', rows['files'])}; {say('read', rows['read'])} = {parts}"
    replayed = (state["accounts"] or {}).get("all", {})
    if replayed.get("replayed"):
        yield f"  {say('replayed', replayed['replayed'])}; {say('replayed_good', replayed['replayed_good'])}"
    for stream, totals in state["streams"].items():
        yield from _stream_lines(stream, totals, lang, say)
    yield f"{_word('waiting', lang)}: {state['quarantine']['waiting']:,}"
    if state["quarantine"]["waiting"]:
        yield f"  {_word('mend', lang)}: pvwatch quarantine"
    yield from _official_lines(state["official"], lang)
    yield from _refusal_lines(state["refused"], lang)
    yield from (f"{_word('inbox', lang)}: {one[lang]}" for one in state["inbox"])
    stale = state["weeks_stale"]
    told = ", ".join(stale) if stale else _word("none", lang)
    yield f"{_word('rendered', lang)}: {state['weeks_rendered']}; {_word('stale', lang)}: {told}"
    if stale:
        yield f"  {_word('again', lang)}: pvwatch backfill --from {stale[0]} --to {stale[-1]}"


def _stream_lines(stream: str, totals: Mapping[str, Any], lang: str, say: Any) -> Iterator[str]:
    from pv.reference import streams

    named = streams()[stream]
    title = f"{named.zh} {stream}" if lang == "zh" else stream
    if not totals["files"]:
        yield f"{title}: {_word('never', lang)}"
        return
    parts = " + ".join(say(name, totals[name]) for name in _FATES)
    yield f"{title}: {say('filed', totals['filed'])} = {parts}"
    beside = ", ".join(
        say(name, totals[name]) for name in ("unassigned", "unmapped", "to_review", "files", "last_load")
    )
    yield f"  {beside}"


def _official_lines(official: Mapping[str, Any], lang: str) -> Iterator[str]:
    from pv.rendering.labels import code_label

    if not official["entered"]:
        return
    differ = official["differ"]
    yield f"{_word('official', lang)}: {official['entered']}; {_word('differ', lang)}: {len(differ)}"
    for row in differ[:_SHOWN]:
        place = row["hospital"] or row["area"] or "—"
        why = "; ".join(code_label("official_why", code, lang) for code in row["why"].split(";"))
        basis = code_label("counting_basis", row["basis"], lang)
        yield (
            f"  {row['stream']} {place} {row['period']} ({basis}): {row['official']:,} − {row['ours']:,} = "
            f"{row['difference']:+,}; {why}"
        )
    if len(differ) > _SHOWN:
        yield f"  … + {len(differ) - _SHOWN} (--json)"


def _refusal_lines(refused: list[Mapping[str, Any]], lang: str) -> Iterator[str]:
    if refused:
        yield f"{_word('refused', lang)}: {len(refused)}"
    for one in refused[:_SHOWN]:
        yield f"  {one['file']} ({one['recorded_at']}): {one[lang]}"
    if len(refused) > _SHOWN:
        yield f"  … + {len(refused) - _SHOWN} (--json)"
