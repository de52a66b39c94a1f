"""Members: what one has left here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import discord
from discord import app_commands
from discord.ext import commands
from discord.utils import format_dt

from bot.client import ExtendBot, language_of
from bot.domain.task import Task
from bot.i18n import Language
from bot.i18n.text import Translatable
from bot.services import Quota
from cogs.common import formatting
from cogs.common.acknowledge import acknowledge
from cogs.common.embeds import FIELD_MAX, fit_embed, fit_lines
from cogs.common.formatting import BLUE, YELLOW, jump_url
from cogs.common.interactions import requester_of
from cogs.limits import text
from cogs.tasks.card_text import queue_text

_LOOKED_AT = 25
"""Newest tasks among which those in line are looked for."""


class QuotaCog(commands.Cog):
    """`/quota`."""

    @app_commands.command()
    async def quota(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Show what you have left here, when it renews, and your places in line."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        service, requester = interaction.client.service, requester_of(interaction)
        quota = await service.quota(requester)
        known = map(interaction.client.with_queue_position, await service.tasks_of(requester.user_id, _LOOKED_AT))
        tasks = [task for task in known if task.order.guild_id == requester.guild_id]
        await interaction.followup.send(embed=embed(quota, tasks, language_of(interaction)), ephemeral=True)


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    await bot.add_cog(QuotaCog())


def embed(quota: Quota, tasks: Sequence[Task], language: Language) -> discord.Embed:
    """What is left, when it renews, why nothing would be accepted now, and the places in line of `tasks`."""
    title = language.tr("What you have left here")
    shown = discord.Embed(title=title, colour=YELLOW if quota.refused else BLUE, description=_now(quota, language))
    shown.add_field(name=language.tr("In 24 hours"), value=_day(quota, language), inline=False)
    shown.add_field(name=language.tr("Unfinished"), value=_unfinished(quota, tasks, language), inline=False)
    if rules := _rules_of(quota, language):
        shown.add_field(name=language.tr("Rules"), value=rules, inline=False)
    return fit_embed(shown)


def _now(quota: Quota, language: Language) -> str:
    refused = quota.refused
    if refused is None:
        return language.tr("You can start a task now: type /extend.")
    if refused.allowed_at is None:
        return language.tr("**Not now.** {sentence}", sentence=refused.message)
    again = format_dt(refused.allowed_at, "R")
    return language.tr("**Not now.** {sentence} You can try again {when}.", sentence=refused.message, when=again)


def _day(quota: Quota, language: Language) -> str:
    if quota.exempt:
        return language.tr(
            "**{used}** used; no limit binds you, for one of your roles is free of them.", used=quota.used
        )
    if quota.left is None:
        return language.tr("**{used}** used; there is no limit.", used=quota.used)
    used = text.format_usage(quota.used, quota.per_day)
    lines = [language.tr("**{left} left**", left=quota.left), language.tr("{used} used", used=used)]
    if quota.granted:
        lines.append(
            language.tr_plural(
                "{count} of those left is an extra run, which does not run out.",
                "{count} of those left are extra runs, which do not run out.",
                quota.granted,
            )
        )
    if quota.renews_at:
        lines.append(language.tr("The next one comes back {when}.", when=format_dt(quota.renews_at, "R")))
    return "\n".join(lines)


def _unfinished(quota: Quota, tasks: Sequence[Task], language: Language) -> str:
    most = 0 if quota.exempt else quota.limits.user_running
    waiting = [task for task in tasks if task.waits]
    used = language.translate(Translatable("{used}", {"used": text.format_usage(quota.unfinished, most)}))
    return fit_lines([used, *(_waiting(task, language) for task in waiting)], FIELD_MAX, _more(language))


def _more(language: Language) -> Callable[[int], str]:
    return lambda count: language.tr_plural("and {count} more: see /tasks", "and {count} more: see /tasks", count)


def _waiting(task: Task, language: Language) -> str:
    where = queue_text(task, language) or language.tr("waiting in line.")
    return language.tr("[Task {id}]({url}): {where}", id=str(task.id), url=jump_url(task), where=where)


def _rules_of(quota: Quota, language: Language) -> str:
    if quota.exempt:
        return ""
    limits, said = quota.limits, []
    if limits.max_seconds:
        said.append(language.tr("One task adds at most {seconds} s.", seconds=limits.max_seconds))
    if limits.cooldown:
        length = formatting.duration(limits.cooldown)
        said.append(language.tr("There are {length} between two tasks.", length=length))
    if limits.channels:
        said.append(language.tr("Used in: {channels}", channels=text.format_value("channels", limits)))
    return "\n".join(said)
