"""A stand-in FoxAPI: the documented calls, refusals and quirks, and videos that are really rendered."""

from bot.sandbox.foxapi.quirks import Failure, Pause, Quirks
from bot.sandbox.foxapi.server import FoxServer
from bot.sandbox.foxapi.tasks import Payment, Task

__all__ = ["Failure", "FoxServer", "Pause", "Payment", "Quirks", "Task"]
