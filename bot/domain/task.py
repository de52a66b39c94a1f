"""The models that every package shares: what was requested, where the reply is, and one task's row.

A :class:`Task` is one row of the store at one moment; it never changes, and the store returns a newer one. Times are
aware datetimes in UTC, lengths are seconds, sizes are bytes, ids are Discord snowflakes.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.i18n.text import Translatable

PROMPT_MAX = 4096
"""Characters that FoxAPI accepts as a prompt (FoxAPI, Create)."""

SECONDS_MIN, SECONDS_MAX, SECONDS_DEFAULT = 2, 10, 6
"""Seconds that FoxAPI adds to a clip: minimum, maximum and default (FoxAPI, Create)."""


class TaskState(StrEnum):
    """The state of a task. It only moves down this list, or to a final state."""

    QUEUED = "queued"
    """Accepted and queued; it already counts against the limits."""
    PREPARING = "preparing"
    """The clip is downloaded, probed and converted; this is free."""
    SUBMITTING = "sending"
    """Stored before the paid request is sent; after a crash it is unknown whether FoxAPI accepted it."""
    RENDERING = "rendering"
    """FoxAPI accepted it, and its remote id is stored."""
    READY = "ready"
    """The result is on disk and can no longer expire at FoxAPI."""
    DELIVERED = "delivered"
    """Discord accepted the result. Final."""
    FAILED = "failed"
    """It failed for a stated reason. Final."""
    CANCELLED = "cancelled"
    """Its member cancelled it. Final."""
    UNCLEAR = "unclear"
    """The response to the paid request was lost. FoxAPI may have accepted it, so it is never sent again. Final."""

    FINAL: ClassVar[tuple[TaskState, ...]]
    """The ends."""
    UNFINISHED: ClassVar[tuple[TaskState, ...]]
    """All the others, in order."""

    def can_become(self, later: TaskState) -> bool:
        """Whether a task can change from this state to `later`: forward, or to a final state."""
        return not self.is_final and (later.is_final or _ORDER.index(later) >= _ORDER.index(self))

    @property
    def is_final(self) -> bool:
        """Whether the task has ended (its outcome may still have to be shown)."""
        return self in TaskState.FINAL


TaskState.FINAL = (TaskState.DELIVERED, TaskState.FAILED, TaskState.CANCELLED, TaskState.UNCLEAR)
TaskState.UNFINISHED = tuple(state for state in TaskState if state not in TaskState.FINAL)
_ORDER = tuple(TaskState)


class Billed(StrEnum):
    """Whether the task was billed. FoxAPI does not document whether failed tasks are."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


class ResultKind(StrEnum):
    """What the member asked for as the result."""

    FILM = "film"
    """The clip and its extension as one video."""
    NEW_PART = "new part"
    """Only the added seconds."""


class TaskFilter(StrEnum):
    """Which of a member's tasks a list shows."""

    ALL = "all"
    RUNNING = "running"
    """Those that have not ended."""
    FINISHED = "finished"
    """Those with a delivered result."""


class NotifyPreference(StrEnum):
    """When a member is mentioned after a task has ended, because an edited reply notifies nobody."""

    AUTO = "auto"
    """When it took over a minute."""
    ALWAYS = "always"
    NEVER = "never"


class FrozenModel(BaseModel):
    """An immutable model that rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TaskRequest(FrozenModel):
    """A member's request, after the checks that do not need the clip."""

    user_id: int
    guild_id: int | None
    channel_id: int
    prompt: Annotated[str, Field(min_length=1, max_length=PROMPT_MAX)]
    seconds: Annotated[int, Field(ge=SECONDS_MIN, le=SECONDS_MAX)]
    source_url: str
    """The clip's URL; signed attachment URLs expire after about a day."""
    source_name: str = ""
    """The attachment's file name, or "". Untrusted; for display only."""
    source_bytes: int = 0
    """The attachment's size; 0: unknown."""
    result: ResultKind = ResultKind.FILM
    private: bool = False
    spoiler: bool = False
    """Whether the clip was hidden as a spoiler: no picture of it is shown, and its result is hidden too."""
    part: int = 1
    """1 for a clip of the member's own; an extension of part n is part n + 1."""
    parent_id: int | None = None
    """The task whose result this one extends."""
    parent_url: str | None = None
    """The Discord message link of that result."""

    @property
    def scope_id(self) -> int:
        """Whose limits it counts against; see :func:`get_scope`."""
        return get_scope(self.guild_id, self.user_id)


def get_scope(guild_id: int | None, user_id: int) -> int:
    """Return the server's id; for direct messages, which count per member, the negated user id."""
    return -user_id if guild_id is None else guild_id


class ReplyTarget(FrozenModel):
    """The reply that shows a task, and how to reach it (Discord docs, Receiving and Responding)."""

    application_id: int
    token: SecretStr
    """The interaction's token. It is a secret, because it allows editing the reply."""
    token_expires_at: datetime
    channel_id: int
    message_id: int
    guild_id: int | None
    ephemeral: bool
    filesize_limit: int
    """The upload limit here, in bytes."""
    locale: str = "en-US"

    def without_token(self) -> ReplyTarget:
        """Return the same target without the token, once that is no longer needed."""
        return self.model_copy(update={"token": SecretStr("")})


class VideoInfo(FrozenModel):
    """The properties of a video file, as probed with ffmpeg."""

    seconds: float
    """The readable length of the video stream (a truncated file is shorter than its header says)."""
    width: int
    height: int
    """In display orientation, after rotation."""
    video_codec: str
    """ffmpeg's name, such as h264, hevc, av1 or vp9."""
    container: str
    """mp4, mov, webm, matroska, gif, avi, or ffmpeg's name for anything else."""
    fps: float
    audio: bool
    size: int
    pixel_format: str = ""
    rotated: bool = False
    """Whether metadata rotates it, so that a player that ignores the metadata shows it sideways."""


class Task(FrozenModel):
    """One row of the tasks table."""

    id: int
    state: TaskState
    order: TaskRequest
    place: ReplyTarget
    created_at: datetime
    state_changed_at: datetime
    """When `state` last changed."""
    needs: int = 0
    """Disk bytes to reserve when its preparation starts."""
    room_wanted_at: datetime | None = None
    """In `queued`: since when it has been next but waits for disk space."""
    prepared_at: datetime | None = None
    """When its clip was ready for FoxAPI; while in `preparing`, it has waited for a running slot since then."""
    clip: VideoInfo | None = None
    """The member's clip."""
    submitted: VideoInfo | None = None
    """The video that was sent to FoxAPI: the clip, or its converted version."""
    head_seconds: float = 0.0
    """Seconds of the clip before the submitted part; the finished video begins with them."""
    preparation_note: Translatable | None = None
    """How the clip was changed, for the member: "used the last 15 s of 0:40"."""
    remote_id: str | None = None
    """FoxAPI's id, once it has accepted the task."""
    progress: int = 0
    """Percent, as FoxAPI last reported it."""
    submitted_at: datetime | None = None
    """When FoxAPI accepted it."""
    news_at: datetime | None = None
    """When FoxAPI last reported something new: that it accepted the task, progress, or that it has finished."""
    rendered_at: datetime | None = None
    """When its result was saved to disk."""
    expected_at: datetime | None = None
    """When FoxAPI should finish, from its estimate, its progress and the durations of recent tasks."""
    overdue: bool = False
    """Whether its deadline has passed. Its running slot is free, but a late result is still delivered."""
    video_url: str | None = None
    """The submitted URL: the clip's own, or that of the converted clip at FoxAPI."""
    result_url: str | None = None
    """FoxAPI's link to the result. In `rendering`: FoxAPI has finished, but the file could not be downloaded yet..."""
    result_url_expires_at: datetime | None = None
    """...and when it expires (after 24 hours; FoxAPI, Query)."""
    not_before: datetime | None = None
    """In `sending`: FoxAPI certainly did not accept the last request, which can be sent again from this time on."""
    result: VideoInfo | None = None
    """FoxAPI's result, as probed."""
    film: VideoInfo | None = None
    """The video that the member gets, made from the clip and the result."""
    reason: Translatable | None = None
    """Why it failed, as one sentence for the member."""
    billed: Billed = Billed.NO
    outcome_shown: bool = False
    """Whether its outcome was shown, in the reply or elsewhere, or is undeliverable."""
    notification_due: bool = False
    """Whether its member still has to be mentioned, once."""
    notification_attempted_at: datetime | None = None
    """When that was first attempted. If it is still due, look for the mention before sending it again."""
    deleted: bool = False
    """Whether its reply and video were deleted on request; they must not be restored."""

    credits: float | None = None
    """Its cost as reported by FoxAPI (usage.credits_reserved); None if it was not reported."""
    granted: bool = False
    """Whether it was over the member's daily limit and used one of the extra runs granted by a moderator."""
    fencing_token: int = 0
    """The fencing token of its lease; writes with an older token have no effect."""
    deletion_requested: bool = False
    """Whether its member asked for deletion; once it has ended, it is not shown to anybody."""
    tries: int = 0
    """Steps that ended with an unexpected error: before payment since its start, after payment in total."""
    crashes: int = 0
    """Processes that crashed while working on it in this state."""
    at_risk: bool = False
    """Whether its worker is doing something that can crash a process; if the worker dies now, `crashes` increases."""
    retry_at: datetime | None = None
    """When it is retried; until then it uses no slot."""
    queue_position: int | None = None
    """While it waits: 1 for the task that starts next. Computed for display, not stored."""
    starts_at: datetime | None = None
    """While it waits: about when it starts, if that can be estimated. Not stored."""

    @property
    def waits(self) -> bool:
        """Whether it is queued for preparation, or prepared and waiting for a running slot."""
        return self.state is TaskState.QUEUED or (self.state is TaskState.PREPARING and self.prepared_at is not None)

    @property
    def is_anonymised(self) -> bool:
        """Whether only its counted data is left, because its member deleted it or its retention period ended."""
        return self.place.message_id < 0

    @property
    def is_erased(self) -> bool:
        """Whether it must not be shown to anybody, because its member deleted it or its retention period ended.

        An unfinished task is still shown in its reply; it is erased when it has ended.
        """
        return self.is_anonymised or (self.deletion_requested and self.state.is_final)

    @property
    def is_settled(self) -> bool:
        """Whether no work is left for it."""
        return self.state.is_final and self.outcome_shown and not self.notification_due
