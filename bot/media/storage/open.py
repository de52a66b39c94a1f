"""Open the store for delivered films: a local folder, or a bucket that several machines share."""

from __future__ import annotations

from pathlib import Path

from bot.media.errors import StorageError
from bot.media.storage.film_store import FilmStore, S3Settings


def open_film_store(root: Path, bucket: S3Settings | None) -> FilmStore:
    """Open the store in the folder `root`, and in the bucket if one is configured. Raises StorageError."""
    if bucket is None:
        return FilmStore(root)
    try:
        from bot.media.storage.s3 import S3FilmStore  # noqa: PLC0415 (an optional dependency)
    except ModuleNotFoundError:
        raise StorageError(
            "FILES_URL names a bucket, but the library for it is not installed: run pip install 'extend-bot[s3]'."
        ) from None
    return S3FilmStore(root, bucket)
