"""Why a pair is thought to be one event or not, and why it waits, for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from pv.duplicates.model import NEEDS, Model, model
from pv.duplicates.pairs import GROUP, HELD

_WORDS: Mapping[str, tuple[str, str]] = {
    "for": ("相符", "For it"),
    "against": ("不符", "Against it"),
    "waits": ("待人工原因", "It waits because"),
    NEEDS: ("无法确认是同一患者", "it is not known to be one patient"),
    GROUP: ("与已合并的另一份报告矛盾", "another report of its group contradicts it"),
    HELD: ("该文件拟合并的报告过多，整份暂缓", "its file would have merged too many reports"),
    "review": ("概率不足以自动合并", "it is not likely enough to be merged by itself"),
}


def explained(text: str, lang: str, weights: Model | None = None) -> list[tuple[str, str, float]]:
    """An explanation for people: comparison, level and weight in bits; what says nothing is left out."""
    known = weights or model()
    found = []
    for name, (level, bits) in json.loads(text)["levels"].items():
        comparison = known[name]
        if comparison.level(level).m:
            found.append((getattr(comparison, lang), getattr(comparison.level(level), lang), float(bits)))
    return found


def in_words(text: str, zone: str, lang: str) -> str:
    """The same as sentences: what speaks for one event and what against it, weightiest first, and why people decide."""
    told = sorted(explained(text, lang), key=lambda one: -abs(one[2]))
    parts = {
        "for": [_said(*one[:2], lang) for one in told if one[2] > 0],
        "against": [_said(*one[:2], lang) for one in told if one[2] < 0],
        "waits": list(_limits(json.loads(text)["limits"], zone, lang)),
    }
    colon, between, stop = ("：", "、", "；") if lang == "zh" else (": ", ", ", "; ")
    return stop.join(_word(name, lang) + colon + between.join(said) for name, said in parts.items() if said)


def _limits(limits: Iterable[str], zone: str, lang: str) -> Iterable[str]:
    for limit in [*limits, *([HELD] if zone == HELD else [])] or [zone]:
        if limit in _WORDS:
            yield _word(limit, lang)
        else:
            name, level = limit.split(".")
            comparison = model()[name]
            yield _said(getattr(comparison, lang), getattr(comparison.level(level), lang), lang)


def _said(comparison: str, level: str, lang: str) -> str:
    return comparison + level if lang == "zh" else f"{comparison.lower()} {level}"


def _word(name: str, lang: str) -> str:
    return _WORDS[name][lang == "en"]
