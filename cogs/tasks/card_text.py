"""The words of a task's card: what stands in it, line by line. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from discord.utils import escape_markdown, format_dt

from bot.domain.task import Billed, ResultKind, Task, TaskState
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common.embeds import DESCRIPTION_MAX, count_utf16, truncate
from cogs.common.formatting import PROMPT_SHOWN_MAX, format_bar, format_clock, quote_prompt

_FETCH_AHEAD = timedelta(minutes=2)

_LINK_SHOWN_MAX = 3600
"""Characters of a link that leave room for the words around it."""

_REASON_SHOWN_MAX = 900

_OVERDUE = tr(
    "FoxAPI has not reported anything for a long time. I look for the result for a day and bring it here if it comes; "
    "you need not wait. It may be billed all the same."
)

_UNCLEAR = tr(
    "FoxAPI's answer to the request was lost, so I cannot know whether it was taken: it may have been billed. I never "
    "send it again by myself."
)

_NO_ROOM = tr("The files of other videos fill my disk at the moment; this one starts by itself when there is room.")

_BILLED = {
    Billed.NO: tr("Nothing was billed."),
    Billed.UNKNOWN: tr("FoxAPI does not say whether it bills this; it may have been billed."),
}


def fetch_by(task: Task) -> datetime | None:
    """From when a private reply must offer "Fetch result", for its token ends soon; None if it never needs to."""
    if not task.place.ephemeral or task.state.is_final:
        return None
    return task.place.token_expires_at - _FETCH_AHEAD


def queue_text(task: Task, language: Language) -> str:
    """Where a waiting task stands, and when it should start; "" where that is not known."""
    if task.waits and task.room_wanted_at:
        return language.translate(_NO_ROOM)
    return _format_position(task, task.queue_position, language) if task.waits and task.queue_position else ""


def _format_position(task: Task, turn: int, language: Language) -> str:
    if task.starts_at is None:
        if turn == 1:
            return language.tr("**Next in line**.")
        return language.tr("**Number {turn} in line**.", turn=turn)
    when = format_dt(task.starts_at, "R")
    if turn == 1:
        return language.tr("**Next in line**, about to start {when}.", when=when)
    return language.tr("**Number {turn} in line**, about to start {when}.", turn=turn, when=when)


def describe(task: Task, now: datetime, language: Language, *, linked: bool) -> str:
    """The card's main text; `linked`: it has FoxAPI's link in place of the video."""
    lines = [queue_text(task, language), *_list_progress(task, now, language)]
    if linked:
        lines.append(_format_link(task, language))
    if task.state is TaskState.UNCLEAR:
        lines.append(language.translate(_UNCLEAR))
    if task.reason:
        lines.append(escape_markdown(truncate(language.translate(task.reason), _REASON_SHOWN_MAX)))
    if task.state in {TaskState.FAILED, TaskState.CANCELLED} and task.billed in _BILLED:
        lines.append(language.translate(_BILLED[task.billed]))
    told = "\n".join(filter(None, lines))
    # Escaping may double the prompt, and a link is of any length: what is paid for comes before what was asked.
    room = (DESCRIPTION_MAX - count_utf16(told)) // 2 - len("> \n")
    prompt = quote_prompt(task.order.prompt, min(PROMPT_SHOWN_MAX, room)) if room > 0 else ""
    return "\n".join(filter(None, (prompt, told)))


def format_lengths(task: Task, language: Language) -> str:
    """What the clip's length becomes, and what was done to the clip."""
    seconds = task.order.seconds
    if task.clip is None:
        return language.tr("+ {seconds} s", seconds=seconds)
    before, made = format_clock(task.clip.seconds), task.film or task.result
    if made is None:
        text = language.tr("{before} + {seconds} s", before=before, seconds=seconds)
    elif task.order.result is ResultKind.NEW_PART:
        text = language.tr(
            "{before} + {seconds} s → {after}, the new part",
            before=before,
            seconds=seconds,
            after=format_clock(made.seconds),
        )
    else:
        text = language.tr(
            "{before} + {seconds} s → {after}", before=before, seconds=seconds, after=format_clock(made.seconds)
        )
    return f"{text}\n{language.translate(task.preparation_note)}" if task.preparation_note else text


def format_timing(task: Task, now: datetime, language: Language) -> str:
    """When it started, and when it should be done or how long it took."""
    if task.rendered_at:
        return language.tr("took {length}", length=format_clock((task.rendered_at - task.created_at).total_seconds()))
    started = format_dt(task.created_at, "R")
    if task.state is not TaskState.RENDERING or task.overdue or task.expected_at is None:
        return language.tr("started {started}", started=started)
    if task.expected_at < now:
        return language.tr("started {started}, taking longer than usual", started=started)
    ends = format_dt(task.expected_at, "R")
    return language.tr("started {started}, about done {ends}", started=started, ends=ends)


def _list_progress(task: Task, now: datetime, language: Language) -> list[str]:
    lines = []
    if task.state in {TaskState.SUBMITTING, TaskState.RENDERING}:
        lines.append(format_bar(task.progress))
    if task.state is TaskState.SUBMITTING and task.not_before and task.not_before > now:
        when = format_dt(task.not_before, "R")
        lines.append(language.tr("FoxAPI is busy; I try again {when}.", when=when))
    if task.retry_at and task.retry_at > now:
        lines.append(_explain_retry(task, format_dt(task.retry_at, "R"), language))
    if task.overdue and task.state is TaskState.RENDERING:
        lines.append(language.translate(_OVERDUE))
    fetch_from = fetch_by(task)
    if fetch_from and now >= fetch_from:
        lines.append(
            language.tr(
                "Discord lets me change this private reply for a few minutes only (the end is {when}). Press **Fetch "
                "result** whenever you like, and it goes on here; else I send you the result as a direct message.",
                when=format_dt(task.place.token_expires_at, "R"),
            )
        )
    return lines


def _explain_retry(task: Task, when: str, language: Language) -> str:
    """Why a task waits, and until when."""
    if not task.tries:
        return language.tr("That has not worked yet; I try again {when}.", when=when)
    if task.state in {TaskState.RENDERING, TaskState.READY}:
        return language.tr(
            "Something unexpected went wrong on my side. What was paid for is kept, and I try again {when}.", when=when
        )
    return language.tr("Something unexpected went wrong on my side; I try again {when}.", when=when)


def _format_link(task: Task, language: Language) -> str:
    if task.result_url is None:
        return ""
    if count_utf16(task.result_url) > _LINK_SHOWN_MAX:
        return language.tr("It is too large for Discord here, and FoxAPI's link to it is too long for Discord, too.")
    if task.result_url_expires_at is None:
        return language.tr("It is too large for Discord here: [get FoxAPI's video]({url}).", url=task.result_url)
    return language.tr(
        "It is too large for Discord here: [get FoxAPI's video]({url}) until {when}.",
        url=task.result_url,
        when=format_dt(task.result_url_expires_at, "R"),
    )
