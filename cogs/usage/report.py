"""Formats a usage report as an embed, the chart's bars and a CSV file. Pure."""

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
"""Members listed in the embed; the CSV lists all."""
_OUTCOMES = {
    "delivered": tr("finished"),
    "failed": tr("failed"),
    "cancelled": tr("cancelled"),
    "unclear": tr("unclear"),
    "unfinished": tr("unfinished"),
}
_COUNTS: dict[str, Callable[[int], Translatable]] = {
    "delivered": lambda number: tr("{count} finished", count=number),
    "failed": lambda number: tr("{count} failed", count=number),
    "cancelled": lambda number: tr("{count} cancelled", count=number),
    "unclear": lambda number: tr("{count} unclear", count=number),
    "unfinished": lambda number: tr("{count} unfinished", count=number),
}
_COLUMNS = ("delivered", "failed", "cancelled", "unclear", "unfinished", "seconds", "credits")


def build_embed(report: UsageReport, language: Language) -> discord.Embed:
    """Build the embed of the whole report and its last week; its image is the attachment CHART_NAME."""
    week, length = report.days[-_WEEK:], report.length
    days = [f"{language.format_day(row.day)}: {language.translate(_format_row(row))}" for row in reversed(week)]
    panel = discord.Embed(title=language.tr("Usage of this server"), colour=BLUE)
    panel.add_field(name=language.tr("Last {days} days", days=_WEEK), value=_format_totals(_sum_days(week), language))
    panel.add_field(name=language.tr("Last {days} days", days=length), value=_format_totals(report.total, language))
    panel.add_field(name=language.tr("By day"), value="\n".join(days), inline=False)
    field_name = language.tr("By member, {days} days", days=length)
    panel.add_field(name=field_name, value=_format_members(report.members, language), inline=False)
    panel.set_image(url=f"attachment://{CHART_NAME}")
    explanation = language.tr(
        "Seconds are the time added to videos. Days begin at midnight UTC. The CSV lists every day and member."
    )
    panel.set_footer(text="\n".join(filter(None, (_format_legend(report, language), explanation))))
    return fit_embed(panel)


def build_bars(report: UsageReport) -> list[Bar]:
    """Build the chart's bars, one per day."""
    return [Bar(row.day, tuple(getattr(row, name) for name, _, _ in SERIES)) for row in report.days]


def write_csv(report: UsageReport) -> bytes:
    """Write the report as CSV, one row per day and member.

    No cell contains user input, so none can be read as a formula. Members are given by id; 0 stands for members who
    deleted their data. The header is the same in every language, because spreadsheets and scripts read it.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["day", "member_id", "tasks", *_COLUMNS])
    for row in report.rows:
        writer.writerow(
            [row.day.isoformat(), row.user_id, row.tasks, *(_format_cell(getattr(row, each)) for each in _COLUMNS)]
        )
    return out.getvalue().encode()


def make_csv_name(first: date, last: date) -> str:
    """Return the CSV's file name."""
    return f"usage-{first.isoformat()}-to-{last.isoformat()}.csv"


def _format_cell(value: float) -> str:
    return f"{value:g}" if value < 1_000_000 else str(value)


def _sum_days(days: Sequence[UsageRow]) -> UsageRow:
    total = days[0]
    for each in days[1:]:
        total += each
    return total


def _format_legend(report: UsageReport, language: Language) -> str:
    """Explain the chart's colours that occur."""
    total = report.total
    return " · ".join(
        f"{sign} {language.translate(_OUTCOMES[name])}" for name, _, sign in SERIES if getattr(total, name)
    )


def _format_totals(row: UsageRow, language: Language) -> str:
    if not row.tasks:
        return language.tr("No tasks.")
    outcomes = [form(getattr(row, name)) for name, form in _COUNTS.items() if getattr(row, name)]
    return "\n".join(map(language.translate, [_format_tasks(row), *outcomes, *_list_output(row)]))


def _format_members(members: Sequence[UsageRow], language: Language) -> str:
    """List as many members as fit into a field."""

    def format_rest(left_out: int) -> str:
        count = left_out + len(members[_MEMBERS:])
        return language.tr_plural("and {count} more, in the CSV", "and {count} more, in the CSV", count)

    def format_member(user_id: int) -> str:
        return language.tr("Deleted data") if user_id == NOBODY else formatting.mention_member(user_id)

    lines = [f"{format_member(each.user_id)}: {language.translate(_format_row(each))}" for each in members[:_MEMBERS]]
    if not lines:
        return language.tr("Nobody yet.")
    hidden = len(members) - len(lines)
    return fit_lines(
        [*lines, format_rest(0)] if hidden else lines, FIELD_MAX, lambda out: format_rest(out - bool(hidden))
    )


def _format_row(row: UsageRow) -> Translatable:
    if not row.tasks:
        return untranslated("–")
    finished = [] if row.delivered == row.tasks else [_COUNTS["delivered"](row.delivered)]
    return formatting.join_cells(_format_tasks(row), *finished, *_list_output(row))


def _list_output(row: UsageRow) -> list[Translatable]:
    output = [formatting.format_seconds(row.seconds)] if row.seconds else []
    return [*output, tr("{credits} credits", credits=row.credits)] if row.credits else output


def _format_tasks(row: UsageRow) -> Translatable:
    return tr_plural("**{count} task**", "**{count} tasks**", row.tasks)
