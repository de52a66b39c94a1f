"""`/privacy`: shows which data about a member is stored, and deletes it on request."""

from __future__ import annotations

import re
from typing import Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import ExtendBot, get_language
from bot.i18n import Language
from bot.i18n.text import tr
from bot.services import StoredData
from cogs.common.components import PersistentItem
from cogs.common.embeds import fit_embed
from cogs.common.formatting import BLUE
from cogs.common.interactions import acknowledge
from cogs.sharing.lineage import update_links

_WHAT = tr(
    "**For each of your tasks:** your user ID, the server and channel, your prompt, the links to the clip and the "
    "result, lengths, times, the outcome, and the cost that FoxAPI reported.\n"
    "**Clips and videos:** your clip only while a task runs; a finished video for some days, so that it can be sent "
    "again.\n"
    "**Who gets it:** FoxAPI gets your prompt and clip to make the video. Moderators see your name, prompt and "
    "outcome in their log (not the prompt of private tasks), and counts in /usage. Nobody else gets it."
)
_LONG = tr(
    "Until you delete it, and at most 90 days after a task ends (unless the bot's operator changed that). What you "
    "shared is kept until you unshare it. A server's data is deleted some time after the bot is removed from it (30 "
    "days, unless the operator changed that). Deleting your data does not delete messages in Discord: delete those "
    "yourself. For 24 hours the bot keeps a record that a task was started, without its content, because the limits "
    "count it."
)
_ASK = tr("This deletes the stored data of all your tasks on every server. It cannot be undone. Delete it?")
_LABELS = {
    "ask": (tr("Delete my data…"), discord.ButtonStyle.secondary),
    "sure": (tr("Delete it"), discord.ButtonStyle.danger),
}


class PrivacyButton(PersistentItem, template=r"privacy:(?P<action>ask|sure)"):
    """Deletes the presser's own data, after asking once."""

    @classmethod
    def create(cls, action: str, language: Language) -> Self:
        """Make a new button; `action` is a key of `handlers`."""
        label, style = _LABELS[action]
        return cls(ui.Button(label=language.translate(label), style=style, custom_id=f"privacy:{action}"))

    def arguments(self, match: re.Match[str]) -> tuple[()]:  # noqa: ARG002
        """Return nothing: the custom_id has no id."""
        return ()


class PrivacyCog(commands.Cog):
    """`/privacy`."""

    @app_commands.command()
    async def privacy(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Show which data the bot stores about you, and delete it if you want."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        kept = await interaction.client.services.members.get_stored_data(interaction.user.id)
        language = get_language(interaction)
        title = language.tr("Your stored data")
        embed = discord.Embed(title=title, colour=BLUE, description=_summarize(kept, language))
        embed.add_field(name=language.tr("What is stored"), value=language.translate(_WHAT), inline=False)
        embed.add_field(name=language.tr("For how long"), value=language.translate(_LONG), inline=False)
        await interaction.followup.send(embed=fit_embed(embed), view=_make_view("ask", language), ephemeral=True)


async def _ask_to_delete(interaction: discord.Interaction[ExtendBot]) -> None:
    language = get_language(interaction)
    await interaction.response.send_message(language.translate(_ASK), view=_make_view("sure", language), ephemeral=True)


async def _delete_data(interaction: discord.Interaction[ExtendBot]) -> None:
    PrivacyButton.check_private(interaction)
    await acknowledge(interaction)
    bot = interaction.client
    task_ids = await bot.services.members.delete_data(interaction.user.id)
    bot.drafts.forget_member(interaction.user.id)
    kept = await bot.services.members.get_stored_data(interaction.user.id)
    language = get_language(interaction)
    done = [language.tr("Deleted.")]
    if kept.unfinished:
        done.append(language.tr("Unfinished tasks are deleted when they end."))
    await interaction.edit_original_response(content=" ".join([*done, _summarize(kept, language)]), view=None)
    await update_links(bot, *task_ids)


def _summarize(kept: StoredData, language: Language) -> str:
    if kept.unfinished:
        tasks = language.tr_plural(
            "The bot stores **{count}** task of yours ({unfinished} unfinished).",
            "The bot stores **{count}** tasks of yours ({unfinished} unfinished).",
            kept.tasks,
            unfinished=kept.unfinished,
        )
    else:
        tasks = language.tr_plural(
            "The bot stores **{count}** task of yours.", "The bot stores **{count}** tasks of yours.", kept.tasks
        )
    if not kept.servers:
        return tasks
    moderation = language.tr_plural(
        "Moderators of {count} server have blocked you or granted you runs. Only they can delete that.",
        "Moderators of {count} servers have blocked you or granted you runs. Only they can delete that.",
        kept.servers,
    )
    return f"{tasks} {moderation}"


def _make_view(action: str, language: Language) -> ui.View:
    view = ui.View(timeout=None)  # a new view each time: see task_view
    view.add_item(PrivacyButton.create(action, language))
    return view


PrivacyButton.handlers = {"ask": _ask_to_delete, "sure": _delete_data}


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    bot.add_dynamic_items(PrivacyButton)
    await bot.add_cog(PrivacyCog())
