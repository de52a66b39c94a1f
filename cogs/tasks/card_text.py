"""The text of a task's card, line by line. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from discord.utils import format_dt

from bot.domain.task import Billed, ResultKind, Task, TaskState, VideoInfo
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common.embeds import DESCRIPTION_MAX, count_utf16, truncate
from cogs.common.formatting import PROMPT_SHOWN_MAX, escape_text, format_bar, format_clock, quote_prompt

_FETCH_AHEAD = timedelta(minutes=2)

_LINK_SHOWN_MAX = 3600
"""Maximum characters of a link; leaves room for the text around it."""

_REASON_SHOWN_MAX = 900

_OVERDUE = tr(
    "FoxAPI has not reported progress for a long time. The bot keeps checking for a day and shows the result here if "
    "it arrives; you need not wait. The task may be billed either way."
)

_FILTERED = tr("A filter of this server blocks the prompt or a link of this task, so this message shows neither.")

_LINK_BLOCKED = tr("The video cannot be attached here: use /tasks to get it.")

_MINUTE = 60.0

_QUIET = timedelta(minutes=1)
"""Without news for this long, the card says so."""

_UNCLEAR = tr(
    "FoxAPI's response to the request was lost, so nobody knows whether FoxAPI accepted it: it may have been billed. "
    "The bot does not send it again by itself, so that nothing is paid twice. It counts towards the limits."
)

_NO_SPACE = tr("The bot's disk is full of other videos right now. This task starts when there is space.")

_BILLED = {
    Billed.NO: tr("Nothing was billed. It does not count towards the limits."),
    Billed.UNKNOWN: tr("It may have been billed, so it counts towards the limits."),
}


def fetch_by(task: Task) -> datetime | None:
    """Return when a private reply must offer "Fetch result" because its token expires soon; None if it never must."""
    if not task.place.ephemeral or task.state.is_final:
        return None
    return task.place.token_expires_at - _FETCH_AHEAD


def changes_at(task: Task, now: datetime) -> datetime | None:
    """Return when the card of this task changes next without a change of the task; None if it never does."""
    moments = [moment for moment in (fetch_by(task), _quiet_from(task)) if moment and moment > now]
    return min(moments, default=None)


def _quiet_from(task: Task) -> datetime | None:
    """Return when the card must say that there is no news; None if it never must."""
    if task.state is TaskState.SUBMITTING:
        return task.state_changed_at + _QUIET
    if task.state is not TaskState.RENDERING or task.result_url or task.overdue:
        return None
    return (task.news_at or task.submitted_at or task.state_changed_at) + _QUIET


def queue_text(task: Task, language: Language) -> str:
    """Return a waiting task's queue position and when it should start; "" if unknown."""
    if task.waits and task.room_wanted_at:
        return language.translate(_NO_SPACE)
    return _format_position(task, task.queue_position, language) if task.waits and task.queue_position else ""


def _format_position(task: Task, position: int, language: Language) -> str:
    if task.starts_at is None:
        if position == 1:
            return language.tr("**Next in the queue**.")
        return language.tr("**Queued, number {position}**.", position=position)
    when = format_dt(task.starts_at, "R")
    if position == 1:
        return language.tr("**Next in the queue**, should start {when}.", when=when)
    return language.tr("**Queued, number {position}**, should start {when}.", position=position, when=when)


def describe(task: Task, now: datetime, language: Language, *, linked: bool, plain: bool = False) -> str:
    """Return the card's main text; if `linked`, with FoxAPI's link in place of the video.

    `plain`: without the prompt and links, because a filter of the server refuses them.
    """
    lines = [queue_text(task, language)]
    if task.state in {TaskState.SUBMITTING, TaskState.RENDERING}:
        lines.append(format_bar(task.progress))
    lines += [format_status(task, now, language), format_lengths(task, language)]
    lines += [] if plain else [_format_part(task, language)]
    lines += _list_notices(task, now, language, plain=plain)
    if linked:
        lines.append(language.translate(_LINK_BLOCKED) if plain else _format_link(task, language))
    if task.state is TaskState.UNCLEAR:
        lines.append(language.translate(_UNCLEAR))
    if plain:
        lines.append(language.translate(_FILTERED))
    if task.reason and (task.reason.is_ours or not plain):
        lines.append(escape_text(truncate(language.translate(task.reason), _REASON_SHOWN_MAX)))
    if task.state in {TaskState.FAILED, TaskState.CANCELLED} and task.billed in _BILLED:
        lines.append(language.translate(_BILLED[task.billed]))
    text = "\n".join(filter(None, lines))
    # Escaping may double the prompt's length, and a link can be long: the prompt gets what the other text leaves.
    available = (DESCRIPTION_MAX - count_utf16(text)) // 2 - len("> \n")
    shows_prompt = available > 0 and not plain
    prompt = quote_prompt(task.order.prompt, min(PROMPT_SHOWN_MAX, available)) if shows_prompt else ""
    return "\n".join(filter(None, (prompt, text)))


def format_lengths(task: Task, language: Language) -> str:
    """Return the lengths of clip, addition and result, and how the clip was prepared."""
    added, made = language.tr("{seconds} s", seconds=task.order.seconds), task.film or task.result
    if task.clip is None:
        text = language.tr("+ {added}", added=added)
    elif made is None:
        text = language.tr("your {before} + {added} new", before=_format_length(task.clip, language), added=added)
    elif task.order.result is ResultKind.NEW_PART:
        text = language.tr("{after}, the new part of your video", after=_format_length(made, language))
    else:
        text = language.tr(
            "{after}: your {before} + {added} new",
            after=_format_length(made, language),
            before=_format_length(task.clip, language),
            added=added,
        )
    return f"{text}\n{language.translate(task.preparation_note)}" if task.preparation_note else text


def _format_length(video: VideoInfo, language: Language) -> str:
    """Format a length: "12 s", or "1:40" from a minute on."""
    if video.seconds >= _MINUTE:
        return format_clock(video.seconds)
    return language.tr("{seconds} s", seconds=round(video.seconds))


def format_status(task: Task, now: datetime, language: Language) -> str:
    """Return whose task it is, since when it runs, and when it should be ready or how long it took."""
    return " · ".join([f"<@{task.order.user_id}>", *_list_times(task, now, language)])


def _list_times(task: Task, now: datetime, language: Language) -> list[str]:
    if task.rendered_at:
        took = format_clock((task.rendered_at - task.created_at).total_seconds())
        return [language.tr("took {length}", length=took)]
    began = format_dt(task.created_at, "R")
    if task.waits:
        return [language.tr("queued {when}", when=began)]
    started = language.tr("started {when}", when=began)
    if task.state is not TaskState.RENDERING or task.overdue or task.result_url or task.expected_at is None:
        return [started]
    if task.expected_at < now:
        return [started, language.tr("taking longer than usual")]
    return [started, language.tr("should be ready {when}", when=format_dt(task.expected_at, "R"))]


def _format_part(task: Task, language: Language) -> str:
    part, url = task.order.part, task.order.parent_url
    if not url:
        return ""
    return language.tr("Part {part}, after [part {before}]({url})", part=part, before=part - 1, url=url)


def _list_notices(task: Task, now: datetime, language: Language, *, plain: bool) -> list[str]:
    """Say what is unusual about the task's progress."""
    lines = []
    if task.state is TaskState.SUBMITTING and task.not_before and task.not_before > now:
        when = format_dt(task.not_before, "R")
        lines.append(language.tr("FoxAPI is busy. The next try is {when}.", when=when))
    if task.retry_at and task.retry_at > now:
        lines.append(_explain_retry(task, format_dt(task.retry_at, "R"), language))
    if task.state is TaskState.RENDERING and task.result_url:
        lines.append(_explain_missing_file(task, "" if plain else task.result_url, language))
    elif task.overdue and task.state is TaskState.RENDERING:
        lines.append(language.translate(_OVERDUE))
    quiet_from = _quiet_from(task)
    if quiet_from and now >= quiet_from:
        lines.append(_explain_quiet(task, format_dt(quiet_from - _QUIET, "R"), language))
    fetch_from = fetch_by(task)
    if fetch_from and now >= fetch_from:
        lines.append(
            language.tr(
                "Discord lets the bot edit this private reply only for a few minutes (until {when}). Press **Fetch "
                "result** at any time to continue here; otherwise the bot sends you the result as a direct message.",
                when=format_dt(task.place.token_expires_at, "R"),
            )
        )
    return lines


def _explain_missing_file(task: Task, url: str, language: Language) -> str:
    since = format_dt(task.news_at or task.state_changed_at, "R")
    until = format_dt(task.result_url_expires_at, "R") if task.result_url_expires_at else ""
    text = language.tr(
        "FoxAPI finished this video {since}, but the bot cannot download it yet. The bot keeps trying until FoxAPI "
        "deletes the file {until}, and shows the video here as soon as it has it.",
        since=since,
        until=until,
    )
    if not url or count_utf16(url) > _LINK_SHOWN_MAX:
        return text
    return f"{text}\n" + language.tr("You can try [FoxAPI's link]({url}) yourself.", url=url)


def _explain_quiet(task: Task, since: str, language: Language) -> str:
    if task.state is TaskState.SUBMITTING:
        return language.tr(
            "FoxAPI has not accepted the request yet. The bot started to send it {since}.",
            since=since,
        )
    return language.tr("FoxAPI last reported progress {since}. The bot keeps checking.", since=since)


def _explain_retry(task: Task, when: str, language: Language) -> str:
    """Say why the task waits, and until when."""
    if not task.tries:
        return language.tr("This has not worked yet. The next try is {when}.", when=when)
    if task.state in {TaskState.RENDERING, TaskState.READY}:
        return language.tr(
            "Something went wrong in the bot. What was paid for is not lost; the next try is {when}.", when=when
        )
    return language.tr("Something went wrong in the bot. The next try is {when}.", when=when)


def _format_link(task: Task, language: Language) -> str:
    if task.result_url is None:
        return ""
    if count_utf16(task.result_url) > _LINK_SHOWN_MAX:
        return language.tr("The video is too large to attach here, and FoxAPI's link is too long for Discord.")
    if task.result_url_expires_at is None:
        return language.tr("The video is too large to attach here: [get it from FoxAPI]({url}).", url=task.result_url)
    return language.tr(
        "The video is too large to attach here: [get it from FoxAPI]({url}) until {when}.",
        url=task.result_url,
        when=format_dt(task.result_url_expires_at, "R"),
    )
