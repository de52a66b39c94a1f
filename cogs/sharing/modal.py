"""The conversation about sharing: where, and with or without the prompt."""

from __future__ import annotations

import logging

import discord
from discord import ui

from bot.client import ExtendBot, fetch_guild_language, language_of
from bot.domain.errors import RequestRefused
from bot.domain.share import Share
from bot.domain.task import Task
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common import formatting
from cogs.common.embeds import truncate
from cogs.common.interactions import acknowledge
from cogs.common.modals import BaseModal, open_modal
from cogs.common.permissions import POSTABLE_CHANNELS, PostableChannel, check_bot_may_post, check_member_may_post
from cogs.sharing import embeds
from cogs.sharing.buttons import extend_button, share_view, unshare_button
from cogs.sharing.channels import guild_of, member_of, postable_channel
from cogs.sharing.film import Film, load_film
from cogs.sharing.lineage import links
from cogs.sharing.posts import fetch_post, find_post
from cogs.sharing.publish import Post, add_first_star, publish

log = logging.getLogger(__name__)

_NO_SHOWCASE = tr(
    "Here I cannot offer you channels, and that server has no showcase: ask a moderator to choose one with /showcase."
)
_SHOWCASE_GONE = tr(
    "Here I cannot offer you channels, and that server's showcase is gone: ask a moderator to choose another with "
    "/showcase."
)


class ShareModal(BaseModal):
    """Asks where to, and whether with the prompt. It is lost at a restart, like every open modal: press Share again."""

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
        """`showcase` is chosen at first; without `choose` it is the only place (a direct message shows no channels).

        `hint`: what stands under the question where to.
        """
        super().__init__(title=language.tr("Share"))
        self._task = task
        self._guild = guild
        self._showcase = showcase
        self.where: ui.ChannelSelect[ui.View] | None = None
        if choose:
            self.where = _where(showcase)
            self.add_item(
                ui.Label(text=language.tr("Where to?"), description=truncate(hint, 100), component=self.where)
            )
        elif showcase:
            goes = language.tr(
                "It goes to the showcase **#{channel}** of **{server}**.", channel=showcase.name, server=guild.name
            )
            self.add_item(ui.TextDisplay(goes))
        options = [
            discord.SelectOption(label=language.tr("Show it"), value="show", default=True),
            discord.SelectOption(label=language.tr("Hide it"), value="hide"),
        ]
        self.prompt: ui.Select[ui.View] = ui.Select(custom_id="prompt", options=options)
        named = language.tr("The post names you either way")
        self.add_item(ui.Label(text=language.tr("Your prompt"), description=named, component=self.prompt))

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Post it there, and say so privately."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        chosen = self.where.values[0].id if self.where and self.where.values else None
        showcase = self._showcase.id if self._showcase else None
        if chosen is None and self._guild.get_channel_or_thread(showcase or 0) is None:
            raise RequestRefused(_SHOWCASE_GONE)
        channel = postable_channel(self._guild, chosen or showcase or 0)
        member = await member_of(interaction, self._guild)
        check_bot_may_post(channel)
        check_member_may_post(channel, member, showcase=channel.id == showcase)
        share, already = await _share(interaction, self._task, channel, hidden=self.prompt.values == ["hide"])
        language, link = language_of(interaction), formatting.post_url(share)
        words = language.tr("It is shared already: {link}", link=link)
        if not already:
            words = language.tr("Shared: {link}", link=link)
        view = share_view(unshare_button(language, share.id))
        await interaction.followup.send(words, view=view, ephemeral=True, suppress_embeds=True)


async def open_share_modal(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """What Share does: ask privately, if there is something to share and it is the presser's."""
    bot = interaction.client
    task = await bot.services.sharing.own_result(task_id, interaction.user.id)
    guild = guild_of(bot, task)
    showcase_id = await bot.services.sharing.showcase(guild.id)
    showcase = guild.get_channel_or_thread(showcase_id) if showcase_id else None
    usable = showcase if isinstance(showcase, discord.TextChannel | discord.ForumChannel | discord.Thread) else None
    choose = interaction.guild_id == guild.id
    if not choose and usable is None:
        raise RequestRefused(_SHOWCASE_GONE if showcase_id else _NO_SHOWCASE)
    language = language_of(interaction)
    hint = language.tr("Where you and I may post files")
    if usable:
        hint = language.tr("#{channel} is this server's showcase", channel=usable.name)
    elif showcase_id:
        hint = language.tr("This server's showcase is gone; choose where you and I may post files")
    await open_modal(interaction, ShareModal(language, task, guild, usable, hint=hint, choose=choose))


async def reconcile_shares(bot: ExtendBot) -> None:
    """At start: find out which shares an earlier run posted without writing it down."""
    for share in await bot.services.sharing.unconfirmed():
        async with bot.services.sharing.posting_lock(share.task_id, share.channel_id):
            try:
                guild = bot.get_guild(share.guild_id)
                current = await bot.services.sharing.get(share.id)
                if guild and current.message_id is None:
                    await _reconcile(bot, current, postable_channel(guild, share.channel_id))
            except RequestRefused:
                continue  # its creator may press Share again, and then it is looked for again
            except Exception:  # one odd share keeps none of the others from being looked for
                log.exception("task %d: its share could not be looked for", share.task_id)


async def _reconcile(bot: ExtendBot, share: Share, where: PostableChannel) -> None:
    message = await find_post(bot, share, where)
    if message is not None:
        await bot.services.sharing.mark_posted(share, message.channel.id, message.id)
        await add_first_star(message)


def _where(showcase: PostableChannel | None) -> ui.ChannelSelect[ui.View]:
    first = []
    if showcase is not None:
        first.append(discord.SelectDefaultValue(id=showcase.id, type=discord.SelectDefaultValueType.channel))
    return ui.ChannelSelect(custom_id="where", channel_types=POSTABLE_CHANNELS, default_values=first, required=True)


async def _share(
    interaction: discord.Interaction[ExtendBot], task: Task, channel: PostableChannel, *, hidden: bool
) -> tuple[Share, bool]:
    """Post the result there, once however often this is asked; and whether it was there already."""
    bot = interaction.client
    async with bot.services.sharing.posting_lock(task.id, channel.id):
        # It may have been deleted in the meantime.
        task = await bot.services.sharing.own_result(task.id, interaction.user.id)
        share, new = await bot.services.sharing.reserve(task, channel.guild.id, channel.id, hidden=hidden)
        if share.message_id:
            if await fetch_post(bot, share) is not None:
                return share, True
            await bot.services.sharing.delete(share)  # somebody deleted the post
            share, new = await bot.services.sharing.reserve(task, channel.guild.id, channel.id, hidden=hidden)
        share = share.model_copy(update={"prompt_hidden": hidden})
        async with load_film(interaction, task) as film:
            post = await _post_of(interaction, share, task, channel, film)
            return await publish(bot, post, perhaps_posted=not new), False


async def _post_of(
    interaction: discord.Interaction[ExtendBot], share: Share, task: Task, channel: PostableChannel, film: Film
) -> Post:
    """What is posted there, in the server's language. Raises Refused."""
    bot, hidden = interaction.client, share.prompt_hidden
    language = await fetch_guild_language(bot, channel.guild.id)
    steps = await bot.services.sharing.lineage(task)
    came = embeds.lineage(language, steps, await links(bot, steps, channel))
    return Post(
        share=share,
        venue=channel,
        film=film,
        text=embeds.post_text(language, task),
        embed=embeds.post_embed(language, task, came, hidden=hidden, still=film.still is not None),
        title=embeds.post_title(language, task, interaction.user.display_name, hidden=hidden),
        view=share_view(extend_button(language, share.id), unshare_button(language, share.id)),
    )
