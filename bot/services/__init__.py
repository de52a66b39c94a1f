"""What people may ask of the bot: members of :class:`TaskService`, moderators of its `moderation`."""

from bot.services.limit_names import LIMIT_NAMES
from bot.services.moderation import ModerationService
from bot.services.reports import LimitsStatus, MemberUsage, Quota, StoredData, UsageReport
from bot.services.tasks import NeedsConfirmation, TaskService, make_request

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
