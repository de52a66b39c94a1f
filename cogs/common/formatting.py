"""Formats mentions, durations, quotes, lists and progress bars; the colours and file names used in messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import reduce

from discord.utils import escape_markdown

from bot.domain.share import Share
from bot.domain.task import Task
from bot.i18n.text import Translatable, Value, tr, tr_plural, untranslated
from cogs.common.embeds import truncate

_BAR_LENGTH = 12

_DIRECTION_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

PROMPT_SHOWN_MAX = 900

THUMBNAIL_NAME = "still.jpg"
"""The file name under which a card refers to its task's thumbnail."""

GREY, BLUE, GREEN, RED, YELLOW = 0x80848E, 0x5865F2, 0x23A55A, 0xDA373C, 0xF0B232

MENTIONS_MAX = 12
"""Maximum mentions in one list; the rest are only counted."""


def format_bar(percent: int) -> str:
    """Return a text progress bar with its percentage."""
    full = percent * _BAR_LENGTH // 100
    return f"{'▰' * full}{'▱' * (_BAR_LENGTH - full)} **{percent} %**"


def format_clock(seconds: float) -> str:
    """Format a duration as minutes and seconds: 0:07, 1:40."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def quote_prompt(prompt: str, limit: int = PROMPT_SHOWN_MAX) -> str:
    """Format a prompt as a block quote, truncated and with its markdown escaped."""
    return f"> {escape_text(truncate(' '.join(prompt.split()), limit))}"


def remove_direction_marks(text: str) -> str:
    """Remove the invisible marks that turn the direction of a text; for places that show no markdown."""
    return _DIRECTION_MARKS.sub("", text)


def escape_text(text: str) -> str:
    """Escape somebody's words so that Discord shows them as they were written.

    No formatting, masked link, mention, time or emoji comes of them, and no invisible mark turns the direction of the
    text around them (Discord docs, Message Formatting; Unicode Standard Annex 9).
    """
    return escape_markdown(remove_direction_marks(text), ignore_links=False).replace("<", "\\<")


def jump_url(task: Task) -> str:
    """Return the link to the task's reply."""
    place = task.place
    return f"https://discord.com/channels/{place.guild_id or '@me'}/{place.channel_id}/{place.message_id}"


def post_url(share: Share) -> str:
    """Return the link to a share's post."""
    return f"https://discord.com/channels/{share.guild_id}/{share.post_channel_id}/{share.message_id}"


def format_duration(span: int) -> Translatable:
    """Format a duration in the largest unit that divides it: "90 s", "5 min", "2 h", "3 days"."""
    if span > 86400 and span % 86400 == 0:
        return tr_plural("{count} day", "{count} days", span // 86400)
    if span >= 3600 and span % 3600 == 0:
        return tr("{hours} h", hours=span // 3600)
    if span >= 60 and span % 60 == 0:
        return tr("{minutes} min", minutes=span // 60)
    return format_seconds(span)


def format_seconds(number: int) -> Translatable:
    """Format a number of seconds: "90 s"."""
    return tr("{seconds} s", seconds=number)


def mention_member(user_id: int) -> str:
    """Return a mention of a member."""
    return f"<@{user_id}>"


def mention_role(role_id: int) -> str:
    """Return a mention of a role."""
    return f"<@&{role_id}>"


def mention_channel(channel_id: int) -> str:
    """Return a mention of a channel."""
    return f"<#{channel_id}>"


def join_cells(*cells: Value) -> Translatable:
    """Join the cells with middle dots. The text has no words of its own, so no catalog needs it."""
    values = {f"cell{at}": cell for at, cell in enumerate(cells)}
    return Translatable(" · ".join(f"{{{name}}}" for name in values), values)


def join_list(pieces: Iterable[str | Translatable], more: int = 0) -> Translatable | None:
    """Join the pieces with commas, then say how many `more` there are; None if there are no pieces."""
    texts = [untranslated(each) if isinstance(each, str) else each for each in pieces]
    if not texts:
        return None
    every = reduce(lambda before, after: tr("{before}, {after}", before=before, after=after), texts)
    return tr_plural("{list} and {count} more", "{list} and {count} more", more, list=every) if more else every


def list_mentions(ids: Iterable[int], show: Callable[[int], str], none: Translatable) -> Translatable:
    """List up to MENTIONS_MAX mentions and how many more there are; `none` if there are no ids."""
    every = sorted(ids)
    return join_list(map(show, every[:MENTIONS_MAX]), max(0, len(every) - MENTIONS_MAX)) or none


def escape_line(text: str, limit: int = 100) -> str:
    """Format a person's text as one line, truncated and with its markdown escaped."""
    line = " ".join(text.split())
    return escape_text(truncate(line, limit))
