"""Settings, read from the environment (and a `.env` file) once, by `__main__`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.domain.errors import ExtendBotError
from bot.domain.limits import Cooldown, GuildLimits, LimitValue, MostSeconds, OperatorLimits
from bot.media import S3Settings
from bot.redaction import password_of

_SECRETS = {"DISCORD_TOKEN": "from the Discord developer portal", "FOXAPI_KEY": "from your FoxAPI account"}
_FROM_FILES = ("discord_token", "foxapi_key", "database_url", "s3_secret_access_key")
"""What may be given as a file's path instead, in the variable of the same name with _FILE."""
_NO_SECRET = "\0"  # noqa: S105 (stands where there is none)
_EXAMPLES = {"FILES_URL": "s3://bucket/folder", "S3_ENDPOINT": "https://s3.example.org"}
_FILE_MAX = 1 << 16
"""Bytes: a secret is never that long, and a device file would be read without end."""
_DRAWN_BY_LOT = 16
"""Characters of a name at a storage service from which on it is no plain word, such as "admin"."""


class SettingsError(ExtendBotError):
    """A setting is missing or wrong. Its text is one sentence for the operator, without the value."""


class Settings(BaseSettings):
    """One attribute per variable of the README's settings table."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    discord_token: Annotated[SecretStr, Field(min_length=1)]
    discord_token_file: Path | None = None
    foxapi_key: Annotated[SecretStr, Field(min_length=1)]
    foxapi_key_file: Path | None = None
    foxapi_url: Annotated[str, Field(pattern=r"^https?://[^/?#]+")] = "https://api.foxapi.cc"
    foxapi_model: str = "grok-imagine-video-extension"
    discord_api_url: Annotated[str, Field(pattern=r"^https?://[^/?#]+")] = "https://discord.com/api/v10"
    database_url: str = "sqlite+aiosqlite:///data/bot.db"
    database_url_file: Path | None = None
    lease_seconds: Annotated[float, Field(ge=1)] = 20
    data_dir: Path = Path("data")
    files_url: Annotated[str, Field(pattern=r"^(s3://[a-z0-9][a-z0-9.-]*(/[^?#]*)?)?$")] = ""
    s3_endpoint: Annotated[str, Field(pattern=r"^(https?://[^/?#]+)?$")] = ""
    s3_region: str = "us-east-1"
    s3_access_key_id: str = ""
    s3_secret_access_key: SecretStr = SecretStr("")
    s3_secret_access_key_file: Path | None = None
    trusted_media_hosts: Annotated[frozenset[str], NoDecode] = frozenset()
    poll_seconds: Annotated[float, Field(gt=0)] = 5
    queries_per_second: Annotated[float, Field(gt=0)] = 20
    edit_seconds: Annotated[float, Field(gt=0)] = 5
    max_clip_mb: Annotated[int, Field(ge=1, le=2000)] = 200
    max_disk_gb: Annotated[int, Field(ge=1)] = 20
    keep_days: Annotated[int, Field(ge=0, le=3650)] = 7
    keep_task_days: Annotated[int, Field(ge=0, le=3650)] = 90
    max_running: Annotated[int, Field(ge=1)] = 20
    max_preparing: Annotated[int, Field(ge=1)] = 20
    max_per_day: Annotated[int, Field(ge=0)] = 0
    server_share: Annotated[int, Field(ge=1, le=100)] = 100
    max_waiting: Annotated[int, Field(ge=1)] = 200
    server_max_waiting: Annotated[int, Field(ge=1)] = 50
    allowed_servers: Annotated[frozenset[int], NoDecode] = frozenset()
    blocked_servers: Annotated[frozenset[int], NoDecode] = frozenset()
    left_server_days: Annotated[int, Field(ge=1)] = 30
    user_free_failures: Annotated[int, Field(ge=0)] = 6
    default_user_per_day: LimitValue = 10
    default_server_per_day: LimitValue = 100
    default_user_running: LimitValue = 3
    default_server_running: LimitValue = 5
    default_max_seconds: MostSeconds = 0
    default_cooldown: Cooldown = 0
    http_port: Annotated[int | None, Field(ge=0, le=65535)] = None
    http_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    log_format: Annotated[str, Field(pattern="^(text|json)$")] = "text"

    @property
    def secrets(self) -> list[str]:
        """What must not be shown to anybody."""
        given = (getattr(self, name) for name in type(self).model_fields)
        values = [each.get_secret_value() for each in given if isinstance(each, SecretStr)]
        values += password_of(self.database_url)
        if len(self.s3_access_key_id) >= _DRAWN_BY_LOT:
            values.append(self.s3_access_key_id)
        return [value for value in values if value not in {_NO_SECRET, ""}]

    @property
    def bucket(self) -> S3Settings | None:
        """Where delivered films are kept, if not in DATA_DIR alone."""
        if not self.files_url:
            return None
        name, _, prefix = self.files_url.removeprefix("s3://").partition("/")
        secret = self.s3_secret_access_key.get_secret_value()
        return S3Settings(name, prefix.strip("/"), self.s3_endpoint, self.s3_region, self.s3_access_key_id, secret)

    @property
    def operator_limits(self) -> OperatorLimits:
        """The operator's bounds over all servers."""
        return OperatorLimits(
            max_running=self.max_running,
            max_preparing=self.max_preparing,
            max_per_day=self.max_per_day,
            guild_share_percent=self.server_share,
            max_waiting=self.max_waiting,
            server_waiting=self.server_max_waiting,
            allowed_servers=self.allowed_servers,
            blocked_servers=self.blocked_servers,
            free_failures=self.user_free_failures,
        )

    @property
    def default_limits(self) -> GuildLimits:
        """The limits of a server whose moderators have set none."""
        return GuildLimits(
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

    @field_validator(*_FROM_FILES, mode="before")
    @classmethod
    def _readable(cls, value: object) -> object:
        if isinstance(value, _Unreadable):
            raise ValueError(value.sentence)  # noqa: TRY004 (the type is our own way to say it here)
        return value

    @field_validator("http_port", mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        return None if value in {"", "off"} else value

    @field_validator("discord_token", "foxapi_key")
    @classmethod
    def _strip(cls, value: SecretStr) -> SecretStr:
        if not (bare := value.get_secret_value().strip()):
            raise ValueError("A secret is nothing but blanks: put its value there.")
        return SecretStr(bare)

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, given: Any) -> Any:  # noqa: ANN401 (whatever the sources found)
        """Put the files' contents where the variables' own values would be; a fault is told with its own variable."""
        if not isinstance(given, Mapping):
            return given
        values = {name: value for name, value in given.items() if not (name.endswith("_file") and value in {"", None})}
        for name in _FROM_FILES:
            if file := values.get(f"{name}_file"):
                values[name] = _content(name.upper(), Path(file), alone=not values.get(name))
        return values


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Stands for a value that its file did not give."""

    sentence: str


def _content(name: str, file: Path, *, alone: bool) -> str | _Unreadable:
    """What stands in the file, or why it cannot be used; `alone`: the variable without _FILE is not set."""
    if not alone:
        return _Unreadable(f"{name} and {name}_FILE are both set: remove one of them.")
    try:
        with file.open("rb") as opened:
            content = opened.read(_FILE_MAX).decode().strip()
    except OSError as error:
        return _Unreadable(f"{name}_FILE cannot be read ({file}: {error.strerror}): correct the path or the rights.")
    except UnicodeDecodeError:
        return _Unreadable(f"{name}_FILE is not a text file ({file}): put the bare value into it.")
    return content or _Unreadable(f"{name}_FILE is empty ({file}): put the value into it.")


@dataclass(frozen=True, slots=True)
class SettingsResult:
    """What could be read. Where there are problems, `settings` has the defaults, and for a secret nothing of use."""

    settings: Settings
    problems: dict[str, str]
    """By variable, a sentence that says what to do and shows no value."""


def read_settings() -> Settings:
    """Read them; raises BadSettings, which names every variable at fault and shows no value."""
    reading = read_partial()
    if reading.problems:
        raise SettingsError(" ".join(reading.problems.values()))
    return reading.settings


def read_partial() -> SettingsResult:
    """Read them, as far as they are right. Raises BadSettings if the .env file itself cannot be read."""
    try:
        return SettingsResult(Settings(), {})
    except ValidationError as error:
        faults = {str(fault["loc"][0]): fault for fault in error.errors()}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("The file .env cannot be read: make it a text file that the bot may read.") from error
    problems = {name.upper(): _problem(name.upper(), fault) for name, fault in faults.items()}
    return SettingsResult(_with_defaults(faults), problems)


def _with_defaults(faults: Mapping[str, Any]) -> Settings:
    """The settings with defaults in place of the faulty ones; what is given here goes before the environment."""
    stand_ins: dict[str, Any] = {}
    for name in faults:
        default = Settings.model_fields[name].default
        stand_ins[name] = SecretStr(_NO_SECRET) if default is PydanticUndefined else default
        if name in _FROM_FILES:
            stand_ins[f"{name}_file"] = None
    return Settings(**stand_ins)


def _problem(name: str, fault: Any) -> str:  # noqa: ANN401 (pydantic's ErrorDetails)
    if isinstance(own := fault.get("ctx", {}).get("error"), ValueError):
        return str(own)
    if name in _SECRETS:
        return (
            f"{name} is not set: put it ({_SECRETS[name]}) into the environment or a file named .env, "
            f"or the path of a file that holds it into {name}_FILE."
        )
    if name.endswith(("_URL", "_ENDPOINT")) and fault["type"] == "string_pattern_mismatch":
        example = Settings.model_fields[name.lower()].default or _EXAMPLES[name]
        return f"{name} is not an address that I can use: write one such as {example}."
    return f"{name} is wrong: {fault['msg']}."
