"""Notify a member, once, that a task which took long has ended: the edit that shows the outcome notifies nobody."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from bot.domain.reply_port import ReplyUnavailable, Undeliverable
from bot.domain.task import NotifyPreference, ReplyTarget, Task, TaskState
from bot.worker.retention import archive
from bot.worker.step_result import StepContext, StepResult

log = logging.getLogger(__name__)

_LONG = timedelta(minutes=1)
_STALE = timedelta(days=1)


def should_notify(task: Task, place: ReplyTarget, preference: NotifyPreference, now: datetime) -> bool:
    """Whether the member is to be notified of the outcome that is now shown at `place`.

    Not if the reply is private, came as a new message (which mentions the member already), or the member cancelled.
    """
    if place.ephemeral or place.message_id != task.place.message_id or task.state is TaskState.CANCELLED:
        return False
    if preference is NotifyPreference.AUTO:
        return now - task.created_at > _LONG
    return preference is NotifyPreference.ALWAYS


async def notify(context: StepContext, task: Task) -> StepResult:
    """Notify the member of an outcome that is shown.

    The attempt is written before it is made: a later run finds it and looks whether the notification has arrived, so
    that there are never two.
    """
    await archive(context.resources, task)  # the last run may have ended just before that
    again = task.notification_attempted_at is not None
    changes = {} if again else {"notification_attempted_at": context.resources.now()}
    return StepResult(changes=changes, effect=lambda row: _notify(context, row, again=again))


async def _notify(context: StepContext, task: Task, *, again: bool) -> StepResult:
    done = {"notification_due": False}
    try:
        await context.resources.reply_port.notify(task, again=again)
        return StepResult(changes=done, must_record=True)
    except ReplyUnavailable as error:
        if context.resources.now() - task.state_changed_at < _STALE:
            return StepResult(wait=context.backoff.next(error.retry_after))
        why: Exception = error
    except Undeliverable as error:
        why = error
    log.info("task %d: its member is not notified: %s", task.id, why)
    return StepResult(changes=done)
