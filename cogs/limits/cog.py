"""The /limits commands for moderators; all responses are ephemeral."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.client import ExtendBot, get_language, respond_with_error
from bot.domain.errors import RequestRefused
from bot.domain.task import SECONDS_MAX
from bot.i18n import get_native_name
from bot.i18n.text import Translatable, tr
from cogs.common.embeds import CONTENT_MAX, truncate
from cogs.common.permissions import defer_ephemeral, require_moderator
from cogs.limits import actions
from cogs.limits.callbacks import ask_to_reset, render
from cogs.limits.embed import PanelSelection

Interaction = discord.Interaction[ExtendBot]

_MAX_NUMBER = 1_000_000

_WEEK = 7 * 86400

_MAX_CHOICES = 25
"""Maximum number of autocomplete choices (Discord docs, Application Commands, Autocomplete)."""

_LogChannel = discord.TextChannel | discord.Thread


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class LimitsCog(commands.GroupCog, name="limits", description="See and change what members may do here"):
    """The /limits commands. Each one checks the moderator's permission again."""

    @app_commands.command()
    async def show(self, interaction: Interaction) -> None:
        """Show all limits with their usage, and change them with buttons."""
        await defer_ephemeral(interaction)
        await render(interaction, PanelSelection())

    @app_commands.command(name="set")
    @app_commands.describe(
        user_per_day="Tasks a member may start in 24 hours (0: no limit)",
        server_per_day="Tasks all members together may start in 24 hours (0: no limit)",
        user_running="A member's unfinished tasks, including queued ones (0: no limit)",
        server_running="The server's tasks at FoxAPI at once; others are queued (0: no limit)",
        max_seconds="Seconds one task may add (0: no limit)",
        cooldown="Seconds between a member's tasks (0: no limit)",
    )
    async def set_numbers(
        self,
        interaction: Interaction,
        user_per_day: Range[int, 0, _MAX_NUMBER] | None = None,
        server_per_day: Range[int, 0, _MAX_NUMBER] | None = None,
        user_running: Range[int, 0, _MAX_NUMBER] | None = None,
        server_running: Range[int, 0, _MAX_NUMBER] | None = None,
        max_seconds: Range[int, 0, SECONDS_MAX] | None = None,
        cooldown: Range[int, 0, _WEEK] | None = None,
    ) -> None:
        """Set one or more numeric limits."""
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
            raise RequestRefused(tr("Give at least one number, or use /limits show to change the limits with buttons."))
        await _respond(interaction, partial(actions.change_limits, interaction, **given))

    @app_commands.command()
    @app_commands.describe(
        reason="The reason shown to members who try to start a task",
        hours="The pause ends by itself after these hours; leave it out to pause until you resume",
    )
    async def pause(
        self, interaction: Interaction, reason: Range[str, 1, 300] = "", hours: Range[int, 1, 168] | None = None
    ) -> None:
        """Stop all members from starting tasks, for some hours or until you resume."""
        await _respond(interaction, partial(actions.pause, interaction, reason.strip(), hours))

    @app_commands.command()
    async def resume(self, interaction: Interaction) -> None:
        """End a pause."""
        await _respond(interaction, partial(actions.resume, interaction))

    @app_commands.command()
    @app_commands.describe(member="The member to block; their accepted tasks continue")
    async def block(self, interaction: Interaction, member: discord.User) -> None:
        """Stop a member from starting tasks here."""
        await _respond(interaction, partial(actions.block, interaction, member.id))

    @app_commands.command()
    @app_commands.describe(member="The member to unblock")
    async def unblock(self, interaction: Interaction, member: discord.User) -> None:
        """Unblock a member."""
        await _respond(interaction, partial(actions.unblock, interaction, member.id))

    @app_commands.command()
    @app_commands.describe(member="The member whose count to reset; leave it out to reset the server's")
    async def reset(self, interaction: Interaction, member: discord.User | None = None) -> None:
        """Reset the 24-hour count of a member or of the server."""
        if member is None:
            await ask_to_reset(interaction)
        else:
            await _respond(interaction, partial(actions.reset, interaction, member.id))

    @app_commands.command()
    @app_commands.describe(member="The member who gets the runs", runs="Number of runs, in addition to the daily limit")
    async def grant(self, interaction: Interaction, member: discord.User, runs: Range[int, 1, 1000]) -> None:
        """Grant a member extra runs, once."""
        await _respond(interaction, partial(actions.grant, interaction, member.id, runs))

    @app_commands.command()
    @app_commands.describe(channel="Where I log each task and each change", off="Turn the log off")
    async def log(self, interaction: Interaction, channel: _LogChannel | None = None, off: bool = False) -> None:
        """Show or choose the channel for my log."""
        if channel and off:
            raise RequestRefused(tr("Either choose a channel for the log, or turn it off."))
        if channel or off:
            action = partial(actions.set_log_channel, interaction, channel.id if channel else None)
        else:
            action = partial(actions.describe_log, interaction)
        await _respond(interaction, action)

    @app_commands.command()
    @app_commands.describe(choice="A language by its native name, or the one in Discord's server settings")
    async def language(self, interaction: Interaction, choice: Range[str, 1, 50]) -> None:
        """Choose the language of my public messages here."""
        await _respond(interaction, partial(actions.set_language, interaction, choice))

    @language.autocomplete("choice")
    async def _complete_language(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        automatic = get_language(interaction).tr("Follow Discord (automatic)")
        names = {automatic: actions.AUTOMATIC} | {
            get_native_name(code): code for code in interaction.client.languages.codes
        }
        matching = [(name, code) for name, code in names.items() if typed.strip().casefold() in name.casefold()]
        return [app_commands.Choice(name=name, value=code) for name, code in (matching or names.items())][:_MAX_CHOICES]

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        """Respond to a component that is not (or no longer) on its message; discord.py ignores those silently."""
        custom_id = str(dict(interaction.data or {}).get("custom_id", ""))
        if interaction.type is not discord.InteractionType.component or not custom_id.startswith("limits:"):
            return
        if custom_id not in _get_custom_ids(interaction.message):
            try:
                require_moderator(interaction)
            except RequestRefused as refusal:
                await respond_with_error(interaction, refusal)
            else:
                await respond_with_error(
                    interaction, RequestRefused(tr("That control is no longer there: open /limits show again."))
                )


async def _respond(interaction: Interaction, action: Callable[[], Awaitable[Translatable]]) -> None:
    """Run the action and respond privately with its result."""
    await defer_ephemeral(interaction)
    text = truncate(get_language(interaction).translate(await action()), CONTENT_MAX)
    await interaction.followup.send(text, ephemeral=True, allowed_mentions=discord.AllowedMentions.none())


def _get_custom_ids(message: discord.Message | None) -> set[str | None]:
    """Return the custom_ids of a message's components."""
    rows = [each for each in (message.components if message else []) if isinstance(each, discord.ActionRow)]
    return {getattr(child, "custom_id", None) for row in rows for child in row.children}
