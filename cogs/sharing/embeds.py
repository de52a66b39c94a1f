"""Builds the embed and texts of a shared film's post. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import discord

from bot.domain.task import Task
from bot.i18n import Language
from bot.services.sharing import LineagePart
from cogs.common.embeds import FIELD_MAX, count_utf16, fit_embed, truncate
from cogs.common.formatting import (
    GREEN,
    THUMBNAIL_NAME,
    escape_text,
    format_clock,
    quote_prompt,
    remove_direction_marks,
)

STAR = "⭐"

_TITLE_MAX = 100
"""Characters of a forum post's title (Discord docs, Start Thread in Forum or Media Channel)."""

_NAME_MAX = 60


def format_post_text(language: Language, task: Task) -> str:
    """Format the text above the video. The caller sends it with mentions disabled, so nobody is pinged."""
    return language.tr("A film by {member}", member=f"<@{task.order.user_id}>")


def build_post_embed(
    language: Language, task: Task, lineage: str, *, hidden: bool, has_thumbnail: bool
) -> discord.Embed:
    """Build the post's embed: the prompt unless `hidden`, the lineage, and the invitation to star it.

    `has_thumbnail` means that the post has a thumbnail attached.
    """
    prompt = None if hidden else quote_prompt(task.order.prompt)
    embed = discord.Embed(colour=GREEN, description=prompt)
    embed.add_field(name=language.tr("Origin"), value=lineage, inline=False)
    if film := task.film or task.result:
        embed.add_field(name=language.tr("Length"), value=format_clock(film.seconds))
    invitation = language.tr("Give it a {star} so that others find it in /gallery.", star=STAR)
    embed.add_field(name=language.tr("Do you like it?"), value=invitation)
    if has_thumbnail:
        embed.set_thumbnail(url=f"attachment://{THUMBNAIL_NAME}")
    embed.set_footer(text=language.tr("Task {id}", id=str(task.id)))
    return fit_embed(embed)


def format_post_title(language: Language, task: Task, author: str, *, hidden: bool) -> str:
    """Format a forum post's title. Discord shows titles without markdown, so nothing is escaped."""
    prompt, author = remove_direction_marks(" ".join(task.order.prompt.split())), remove_direction_marks(author)
    title = (
        language.tr("{author}: a film", author=author)
        if hidden
        else language.tr("{author}: {prompt}", author=author, prompt=prompt)
    )
    return truncate(title, _TITLE_MAX)


def format_lineage(
    language: Language, parts: list[LineagePart], links: Mapping[int, str], *, linked: bool = True
) -> str:
    """Format the lineage as source → part 1 → part 2; `links` maps task ids to the links to show.

    `linked`: link the source if that is safe.
    """
    first, last = parts[0].task, parts[-1].task
    names = []
    for task in (part.task for part in parts[:-1]):
        name = language.tr("part {number}", number=task.order.part)
        names.append(f"[{name}]({links[task.id]})" if task.id in links else name)
    names.append(language.tr("**part {number}**", number=last.order.part))
    if first.order.parent_id is not None:
        return " → ".join(["…", *names])
    long, short = (" → ".join([_format_source(language, first, link=link), *names]) for link in (linked, False))
    return long if count_utf16(long) <= FIELD_MAX else short


def _format_source(language: Language, task: Task, *, link: bool) -> str:
    """Name the original video; a private or deleted one is only called "source".

    A URL with a query is not linked, because it may be signed and grant access to more than this video.
    """
    url = urlsplit(task.order.source_url)
    name = task.order.source_name or url.hostname
    if not name or task.order.private or task.place.ephemeral or task.deleted or task.deletion_requested:
        return language.tr("source")
    shown = escape_text(truncate(name, _NAME_MAX))
    shown = shown.replace("[", "(").replace("]", ")")
    safe = not (url.query or url.username or task.order.source_name) and url.scheme in {"http", "https"}
    linkable = safe and not any(sign in task.order.source_url for sign in "()<> \n")
    return f"[{shown}]({task.order.source_url})" if link and linkable else shown
