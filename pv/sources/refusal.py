"""A file that cannot be read is refused whole; nothing of it is stored."""

from __future__ import annotations


class FileRefused(Exception):  # noqa: N818 - it names what happened
    """`code` is a key of `messages.toml`; `values` fill its placeholders (file is added by the caller)."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values
