"""What a format cannot tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unwritten:
    """A case that was not written; `code` is a key of `[unwritten]` in `messages.toml`, `value` what it is about."""

    case: str
    code: str
    value: str
