"""Rows for tests that need one and do not care how it came about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from bot.limits import Case
from bot.rules import Asker, Limits, Roofs
from bot.task import Order, Place, State, Task

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
ROOMY = Roofs(max_waiting=10**6, server_waiting=10**6)
"""Roofs that nobody reaches."""


def an_order(**changes: object) -> Order:
    plain = Order(
        user_id=11, guild_id=22, channel_id=33, prompt="a cat jumps", seconds=6, source_url="https://x.test/a"
    )
    return plain.model_copy(update=changes)


def a_place(message_id: int = 55, **changes: object) -> Place:
    plain = Place(
        application_id=44,
        token=SecretStr("a-secret-token"),
        token_ends=NOON + timedelta(minutes=14),
        channel_id=33,
        message_id=message_id,
        guild_id=22,
        ephemeral=False,
        filesize_limit=10 << 20,
    )
    return plain.model_copy(update=changes)


def a_task(**changes: object) -> Task:
    plain = Task(id=1, state=State.QUEUED, order=an_order(), place=a_place(), created_at=NOON, changed_at=NOON)
    return plain.model_copy(update=changes)


def an_asker(**changes: object) -> Asker:
    return Asker(user_id=11, guild_id=22, channel_id=33).model_copy(update=changes)


def a_case(order: Order, now: datetime = NOON, limits: Limits | None = None, roofs: Roofs | None = None) -> Case:
    """What judges `order`; without limits nothing is forbidden."""
    asker = an_asker(user_id=order.user_id, guild_id=order.guild_id, channel_id=order.channel_id)
    return Case(order, asker, now, limits or Limits(), roofs or ROOMY)
