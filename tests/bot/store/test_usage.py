"""What counts towards limits and for how long, through the service and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.errors import RequestRefused
from bot.domain.events import LimitsChanged, MemberModerated, SubmissionRefused, TaskAccepted
from bot.domain.limits import GuildLimits
from bot.domain.policy import WordsChanged, screen
from bot.domain.task import Billed, TaskState
from bot.store import Store
from tests.support.builders import NOON, ROOMY, a_case, a_place, a_requester, an_order
from tests.support.databases import Database
from tests.support.service_harness import ALF, BEA, GUILD, HOUR, MOD, ServiceHarness, open_service_harness
from tests.support.starting import start


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[ServiceHarness]:
    async with open_service_harness(database) as opened:
        yield opened


async def test_a_refusal_names_the_exact_moment(harness: ServiceHarness) -> None:
    """With two a day, the third task is allowed 24 hours after the first, and not a second before."""
    harness.defaults = GuildLimits(user_per_day=2)
    await harness.submit()
    harness.time += HOUR
    await harness.submit()
    refused = await harness.refused()
    assert refused.allowed_at == NOON + timedelta(hours=24)
    harness.time = refused.allowed_at - timedelta(seconds=1)
    assert (await harness.refused()).allowed_at == refused.allowed_at
    harness.time = refused.allowed_at
    await harness.submit()
    assert (await harness.refused()).allowed_at == NOON + timedelta(hours=25)


async def test_a_lowered_limit_counts_what_was_started_before(harness: ServiceHarness) -> None:
    """After a limit is lowered to two, the next task is allowed once one of three started ones still counts."""
    for _ in range(3):
        await harness.submit()
        harness.time += HOUR
    await harness.moderation.change_limits(GUILD, MOD, user_per_day=2)
    assert (await harness.refused()).allowed_at == NOON + timedelta(hours=25)


@pytest.mark.parametrize(
    ("state", "billed", "back"),
    [
        (TaskState.FAILED, Billed.NO, True),
        (TaskState.CANCELLED, Billed.NO, True),
        (TaskState.FAILED, Billed.UNKNOWN, False),
        (TaskState.CANCELLED, Billed.UNKNOWN, False),
        (TaskState.UNCLEAR, Billed.UNKNOWN, False),
        (TaskState.DELIVERED, Billed.YES, False),
    ],
)
async def test_only_what_surely_cost_nothing_stops_counting(
    harness: ServiceHarness, state: TaskState, billed: Billed, *, back: bool
) -> None:
    """A task that was surely not billed stops counting for day and cooldown; any other keeps counting."""
    for limits in (GuildLimits(user_per_day=1), GuildLimits(server_per_day=1), GuildLimits(cooldown=60)):
        harness.defaults, harness.time = limits, harness.time + timedelta(days=2)
        await harness.end(await harness.submit(), state, billed)
        if back:
            await harness.end(await harness.submit(), TaskState.FAILED, Billed.NO)
        else:
            assert (await harness.refused()).allowed_at


async def test_a_granted_run_is_used_over_the_limit_and_returned(harness: ServiceHarness) -> None:
    """Extra runs are used one by one, only above the daily limit, and returned if the task cost nothing."""
    harness.defaults = GuildLimits(user_per_day=1)
    assert await harness.moderation.grant(GUILD, MOD, ALF, 2) == 2
    await harness.submit()
    assert (await harness.members.get_quota(a_requester())).granted == 2
    extra = await harness.submit()
    await harness.submit()
    assert (await harness.members.get_quota(a_requester())).left == 0
    await harness.refused()
    await harness.end(extra, TaskState.FAILED, Billed.NO)
    assert (await harness.members.get_quota(a_requester())).granted == 1
    await harness.submit()
    await harness.refused()


async def test_resets_are_independent(harness: ServiceHarness) -> None:
    """A reset affects either the member's count or the server's, and never the operator's limits."""
    harness.defaults = GuildLimits(user_per_day=1, server_per_day=2)
    moderation = harness.moderation
    await harness.submit(ALF)
    await moderation.reset(GUILD, MOD, ALF)
    await harness.submit(ALF)
    await moderation.reset(GUILD, MOD, ALF)
    assert "This server's limit" in str((await harness.refused(ALF)).message)
    await moderation.reset(GUILD, MOD)
    await harness.submit(ALF)
    assert "Your limit" in str((await harness.refused(ALF)).message)
    harness.operator_limits = ROOMY.model_copy(update={"max_per_day": 3})
    await moderation.reset(GUILD, MOD)
    await moderation.reset(GUILD, MOD, ALF)
    assert "over all servers" in str((await harness.refused(ALF)).message)


async def test_servers_and_direct_messages_are_counted_separately(harness: ServiceHarness) -> None:
    """Tasks on other servers do not count here, and each member's direct messages count for them alone."""
    harness.defaults = GuildLimits(user_per_day=1, server_per_day=1)
    for user, guild in ((ALF, GUILD), (ALF, 33), (ALF, None), (BEA, None)):
        await harness.submit(user, guild)
        await harness.refused(user, guild)


async def test_a_block_lasts_until_it_is_removed(harness: ServiceHarness) -> None:
    """A block applies to this server only, a second one changes nothing, and extra runs are kept."""
    moderation = harness.moderation
    await moderation.grant(GUILD, MOD, ALF, 1)
    assert await moderation.block(GUILD, MOD, ALF)
    assert not await moderation.block(GUILD, MOD, ALF)
    assert "blocked" in str((await harness.refused()).message)
    await harness.submit(guild=33)
    (blocked,) = (await moderation.get_status(GUILD)).blocked
    assert (blocked.user_id, blocked.blocked_by, blocked.blocked_at, blocked.granted) == (ALF, MOD, NOON, 1)
    assert await moderation.unblock(GUILD, MOD, ALF)
    assert not await moderation.unblock(GUILD, MOD, ALF)
    await harness.submit()


async def test_limits_survive_a_restart_and_simultaneous_changes(database: Database) -> None:
    """Two simultaneous changes of different limits both apply, after a restart too."""
    async with Store.open(database.url) as store:
        moderation = ServiceHarness(store, database, defaults=GuildLimits(cooldown=7)).moderation
        await asyncio.gather(
            moderation.change_limits(GUILD, MOD, user_per_day=4, role_per_day={9: 2}),
            moderation.change_limits(GUILD, MOD, forbidden=("cat",), paused=""),
        )
    async with Store.open(database.url) as store:
        limits = await ServiceHarness(store, database).moderation.get_limits(GUILD)
    assert limits == GuildLimits(cooldown=7, user_per_day=4, role_per_day={9: 2}, forbidden=("cat",), paused="")


async def test_wrong_limits_are_one_sentence(harness: ServiceHarness) -> None:
    """Invalid limits are refused and change nothing."""
    moderation = harness.moderation
    for changes in ({"user_per_day": -1}, {"max_seconds": 99}, {"forbidden": ("*",)}, {"nonsense": 1}):
        with pytest.raises(RequestRefused):
            await moderation.change_limits(GUILD, MOD, user_running=1, **changes)
    assert await moderation.get_limits(GUILD) == GuildLimits()
    with pytest.raises(RequestRefused):
        await moderation.grant(GUILD, MOD, ALF, 0)


async def test_a_failing_store_starts_nothing(harness: ServiceHarness) -> None:
    """When the limits cannot be read, the member reads so, and no task is created."""
    harness.database.sql("ALTER TABLE members RENAME TO lost")
    assert "cannot read the limits" in str((await harness.refused()).message)
    assert harness.rung == []
    assert await harness.store.tasks.list_for_member(ALF, 10) == []


async def test_unreadable_limits_refuse_everything(harness: ServiceHarness) -> None:
    """Limits that cannot be parsed refuse every submission instead of allowing it."""
    await harness.moderation.change_limits(GUILD, MOD, user_per_day=1)
    harness.database.sql("""UPDATE servers SET limits = '{"user_per_day": "many"}'""")
    assert "cannot read the limits" in str((await harness.refused()).message)


async def test_quota_says_what_is_left_and_why_not(harness: ServiceHarness) -> None:
    """The quota has the numbers, the next reset, and the refusal that the next submission would get."""
    harness.defaults = GuildLimits(user_per_day=2)
    fresh = await harness.members.get_quota(a_requester())
    assert (fresh.left, fresh.used, fresh.renews_at, fresh.refused) == (2, 0, None, None)
    await harness.submit()
    harness.time += HOUR
    await harness.submit()
    full = await harness.members.get_quota(a_requester())
    assert (full.left, full.used, full.unfinished, full.renews_at) == (0, 2, 2, NOON + timedelta(hours=24))
    assert full.refused is not None
    assert full.refused.message == (await harness.refused()).message


async def test_the_panel_counts_what_is_used(harness: ServiceHarness) -> None:
    """The status counts started, running and waiting tasks, in all and by member."""
    for user in (ALF, ALF, BEA):
        await harness.submit(user)
    await harness.submit(BEA, 33)
    await start(harness.store, harness.operator_limits, 1, NOON)
    status = await harness.moderation.get_status(GUILD)
    assert (status.used, status.running, status.waiting) == (3, 1, 2)
    assert [(one.user_id, one.used, one.unfinished) for one in status.members] == [(ALF, 2, 2), (BEA, 1, 1)]


async def test_events_are_published(harness: ServiceHarness) -> None:
    """Accepted and refused submissions, limit changes and grants are published as events."""
    moderation, events = harness.moderation, harness.events
    await moderation.change_limits(GUILD, MOD, user_per_day=1)
    await moderation.change_limits(GUILD, MOD, user_per_day=1)
    await harness.submit()
    await harness.refused()
    await moderation.grant(GUILD, MOD, ALF, 2)
    changed, accepted, refused, granted = [await events.get() for _ in range(4)]
    assert isinstance(changed, LimitsChanged)
    assert (changed.by, changed.fields, changed.new.user_per_day) == (MOD, ("user_per_day",), 1)
    assert isinstance(accepted, TaskAccepted)
    assert isinstance(refused, SubmissionRefused)
    assert "Your limit" in str(refused.sentence)
    assert granted == MemberModerated(GUILD, MOD, "granted", ALF, 2)


async def test_a_reached_operator_limit_is_logged_once_in_a_while(
    harness: ServiceHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """Many submissions refused by an operator limit are one log line in ten minutes."""
    harness.operator_limits = ROOMY.model_copy(update={"max_per_day": 1})
    service = harness.service
    await harness.submit()
    for n in range(5):
        with pytest.raises(RequestRefused):
            await service.submit(an_order(), a_place(900 + n), a_requester())
    assert caplog.text.count("operator limit is reached") == 1
    harness.time += timedelta(minutes=10)
    with pytest.raises(RequestRefused):
        await service.submit(an_order(), a_place(999), a_requester())
    assert caplog.text.count("operator limit is reached") == 2


async def test_a_request_that_is_refused_early_is_reported_like_any_other(
    harness: ServiceHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """The check before the first response logs a reached operator limit and publishes the refusal."""
    harness.operator_limits = ROOMY.model_copy(update={"max_per_day": 1})
    await harness.submit()
    with pytest.raises(RequestRefused):
        await harness.service.check(an_order(), a_requester())
    assert caplog.text.count("operator limit is reached") == 1
    accepted, refused = [await harness.events.get() for _ in range(2)]
    assert isinstance(accepted, TaskAccepted)
    assert isinstance(refused, SubmissionRefused)


async def test_screening_a_prompt_blocks_nobody(harness: ServiceHarness) -> None:
    """While one prompt waits to be screened, members of other servers can submit."""
    await harness.moderation.change_limits(GUILD, MOD, forbidden=("cat*",))
    service = harness.service
    async with service._screening:  # as screening another long prompt would
        waiting = asyncio.create_task(
            service.submit(an_order(user_id=ALF, prompt="two cats"), a_place(900), a_requester(user_id=ALF))
        )
        passed = await harness.submit(BEA, guild=33)
        assert passed.state is TaskState.QUEUED
        assert not waiting.done()
    with pytest.raises(RequestRefused, match="cat"):
        await waiting


async def test_words_that_change_during_screening_apply(harness: ServiceHarness) -> None:
    """A prompt screened against outdated words is not admitted; the service screens it again."""
    moderation, order = harness.moderation, an_order(user_id=ALF, prompt="two cats")
    await moderation.change_limits(GUILD, MOD, forbidden=("dog",))
    policy = replace(a_case(order), screening=screen(order.prompt, ("dog",)))
    await moderation.change_limits(GUILD, MOD, forbidden=("cat*",))
    with pytest.raises(WordsChanged):
        await harness.store.tasks.create(order, a_place(901), NOON, policy)
    assert await harness.store.tasks.list_for_member(ALF, 5) == []
    with pytest.raises(RequestRefused, match="cat"):
        await harness.submit(ALF, prompt="two cats")


async def test_words_that_are_too_long_when_normalised_are_refused(harness: ServiceHarness) -> None:
    """The limit of 100 characters applies after normalisation, which makes one of these letters eighteen."""
    moderation = harness.moderation
    with pytest.raises(RequestRefused, match="shorten it"):
        await moderation.change_limits(GUILD, MOD, forbidden=("\ufdfa" * 6,))
    _, new = await moderation.change_limits(GUILD, MOD, forbidden=("x" * 100, "\ufdfa" * 5))
    assert len(new.forbidden) == 2
