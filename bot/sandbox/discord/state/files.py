"""Stores uploads and serves them under signed links that expire."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import mimetypes
import re
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from aiohttp import BodyPartReader

from bot.sandbox.clock import Clock
from bot.sandbox.discord.state.errors import too_large
from bot.sandbox.discord.state.media_size import read_dimensions
from bot.sandbox.discord.state.model import Json, Upload
from bot.sandbox.discord.state.snowflakes import Snowflakes
from bot.sandbox.files import append

LINK_LIFE = 24 * 3600
"""Lifetime of a link in seconds (Discord docs, Reference, Signed Attachment CDN URLs)."""
_CHUNK = 1 << 18
_PATH = re.compile(r"/cdn/(?:ephemeral-)?attachments/[0-9]+/[0-9]+/[^/?#]+")


@dataclass(slots=True)
class Files:
    """Uploads in a temporary folder that :meth:`close` removes. `base` is the server's URL."""

    clock: Clock
    ids: Snowflakes
    base: str = ""
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="fake-cdn-")))
    uploads: dict[str, Upload] = field(default_factory=dict)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    async def store_upload(self, part: BodyPartReader, owner_id: str, folder: str, limit: int) -> Upload:
        """Store the file of a form part. Over `limit` bytes: read to the end, then raise 413/40005."""
        upload_id = self.ids.next()
        path = self.folder / upload_id
        size = 0
        await asyncio.to_thread(path.touch)
        # Keep reading past the limit: clients do not receive a response in the middle of an upload.
        while chunk := await part.read_chunk(_CHUNK):
            size += len(chunk)
            if size <= limit:
                await asyncio.to_thread(append, path, chunk)
        if size > limit:
            await asyncio.to_thread(path.unlink)
            raise too_large()
        return await self._register(upload_id, owner_id, folder, part.filename or "unknown", path, size)

    async def add(self, data: bytes, owner_id: str, folder: str, filename: str) -> Upload:
        """Store `data` as a file."""
        upload_id = self.ids.next()
        path = self.folder / upload_id
        await asyncio.to_thread(path.write_bytes, data)
        return await self._register(upload_id, owner_id, folder, filename, path, len(data))

    def copy_to(self, upload: Upload, folder: str, ephemeral: bool = False) -> Upload:
        """Copy the record under a new id: for a message, or (ephemeral) for a command."""
        copy = replace(upload, id=self.ids.next(), folder=folder, ephemeral=ephemeral)
        self.uploads[copy.id] = copy
        return copy

    async def _register(
        self, upload_id: str, owner_id: str, folder: str, filename: str, path: Path, size: int
    ) -> Upload:
        # Discord goes by the file extension and replaces special characters by underscores.
        name = re.sub(r"[^\w.-]+", "_", Path(filename).name).strip("_") or "unknown"
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        width, height = await asyncio.to_thread(read_dimensions, path, content_type)
        upload = Upload(upload_id, owner_id, folder, name, content_type, size, path, width, height)
        self.uploads[upload_id] = upload
        return upload

    def make_link(self, upload: Upload) -> str:
        """A signed URL of the file. It changes only once an hour, so that edits do not make pages reload it."""
        return self._sign_path(self._build_path(upload))

    def renew_link(self, url: str) -> str | None:
        """A fresh URL for an old one, whether or not the file exists; None if it is not an attachment URL."""
        path = url.removeprefix(self.base).split("?")[0]
        return self._sign_path(path) if url.startswith(self.base) and _PATH.fullmatch(path) else None

    def find_by_link(self, path: str, query: Mapping[str, str]) -> Upload | None:
        """The file of a signed URL; None if the URL is unknown, altered or expired."""
        ends, begins = query.get("ex", ""), query.get("is", "")
        upload = self.uploads.get(path.rsplit("/", 2)[-2])
        if upload is None or path != self._build_path(upload):
            return None
        if not hmac.compare_digest(self._sign(path, ends, begins), query.get("hm", "")):
            return None
        return upload if self.clock.now() < int(ends, 16) else None

    def to_json(self, upload: Upload) -> Json:
        """Discord's attachment object with a fresh link (Discord docs, Attachment Object)."""
        url = self.make_link(upload)
        out: Json = {"id": upload.id, "filename": upload.filename, "size": upload.size, "url": url, "proxy_url": url}
        out["content_type"] = upload.content_type
        if upload.width is not None:
            out |= {"width": upload.width, "height": upload.height}
        if upload.description is not None:
            out["description"] = upload.description
        if upload.ephemeral:
            out["ephemeral"] = True
        return out

    def close(self) -> None:
        """Remove every file."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _build_path(self, upload: Upload) -> str:
        kind = "ephemeral-attachments" if upload.ephemeral else "attachments"
        return f"/cdn/{kind}/{upload.folder}/{upload.id}/{quote(upload.filename)}"

    def _sign_path(self, path: str) -> str:
        issued = int(self.clock.now()) // 3600 * 3600
        ends, begins = f"{issued + LINK_LIFE:x}", f"{issued:x}"
        return f"{self.base}{path}?ex={ends}&is={begins}&hm={self._sign(path, ends, begins)}"

    def _sign(self, path: str, ends: str, begins: str) -> str:
        return hmac.new(self._key, f"{path}?{ends}&{begins}".encode(), hashlib.sha256).hexdigest()
