"""Posts speak the server's language; what only one member sees of sharing speaks theirs."""

from __future__ import annotations

from tests.support.buttons import small
from tests.support.harness import Harness, Json, labels_of, text_of
from tests.support.pseudo_locales import english_in, pseudo_languages
from tests.support.sharing import channel
from tests.support.world import find_user

SERVER, OWN = "文", "ß"


async def test_no_english_is_left_in_what_is_shared(stage: Harness) -> None:
    """The form, its answer and the gallery are in Ana's language, the post and its buttons in the server's."""
    world, general = stage.discord.world, channel(stage, "general")
    world.guild.locale, find_user(world, "Ana").locale = "zh-CN", "de"
    async with stage.bot() as bot:
        bot.languages = pseudo_languages(zh_CN=SERVER, de=OWN)
        reply = await stage.extend(stage.ana, small(stage.clips), "1", seconds=2)
        done = await stage.ana.wait_message(lambda it: it["id"] == reply["id"] and "task:share" in str(it), 40)
        modal = await stage.ana.modal(await stage.ana.press(await recorded(stage, done), "task:share:1"))
        known = set(stage.ana.seen)
        await stage.ana.submit_modal(modal, {"where": [general], "prompt": ["show"]})
        word = await stage.ana.wait_message(lambda it: it["id"] not in known and it["ephemeral"] and not it["loading"])
        (post,) = [each for each in await stage.ana.messages(general) if each["attachments"]]
        await stage.ben.react(post, "⭐")
        await stage.ana.command("gallery", general)
        gallery = await stage.ana.wait_message(lambda it: "gallery:span" in str(it["components"]))
    assert {OWN} == pseudo_language_of(str([words_in(modal), text_of(word), labels_of(word)]))
    assert {SERVER} == pseudo_language_of(str([text_of(post), post["embeds"][0]["footer"]["text"], labels_of(post)]))
    assert {OWN} == pseudo_language_of(str([text_of(gallery), labels_of(gallery)]))
    told = [words_in(modal), text_of(word), text_of(post).replace("small.mp4", ""), text_of(gallery)]
    assert english_in(" ".join([str(each) for each in told]).replace("https://discord.com/channels", "")) == []


async def recorded(stage: Harness, done: Json) -> Json:
    """That reply, once the bot has put its task's files away."""
    await stage.tidied()
    return done


def words_in(modal: Json) -> list[str]:
    """Title, labels and choices of a form, but for the channel's name."""
    said = [modal["title"]]
    for each in modal["components"]:
        said += [each["label"], each["description"].replace("showcase", "")]
        said += [option["label"] for option in each["component"].get("options", [])]
    return said


def pseudo_language_of(text: str) -> set[str]:
    """The signs of the languages that were spoken."""
    return {sign for sign in (SERVER, OWN) if sign in text}
