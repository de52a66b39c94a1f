"""The stand-in's tasks: what they are, and how they are told of in an answer."""

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
    """One create call that was taken and is billed: `body` is what it asked for, byte for byte."""

    task_id: str
    credits: int
    body: bytes


@dataclass(slots=True)
class Task:
    """One video being made; `ended` is set once its status no longer changes."""

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
    """When that was, by time.perf_counter()."""

    def complete(self, result: str) -> None:
        """The video can be had at the address `result`."""
        self.result, self.progress = result, 100
        self._end("completed")

    def fail(self, code: str, message: str) -> None:
        """There will be no video (documented: HTTP 200 with `error.code` as a string)."""
        self.error = {"code": code, "message": message, "type": "task_error"}
        self._end("failed")

    def cancel(self) -> None:
        """The provider dropped the task."""
        self._end("cancelled")

    def _end(self, status: Status) -> None:
        self.status = status
        self.ended_at = time.perf_counter()
        self.ended.set()

    def as_created(self) -> Json:
        """The create call's answer."""
        told = self._common_fields() | {"task_info": {"can_cancel": True, "estimated_time": self.estimate}}
        return self._drop_fields(told)

    def as_queried(self) -> Json:
        """The query's answer; each one counts, as results may be withheld for some."""
        results: Json = {"results": None}
        if self.status == "completed":
            self.queries_since_end += 1
            withheld = self.quirks.withheld
            if self.result and withheld is not None and self.queries_since_end > withheld:
                results = self._results(self.result)
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

    def _results(self, link: str) -> Json:
        match self.quirks.shape:
            case "documented":
                return {"results": [{"url": link}]}
            case "strings":
                return {"results": [link]}
            case "output.url":
                return {"output": {"url": link}}
            case "output.urls":
                return {"output": {"urls": [link]}}

    def _drop_fields(self, told: Json) -> Json:
        dropped = ("task_info", "created", "progress") if self.quirks.sparse else ()
        return {name: value for name, value in told.items() if name not in dropped}
