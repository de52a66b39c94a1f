"""Names in members' links are resolved separately, within a time limit, without affecting anyone else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.media import Downloader, DownloadFailed, UnknownHost
from bot.media.dns import Found, NameResolver

FOUND: Found = [
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443)),
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1111", 443, 0, 0)),
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 443, 0, 2)),
]


class NameServer:
    """Gives the prepared answers in turn and records the queries; without answers it hangs until the end."""

    def __init__(self, *says: Found | Exception) -> None:
        self.says = list(says)
        self.asked: list[str] = []
        self.end = threading.Event()

    def lookup(self, host: str, port: int, family: int) -> Found:  # noqa: ARG002
        self.asked.append(host)
        if not self.says:
            self.end.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "too late")
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


@contextmanager
def hanging() -> Iterator[NameServer]:
    """A name server that never answers; its threads end with the test."""
    server = NameServer()
    try:
        yield server
    finally:
        server.end.set()


def no_such_name() -> Exception:
    return socket.gaierror(socket.EAI_NONAME, "no such name")


def not_now() -> Exception:
    return socket.gaierror(socket.EAI_AGAIN, "not now")


async def test_addresses_are_returned() -> None:
    """A known name yields IPv4 and IPv6 addresses, but no link-local ones."""
    results = await NameResolver(lookup=NameServer(FOUND).lookup).resolve("a.example", 443, socket.AF_UNSPEC)
    assert [result["host"] for result in results] == ["93.184.216.34", "2606:4700::1111"]


async def test_an_unknown_name_is_asked_for_twice() -> None:
    """An unknown name may be new: it is looked up once more, and then it is unknown."""
    server = NameServer(no_such_name(), no_such_name(), FOUND)
    with pytest.raises(UnknownHost, match="cannot be found"):
        await NameResolver(lookup=server.lookup).resolve("nowhere.example")
    assert len(server.asked) == 2


async def test_a_name_server_that_is_away_for_a_moment() -> None:
    """A name server that is temporarily unavailable is asked a few more times."""
    server = NameServer(not_now(), not_now(), FOUND)
    assert await NameResolver(lookup=server.lookup).resolve("a.example", 443)
    assert len(server.asked) == 3


@pytest.mark.parametrize("error", [OSError("odd"), UnicodeError("odd"), socket.gaierror(socket.EAI_FAIL, "odd")])
async def test_other_lookup_errors(error: Exception) -> None:
    """Any other lookup error makes the name unknown."""
    with pytest.raises(UnknownHost):
        await NameResolver(lookup=NameServer(error).lookup).resolve("a.example")


async def test_a_lookup_that_hangs_ends_in_time(tmp_path: Path) -> None:
    """A lookup takes no longer than its time limit, and a download reports the same to the member."""
    with hanging() as server:
        names = NameResolver(lookup=server.lookup, seconds=0.2)
        with pytest.raises(UnknownHost):
            await names.resolve("slow.example")
        async with Downloader(resolver=names) as downloader:
            with pytest.raises(UnknownHost, match="cannot be found"):
                await downloader.fetch("https://slow.example/a.mp4", tmp_path / "clip")


async def test_slow_names_do_not_block_file_access() -> None:
    """While forty lookups hang, only as many run as there are slots, and files are read without delay."""
    with hanging() as server:
        names = NameResolver(lookup=server.lookup, max_lookups=4, seconds=30, wait_seconds=30)
        asking = [asyncio.create_task(names.resolve(f"{number}.example")) for number in range(40)]
        while len(server.asked) < 4:
            await asyncio.sleep(0)
        read = await asyncio.gather(*(asyncio.to_thread(len, "file") for _ in range(40)))
        assert read == [4] * 40
        assert len(server.asked) == 4
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def test_without_a_free_slot_try_again() -> None:
    """A lookup that hangs keeps its slot, others are told to try again, and later there is a free slot."""
    server = NameServer()
    names = NameResolver(lookup=server.lookup, max_lookups=1, seconds=0.2, wait_seconds=0.1)
    with pytest.raises(UnknownHost):
        await names.resolve("slow.example")
    with pytest.raises(DownloadFailed, match="Too many links") as busy:
        await names.resolve("quick.example")
    assert not isinstance(busy.value, UnknownHost)
    assert busy.value.retry_after
    server.says.append(FOUND)
    server.end.set()
    while True:
        try:
            assert await names.resolve("quick.example", 443)
            break
        except DownloadFailed:
            await asyncio.sleep(0.01)
    assert "quick.example" in server.asked


def test_a_lookup_outlives_the_loop() -> None:
    """A lookup that hangs does not delay the bot's exit, and its late result does no harm."""
    with hanging() as server:

        async def begin() -> None:
            with pytest.raises(UnknownHost):
                await NameResolver(lookup=server.lookup, seconds=0.05).resolve("slow.example")

        asyncio.run(begin())
        threads = [thread for thread in threading.enumerate() if thread.name == "name lookup"]
        assert threads
        assert all(thread.daemon for thread in threads)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
