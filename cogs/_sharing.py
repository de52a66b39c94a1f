"""The conversation about sharing: where, with or without the prompt, and taking it back."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Self

import aiohttp
import discord
from discord import ui

from bot.client import ExtendBot, answer_error, language_of
from bot.languages import Language
from bot.task import Order, Refused, Share, Task
from cogs import _post
from cogs._modal import ExtendModal
from cogs._posting import Film, Post, fetched, publish, settle, take_back, undo_id
from cogs._sources import Source, video_in
from cogs._venues import VENUES, Venue, check_bot, check_member, guild_of, member_of, venue

_READ_SECONDS = 60.0
_NO_VIDEO = "I no longer have that video as a file, so I cannot post it."
_NO_SHOWCASE = (
    "Here I cannot offer you channels, and that server has no showcase: ask a moderator to choose one with /showcase."
)
_PERSONAL_ONLY = "Only the member who shared this can take it back."


class ShareButton(ui.DynamicItem[ui.Button[ui.View]], template=r"share:(?P<action>undo|more):(?P<id>[0-9]{1,18})"):
    """A button of a post, or of the private word that it was posted."""

    def __init__(self, action: str, share_id: int) -> None:
        label = {"undo": "Unshare", "more": "Extend again"}[action]
        style = discord.ButtonStyle.primary if action == "more" else discord.ButtonStyle.secondary
        custom_id = undo_id(share_id) if action == "undo" else f"share:more:{share_id}"
        super().__init__(ui.Button(label=label, style=style, custom_id=custom_id))
        self.action = action
        self.share_id = share_id

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 (discord.py calls with it)
        item: ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Make the button anew from what Discord sends of it."""
        return cls(match["action"], int(match["id"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what it says on it."""
        try:
            await (_undo if self.action == "undo" else _more)(interaction, self.share_id)
        except Exception as error:  # the one place where a press's errors end
            await answer_error(interaction, error)


class ShareModal(ui.Modal, title="Share"):
    """Asks where to, and whether with the prompt. It is lost at a restart, like every open modal: press Share again."""

    def __init__(self, task: Task, guild: discord.Guild, showcase: Venue | None, *, choose: bool) -> None:
        """`showcase` is chosen at first; without `choose` it is the only place (a direct message shows no channels)."""
        super().__init__()
        self._task = task
        self._guild = guild
        self._showcase = showcase
        self.where: ui.ChannelSelect[ui.View] | None = None
        if choose:
            first = (
                []
                if showcase is None
                else [discord.SelectDefaultValue(id=showcase.id, type=discord.SelectDefaultValueType.channel)]
            )
            self.where = ui.ChannelSelect(custom_id="where", channel_types=VENUES, default_values=first, required=True)
            hint = f"#{showcase.name} is this server's showcase" if showcase else "Where you and I may post files"
            self.add_item(ui.Label(text="Where to?", description=hint[:100], component=self.where))
        elif showcase:
            self.add_item(ui.TextDisplay(f"It goes to the showcase **#{showcase.name}** of **{guild.name}**."))
        options = [
            discord.SelectOption(label="Show it", value="show", default=True),
            discord.SelectOption(label="Hide it", value="hide"),
        ]
        self.prompt: ui.Select[ui.View] = ui.Select(custom_id="prompt", options=options)
        self.add_item(ui.Label(text="Your prompt", description="The post names you either way", component=self.prompt))

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Post it there, and say so privately."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        chosen = self.where.values[0].id if self.where and self.where.values else None
        showcase = self._showcase.id if self._showcase else None
        channel = venue(self._guild, chosen or showcase or 0)
        member = await member_of(interaction, self._guild)
        check_bot(channel)
        check_member(channel, member, showcase=channel.id == showcase)
        share, already = await _share(interaction, self._task, channel, hidden=self.prompt.values == ["hide"])
        words = "It is shared already: " if already else "Shared: "
        await interaction.followup.send(
            words + _post.post_url(share), view=view_of(share.id, "undo"), ephemeral=True, suppress_embeds=True
        )

    async def on_error(self, interaction: discord.Interaction[ExtendBot], error: Exception) -> None:  # type: ignore[override]
        """As for every command."""
        await answer_error(interaction, error)


class _NextPart(ExtendModal):
    """Goes on from a shared film. What its creator kept to themselves stays so."""

    def __init__(self, language: Language, source: Source, parent: Task, share: Share, user_id: int) -> None:
        super().__init__(language, source, parent)
        self._share = share
        if share.hidden and user_id != share.user_id:
            self.prompt.default = None

    def order(self, interaction: discord.Interaction[ExtendBot], prompt: str, seconds: int) -> Order:
        """The next part, after the post, which everybody there can open."""
        order = super().order(interaction, prompt, seconds)
        return order.model_copy(update={"private": False, "parent_url": _post.post_url(self._share)})


def view_of(share_id: int, *actions: str) -> ui.View:
    """Make a new view: editing with a changed copy of a stored one loses the pattern (discord.py 2.7.1)."""
    view = ui.View(timeout=None)
    for action in actions:
        view.add_item(ShareButton(action, share_id))
    return view


async def ask_where(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """What Share does: ask privately, if there is something to share and it is the presser's."""
    bot = interaction.client
    task = await bot.sharing.result(task_id, interaction.user.id)
    guild = guild_of(bot, task)
    showcase_id = await bot.sharing.showcase(guild.id)
    showcase = guild.get_channel_or_thread(showcase_id) if showcase_id else None
    usable = showcase if isinstance(showcase, discord.TextChannel | discord.ForumChannel | discord.Thread) else None
    choose = interaction.guild_id == guild.id
    if not choose and usable is None:
        raise Refused(_NO_SHOWCASE)
    await interaction.response.send_modal(ShareModal(task, guild, usable, choose=choose))


async def _share(
    interaction: discord.Interaction[ExtendBot], task: Task, channel: Venue, *, hidden: bool
) -> tuple[Share, bool]:
    """Post the result there, once however often this is asked; and whether it was there already."""
    bot = interaction.client
    task = await bot.sharing.result(task.id, interaction.user.id)  # it may have been deleted while the modal was open
    async with bot.sharing.place(task.id, channel.id):
        share, new = await bot.sharing.intend(task, channel.guild.id, channel.id, hidden=hidden)
        if share.message_id:
            if await fetched(bot, share) is not None:
                return share, True
            await bot.sharing.forget(share)  # somebody deleted the post
            share, new = await bot.sharing.intend(task, channel.guild.id, channel.id, hidden=hidden)
        share = share.model_copy(update={"hidden": hidden})
        film = await _film(interaction, task)
        post = Post(
            share=share,
            task=task,
            venue=channel,
            film=film,
            embed=_post.post_embed(task, await bot.sharing.lineage(task), hidden=hidden, still=film.still is not None),
            title=_post.post_title(task, interaction.user.display_name, hidden=hidden),
            view=view_of(share.id, "more", "undo"),
        )
        return await publish(bot, post, perhaps_posted=not new), False


async def _film(interaction: discord.Interaction[ExtendBot], task: Task) -> Film:
    """The video and a still of it: from the message pressed on, from disk, or from the reply. Raises Refused."""
    bot = interaction.client
    video = await _attached(interaction.message, interaction.filesize_limit)
    if video is None and (path := await bot.library.film(task)):
        video = await asyncio.to_thread(path.read_bytes)
    if video is None and not task.place.ephemeral:
        place = bot.get_partial_messageable(task.place.channel_id, guild_id=task.place.guild_id)
        try:
            video = await _attached(await place.fetch_message(task.place.message_id), interaction.filesize_limit)
        except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError):
            video = None
    if video is None:
        raise Refused(_NO_VIDEO)
    return Film(video, await bot.sharing.still(video, task))


async def _attached(message: discord.Message | None, most: int) -> bytes | None:
    """The bytes of the message's video, which is at most as large as Discord took it."""
    for attachment in message.attachments if message else []:
        if attachment.filename.endswith(".mp4") and attachment.size <= most:
            try:
                async with asyncio.timeout(_READ_SECONDS):
                    return await attachment.read()
            except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError):
                return None
    return None


async def _undo(interaction: discord.Interaction[ExtendBot], share_id: int) -> None:
    """Take a post back, for its creator."""
    bot = interaction.client
    share = await bot.sharing.share(share_id)
    if share.user_id != interaction.user.id:
        raise Refused(_PERSONAL_ONLY)
    private = interaction.message is not None and interaction.message.flags.ephemeral
    await interaction.response.defer(ephemeral=True, thinking=not private)
    async with bot.sharing.place(share.task_id, share.channel_id):
        share = await bot.sharing.share(share_id)
        await take_back(bot, share)
        await bot.sharing.forget(share)
    if private:
        await interaction.edit_original_response(content="Taken back.", view=None)
    else:
        await interaction.followup.send("Taken back.", ephemeral=True)


async def _more(interaction: discord.Interaction[ExtendBot], share_id: int) -> None:
    """Go on from a shared film, whoever presses: it becomes the presser's own task."""
    share, task = await interaction.client.sharing.shared(share_id)
    source = video_in(interaction.message) if interaction.message else None
    if source is None:
        raise Refused("That video is no longer here: send it again with /extend.")
    await interaction.response.send_modal(_NextPart(language_of(interaction), source, task, share, interaction.user.id))


async def settle_all(bot: ExtendBot) -> None:
    """At start: find out which shares an earlier run posted without writing it down."""
    for share in await bot.sharing.unsettled():
        async with bot.sharing.place(share.task_id, share.channel_id):
            try:
                guild = bot.get_guild(share.guild_id)
                current = await bot.sharing.share(share.id)
                if guild and current.message_id is None:
                    await settle(bot, current, venue(guild, share.channel_id))
            except Refused:
                continue  # its creator may press Share again, and then it is looked for again
