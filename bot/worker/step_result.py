"""StepContext and StepResult: what a step of a task is given, and what it asks the job to write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bot.domain.errors import TaskFailed
from bot.domain.task import Task, TaskState
from bot.worker.current_row import CurrentRow
from bot.worker.resources import JobResources
from bot.worker.throttle import Backoff


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step works with. Steps never write the task's row: they return a :class:`StepResult`."""

    resources: JobResources
    row: CurrentRow
    """Interrupts long work when somebody else changes the row."""
    backoff: Backoff
    """The gaps between the tries of this job."""
    show: Callable[[Task], None]
    """Brings the reply up to date in the middle of a long step."""
    is_silent: Callable[[Task], bool]
    """Whether nothing may be shown in the task's reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What the job does after a step: write the row, then make a request outside, then wait.

    All of it is optional; an empty result runs the next step at once.
    """

    state: TaskState | None = None
    """The next state; None: it stays."""
    changes: Mapping[str, object] = field(default_factory=dict)
    """Changed fields of the row."""
    prepared: bool = False
    """The clip is ready for FoxAPI: the queue gives the task a running slot, or lets it wait for one."""
    must_record: bool = False
    """The changes record what cannot be found out again: the write is tried until the store accepts it."""
    effect: Callable[[Task], Awaitable[StepResult]] | None = None
    """A request that must not be made before the row is written, and whose outcome must be recorded.

    It gets the written row. If the bot stops meanwhile, it is waited for, and so is the write of its result. Its result
    has no effect of its own.
    """
    wait: float | None = None
    """Seconds until the next step. The row is read again after them, or as soon as somebody else changes it."""
    show: bool = False
    """Bring the reply up to date even if the row did not change."""


def record_failure(failure: TaskFailed, changes: Mapping[str, object] | None = None) -> StepResult:
    """Return the result that ends a task as failed, with other `changes` of its row."""
    outcome = {"reason": failure.message, "billed": failure.billed, **(changes or {})}
    return StepResult(state=TaskState.FAILED, changes=outcome, must_record=True)
