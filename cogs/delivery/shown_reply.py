"""What this process knows about the replies that it edits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from bot.domain.task import Task
from cogs.delivery.outcome import Attempts


@dataclass(slots=True)
class ShownReply:
    """What this process knows about one running task's reply."""

    newest: Task | None = None
    """The task to show next; None if the reply is up to date."""
    latest: Task | None = None
    """The last task passed to `update`; while queued, it has its queue position."""
    events: asyncio.Event = field(default_factory=asyncio.Event)
    thumbnail: Path | None = None
    """A picture of the clip, to attach."""
    thumbnail_message_id: int | None = None
    """The message to which the thumbnail is attached."""
    shown: object = None
    """The fingerprint of what the reply shows."""
    updates: asyncio.Task[None] | None = None
    dead_token: SecretStr | None = None
    """Discord rejected this token. It is not used again: 10,000 invalid requests in ten minutes ban the IP address."""
    editing: asyncio.Lock = field(default_factory=asyncio.Lock)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once an edit has succeeded or failed."""
    refused: bool = False
    """A filter refuses the reply, whatever it says."""
    attempts: Attempts = field(default_factory=Attempts)


async def stop_updates(reply: ShownReply) -> None:
    """Stop updates between two edits, so that no older card can replace the outcome."""
    reply.newest = None
    if reply.updates is not None:
        async with reply.editing:
            reply.updates.cancel()
        await asyncio.gather(reply.updates, return_exceptions=True)
        reply.updates = None
