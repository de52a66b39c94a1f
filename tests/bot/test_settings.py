"""Settings: secrets from files, and all problems reported at once without values."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import SettingsError, read_partial, read_settings

SECRET = "a-very-secret-token"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use an empty working directory, with both secrets in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_TOKEN", SECRET)
    monkeypatch.setenv("FOXAPI_KEY", SECRET)


def test_secrets_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A _FILE variable is read as the value, also from .env; an empty one counts as unset."""
    (tmp_path / "token").write_text("from-a-file\n")
    (tmp_path / "url").write_text("sqlite+aiosqlite:///else.db\n")
    (tmp_path / ".env").write_text("DATABASE_URL_FILE=url\nFOXAPI_KEY_FILE=\n")
    monkeypatch.setenv("DISCORD_TOKEN", "")
    monkeypatch.setenv("DISCORD_TOKEN_FILE", str(tmp_path / "token"))
    settings = read_settings()
    assert settings.discord_token.get_secret_value() == "from-a-file"
    assert settings.foxapi_key.get_secret_value() == SECRET
    assert settings.database_url == "sqlite+aiosqlite:///else.db"


def test_a_value_and_a_file_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting both variables is an error that shows neither value."""
    monkeypatch.setenv("DISCORD_TOKEN_FILE", "token")
    with pytest.raises(
        SettingsError, match=r"^DISCORD_TOKEN and DISCORD_TOKEN_FILE are both set: remove one of them\.$"
    ):
        read_settings()


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read"), (b"\xff\xfe", "not a text file"), (b" \n", "is empty")],
    ids=["missing", "binary", "empty"],
)
def test_a_file_of_no_use_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, says: str
) -> None:
    """An unreadable file is reported with the variable and the path."""
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.delenv("FOXAPI_KEY")
    monkeypatch.setenv("FOXAPI_KEY_FILE", str(file))
    with pytest.raises(SettingsError, match=says) as raised:
        read_settings()
    assert str(file) in str(raised.value)
    assert "FOXAPI_KEY_FILE" in str(raised.value)


def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invalid address is answered with an example, not with a regular expression."""
    for name, value in {"DISCORD_TOKEN": "t", "FOXAPI_KEY": "k", "FOXAPI_URL": "fox", "FILES_URL": "bucket"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert str(refused.value) == (
        "FOXAPI_URL is not a valid address: use one such as https://api.foxapi.cc. "
        "FILES_URL is not a valid address: use one such as s3://bucket/folder."
    )


def test_every_fault_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wrong variable has a sentence without its value, and the other variables are still read."""
    monkeypatch.delenv("DISCORD_TOKEN")
    monkeypatch.setenv("MAX_RUNNING", SECRET)
    monkeypatch.setenv("LOG_LEVEL", SECRET)
    monkeypatch.setenv("KEEP_DAYS", "3")
    reading = read_partial()
    assert reading.problems.keys() == {"DISCORD_TOKEN", "MAX_RUNNING", "LOG_LEVEL"}
    assert SECRET not in str(reading.problems)
    assert (reading.settings.keep_days, reading.settings.max_running) == (3, 20)


def test_an_unreadable_dot_env_is_one_sentence(tmp_path: Path) -> None:
    """A binary .env file ends in a sentence, not in a traceback."""
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        read_settings()


def test_a_lease_outlives_a_shutdown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease under 15 seconds is refused in a sentence, except with a stand-in for Discord on this machine."""
    monkeypatch.setenv("LEASE_SECONDS", "14")
    assert "at least 15" in read_partial().problems["LEASE_SECONDS"]
    monkeypatch.setenv("DISCORD_API_URL", "http://127.0.0.1:1/api/v10")
    assert read_partial().problems == {}
