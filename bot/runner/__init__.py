"""What time does: every unfinished task is moved on until its end is told."""

from bot.runner.bell import Bell
from bot.runner.pace import Pace
from bot.runner.pause import Pause
from bot.runner.runner import Runner
from bot.runner.tools import Files, NotNow, NoWay, Patience, Screen, Seen, Tools

__all__ = ["Bell", "Files", "NoWay", "NotNow", "Pace", "Patience", "Pause", "Runner", "Screen", "Seen", "Tools"]
