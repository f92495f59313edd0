"""Small drawings as inline SVG: an interval on a shared axis, and a row of bars. No script, the same bytes each time.

The text beside a drawing says the same in numbers; a drawing carries a label for screen readers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

_WIDTH, _HEIGHT = 212, 20
_INK, _QUIET, _GRAVE, _MARK = "#14507a", "#8fa1b3", "#a61b1b", "#b26a00"


def interval_chart(
    value: float,
    low: float,
    high: float,
    scale: float,
    label: str,
    *,
    marks: Sequence[float] = (),
    peers: float = math.nan,
    below: bool = False,
) -> Markup:
    """A dot with its interval on an axis from 0 to `scale`.

    `peers` is a thin line over the whole height, `marks` are dashed ones; an interval that runs off ends in an arrow.
    """
    colour = _GRAVE if below else _INK
    parts = [_line(_x(0, scale), _x(0, scale), _QUIET)]
    parts += [_line(_x(mark, scale), _x(mark, scale), _MARK, dashed=True) for mark in marks]
    if not math.isnan(peers):
        parts.append(_line(_x(peers, scale), _x(peers, scale), _QUIET))
    if not math.isnan(value):
        parts.append(_whisker(low, high, scale, colour))
        if value <= scale:
            parts.append(f'<circle cx="{_x(value, scale)}" cy="10" r="4" fill="{colour}"/>')
    return _svg(_WIDTH, _HEIGHT, label, parts)


def axis(scale: float) -> Markup:
    """The axis that belongs over a column of interval charts."""
    parts = [f'<line x1="{_x(0, scale)}" x2="{_x(scale, scale)}" y1="18.5" y2="18.5" stroke="{_QUIET}"/>']
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _x(scale * share, scale)
        anchor = "start" if share == 0 else "end" if share == 1 else "middle"
        parts.append(f'<line x1="{x}" x2="{x}" y1="14" y2="19" stroke="{_QUIET}"/>')
        parts.append(
            f'<text x="{x}" y="11" font-size="10.5" text-anchor="{anchor}" fill="#566474">{scale * share:,.6g}</text>'
        )
    return _svg(_WIDTH, _HEIGHT, "", parts)


def bars(values: Sequence[int], label: str) -> Markup:
    """One bar a week, the last one marked."""
    most = max(values, default=0)
    parts = []
    for place, value in enumerate(values):
        height = 0.0 if not most else round(24 * value / most, 2)
        colour = _INK if place == len(values) - 1 else _QUIET
        parts.append(f'<rect x="{place * 4}" y="{26 - height:g}" width="3" height="{height:g}" fill="{colour}"/>')
    parts.append(f'<line x1="0" x2="{len(values) * 4}" y1="26.5" y2="26.5" stroke="{_QUIET}"/>')
    return _svg(max(len(values), 1) * 4, 28, label, parts)


def _x(value: float, scale: float) -> str:
    return f"{6 + (_WIDTH - 12) * min(value / scale, 1):.1f}"


def _line(start: str, end: str, colour: str, *, dashed: bool = False) -> str:
    dash = ' stroke-width="1.5" stroke-dasharray="3 2"' if dashed else ""
    return f'<line x1="{start}" x2="{end}" y1="0" y2="{_HEIGHT}" stroke="{colour}"{dash}/>'


def _whisker(low: float, high: float, scale: float, colour: str) -> str:
    left, right = _x(low, scale), _x(high, scale)
    line = f'<line x1="{left}" x2="{right}" y1="10" y2="10" stroke="{colour}" stroke-width="2"/>'
    if high > scale:
        x = float(right)
        line += f'<path d="M{x - 5:.1f} 6 L{x:.1f} 10 L{x - 5:.1f} 14" fill="none" stroke="{colour}" stroke-width="2"/>'
    return line


def _svg(width: int, height: int, label: str, parts: Sequence[str]) -> Markup:
    role = Markup(' role="img" aria-label="{}"').format(label) if label else Markup(' aria-hidden="true"')
    body = Markup("".join(parts))  # noqa: S704 - made here from numbers only
    return Markup('<svg width="{}" height="{}" viewBox="0 0 {} {}"{}>{}</svg>').format(
        width, height, width, height, role, body
    )
