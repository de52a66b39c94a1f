"""A fake of an S3-compatible service with one bucket; it verifies the signature of each request.

See Amazon S3's API reference (PutObject, GetObject, DeleteObjects, ListObjectsV2) and its Signature Version 4.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from aiohttp import web

_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/s3/aws4_request, "
    r"SignedHeaders=(?P<headers>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass
class S3:
    """The bucket and its credentials."""

    bucket: str = "films"
    key_id: str = "made-up-id"
    secret: str = "made-up-secret"
    url: str = ""
    ill: bool = False
    """Respond to everything with 503."""
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.Response:
        """Handle one request."""
        if self.ill:
            return web.Response(status=503, text="<Error><Code>SlowDown</Code></Error>")
        body = await request.read()
        if not self._is_signed(request, body):
            return web.Response(status=403, text="<Error><Code>SignatureDoesNotMatch</Code></Error>")
        path = request.path.removeprefix("/")
        if path.partition("/")[0] != self.bucket:
            return web.Response(status=404, text="<Error><Code>NoSuchBucket</Code></Error>")
        return self._handle_signed(request, path.partition("/")[2], body)

    def _handle_signed(self, request: web.Request, name: str, body: bytes) -> web.Response:
        match request.method:
            case "PUT":
                self.objects[name] = body, datetime.now(UTC)
                return web.Response(headers={"ETag": _make_etag(body)})
            case "GET":
                return self._get(name) if name else self._list(request.query.get("prefix", ""))
            case "DELETE":
                return self._delete([name])
            case "POST" if "delete" in request.query:
                return self._delete(re.findall(r"<Key>([^<]+)</Key>", body.decode()))
        return web.Response(status=405)

    def _get(self, name: str) -> web.Response:
        if name not in self.objects:
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        content, since = self.objects[name]
        modified = since.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return web.Response(body=content, headers={"ETag": _make_etag(content), "Last-Modified": modified})

    def _list(self, prefix: str) -> web.Response:
        found = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>{since:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{_make_etag(content)}</ETag><Size>{len(content)}</Size></Contents>"
            for name, (content, since) in sorted(self.objects.items())
            if name.startswith(prefix)
        )
        text = f"<ListBucketResult><Name>{self.bucket}</Name><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        return web.Response(text=text, content_type="application/xml")

    def _delete(self, names: list[str]) -> web.Response:
        for name in names:
            self.objects.pop(name, None)
        deleted = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names)
        return web.Response(text=f"<DeleteResult>{deleted}</DeleteResult>", content_type="application/xml")

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        found = _SIGNED.fullmatch(request.headers.get("Authorization", ""))
        if found is None or found["key"] != self.key_id:
            return False
        told = request.headers.get("x-amz-content-sha256", "")
        if told not in {hashlib.sha256(body).hexdigest(), "UNSIGNED-PAYLOAD"}:
            return False
        headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in found["headers"].split(";"))
        query = "&".join(
            sorted(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in request.query.items())
        )
        asked = "\n".join([request.method, quote(request.path), query, headers, found["headers"], told])
        scope = f"{found['day']}/{found['region']}/s3/aws4_request"
        digest = hashlib.sha256(asked.encode()).hexdigest()
        signed = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, digest])
        key = f"AWS4{self.secret}".encode()
        for part in (*scope.split("/"), signed):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.compare_digest(key.hex(), found["signature"])


@asynccontextmanager
async def s3_service() -> AsyncIterator[S3]:
    """Run the service on a free port."""
    service = S3()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", service.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()


def _make_etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'  # noqa: S324 (S3's own choice)
