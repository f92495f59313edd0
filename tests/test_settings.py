from pathlib import Path

import pytest

from pv.settings import Settings, SettingsError
from tests.conftest import KEY


def test_everything_lies_in_the_home_unless_said_otherwise(tmp_path: Path) -> None:
    settings = Settings.load({"PVWATCH_HOME": str(tmp_path), "PVWATCH_OUT": str(tmp_path / "web")})
    assert settings.database_url == f"sqlite:///{tmp_path / 'pvwatch.sqlite'}"
    assert (settings.out, settings.inbox) == (tmp_path / "web", tmp_path / "inbox")
    assert settings.archive == tmp_path / "archive"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "pvwatch.toml").write_text('out = "/a"\ninbox = "/b"\n', encoding="utf-8")
    settings = Settings.load({"PVWATCH_HOME": str(tmp_path), "PVWATCH_INBOX": "/c"})
    assert (settings.out, settings.inbox) == (Path("/a"), Path("/c"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ouf = 'x'", "unknown key “ouf”"),
        ("key = 'x'", "only from PVWATCH_KEY"),
        ("out = 3", "must be text"),
        ("out =", "cannot be read"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pvwatch.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        Settings.load({"PVWATCH_HOME": str(tmp_path)})


def test_the_key_is_asked_for_and_checked(tmp_path: Path) -> None:
    home = {"PVWATCH_HOME": str(tmp_path)}
    assert Settings.load(home | {"PVWATCH_KEY": KEY}).require_key() == KEY
    with pytest.raises(SettingsError, match="pvwatch make-key"):
        Settings.load(home).require_key()
    with pytest.raises(SettingsError, match="is not a key"):
        Settings.load(home | {"PVWATCH_KEY": "secret"}).require_key()
