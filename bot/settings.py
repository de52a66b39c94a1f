"""Settings, read once at start-up from the environment and a `.env` file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.domain.errors import ExtendBotError
from bot.domain.limits import Cooldown, GuildLimits, LimitValue, MostSeconds, OperatorLimits
from bot.domain.redaction import extract_passwords
from bot.media import S3Settings

_SECRETS = {"DISCORD_TOKEN": "from the Discord developer portal", "FOXAPI_KEY": "from your FoxAPI account"}
_FROM_FILES = ("discord_token", "foxapi_key", "database_url", "s3_secret_access_key")
"""Settings that can be given as a file path instead, in the variable with the suffix _FILE."""
_NO_SECRET = "\0"  # noqa: S105 (placeholder of a missing secret)
_EXAMPLES = {"FILES_URL": "s3://bucket/folder", "S3_ENDPOINT": "https://s3.example.org"}
_FILE_MAX = 1 << 16
"""Maximum size of a secret file in bytes; a device file would never end."""
_RANDOM_KEY_LENGTH = 16
"""Length from which on an S3 access key id is treated as random and hidden; shorter ones are words such as "admin"."""


_LEAST_LEASE = 15.0


class SettingsError(ExtendBotError):
    """A setting is missing or wrong. The text is one sentence for the operator, without the value."""


class Settings(BaseSettings):
    """One attribute per environment variable in the settings table of the documents."""

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
    poll_seconds: Annotated[float, Field(gt=0)] = 3
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
        """The values that must never be shown."""
        given = (getattr(self, name) for name in type(self).model_fields)
        values = [each.get_secret_value() for each in given if isinstance(each, SecretStr)]
        values += extract_passwords(self.database_url)
        if len(self.s3_access_key_id) >= _RANDOM_KEY_LENGTH:
            values.append(self.s3_access_key_id)
        return [value for value in values if value not in {_NO_SECRET, ""}]

    @property
    def bucket(self) -> S3Settings | None:
        """The S3 bucket for finished videos; None: they are stored in DATA_DIR."""
        if not self.files_url:
            return None
        name, _, prefix = self.files_url.removeprefix("s3://").partition("/")
        secret = self.s3_secret_access_key.get_secret_value()
        return S3Settings(name, prefix.strip("/"), self.s3_endpoint, self.s3_region, self.s3_access_key_id, secret)

    @property
    def operator_limits(self) -> OperatorLimits:
        """The operator's limits over all servers."""
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
        """The limits of servers whose moderators have set none."""
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
    def _check_readable(cls, value: object) -> object:
        if isinstance(value, _Unreadable):
            raise ValueError(value.sentence)  # noqa: TRY004 (the type only carries the sentence)
        return value

    @field_validator("http_port", mode="before")
    @classmethod
    def _parse_off(cls, value: object) -> object:
        return None if value in {"", "off"} else value

    @field_validator("lease_seconds")
    @classmethod
    def _check_lease(cls, value: float, info: ValidationInfo) -> float:
        """A stand-in for Discord on this machine allows less, so that tests do not wait for leases to expire."""
        is_stand_in = urlsplit(info.data.get("discord_api_url", "")).hostname in {"127.0.0.1", "localhost"}
        if value < _LEAST_LEASE and not is_stand_in:
            raise ValueError(
                f"LEASE_SECONDS is too small: set it to at least {_LEAST_LEASE:.0f}. A process that is being stopped "
                "needs up to ten seconds for its last paid answer and must keep its tasks meanwhile."
            )
        return value

    @field_validator("discord_token", "foxapi_key")
    @classmethod
    def _strip(cls, value: SecretStr) -> SecretStr:
        if not (bare := value.get_secret_value().strip()):
            raise ValueError("A secret consists of blanks: set its value.")
        return SecretStr(bare)

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, given: Any) -> Any:  # noqa: ANN401 (whatever the sources found)
        """Read the _FILE variables into the variables themselves; an error is reported for its variable."""
        if not isinstance(given, Mapping):
            return given
        values = {name: value for name, value in given.items() if not (name.endswith("_file") and value in {"", None})}
        for name in _FROM_FILES:
            if file := values.get(f"{name}_file"):
                values[name] = _read_secret(name.upper(), Path(file), alone=not values.get(name))
        return values


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Replaces a value that could not be read from its file."""

    sentence: str


def _read_secret(name: str, file: Path, *, alone: bool) -> str | _Unreadable:
    """Read the file, or return why it cannot be used; `alone`: the variable without _FILE is not set."""
    if not alone:
        return _Unreadable(f"{name} and {name}_FILE are both set: remove one of them.")
    try:
        with file.open("rb") as opened:
            content = opened.read(_FILE_MAX).decode().strip()
    except OSError as error:
        return _Unreadable(
            f"{name}_FILE cannot be read ({file}: {error.strerror}): correct the path or the permissions."
        )
    except UnicodeDecodeError:
        return _Unreadable(f"{name}_FILE is not a text file ({file}): put only the value into it.")
    return content or _Unreadable(f"{name}_FILE is empty ({file}): put the value into it.")


@dataclass(frozen=True, slots=True)
class SettingsResult:
    """Settings and problems. Wrong settings have their default value; wrong secrets have a placeholder."""

    settings: Settings
    problems: dict[str, str]
    """For each variable, a sentence that says what to do, without the value."""


def read_settings() -> Settings:
    """Read all settings; raises SettingsError, which names every wrong variable and shows no value."""
    reading = read_partial()
    if reading.problems:
        raise SettingsError(" ".join(reading.problems.values()))
    return reading.settings


def read_partial() -> SettingsResult:
    """Read the settings that are valid. Raises SettingsError if the .env file cannot be read."""
    try:
        return SettingsResult(Settings(), {})
    except ValidationError as error:
        faults = {str(fault["loc"][0]): fault for fault in error.errors()}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("The file .env cannot be read: make it a text file that the bot can read.") from error
    problems = {name.upper(): _describe_problem(name.upper(), fault) for name, fault in faults.items()}
    return SettingsResult(_replace_wrong(faults), problems)


def _replace_wrong(faults: Mapping[str, Any]) -> Settings:
    """Return the settings with defaults in place of the wrong ones; arguments override the environment."""
    stand_ins: dict[str, Any] = {}
    for name in faults:
        default = Settings.model_fields[name].default
        stand_ins[name] = SecretStr(_NO_SECRET) if default is PydanticUndefined else default
        if name in _FROM_FILES:
            stand_ins[f"{name}_file"] = None
    return Settings(**stand_ins)


def _describe_problem(name: str, fault: Any) -> str:  # noqa: ANN401 (pydantic's ErrorDetails)
    if isinstance(own := fault.get("ctx", {}).get("error"), ValueError):
        return str(own)
    if name in _SECRETS:
        return (
            f"{name} is not set: put it ({_SECRETS[name]}) into the environment or a file named .env, "
            f"or the path of a file that holds it into {name}_FILE."
        )
    if name.endswith(("_URL", "_ENDPOINT")) and fault["type"] == "string_pattern_mismatch":
        example = Settings.model_fields[name.lower()].default or _EXAMPLES[name]
        return f"{name} is not a valid address: use one such as {example}."
    return f"{name} is wrong: {fault['msg']}."
