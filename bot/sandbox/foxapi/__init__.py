"""A fake of FoxAPI: the documented calls and errors, injectable quirks, and really rendered videos."""

from bot.sandbox.foxapi.quirks import Failure, Pause, Quirks
from bot.sandbox.foxapi.server import FoxServer
from bot.sandbox.foxapi.tasks import Payment, Task

__all__ = ["Failure", "FoxServer", "Pause", "Payment", "Quirks", "Task"]
