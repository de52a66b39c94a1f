"""Tasks from a restored backup: their replies in Discord may be newer than their rows.

Nothing is shown or posted for such a task before its reply was read, because its outcome may have been shown after the
backup was made. (What may have been submitted since then is `unclear` already: bot/store/admin/restore.py.)
"""

from __future__ import annotations

import logging

from bot.domain.reply_port import ReplyState, ReplyUnavailable
from bot.domain.task import Billed, Task, TaskState
from bot.worker.step_result import StepContext, StepResult

log = logging.getLogger(__name__)

_FINDINGS = {
    ReplyState.DELIVERED: "its film is in the reply already",
    ReplyState.ENDED: "its outcome is in the reply already",
    ReplyState.UNREADABLE: "its reply cannot be read, so nothing is posted; its film is stored for /tasks",
}


async def reconcile(context: StepContext, task: Task) -> tuple[ReplyState | None, StepResult]:
    """Read the reply; return what it shows and what to write because of it. None: Discord did not answer, try again."""
    try:
        seen = await context.resources.reply_port.read_state(task)
    except ReplyUnavailable as error:
        return None, StepResult(wait=context.backoff.next(error.retry_after))
    context.backoff.reset()
    if seen is ReplyState.RUNNING:
        return seen, StepResult()
    log.info("task %d (%s) comes from a backup: %s", task.id, task.state, _FINDINGS[seen])
    if seen is ReplyState.UNREADABLE:
        return seen, StepResult()
    shown: dict[str, object] = {"outcome_shown": True, "notification_due": False}
    if task.state.is_final:
        return seen, StepResult(changes=shown, must_record=True)
    if seen is ReplyState.DELIVERED:
        state, billed = TaskState.DELIVERED, Billed.YES
    else:
        state, billed = TaskState.UNCLEAR, Billed.UNKNOWN
    return seen, StepResult(state=state, changes={"billed": billed, **shown}, must_record=True)
