"""Rendering: a shared result's post, its title in a forum, and its entry in the gallery. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

import discord
from discord.utils import escape_markdown, format_dt

from bot.sharing import Step
from bot.task import Share, Task
from cogs._cards import STILL_NAME, clock, jump_url, quoted

STAR = "⭐"
_GREEN = 0x23A55A
_TITLE_MAX = 100
"""Characters of a forum post's title (Discord docs, Start Thread in Forum or Media Channel)."""
_NAME_SHOWN = 60


def post_url(share: Share) -> str:
    """The address of a share's post."""
    return f"https://discord.com/channels/{share.guild_id}/{share.posted_in}/{share.message_id}"


def post_text(task: Task) -> str:
    """What stands above the video; the mention pings nobody, for it is sent so."""
    return f"A film by <@{task.order.user_id}>"


def post_embed(task: Task, steps: list[Step], *, hidden: bool, still: bool) -> discord.Embed:
    """The post's card: prompt (unless `hidden`), lineage, and the invitation; `still`: STILL_NAME is attached."""
    words = None if hidden else quoted(task.order.prompt)
    embed = discord.Embed(colour=_GREEN, description=words)
    embed.add_field(name="How it came about", value=lineage(steps), inline=False)
    if film := task.film or task.result:
        embed.add_field(name="Length", value=clock(film.seconds))
    embed.add_field(name="Do you like it?", value=f"Give it a {STAR}, and others find it in /gallery.")
    if still:
        embed.set_thumbnail(url=f"attachment://{STILL_NAME}")
    embed.set_footer(text=f"Task {task.id}")
    return embed


def post_title(task: Task, author: str, *, hidden: bool) -> str:
    """A forum post's title; titles know no markdown, so nothing is escaped."""
    words = "a film" if hidden else " ".join(task.order.prompt.split())
    title = f"{author}: {words}"
    return title if len(title) <= _TITLE_MAX else title[: _TITLE_MAX - 1] + "…"


def lineage(steps: list[Step]) -> str:
    """Source → part 1 → part 2, with links to what others can open too."""
    first = steps[0].task
    names = [_source(first)] if first.order.parent_id is None else ["…"]
    names += [_part(step) for step in steps[:-1]]
    return " → ".join([*names, f"**part {steps[-1].task.order.part}**"])


def entry(task: Task, share: Share, rank: int, still: str | None) -> discord.Embed:
    """One result in the gallery; `still`: the address of its picture."""
    lines = [] if share.hidden else [quoted(task.order.prompt, 300)]
    when = f", {format_dt(share.posted_at, 'R')}" if share.posted_at else ""
    lines.append(f"by <@{share.user_id}>{when} · [watch it]({post_url(share)})")
    title = f"{rank}. {STAR} {share.stars}"
    embed = discord.Embed(colour=_GREEN, title=title, url=post_url(share), description="\n".join(lines))
    if still:
        embed.set_image(url=still)
    return embed


def _part(step: Step) -> str:
    """An earlier part: its public reply, else its post; one that only its creator can see has no link."""
    name, place = f"part {step.task.order.part}", step.task.place
    if not step.task.deleted and place.guild_id is not None and not place.ephemeral:
        return f"[{name}]({jump_url(step.task)})"
    posts = [share for share in step.shares if share.message_id]
    return f"[{name}]({post_url(posts[0])})" if posts else name


def _source(task: Task) -> str:
    """Where it all began. A link with a query is not shown: it may be signed, and open a door that is not ours."""
    address = urlsplit(task.order.source_url)
    name = task.order.source_name or address.hostname or "source"
    shown = escape_markdown(name if len(name) <= _NAME_SHOWN else name[: _NAME_SHOWN - 1] + "…")
    shown = shown.replace("[", "(").replace("]", ")")
    safe = not (address.query or address.username or task.order.source_name) and address.scheme in {"http", "https"}
    plain = safe and not any(sign in task.order.source_url for sign in "()<> \n")
    return f"[{shown}]({task.order.source_url})" if plain else shown
