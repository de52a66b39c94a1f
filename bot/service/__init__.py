"""What people may ask of the bot: members of :class:`Service`, moderators of its `moderation`."""

from bot.service.answers import Kept, MemberUse, Quota, Report, Standing
from bot.service.moderation import Moderation
from bot.service.service import NeedsConfirmation, Service, order_of
from bot.service.wording import LIMIT_NAMES

__all__ = [
    "LIMIT_NAMES",
    "Kept",
    "MemberUse",
    "Moderation",
    "NeedsConfirmation",
    "Quota",
    "Report",
    "Service",
    "Standing",
    "order_of",
]
