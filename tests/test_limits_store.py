"""What counts and for how long, as the service answers it from a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.limits import WordsChanged, screen
from bot.news import LimitsChanged, MemberRuled, OrderRefused, TaskAccepted
from bot.rules import Limits
from bot.store import Store
from bot.task import Billed, Refused, State
from tests.databases import Database
from tests.desk import ALF, BEA, GUILD, HOUR, MOD, Desk, at_desk
from tests.makers import NOON, ROOMY, a_case, a_place, an_asker, an_order
from tests.starting import start


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with at_desk(database) as opened:
        yield opened


async def test_a_refusal_names_the_exact_moment(desk: Desk) -> None:
    """With two a day, started an hour apart, the third is allowed 24 hours after the first, and not a second before."""
    desk.defaults = Limits(user_per_day=2)
    await desk.submit()
    desk.time += HOUR
    await desk.submit()
    refused = await desk.refused()
    assert refused.allowed_at == NOON + timedelta(hours=24)
    desk.time = refused.allowed_at - timedelta(seconds=1)
    assert (await desk.refused()).allowed_at == refused.allowed_at
    desk.time = refused.allowed_at
    await desk.submit()
    assert (await desk.refused()).allowed_at == NOON + timedelta(hours=25)


async def test_a_lowered_limit_counts_what_was_started_before(desk: Desk) -> None:
    """Of three started, with the limit now two, the moment is that at which only one of them is left."""
    for _ in range(3):
        await desk.submit()
        desk.time += HOUR
    await desk.service.moderation.change_limits(GUILD, MOD, user_per_day=2)
    assert (await desk.refused()).allowed_at == NOON + timedelta(hours=25)


@pytest.mark.parametrize(
    ("state", "billed", "back"),
    [
        (State.FAILED, Billed.NO, True),
        (State.CANCELLED, Billed.NO, True),
        (State.FAILED, Billed.UNKNOWN, False),
        (State.CANCELLED, Billed.UNKNOWN, False),
        (State.UNCLEAR, Billed.UNKNOWN, False),
        (State.DELIVERED, Billed.YES, False),
    ],
)
async def test_what_surely_cost_nothing_gives_its_place_back(
    desk: Desk, state: State, billed: Billed, *, back: bool
) -> None:
    """The day's count and the cooldown forget it; anything that may have been paid for keeps its place."""
    for limits in (Limits(user_per_day=1), Limits(server_per_day=1), Limits(cooldown=60)):
        desk.defaults, desk.time = limits, desk.time + timedelta(days=2)
        await desk.end(await desk.submit(), state, billed)
        if back:
            await desk.end(await desk.submit(), State.FAILED, Billed.NO)
        else:
            assert (await desk.refused()).allowed_at


async def test_a_granted_run_is_used_over_the_limit_and_comes_back_with_its_place(desk: Desk) -> None:
    """Two extra runs: used one by one and only over the daily number; one whose task cost nothing is there again."""
    desk.defaults = Limits(user_per_day=1)
    assert await desk.service.moderation.grant(GUILD, MOD, ALF, 2) == 2
    await desk.submit()
    assert (await desk.service.quota(an_asker())).granted == 2
    extra = await desk.submit()
    await desk.submit()
    assert (await desk.service.quota(an_asker())).left == 0
    await desk.refused()
    await desk.end(extra, State.FAILED, Billed.NO)
    assert (await desk.service.quota(an_asker())).granted == 1
    await desk.submit()
    await desk.refused()


async def test_resets_are_apart(desk: Desk) -> None:
    """A member's count, the server's, and the operator's are three: each reset is of one, and none of the roofs'."""
    desk.defaults = Limits(user_per_day=1, server_per_day=2)
    moderation = desk.service.moderation
    await desk.submit(ALF)
    await moderation.reset(GUILD, MOD, ALF)
    await desk.submit(ALF)
    await moderation.reset(GUILD, MOD, ALF)
    assert "This server's limit" in str((await desk.refused(ALF)).sentence)
    await moderation.reset(GUILD, MOD)
    await desk.submit(ALF)
    assert "Your limit" in str((await desk.refused(ALF)).sentence)
    desk.roofs = ROOMY.model_copy(update={"max_per_day": 3})
    await moderation.reset(GUILD, MOD)
    await moderation.reset(GUILD, MOD, ALF)
    assert "over all servers" in str((await desk.refused(ALF)).sentence)


async def test_servers_and_direct_messages_are_counted_apart(desk: Desk) -> None:
    """A member's tasks elsewhere do not count here, in direct messages each member is alone."""
    desk.defaults = Limits(user_per_day=1, server_per_day=1)
    for user, guild in ((ALF, GUILD), (ALF, 33), (ALF, None), (BEA, None)):
        await desk.submit(user, guild)
        await desk.refused(user, guild)


async def test_blocks_hold_until_they_are_taken_back(desk: Desk) -> None:
    """Here and only here; twice is once; and whoever had extra runs keeps them."""
    moderation = desk.service.moderation
    await moderation.grant(GUILD, MOD, ALF, 1)
    assert await moderation.block(GUILD, MOD, ALF)
    assert not await moderation.block(GUILD, MOD, ALF)
    assert "blocked" in str((await desk.refused()).sentence)
    await desk.submit(guild=33)
    (blocked,) = (await moderation.standing(GUILD)).blocked
    assert (blocked.user_id, blocked.blocked_by, blocked.blocked_at, blocked.granted) == (ALF, MOD, NOON, 1)
    assert await moderation.unblock(GUILD, MOD, ALF)
    assert not await moderation.unblock(GUILD, MOD, ALF)
    await desk.submit()


async def test_limits_survive_a_restart_and_simultaneous_changes(database: Database) -> None:
    """Two moderators change two things at once: both hold, also for the next process."""
    async with Store.open(database.url) as store:
        moderation = Desk(store, database, defaults=Limits(cooldown=7)).service.moderation
        await asyncio.gather(
            moderation.change_limits(GUILD, MOD, user_per_day=4, role_per_day={9: 2}),
            moderation.change_limits(GUILD, MOD, forbidden=("cat",), paused=""),
        )
    async with Store.open(database.url) as store:
        limits = await Desk(store, database).service.moderation.limits_of(GUILD)
    assert limits == Limits(cooldown=7, user_per_day=4, role_per_day={9: 2}, forbidden=("cat",), paused="")


async def test_wrong_limits_are_one_sentence(desk: Desk) -> None:
    """And change nothing."""
    moderation = desk.service.moderation
    for changes in ({"user_per_day": -1}, {"max_seconds": 99}, {"forbidden": ("*",)}, {"nonsense": 1}):
        with pytest.raises(Refused):
            await moderation.change_limits(GUILD, MOD, user_running=1, **changes)
    assert await moderation.limits_of(GUILD) == Limits()
    with pytest.raises(Refused):
        await moderation.grant(GUILD, MOD, ALF, 0)


async def test_without_an_answer_of_the_store_nothing_is_started(desk: Desk) -> None:
    """When the limits cannot be read the member is told so, and there is no task: it fails closed."""
    desk.database.sql("ALTER TABLE members RENAME TO lost")
    assert "cannot look at the limits" in str((await desk.refused()).sentence)
    assert desk.rung == []
    assert await desk.store.of_member(ALF, 10) == []


async def test_unreadable_limits_are_no_limits_to_nobody(desk: Desk) -> None:
    """A row of limits that nobody can understand refuses everything, instead of allowing it."""
    await desk.service.moderation.change_limits(GUILD, MOD, user_per_day=1)
    desk.database.sql("""UPDATE servers SET limits = '{"user_per_day": "many"}'""")
    assert "cannot look at the limits" in str((await desk.refused()).sentence)


async def test_quota_says_what_is_left_and_why_not(desk: Desk) -> None:
    """Numbers, the next renewal, and the very refusal that the next order would get."""
    desk.defaults = Limits(user_per_day=2)
    fresh = await desk.service.quota(an_asker())
    assert (fresh.left, fresh.used, fresh.renews_at, fresh.refused) == (2, 0, None, None)
    await desk.submit()
    desk.time += HOUR
    await desk.submit()
    full = await desk.service.quota(an_asker())
    assert (full.left, full.used, full.unfinished, full.renews_at) == (0, 2, 2, NOON + timedelta(hours=24))
    assert full.refused is not None
    assert full.refused.sentence == (await desk.refused()).sentence


async def test_the_panel_counts_what_is_used(desk: Desk) -> None:
    """What is started, at work and waiting, and whose it is."""
    for user in (ALF, ALF, BEA):
        await desk.submit(user)
    await desk.submit(BEA, 33)
    await start(desk.store, desk.roofs, 1, NOON)
    standing = await desk.service.moderation.standing(GUILD)
    assert (standing.used, standing.at_work, standing.waiting) == (3, 1, 2)
    assert [(one.user_id, one.used, one.unfinished) for one in standing.members] == [(ALF, 2, 2), (BEA, 1, 1)]


async def test_what_happens_is_told(desk: Desk) -> None:
    """Accepted and refused orders, and who changed what."""
    moderation, news = desk.service.moderation, desk.news
    await moderation.change_limits(GUILD, MOD, user_per_day=1)
    await moderation.change_limits(GUILD, MOD, user_per_day=1)
    await desk.submit()
    await desk.refused()
    await moderation.grant(GUILD, MOD, ALF, 2)
    changed, accepted, refused, granted = [await news.next() for _ in range(4)]
    assert isinstance(changed, LimitsChanged)
    assert (changed.by, changed.fields, changed.new.user_per_day) == (MOD, ("user_per_day",), 1)
    assert isinstance(accepted, TaskAccepted)
    assert isinstance(refused, OrderRefused)
    assert "Your limit" in str(refused.sentence)
    assert granted == MemberRuled(GUILD, MOD, "granted", ALF, 2)


async def test_a_reached_roof_is_logged_once_in_a_while(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """A hundred refused orders are one line for the operator, until ten minutes later."""
    desk.roofs = ROOMY.model_copy(update={"max_per_day": 1})
    service = desk.service
    await desk.submit()
    for n in range(5):
        with pytest.raises(Refused):
            await service.submit(an_order(), a_place(900 + n), an_asker())
    assert caplog.text.count("operator's limit is reached") == 1
    desk.time += timedelta(minutes=10)
    with pytest.raises(Refused):
        await service.submit(an_order(), a_place(999), an_asker())
    assert caplog.text.count("operator's limit is reached") == 2


async def test_looking_for_words_holds_nobody_up(desk: Desk) -> None:
    """A prompt that waits to be looked at keeps no transaction open: others submit meanwhile, on other servers."""
    await desk.service.moderation.change_limits(GUILD, MOD, forbidden=("cat*",))
    service = desk.service
    async with service._screening:  # as another long prompt would
        waiting = asyncio.create_task(
            service.submit(an_order(user_id=ALF, prompt="two cats"), a_place(900), an_asker(user_id=ALF))
        )
        passed = await desk.submit(BEA, guild=33)
        assert passed.state is State.QUEUED
        assert not waiting.done()
    with pytest.raises(Refused, match="cat"):
        await waiting


async def test_words_that_change_while_a_prompt_is_looked_at_hold(desk: Desk) -> None:
    """An order that was looked at by other words than the server's is not kept; the service looks again."""
    moderation, order = desk.service.moderation, an_order(user_id=ALF, prompt="two cats")
    await moderation.change_limits(GUILD, MOD, forbidden=("dog",))
    judge = replace(a_case(order), screening=screen(order.prompt, ("dog",)))
    await moderation.change_limits(GUILD, MOD, forbidden=("cat*",))
    with pytest.raises(WordsChanged):
        await desk.store.reserve(order, a_place(901), NOON, judge)
    assert await desk.store.of_member(ALF, 5) == []
    with pytest.raises(Refused, match="cat"):
        await desk.submit(ALF, prompt="two cats")


async def test_words_that_are_too_long_written_out_are_refused(desk: Desk) -> None:
    """Each of these letters stands for eighteen; a hundred characters are allowed, however they are written."""
    moderation = desk.service.moderation
    with pytest.raises(Refused, match="shorten it"):
        await moderation.change_limits(GUILD, MOD, forbidden=("\ufdfa" * 6,))
    _, new = await moderation.change_limits(GUILD, MOD, forbidden=("x" * 100, "\ufdfa" * 5))
    assert len(new.forbidden) == 2
