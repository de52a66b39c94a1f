"""A PostgreSQL of the tests' own, where its program is found: one cluster, and a new database for each test."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from bot.store import Store

NOT_FOUND = "PostgreSQL's programs are not on this machine (apt-get install postgresql)"
_PASSWORD = "made-up"
_TEMPLATE = "migrated"
_LAX = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""Nobody pulls the plug on a test."""
_NOBODY = 65534


def programs() -> Path | None:
    """The folder with initdb and postgres, the newest if there are several; None if there are none."""
    workspaces = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda it: float(it.parent.name), reverse=True)
    if on_path := shutil.which("initdb"):
        workspaces.append(Path(on_path).resolve().parent)
    return next((folder for folder in workspaces if (folder / "postgres").exists()), None)


@dataclass(frozen=True)
class Cluster:
    """A running server; :meth:`stop` and :meth:`start` are what an operator's restart is."""

    folder: str
    port: int

    @classmethod
    def made(cls, folder: Path) -> Cluster:
        """Make one in `folder`, and start it."""
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            cluster = cls(str(folder), free.getsockname()[1])
        password = folder / "password"
        password.write_text(_PASSWORD)
        if user := _user():
            for path in (folder, password):
                os.chown(path, user, -1)
            folder.chmod(0o700)
        words = ["-U", "bot", "-A", "scram-sha-256", "--pwfile", str(password), "-E", "UTF8", "--locale=C", "-N"]
        _run("initdb", "-D", f"{folder}/data", *words)
        cluster.start()
        return cluster

    def start(self) -> None:
        """Return when it takes connections."""
        settings = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=300",
        ]
        options = " ".join(f"-c {each}" for each in (*settings, *_LAX))
        _run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-o", options, "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        """End it at once, as a crash would, or in another of pg_ctl's modes."""
        _run("pg_ctl", "-D", f"{self.folder}/data", "-m", mode, "-w", "stop")

    def url(self, database: str) -> str:
        """What DATABASE_URL is for one of its databases."""
        return f"postgresql+asyncpg://bot:{_PASSWORD}@127.0.0.1:{self.port}/{database}"

    async def command(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement; return its rows."""
        connection = await asyncpg.connect(self.url(database).replace("+asyncpg", ""))
        try:
            rows: list[Any] = await connection.fetch(statement)
        finally:
            await connection.close()
        return rows

    async def make_template(self) -> None:
        """Migrate a database of which others are copied: that takes a tenth of the time."""
        await self.command(f"CREATE DATABASE {_TEMPLATE}")
        async with Store.open(self.url(_TEMPLATE)):
            pass

    @asynccontextmanager
    async def database(self, *, migrated: bool = True) -> AsyncIterator[str]:
        """The address of a new database, gone afterwards."""
        name = f"test_{uuid4().hex}"
        await self.command(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE if migrated else 'template0'}")
        try:
            yield self.url(name)
        finally:
            await self.command(f"DROP DATABASE {name} WITH (FORCE)")


async def shared_cluster(folder: Path) -> Cluster:
    """The one cluster of a test run: the first worker that needs it makes it, in `folder`."""
    async with _only_one(folder):
        known = folder / "cluster.json"
        if not known.exists():
            cluster = await asyncio.to_thread(Cluster.made, folder / "cluster")
            await cluster.make_template()
            known.write_text(json.dumps(asdict(cluster)))
        return Cluster(**json.loads(known.read_text()))


def stop_shared(folder: Path) -> None:
    """At the end of the test run: stop the cluster, if there was need of one, and remove the folder."""
    if (folder / "cluster" / "data" / "postmaster.pid").exists():
        Cluster(str(folder / "cluster"), 0).stop()
    shutil.rmtree(folder, ignore_errors=True)


def new_folder() -> Path:
    """Where the server's own user may go, which pytest's folders are not."""
    folder = Path(tempfile.mkdtemp(prefix="extend-bot-postgres-"))
    folder.chmod(0o755)
    return folder


@asynccontextmanager
async def _only_one(folder: Path) -> AsyncIterator[None]:
    with (folder / "lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield


def _run(program: str, *words: str) -> None:
    bin_folder = programs()
    assert bin_folder, NOT_FOUND
    done = subprocess.run(
        [str(bin_folder / program), *words],
        cwd="/",
        user=_user(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,  # a server would keep the pipe open
        stderr=subprocess.STDOUT if program == "initdb" else subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{program} failed: {(done.stdout or b'').decode()[-500:]}"


def _user() -> int | None:
    """PostgreSQL refuses to be root; None: we are not."""
    return _NOBODY if os.geteuid() == 0 else None
