"""Which shelf delivered films are put on: a folder of this machine's, or a bucket that many machines share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bot.media.shelf import FilmStore


class StorageError(Exception):
    """The bucket cannot be used. Its text is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Where an S3-compatible bucket is, and who we are there."""

    name: str
    prefix: str = ""
    endpoint: str = ""
    """Of the service; empty: Amazon's own."""
    region: str = "us-east-1"
    key_id: str = ""
    secret: str = field(default="", repr=False)


def open_film_store(root: Path, bucket: S3Settings | None) -> FilmStore:
    """A shelf in the folder `root`, and in the bucket if there is one. Raises BucketUnusable."""
    if bucket is None:
        return FilmStore(root)
    try:
        from bot.media.bucket import S3FilmStore  # noqa: PLC0415 (an extra: most installations have no bucket)
    except ModuleNotFoundError:
        raise StorageError(
            "FILES_URL names a bucket, for which a library is missing: run pip install 'extend-bot[s3]'."
        ) from None
    return S3FilmStore(root, bucket)
