"""The command line: run, worker, gateway, sandbox, sync, check, backup, restore, move."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bot.app import STANDALONE, WORKER, Role, build_app, make_gateway_role, run_app, utc_now
from bot.check import CheckResult, all_ok, as_json, as_text, check
from bot.client import CannotStart, Shards
from bot.domain.redaction import Redactor
from bot.logs import configure_logging
from bot.settings import Settings, SettingsError, read_partial, read_settings
from bot.store import MoveResult, StoreUnusable, back_up, move, restore

log = logging.getLogger("bot")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    wanted = _build_parser().parse_args(arguments)
    if wanted.command == "sandbox":
        from bot.sandbox.app import run as run_sandbox  # noqa: PLC0415 (the bot itself does not need it)

        return asyncio.run(run_sandbox(wanted.port))
    try:
        if wanted.command == "check":
            return asyncio.run(_check(json=wanted.json))
        if wanted.command in {"backup", "restore", "move"}:
            return _run_database_command(wanted.command, wanted.file)
        settings = read_settings()
        _log_to_stderr(settings)
        return asyncio.run(_sync(settings) if wanted.command == "sync" else _run(settings, _find_role(wanted)))
    except (SettingsError, CannotStart, StoreUnusable) as error:
        print(_build_redactor().hide(str(error)), file=sys.stderr)
        return 1


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description="Without a command: run the bot.")
    commands = parser.add_subparsers(dest="command")
    sandbox = commands.add_parser(
        "sandbox", help="run the bot against local fakes of Discord and FoxAPI; no token needed"
    )
    sandbox.add_argument("--port", type=int, default=8080, help="port of the chat page (default 8080)")
    commands.add_parser("worker", help="process tasks, shared with other processes over PostgreSQL; no gateway")
    answering = commands.add_parser(
        "gateway", help="respond to interactions; workers process the tasks over PostgreSQL"
    )
    answering.add_argument(
        "--shards", type=_parse_shards, required=True, help="the shards to serve, out of the total: 0-7/16"
    )
    commands.add_parser("sync", help="register the commands with Discord now")
    checking = commands.add_parser("check", help="report missing or wrong settings; changes nothing, costs nothing")
    checking.add_argument("--json", action="store_true", help="print JSON")
    backing_up = commands.add_parser("backup", help="copy the database to a new file; works while the bot runs")
    backing_up.add_argument("file", type=Path)
    restoring = commands.add_parser("restore", help="replace the database with a backup; stop the bot before")
    restoring.add_argument("file", type=Path)
    moving = commands.add_parser("move", help="move an SQLite database to the PostgreSQL database in DATABASE_URL")
    moving.add_argument("file", type=Path)
    return parser


def _parse_shards(written: str) -> Shards:
    try:
        return Shards.parse(written)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _find_role(wanted: argparse.Namespace) -> Role:
    match wanted.command:
        case "worker":
            return WORKER
        case "gateway":
            return make_gateway_role(wanted.shards)
        case _:
            return STANDALONE


async def _check(*, json: bool) -> int:
    try:
        reading = read_partial()
    except SettingsError as error:
        found, redactor = [CheckResult("settings", False, str(error))], Redactor()
    else:
        redactor = Redactor(reading.settings.secrets)
        configure_logging("CRITICAL", "text", redactor)  # a traceback that ends the program may contain a secret
        found = await check(reading, utc_now)
    print((as_json if json else as_text)(found, redactor))
    return 0 if all_ok(found) else 1


def _run_database_command(command: str, file: Path) -> int:
    """Run backup, restore or move, which need only the database settings."""
    reading = read_partial()
    if problem := reading.problems.get("DATABASE_URL"):
        raise SettingsError(problem)
    _log_to_stderr(reading.settings)
    url = reading.settings.database_url
    if command == "backup":
        made = back_up(url, file)
        unfinished = "" if made.unfinished is None else f", unfinished tasks in it: {made.unfinished:,}"
        print(f"Backed up to {file}: {made.bytes / 1_000_000:.1f} MB{unfinished}.")
        return 0
    if command == "move":
        return _print_move(move(file, url))
    done = restore(url, file, utc_now())
    print(f"Restored {file}.")
    if done.kept:
        print(f"The database that was there before is kept as {done.kept}.")
    if done.merged:
        print("Tasks and shares are kept from it; everything else is as in the backup.")
    if done.unverified:
        print(
            f"Unfinished tasks whose outcome since the backup is unknown: {done.unverified:,}. "
            f"Of these, may have been submitted since and are not submitted again: {done.unclear:,}. "
            "The bot reads their replies in Discord before it shows or posts anything for them."
        )
    return 0


def _print_move(made: MoveResult) -> int:
    print(f"Moved to PostgreSQL: {made.tasks:,} tasks, {made.unfinished:,} of them unfinished; those continue there.")
    print(f"The file is kept as {made.kept}. Start the bot with the same DATA_DIR.")
    return 0


async def _run(settings: Settings, role: Role) -> int:
    starting = asyncio.create_task(_serve(settings, role), name="bot")
    _handle_signals(starting.cancel)
    try:
        return await starting
    except asyncio.CancelledError:
        log.info("stopped during start-up")
        return 0


async def _serve(settings: Settings, role: Role) -> int:
    async with build_app(settings, role=role) as (bot, runner):
        # Until here a signal cancels the start; from here on it stops the bot cleanly.
        stop = asyncio.Event()
        _handle_signals(stop.set)
        try:
            await run_app(bot, runner, stop, role)
        except* Exception as errors:
            log.critical("the bot exits, so that its supervisor restarts it", exc_info=errors.exceptions[0])
            return_code = 1
        else:
            return_code = 0
    return return_code


def _handle_signals(act: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, act)


async def _sync(settings: Settings) -> int:
    async with build_app(settings) as (bot, _):
        print(f"Registered {await bot.sync()} commands.")
    return 0


def _log_to_stderr(settings: Settings) -> None:
    configure_logging(settings.log_level, settings.log_format, Redactor(settings.secrets))


def _build_redactor() -> Redactor:
    """Return the redactor for the last message, with the secrets that can be read."""
    try:
        return Redactor(read_partial().settings.secrets)
    except SettingsError:
        return Redactor()
