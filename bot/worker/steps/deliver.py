"""The last step: the outcome is shown where the member sees it."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

from bot.domain.errors import TaskFailed
from bot.domain.reply_port import FileTooLarge, ReplyUnavailable, Undeliverable
from bot.domain.task import Billed, Task, TaskState, VideoInfo
from bot.i18n.text import tr
from bot.media import DownloadFailed, UnusableVideo
from bot.worker.step_result import StepContext, StepResult, record_failure
from bot.worker.steps.assemble import complete_film, fit_limit, is_harmless, join
from bot.worker.steps.notify import should_notify

log = logging.getLogger(__name__)


_LEAST_KEPT = timedelta(days=1)
"""For results that cannot be delivered, even where delivered ones are not kept at all."""
_UNREACHABLE = tr(
    "This video was finished, but Discord left no way to show it to you, and it is no longer kept. Make it again in a "
    "channel that the bot can use, or allow direct messages from this server's members."
)


class Deliver:
    """Delivers one task's outcome. It remembers that the film cannot be joined, so that this is tried once."""

    def __init__(self) -> None:
        self._cannot_join = False

    async def run(self, context: StepContext, task: Task) -> StepResult:
        """Deliver a result, or show any other outcome. Raises TaskFailed if the result is lost."""
        if task.state is not TaskState.READY:
            # Delivery is an effect: even if the bot is stopped its record is written, or it would be posted again.
            return StepResult(effect=lambda row: _deliver_outcome(context, row, None, row.film))
        result = context.resources.get_files(task).result
        if not await asyncio.to_thread(_is_complete, result):
            return await _download_again(context, task, result)
        film = complete_film(task)
        if self._has_to_join(task, film):
            changes = await join(context, task)
            self._cannot_join = "film" not in changes
            return StepResult(changes=changes)
        file = await fit_limit(context, task, film or task.result)
        return StepResult(effect=lambda row: _deliver_outcome(context, row, file, film))

    def _has_to_join(self, task: Task, film: VideoInfo | None) -> bool:
        possible = task.result is not None and task.submitted is not None and is_harmless(task)
        return film is None and possible and not self._cannot_join


async def _deliver_outcome(context: StepContext, task: Task, file: Path | None, film: VideoInfo | None) -> StepResult:
    resources = context.resources
    # Read now, because nothing may fail between delivery and record.
    preference = await resources.store.tasks.get_notify_preference(task.order.user_id)
    place, silent = task.place, context.is_silent(task)
    try:
        if not silent:
            shown = task.model_copy(update={"film": film})
            place = await resources.reply_port.deliver(shown, file, resources.get_files(task).thumbnail)
    except FileTooLarge as error:
        log.info("task %d: %s", task.id, error)
        return StepResult(changes={"place": place.model_copy(update={"filesize_limit": error.max_bytes})}, wait=0)
    except ReplyUnavailable as error:
        log.warning("task %d: its outcome could not be shown yet: %s", task.id, error)
        return StepResult(wait=context.backoff.next(error.retry_after))
    except Undeliverable as error:
        return await _record_undeliverable(context, task, error)
    due = not silent and should_notify(task, place, preference, resources.now())
    changes: dict[str, object] = {"place": place, "outcome_shown": True, "notification_due": due}
    if task.state is not TaskState.READY:
        return StepResult(changes=changes, must_record=True)
    return StepResult(state=TaskState.DELIVERED, changes={"film": film, **changes}, must_record=True)


async def _record_undeliverable(context: StepContext, task: Task, error: Undeliverable) -> StepResult:
    """Keep a result for KEEP_DAYS, because a way to the member may open again; any other outcome is given up."""
    log.warning("task %d: no way to show its outcome: %s", task.id, error)
    if task.state is not TaskState.READY:
        return StepResult(changes={"outcome_shown": True})
    resources = context.resources
    if resources.now() - task.state_changed_at > max(resources.keep, _LEAST_KEPT):
        return record_failure(TaskFailed(_UNREACHABLE, Billed.YES))
    await resources.workspaces.drop_reservation(task.id)
    # An overdue task no longer counts among its member's unfinished ones.
    changes = {} if task.overdue else {"overdue": True}
    return StepResult(changes=changes, wait=resources.timeouts.undeliverable_retry)


async def _download_again(context: StepContext, task: Task, result: Path) -> StepResult:
    """The disk has lost the result (DATA_DIR was not kept, or the power failed): FoxAPI has it for a day."""
    resources, ends = context.resources, task.result_url_expires_at
    if task.result_url is None or ends is None or resources.now() > ends:
        raise TaskFailed(tr("The bot has lost the finished video, and FoxAPI no longer has it: try again."), Billed.YES)
    log.warning("task %d: its result is no longer on the disk; downloading it again", task.id)
    await asyncio.to_thread(result.parent.mkdir, parents=True, exist_ok=True)
    try:
        await resources.results.fetch(task.result_url, result)
    except (DownloadFailed, UnusableVideo) as error:
        log.warning("task %d: result not downloaded again yet: %s", task.id, error)
        return StepResult(wait=context.backoff.next(getattr(error, "retry_after", None)))
    return StepResult(wait=0)


def _is_complete(result: Path) -> bool:
    return result.is_file() and result.stat().st_size > 0
