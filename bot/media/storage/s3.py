"""Stores delivered films in an S3-compatible bucket, for processes that do not share a folder."""

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
from bot.media.part_files import make_part_path
from bot.media.storage.film_store import FILM, THUMBNAIL, FilmStore, S3Settings

if TYPE_CHECKING:
    from obstore.store import S3Config

log = logging.getLogger(__name__)

_TIMEOUT = 60.0
"""Seconds for one call, retries included."""
_MAX_BYTES = 1 << 30
"""The largest film that is downloaded from the bucket; our own uploads are never that large."""


class S3FilmStore(FilmStore):
    """Films in a bucket; films that were made or requested on this machine are also in its local folder.

    Every call takes at most a minute. If uploading a film fails, it exists only on this machine.
    """

    def __init__(self, root: Path, bucket: S3Settings) -> None:
        """`root`: the local folder. Does not contact the bucket yet. Raises StorageError."""
        super().__init__(root)
        self._bucket = _open_bucket(bucket)
        self._downloads: dict[str, asyncio.Lock] = {}

    async def save(self, task_id: int, film: Path, thumbnail: Path, now: datetime) -> None:
        """Store these files locally and in the bucket. Raises OSError if they cannot be stored locally."""
        await super().save(task_id, film, thumbnail, now)
        for path in (self.get_film_path(task_id), self.get_thumbnail_path(task_id)):
            if await asyncio.to_thread(path.is_file):
                await self._send(path)

    async def delete(self, task_ids: Collection[int]) -> None:
        """Delete the films and thumbnails of these tasks. Raises OSError."""
        await super().delete(task_ids)
        names = [f"{task_id}{ending}" for task_id in task_ids for ending in (FILM, THUMBNAIL)]
        if not names:
            return
        try:
            async with asyncio.timeout(_TIMEOUT):
                await obstore.delete_async(self._bucket, names)
        except FileNotFoundError:  # some services report objects that were already deleted
            pass
        except Exception as error:
            raise OSError(f"the bucket did not delete {len(names)} files: {_describe(error)}") from None

    async def list_ids(self) -> dict[int, datetime]:
        """Return the tasks that have a film locally or in the bucket, oldest first, with its time. Raises OSError."""
        found = await super().list_ids()
        try:
            async for batch in obstore.list(self._bucket, chunk_size=1000):
                for each in batch:
                    number, _, ending = each["path"].rpartition("/")[2].partition(".")
                    if number.isdecimal() and f".{ending}" == FILM:
                        found.setdefault(int(number), each["last_modified"])
        except Exception as error:
            raise OSError(f"the bucket cannot be listed: {_describe(error)}") from None
        return dict(sorted(found.items(), key=lambda each: (each[1], each[0])))

    async def find_film(self, task_id: int) -> Path | None:
        """Return the task's film, downloaded from the bucket if necessary, or None."""
        return await self._ensure_local(self.get_film_path(task_id))

    async def find_thumbnail(self, task_id: int) -> Path | None:
        """Return the film's thumbnail, downloaded from the bucket if necessary, or None."""
        return await self._ensure_local(self.get_thumbnail_path(task_id))

    async def check_access(self) -> None:
        """Write and delete a test object. Raises StorageError."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                await obstore.put_async(self._bucket, "check", b"check", use_multipart=False)
                await obstore.delete_async(self._bucket, "check")
        except Exception as error:
            raise StorageError(f"the bucket cannot be written ({_describe(error)})") from None

    async def _send(self, path: Path) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                await obstore.put_async(self._bucket, path.name, path)
        except Exception as error:
            log.warning(
                "%s is stored on this machine only: the upload to the bucket failed: %s", path.name, _describe(error)
            )

    async def _ensure_local(self, path: Path) -> Path | None:
        async with self._downloads.setdefault(path.name, asyncio.Lock()):
            try:
                if not await asyncio.to_thread(path.is_file):
                    await self._download(path)
            except FileNotFoundError:
                return None
            except Exception as error:
                log.warning("%s could not be downloaded from the bucket: %s", path.name, _describe(error))
                return None
            finally:
                self._downloads.pop(path.name, None)
        return path

    async def _download(self, path: Path) -> None:
        part = make_part_path(path)
        async with asyncio.timeout(_TIMEOUT):
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
    """Open the bucket. Without a key, the library uses the machine's own role (Amazon). Raises StorageError."""
    given = {"endpoint": bucket.endpoint, "access_key_id": bucket.key_id, "secret_access_key": bucket.secret}
    options: S3Config = {"region": bucket.region}
    options.update({name: value for name, value in given.items() if value})  # type: ignore[typeddict-item]
    try:
        return S3Store(
            bucket.name,
            prefix=bucket.prefix or None,
            config=options,
            client_options={"timeout": "30s", "connect_timeout": "5s", "allow_http": True},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=_TIMEOUT / 2)},
        )
    except (obstore.exceptions.BaseError, ValueError) as error:
        raise StorageError(f"the bucket's name or address is invalid ({_describe(error)})") from None


def _describe(error: Exception) -> str:
    """Return the kind of error in a few words; the library's own text may contain the request."""
    return type(error).__name__.removesuffix("Error") or "error"
