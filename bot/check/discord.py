"""The bot's account at Discord, over REST alone: the running bot's gateway session is left in peace."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bot.check.http import HttpResponse, RequestFailed
from bot.check.report import CheckResult

PERMISSIONS = 274878024768
"""View Channel, Send Messages, Send Messages in Threads, Embed Links, Attach Files, Read Message History, Add Reactions
(Discord docs, Permissions): what the README's link asks for."""
_PRIVILEGED = {
    (1 << 12) | (1 << 13): "Presence",
    (1 << 14) | (1 << 15): "Server Members",
    (1 << 18) | (1 << 19): "Message Content",
}
"""Discord docs, Application Flags."""


@dataclass(frozen=True, slots=True)
class Responses:
    """What Discord answered on the bot's user and its application."""

    user: HttpResponse | RequestFailed
    application: HttpResponse | RequestFailed


def install_link(application_id: str) -> str:
    """Where a server's administrator invites the bot."""
    scope = "bot+applications.commands"
    return f"https://discord.com/oauth2/authorize?client_id={application_id}&scope={scope}&permissions={PERMISSIONS}"


def findings(asked: Responses | None, address: str) -> list[CheckResult]:
    """Token, install link and intents; None: there is no token to try."""
    if asked is None:
        return [
            CheckResult("token", None, "not tried, for there is none"),
            CheckResult("install link", None, "not known without the token"),
            CheckResult("intents", None, "not known without the token"),
        ]
    token, application = _token(asked.user, address), _object(asked.application)
    if not token.ok or not str(application.get("id", "")).isdecimal():
        why = "not known without the token" if not token.ok else "Discord did not tell the application's id"
        return [token, CheckResult("install link", None, why), CheckResult("intents", None, why)]
    link = install_link(str(application["id"]))
    return [token, CheckResult("install link", True, link), _intents(application)]


def _token(answer: HttpResponse | RequestFailed, address: str) -> CheckResult:
    if isinstance(answer, RequestFailed):
        todo = "Check this machine's network, and DISCORD_API_URL if you set it."
        return CheckResult("token", False, f"Discord cannot be reached at {address}: {answer}", todo)
    if answer.status == 401:
        todo = "Copy it anew from the developer portal (Bot > Reset Token)."
        return CheckResult("token", False, "Discord does not accept DISCORD_TOKEN", todo)
    user = _object(answer)
    if answer.status != 200 or "username" not in user:
        return CheckResult("token", False, f"Discord answered {answer.status}", "Wait a little, and check again.")
    if not user.get("bot"):
        todo = "Put in a bot's token, from the developer portal's page Bot."
        return CheckResult("token", False, "this is not a bot's account", todo)
    return CheckResult("token", True, f"logs in as {user['username']}")


def _intents(application: dict[str, Any]) -> CheckResult:
    flags = application.get("flags")
    allowed = flags if isinstance(flags, int) else 0
    needless = [name for bits, name in _PRIVILEGED.items() if allowed & bits]
    if needless:
        todo = "You may switch them off in the developer portal (Bot > Privileged Gateway Intents)."
        return CheckResult("intents", True, f"no privileged one is needed; allowed are {', '.join(needless)}", todo)
    return CheckResult("intents", True, "no privileged one is needed, and none is allowed")


def _object(answer: HttpResponse | RequestFailed) -> dict[str, Any]:
    if isinstance(answer, RequestFailed) or answer.status != 200:
        return {}
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
