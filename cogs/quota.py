"""`/quota`: a member's remaining quota and queue positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import discord
from discord import app_commands
from discord.ext import commands
from discord.utils import format_dt

from bot.client import ExtendBot, format_refusal, get_language
from bot.domain.task import Task
from bot.i18n import Language
from bot.i18n.text import Translatable
from bot.services import Quota
from cogs.common import formatting
from cogs.common.embeds import FIELD_MAX, fit_embed, fit_lines
from cogs.common.formatting import BLUE, YELLOW, jump_url
from cogs.common.interactions import acknowledge, requester_of
from cogs.limits import text
from cogs.tasks.card_text import queue_text

_NEWEST_TASKS = 25
"""How many of a member's newest tasks are searched for queued ones."""


class QuotaCog(commands.Cog):
    """`/quota`."""

    @app_commands.command()
    async def quota(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Show your remaining quota here, when it resets, and your queue positions."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        services, requester = interaction.client.services, requester_of(interaction)
        quota = await services.members.get_quota(requester)
        newest = await services.tasks.list_tasks(requester.user_id, _NEWEST_TASKS)
        here = [task for task in newest if task.order.guild_id == requester.guild_id]
        tasks = await services.queue.add_positions(here)
        await interaction.followup.send(embed=make_embed(quota, tasks, get_language(interaction)), ephemeral=True)


def make_embed(quota: Quota, tasks: Sequence[Task], language: Language) -> discord.Embed:
    """Show the remaining quota, when it resets, why a request would be refused, and the queue positions of `tasks`."""
    title = language.tr("Your quota here")
    shown = discord.Embed(
        title=title, colour=YELLOW if quota.refused else BLUE, description=_describe_now(quota, language)
    )
    shown.add_field(name=language.tr("In 24 hours"), value=_describe_day(quota, language), inline=False)
    shown.add_field(name=language.tr("Unfinished"), value=_describe_unfinished(quota, tasks, language), inline=False)
    if rules := _describe_rules(quota, language):
        shown.add_field(name=language.tr("Rules"), value=rules, inline=False)
    return fit_embed(shown)


def _describe_now(quota: Quota, language: Language) -> str:
    refused = quota.refused
    if refused is None:
        return language.tr("You can start a task now: type /extend.")
    reasons = format_refusal(language, refused)
    return language.tr("**Not now.** {sentence}", sentence=f"\n{reasons}" if refused.others else reasons)


def _describe_day(quota: Quota, language: Language) -> str:
    if quota.exempt:
        return language.tr(
            "**{used}** used; no limits apply to you, because one of your roles is exempt.", used=quota.used
        )
    if quota.left is None:
        return language.tr("**{used}** used; there is no limit.", used=quota.used)
    used = text.format_usage(quota.used, quota.per_day)
    lines = [language.tr("**{left} left**", left=quota.left), language.tr("{used} used", used=used)]
    if quota.granted:
        lines.append(
            language.tr_plural(
                "{count} of them is an extra run, which does not expire.",
                "{count} of them are extra runs, which do not expire.",
                quota.granted,
            )
        )
    if quota.renews_at:
        lines.append(language.tr("The next one becomes available {when}.", when=format_dt(quota.renews_at, "R")))
    return "\n".join(lines)


def _describe_unfinished(quota: Quota, tasks: Sequence[Task], language: Language) -> str:
    most = 0 if quota.exempt else quota.limits.user_running
    waiting = [task for task in tasks if task.waits]
    used = language.translate(Translatable("{used}", {"used": text.format_usage(quota.unfinished, most)}))
    return fit_lines(
        [used, *(_describe_waiting(task, language) for task in waiting)], FIELD_MAX, _count_left_out(language)
    )


def _count_left_out(language: Language) -> Callable[[int], str]:
    return lambda count: language.tr_plural("and {count} more: see /tasks", "and {count} more: see /tasks", count)


def _describe_waiting(task: Task, language: Language) -> str:
    where = queue_text(task, language) or language.tr("in the queue.")
    return language.tr("[Task {id}]({url}): {where}", id=str(task.id), url=jump_url(task), where=where)


def _describe_rules(quota: Quota, language: Language) -> str:
    if quota.exempt:
        return ""
    limits, lines = quota.limits, []
    if limits.max_seconds:
        lines.append(language.tr("One task adds at most {seconds} s.", seconds=limits.max_seconds))
    if limits.cooldown:
        length = formatting.format_duration(limits.cooldown)
        lines.append(language.tr("Wait at least {length} between two tasks.", length=length))
    if limits.channels:
        lines.append(language.tr("Allowed in: {channels}", channels=text.format_value("channels", limits)))
    return "\n".join(lines)


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    await bot.add_cog(QuotaCog())
