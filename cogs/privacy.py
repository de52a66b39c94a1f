"""`/privacy`: what is kept of a member, and the way to delete it."""

from __future__ import annotations

import re
from typing import Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import ExtendBot, language_of
from bot.i18n import Language
from bot.i18n.text import tr
from bot.services import StoredData
from cogs.common.components import PersistentItem
from cogs.common.embeds import fit_embed
from cogs.common.formatting import BLUE
from cogs.common.interactions import acknowledge
from cogs.sharing.lineage import update_links

_WHAT = tr(
    "**For each of your tasks:** your id, the server and channel, your prompt, the addresses of the clip and the "
    "result, lengths, times, how it ended, and what FoxAPI said that it costs.\n"
    "**Clips and videos:** your clip only while a task runs; a delivered film for some days, to send it again.\n"
    "**Who gets it:** FoxAPI gets your prompt and clip, to make the video. Moderators see your name, prompt and "
    "outcome in their log (not the prompt of private tasks), and counts in /usage. Nobody else."
)
_LONG = tr(
    "Until you delete it, and at most 90 days after its end (unless my operator changed that); what you shared, until "
    "you take it back. What belongs to a server goes some time after I am removed from there (30 days, unless my "
    "operator changed that). Deleting leaves messages in Discord as they are: delete those yourself. That a task was "
    "started stays known for 24 hours, without its content, for the limits count it."
)
_ASK = tr("This deletes what I keep of all your tasks, on every server, and cannot be undone. Delete it?")
_LABELS = {
    "ask": (tr("Delete my data…"), discord.ButtonStyle.secondary),
    "sure": (tr("Delete it"), discord.ButtonStyle.danger),
}


class PrivacyButton(PersistentItem, template=r"privacy:(?P<action>ask|sure)"):
    """Deletes the presser's own data, after asking once."""

    @classmethod
    def of(cls, action: str, language: Language) -> Self:
        """A new one; `action`: ask or sure."""
        label, style = _LABELS[action]
        return cls(ui.Button(label=language.translate(label), style=style, custom_id=f"privacy:{action}"))

    async def on_use(self, interaction: discord.Interaction[ExtendBot], match: re.Match[str], /) -> None:
        """Ask, or do it."""
        if match["action"] == "ask":
            language = language_of(interaction)
            await interaction.response.send_message(
                language.translate(_ASK), view=_make_view("sure", language), ephemeral=True
            )
        else:
            self.check_private(interaction)
            await _delete_data(interaction)


class PrivacyCog(commands.Cog):
    """One command."""

    @app_commands.command()
    async def privacy(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Show what I keep of you, and delete it if you like."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        kept = await interaction.client.service.stored_data(interaction.user.id)
        language = language_of(interaction)
        title = language.tr("What I keep of you")
        embed = discord.Embed(title=title, colour=BLUE, description=_summarize(kept, language))
        embed.add_field(name=language.tr("What"), value=language.translate(_WHAT), inline=False)
        embed.add_field(name=language.tr("For how long"), value=language.translate(_LONG), inline=False)
        await interaction.followup.send(embed=fit_embed(embed), view=_make_view("ask", language), ephemeral=True)


async def _delete_data(interaction: discord.Interaction[ExtendBot]) -> None:
    await acknowledge(interaction)
    bot = interaction.client
    task_ids = await bot.service.delete_member_data(interaction.user.id)
    await bot.history.drop_films(task_ids)
    kept = await bot.service.stored_data(interaction.user.id)
    language = language_of(interaction)
    done = [language.tr("Deleted.")]
    if kept.unfinished:
        done.append(language.tr("The ones still running are deleted when they end."))
    await interaction.edit_original_response(content=" ".join([*done, _summarize(kept, language)]), view=None)
    await update_links(bot, *task_ids)


def _summarize(kept: StoredData, language: Language) -> str:
    if kept.unfinished:
        tasks = language.tr_plural(
            "I keep **{count}** task of yours ({unfinished} unfinished).",
            "I keep **{count}** tasks of yours ({unfinished} unfinished).",
            kept.tasks,
            unfinished=kept.unfinished,
        )
    else:
        tasks = language.tr_plural(
            "I keep **{count}** task of yours.", "I keep **{count}** tasks of yours.", kept.tasks
        )
    if not kept.servers:
        return tasks
    ruled = language.tr_plural(
        "The moderators of {count} server decided something on you, and that is theirs to keep.",
        "The moderators of {count} servers decided something on you, and that is theirs to keep.",
        kept.servers,
    )
    return f"{tasks} {ruled}"


def _make_view(action: str, language: Language) -> ui.View:
    view = ui.View(timeout=None)  # a fresh one each time: see _buttons.view_of
    view.add_item(PrivacyButton.of(action, language))
    return view


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    bot.add_dynamic_items(PrivacyButton)
    await bot.add_cog(PrivacyCog())
