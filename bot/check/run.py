"""Run all checks; a failed check skips those that depend on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import aiohttp

from bot.check import discord as check_discord
from bot.check import foxapi, host
from bot.check.http import HttpResponse, RequestFailed, get
from bot.check.report import CheckResult
from bot.foxapi import USER_AGENT
from bot.settings import Settings, SettingsResult

T = TypeVar("T")
_DISCORD_AGENT = "DiscordBot (extend-bot, 0.1)"
"""Discord docs, API Reference, User Agent."""


async def check(reading: SettingsResult, now: Callable[[], datetime]) -> list[CheckResult]:
    """Run all checks. Failures are results, not exceptions. It changes nothing and costs nothing."""
    settings, problems = reading.settings, reading.problems
    local = [
        asyncio.create_task(each)
        for each in (
            host.check_ffmpeg(),
            _skip_if_wrong("DATABASE_URL", "database", problems, host.check_database(settings.database_url)),
            host.check_data_dir(settings.data_dir),
            host.check_disk(settings.data_dir, settings.max_disk_gb),
        )
    ]
    bucket = asyncio.create_task(host.check_bucket(settings.data_dir, settings.bucket))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        probe = _Probe(session, settings, problems, now)
        discord, fox = await asyncio.gather(probe.query_discord(), probe.query_foxapi())
    found = [
        *_check_settings(problems),
        *check_discord.check_account(discord, settings.discord_api_url),
        *foxapi.check_account(fox, settings.foxapi_url, settings.foxapi_model),
        *await asyncio.gather(*local),
        *await bucket,
    ]
    return [*found, host.check_clock(probe.skews)]


def _check_settings(problems: dict[str, str]) -> list[CheckResult]:
    if not problems:
        return [CheckResult("settings", True, "all are valid")]
    return [CheckResult("settings", False, sentence) for sentence in problems.values()]


async def _skip_if_wrong(
    variable: str, name: str, problems: dict[str, str], result: Awaitable[CheckResult]
) -> CheckResult:
    found = await result
    return CheckResult(name, None, f"skipped, because {variable} is wrong") if variable in problems else found


class _Probe:
    """Sends the requests to Discord and FoxAPI, and collects the clock skews from the responses."""

    def __init__(
        self, session: aiohttp.ClientSession, settings: Settings, problems: dict[str, str], now: Callable[[], datetime]
    ) -> None:
        self._session = session
        self._settings = settings
        self._problems = problems
        self._now = now
        self.skews: list[timedelta | None] = []

    async def query_discord(self) -> check_discord.DiscordResponses | None:
        base = self._settings.discord_api_url.rstrip("/")
        headers = {"User-Agent": _DISCORD_AGENT}
        if "DISCORD_TOKEN" in self._problems:
            await self._get(f"{base}/gateway", headers)  # needs no token; for the clock check
            return None
        headers["Authorization"] = f"Bot {self._settings.discord_token.get_secret_value()}"
        user = await self._get(f"{base}/users/@me", headers)
        return check_discord.DiscordResponses(user, await self._get(f"{base}/applications/@me", headers))

    async def query_foxapi(self) -> foxapi.FoxResponses:
        base = self._settings.foxapi_url.rstrip("/")
        headers = {"User-Agent": USER_AGENT}
        if "FOXAPI_KEY" in self._problems:
            return foxapi.FoxResponses(await self._get(f"{base}/v1/models", headers), None, None)
        headers["Authorization"] = f"Bearer {self._settings.foxapi_key.get_secret_value()}"
        models = await self._get(f"{base}/v1/models", headers)
        return foxapi.FoxResponses(models, models, await self._get(f"{base}/api/usage/token/", headers))

    async def _get(self, url: str, headers: dict[str, str]) -> HttpResponse | RequestFailed:
        try:
            answer = await get(self._session, url, headers, self._now)
        except RequestFailed as error:
            return error
        self.skews.append(answer.skew)
        return answer
