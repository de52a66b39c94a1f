"""What members and moderators can ask of the bot, without Discord and without HTTP."""

from bot.services.limit_names import LIMIT_NAMES
from bot.services.members import MemberService
from bot.services.moderation import ModerationService
from bot.services.reports import LimitsStatus, MemberUsage, Quota, StoredData, UsageReport
from bot.services.services import Services
from bot.services.task_request import make_request
from bot.services.tasks import NeedsConfirmation, TaskService

__all__ = [
    "LIMIT_NAMES",
    "LimitsStatus",
    "MemberService",
    "MemberUsage",
    "ModerationService",
    "NeedsConfirmation",
    "Quota",
    "Services",
    "StoredData",
    "TaskService",
    "UsageReport",
    "make_request",
]
