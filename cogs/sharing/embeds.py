"""Rendering: a shared result's post, its title in a forum, and its entry in the gallery. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import discord
from discord.utils import escape_markdown

from bot.domain.task import Task
from bot.i18n import Language
from bot.services.sharing import LineagePart
from cogs.common.embeds import FIELD_MAX, count_utf16, fit_embed, truncate
from cogs.common.formatting import THUMBNAIL_NAME, format_clock, quote_prompt

STAR = "⭐"

_GREEN = 0x23A55A

_TITLE_MAX = 100
"""Characters of a forum post's title (Discord docs, Start Thread in Forum or Media Channel)."""

_NAME_SHOWN = 60


def post_text(language: Language, task: Task) -> str:
    """What stands above the video; the mention pings nobody, for it is sent so."""
    return language.tr("A film by {member}", member=f"<@{task.order.user_id}>")


def post_embed(language: Language, task: Task, came: str, *, hidden: bool, still: bool) -> discord.Embed:
    """The post's card: prompt (unless `hidden`), how it came about, and the invitation; `still`: it is attached."""
    words = None if hidden else quote_prompt(task.order.prompt)
    embed = discord.Embed(colour=_GREEN, description=words)
    embed.add_field(name=language.tr("How it came about"), value=came, inline=False)
    if film := task.film or task.result:
        embed.add_field(name=language.tr("Length"), value=format_clock(film.seconds))
    invitation = language.tr("Give it a {star}, and others find it in /gallery.", star=STAR)
    embed.add_field(name=language.tr("Do you like it?"), value=invitation)
    if still:
        embed.set_thumbnail(url=f"attachment://{THUMBNAIL_NAME}")
    embed.set_footer(text=language.tr("Task {id}", id=str(task.id)))
    return fit_embed(embed)


def post_title(language: Language, task: Task, author: str, *, hidden: bool) -> str:
    """A forum post's title; titles know no markdown, so nothing is escaped."""
    words = " ".join(task.order.prompt.split())
    title = (
        language.tr("{author}: a film", author=author)
        if hidden
        else language.tr("{author}: {prompt}", author=author, prompt=words)
    )
    return truncate(title, _TITLE_MAX)


def lineage(language: Language, steps: list[LineagePart], links: Mapping[int, str]) -> str:
    """Source → part 1 → part 2; `links`: what may be linked to, by the ids of the tasks."""
    first, last = steps[0].task, steps[-1].task
    names = []
    for task in (step.task for step in steps[:-1]):
        name = language.tr("part {number}", number=task.order.part)
        names.append(f"[{name}]({links[task.id]})" if task.id in links else name)
    names.append(language.tr("**part {number}**", number=last.order.part))
    if first.order.parent_id is not None:
        return " → ".join(["…", *names])
    linked, plain = (" → ".join([_source(language, first, link=link), *names]) for link in (True, False))
    return linked if count_utf16(linked) <= FIELD_MAX else plain


def _source(language: Language, task: Task, *, link: bool) -> str:
    """Where it all began: only the word for what began privately, or was deleted.

    A link with a query is not shown: it may be signed, and open a door that is not ours.
    """
    address = urlsplit(task.order.source_url)
    name = task.order.source_name or address.hostname
    if not name or task.order.private or task.place.ephemeral or task.deleted or task.deletion_requested:
        return language.tr("source")
    shown = escape_markdown(truncate(name, _NAME_SHOWN))
    shown = shown.replace("[", "(").replace("]", ")")
    safe = not (address.query or address.username or task.order.source_name) and address.scheme in {"http", "https"}
    plain = safe and not any(sign in task.order.source_url for sign in "()<> \n")
    return f"[{shown}]({task.order.source_url})" if link and plain else shown
