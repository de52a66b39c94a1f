"""What /usage tells: a report to an embed, to the chart's bars, and to a CSV file. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date

import discord

from bot.languages import Language
from bot.phrase import Phrase, counted, say, verbatim
from bot.rules import NOBODY, Tally
from bot.service import Report
from cogs import _rules
from cogs._cards import BLUE
from cogs._chart import SERIES, Bar
from cogs._embeds import FIELD_MAX, fit_embed, fit_lines

CHART_NAME = "usage.png"
_WEEK = 7
_MEMBERS = 10
"""Members that are named; the CSV has all."""
_NAMES = {
    "delivered": say("finished"),
    "failed": say("failed"),
    "cancelled": say("cancelled"),
    "unclear": say("unclear"),
    "unfinished": say("under way"),
}
_COUNTS: dict[str, Callable[[int], Phrase]] = {
    "delivered": lambda number: say("{count} finished", count=number),
    "failed": lambda number: say("{count} failed", count=number),
    "cancelled": lambda number: say("{count} cancelled", count=number),
    "unclear": lambda number: say("{count} unclear", count=number),
    "unfinished": lambda number: say("{count} under way", count=number),
}
_COLUMNS = ("delivered", "failed", "cancelled", "unclear", "unfinished", "seconds", "credits")


def embed(report: Report, language: Language) -> discord.Embed:
    """The report of 30 days as a panel, and its last week; the chart is its picture, by CHART_NAME.

    The seconds are those that were added to videos.
    """
    week, length = report.days[-_WEEK:], report.length
    days = [f"{language.day(tally.day)}: {language.tell(_in_line(tally))}" for tally in reversed(week)]
    shown = discord.Embed(title=language.say("Use of this server"), colour=BLUE)
    shown.add_field(name=language.say("Last {days} days", days=_WEEK), value=_sum(_total(week), language))
    shown.add_field(name=language.say("Last {days} days", days=length), value=_sum(report.total, language))
    shown.add_field(name=language.say("By day"), value="\n".join(days), inline=False)
    by_member = language.say("By member, {days} days", days=length)
    shown.add_field(name=by_member, value=_by_member(report.members, language), inline=False)
    shown.set_image(url=f"attachment://{CHART_NAME}")
    told = language.say(
        "Seconds are those added to videos. Days begin at midnight UTC. The CSV has every day and member."
    )
    shown.set_footer(text="\n".join(filter(None, (_legend(report, language), told))))
    return fit_embed(shown)


def bars(report: Report) -> list[Bar]:
    """One for each day, as the chart wants them."""
    return [Bar(tally.day, tuple(getattr(tally, name) for name, _, _ in SERIES)) for tally in report.days]


def table(report: Report) -> bytes:
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


def _total(days: Sequence[Tally]) -> Tally:
    total = days[0]
    for each in days[1:]:
        total += each
    return total


def _legend(report: Report, language: Language) -> str:
    """What the chart's colours mean, of those that occur."""
    total = report.total
    return " · ".join(f"{sign} {language.tell(_NAMES[name])}" for name, _, sign in SERIES if getattr(total, name))


def _sum(tally: Tally, language: Language) -> str:
    if not tally.tasks:
        return language.say("No tasks.")
    outcomes = [said(getattr(tally, name)) for name, said in _COUNTS.items() if getattr(tally, name)]
    return "\n".join(map(language.tell, [_tasks(tally), *outcomes, *_made(tally)]))


def _by_member(members: Sequence[Tally], language: Language) -> str:
    """As many as a field takes, in whatever language."""

    def more(left_out: int) -> str:
        count = left_out + len(members[_MEMBERS:])
        return language.counted("and {count} more, in the CSV", "and {count} more, in the CSV", count)

    def who(user_id: int) -> str:
        return language.say("Deleted data") if user_id == NOBODY else _rules.member(user_id)

    lines = [f"{who(each.user_id)}: {language.tell(_in_line(each))}" for each in members[:_MEMBERS]]
    if not lines:
        return language.say("Nobody yet.")
    hidden = len(members) - len(lines)
    return fit_lines([*lines, more(0)] if hidden else lines, FIELD_MAX, lambda out: more(out - bool(hidden)))


def _in_line(tally: Tally) -> Phrase:
    if not tally.tasks:
        return verbatim("–")
    finished = [] if tally.delivered == tally.tasks else [_COUNTS["delivered"](tally.delivered)]
    return _rules.row(_tasks(tally), *finished, *_made(tally))


def _made(tally: Tally) -> list[Phrase]:
    made = [_rules.seconds(tally.seconds)] if tally.seconds else []
    return [*made, say("{credits} credits", credits=tally.credits)] if tally.credits else made


def _tasks(tally: Tally) -> Phrase:
    return counted("**{count} task**", "**{count} tasks**", tally.tasks)
