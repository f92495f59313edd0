"""Messages of the intake in Chinese and English, from `reference/messages.toml`."""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping

from pv import reference


def language(environment: Mapping[str, str] | None = None) -> str:
    """ "zh" or "en": PVWATCH_LANG where it is set, else the locale of the user."""
    env = os.environ if environment is None else environment
    wanted = env.get("PVWATCH_LANG") or env.get("LC_ALL") or env.get("LANG") or locale.getlocale()[0] or ""
    return "zh" if wanted.lower().startswith(("zh", "chinese")) else "en"


def refusal(code: str, values: Mapping[str, object], lang: str) -> str:
    text = reference.shipped_toml("messages")["refused"][code][lang]
    return str(text).format_map(values)


def problem(code: str, lang: str) -> str:
    return str(reference.shipped_toml("messages")["problem"][code][lang])


def health(code: str, values: Mapping[str, object], lang: str) -> str:
    """What `pvwatch doctor` says of a check."""
    return str(reference.shipped_toml("messages")["health"][code][lang]).format_map(values)


def prior_warning(code: str, lang: str) -> str:
    """What is to be said against the prior behind EBGM."""
    return str(reference.shipped_toml("messages")["prior"][code][lang])


def unwritten(code: str, value: str, lang: str) -> str:
    """Why a case was not exported."""
    return str(reference.shipped_toml("messages")["unwritten"][code][lang]).format(value=value)


def outcome(code: str) -> str:
    """ "quarantine" or "warning"."""
    return str(reference.shipped_toml("messages")["problem"][code]["outcome"])
