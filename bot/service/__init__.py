"""What people may ask of the bot: members of :class:`TaskService`, moderators of its `moderation`."""

from bot.service.answers import LimitsStatus, MemberUsage, Quota, StoredData, UsageReport
from bot.service.moderation import ModerationService
from bot.service.service import NeedsConfirmation, TaskService, make_request
from bot.service.wording import LIMIT_NAMES

__all__ = [
    "LIMIT_NAMES",
    "LimitsStatus",
    "MemberUsage",
    "ModerationService",
    "NeedsConfirmation",
    "Quota",
    "StoredData",
    "TaskService",
    "UsageReport",
    "make_request",
]
