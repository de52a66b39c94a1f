"""Fitting text into Discord's bounds, counted so that Discord's own count is never above ours. Pure.

Discord does not say whether it counts code points or UTF-16 units (an emoji is one, or two); the latter is the larger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import discord

CONTENT_MAX = 2000
"""Characters of a message (Discord docs, Create Message)."""
TITLE_MAX, DESCRIPTION_MAX, FIELD_NAME_MAX, FIELD_MAX, FOOTER_MAX, EMBED_MAX = 256, 4096, 256, 1024, 2048, 6000
"""Characters of an embed's parts, and of all embeds of one message together (Discord docs, Embed Limits)."""


def count_utf16(text: str) -> int:
    """The characters of a text, as UTF-16 counts them."""
    return len(text) + sum(char > "\uffff" for char in text)


def truncate(text: str, most: int, end: str = "…") -> str:
    """The text, or its beginning and `end`: at most so many characters. A trailing escape goes too."""
    if count_utf16(text) <= most:
        return text
    room = most - count_utf16(end)
    at = 0
    while room >= count_utf16(text[at]):
        room -= count_utf16(text[at])
        at += 1
    kept = text[:at]
    escapes = len(kept) - len(kept.rstrip("\\"))
    return kept[: len(kept) - escapes % 2] + end


def fit_lines(lines: Sequence[str], most: int, more: Callable[[int], str] | None = None) -> str:
    """As many whole lines as fit, one under the other; `more` says how many are left out, in a last line."""
    whole = "\n".join(lines)
    if count_utf16(whole) <= most:
        return whole
    for shown in range(len(lines) - 1, 0, -1):
        rest = [more(len(lines) - shown)] if more else []
        text = "\n".join([*lines[:shown], *rest])
        if count_utf16(text) <= most:
            return text
    return truncate(lines[0], most)


def fit_embed(embed: discord.Embed, most: int = EMBED_MAX) -> discord.Embed:
    """The same embed, with every part and their sum within Discord's bounds; what is too long is cut.

    Cards are made so that this changes nothing; it is for words that are longer than any seen so far.
    """
    embed.title = _truncate_or_none(embed.title, TITLE_MAX)
    embed.description = _truncate_or_none(embed.description, DESCRIPTION_MAX)
    for at, field in enumerate(embed.fields):
        name, value = truncate(field.name or "", FIELD_NAME_MAX), truncate(field.value or "", FIELD_MAX)
        embed.set_field_at(at, name=name, value=value, inline=bool(field.inline))
    if embed.footer.text:
        embed.set_footer(text=truncate(embed.footer.text, FOOTER_MAX), icon_url=embed.footer.icon_url)
    over = _count_characters(embed) - most
    if over > 0 and embed.description:
        embed.description = truncate(embed.description, max(1, count_utf16(embed.description) - over))
    while _count_characters(embed) > most and embed.fields:
        embed.remove_field(len(embed.fields) - 1)
    return embed


def fit_embeds(embeds: Sequence[discord.Embed]) -> list[discord.Embed]:
    """The embeds of one message, which share the bound of their sum."""
    return [fit_embed(embed, EMBED_MAX // max(1, len(embeds))) for embed in embeds]


def _truncate_or_none(text: str | None, most: int) -> str | None:
    return truncate(text, most) if text else text


def _count_characters(embed: discord.Embed) -> int:
    parts = [embed.title, embed.description, embed.footer.text, embed.author.name]
    parts += [part for field in embed.fields for part in (field.name, field.value)]
    return sum(count_utf16(part) for part in parts if part)
