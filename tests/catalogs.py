"""What there is to be translated, and a script that brings the catalogues up to date: `python -m tests.catalogs`.

Sentences are collected from the source by Babel's extractor, names and descriptions from the command tree itself. The
script adds what a catalogue lacks (empty, to be filled in), and drops what is no longer said.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import discord
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po
from discord import app_commands

from bot.app import utc_now
from bot.client import ExtendBot
from bot.domain.events import EventQueue
from bot.domain.limits import GuildLimits, OperatorLimits
from bot.media import Downloader, Ffmpeg, Workspaces
from bot.services import Services
from bot.store import Store

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "bot" / "languages"
_KEYWORDS = {"tr": None, "tr_plural": (1, 2)}
_METHODS = [("bot/sandbox/**", "ignore"), ("bot/languages/**", "ignore"), ("**.py", "python")]
_KINDS = (discord.AppCommandType.chat_input, discord.AppCommandType.message)

Key = tuple[str | None, str | tuple[str, ...]]
"""A message's context, and its English text (and plural)."""


def wanted(tree: app_commands.CommandTree[Any]) -> dict[Key, list[str]]:
    """Everything that is said, with the files in which it is (or the command that has it)."""
    found: dict[Key, list[str]] = {}
    for folder in ("bot", "cogs"):
        for file, _, text, _, _ in extract_from_dir(
            ROOT / folder, [(f"{pattern}", method) for pattern, method in _METHODS], keywords=_KEYWORDS
        ):
            if not _left_out(folder, file):
                found.setdefault((None, text), []).append(f"{folder}/{file}")
    for kind in _KINDS:
        for command in tree.get_commands(type=kind):
            for key in _of_command(command.to_dict(tree)):
                found.setdefault(key, []).append(f"/{command.qualified_name}".replace(" ", "-"))
    return found


def catalogue(file: Path) -> Catalog:
    """Read a language's file; raises on a malformed one."""
    with file.open("rb") as source:
        return read_po(source, locale=file.stem.replace("-", "_"), abort_invalid=True)


def files() -> list[Path]:
    """Every language's file."""
    return sorted(FOLDER.glob("*.po"))


def key_of(message: Message) -> Key:
    """A catalogue's message as its key."""
    return (message.context, tuple(message.id) if isinstance(message.id, list | tuple) else message.id)


def _left_out(folder: str, file: str) -> bool:
    return folder == "bot" and file.startswith(("sandbox/", "languages/", "phrase.py"))


def _of_command(payload: dict[str, Any], *, option: bool = False) -> Iterator[Key]:
    """Names and descriptions of a command, its subcommands, options and choices."""
    subcommand = payload.get("type") in {1, 2} and option
    yield ("option" if option and not subcommand else "command", payload["name"])
    if payload.get("description"):
        yield (None, payload["description"])
    for choice in payload.get("choices", []):
        yield ("choice", choice["name"])
    for inner in payload.get("options", []):
        yield from _of_command(inner, option=True)


def _renewed(old: Catalog, said: dict[Key, list[str]]) -> Catalog:
    new = Catalog(locale=old.locale)
    known = {key_of(message): message.string for message in old if message.id}
    for context, text in sorted(said, key=lambda key: (min(said[key]), str(key))):
        places = [(place, 0) for place in sorted(set(said[context, text]))]
        new.add(text, known.get((context, text)), locations=places, context=context)
    return new


@asynccontextmanager
async def offline_bot() -> AsyncIterator[ExtendBot]:
    """The bot with all its cogs, connected to nothing."""
    with tempfile.TemporaryDirectory() as folder:
        async with Store.open(f"sqlite+aiosqlite:///{folder}/bot.db") as store:
            services = Services.build(
                store,
                Workspaces(Path(folder) / "tasks", max_bytes=1),
                Ffmpeg(),
                Downloader(),
                now=utc_now,
                wake_worker=lambda _: None,
                defaults=GuildLimits(),
                operator_limits=OperatorLimits(),
                events=EventQueue(),
            )
            bot = ExtendBot(services, store, api_url="http://127.0.0.1:9", edit_seconds=5, now=utc_now)
            async with bot:
                await bot.load_cogs()
                yield bot


async def _main() -> int:
    async with offline_bot() as bot:
        said = wanted(bot.tree)
    for file in files():
        renewed = _renewed(catalogue(file), said)
        messages = BytesIO()
        write_po(messages, renewed, width=118, omit_header=True, include_lineno=False)
        header = file.read_text("utf-8").split("\n\n")[0]
        file.write_text(f"{header.rstrip()}\n\n{messages.getvalue().decode().strip()}\n", "utf-8")
        empty = sum(not message.string or not all(message.string) for message in renewed if message.id)
        print(f"{file.name}: {len(renewed)} messages, {empty} to be translated")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
