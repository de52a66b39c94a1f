"""The services that the client and its cogs use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from bot.domain.events import EventQueue
from bot.domain.limits import GuildLimits, OperatorLimits
from bot.media import Downloader, Ffmpeg, Workspaces
from bot.services.history import TaskHistory
from bot.services.log_channels import LogChannelService
from bot.services.members import MemberService
from bot.services.moderation import ModerationService
from bot.services.queue import QueueService
from bot.services.sharing import SharingService
from bot.services.tasks import TaskService
from bot.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """One instance of each service, all over the same store."""

    tasks: TaskService
    members: MemberService
    moderation: ModerationService
    history: TaskHistory
    sharing: SharingService
    queue: QueueService
    log_channels: LogChannelService
    events: EventQueue
    """What happened, for the log channels."""

    @classmethod
    def build(
        cls,
        store: Store,
        workspaces: Workspaces,
        ffmpeg: Ffmpeg,
        downloader: Downloader,
        *,
        now: Callable[[], datetime],
        wake_worker: Callable[[int | None], None],
        defaults: GuildLimits,
        operator_limits: OperatorLimits,
        events: EventQueue,
    ) -> Self:
        """Build all services.

        `downloader` fetches videos that are stored at Discord. `wake_worker(task_id)` tells the worker that this task
        is new or changed; with None, that queued tasks may be able to start. `defaults`: the limits of servers that
        have set none, and of direct messages.
        """
        return cls(
            tasks=TaskService(store, now, wake_worker, defaults, operator_limits, events, workspaces.estimate_bytes),
            members=MemberService(store, workspaces, now, defaults, operator_limits),
            moderation=ModerationService(store, now, lambda: wake_worker(None), defaults, operator_limits, events),
            history=TaskHistory(store, workspaces, events),
            sharing=SharingService(store, workspaces, ffmpeg, downloader, now, events),
            queue=QueueService(store, now, operator_limits, defaults.server_running),
            log_channels=LogChannelService(store, now),
            events=events,
        )
