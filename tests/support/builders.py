"""Builds rows and requests with default values for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from bot.domain.limits import GuildLimits, OperatorLimits, Requester
from bot.domain.policy import SubmissionCheck
from bot.domain.task import ReplyTarget, Task, TaskRequest, TaskState

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
ROOMY = OperatorLimits(max_waiting=10**6, server_waiting=10**6)
"""Operator limits too high to be reached."""


def an_order(**changes: object) -> TaskRequest:
    plain = TaskRequest(
        user_id=11, guild_id=22, channel_id=33, prompt="a cat jumps", seconds=6, source_url="https://x.test/a"
    )
    return plain.model_copy(update=changes)


def a_place(message_id: int = 55, **changes: object) -> ReplyTarget:
    plain = ReplyTarget(
        application_id=44,
        token=SecretStr("a-secret-token"),
        token_expires_at=NOON + timedelta(minutes=14),
        channel_id=33,
        message_id=message_id,
        guild_id=22,
        ephemeral=False,
        filesize_limit=10 << 20,
    )
    return plain.model_copy(update=changes)


def a_task(**changes: object) -> Task:
    plain = Task(
        id=1, state=TaskState.QUEUED, order=an_order(), place=a_place(), created_at=NOON, state_changed_at=NOON
    )
    return plain.model_copy(update=changes)


def a_requester(**changes: object) -> Requester:
    return Requester(user_id=11, guild_id=22, channel_id=33).model_copy(update=changes)


def a_case(
    order: TaskRequest,
    now: datetime = NOON,
    limits: GuildLimits | None = None,
    operator_limits: OperatorLimits | None = None,
) -> SubmissionCheck:
    """The check of a request; without limits everything is allowed."""
    requester = a_requester(user_id=order.user_id, guild_id=order.guild_id, channel_id=order.channel_id)
    return SubmissionCheck(order, requester, now, limits or GuildLimits(), operator_limits or ROOMY)
