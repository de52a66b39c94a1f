"""Which shelf delivered films are put on: a folder of this machine's, or a bucket that many machines share."""

from __future__ import annotations

from pathlib import Path

from bot.media.errors import StorageError
from bot.media.storage.film_store import FilmStore, S3Settings


def open_film_store(root: Path, bucket: S3Settings | None) -> FilmStore:
    """A shelf in the folder `root`, and in the bucket if there is one. Raises BucketUnusable."""
    if bucket is None:
        return FilmStore(root)
    try:
        from bot.media.storage.s3 import S3FilmStore  # noqa: PLC0415 (an extra: most installations have no bucket)
    except ModuleNotFoundError:
        raise StorageError(
            "FILES_URL names a bucket, for which a library is missing: run pip install 'extend-bot[s3]'."
        ) from None
    return S3FilmStore(root, bucket)
