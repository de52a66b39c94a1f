"""Catalogs: complete, without obsolete entries, and every translation fits its place."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message

from bot.client.tree import CommandTranslator, build_command_payload
from bot.i18n import Languages
from bot.i18n.text import tr, tr_plural, untranslated
from tests.catalogs import catalogue, files, key_of, offline_bot, wanted

EVERY = pytest.mark.parametrize("file", files(), ids=lambda file: file.stem)
_COMMAND = re.compile(r"(?<![\w/<>:.])/(\w[\w-]*)")
_NAME = re.compile(r"[-_'\w]{1,32}")


def messages(file: Path) -> list[Message]:
    return [message for message in catalogue(file) if message.id]


def texts(value: object) -> list[str]:
    """Return the text of a message, or its plural forms."""
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value or "")]


def places(text: str) -> set[str]:
    """Return the placeholders of a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@EVERY
async def test_no_message_is_missing_or_unused(file: Path) -> None:
    """The catalog contains exactly the texts of the source and the commands, all translated."""
    async with offline_bot() as bot:
        said = set(wanted(bot.tree))
    known = {key_of(message): message for message in messages(file)}
    assert said - known.keys() == set(), "run python -m tests.catalogs, and translate what it added"
    assert known.keys() - said == set(), "run python -m tests.catalogs: these are no longer said"
    assert [key for key, message in known.items() if not all(texts(message.string))] == []
    assert [key for key, message in known.items() if message.fuzzy] == []


@EVERY
def test_translations_keep_the_places_of_their_values(file: Path) -> None:
    """Each translation has exactly the placeholders of its English text, in every plural form."""
    for message in messages(file):
        english = set.union(*(places(text) for text in texts(message.id)))
        assert [text for text in texts(message.string) if places(text) != english] == [], message.id


@EVERY
def test_there_is_a_text_for_each_plural_form(file: Path) -> None:
    """Each plural has as many forms as the language has (CLDR)."""
    known: Catalog = catalogue(file)
    plurals = [message for message in messages(file) if isinstance(message.id, list | tuple)]
    assert plurals
    assert {len(texts(message.string)) for message in plurals} == {known.num_plurals}


@EVERY
def test_names_of_commands_and_options_are_allowed_by_discord(file: Path) -> None:
    """Translated names of commands and options are one lower-case word of at most 32 characters."""
    for message in messages(file):
        if message.context in {"command", "option"} and _NAME.fullmatch(str(message.id)):
            name = str(message.string)
            assert _NAME.fullmatch(name), name
            assert name == name.lower()


@EVERY
def test_sentences_name_commands_as_their_readers_see_them(file: Path) -> None:
    """A /command in a translation is the translated name of an existing command."""
    known = messages(file)
    names = {str(message.id): str(message.string) for message in known if message.context == "command"}
    for message in (one for one in known if one.context is None):
        english = {name for text in texts(message.id) for name in _COMMAND.findall(text)}
        theirs = {name for text in texts(message.string) for name in _COMMAND.findall(text)}
        assert theirs == {names[name] for name in english}, message.id


@EVERY
async def test_every_command_option_and_choice_is_translated_for_discord(file: Path) -> None:
    """The registered commands have a translated name for each command, option and choice, and each description."""
    async with offline_bot() as bot:
        await bot.tree.set_translator(CommandTranslator(bot.languages))
        for command in await build_command_payload(bot.tree):
            _check_translated(command, file.stem)


def _check_translated(node: dict[str, object], code: str) -> None:
    # A text that is the same in both languages (MP4) would be left out, and there is none among these.
    names, descriptions = node.get("name_localizations"), node.get("description_localizations")
    assert isinstance(names, dict)
    assert code in names, node["name"]
    if node.get("description"):
        assert isinstance(descriptions, dict)
        assert 1 <= len(descriptions[code]) <= 100
    for inner in [*_list(node, "options"), *_list(node, "choices")]:
        _check_translated(inner, code)


def _list(node: dict[str, object], name: str) -> list[dict[str, object]]:
    found = node.get(name, [])
    assert isinstance(found, list)
    return found


def test_plurals_numbers_and_lists_are_each_languages_own() -> None:
    """English has two plurals and CLDR's commas; missing translations stay English; values are never translated."""
    english, chinese = Languages.load().find_best_match("en-GB"), Languages.load().find_best_match("zh-CN")
    one = tr_plural("Your limit here is {count} video in 24 hours, and you have reached it.", "{count} many", 1)
    assert english.translate(one) == "Your limit here is 1 video in 24 hours, and you have reached it."
    assert english.tr_plural("{count} video", "{count} videos", 1200) == "1,200 videos"
    assert english.tr("to {places}", places=("a", tr("b"), "c")) == "to a, b, and c"
    assert chinese.tr("to {places}", places=("a", "b", "c")) == "to a、b和c"
    assert chinese.translate(untranslated("{count} 100 %")) == "{count} 100 %"
    assert chinese.tr("I no longer know that task.") != "I no longer know that task."


def test_a_locale_is_told_in_the_nearest_language() -> None:
    """The best match is the exact locale, else the same language of another country, else English."""
    languages = Languages.load()
    assert [languages.find_best_match(code).code for code in ("zh-CN", "zh-TW", "en-GB", "fr", "")] == [
        "zh-CN",
        "zh-CN",
        "en-US",
        "en-US",
        "en-US",
    ]
