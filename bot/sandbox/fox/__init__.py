"""A stand-in FoxAPI: the documented calls, refusals and quirks, and videos that are really rendered."""

from bot.sandbox.fox.quirks import Failure, Pause, Quirks
from bot.sandbox.fox.server import FoxServer
from bot.sandbox.fox.tasks import Payment, Task

__all__ = ["Failure", "FoxServer", "Pause", "Payment", "Quirks", "Task"]
