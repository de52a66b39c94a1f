"""Moderators: `/limits`, answered so that only they see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.client import ExtendBot, language_of, respond_with_error
from bot.domain.errors import RequestRefused
from bot.domain.task import SECONDS_MAX
from bot.i18n import native_name
from bot.i18n.text import Translatable, tr
from cogs.common.embeds import CONTENT_MAX, truncate
from cogs.common.permissions import defer_ephemeral, require_moderator
from cogs.limits import actions
from cogs.limits.callbacks import render
from cogs.limits.embed import PanelSelection

Interaction = discord.Interaction[ExtendBot]

_MOST = 1_000_000

_WEEK = 7 * 86400

_MOST_OFFERED = 25
"""Choices of an autocompletion (Discord docs, Application Commands, Autocomplete)."""

_LogChannel = discord.TextChannel | discord.Thread


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class LimitsCog(commands.GroupCog, name="limits", description="See and change what members may do here"):
    """The commands. Each checks again who asks."""

    @app_commands.command()
    async def show(self, interaction: Interaction) -> None:
        """Show every limit and what is used of it, and change them on the spot."""
        await defer_ephemeral(interaction)
        await render(interaction, PanelSelection())

    @app_commands.command(name="set")
    @app_commands.describe(
        user_per_day="Tasks that a member may start in 24 hours (0: no limit)",
        server_per_day="Tasks that all members may start in 24 hours (0: no limit)",
        user_running="A member's unfinished tasks, waiting ones counted (0: no limit)",
        server_running="The server's tasks at FoxAPI at once; more wait in line (0: no limit)",
        max_seconds="Seconds that one task may add (0: no limit)",
        cooldown="Seconds between a member's tasks (0: no limit)",
    )
    async def set_numbers(
        self,
        interaction: Interaction,
        user_per_day: Range[int, 0, _MOST] | None = None,
        server_per_day: Range[int, 0, _MOST] | None = None,
        user_running: Range[int, 0, _MOST] | None = None,
        server_running: Range[int, 0, _MOST] | None = None,
        max_seconds: Range[int, 0, SECONDS_MAX] | None = None,
        cooldown: Range[int, 0, _WEEK] | None = None,
    ) -> None:
        """Set one or more of the numbers."""
        numbers = {
            "user_per_day": user_per_day,
            "server_per_day": server_per_day,
            "user_running": user_running,
            "server_running": server_running,
            "max_seconds": max_seconds,
            "cooldown": cooldown,
        }
        given = {name: number for name, number in numbers.items() if number is not None}
        require_moderator(interaction)
        if not given:
            raise RequestRefused(tr("Give at least one number to set; /limits show lets you press buttons instead."))
        await _answer(interaction, partial(actions.change, interaction, **given))

    @app_commands.command()
    @app_commands.describe(reason="Why; members who try to start something are shown it")
    async def pause(self, interaction: Interaction, reason: Range[str, 1, 300] = "") -> None:
        """Let nobody start anything until you resume."""
        await _answer(interaction, partial(actions.pause, interaction, reason.strip()))

    @app_commands.command()
    async def resume(self, interaction: Interaction) -> None:
        """End a pause."""
        await _answer(interaction, partial(actions.resume, interaction))

    @app_commands.command()
    @app_commands.describe(member="Who may start nothing more; what they started goes on")
    async def block(self, interaction: Interaction, member: discord.User) -> None:
        """Let a member start nothing here any more."""
        await _answer(interaction, partial(actions.block, interaction, member.id))

    @app_commands.command()
    @app_commands.describe(member="Who may start tasks again")
    async def unblock(self, interaction: Interaction, member: discord.User) -> None:
        """Take a block back."""
        await _answer(interaction, partial(actions.unblock, interaction, member.id))

    @app_commands.command()
    @app_commands.describe(member="Whose count; leave it out for the whole server's")
    async def reset(self, interaction: Interaction, member: discord.User | None = None) -> None:
        """Count a member's last 24 hours, or the server's, from zero."""
        await _answer(interaction, partial(actions.reset, interaction, member.id if member else None))

    @app_commands.command()
    @app_commands.describe(member="Who gets them", runs="How many, beyond the daily number; used once")
    async def grant(self, interaction: Interaction, member: discord.User, runs: Range[int, 1, 1000]) -> None:
        """Give a member extra runs, once."""
        await _answer(interaction, partial(actions.grant, interaction, member.id, runs))

    @app_commands.command()
    @app_commands.describe(channel="Where I write a line for each task and each change; leave it out for nowhere")
    async def log(self, interaction: Interaction, channel: _LogChannel | None = None) -> None:
        """Choose the channel in which I report."""
        await _answer(interaction, partial(actions.set_log_channel, interaction, channel.id if channel else None))

    @app_commands.command()
    @app_commands.describe(choice="A language by its own name, or what Discord's server settings say")
    async def language(self, interaction: Interaction, choice: Range[str, 1, 50]) -> None:
        """Choose the language that I speak to everybody here."""
        await _answer(interaction, partial(actions.set_language, interaction, choice))

    @language.autocomplete("choice")
    async def _languages(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        automatic = language_of(interaction).tr("As Discord says (automatic)")
        names = {automatic: actions.AUTOMATIC} | {
            native_name(code): code for code in interaction.client.languages.codes
        }
        fit = [(name, code) for name, code in names.items() if typed.strip().casefold() in name.casefold()]
        return [app_commands.Choice(name=name, value=code) for name, code in (fit or names.items())][:_MOST_OFFERED]

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        """Answer who presses what is not on the message (any more), which discord.py passes over in silence."""
        custom_id = str(dict(interaction.data or {}).get("custom_id", ""))
        if interaction.type is not discord.InteractionType.component or not custom_id.startswith("limits:"):
            return
        if custom_id not in _on(interaction.message):
            try:
                require_moderator(interaction)
            except RequestRefused as refusal:
                await respond_with_error(interaction, refusal)
            else:
                await respond_with_error(
                    interaction, RequestRefused(tr("That is no longer here: open /limits show again."))
                )


async def _answer(interaction: Interaction, moderation: Callable[[], Awaitable[Translatable]]) -> None:
    """Answer privately with what became of it."""
    await defer_ephemeral(interaction)
    told = truncate(language_of(interaction).translate(await moderation()), CONTENT_MAX)
    await interaction.followup.send(told, ephemeral=True, allowed_mentions=discord.AllowedMentions.none())


def _on(message: discord.Message | None) -> set[str | None]:
    """The custom_ids of a message's components."""
    rows = [each for each in (message.components if message else []) if isinstance(each, discord.ActionRow)]
    return {getattr(child, "custom_id", None) for row in rows for child in row.children}
