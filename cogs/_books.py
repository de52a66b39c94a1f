"""What /usage tells: a report to an embed, to the chart's bars, and to a CSV file. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date

import discord

from bot.rules import Tally
from bot.service import Report
from cogs import _rules
from cogs._cards import BLUE
from cogs._chart import Bar

CHART_NAME = "usage.png"
_WEEK = 7
_MEMBERS = 10
"""Members that are named; the CSV has all."""
_OUTCOMES = {
    "delivered": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
    "unclear": "unclear",
    "unfinished": "under way",
}
_COLUMNS = ("delivered", "failed", "cancelled", "unclear", "unfinished", "seconds", "credits")


def embed(report: Report) -> discord.Embed:
    """The report of 30 days as a panel, and its last week; the chart is its picture, by CHART_NAME.

    The seconds are those that were added to videos.
    """
    week = report.days[-_WEEK:]
    shown = discord.Embed(title="Use of this server", colour=BLUE)
    shown.add_field(name="Last 7 days", value=_sum(_total(week)))
    shown.add_field(name=f"Last {report.length} days", value=_sum(report.total))
    shown.add_field(name="By day", value="\n".join(_day(tally) for tally in reversed(week)), inline=False)
    shown.add_field(name=f"By member, {report.length} days", value=_by_member(report.members), inline=False)
    shown.set_image(url=f"attachment://{CHART_NAME}")
    shown.set_footer(
        text="Seconds are those added to videos. Days begin at midnight UTC. The CSV has every day and member."
    )
    return shown


def bars(report: Report) -> list[Bar]:
    """One for each day, as the chart wants them (see _chart.SERIES)."""
    return [
        Bar(tally.day, (tally.delivered, tally.failed, tally.unclear, tally.cancelled, tally.unfinished))
        for tally in report.days
    ]


def table(report: Report) -> bytes:
    """The report as CSV, one row per day and member.

    No cell is a text that somebody wrote, so none can be taken for a formula; members are told by their ids.
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


def _sum(tally: Tally) -> str:
    if not tally.tasks:
        return "No tasks."
    outcomes = [f"{getattr(tally, name)} {said}" for name, said in _OUTCOMES.items() if getattr(tally, name)]
    return "\n".join([f"**{_tasks(tally)}**", *outcomes, *_made(tally)])


def _day(tally: Tally) -> str:
    when = f"{tally.day:%a} {tally.day.day}"
    return f"{when}: {_in_line(tally)}" if tally.tasks else f"{when}: –"


def _by_member(members: Sequence[Tally]) -> str:
    lines = [f"{_rules.member(each.user_id)}: {_in_line(each)}" for each in members[:_MEMBERS]]
    if len(members) > _MEMBERS:
        lines.append(f"and {len(members) - _MEMBERS} more, in the CSV")
    return "\n".join(lines) or "Nobody yet."


def _in_line(tally: Tally) -> str:
    finished = [] if tally.delivered == tally.tasks else [f"{tally.delivered} finished"]
    return " · ".join([f"**{_tasks(tally)}**", *finished, *_made(tally)])


def _made(tally: Tally) -> list[str]:
    made = [f"{tally.seconds:,} s"] if tally.seconds else []
    return [*made, f"{tally.credits:,g} credits"] if tally.credits else made


def _tasks(tally: Tally) -> str:
    return f"{tally.tasks:,} task{'' if tally.tasks == 1 else 's'}"
