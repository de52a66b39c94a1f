"""Stores uploads (72 h) and results behind signed links (24 h)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from aiohttp import BodyPartReader, web

from bot.sandbox.clock import Clock
from bot.sandbox.files import append
from bot.sandbox.foxapi.contract import make_error

UPLOAD_SECONDS = 72 * 3600
RESULT_SECONDS = 24 * 3600
PART_BYTES = 256 * 1024
NAME_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file: `size` in bytes, `created` in seconds since the epoch."""

    id: str
    filename: str
    path: Path
    size: int
    created: int


class FileStore:
    """Stores uploads and serves files until they expire by the fake's clock."""

    def __init__(self, folder: Path, clock: Clock, limit: int) -> None:
        """`limit` is the largest upload in bytes. The real limit is undocumented; larger files get 413."""
        self._folder = folder
        self._clock = clock
        self._limit = limit
        self._secret = secrets.token_bytes(32)
        self.uploads: dict[str, Upload] = {}
        self.base = ""

    def make_result_url(self, result: Path) -> str:
        """A signed URL of a result, valid for 24 hours."""
        expires = int(self._clock.now()) + RESULT_SECONDS
        return f"{self.base}/results/{result.name}?expires={expires}&signature={self._sign(result.name, expires)}"

    def make_upload_url(self, upload: Upload) -> str:
        """The URL of an upload, valid for 72 hours after its creation."""
        return f"{self.base}/files/{upload.id}/{quote(upload.filename)}"

    async def store(self, part: BodyPartReader) -> Upload:
        """Stream one multipart file to disk; raises the 413 response if it exceeds the limit."""
        key = secrets.token_hex(12)
        path = self._folder / f"{key}.upload"
        size = 0
        await asyncio.to_thread(path.touch)
        while chunk := await part.read_chunk(PART_BYTES):
            size += len(chunk)
            if size > self._limit:
                path.unlink()
                raise make_error(413, f"file exceeds the limit of {self._limit} bytes", "invalid_request_error")
            await asyncio.to_thread(append, path, chunk)
        return Upload(key, sanitize_filename(part.filename), path, size, int(self._clock.now()))

    async def serve_upload(self, request: web.Request) -> web.StreamResponse:
        """GET /files/{id}/{name}."""
        upload = self.uploads.get(request.match_info["id"])
        if upload is None or self._clock.now() > upload.created + UPLOAD_SECONDS:
            raise web.HTTPNotFound(text="file not found")
        return web.FileResponse(upload.path, headers={"Content-Type": "video/mp4"})

    async def serve_result(self, request: web.Request) -> web.StreamResponse:
        """GET /results/{name}?expires=…&signature=…."""
        name, expires = request.match_info["name"], request.query.get("expires", "")
        given = request.query.get("signature", "")
        if not expires.isdecimal() or not hmac.compare_digest(given.encode(), self._sign(name, int(expires)).encode()):
            raise web.HTTPForbidden(text="signature does not match")
        if self._clock.now() > int(expires):
            raise web.HTTPForbidden(text="link has expired")
        return web.FileResponse(self._folder / name, headers={"Content-Type": "video/mp4"})

    def _sign(self, name: str, expires: int) -> str:
        return hmac.new(self._secret, f"{name} {expires}".encode(), hashlib.sha256).hexdigest()


def sanitize_filename(given: str | None) -> str:
    """A file name without folders and without characters that are special in URLs or headers."""
    name = "".join(char if char.isalnum() or char in "._- " else "_" for char in unquote(given or "")[-NAME_LIMIT:])
    return name.strip(". ") or "file"
