"""What people may ask of the bot: members of :class:`Service`, moderators of its `moderation`."""

from bot.service.answers import Kept, MemberUse, Quota, Report, Standing
from bot.service.moderation import Moderation
from bot.service.service import NeedsConfirmation, Service, order_of

__all__ = [
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
