"""Files that nobody needs any more, because the bot ended between the record of a task's end and their removal."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from bot.runner.tools import Tools


async def clear_away(tools: Tools) -> None:
    """Remove the files of every task that has ended and whose member knows. What the store does not know is left."""
    for folder in await asyncio.to_thread(_folders, tools.folder):
        task = await tools.store.get(int(folder.name))
        if task and task.state.ended and task.told:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _folders(tasks: Path) -> list[Path]:
    return [each for each in tasks.iterdir() if each.name.isdecimal()] if tasks.is_dir() else []
