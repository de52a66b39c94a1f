"""Delivered films in an S3-compatible bucket, for processes that do not share a folder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import obstore.exceptions
from obstore.store import S3Store

from bot.media.errors import StorageError
from bot.media.storage.film_store import FILM, THUMBNAIL, FilmStore, S3Settings

if TYPE_CHECKING:
    from obstore.store import S3Config

log = logging.getLogger(__name__)

_SECONDS = 60.0
"""For one call, tries included."""
_MAX_BYTES = 1 << 30
"""Of a film that is brought here; what we put there is never that large."""


class S3FilmStore(FilmStore):
    """Films in a bucket; those that were made or wanted on this machine are on its own shelf too.

    Every call takes a minute at most. A film that the bucket does not take is on this machine's shelf alone.
    """

    def __init__(self, root: Path, bucket: S3Settings) -> None:
        """`root`: of this machine's shelf. The bucket is not asked for anything yet. Raises BucketUnusable."""
        super().__init__(root)
        self._bucket = _open_bucket(bucket)
        self._downloads: dict[str, asyncio.Lock] = {}

    async def save(self, task_id: int, film: Path, thumbnail: Path, now: datetime) -> None:
        """Take these files, to both places. Raises OSError if this machine's takes none."""
        await super().save(task_id, film, thumbnail, now)
        for path in (self.film_path(task_id), self.thumbnail_path(task_id)):
            if await asyncio.to_thread(path.is_file):
                await self._send(path)

    async def delete(self, task_ids: Collection[int]) -> None:
        """Delete what is kept of these tasks. Raises OSError."""
        await super().delete(task_ids)
        names = [f"{task_id}{ending}" for task_id in task_ids for ending in (FILM, THUMBNAIL)]
        if not names:
            return
        try:
            async with asyncio.timeout(_SECONDS):
                await obstore.delete_async(self._bucket, names)
        except FileNotFoundError:  # some services say so of what was gone already
            pass
        except Exception as error:
            raise OSError(f"the bucket did not delete {len(names)} files: {_describe(error)}") from None

    async def list_ids(self) -> dict[int, datetime]:
        """The tasks of which there is a film in one of the places, oldest first, and since when. Raises OSError."""
        found = await super().list_ids()
        try:
            async for batch in obstore.list(self._bucket, chunk_size=1000):
                for each in batch:
                    number, _, ending = each["path"].rpartition("/")[2].partition(".")
                    if number.isdecimal() and f".{ending}" == FILM:
                        found.setdefault(int(number), each["last_modified"])
        except Exception as error:
            raise OSError(f"the bucket does not tell what is in it: {_describe(error)}") from None
        return dict(sorted(found.items(), key=lambda each: (each[1], each[0])))

    async def find_film(self, task_id: int) -> Path | None:
        """The task's film, brought here if need be."""
        return await self._ensure_local(self.film_path(task_id))

    async def find_thumbnail(self, task_id: int) -> Path | None:
        """The small frame that belongs to it, brought here if need be."""
        return await self._ensure_local(self.thumbnail_path(task_id))

    async def check_access(self) -> None:
        """Put something there and take it away again; raises BucketUnusable."""
        try:
            async with asyncio.timeout(_SECONDS):
                await obstore.put_async(self._bucket, "check", b"check", use_multipart=False)
                await obstore.delete_async(self._bucket, "check")
        except Exception as error:
            raise StorageError(f"the bucket cannot be written ({_describe(error)})") from None

    async def _send(self, path: Path) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                await obstore.put_async(self._bucket, path.name, path)
        except Exception as error:
            log.warning("%s is kept on this machine alone: the bucket did not take it: %s", path.name, _describe(error))

    async def _ensure_local(self, path: Path) -> Path | None:
        async with self._downloads.setdefault(path.name, asyncio.Lock()):
            try:
                if not await asyncio.to_thread(path.is_file):
                    await self._download(path)
            except FileNotFoundError:
                return None
            except Exception as error:
                log.warning("%s could not be brought from the bucket: %s", path.name, _describe(error))
                return None
            finally:
                self._downloads.pop(path.name, None)
        return path

    async def _download(self, path: Path) -> None:
        part = path.with_name(path.name + ".part")
        async with asyncio.timeout(_SECONDS):
            answer = await obstore.get_async(self._bucket, path.name)
            if answer.meta["size"] > _MAX_BYTES:
                raise OSError("it is too large")
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            file = await asyncio.to_thread(part.open, "wb")
            try:
                async for chunk in answer.stream():
                    await asyncio.to_thread(file.write, chunk)
            finally:
                await asyncio.to_thread(file.close)
        await asyncio.to_thread(part.replace, path)


def _open_bucket(bucket: S3Settings) -> S3Store:
    """Raises BucketUnusable. Without a key the library looks for the machine's own rights (Amazon's roles)."""
    given = {"endpoint": bucket.endpoint, "access_key_id": bucket.key_id, "secret_access_key": bucket.secret}
    options: S3Config = {"region": bucket.region}
    options.update({name: value for name, value in given.items() if value})  # type: ignore[typeddict-item]
    try:
        return S3Store(
            bucket.name,
            prefix=bucket.prefix or None,
            config=options,
            client_options={"timeout": "30s", "connect_timeout": "5s", "allow_http": True},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=_SECONDS / 2)},
        )
    except (obstore.exceptions.BaseError, ValueError) as error:
        raise StorageError(f"the bucket cannot be named so ({_describe(error)})") from None


def _describe(error: Exception) -> str:
    """What it is in a few words; the library's own may hold the request."""
    return type(error).__name__.removesuffix("Error") or "error"
