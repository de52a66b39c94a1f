"""What /usage tells: a report to an embed, to the chart's bars, and to a CSV file. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date

import discord

from bot.domain.limits import NOBODY, UsageRow
from bot.i18n import Language
from bot.i18n.text import Translatable, tr, tr_plural, untranslated
from bot.services import UsageReport
from cogs.common import formatting
from cogs.common.embeds import FIELD_MAX, fit_embed, fit_lines
from cogs.common.formatting import BLUE
from cogs.usage.chart import SERIES, Bar

CHART_NAME = "usage.png"
_WEEK = 7
_MEMBERS = 10
"""Members that are named; the CSV has all."""
_NAMES = {
    "delivered": tr("finished"),
    "failed": tr("failed"),
    "cancelled": tr("cancelled"),
    "unclear": tr("unclear"),
    "unfinished": tr("under way"),
}
_COUNTS: dict[str, Callable[[int], Translatable]] = {
    "delivered": lambda number: tr("{count} finished", count=number),
    "failed": lambda number: tr("{count} failed", count=number),
    "cancelled": lambda number: tr("{count} cancelled", count=number),
    "unclear": lambda number: tr("{count} unclear", count=number),
    "unfinished": lambda number: tr("{count} under way", count=number),
}
_COLUMNS = ("delivered", "failed", "cancelled", "unclear", "unfinished", "seconds", "credits")


def embed(report: UsageReport, language: Language) -> discord.Embed:
    """The report of 30 days as a panel, and its last week; the chart is its picture, by CHART_NAME.

    The seconds are those that were added to videos.
    """
    week, length = report.days[-_WEEK:], report.length
    days = [f"{language.format_day(row.day)}: {language.translate(_in_line(row))}" for row in reversed(week)]
    shown = discord.Embed(title=language.tr("Use of this server"), colour=BLUE)
    shown.add_field(name=language.tr("Last {days} days", days=_WEEK), value=_sum(_total(week), language))
    shown.add_field(name=language.tr("Last {days} days", days=length), value=_sum(report.total, language))
    shown.add_field(name=language.tr("By day"), value="\n".join(days), inline=False)
    by_member = language.tr("By member, {days} days", days=length)
    shown.add_field(name=by_member, value=_by_member(report.members, language), inline=False)
    shown.set_image(url=f"attachment://{CHART_NAME}")
    told = language.tr(
        "Seconds are those added to videos. Days begin at midnight UTC. The CSV has every day and member."
    )
    shown.set_footer(text="\n".join(filter(None, (_legend(report, language), told))))
    return fit_embed(shown)


def bars(report: UsageReport) -> list[Bar]:
    """One for each day, as the chart wants them."""
    return [Bar(row.day, tuple(getattr(row, name) for name, _, _ in SERIES)) for row in report.days]


def table(report: UsageReport) -> bytes:
    """The report as CSV, one row per day and member.

    No cell is a text that somebody wrote, so none can be taken for a formula; members are told by their ids, and 0
    stands for those whose tasks were deleted at their wish. It is data for spreadsheets and scripts, so its header is
    the same in every language.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["day", "member_id", "tasks", *_COLUMNS])
    for row in report.rows:
        writer.writerow(
            [row.day.isoformat(), row.user_id, row.tasks, *(_cell(getattr(row, each)) for each in _COLUMNS)]
        )
    return out.getvalue().encode()


def table_name(first: date, last: date) -> str:
    """The CSV's file name."""
    return f"usage-{first.isoformat()}-to-{last.isoformat()}.csv"


def _cell(value: float) -> str:
    return f"{value:g}" if value < 1_000_000 else str(value)


def _total(days: Sequence[UsageRow]) -> UsageRow:
    total = days[0]
    for each in days[1:]:
        total += each
    return total


def _legend(report: UsageReport, language: Language) -> str:
    """What the chart's colours mean, of those that occur."""
    total = report.total
    return " · ".join(f"{sign} {language.translate(_NAMES[name])}" for name, _, sign in SERIES if getattr(total, name))


def _sum(row: UsageRow, language: Language) -> str:
    if not row.tasks:
        return language.tr("No tasks.")
    outcomes = [said(getattr(row, name)) for name, said in _COUNTS.items() if getattr(row, name)]
    return "\n".join(map(language.translate, [_tasks(row), *outcomes, *_made(row)]))


def _by_member(members: Sequence[UsageRow], language: Language) -> str:
    """As many as a field takes, in whatever language."""

    def more(left_out: int) -> str:
        count = left_out + len(members[_MEMBERS:])
        return language.tr_plural("and {count} more, in the CSV", "and {count} more, in the CSV", count)

    def who(user_id: int) -> str:
        return language.tr("Deleted data") if user_id == NOBODY else formatting.mention_member(user_id)

    lines = [f"{who(each.user_id)}: {language.translate(_in_line(each))}" for each in members[:_MEMBERS]]
    if not lines:
        return language.tr("Nobody yet.")
    hidden = len(members) - len(lines)
    return fit_lines([*lines, more(0)] if hidden else lines, FIELD_MAX, lambda out: more(out - bool(hidden)))


def _in_line(row: UsageRow) -> Translatable:
    if not row.tasks:
        return untranslated("–")
    finished = [] if row.delivered == row.tasks else [_COUNTS["delivered"](row.delivered)]
    return formatting.join_cells(_tasks(row), *finished, *_made(row))


def _made(row: UsageRow) -> list[Translatable]:
    made = [formatting.format_seconds(row.seconds)] if row.seconds else []
    return [*made, tr("{credits} credits", credits=row.credits)] if row.credits else made


def _tasks(row: UsageRow) -> Translatable:
    return tr_plural("**{count} task**", "**{count} tasks**", row.tasks)
