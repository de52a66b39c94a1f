"""A server's language, chosen by moderators, is used for what everybody reads; each member has their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest

from bot.domain.errors import RequestRefused
from bot.domain.events import Event, LimitsChanged, MemberModerated, SubmissionRefused, TaskEnded
from bot.domain.limits import GuildLimits, MemberModeration, OperatorLimits, UsageRow
from bot.domain.task import TaskState
from bot.i18n import get_native_name
from bot.i18n.text import tr
from bot.sandbox.foxapi.quirks import Failure, Quirks
from bot.services import LimitsStatus, MemberUsage, UsageReport
from cogs.limits import components, embed
from cogs.mod_log.lines import entry_text
from cogs.usage import report as usage_report
from tests.support.builders import NOON, a_place, a_requester, a_task, an_order
from tests.support.databases import Database
from tests.support.fast_timeouts import tiny
from tests.support.harness import Harness, Json, labels_of, text_of
from tests.support.moderation import changed, ids_of, page, refused, use
from tests.support.pseudo_locales import english_in, pseudo_language, pseudo_languages
from tests.support.service_harness import GUILD, MOD, ServiceHarness, open_service_harness
from tests.support.sharing import channel, submitted

CHINESE, GERMAN = "文", "ж"
FULL = GuildLimits(
    **dict.fromkeys(("user_per_day", "server_per_day", "user_running", "server_running", "max_seconds"), 5),
    cooldown=172_800,
    role_per_day=dict.fromkeys(range(20), 0),
    required_role=1,
    exempt_roles=frozenset(range(30)),
    channels=frozenset(range(30)),
    private_allowed=False,
    open_everywhere=False,
    forbidden=("1" * 90,) * 9,
    paused="1",
    log_channel_id=1,
    language="zh-CN",
)
BUSY = LimitsStatus(
    limits=FULL,
    operator_limits=OperatorLimits(max_per_day=50, guild_share_percent=10),
    at=NOON,
    used=3,
    running=1,
    waiting=2,
    members=(MemberUsage(11, 2, 1), MemberUsage(12, 1, 0)),
    moderated_members=(
        MemberModeration(user_id=11, blocked_at=NOON, blocked_by=1, granted=3),
        MemberModeration(user_id=12, granted=1),
    ),
)
EMPTY = LimitsStatus(
    limits=GuildLimits(),
    operator_limits=OperatorLimits(),
    at=NOON,
    used=0,
    running=0,
    waiting=0,
    members=(),
    moderated_members=(),
)


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[ServiceHarness]:
    async with open_service_harness(database) as opened:
        yield opened


async def last_line(stage: Harness, words: str) -> str:
    """Wait for the log channel's first message with these words."""
    log = await stage.mia.channel("moderators")
    found = await stage.mia.wait_message(lambda it: it["channel_id"] == log and words in text_of(it))
    return str(found["content"])


def placeholders(message: Json) -> str:
    """Return all texts of a panel's components."""
    rows = [each for row in message["components"] for each in row["components"]]
    return "\n".join(str(each.get("label") or each.get("placeholder") or "") for each in rows)


async def test_moderators_choose_the_language_of_what_everybody_reads(stage: Harness) -> None:
    """The log and public replies use the chosen language; the panel and refusals use the reader's."""
    people = stage.discord.world.users
    people[stage.mia.id].locale = people[stage.ana.id].locale = "de"
    async with stage.bot() as bot:
        bot.languages = pseudo_languages(zh_CN=CHINESE, de=GERMAN)
        await use(stage.mia, "limits log", channel=await stage.mia.channel("moderators"))
        assert "changed" in await last_line(stage, "⚙️")
        panel = await page(stage.mia, await use(stage.mia, "limits show"), "language", "limits:language")
        (select,) = [
            each for row in panel["components"] for each in row["components"] if "language" in each["custom_id"]
        ]
        assert [each["label"] for each in select["options"]][1:] == ["English", "简体中文", "Deutsch"]
        await stage.mia.choose(panel, "limits:language", ["zh-CN"])
        panel = await changed(stage.mia, panel, "简体中文")
        assert GERMAN in text_of(panel)
        assert english_in(text_of(panel)) == []
        assert CHINESE not in text_of(panel).replace("简体中文", "")
        assert CHINESE in await last_line(stage, "→ 简体中文")
        stage.fox.next_quirks = Quirks(failure=Failure("service_error", "no"))
        await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        assert CHINESE in await last_line(stage, "❌")
        (public,) = await stage.ben.messages("videos")
        row = await bot.services.tasks.find_task_at(int(public["id"]), int(stage.ana.id))
        assert row
        assert row.place.locale == "zh-CN"
        await use(stage.mia, "limits block", member=stage.ana.id)
        answer = await refused(stage, stage.ana, GERMAN * 3)
        assert CHINESE not in text_of(answer)
        assert CHINESE in await last_line(stage, "⛔")


async def test_the_language_is_chosen_by_typing_too(stage: Harness) -> None:
    """/limits language offers every language by its own name, accepts code or name, and refuses unknown ones."""
    async with stage.bot() as bot:
        bot.languages = pseudo_languages(zh_CN=CHINESE, de=GERMAN)
        place = await stage.mia.channel("general")
        offered = await stage.mia.autocomplete("limits language", place, "choice", choice="")
        assert [each["name"] for each in offered] == ["Follow Discord (automatic)", "English", "简体中文", "Deutsch"]
        (found,) = await stage.mia.autocomplete("limits language", place, "choice", choice="deu")
        assert found["value"] == "de"
        guild = int(stage.discord.world.guild.id)
        for typed, kept in (("简体中文", "zh-CN"), ("de", "de"), ("english", "en-US"), ("auto", None)):
            await use(stage.mia, "limits language", choice=typed)
            assert (await bot.services.moderation.get_limits(guild)).language == kept
        assert "I do not support the language" in text_of(await use(stage.mia, "limits language", choice="klingon"))
        assert (await bot.services.moderation.get_limits(guild)).language is None


async def test_forms_are_told_in_the_members_language(stage: Harness) -> None:
    """Title, labels and hints of each of the panel's modals, and the refusal of a wrong input."""
    stage.discord.world.users[stage.mia.id].locale = "de"
    async with stage.bot() as bot:
        bot.languages = pseudo_languages(de=GERMAN)
        panel = await use(stage.mia, "limits show")
        for button in ("member_numbers", "server_numbers", "pause"):
            modal = await stage.mia.modal(await stage.mia.press(panel, f"limits:{button}"))
            told = [modal["title"], *(f"{each['label']} {each.get('description')}" for each in modal["components"])]
            assert english_in("\n".join(told).replace("None", "")) == []
        fields = [each["component"]["custom_id"] for each in modal["components"]]
        await stage.mia.submit_modal(modal, dict.fromkeys(fields, "123"))
        panel = await changed(stage.mia, panel, "123")
        assert english_in(text_of(panel)) == []


async def test_public_replies_are_placed_in_the_servers_language(harness: ServiceHarness) -> None:
    """The language is read in the transaction that accepts the request; private replies keep the member's."""
    await harness.moderation.change_limits(GUILD, MOD, language="zh-CN")
    for number, (place, expected) in enumerate(
        [
            (a_place(1, locale="de"), "zh-CN"),
            (a_place(2, locale="de", ephemeral=True), "de"),
            (a_place(3, locale="de", guild_id=None), "de"),
        ]
    ):
        guild = place.guild_id
        order = an_order(guild_id=guild, prompt=str(number))
        task = await harness.service.submit(order, place, a_requester(guild_id=guild))
        assert task.place.locale == expected
    await harness.moderation.change_limits(GUILD, MOD, language=None)
    task = await harness.service.submit(an_order(), a_place(4, locale="de"), a_requester())
    assert task.place.locale == "de"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"user_per_day": 1_000_001}, "“a member's tasks in 24 hours” cannot be more than 1,000,000: choose a smaller"),
        ({"cooldown": -1}, "“seconds between a member's tasks” cannot be less than 0: choose a larger number."),
        ({"max_seconds": 1}, "FoxAPI adds 2 to 10 seconds at a time: choose one of those, or 0 for no limit."),
        ({"max_seconds": 11}, "FoxAPI adds 2 to 10 seconds at a time"),
        ({"role_per_day": {5: 1_000_001}}, "“daily limits of roles” cannot be more than 1,000,000"),
        ({"forbidden": ("a" * 101,)}, "“forbidden words” can have at most 100 characters: shorten it."),
        ({"forbidden": ("a",) * 201}, "“forbidden words” can have at most 200 entries: remove some."),
        ({"forbidden": ("**",)}, "“**” would match everything or nothing"),
        ({"paused": "a" * 301}, "“pause” can have at most 300 characters"),
        ({"channels": "somewhere"}, "“channels” cannot be set to that: choose another value."),
    ],
)
async def test_a_wrong_value_is_refused_in_words_of_ours(
    harness: ServiceHarness, changes: dict[str, object], told: str
) -> None:
    """Each kind of error has one sentence that names the limit; nothing is changed."""
    with pytest.raises(RequestRefused) as caught:
        await harness.moderation.change_limits(GUILD, MOD, **changes)
    assert str(caught.value.message).startswith(told)
    assert await harness.moderation.get_limits(GUILD) == GuildLimits()


async def test_reply_and_post_speak_the_servers_language(stage: Harness) -> None:
    """The public card, its buttons and the shared post use the chosen language; a private card uses Ana's."""
    stage.discord.world.users[stage.ana.id].locale = "de"
    async with stage.bot() as bot:
        await use(stage.mia, "limits language", choice="zh-CN")
        bot.languages = pseudo_languages(zh_CN=CHINESE, de=GERMAN)
        card = await stage.extend(stage.ana, tiny(stage.clips), "1", seconds=2)
        card = await stage.ana.wait_message(lambda it: it["id"] == card["id"] and bool(it["attachments"]))
        told = "\n".join([text_of(card), *labels_of(card)])
        assert CHINESE in told
        assert GERMAN not in told
        assert english_in(told) == []
        await stage.recorded(card)
        (share,) = [each for each in ids_of(card) if each.startswith("task:share:")]
        modal = await stage.ana.modal(await stage.ana.press(card, share))
        assert GERMAN in modal["title"]
        place = channel(stage, "general")
        word = await submitted(stage.ana, modal, place)
        assert GERMAN in text_of(word)
        (post,) = [each for each in await stage.ben.messages(place) if each["attachments"]]
        told = "\n".join([text_of(post), *labels_of(post)])
        assert CHINESE in told
        assert GERMAN not in told
        private = await stage.extend(stage.ana, tiny(stage.clips), "1", seconds=2, private=True)
        private = await stage.ana.wait_message(lambda it: it["id"] == private["id"] and bool(it["attachments"]))
        assert GERMAN in text_of(private)
        assert CHINESE not in text_of(private)


@pytest.mark.parametrize("standing", [BUSY, EMPTY], ids=["busy", "empty"])
@pytest.mark.parametrize("name", list(components.PAGES))
def test_a_panel_leaves_no_english_in_another_language(standing: LimitsStatus, name: str) -> None:
    """Every title, field, label, placeholder and option is translated and within Discord's limits."""
    german, choice = pseudo_language("de", GERMAN), embed.PanelSelection(name, 11)
    shown = embed.build_embed(standing, choice, german, GERMAN)
    assert english_in(f"{shown.title}\n{shown.description}") == []
    for field in shown.fields:
        assert english_in(f"{field.name}\n{field.value}") == []
        assert len(field.value or "") <= 1024
    assert len(shown) <= 6000
    for control in components.build_controls(standing, choice, german, ("zh-CN",)):
        body: Json = dict(control.to_component_dict())
        options = [f"{each['label']} {each.get('description', '')}" for each in body.get("options", [])]
        said = [str(body.get("label", "")), str(body.get("placeholder", "")), *options]
        assert english_in("\n".join(said)) == []


def test_the_books_leave_no_english_in_another_language() -> None:
    """Totals, days and members, and the legend of what occurs, are translated."""
    rows = [
        UsageRow(day=date(2026, 11, 20), user_id=each, delivered=2, failed=1, seconds=9, credits=1.5)
        for each in range(20)
    ]
    report = UsageReport(date(2026, 10, 24), date(2026, 11, 22), tuple(rows))
    shown = usage_report.build_embed(report, pseudo_language("zh-CN", CHINESE))
    said = [str(shown.title), str(shown.footer.text), *(f"{each.name}\n{each.value}" for each in shown.fields)]
    assert english_in("\n".join(said)) == []
    assert "11月20日周五" in str(said)
    assert f"🟩 {CHINESE * 8} · 🟥 {CHINESE * 6}\n" in str(shown.footer.text)


def test_log_lines_leave_no_english_in_another_language() -> None:
    """Every kind of event and every outcome of a task, with the task's reason, is in that language."""
    german = pseudo_language("de", GERMAN)
    reason = tr("it failed")
    order = an_order(prompt="1")
    events: list[Event] = [
        *(
            TaskEnded(a_task(order=order, state=state, reason=reason, credits=2.5))
            for state in TaskState
            if state.is_final
        ),
        SubmissionRefused(order, tr("not now"), None),
        LimitsChanged(GUILD, MOD, GuildLimits(), FULL),
        *(MemberModerated(GUILD, MOD, action, 5, 2) for action in ("blocked", "unblocked", "reset", "granted")),
        MemberModerated(GUILD, MOD, "reset", None),
    ]
    for event in events:
        line = entry_text(event, german)
        assert GERMAN in line
        assert english_in(line) == []


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("en-US", "English"),
        ("en-GB", "British English"),
        ("zh-CN", "简体中文"),
        ("zh-TW", "繁體中文"),
        ("pt-BR", "Português"),
        ("es-ES", "Español"),
        ("es-419", "Español latinoamericano"),
        ("ja", "日本語"),
        ("de", "Deutsch"),
    ],
)
def test_a_language_is_offered_by_its_own_name(code: str, name: str) -> None:
    """Names are as their readers write them (CLDR), with the country only if that tells two apart."""
    assert get_native_name(code) == name
