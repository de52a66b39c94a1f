"""Truncates text and embeds to Discord's length limits. Pure.

Discord does not document whether it counts code points or UTF-16 code units (an emoji is one, or two). This module
counts UTF-16 code units: the larger number, so a text is never longer for Discord than it is here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import discord

CONTENT_MAX = 2000
"""Maximum characters of a message (Discord docs, Create Message)."""
TITLE_MAX, DESCRIPTION_MAX, FIELD_NAME_MAX, FIELD_MAX, FOOTER_MAX, EMBED_MAX = 256, 4096, 256, 1024, 2048, 6000
"""Maximum characters of an embed's parts, and of all embeds of a message together (Discord docs, Embed Limits)."""


def count_utf16(text: str) -> int:
    """Return the number of UTF-16 code units in the text."""
    return len(text) + sum(char > "\uffff" for char in text)


def truncate(text: str, limit: int, end: str = "…") -> str:
    """Truncate the text to `limit` characters, `end` included. A markdown escape left at the cut is removed."""
    if count_utf16(text) <= limit:
        return text
    available = limit - count_utf16(end)
    at = 0
    while available >= count_utf16(text[at]):
        available -= count_utf16(text[at])
        at += 1
    beginning = text[:at]
    escapes = len(beginning) - len(beginning.rstrip("\\"))
    return beginning[: len(beginning) - escapes % 2] + end


def fit_lines(lines: Sequence[str], limit: int, more: Callable[[int], str] | None = None) -> str:
    """Join as many whole lines as fit; `more` gives the text of a last line that says how many are left out."""
    whole = "\n".join(lines)
    if count_utf16(whole) <= limit:
        return whole
    for shown in range(len(lines) - 1, 0, -1):
        rest = [more(len(lines) - shown)] if more else []
        text = "\n".join([*lines[:shown], *rest])
        if count_utf16(text) <= limit:
            return text
    return truncate(lines[0], limit)


def fit_embed(embed: discord.Embed, limit: int = EMBED_MAX) -> discord.Embed:
    """Truncate the embed in place so that each part and the total are within Discord's limits; return it.

    Cards are designed so that this changes nothing. It is a safeguard against unexpectedly long translations.
    """
    embed.title = _truncate_or_none(embed.title, TITLE_MAX)
    embed.description = _truncate_or_none(embed.description, DESCRIPTION_MAX)
    for at, field in enumerate(embed.fields):
        name, value = truncate(field.name or "", FIELD_NAME_MAX), truncate(field.value or "", FIELD_MAX)
        embed.set_field_at(at, name=name, value=value, inline=bool(field.inline))
    if embed.footer.text:
        embed.set_footer(text=truncate(embed.footer.text, FOOTER_MAX), icon_url=embed.footer.icon_url)
    excess = _count_characters(embed) - limit
    if excess > 0 and embed.description:
        embed.description = truncate(embed.description, max(1, count_utf16(embed.description) - excess))
    while _count_characters(embed) > limit and embed.fields:
        embed.remove_field(len(embed.fields) - 1)
    return embed


def fit_embeds(embeds: Sequence[discord.Embed]) -> list[discord.Embed]:
    """Truncate the embeds of one message, which share the limit of the total."""
    return [fit_embed(embed, EMBED_MAX // max(1, len(embeds))) for embed in embeds]


def _truncate_or_none(text: str | None, limit: int) -> str | None:
    return truncate(text, limit) if text else text


def _count_characters(embed: discord.Embed) -> int:
    parts = [embed.title, embed.description, embed.footer.text, embed.author.name]
    parts += [part for field in embed.fields for part in (field.name, field.value)]
    return sum(count_utf16(part) for part in parts if part)
