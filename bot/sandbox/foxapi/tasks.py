"""The FoxAPI fake's tasks and their JSON."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Literal

from bot.sandbox.foxapi.contract import MODEL, RenderRequest
from bot.sandbox.foxapi.quirks import Quirks

Json = dict[str, object]
Status = Literal["pending", "processing", "completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Payment:
    """One accepted and billed create call; `body` is the request's body."""

    task_id: str
    credits: int
    body: bytes


@dataclass(slots=True)
class Task:
    """One task; `ended` is set once its status is final."""

    id: str
    created: int
    request: RenderRequest
    credits: int
    estimate: int
    quirks: Quirks
    status: Status = "pending"
    progress: int = 0
    result: str | None = None
    error: Json | None = None
    queries_since_end: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ended_at: float | None = None
    """When `ended` was set, by time.perf_counter()."""

    def complete(self, result: str) -> None:
        """Mark as completed; `result` is the video's URL."""
        self.result, self.progress = result, 100
        self._end("completed")

    def fail(self, code: str, message: str) -> None:
        """Mark as failed (documented: HTTP 200 with `error.code` as a string)."""
        self.error = {"code": code, "message": message, "type": "task_error"}
        self._end("failed")

    def cancel(self) -> None:
        """Mark as cancelled by the provider."""
        self._end("cancelled")

    def _end(self, status: Status) -> None:
        self.status = status
        self.ended_at = time.perf_counter()
        self.ended.set()

    def as_created(self) -> Json:
        """The response to the create call."""
        fields = self._common_fields() | {"task_info": {"can_cancel": True, "estimated_time": self.estimate}}
        return self._drop_fields(fields)

    def as_queried(self) -> Json:
        """The response to a query. Queries are counted, because results may be withheld from the first ones."""
        results: Json = {"results": None}
        if self.status == "completed":
            self.queries_since_end += 1
            withheld = self.quirks.withheld
            if self.result and withheld is not None and self.queries_since_end > withheld:
                results = self._build_results(self.result)
        usage = {"credits_reserved": self.credits, "user_group": "default"}
        return self._drop_fields(self._common_fields() | results | {"error": self.error, "usage": usage})

    def _common_fields(self) -> Json:
        return {
            "created": self.created,
            "id": self.id,
            "model": MODEL,
            "object": "video.generation.task",
            "progress": self.progress,
            "status": self.status,
            "type": "video",
        }

    def _build_results(self, link: str) -> Json:
        match self.quirks.shape:
            case "documented":
                return {"results": [{"url": link}]}
            case "strings":
                return {"results": [link]}
            case "output.url":
                return {"output": {"url": link}}
            case "output.urls":
                return {"output": {"urls": [link]}}

    def _drop_fields(self, fields: Json) -> Json:
        dropped = ("task_info", "created", "progress") if self.quirks.sparse else ()
        return {name: value for name, value in fields.items() if name not in dropped}
