"""Where things are and which keys are used: from the environment, then from `pvwatch.toml` in the home."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

_NAMES = {
    "home": "PVWATCH_HOME",
    "database_url": "PVWATCH_DATABASE_URL",
    "out": "PVWATCH_OUT",
    "inbox": "PVWATCH_INBOX",
    "reference": "PVWATCH_REFERENCE",
    "key": "PVWATCH_KEY",
    "sender": "PVWATCH_SENDER",
    "receiver": "PVWATCH_RECEIVER",
}


# Whose raw data may have a period of keeping, in years, under [retention] in pvwatch.toml.
RETAINED = ("archive", "quarantine", "done", "refused")


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it and says how to mend it."""


@dataclass(frozen=True)
class Settings:
    """One installation. Paths are absolute; `key` is a Fernet key (32 bytes, URL-safe base64); `sender` and `receiver`
    are the identifiers of E2B messages that are sent."""

    home: Path
    database_url: str
    out: Path
    inbox: Path
    reference: Path
    key: str
    sender: str = ""
    receiver: str = ""
    retention: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings. Raises SettingsError that names the key and the fix."""
        env = os.environ if environment is None else environment
        home = Path(env.get("PVWATCH_HOME") or "~/.pvwatch").expanduser().absolute()
        values, retention = _read_toml(home / "pvwatch.toml")
        values.update({name: env[key] for name, key in _NAMES.items() if env.get(key)})
        folder = {
            name: Path(values.get(name) or home / name).expanduser().absolute()
            for name in ("out", "inbox", "reference")
        }
        return cls(
            home=home,
            database_url=values.get("database_url") or f"sqlite:///{home / 'pvwatch.sqlite'}",
            key=values.get("key", ""),
            sender=values.get("sender", ""),
            receiver=values.get("receiver", ""),
            retention=retention,
            **folder,
        )

    @property
    def archive(self) -> Path:
        return self.home / "archive"

    def require_key(self) -> str:
        """The key, checked; while keys are changed the new and the old one with a comma between.

        Raises SettingsError where there is none or one is malformed.
        """
        if not self.key:
            raise SettingsError(
                "PVWATCH_KEY is not set. It encrypts the archive and hashes names, so keep it safe and "
                "apart from the data. Make one with: pvwatch make-key"
            )
        try:
            for one in self.key.split(","):
                Fernet(one.strip())
        except ValueError:
            raise SettingsError(
                "PVWATCH_KEY is not a key: 32 bytes in URL-safe base64 are expected. Make one with: pvwatch make-key"
            ) from None
        return self.key


def _read_toml(path: Path) -> tuple[dict[str, str], dict[str, float]]:
    if not path.is_file():
        return {}, {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Mend or remove the file.") from None
    retention = _periods(path, values.pop("retention", {}))
    unknown = sorted(set(values) - (set(_NAMES) - {"home", "key"}))
    if unknown:
        raise SettingsError(
            f"{path}: unknown key “{unknown[0]}”. Known keys: database_url, inbox, out, receiver, reference, sender "
            "(the key for encryption comes only from PVWATCH_KEY)."
        )
    wrong = [name for name, value in values.items() if not isinstance(value, str)]
    if wrong:
        raise SettingsError(f"{path}: “{wrong[0]}” must be text in quotes.")
    return values, retention


def _periods(path: Path, values: Any) -> dict[str, float]:
    """The years of keeping. Raises SettingsError where one is no number above 0."""
    if not isinstance(values, dict) or not set(values) <= set(RETAINED):
        raise SettingsError(f"{path}: under [retention] only {', '.join(RETAINED)} can have a period, in years.")
    for name, years in values.items():
        if isinstance(years, bool) or not isinstance(years, int | float) or not 0 < years < 1_000:
            raise SettingsError(f"{path}: “{name}” under [retention] must be a number of years, such as 10.")
    return {name: float(years) for name, years in values.items()}
