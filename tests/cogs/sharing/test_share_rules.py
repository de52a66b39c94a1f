"""Who may share what where: pauses, blocks and age-restricted channels hold for shared films too."""

from __future__ import annotations

from tests.support.buttons import told_privately
from tests.support.harness import Harness, text_of
from tests.support.moderation import use
from tests.support.sharing import channel, finished, posts_in, share
from tests.support.world import find_channel


async def test_a_blocked_member_or_a_paused_server_shares_nothing(stage: Harness) -> None:
    """Share is refused with the reason, and works again after the block and the pause."""
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        await use(stage.mia, "limits block", member=stage.ana.id)
        await stage.ana.press(reply, "Share")
        await told_privately(stage.ana, "have blocked you")
        await use(stage.mia, "limits unblock", member=stage.ana.id)
        await use(stage.mia, "limits pause", reason="spring cleaning")
        await stage.ana.press(reply, "Share")
        await told_privately(stage.ana, "spring cleaning")
        await use(stage.mia, "limits resume")
        await share(stage.ana, reply, channel(stage, "general"))
        assert len(await posts_in(stage.ana, channel(stage, "general"))) == 1


async def test_an_age_restricted_film_stays_in_age_restricted_channels(stage: Harness) -> None:
    """A film made in an age-restricted channel is shared into such a channel, and into no other."""
    world = stage.discord.world
    find_channel(world, "videos").nsfw = find_channel(world, "showcase").nsfw = True
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        word = await share(stage.ana, reply, channel(stage, "general"))
        await share(stage.ana, reply, channel(stage, "showcase"))
        assert await posts_in(stage.ana, channel(stage, "general")) == []
        assert len(await posts_in(stage.ana, channel(stage, "showcase"))) == 1
    assert "made in an age-restricted channel" in text_of(word)
