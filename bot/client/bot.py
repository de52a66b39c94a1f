"""The Discord client, which loads every cog or does not start."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
import discord
import yarl
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.client.drafts import Drafts
from bot.client.errors import get_language, respond_with_error
from bot.client.protocols import LocalizedBot
from bot.client.request_check import add_request_checks
from bot.client.response_gate import ResponseGate
from bot.client.shards import IdentifyLimiter, Shards, disconnect_shards
from bot.client.tree import CommandTranslator, CommandTree, build_command_payload
from bot.domain.errors import ExtendBotError, RequestRefused
from bot.domain.reply_port import ReplyPort
from bot.domain.task import Task
from bot.i18n import Languages
from bot.i18n.text import tr
from bot.services import Services
from bot.store import Store

log = logging.getLogger(__name__)

_COGS = (
    "cogs.delivery",
    "cogs.extend",
    "cogs.sharing",
    "cogs.quota",
    "cogs.gallery",
    "cogs.tasks",
    "cogs.limits",
    "cogs.usage",
    "cogs.privacy",
    "cogs.mod_log",
)
_COMMANDS_NOTE = "commands"
_MODAL_SECONDS = 1800.0
"""How long a modal can be submitted. Discord does not report dismissed modals."""
_MODAL_LOST = tr("That form has expired, because it was open too long or I was restarted: open it again.")
_INTERACTION_TASKS = ("CommandTree-invoker", "discord-ui-modal", "discord-ui-dynamic-item")
"""Name prefixes of the tasks in which discord.py 2.7 runs commands, modals and buttons."""
_QUOTED_MAX = 4096
"""Maximum UTF-16 characters of an embed's description (Discord docs, Embed Limits)."""
_DISCONNECT_SECONDS, _INTERACTION_SECONDS = 0.5, 1.0
"""How long the shards and these tasks can take at shutdown. The worker has eight seconds before that; ten is the total.
"""


class CannotStart(ExtendBotError):
    """An outside service does not let the bot start. The text is one sentence for the operator."""


def _set_api_url(api_url: str) -> None:
    # discord.py 2.7 has no argument for the API's address (http.Route).
    Route.BASE = api_url.rstrip("/")
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # unused


def _quote_form(interaction: discord.Interaction[ExtendBot]) -> discord.Embed:
    """Return what was typed in a lost form, so that it can be copied; MISSING if nothing was."""
    rows: list[Any] = list(dict(interaction.data or {}).get("components") or [])  # type: ignore[call-overload]
    fields = [row.get("component") or {} for row in rows if isinstance(row, dict)]
    typed = [str(field["value"]) for field in fields if isinstance(field.get("value"), str)]
    shown: discord.Embed = discord.utils.MISSING
    if any(typed):
        words = discord.utils.escape_markdown(max(typed, key=len)).encode("utf-16-le")[: 2 * _QUOTED_MAX]
        title = get_language(interaction).tr("What you wrote")
        shown = discord.Embed(title=title, description=words.decode("utf-16-le", "ignore"))
    return shown


class ExtendBot(LocalizedBot):
    """The Discord bot. Cogs find the services and the shared state of the client here."""

    reply_port: ReplyPort
    """Set by the delivery cog."""

    def __init__(
        self,
        services: Services,
        store: Store,
        *,
        api_url: str,
        edit_seconds: float,
        now: Callable[[], datetime],
        trace: aiohttp.TraceConfig | None = None,
        gateway: bool = True,
        shards: Shards | None = None,
    ) -> None:
        """`api_url`: REST base; `edit_seconds`: minimum time between two edits of one reply.

        `trace` observes every request to Discord; `gateway`: whether this process connects to the gateway and so may
        register the commands; `shards`: the shards that it serves (None: all, as many as Discord recommends).
        """
        _set_api_url(api_url)
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            tree_cls=CommandTree,
            max_messages=None,
            http_trace=add_request_checks(trace or aiohttp.TraceConfig()),
            shard_connect_timeout=None,  # its slot to identify may be far away
            **({"shard_ids": list(shards.held), "shard_count": shards.count} if shards else {}),  # type: ignore[arg-type]
        )
        self.services = services
        self._store = store
        self.edit_seconds = edit_seconds
        self.now = now
        self.response_gate = ResponseGate()
        self.languages = Languages.load()
        self.modal_seconds = _MODAL_SECONDS
        self.modals: WeakValueDictionary[str, discord.ui.Modal] = WeakValueDictionary()
        """The open modals, by custom_id."""
        self.drafts = Drafts(lambda: now().timestamp())
        self._gateway = gateway
        self._held = shards
        self._identify_limiter = IdentifyLimiter(store.shared_turns.reserve if shards else None)
        self._open: set[int] = set()
        self._guild_writes = asyncio.Lock()
        """Keeps writes about joined and left servers in the order of their events."""

    def list_open_shards(self) -> dict[int, bool]:
        """Return, for each shard that this process serves, whether it is connected."""
        return {shard_id: shard_id in self._open for shard_id in (self._held.held if self._held else ())}

    def lease_is_valid(self) -> bool:
        """Whether this process still holds the leases of its tasks, and so may edit their replies."""
        return self._store.leases.is_valid

    @property
    def is_single_process(self) -> bool:
        """Whether no other process can show tasks."""
        return self._store.is_single_process

    async def is_current(self, task: Task) -> bool:
        """Whether the task's row is still what `task` shows: in that state, under that lease, and not told its end."""
        if self.is_single_process:
            return True
        row = await self._store.tasks.get(task.id)
        if row is None or row.outcome_shown:
            return False
        return (row.state, row.waits, row.fencing_token) == (task.state, task.waits, task.fencing_token)

    def is_connected(self) -> bool:
        """Whether all shards of this process are connected."""
        return bool(self._open) and all(self.list_open_shards().values())

    async def load_cogs(self) -> None:
        """Load all cogs; raises the first error."""
        for name in _COGS:
            await self.load_extension(name)

    async def log_in(self, token: str) -> None:
        """Log in over REST, which is enough to edit and post; raises CannotStart."""
        try:
            await self.login(token)
        except discord.LoginFailure as error:
            raise CannotStart(
                "Discord does not accept DISCORD_TOKEN: copy it again from the developer portal."
            ) from error
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CannotStart(f"Discord cannot be reached at {Route.BASE}: {error}.") from error

    async def setup_hook(self) -> None:
        """Fetch the gateway's address, and register the commands if they changed."""
        if not self._gateway:
            return
        recommended, gateway, starts = await self.http.get_bot_gateway()
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
        self._held = self._held or Shards(range(recommended), recommended)
        self.shard_count = self._held.count
        self._identify_limiter.buckets = max(1, starts["max_concurrency"])
        if starts["remaining"] < len(self._held.held):
            raise CannotStart(
                f"Discord allows this bot {starts['remaining']} more starts of a session and I need "
                f"{len(self._held.held)}: start me again in {starts['reset_after'] / 3_600_000:.1f} hours."
            )
        await self.tree.set_translator(CommandTranslator(self.languages))
        if 0 not in self._held.held:  # the process that serves shard 0 registers the commands
            return
        if await self._read_registered() != await self._fingerprint():
            await self.sync()

    async def _read_registered(self) -> str | None:
        """Return the fingerprint of the registered commands; None if it is unknown: then they are registered again."""
        try:
            return await self._store.get_note(_COMMANDS_NOTE)
        except Exception as error:
            log.warning("which commands are registered could not be read: %s", error)
            return None

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:  # noqa: ARG002
        """Wait until this shard is allowed to identify."""
        await self._identify_limiter.acquire(shard_id or 0)

    async def on_shard_connect(self, shard_id: int) -> None:
        """Mark the shard as connected."""
        self._open.add(shard_id)

    async def on_shard_resumed(self, shard_id: int) -> None:
        """Mark the shard as connected."""
        self._open.add(shard_id)

    async def on_shard_disconnect(self, shard_id: int) -> None:
        """Mark the shard as disconnected; discord.py reconnects it."""
        self._open.discard(shard_id)

    async def run_gateway(self) -> None:
        """Stay connected until cancelled; raises the error that ends the connection for good."""
        connecting = asyncio.create_task(self.connect(), name="gateway: connect")
        try:
            await asyncio.wait({connecting})
        finally:
            while not connecting.done():  # discord.py 2.7 swallows a cancellation while a shard identifies anew
                connecting.cancel()
                await asyncio.wait({connecting}, timeout=0.1)
        connecting.result()

    async def close(self) -> None:
        """Disconnect, also before the gateway is ready (discord.py 2.7 does not cancel the tasks that wait for that).

        Running interactions are finished first: a reply that is cut off here would stay "thinking…" for ever. No more
        of them begin: another gateway may be there for those, and they would find the HTTP session closed.
        """
        self.response_gate.open_for_good()
        await disconnect_shards(self, _DISCONNECT_SECONDS)
        for modal in list(self.modals.values()):
            modal.stop()
        answering = [task for task in asyncio.all_tasks() if task.get_name().startswith(_INTERACTION_TASKS)]
        if answering:
            await asyncio.wait(answering, timeout=_INTERACTION_SECONDS)
        for waiting in (self._connection._ready_task, *self._connection._ready_tasks.values()):
            if waiting is not None:
                waiting.cancel()
        await super().close()

    async def sync(self) -> int:
        """Register the commands with Discord and record their fingerprint; return how many there are."""
        registered = await self.tree.sync()
        log.info("registered %d commands", len(registered))
        try:
            await self._store.set_note(_COMMANDS_NOTE, await self._fingerprint())
        except Exception as error:
            log.warning("that the commands are registered could not be recorded: the next start repeats it: %s", error)
        return len(registered)

    async def on_ready(self) -> None:
        """Log the connection and record which servers the bot is in (this event can occur many times)."""
        log.info("connected to Discord as %s, in %d servers", self.user, len(self.guilds))
        held = self._held or Shards(range(1), 1)
        async with self._guild_writes:
            await self._store.guilds.sync([guild.id for guild in self.guilds], self.now(), held.owns_guild)

    async def on_interaction(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Respond to the submission of an expired modal, which discord.py ignores."""
        if interaction.type is discord.InteractionType.modal_submit:
            modal = self.modals.get(str(dict(interaction.data or {}).get("custom_id")))
            if modal is None or modal.is_finished():
                await respond_with_error(interaction, RequestRefused(_MODAL_LOST), embed=_quote_form(interaction))

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Record that the bot is in this server, so that the server's rows are kept."""
        log.info("joined server %d", guild.id)
        async with self._guild_writes:
            await self._store.guilds.mark_joined(guild.id)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Record that the bot was removed, so that the server's rows are deleted after the grace period."""
        log.info("left server %d", guild.id)
        async with self._guild_writes:
            await self._store.guilds.mark_left(guild.id, self.now())

    async def _fingerprint(self) -> str:
        payload = await build_command_payload(self.tree)
        text = json.dumps([self.application_id, payload], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()
