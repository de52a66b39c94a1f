"""Prometheus metrics. No label contains an id or user text.

Counters start at zero with each process. Values of the store and the disk are read at each scrape (gauges.py).
"""

from __future__ import annotations

import os
import socket
from importlib.metadata import version

import aiohttp
from prometheus_client import CollectorRegistry, Counter, Histogram, Info
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from bot.domain.events import Event, SubmissionRefused, TaskAccepted, TaskEnded
from bot.domain.task import Billed, TaskState
from bot.health import http_tracing
from bot.media import Purpose

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 90)
_SLOW = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600)
_WORK = (0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)


class Metrics:
    """Counts events, in a registry of its own, so that several bots can run in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._info = Info("extendbot", "The process itself.", registry=self.registry)
        self.set_process_info("bot")
        self._orders = self._counter("orders", "Requests of members, by outcome.", "answer")
        self._ended = self._counter(
            "tasks_ended", "Tasks that have ended, with their outcome shown.", "outcome", "billed"
        )
        self._credits = self._counter("credits", "Credits that FoxAPI reserved for tasks that have ended.")
        self._unexpected = self._counter(
            "unexpected_errors", "Unexpected errors in task steps, by the state of the task.", "state"
        )
        self._discord = self._counter("discord_requests", "Requests to Discord, by call and status.", "call", "status")
        self._delivery = self._histogram(
            "delivery_seconds", "From the first poll that saw the task completed to the delivered reply.", _SLOW
        )
        self._foxapi = self._histogram(
            "foxapi_request_seconds", "Requests to FoxAPI, until the response started.", _QUICK, "call", "status"
        )
        self._media = self._histogram("media_seconds", "Duration of ffmpeg runs, by purpose.", _WORK, "work")
        self._loop = self._histogram("loop_delay_seconds", "Delay of the event loop, measured every second.", _QUICK)
        self._initialise_labels()

    def set_process_info(self, role: str) -> None:
        """Set the labels that identify this process and its role."""
        name = f"{socket.gethostname()}:{os.getpid()}"
        self._info.info({"version": version("extend-bot"), "role": role, "process": name})

    def on_event(self, event: Event) -> None:
        """Count an event of the event queue."""
        match event:
            case TaskAccepted():
                self._orders.labels("accepted").inc()
            case SubmissionRefused():
                self._orders.labels("refused").inc()
            case TaskEnded(task, completed_at):
                self._ended.labels(task.state.value, task.billed.value).inc()
                self._credits.inc(task.credits or 0)
                completed = completed_at or task.rendered_at
                if task.state is TaskState.DELIVERED and completed:
                    self._delivery.observe((task.state_changed_at - completed).total_seconds())

    def observe_ffmpeg(self, work: Purpose, seconds: float) -> None:
        """Count a run of ffmpeg."""
        self._media.labels(work.value).observe(seconds)

    def count_unexpected_error(self, state: TaskState) -> None:
        """Count a task step that ended with an unexpected error."""
        self._unexpected.labels(state.value).inc()

    def observe_loop_delay(self, seconds: float) -> None:
        """Record a measurement of the event loop's delay."""
        self._loop.observe(seconds)

    def trace_foxapi(self) -> aiohttp.TraceConfig:
        """Return a trace for sessions with FoxAPI."""

        def observe(call: str, status: str, seconds: float) -> None:
            self._foxapi.labels(call, status).observe(seconds)

        return http_tracing.make_trace(http_tracing.FOXAPI, observe)

    def trace_discord(self) -> aiohttp.TraceConfig:
        """Return a trace for the session with Discord."""

        def observe(call: str, status: str, seconds: float) -> None:  # noqa: ARG001
            self._discord.labels(call, status).inc()

        return http_tracing.make_trace(http_tracing.DISCORD, observe)

    def _initialise_labels(self) -> None:
        """Create label values at zero, so that the first event is visible as an increase."""
        for answer in ("accepted", "refused"):
            self._orders.labels(answer)
        for state in TaskState:
            self._unexpected.labels(state.value)
        for outcome in TaskState:
            for billed in Billed if outcome.is_final else ():
                self._ended.labels(outcome.value, billed.value)
        for call in ("edit", "respond", "post", "delete"):
            self._discord.labels(call, "429")
        for work in Purpose:
            self._media.labels(work.value)

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(f"extendbot_{name}", description, labels, registry=self.registry)

    def _histogram(self, name: str, description: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"extendbot_{name}", description, labels, buckets=buckets, registry=self.registry)
