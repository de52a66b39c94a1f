"""The command line: `python -m bot [sandbox|sync]`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Sequence

from bot.application import assembled, serve
from bot.client import CannotStart
from bot.settings import BadSettings, Settings, read_settings
from bot.store import StoreUnusable

log = logging.getLogger("bot")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line says; return the exit code."""
    wanted = _parser().parse_args(arguments)
    if wanted.command == "sandbox":
        from bot.sandbox.app import run as run_sandbox  # noqa: PLC0415 (the bot itself never needs it)

        return asyncio.run(run_sandbox(wanted.port))
    try:
        settings = read_settings()
        _log_to_stderr(settings.log_level)
        return asyncio.run(_sync(settings) if wanted.command == "sync" else _run(settings))
    except (BadSettings, CannotStart, StoreUnusable) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description="Without a command: run the bot.")
    commands = parser.add_subparsers(dest="command")
    sandbox = commands.add_parser("sandbox", help="run the bot with stand-ins for Discord and FoxAPI; no token needed")
    sandbox.add_argument("--port", type=int, default=8080, help="of the chat page (default 8080)")
    commands.add_parser("sync", help="register the commands with Discord now")
    return parser


async def _run(settings: Settings) -> int:
    starting = asyncio.create_task(_serve(settings), name="bot")
    _on_signal(starting.cancel)
    try:
        return await starting
    except asyncio.CancelledError:
        log.info("stopped before it had begun")
        return 0


async def _serve(settings: Settings) -> int:
    async with assembled(settings) as (bot, runner):
        # Until here a signal has ended the start, whatever it was waiting for; from here on it is a clean stop.
        stop = asyncio.Event()
        _on_signal(stop.set)
        try:
            await serve(bot, runner, stop)
        except* Exception as errors:
            log.critical("the bot ends, so that its supervisor starts it anew", exc_info=errors.exceptions[0])
            return_code = 1
        else:
            return_code = 0
    return return_code


def _on_signal(act: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, act)


async def _sync(settings: Settings) -> int:
    async with assembled(settings) as (bot, _):
        print(f"Registered {await bot.sync()} commands.")
    return 0


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S"
    )
    for name in ("discord", "alembic"):
        logging.getLogger(name).setLevel(max(logging.getLevelName(level), logging.WARNING))


if __name__ == "__main__":
    sys.exit(main())
