"""`python -m bot check` against the fakes: with everything wrong, repaired step by step, and beside a running bot."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.check import all_ok, as_text, check
from bot.check.discord import PERMISSIONS
from bot.domain.redaction import Redactor
from bot.sandbox.bot_process import INHERITED, PROJECT
from bot.sandbox.faults import Answer, Reset
from bot.settings import Settings, read_partial
from bot.store import Store
from tests.support.harness import CREATE, Harness

NAMES = ["settings", "token", "install link", "intents", "FoxAPI", "key", "model", "account"]
NAMES += ["ffmpeg", "database", "data folder", "disk", "clock"]


class Ran(NamedTuple):
    """The outcome of a run."""

    code: int
    out: str
    err: str

    @property
    def marks(self) -> dict[str, str]:
        """The mark of each line, by check name."""
        return {line[2:].split(":")[0]: line[0] for line in self.out.splitlines()}

    def line(self, name: str) -> str:
        return next(line for line in self.out.splitlines() if line[2:].startswith(f"{name}:"))


async def run(stage: Harness, env: Mapping[str, str], *arguments: str) -> Ran:
    """Run the command as an operator does, in an empty folder."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", *arguments),
        cwd=stage.folder,
        env={**kept, "PYTHONPATH": str(PROJECT), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 50)
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


async def look(stage: Harness, patch: pytest.MonkeyPatch, env: Mapping[str, str]) -> Ran:
    """Run the checks in this process, which is faster."""
    with patch.context() as context:
        context.chdir(stage.folder)
        for name in Settings.model_fields:
            context.delenv(name.upper(), raising=False)
        for name, value in env.items():
            context.setenv(name, value)
        reading = read_partial()
        found = await check(reading, lambda: datetime.now(UTC))
    return Ran(0 if all_ok(found) else 1, as_text(found, Redactor(reading.settings.secrets)), "")


@pytest.mark.only_sqlite
async def test_all_is_well_also_beside_a_running_bot(stage: Harness) -> None:
    """All checks pass, the link is the README's, the exit code is 0, and no gateway session or payment is used."""
    async with stage.process() as process:
        await process.start()
        await stage.discord.faults.wait("PUT", r"/commands$")
        stage.discord.faults.calls.clear()
        ran = await run(stage, stage.environment(), "check")
    assert set(ran.marks.values()) == {"✓"}, ran.out
    assert list(ran.marks) == NAMES
    assert (ran.code, ran.err) == (0, "")
    assert "a bot is using it now" in ran.line("database")
    assert "the balance is 10,000" in ran.line("account")
    (link,) = re.findall(r"https://discord\.com/oauth2/\S+", ran.out)
    readme = (PROJECT / "README.md").read_text()
    assert link.replace(stage.discord.world.bot.id, "APPLICATION_ID") in readme
    assert str(PERMISSIONS) in link
    asked = {(call.method, call.path) for call in stage.discord.faults.calls if "oauth2" not in call.path}
    assert ("GET", "/api/v10/users/@me") in asked
    assert not stage.fox.faults.matching("POST", CREATE)


@pytest.mark.only_sqlite
async def test_nothing_is_made_by_looking(stage: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first start all checks can pass, and the folder stays empty."""
    ran = await look(stage, monkeypatch, stage.environment())
    assert ran.code == 0, ran.out
    assert "is created at the first start" in ran.line("database")
    assert list(stage.folder.iterdir()) == []


async def test_everything_wrong_and_mended_one_by_one(stage: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """With everything wrong, each fault has its line, and each repair changes only its lines."""
    right = stage.environment()
    folder = stage.folder / "in the way"
    folder.write_text("a file where the folder should be")
    env = {
        **right,
        "DISCORD_TOKEN": "",
        "FOXAPI_KEY": "a-wrong-key",
        "FOXAPI_MODEL": "no-such-model",
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/bot.db",
        "DATA_DIR": str(folder),
        "MAX_DISK_GB": "1000000",
        "LOG_LEVEL": "LOUD",
        "IMAGEIO_FFMPEG_EXE": "/bin/false",
    }
    bad = dict.fromkeys(("settings", "key", "ffmpeg", "database", "data folder", "disk"), "✗")
    untried = dict.fromkeys(("token", "install link", "intents", "model", "account"), "–")
    expected = {**bad, **untried, "FoxAPI": "✓", "clock": "✓"}
    ran = await look(stage, monkeypatch, env)
    assert (ran.marks, ran.code) == (expected, 1)
    assert len([line for line in ran.out.splitlines() if line.startswith("✗ settings")]) == 2
    for secret in ("a-wrong-key", stage.fox.key):
        assert secret not in ran.out
    mendings: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"LOG_LEVEL": "INFO"}, {}),
        ({"DISCORD_TOKEN": "wrong-token"}, {"settings": "✓", "token": "✗"}),
        ({"DISCORD_TOKEN": right["DISCORD_TOKEN"]}, dict.fromkeys(("token", "install link", "intents"), "✓")),
        ({"FOXAPI_KEY": right["FOXAPI_KEY"]}, {"key": "✓", "model": "✗", "account": "✓"}),
        ({"FOXAPI_MODEL": stage.fox.models[0], "IMAGEIO_FFMPEG_EXE": ""}, {"model": "✓", "ffmpeg": "✓"}),
        ({"DATABASE_URL": right["DATABASE_URL"]}, {"database": "✓"}),
        ({"DATA_DIR": right["DATA_DIR"]}, {"data folder": "✓"}),
        ({"MAX_DISK_GB": "1"}, {"disk": "✓"}),
    ]
    for change, turned in mendings:
        env = {name: value for name, value in {**env, **change}.items() if value or name == "DISCORD_TOKEN"}
        expected |= turned
        ran = await look(stage, monkeypatch, env)
        assert ran.marks == expected, change
        assert ran.code == (1 if "✗" in expected.values() else 0)
        assert right["DISCORD_TOKEN"] not in ran.out
    assert set(expected.values()) == {"✓"}


async def test_json_for_scripts(stage: Harness) -> None:
    """The JSON output says whether all is well, and per check what was found and what to do."""
    ran = await run(stage, stage.environment(DISCORD_TOKEN="wrong-token", MAX_RUNNING="many"), "check", "--json")
    told: dict[str, Any] = json.loads(ran.out)
    assert ran.code == 1
    assert told["ok"] is False
    checks = {each["name"]: each for each in told["checks"]}
    assert checks["settings"]["says"].startswith("MAX_RUNNING is wrong")
    assert checks["token"] == {
        "name": "token",
        "ok": False,
        "says": "Discord does not accept DISCORD_TOKEN",
        "do": "Copy it again from the developer portal (Bot > Reset Token).",
    }
    assert (checks["intents"]["ok"], checks["model"]["ok"]) == (None, True)
    assert "wrong-token" not in ran.out


async def test_an_outside_that_is_ill(stage: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connection resets, an account without a balance and a wrong clock are each reported."""
    late = format_datetime(datetime.now(UTC) + timedelta(seconds=300))
    stage.discord.faults.add("GET", "/users/@me", Reset(), times=None)
    stage.discord.faults.add("GET", "/applications/@me", Reset(), times=None)
    models = json.dumps({"data": [{"id": stage.fox.models[0]}]})
    stage.fox.faults.add("GET", "/v1/models", Answer(200, models, {"Date": late}))
    stage.fox.faults.add("GET", "/api/usage", Answer(404, "", {"Date": late}))
    ran = await look(stage, monkeypatch, stage.environment())
    assert ran.code == 1
    assert {name: mark for name, mark in ran.marks.items() if mark != "✓"} == {
        "token": "✗",
        "install link": "–",
        "intents": "–",
        "account": "–",
        "clock": "✗",
    }
    assert re.search(r"this machine's is (299|300|301) s behind", ran.line("clock"))


@pytest.mark.only_sqlite
async def test_a_database_of_another_version(stage: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer database fails the check, an older one is a remark; neither is changed."""
    url = stage.environment()["DATABASE_URL"]
    async with Store.open(url):
        pass
    for version, mark, says in (("9999", "✗", "newer version"), ("0003", "✓", "is upgraded at the next start")):
        with closing(sqlite3.connect(stage.data / "bot.db")) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", [version])
            connection.commit()
        ran = await look(stage, monkeypatch, stage.environment())
        assert ran.marks["database"] == mark
        assert says in ran.line("database")
        with closing(sqlite3.connect(stage.data / "bot.db")) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (version,)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_that_may_not_be_written(stage: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """File permissions are tested by writing."""
    stage.data.mkdir(mode=0o500)
    ran = await look(stage, monkeypatch, stage.environment())
    assert (ran.marks["database"], ran.marks["data folder"]) == ("✗", "✗")


@pytest.mark.only_sqlite
async def test_backup_and_restore_by_the_command_line(stage: Harness) -> None:
    """Backup and restore need only DATABASE_URL, print what they did, and set the exit code."""
    env = {"DATABASE_URL": stage.environment()["DATABASE_URL"]}
    async with Store.open(env["DATABASE_URL"]):
        made = await run(stage, env, "backup", "kept.db")
        refused = await run(stage, env, "restore", "kept.db")
    put_back = await run(stage, env, "restore", "kept.db")
    assert (made.code, refused.code, put_back.code) == (0, 1, 0)
    assert re.fullmatch(r"Backed up to kept\.db: \d\.\d MB, unfinished tasks in it: 0\.\n", made.out)
    assert "Another bot is already running" in refused.err
    assert "Restored kept.db." in put_back.out
    assert "is kept as" in put_back.out
    assert len(list(Path(stage.data).glob("bot.db.replaced-*"))) == 1
