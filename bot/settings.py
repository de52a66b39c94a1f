"""Settings, read from the environment (and a `.env` file) once, by `__main__`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.rules import Cooldown, Count, Limits, MostSeconds, Roofs

_SECRETS = {"DISCORD_TOKEN": "from the Discord developer portal", "FOXAPI_KEY": "from your FoxAPI account"}


class BadSettings(Exception):
    """A setting is missing or wrong. Its text is one sentence for the operator, without the value."""


class Settings(BaseSettings):
    """One attribute per variable of the README's settings table."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    discord_token: Annotated[SecretStr, Field(min_length=1)]
    foxapi_key: Annotated[SecretStr, Field(min_length=1)]
    foxapi_url: Annotated[str, Field(pattern=r"^https?://[^/?#]+")] = "https://api.foxapi.cc"
    foxapi_model: str = "grok-imagine-video-extension"
    discord_api_url: Annotated[str, Field(pattern=r"^https?://[^/?#]+")] = "https://discord.com/api/v10"
    database_url: str = "sqlite+aiosqlite:///data/bot.db"
    data_dir: Path = Path("data")
    trusted_media_hosts: Annotated[frozenset[str], NoDecode] = frozenset()
    poll_seconds: Annotated[float, Field(gt=0)] = 5
    queries_per_second: Annotated[float, Field(gt=0)] = 20
    edit_seconds: Annotated[float, Field(gt=0)] = 5
    max_clip_mb: Annotated[int, Field(ge=1, le=2000)] = 200
    max_disk_gb: Annotated[int, Field(ge=1)] = 20
    keep_days: Annotated[int, Field(ge=0, le=3650)] = 7
    max_running: Annotated[int, Field(ge=1)] = 20
    max_per_day: Annotated[int, Field(ge=0)] = 0
    server_share: Annotated[int, Field(ge=1, le=100)] = 100
    max_waiting: Annotated[int, Field(ge=1)] = 200
    server_max_waiting: Annotated[int, Field(ge=1)] = 50
    allowed_servers: Annotated[frozenset[int], NoDecode] = frozenset()
    blocked_servers: Annotated[frozenset[int], NoDecode] = frozenset()
    left_server_days: Annotated[int, Field(ge=1)] = 30
    default_user_per_day: Count = 10
    default_server_per_day: Count = 100
    default_user_running: Count = 3
    default_server_running: Count = 5
    default_max_seconds: MostSeconds = 0
    default_cooldown: Cooldown = 0
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"

    @property
    def roofs(self) -> Roofs:
        """The operator's bounds over all servers."""
        return Roofs(
            max_running=self.max_running,
            max_per_day=self.max_per_day,
            share=self.server_share,
            max_waiting=self.max_waiting,
            server_waiting=self.server_max_waiting,
            allowed_servers=self.allowed_servers,
            blocked_servers=self.blocked_servers,
        )

    @property
    def default_limits(self) -> Limits:
        """The limits of a server whose moderators have set none."""
        return Limits(
            user_per_day=self.default_user_per_day,
            server_per_day=self.default_server_per_day,
            user_running=self.default_user_running,
            server_running=self.default_server_running,
            max_seconds=self.default_max_seconds,
            cooldown=self.default_cooldown,
        )

    @field_validator("trusted_media_hosts", "allowed_servers", "blocked_servers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return frozenset(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("discord_token", "foxapi_key")
    @classmethod
    def _strip(cls, value: SecretStr) -> SecretStr:
        return SecretStr(value.get_secret_value().strip())


def read_settings() -> Settings:
    """Read them; raises BadSettings, which names every variable at fault and shows no value."""
    try:
        return Settings()
    except ValidationError as error:
        problems = [_problem(str(fault["loc"][0]).upper(), str(fault["msg"])) for fault in error.errors()]
        raise BadSettings(" ".join(problems)) from None


def _problem(name: str, message: str) -> str:
    if name in _SECRETS:
        return f"{name} is not set: put it ({_SECRETS[name]}) into the environment or a file named .env."
    return f"{name} is wrong: {message}."
