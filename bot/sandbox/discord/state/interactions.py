"""Interactions: members' actions, sent over the gateway, and the deadlines for responding."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.discord.state import permissions, serialize
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import DiscordError, unknown
from bot.sandbox.discord.state.model import Channel, Json, Message

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
"""Interaction types (Discord docs, Interaction Object)."""

ANSWER_SECONDS = 3.0
TOKEN_SECONDS = 15 * 60.0
NO_ANSWER = "The application did not respond"


@dataclass(eq=False, slots=True)
class Interaction:
    """One interaction and its result.

    `name` is the command's, `source` the message whose component was used, `original_id` the message that `@original`
    refers to, `message_ids` the messages written with its token. `answer` gets the body of the first response.
    """

    id: str
    token: str
    kind: int
    user_id: str
    channel_id: str
    data: Json
    started_at: float
    answer: asyncio.Future[Json]
    name: str = ""
    source: Message | None = None
    command_type: int | None = None
    callback: int | None = None
    failed: bool = False
    original_id: str | None = None
    message_ids: set[str] = field(default_factory=set)
    modal: Json | None = None
    timer: asyncio.TimerHandle | None = None


class Interactions:
    """All interactions, and whether each may still be responded to."""

    def __init__(self, world: LiveWorld) -> None:
        self._world = world
        self._by_id: dict[str, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}

    def begin(
        self,
        kind: int,
        user_id: str,
        channel: Channel,
        data: Json,
        *,
        name: str = "",
        source: Message | None = None,
        command_type: int | None = None,
    ) -> Interaction:
        """Send a new interaction to the bot; without a response it fails after three real seconds."""
        world = self._world
        loop = asyncio.get_running_loop()
        made = Interaction(
            world.ids.next(),
            secrets.token_urlsafe(48),
            kind,
            user_id,
            channel.id,
            data,
            world.clock.now(),
            loop.create_future(),
            name,
            source,
        )
        made.command_type = command_type
        self._by_id[made.id] = self._by_token[made.token] = made
        made.timer = loop.call_later(ANSWER_SECONDS, self._fail, made)
        world.dispatch("INTERACTION_CREATE", self._build_payload(made, channel))
        return made

    def get(self, interaction_id: str) -> Interaction | None:
        """The interaction with that id, if any."""
        return self._by_id.get(interaction_id)

    def get_answerable(self, interaction_id: str, token: str) -> Interaction:
        """The interaction that may get its first response; raises 10062 (unknown, too late) or 40060 (acknowledged)."""
        found = self._by_id.get(interaction_id)
        if found is None or not secrets.compare_digest(found.token, token):
            raise unknown("Interaction")
        if found.callback is not None:
            raise DiscordError(400, 40060, "Interaction has already been acknowledged.")
        if found.failed or self._world.clock.now() - found.started_at > ANSWER_SECONDS:
            self._fail(found)
            raise unknown("Interaction")
        return found

    def record_answer(self, interaction: Interaction, kind: int, body: Json) -> None:
        """Record the first response and notify the member's page."""
        interaction.callback = kind
        self._stop(interaction)
        if not interaction.answer.done():
            interaction.answer.set_result(body)
        done = {"interaction_id": interaction.id}
        self._world.announce({"t": "interaction_done", "d": done}, {interaction.user_id})

    def get_by_token(self, application_id: str, token: str) -> Interaction:
        """The interaction of a usable token.

        Raises 401/50027 for a token that is unknown or older than 15 minutes, 10015 before the first response (Discord
        docs, Receiving and Responding, Followup Messages).
        """
        found = self._by_token.get(token)
        ended = found is None or self._world.clock.now() - found.started_at > TOKEN_SECONDS
        if found is None or ended or application_id != self._world.application_id:
            raise DiscordError(401, 50027, "Invalid Webhook Token")
        if found.callback is None:
            raise unknown("Webhook")
        return found

    def build_metadata(self, interaction: Interaction) -> Json:
        """The interaction metadata of a response message (see :mod:`serialize`)."""
        owners: Json = {
            "authorizing_integration_owners": self._integration_owners(self._world.channels[interaction.channel_id])
        }
        if interaction.kind == COMPONENT and interaction.source is not None:
            owners |= {"interacted_message_id": interaction.source.id}
        if interaction.kind == COMMAND and "target_id" in interaction.data:
            owners |= {"target_message_id": interaction.data["target_id"]}
        if interaction.kind == MODAL_SUBMIT:
            member = serialize.user(self._world.users[interaction.user_id])
            before = {"id": interaction.id, "type": COMMAND, "user": member, **owners}
            owners = {**owners, "triggering_interaction_metadata": before}
        return {
            "id": interaction.id,
            "type": interaction.kind,
            "name": interaction.name,
            "user_id": interaction.user_id,
            "metadata": owners,
        }

    def close(self) -> None:
        """Cancel every timer."""
        for each in self._by_id.values():
            self._stop(each)

    def _fail(self, interaction: Interaction) -> None:
        self._stop(interaction)
        if interaction.failed or interaction.callback is not None:
            return
        interaction.failed = True
        failed = {"interaction_id": interaction.id, "text": NO_ANSWER}
        self._world.announce({"t": "interaction_failed", "d": failed}, {interaction.user_id})

    def _stop(self, interaction: Interaction) -> None:
        if interaction.timer:
            interaction.timer.cancel()
            interaction.timer = None

    def _integration_owners(self, channel: Channel) -> dict[str, str]:
        # In direct messages the installing server is given as 0.
        return {"0": channel.guild_id or "0"}

    def _build_payload(self, made: Interaction, channel: Channel) -> Json:
        """The data of INTERACTION_CREATE (Discord docs, Interaction Structure)."""
        world, user = self._world, self._world.users[made.user_id]
        channel_json: Json = serialize.channel(world, channel)
        channel_json["permissions"] = str(world.permissions_in(user.id, channel))
        out: Json = {"version": 1, "id": made.id, "application_id": world.application_id, "type": made.kind}
        out |= {"token": made.token, "data": made.data, "channel_id": channel.id, "channel": channel_json}
        out |= {"app_permissions": serialize.app_permissions(world, channel), "locale": user.locale}
        out |= {
            "entitlements": [],
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": self._integration_owners(channel),
        }
        out |= {"context": 1 if channel.dm else 0, "attachment_size_limit": world.upload_limit(channel)}
        guild = world.guilds.get(channel.guild_id or "")
        if guild:
            out |= {"guild_id": guild.id, "guild": {"id": guild.id, "locale": guild.locale, "features": []}}
            bits = str(world.permissions_in(user.id, channel))
            out |= {"guild_locale": guild.locale, "member": serialize.member(guild, user) | {"permissions": bits}}
        else:
            out["user"] = serialize.user(user)
        if made.source is not None:
            out["message"] = serialize.message(world, made.source)
        return out


def resolve_users(world: LiveWorld, channel: Channel, user_ids: list[str]) -> Json:
    """`users` and `members` of an interaction's resolved data."""
    out: Json = {"users": {each: serialize.user(world.users[each]) for each in user_ids}}
    guild = world.guilds.get(channel.guild_id or "")
    if guild is None:
        return out
    members: dict[str, Any] = {}
    for each in user_ids:
        if each in guild.members:
            member = serialize.member(guild, world.users[each])
            del member["user"]
            bits = permissions.compute_in_channel(guild, channel, each)
            members[each] = member | {"permissions": str(bits)}
    return out | {"members": members}
