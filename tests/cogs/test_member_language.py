"""Texts are in the server's language where everybody reads them, and in the member's where only they do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import discord
import pytest

from bot.domain.errors import RequestRefused
from bot.domain.limits import GuildLimits
from bot.domain.task import Billed, ResultKind, Task, TaskFilter, TaskState, VideoInfo
from bot.i18n.text import tr
from bot.services import Quota, StoredData
from bot.services.history import Page
from cogs import privacy
from cogs import quota as cogs_quota
from cogs.common.videos import VideoSource
from cogs.extend.modals import ExtendModal, RetryModal
from cogs.tasks import card, pages
from cogs.tasks.buttons import task_view
from tests.support.builders import NOON, a_place, a_task, an_order
from tests.support.buttons import listed, small
from tests.support.harness import Harness, Json, labels_of, text_of
from tests.support.pseudo_locales import english_in, pseudo_language, pseudo_languages
from tests.support.world import find_user

CHINESE, GERMAN = "文", "ß"
SOON = NOON + timedelta(minutes=5)
CLIP = VideoInfo(seconds=7, width=64, height=36, video_codec="h264", container="mp4", fps=5, audio=False, size=9)
SAID = tr("It was long ago.")


def tasks() -> Iterator[Task]:
    """Return a task in every state, with everything that its card can show."""
    part = an_order(prompt="1", part=2, parent_id=1, parent_url="https://x.test/1", result=ResultKind.NEW_PART)
    private = a_place(ephemeral=True, token_expires_at=NOON)
    link = {"result_url": "https://x.test/2", "result_url_expires_at": SOON}
    for state in TaskState:
        yield a_task(state=state, order=part)
        for billed in Billed:
            yield a_task(
                state=state, order=part, clip=CLIP, film=CLIP, preparation_note=SAID, reason=SAID, billed=billed, **link
            )
    yield a_task(order=part, queue_position=1)
    yield a_task(order=part, queue_position=2, starts_at=SOON, place=private)
    yield a_task(state=TaskState.SUBMITTING, order=part, not_before=SOON)
    yield a_task(state=TaskState.RENDERING, order=part, clip=CLIP, expected_at=SOON)
    yield a_task(state=TaskState.RENDERING, order=part, overdue=True)
    yield a_task(state=TaskState.DELIVERED, order=an_order(prompt="1"), clip=CLIP, rendered_at=SOON, deleted=True)


def words_of(embed: discord.Embed) -> str:
    """Return all texts of an embed."""
    fields = [f"{field.name} {field.value}" for field in embed.fields]
    return " ".join([embed.title or "", embed.description or "", embed.footer.text or "", *fields])


@pytest.mark.parametrize("task", list(tasks()), ids=lambda task: f"{task.state}")
def test_no_english_is_left_on_a_card(task: Task) -> None:
    """All texts of a card, a list entry and a notification come from the catalog."""
    language = pseudo_language("zh-CN", CHINESE)
    for linked in (False, True):
        assert english_in(words_of(card.make_card(task, NOON, language, linked=linked).embed)) == []
    assert english_in(card.list_entry(task, language)) == []
    assert english_in(card.status_text(task, language)) == []
    assert english_in(card.notification_text(task, language)) == []


async def test_no_english_is_left_on_what_only_a_member_sees() -> None:
    """/tasks, /quota, /privacy, the buttons and the modals, at their fullest, come from the catalog."""
    language, every = pseudo_language("zh-CN", CHINESE), list(tasks())
    actions = ("more", "again", "share", "delete", "fetch", "cancel", "stop")
    labels = [item["label"] for row in task_view(1, actions, language).to_components() for item in row["components"]]
    assert english_in(" ".join(labels)) == []
    page = pages.list_page(Page(every[:5], 2, 3), {}, language)
    opened = pages.task_page(every[-1], NOON, language, (1, TaskFilter.ALL), None, kept=True)
    for shown in (page, opened, pages.list_page(Page([], 1, 1), {}, language)):
        said = [shown.content, *map(words_of, shown.embeds)]
        for control in shown.controls:
            said += [str(getattr(control, "label", "")), str(getattr(control, "placeholder", "") or "")]
            said += [option.label for option in getattr(control, "options", [])]
        assert english_in(" ".join(said)) == []
    assert english_in(privacy._summarize(StoredData(5, 2, 3), language)) == []
    for modal in (ExtendModal(language, [VideoSource("https://x.test/a")]), RetryModal(language, an_order(prompt="1"))):
        assert english_in(" ".join([modal.title, *(str(getattr(label, "text", "")) for label in modal.children)])) == []


def test_no_english_is_left_in_a_quota() -> None:
    """Return /quota at its fullest, without the rules, which have tests of their own."""
    language = pseudo_language("zh-CN", CHINESE)
    refused = RequestRefused(SAID, SOON)
    quota = Quota(GuildLimits(max_seconds=5), 9, 2, 3, SOON, 1, exempt=False, refused=refused)
    waiting = a_task(order=an_order(prompt="1"))
    for each in (quota, Quota(GuildLimits(), 0, 2, 0, None, 1, exempt=True, refused=None)):
        said = cogs_quota.make_embed(each, [waiting], language)
        assert english_in(words_of(said).replace("of", "").replace("no limit", "")) == []


async def test_everyone_is_answered_in_their_language(stage: Harness) -> None:
    """A public reply is in the server's language; a private one, /tasks, modals and refusals in the member's own."""
    stage.discord.world.guild.locale = "de"
    find_user(stage.discord.world, "Ana").locale = "zh-CN"
    async with stage.bot() as bot:
        bot.languages = pseudo_languages(de=GERMAN, zh_CN=CHINESE)
        public, private = await done(stage), await done(stage, private=True)
        assert is_in(GERMAN, public)
        assert is_in(CHINESE, private)
        opened = await listed(stage.ana, id="1")
        assert is_in(CHINESE, opened)
        asked = await stage.ana.modal(await stage.ana.press(public, labels_of(public)[1]))
        assert english_in(f"{asked['title']} {asked['components'][0]['label']}") == []
        length = asked["components"][1]["component"]["custom_id"]
        words = asked["components"][0]["component"]["custom_id"]
        known = set(stage.ana.seen)
        await stage.ana.submit_modal(asked, {words: "1", length: "x1"})
        refusal = await stage.ana.wait_message(lambda it: it["id"] not in known and bool(it["ephemeral"]))
        assert CHINESE in text_of(refusal)
        await stage.ben.press(await stage.ben.wait_message(lambda it: it["id"] == public["id"]), labels_of(public)[1])
        own = await stage.ben.wait_message(lambda it: bool(it["ephemeral"]))
        assert "Only the member who started that task" in text_of(own)


async def done(stage: Harness, **options: bool) -> Json:
    """Wait for Ana's finished reply."""
    reply = await stage.extend(stage.ana, small(stage.clips), "1", seconds=2, **options)
    return await stage.ana.wait_message(lambda it: it["id"] == reply["id"] and has_film(it))


def has_film(message: Json) -> bool:
    """Return whether the video is attached (a thumbnail is while it runs)."""
    return any(each["filename"].endswith(".mp4") for each in message["attachments"])


def is_in(sign: str, message: Json) -> bool:
    """Return whether the card and its buttons are translated with this sign alone."""
    said = f"{text_of(message)} {' '.join(labels_of(message))}"
    return sign in said and english_in(said) == []
