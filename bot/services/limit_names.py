"""The names of a server's limits, and sentences about invalid values."""

from __future__ import annotations

import logging
from typing import Any

from pydantic import ValidationError

from bot.domain import limits
from bot.domain.task import SECONDS_MAX, SECONDS_MIN
from bot.i18n.text import Translatable, tr

log = logging.getLogger(__name__)

LIMIT_NAMES = {
    "user_per_day": tr("a member's tasks in 24 hours"),
    "server_per_day": tr("the server's tasks in 24 hours"),
    "user_running": tr("a member's unfinished tasks"),
    "server_running": tr("the server's tasks at FoxAPI at once"),
    "max_seconds": tr("seconds added by one task"),
    "cooldown": tr("seconds between a member's tasks"),
    "role_per_day": tr("daily limits of roles"),
    "required_role": tr("required role"),
    "exempt_roles": tr("exempt roles"),
    "channels": tr("channels"),
    "private_allowed": tr("private replies"),
    "open_everywhere": tr("channels that are not age-restricted"),
    "forbidden": tr("forbidden words"),
    "paused": tr("pause"),
    "paused_until": tr("end of the pause"),
    "log_channel_id": tr("log channel"),
    "language": tr("language"),
}
"""The name of each field of GuildLimits, as members read it."""


def describe_error(error: ValidationError) -> Translatable:
    """Return one sentence about the first invalid value of a GuildLimits."""
    first = error.errors()[0]
    name, context = str(first["loc"][0]), first.get("ctx", {})
    limit = LIMIT_NAMES.get(name, tr("this"))
    match first["type"]:
        case "less_than_equal":
            return tr("“{limit}” cannot be more than {most}: choose a smaller number.", limit=limit, most=context["le"])
        case "greater_than_equal":
            return tr(
                "“{limit}” cannot be less than {least}: choose a larger number.", limit=limit, least=context["ge"]
            )
        case limits.SECONDS_ERROR:
            return tr(
                "FoxAPI adds {least} to {most} seconds at a time: choose one of those, or 0 for no limit.",
                least=SECONDS_MIN,
                most=SECONDS_MAX,
            )
        case "string_too_long":
            return tr("“{limit}” can have at most {most} characters: shorten it.", limit=limit, most=_most(context))
        case "too_long":
            return tr("“{limit}” can have at most {most} entries: remove some.", limit=limit, most=_most(context))
    log.warning("no sentence for the invalid value of the limit %s: %s", name, first["type"])
    return tr("“{limit}” cannot be set to that: choose another value.", limit=limit)


def _most(context: dict[str, Any]) -> int:
    return int(context["max_length"])
