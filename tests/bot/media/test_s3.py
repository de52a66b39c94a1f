"""Films in an S3-compatible bucket, for processes that do not share a folder."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.check import host
from bot.media import S3Settings, Workspaces, open_film_store
from bot.sandbox.foxapi.quirks import Pause, Quirks
from bot.settings import Settings
from bot.store import Store
from bot.worker.retention import delete_expired_films
from tests.support.builders import NOON
from tests.support.buttons import finished, listed, small
from tests.support.crash_points import until
from tests.support.harness import Harness, labels_of, text_of
from tests.support.s3_server import S3, s3_service
from tests.support.sharing import share


@pytest.fixture
async def s3() -> AsyncIterator[S3]:
    """An S3 service with one bucket."""
    async with s3_service() as service:
        yield service


def make_bucket_settings(s3: S3, **changes: str) -> S3Settings:
    given = {"name": s3.bucket, "endpoint": s3.url, "key_id": s3.key_id, "secret": s3.secret, "prefix": "bot/kept"}
    return S3Settings(**(given | changes))


def make_settings(s3: S3, folder: Path) -> dict[str, str]:
    """Return the settings of a machine with this folder."""
    names = {"S3_ENDPOINT": s3.url, "S3_ACCESS_KEY_ID": s3.key_id, "S3_SECRET_ACCESS_KEY": s3.secret}
    return {**names, "FILES_URL": f"s3://{s3.bucket}/bot/kept", "DATA_DIR": str(folder)}


async def test_another_machine_has_the_film_too(stage: Harness, s3: S3, tmp_path: Path) -> None:
    """A film delivered by one process is resent, shared and deleted by another with an empty disk."""
    async with stage.bot(None, **make_settings(s3, tmp_path / "one")):
        done = await finished(stage)
        film = await stage.ana.fetch(done["attachments"][0]["url"])
        await until(lambda: "bot/kept/1.mp4" in s3.objects)
    assert s3.objects["bot/kept/1.mp4"][0] == film
    assert s3.objects["bot/kept/1.jpg"][0][:2] == b"\xff\xd8"
    async with stage.bot(None, **make_settings(s3, tmp_path / "two")):
        opened = await listed(stage.ana, id="1")
        assert "Send again" in labels_of(opened)
        known = set(stage.ana.seen)
        await stage.ana.press(opened, "Send again")
        again = await stage.ana.wait_message(lambda it: it["id"] not in known and bool(it["attachments"]))
        assert await stage.ana.fetch(again["attachments"][0]["url"]) == film
        word = await share(stage.ana, done, await stage.ana.channel("general"))
        assert text_of(word).startswith("Shared: ")
        await stage.ana.press(done, "Delete")
        question = await stage.ana.wait_message(lambda it: "cannot be undone" in text_of(it))
        await stage.ana.press(question, "Delete it")
        await until(lambda: not s3.objects)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_worker_without_the_files_delivers_the_whole_film(stage: Harness, s3: S3, tmp_path: Path) -> None:
    """The process that downloaded the clip is killed while FoxAPI renders; another one downloads and joins the head."""
    clip = stage.clips.make("long.mp4", 20, "-vf", "scale=64:36", "-r", "5", "-c:v", "libx264")
    stage.fox.next_quirks = Quirks(pause=(pause := Pause(at=40)))
    one, two = (make_settings(s3, tmp_path / name) for name in ("one", "two"))
    async with stage.process(**one) as first, stage.process("worker", **two) as second:
        await first.start()
        await until(lambda: stage.discord.world.online)
        await stage.discord.faults.wait("PUT", "/commands$")
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await pause.reached.wait()
        await until(lambda: stage.database.sql("SELECT state FROM tasks") == [("rendering",)])
        await first.kill()
        await second.start()
        pause.release.set()
        done = await stage.until(stage.ana, reply, "Finished")
        await until(lambda: "bot/kept/1.mp4" in s3.objects)
    assert "22 s: your 20 s" in text_of(done)
    assert len(stage.fox.payments) == 1
    assert not (tmp_path / "two" / "tasks" / "1").exists()


async def test_a_failing_bucket_does_not_delay_delivery(stage: Harness, s3: S3, tmp_path: Path) -> None:
    """If the bucket fails, the film is delivered and stored locally; the log says so without the URL or the key."""
    s3.ill = True
    async with stage.process(**make_settings(s3, tmp_path / "one")) as process:
        await process.start()
        await until(lambda: stage.discord.world.online)
        await stage.discord.faults.wait("PUT", "/commands$")
        reply = await stage.extend(stage.ana, small(stage.clips), seconds=2)
        await stage.until(stage.ana, reply, "Finished")
        await until(lambda: any("1.mp4 is stored on this machine only" in line for line in stage.lines), 40)
    assert (tmp_path / "one" / "kept" / "1.mp4").is_file()
    assert not any(word in line for line in stage.lines for word in (s3.secret, s3.url))


async def test_the_cleanup_covers_the_bucket(tmp_path: Path, s3: S3, store: Store) -> None:
    """The cleanup also lists films that exist only in the bucket, and deletes those without a task."""
    film_store, far = (open_film_store(tmp_path / name, make_bucket_settings(s3)) for name in ("near", "far"))
    film, still = tmp_path / "film", tmp_path / "still"
    film.write_bytes(b"film")
    still.write_bytes(b"still")
    await film_store.save(7, film, still, NOON)
    assert sorted(s3.objects) == ["bot/kept/7.jpg", "bot/kept/7.mp4"]
    assert list(await far.list_ids()) == [7]
    found = await far.find_thumbnail(7)
    assert found
    assert found.read_bytes() == b"still"
    assert await far.find_film(8) is None
    await delete_expired_films(Workspaces(tmp_path / "tasks", film_store=far), store, NOON, timedelta(days=7))
    assert (s3.objects, await far.list_ids(), await far.find_film(7)) == ({}, {}, None)


@pytest.mark.parametrize(
    ("changes", "ok", "words"),
    [
        ({}, True, "films can be written"),
        ({"secret": "wrong"}, False, "cannot be written"),
        ({"name": "none"}, False, "("),
    ],
)
async def test_the_check_writes_and_deletes(
    tmp_path: Path, s3: S3, changes: dict[str, str], ok: bool, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The check reports that the bucket accepts and deletes a file, or what to correct."""
    with caplog.at_level(logging.WARNING):
        (found,) = await host.check_bucket(tmp_path, make_bucket_settings(s3, **changes))
    assert (found.ok, words in found.summary, s3.objects) == (ok, True, {})
    assert ok or "Correct FILES_URL" in found.advice
    assert await host.check_bucket(tmp_path, None) == []


async def test_the_check_of_an_unreachable_bucket(tmp_path: Path) -> None:
    """An unreachable bucket, even without a key, results in one sentence."""
    (found,) = await host.check_bucket(
        tmp_path, S3Settings("films", endpoint="http://127.0.0.1:9", key_id="a", secret="b")
    )
    assert (found.ok, "cannot be written" in found.summary) == (False, True)


def test_a_bucket_in_the_settings() -> None:
    """The settings contain the bucket's name and prefix; the secret is among the redacted values."""
    given = {"files_url": "s3://films/a/b/", "s3_endpoint": "http://127.0.0.1:9", "s3_secret_access_key": "hush"}
    made = Settings.model_validate({"discord_token": "t", "foxapi_key": "k", **given})
    assert made.bucket == S3Settings("films", "a/b", "http://127.0.0.1:9", "us-east-1", "", "hush")
    assert "hush" in made.secrets
    assert "hush" not in repr(made.bucket)
