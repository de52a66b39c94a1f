"""A PostgreSQL cluster for the tests, if its programs are installed, with a new database for each test."""

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
_UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""Durability is not needed in tests."""
_NOBODY = 65534


def find_programs() -> Path | None:
    """Return the folder with the newest initdb and postgres, or None."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    if on_path := shutil.which("initdb"):
        folders.append(Path(on_path).resolve().parent)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


@dataclass(frozen=True)
class Cluster:
    """A running server, which a test can stop and start."""

    folder: str
    port: int

    @classmethod
    def create(cls, folder: Path) -> Cluster:
        """Create a cluster in `folder` and start it."""
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
        arguments = ["-U", "bot", "-A", "scram-sha-256", "--pwfile", str(password), "-E", "UTF8", "--locale=C", "-N"]
        _run("initdb", "-D", f"{folder}/data", *arguments)
        cluster.start()
        return cluster

    def start(self) -> None:
        """Start the server; return when it accepts connections."""
        settings = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=300",
        ]
        options = " ".join(f"-c {each}" for each in (*settings, *_UNSAFE_BUT_FAST))
        _run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-o", options, "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server at once, as a crash would, or in another of pg_ctl's modes."""
        _run("pg_ctl", "-D", f"{self.folder}/data", "-m", mode, "-w", "stop")

    def url(self, database: str) -> str:
        """Return the DATABASE_URL of one of its databases."""
        return f"postgresql+asyncpg://bot:{_PASSWORD}@127.0.0.1:{self.port}/{database}"

    async def command(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement and return its rows."""
        connection = await asyncpg.connect(self.url(database).replace("+asyncpg", ""))
        try:
            rows: list[Any] = await connection.fetch(statement)
        finally:
            await connection.close()
        return rows

    async def make_template(self) -> None:
        """Migrate a template database. Copying it takes a tenth of the time of migrating."""
        await self.command(f"CREATE DATABASE {_TEMPLATE}")
        async with Store.open(self.url(_TEMPLATE)):
            pass

    @asynccontextmanager
    async def database(self, *, migrated: bool = True) -> AsyncIterator[str]:
        """Create a database, yield its DATABASE_URL, and drop it afterwards."""
        name = f"test_{uuid4().hex}"
        await self.command(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE if migrated else 'template0'}")
        try:
            yield self.url(name)
        finally:
            await self.command(f"DROP DATABASE {name} WITH (FORCE)")


async def open_shared_cluster(folder: Path) -> Cluster:
    """Return the one cluster of a test run. The first worker that needs it creates it in `folder`."""
    async with _lock(folder):
        known = folder / "cluster.json"
        if not known.exists():
            cluster = await asyncio.to_thread(Cluster.create, folder / "cluster")
            await cluster.make_template()
            known.write_text(json.dumps(asdict(cluster)))
        return Cluster(**json.loads(known.read_text()))


def stop_shared(folder: Path) -> None:
    """Stop the cluster of a test run, if one was created, and remove the folder."""
    if (folder / "cluster" / "data" / "postmaster.pid").exists():
        Cluster(str(folder / "cluster"), 0).stop()
    shutil.rmtree(folder, ignore_errors=True)


def create_folder() -> Path:
    """Create a folder that the server's user can enter, unlike pytest's folders."""
    folder = Path(tempfile.mkdtemp(prefix="extend-bot-postgres-"))
    folder.chmod(0o755)
    return folder


@asynccontextmanager
async def _lock(folder: Path) -> AsyncIterator[None]:
    with (folder / "lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield


def _run(program: str, *arguments: str) -> None:
    bin_folder = find_programs()
    assert bin_folder, NOT_FOUND
    done = subprocess.run(
        [str(bin_folder / program), *arguments],
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
    """Return the user to run as, because PostgreSQL refuses to run as root; None if we are not root."""
    return _NOBODY if os.geteuid() == 0 else None
