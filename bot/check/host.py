"""Check this machine: ffmpeg, database, folders, disk and clock. Nothing is left behind."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from bot.check.report import CheckResult
from bot.media import Ffmpeg, S3Settings, StorageError, UnusableVideo, measure_folder, open_film_store
from bot.store import StoreUnusable, inspect

_GB = 1_000_000_000
_MOST_SKEW = timedelta(seconds=30)
_TRIAL = (
    *("-f", "lavfi", "-i", "color=size=64x64:duration=0.2", "-f", "lavfi", "-i", "anullsrc", "-shortest"),
    *("-c:v", "libx264", "-c:a", "aac", "-f", "null", "-"),
)
"""Encodes a test source with the bot's codecs and discards the output."""


async def check_ffmpeg() -> CheckResult:
    """Check that ffmpeg is available and has the needed encoders."""
    todo = "Install ffmpeg with libx264, or reinstall imageio-ffmpeg."
    try:
        ran = await Ffmpeg().run(_TRIAL, seconds=20)
    except (RuntimeError, OSError, UnusableVideo) as error:
        return CheckResult("ffmpeg", False, str(error).rstrip("."), todo)
    if ran.code:
        last = (ran.stderr.strip().splitlines() or ["no output"])[-1]
        return CheckResult("ffmpeg", False, f"it cannot encode ({last[:120]})", todo)
    return CheckResult("ffmpeg", True, "works")


async def check_database(url: str) -> CheckResult:
    """Check that the database is usable; it is neither created nor changed."""
    try:
        seen = await asyncio.to_thread(inspect, url)
    except StoreUnusable as error:
        says, _, todo = str(error).partition(": ")
        return CheckResult(
            "database", False, says.rstrip("."), todo or "Correct DATABASE_URL, or let the bot's user write there."
        )
    if not seen.exists:
        return CheckResult("database", True, f"{seen.place} is created at the first start")
    state = "is upgraded at the next start" if seen.upgrade_due else "is up to date"
    used = ", and a bot is using it now" if seen.in_use else ""
    return CheckResult("database", True, f"{seen.place} can be written, and {state}{used}")


async def check_data_dir(folder: Path) -> CheckResult:
    """Check that the folder is writable, with a temporary file if it exists."""
    there = _find_existing(folder)
    try:
        await asyncio.to_thread(_try_to_write, there)
    except OSError as error:
        todo = "Let the bot's user write there, or set DATA_DIR to another folder."
        return CheckResult("data folder", False, f"{there} cannot be written ({error.strerror})", todo)
    says = f"{folder} can be written" if there.name == folder.name else f"{folder} is created when it is needed"
    return CheckResult("data folder", True, says)


async def check_bucket(folder: Path, bucket: S3Settings | None) -> list[CheckResult]:
    """Check that the bucket is writable, with a temporary object, if a bucket is configured."""
    if bucket is None:
        return []
    todo = "Correct FILES_URL and the S3_ settings, or give the key write access."
    try:
        await open_film_store(folder / "kept", bucket).check_access()
    except StorageError as error:
        says, _, hint = str(error).partition(": ")
        return [CheckResult("bucket", False, says.rstrip("."), hint or todo)]
    return [CheckResult("bucket", True, f"{bucket.name} can be written")]


async def check_disk(folder: Path, most_gb: int) -> CheckResult:
    """Check that the disk has room for MAX_DISK_GB."""
    there = _find_existing(folder)
    try:
        free, used = await asyncio.to_thread(lambda: (shutil.disk_usage(there).free, measure_folder(folder)))
    except OSError as error:
        todo = "Set DATA_DIR to a folder on a disk that can be used."
        return CheckResult("disk", False, f"{there} cannot be measured ({error.strerror})", todo)
    missing = most_gb * _GB - used - free
    says = f"{free / _GB:.1f} GB free, {used / _GB:.1f} of MAX_DISK_GB={most_gb} used"
    if missing <= 0:
        return CheckResult("disk", True, says)
    room = int((free + used) * 0.9 / _GB)
    lower = f"lower MAX_DISK_GB to {room}, or " if room >= 1 else ""
    return CheckResult("disk", False, says, f"To keep it from filling up, {lower}free {missing / _GB:.1f} GB.")


def check_clock(skews: Iterable[timedelta | None]) -> CheckResult:
    """Check that this machine's clock agrees with the clocks of the servers that responded."""
    known = [skew for skew in skews if skew is not None]
    if not known:
        return CheckResult("clock", None, "unknown, because no server reported the time")
    worst = max(known, key=abs)
    if min(abs(skew) for skew in known) <= _MOST_SKEW:  # one server's clock may be the wrong one
        return CheckResult("clock", True, "agrees with the servers' clocks")
    side = "behind" if worst > timedelta() else "ahead"
    todo = "Set it and enable time synchronisation (NTP), because Discord expects responses in time."
    return CheckResult("clock", False, f"this machine's is {abs(worst.total_seconds()):.0f} s {side}", todo)


def _find_existing(folder: Path) -> Path:
    """Return the folder, or its nearest existing parent."""
    whole = folder.absolute()
    return next((each for each in (whole, *whole.parents) if each.exists()), Path("/"))


def _try_to_write(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"check")
