"""Text is within Discord's limits, however its characters are counted and whatever members write."""

from __future__ import annotations

from datetime import timedelta

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import SubmissionRefused, TaskEnded
from bot.domain.limits import GuildLimits
from bot.domain.task import Task, TaskFilter, TaskState
from bot.i18n import Languages
from bot.i18n.text import tr
from bot.sandbox.discord.api.message_schema import check_message
from bot.sandbox.discord.api.validation_errors import ValidationErrors
from bot.services import Quota
from bot.services.sharing import LineagePart
from cogs import quota as cogs_quota
from cogs.common.embeds import CONTENT_MAX, count_utf16, fit_embed, fit_lines, truncate
from cogs.mod_log.lines import entry_text
from cogs.sharing import embeds as sharing_embeds
from cogs.tasks import card as tasks_card
from cogs.tasks import pages
from tests.support.builders import NOON, a_place, a_task, an_order

WORDS = st.text(st.sampled_from("ab *_`\\|>[]()~😀é中\n"), max_size=300)
PROMPTS = ["x" * 4096, "*" * 4096, "\\" * 4096, "😀" * 4096, "[a](https://x.test) " * 200, "\u202e" * 4096]
LINKS = ["https://r.test/" + "a" * size for size in (10, 1900, 2500, 3500, 3700, 6000)]
LANGUAGES = Languages.load()


def utf16(text: str) -> int:
    """Return the number of characters as JavaScript counts them."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def taken(*embeds: discord.Embed) -> None:
    """Fail if the stand-in Discord would refuse a message with these embeds; each emoji counts twice here."""
    problems = ValidationErrors()
    check_message(problems, (), {"embeds": [_stretched(embed) for embed in embeds]})
    problems.raise_if_any()


def _stretched(embed: discord.Embed) -> dict[str, object]:
    def stretch(value: object) -> object:
        match value:
            case str():
                return "".join("xx" if char > "\uffff" else char for char in value)
            case dict():
                return {key: stretch(each) for key, each in value.items()}
            case list():
                return [stretch(each) for each in value]
        return value

    return dict(stretch(dict(embed.to_dict())))  # type: ignore[call-overload,no-any-return]


@given(WORDS, st.integers(1, 200))
def test_a_cut_text_is_never_too_long(text: str, most: int) -> None:
    """A text that fits is unchanged, a longer one is truncated, and no escape is left without its character."""
    short = truncate(text, most)
    assert utf16(short) == count_utf16(short) <= most
    if count_utf16(text) <= most:
        assert short == text
    else:
        assert short.endswith("…")
        assert text.startswith(short[:-1])
        kept = short[:-1]
        assert (len(kept) - len(kept.rstrip("\\"))) % 2 == 0


@given(st.lists(WORDS.map(lambda words: words.replace("\n", " ")), min_size=1, max_size=30), st.integers(20, 400))
def test_lines_are_left_out_whole_and_counted(lines: list[str], most: int) -> None:
    """Each line is complete or counted; only a first line that is too long by itself is truncated."""
    text = fit_lines(lines, most, lambda count: f"+{count}")
    assert count_utf16(text) <= most
    shown = text.split("\n")
    if "\n".join(lines) != text and len(shown) > 1:
        assert shown[:-1] == lines[: len(shown) - 1]
        assert shown[-1] == f"+{len(lines) - len(shown) + 1}"


@given(st.lists(WORDS, min_size=4, max_size=4), st.integers(1, 60))
def test_any_embed_fits(parts: list[str], times: int) -> None:
    """Any text of any length is accepted by Discord."""
    title, description, name, value = [(part or "x") * times for part in parts]
    embed = discord.Embed(title=title, description=description)
    for _ in range(8):
        embed.add_field(name=name.strip() or "x", value=value.strip() or "x")
    embed.set_footer(text=value)
    taken(fit_embed(embed))


def a_finished(prompt: str, link: str) -> Task:
    """Return a task whose result is too large to attach."""
    return a_task(
        state=TaskState.DELIVERED,
        outcome_shown=True,
        order=an_order(prompt=prompt, source_url=link, parent_url="https://discord.com/channels/1/2/3", part=2),
        result_url=link,
        result_url_expires_at=NOON + timedelta(days=1),
    )


@pytest.mark.parametrize("code", LANGUAGES.codes)
@pytest.mark.parametrize("link", LINKS, ids=len)
@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: ascii(prompt[0]))
def test_a_prompt_and_a_long_link(prompt: str, link: str, code: str) -> None:
    """On the card, in /tasks and in a post, the link is complete where possible, and the prompt is truncated."""
    language, task = LANGUAGES.find_best_match(code), a_finished(prompt, link)
    card = tasks_card.make_result_card(task, NOON, language, linked=True)
    taken(card.embed)
    assert (f"({link})" in (card.embed.description or "")) is (len(link) <= 3600)
    failed = task.model_copy(update={"state": TaskState.FAILED, "reason": tr("FoxAPI: {said}", said=prompt)})
    taken(tasks_card.make_card(failed, NOON, language).embed)
    taken(*pages.task_page(task, NOON, language, (1, TaskFilter.ALL), None, kept=True).embeds)
    first = task.model_copy(update={"order": an_order(prompt=prompt, source_url=link)})
    came = sharing_embeds.format_lineage(language, [LineagePart(first, [])], {})
    assert (link in came) is (len(link) <= 900)
    taken(sharing_embeds.build_post_embed(language, first, came, hidden=False, has_thumbnail=True))
    assert utf16(sharing_embeds.format_post_title(language, first, "😀" * 32, hidden=False)) <= 100


@pytest.mark.parametrize("code", LANGUAGES.codes)
@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: ascii(prompt[0]))
def test_a_line_of_the_log(prompt: str, code: str) -> None:
    """A log line fits into one message, whatever the prompt and the reason."""
    language = LANGUAGES.find_best_match(code)
    task = a_task(state=TaskState.FAILED, order=an_order(prompt=prompt), reason=tr("FoxAPI: {said}", said=prompt))
    for event in (TaskEnded(task), SubmissionRefused(task.order, tr("“{word}”", word=prompt), None)):
        assert utf16(entry_text(event, language)) <= CONTENT_MAX


@pytest.mark.parametrize("count", [0, 6, 7, 25, 1000])
def test_quota_takes_any_number_in_line(count: int) -> None:
    """Queued tasks that do not fit are counted."""
    place = a_place(channel_id=10**18, guild_id=10**18, message_id=10**18)
    line = [
        a_task(id=10**6 + n, place=place, queue_position=n + 1, starts_at=NOON + timedelta(hours=n))
        for n in range(count)
    ]
    for code in LANGUAGES.codes:
        quota = Quota(GuildLimits(), 10, 1, 0, None, count, False, None)
        shown = cogs_quota.make_embed(quota, line, LANGUAGES.find_best_match(code))
        taken(shown)
        assert (str(shown.fields[1].value).count("/channels/")) >= min(count, 6)
