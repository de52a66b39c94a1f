"""/usage end to end, and its chart, CSV and embed as pure functions."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import pytest
from PIL import Image

from bot.domain.limits import GuildLimits, UsageRow
from bot.i18n import Language
from bot.sandbox.foxapi.quirks import Failure, Quirks
from bot.services import UsageReport
from cogs.common import formatting
from cogs.limits import text as limits_text
from cogs.usage import report as usage_report
from cogs.usage.chart import HEIGHT, SERIES, WIDTH, Bar, draw_chart, round_up_scale
from tests.support.harness import Harness, text_of
from tests.support.moderation import refused, use

TODAY = date(2026, 11, 22)


@pytest.mark.both_engines
async def test_usage_shows_days_members_outcomes_and_credits(stage: Harness) -> None:
    """The embed, CSV and chart count the finished and failed tasks of two members, but not a refused one."""
    async with stage.bot():
        for _ in range(2):
            await stage.until(stage.ana, await stage.extend(stage.ana, stage.clips.plain, seconds=2), "Finished")
        stage.fox.next_quirks = Quirks(failure=Failure("service_error", "no"))
        await stage.until(stage.ben, await stage.extend(stage.ben, stage.clips.plain, seconds=2), "Failed")
        await stage.tidied()  # the usage is written just after the reply
        await use(stage.mia, "limits block", member=stage.ben.id)
        await refused(stage, stage.ben, "block")
        shown = await use(stage.mia, "usage", at="moderators")
        text = text_of(shown)
        (table,) = shown["attachments"]
        rows = list(csv.DictReader(io.StringIO((await stage.mia.fetch(table["url"])).decode())))
        picture = Image.open(io.BytesIO(await stage.mia.fetch(shown["embeds"][0]["image"]["url"])))
    assert "Last 7 days: **3 tasks**\n2 finished\n1 failed\n4 s" in text
    assert f"<@{stage.ana.id}>: **2 tasks** · 4 s" in text
    assert f"<@{stage.ben.id}>: **1 task** · 0 finished" in text
    assert "credits" in text
    assert table["filename"].startswith("usage-")
    assert {(row["member_id"], row["tasks"], row["delivered"], row["failed"], row["seconds"]) for row in rows} == {
        (stage.ana.id, "2", "2", "0", "4"),
        (stage.ben.id, "1", "0", "1", "0"),
    }
    assert picture.size == (WIDTH, HEIGHT)


async def test_usage_of_a_server_without_tasks(stage: Harness) -> None:
    """A server without tasks gets an empty report."""
    async with stage.bot():
        shown = await use(stage.mia, "usage")
    assert "No tasks." in text_of(shown)
    assert "Nobody yet." in text_of(shown)


def make_report(*rows: UsageRow) -> UsageReport:
    return UsageReport(TODAY - timedelta(days=29), TODAY, rows)


def test_no_cell_of_the_table_can_be_a_formula() -> None:
    """Every cell below the header is a number or a date (OWASP, CSV Injection)."""
    table = usage_report.write_csv(
        make_report(UsageRow(day=TODAY, user_id=1 << 62, delivered=3, seconds=18, credits=12.5))
    ).decode()
    header, row = csv.reader(io.StringIO(table))
    assert header[:3] == ["day", "member_id", "tasks"]
    assert row == ["2026-11-22", str(1 << 62), "3", "3", "0", "0", "0", "0", "18", "12.5"]


def test_the_embed_of_a_busy_server_fits_discords_limits() -> None:
    """Hundreds of members and large numbers still fit into an embed (Discord docs, Embed Limits)."""
    busy = [
        UsageRow(day=TODAY - timedelta(days=n % 30), user_id=10**18 + n, delivered=10**6, failed=10**6, cancelled=10**6,
              unclear=10**6, unfinished=10**6, seconds=10**7, credits=10**7)
        for n in range(400)
    ]  # fmt: skip
    embed = usage_report.build_embed(make_report(*busy), Language("en-US"))
    assert len(embed) <= 6000
    assert all(len(field.value or "") <= 1024 for field in embed.fields)
    *named, more = (embed.fields[-1].value or "").splitlines()
    assert len(named) >= 9
    assert more.startswith(f"and {400 - len(named)} more")


@pytest.mark.parametrize("days", [1, 7, 30])
@pytest.mark.parametrize("most", [0, 1, 7, 12_345])
def test_a_bar_is_as_high_as_its_count(days: int, most: int) -> None:
    """The last day's bar is as high as its fraction of the scale; an empty month has no bars."""
    bars = [Bar(TODAY - timedelta(days=n), (most, 0, 0, 0, 0)) for n in reversed(range(days))]
    picture = Image.open(io.BytesIO(draw_chart(bars))).convert("RGB")
    green = tuple(bytes.fromhex(SERIES[0][1][1:]))
    column = WIDTH - 32 - round((WIDTH - 84 - 32) / days / 2)
    filled = sum(picture.getpixel((column, y)) == green for y in range(48, HEIGHT))
    assert abs(filled - (HEIGHT - 74 - 48) * most / round_up_scale(most)) <= 12


@pytest.mark.parametrize(("most", "top"), [(0, 2), (2, 2), (3, 4), (5, 6), (7, 8), (11, 12), (41, 60), (99, 100)])
def test_the_scale_ends_at_a_round_number(most: int, top: int) -> None:
    """The top of the scale is even, so that its middle is an integer, and at least the highest bar."""
    assert round_up_scale(most) == top


@pytest.mark.parametrize(
    ("seconds", "said"), [(45, "45 s"), (60, "1 min"), (90, "90 s"), (3600, "1 h"), (86400, "24 h"), (172800, "2 days")]
)
def test_durations_use_the_largest_whole_unit(seconds: int, said: str) -> None:
    """A duration uses the largest unit that gives an integer."""
    assert str(formatting.format_duration(seconds)) == said


def test_every_limit_can_be_described() -> None:
    """Every field of GuildLimits, including future ones, can be described in a change."""
    for name in GuildLimits.model_fields:
        assert str(limits_text.describe_change(name, GuildLimits(), GuildLimits()))
