"""Check the bot's Discord account over REST only, so that a running bot's gateway session is not affected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bot.check.http import HttpResponse, RequestFailed
from bot.check.report import CheckResult

PERMISSIONS = 274878024768
"""View Channel, Send Messages, Send Messages in Threads, Embed Links, Attach Files, Read Message History, Add Reactions
(Discord docs, Permissions): the permissions of the README's install link."""
_PRIVILEGED = {
    (1 << 12) | (1 << 13): "Presence",
    (1 << 14) | (1 << 15): "Server Members",
    (1 << 18) | (1 << 19): "Message Content",
}
"""Discord docs, Application Flags."""


@dataclass(frozen=True, slots=True)
class DiscordResponses:
    """Discord's responses about the bot's user and its application."""

    user: HttpResponse | RequestFailed
    application: HttpResponse | RequestFailed


def install_link(application_id: str) -> str:
    """Return the link with which a server's administrator installs the bot."""
    scope = "bot+applications.commands"
    return f"https://discord.com/oauth2/authorize?client_id={application_id}&scope={scope}&permissions={PERMISSIONS}"


def check_account(asked: DiscordResponses | None, address: str) -> list[CheckResult]:
    """Check token, install link and intents; `asked` is None if there is no token."""
    if asked is None:
        return [
            CheckResult("token", None, "skipped, because it is not set"),
            CheckResult("install link", None, "unknown without the token"),
            CheckResult("intents", None, "unknown without the token"),
        ]
    token, application = _check_token(asked.user, address), _parse_object(asked.application)
    if not token.ok or not str(application.get("id", "")).isdecimal():
        why = "unknown without the token" if not token.ok else "Discord did not return the application's id"
        return [token, CheckResult("install link", None, why), CheckResult("intents", None, why)]
    link = install_link(str(application["id"]))
    return [token, CheckResult("install link", True, link), _check_intents(application)]


def _check_token(answer: HttpResponse | RequestFailed, address: str) -> CheckResult:
    if isinstance(answer, RequestFailed):
        todo = "Check this machine's network, and DISCORD_API_URL if you set it."
        return CheckResult("token", False, f"Discord cannot be reached at {address}: {answer}", todo)
    if answer.status == 401:
        todo = "Copy it again from the developer portal (Bot > Reset Token)."
        return CheckResult("token", False, "Discord does not accept DISCORD_TOKEN", todo)
    user = _parse_object(answer)
    if answer.status != 200 or "username" not in user:
        return CheckResult("token", False, f"Discord answered {answer.status}", "Wait a moment and check again.")
    if not user.get("bot"):
        todo = "Use a bot's token, from the Bot page of the developer portal."
        return CheckResult("token", False, "this is not a bot's account", todo)
    return CheckResult("token", True, f"logs in as {user['username']}")


def _check_intents(application: dict[str, Any]) -> CheckResult:
    flags = application.get("flags")
    allowed = flags if isinstance(flags, int) else 0
    unneeded = [name for bits, name in _PRIVILEGED.items() if allowed & bits]
    if unneeded:
        todo = "You can disable them in the developer portal (Bot > Privileged Gateway Intents)."
        return CheckResult("intents", True, f"no privileged intent is needed; enabled are {', '.join(unneeded)}", todo)
    return CheckResult("intents", True, "no privileged intent is needed, and none is enabled")


def _parse_object(answer: HttpResponse | RequestFailed) -> dict[str, Any]:
    if isinstance(answer, RequestFailed) or answer.status != 200:
        return {}
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
