"""The Share modal: asks for the channel and whether to show the prompt, then posts the film."""

from __future__ import annotations

import logging

import discord
from discord import ui

from bot.client import ExtendBot, fetch_guild_language, get_language
from bot.domain.errors import RequestRefused
from bot.domain.share import Share
from bot.domain.task import Task
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common import formatting
from cogs.common.embeds import truncate
from cogs.common.interactions import acknowledge, is_age_restricted
from cogs.common.modals import BaseModal, open_modal
from cogs.common.permissions import POSTABLE_CHANNELS, PostableChannel, check_bot_may_post, check_member_may_post
from cogs.sharing import embeds
from cogs.sharing.buttons import make_extend_button, make_share_view, make_unshare_button
from cogs.sharing.channels import fetch_member, get_postable_channel, get_task_guild
from cogs.sharing.film import Film, load_film
from cogs.sharing.lineage import find_links
from cogs.sharing.posts import fetch_post, find_post
from cogs.sharing.publish import Post, add_first_star, publish

log = logging.getLogger(__name__)

_NO_SHOWCASE = tr(
    "You cannot choose a channel here, and that server has no showcase: ask a moderator to choose one with /showcase."
)
_AGE_RESTRICTED = tr(
    "This film was made in an age-restricted channel, so it can be shared only in one: choose another channel."
)
_SHOWCASE_GONE = tr(
    "You cannot choose a channel here, and that server's showcase is gone: ask a moderator to choose another with "
    "/showcase."
)


class ShareModal(BaseModal):
    """Asks for the channel and whether to show the prompt.

    A restart invalidates it, like every open modal; the member presses Share again.
    """

    def __init__(
        self,
        language: Language,
        task: Task,
        guild: discord.Guild,
        showcase: PostableChannel | None,
        *,
        hint: str,
        choose: bool,
    ) -> None:
        """`showcase` is preselected; without `choose` it is the only target, because direct messages offer no channels.

        `hint` is shown below the channel question.
        """
        super().__init__(title=language.tr("Share"))
        self._task = task
        self._guild = guild
        self._showcase = showcase
        self.where: ui.ChannelSelect[ui.View] | None = None
        if choose:
            self.where = _make_channel_select(showcase)
            self.add_item(
                ui.Label(text=language.tr("Where to?"), description=truncate(hint, 100), component=self.where)
            )
        elif showcase:
            target = language.tr(
                "It will be posted in the showcase **#{channel}** of **{server}**.",
                channel=showcase.name,
                server=guild.name,
            )
            self.add_item(ui.TextDisplay(target))
        options = [
            discord.SelectOption(label=language.tr("Show it"), value="show", default=True),
            discord.SelectOption(label=language.tr("Hide it"), value="hide"),
        ]
        self.prompt: ui.Select[ui.View] = ui.Select(custom_id="prompt", options=options)
        note = language.tr("The post names you in both cases")
        self.add_item(ui.Label(text=language.tr("Your prompt"), description=note, component=self.prompt))

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Post the film and confirm it privately."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        chosen = self.where.values[0].id if self.where and self.where.values else None
        showcase = self._showcase.id if self._showcase else None
        if chosen is None and self._guild.get_channel_or_thread(showcase or 0) is None:
            raise RequestRefused(_SHOWCASE_GONE)
        channel = get_postable_channel(self._guild, chosen or showcase or 0)
        await interaction.client.services.members.check_not_paused_or_blocked(self._guild.id, interaction.user.id)
        member = await fetch_member(interaction, self._guild)
        check_bot_may_post(channel)
        check_member_may_post(channel, member, showcase=channel.id == showcase)
        _check_age_restriction(self._guild, self._task, channel)
        share, already_shared = await _share(interaction, self._task, channel, hidden=self.prompt.values == ["hide"])
        language, link = get_language(interaction), formatting.post_url(share)
        text = language.tr("Already shared: {link}", link=link)
        if not already_shared:
            text = language.tr("Shared: {link}", link=link)
        view = make_share_view(make_unshare_button(language, share.id))
        await interaction.followup.send(text, view=view, ephemeral=True, suppress_embeds=True)


async def open_share_modal(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """Open the Share modal for a finished task of the interaction's user. Raises RequestRefused."""
    bot = interaction.client
    task = await bot.services.sharing.get_own_result(task_id, interaction.user.id)
    guild = get_task_guild(bot, task)
    await bot.services.members.check_not_paused_or_blocked(guild.id, interaction.user.id)
    showcase_id = await bot.services.sharing.get_showcase(guild.id)
    showcase = guild.get_channel_or_thread(showcase_id) if showcase_id else None
    usable = showcase if isinstance(showcase, discord.TextChannel | discord.ForumChannel | discord.Thread) else None
    choose = interaction.guild_id == guild.id
    if not choose and usable is None:
        raise RequestRefused(_SHOWCASE_GONE if showcase_id else _NO_SHOWCASE)
    language = get_language(interaction)
    hint = language.tr("A channel where you and I may post files")
    if usable:
        hint = language.tr("#{channel} is this server's showcase", channel=usable.name)
    elif showcase_id:
        hint = language.tr("This server's showcase is gone; choose a channel where you and I may post files")
    await open_modal(interaction, ShareModal(language, task, guild, usable, hint=hint, choose=choose))


def _check_age_restriction(guild: discord.Guild, task: Task, channel: PostableChannel) -> None:
    """Raise RequestRefused if the film was made in an age-restricted channel and `channel` is not one."""
    origin = guild.get_channel_or_thread(task.order.channel_id)
    if is_age_restricted(origin) and not is_age_restricted(channel):
        raise RequestRefused(_AGE_RESTRICTED)


async def reconcile_shares(bot: ExtendBot) -> None:
    """At startup, find shares that an earlier run posted without recording it."""
    for share in await bot.services.sharing.list_unconfirmed():
        async with bot.services.sharing.get_posting_lock(share.task_id, share.channel_id):
            try:
                guild = bot.get_guild(share.guild_id)
                current = await bot.services.sharing.get(share.id)
                if guild and current.message_id is None:
                    await _reconcile(bot, current, get_postable_channel(guild, share.channel_id))
            except RequestRefused:
                continue  # if its creator presses Share again, it is looked for again
            except Exception:  # one failing share must not keep the others from being reconciled
                log.exception("task %d: could not reconcile its share", share.task_id)


async def _reconcile(bot: ExtendBot, share: Share, channel: PostableChannel) -> None:
    message = await find_post(bot, share, channel)
    if message is not None:
        await bot.services.sharing.mark_posted(share, message.channel.id, message.id)
        await add_first_star(message)


def _make_channel_select(showcase: PostableChannel | None) -> ui.ChannelSelect[ui.View]:
    defaults = []
    if showcase is not None:
        defaults.append(discord.SelectDefaultValue(id=showcase.id, type=discord.SelectDefaultValueType.channel))
    return ui.ChannelSelect(custom_id="where", channel_types=POSTABLE_CHANNELS, default_values=defaults, required=True)


async def _share(
    interaction: discord.Interaction[ExtendBot], task: Task, channel: PostableChannel, *, hidden: bool
) -> tuple[Share, bool]:
    """Post the result in the channel at most once; return its share and whether it was already shared there."""
    bot = interaction.client
    async with bot.services.sharing.get_posting_lock(task.id, channel.id):
        task = await bot.services.sharing.get_own_result(
            task.id, interaction.user.id
        )  # it may have been deleted in the meantime
        share, is_new = await bot.services.sharing.reserve(task, channel.guild.id, channel.id, hidden=hidden)
        if share.message_id:
            if await fetch_post(bot, share) is not None:
                return share, True
            await bot.services.sharing.delete(share)  # somebody deleted the post
            share, is_new = await bot.services.sharing.reserve(task, channel.guild.id, channel.id, hidden=hidden)
        share = share.model_copy(update={"prompt_hidden": hidden})
        async with load_film(interaction, task, channel.guild.filesize_limit, with_prompt=not hidden) as film:
            post = await _build_post(interaction, share, task, channel, film)
            return await publish(bot, post, may_be_posted=not is_new), False


async def _build_post(
    interaction: discord.Interaction[ExtendBot], share: Share, task: Task, channel: PostableChannel, film: Film
) -> Post:
    """Build the post in the server's language."""
    bot, hidden = interaction.client, share.prompt_hidden
    language = await fetch_guild_language(bot, channel.guild.id)
    parts = await bot.services.sharing.get_lineage(task)
    lineage = embeds.format_lineage(language, parts, await find_links(bot, parts, channel))
    unlinked = embeds.format_lineage(language, parts, {}, linked=False)
    has_thumbnail = film.thumbnail is not None
    return Post(
        share=share,
        channel=channel,
        film=film,
        text=embeds.format_post_text(language, task),
        embed=embeds.build_post_embed(language, task, lineage, hidden=hidden, has_thumbnail=has_thumbnail),
        title=embeds.format_post_title(language, task, interaction.user.display_name, hidden=hidden),
        plain_embed=embeds.build_post_embed(language, task, unlinked, hidden=True, has_thumbnail=has_thumbnail),
        plain_title=embeds.format_post_title(language, task, interaction.user.display_name, hidden=True),
        view=make_share_view(make_extend_button(language, share.id), make_unshare_button(language, share.id)),
    )
