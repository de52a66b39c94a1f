"""Posts use the server's language; ephemeral responses use the member's."""

from __future__ import annotations

from tests.support.buttons import small
from tests.support.harness import Harness, Json, labels_of, text_of
from tests.support.pseudo_locales import english_in, pseudo_languages
from tests.support.sharing import channel
from tests.support.world import find_user

SERVER, OWN = "文", "ß"


async def test_no_english_is_left_in_what_is_shared(stage: Harness) -> None:
    """The modal, its response and the gallery are in Ana's language, the post and its buttons in the server's."""
    world, general = stage.discord.world, channel(stage, "general")
    world.guild.locale, find_user(world, "Ana").locale = "zh-CN", "de"
    async with stage.bot() as bot:
        bot.languages = pseudo_languages(zh_CN=SERVER, de=OWN)
        reply = await stage.extend(stage.ana, small(stage.clips), "1", seconds=2)
        done = await stage.ana.wait_message(lambda it: it["id"] == reply["id"] and "task:share" in str(it), 40)
        modal = await stage.ana.modal(await stage.ana.press(await wait_until_archived(stage, done), "task:share:1"))
        known = set(stage.ana.seen)
        await stage.ana.submit_modal(modal, {"where": [general], "prompt": ["show"]})
        word = await stage.ana.wait_message(lambda it: it["id"] not in known and it["ephemeral"] and not it["loading"])
        (post,) = [each for each in await stage.ana.messages(general) if each["attachments"]]
        await stage.ben.react(post, "⭐")
        await stage.ana.command("gallery", general)
        gallery = await stage.ana.wait_message(lambda it: "gallery:span" in str(it["components"]))
    assert {OWN} == detect_languages(str([get_modal_texts(modal), text_of(word), labels_of(word)]))
    assert {SERVER} == detect_languages(str([text_of(post), post["embeds"][0]["footer"]["text"], labels_of(post)]))
    assert {OWN} == detect_languages(str([text_of(gallery), labels_of(gallery)]))
    told = [get_modal_texts(modal), text_of(word), text_of(post).replace("small.mp4", ""), text_of(gallery)]
    assert english_in(" ".join([str(each) for each in told]).replace("https://discord.com/channels", "")) == []


async def wait_until_archived(stage: Harness, done: Json) -> Json:
    """Wait until the bot has archived the task's files, and return its reply."""
    await stage.tidied()
    return done


def get_modal_texts(modal: Json) -> list[str]:
    """Collect a modal's title, labels and choices, without the channel's name."""
    said = [modal["title"]]
    for each in modal["components"]:
        said += [each["label"], each["description"].replace("showcase", "")]
        said += [option["label"] for option in each["component"].get("options", [])]
    return said


def detect_languages(text: str) -> set[str]:
    """Return the markers of the languages found in the text."""
    return {sign for sign in (SERVER, OWN) if sign in text}
