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
"""Characters that FoxAPI takes as a prompt (FoxAPI, Create)."""

SECONDS_MIN, SECONDS_MAX, SECONDS_DEFAULT = 2, 10, 6
"""What FoxAPI adds to a clip: least, most, and when nothing is said (FoxAPI, Create)."""


class TaskState(StrEnum):
    """Where a task is in its life. It only ever moves down this list, or to one of the ends."""

    QUEUED = "queued"
    """Accepted and waiting its turn; its place among the limits is taken."""
    PREPARING = "preparing"
    """The clip is fetched, looked at and made fit; this is free."""
    SUBMITTING = "sending"
    """Written before the paid request goes out; whoever finds it cannot know whether FoxAPI took it."""
    RENDERING = "rendering"
    """FoxAPI has it, and its remote id is stored."""
    READY = "ready"
    """The result is on disk; nothing paid can expire any more."""
    DELIVERED = "delivered"
    """Discord has taken the result. An end."""
    FAILED = "failed"
    """It ended with a reason. An end."""
    CANCELLED = "cancelled"
    """Its member gave it up. An end."""
    UNCLEAR = "unclear"
    """The paid request's answer was lost: it may have been taken, so it is never sent again. An end."""

    FINAL: ClassVar[tuple[TaskState, ...]]
    """The ends."""
    UNFINISHED: ClassVar[tuple[TaskState, ...]]
    """All the others, in order."""

    def can_become(self, later: TaskState) -> bool:
        """Whether a task may go from this state to `later`: always forward, or to an end."""
        return not self.is_final and (later.is_final or _ORDER.index(later) >= _ORDER.index(self))

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to the task itself (its end may still have to be told)."""
        return self in TaskState.FINAL


TaskState.FINAL = (TaskState.DELIVERED, TaskState.FAILED, TaskState.CANCELLED, TaskState.UNCLEAR)
TaskState.UNFINISHED = tuple(state for state in TaskState if state not in TaskState.FINAL)
_ORDER = tuple(TaskState)


class Billed(StrEnum):
    """What is known of the money. FoxAPI does not document whether failed tasks are billed."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


class ResultKind(StrEnum):
    """What the member wants back."""

    FILM = "film"
    """The clip and its extension as one video."""
    NEW_PART = "new part"
    """Only the added seconds."""


class NotifyPreference(StrEnum):
    """When a member wants to be notified of a task's end: an edited reply notifies nobody."""

    AUTO = "auto"
    """When it took over a minute."""
    ALWAYS = "always"
    NEVER = "never"


class FrozenModel(BaseModel):
    """Never changes, and has no fields but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TaskRequest(FrozenModel):
    """What a member asked for, after the checks that need no look at the clip."""

    user_id: int
    guild_id: int | None
    channel_id: int
    prompt: Annotated[str, Field(min_length=1, max_length=PROMPT_MAX)]
    seconds: Annotated[int, Field(ge=SECONDS_MIN, le=SECONDS_MAX)]
    source_url: str
    """Where the clip is; signed attachment addresses live about a day."""
    source_name: str = ""
    """The attachment's file name, or nothing. Untrusted: for showing only."""
    source_bytes: int = 0
    """The attachment's size; 0: not known."""
    result: ResultKind = ResultKind.FILM
    private: bool = False
    part: int = 1
    """1 for a clip from outside; an extension of part n is part n + 1."""
    parent_id: int | None = None
    """The task whose result this one extends."""
    parent_url: str | None = None
    """Where that result was, as a Discord message link."""

    @property
    def scope_id(self) -> int:
        """Whose limits count it; see :func:`scope_of`."""
        return scope_of(self.guild_id, self.user_id)


def scope_of(guild_id: int | None, user_id: int) -> int:
    """The server's id, or for direct messages, where each member is a server of their own, less than 0."""
    return -user_id if guild_id is None else guild_id


class ReplyTarget(FrozenModel):
    """The reply that shows a task, and the ways to it (Discord docs, Receiving and Responding)."""

    application_id: int
    token: SecretStr
    """The interaction's token: a secret, for who has it may edit the reply."""
    token_expires_at: datetime
    channel_id: int
    message_id: int
    guild_id: int | None
    ephemeral: bool
    filesize_limit: int
    """Bytes that Discord takes as one upload here."""
    locale: str = "en-US"

    def without_token(self) -> ReplyTarget:
        """The same reply, without the secret that nobody needs any more."""
        return self.model_copy(update={"token": SecretStr("")})


class VideoInfo(FrozenModel):
    """What ffmpeg found in a video file."""

    seconds: float
    """Length of the video stream, as really readable (a cut-off file is shorter than it claims)."""
    width: int
    height: int
    """As shown, after any rotation."""
    video_codec: str
    """ffmpeg's name: h264, hevc, av1, vp9 and so on."""
    container: str
    """mp4, mov, webm, matroska, gif, avi, or ffmpeg's name for anything else."""
    fps: float
    audio: bool
    size: int
    pixel_format: str = ""
    rotated: bool = False
    """Shown turned by metadata, so that a player that ignores it shows it lying."""


class Task(FrozenModel):
    """One row of the store."""

    id: int
    state: TaskState
    order: TaskRequest
    place: ReplyTarget
    created_at: datetime
    state_changed_at: datetime
    """When the state last changed."""
    needs: int = 0
    """Bytes on disk that are reserved for it when its turn to be prepared comes."""
    room_wanted_at: datetime | None = None
    """In `queued`: since when its turn has come, but there is no room for it on the disk."""
    prepared_at: datetime | None = None
    """When its clip was ready for FoxAPI; in `preparing`, it has waited for a running slot since then."""
    clip: VideoInfo | None = None
    """What the member gave."""
    submitted: VideoInfo | None = None
    """What FoxAPI was given: the clip itself, or what was prepared of it."""
    head_seconds: float = 0.0
    """Seconds of the clip that stand before what was submitted; the film begins with them."""
    preparation_note: Translatable | None = None
    """What was done to the clip, in words: "used the last 15 s of 0:40"."""
    remote_id: str | None = None
    """FoxAPI's id, once it has taken the task."""
    progress: int = 0
    """Percent, as FoxAPI last reported it."""
    submitted_at: datetime | None = None
    """When FoxAPI took it."""
    rendered_at: datetime | None = None
    """When its result was on disk."""
    expected_at: datetime | None = None
    """When FoxAPI should be done, from its own estimate, its progress and what recent tasks took."""
    overdue: bool = False
    """Given up waiting for it, though its result is still delivered if it comes; its running slot is free."""
    video_url: str | None = None
    """What was submitted: the clip's own address, or that of the prepared clip at FoxAPI."""
    result_url: str | None = None
    """FoxAPI's link to the result, and..."""
    result_url_expires_at: datetime | None = None
    """...when it stops working (24 hours; FoxAPI, Query)."""
    not_before: datetime | None = None
    """In `sending`: FoxAPI surely did not take the last request, and it may be sent again from this moment on."""
    result: VideoInfo | None = None
    """What FoxAPI made, as probed."""
    film: VideoInfo | None = None
    """What the member gets: made of the clip and the result, as ordered."""
    reason: Translatable | None = None
    """Why it failed: one sentence for the member."""
    billed: Billed = Billed.NO
    outcome_shown: bool = False
    """Whether its end stands in the reply (or wherever it could still be told)."""
    notification_due: bool = False
    """Whether its member is still to be notified of the end, once."""
    notification_attempted_at: datetime | None = None
    """When that was first tried; whoever finds it due and tried must look whether it is there."""
    deleted: bool = False
    """Its reply and its film were deleted at somebody's wish; nothing brings them back."""

    credits: float | None = None
    """What FoxAPI said that it costs (usage.credits_reserved), where it said so."""
    granted: bool = False
    """It was over the member's daily number, and one of the extra runs that a moderator granted was used up for it."""
    fencing_token: int = 0
    """The number of the lease under which it is worked on; a write under an older one changes nothing."""
    deletion_requested: bool = False
    """Its member wants it deleted; nobody is shown it once it has ended."""
    tries: int = 0
    """How many of its steps an unexpected error ended: before payment since it began, after it in all."""
    crashes: int = 0
    """How many processes ended without a word while they worked on it in this state."""
    at_risk: bool = False
    """Its holder is at work on what may end a process: should the holder die now, that is one of the `crashes`."""
    retry_at: datetime | None = None
    """It only waits to be tried again then; until then it takes no slot."""
    queue_position: int | None = None
    """In line: 1 for the next to start. Worked out for showing, not stored."""
    starts_at: datetime | None = None
    """In line: about when that is, if recent tasks tell. Not stored either."""

    @property
    def waits(self) -> bool:
        """Whether it stands in line: to be prepared, or, prepared, for a running slot."""
        return self.state is TaskState.QUEUED or (self.state is TaskState.PREPARING and self.prepared_at is not None)

    @property
    def is_anonymised(self) -> bool:
        """Nothing is left of it but what is counted: its member wanted that, or it was kept long enough."""
        return self.place.message_id < 0

    @property
    def is_erased(self) -> bool:
        """Its member deleted their data, or it was kept long enough: nobody may be shown or sent anything of it.

        An unfinished one is still shown to its member in its reply; it is erased when it has ended.
        """
        return self.is_anonymised or (self.deletion_requested and self.state.is_final)

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to be done for it."""
        return self.state.is_final and self.outcome_shown and not self.notification_due
