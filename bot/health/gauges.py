"""Metrics that are read at each scrape: one cheap query of the store, the disk, and this process."""

from __future__ import annotations

import asyncio
import logging
import resource
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from bot.health.readiness import HealthMonitor
from bot.media import Ffmpeg, Workspaces
from bot.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sources:
    """What the gauges read."""

    store: Store
    workspaces: Workspaces
    ffmpeg: Ffmpeg
    data: Path
    """A folder on the disk whose free space is reported."""
    now: Callable[[], datetime]
    shards_open: Callable[[], Mapping[int, bool]]
    """Returns, for each gateway shard of this process, whether it is open."""


class Gauges:
    """The gauges."""

    def __init__(self, registry: CollectorRegistry, sources: Sources, checks: HealthMonitor) -> None:
        self._sources = sources
        self._checks = checks
        self._tasks = Gauge("extendbot_tasks", "Unfinished tasks, by state.", ["state"], registry=registry)
        self._oldest = Gauge(
            "extendbot_tasks_oldest_seconds",
            "Age of the task that has been in this state the longest; 0: none.",
            ["state"],
            registry=registry,
        )
        aside = Gauge(
            "extendbot_tasks_set_aside",
            "Tasks that this process skips because their rows cannot be read; the log names them.",
            registry=registry,
        )
        aside.set_function(lambda: len(sources.store.leases.set_aside.ids))
        self._ready = Gauge("extendbot_ready", "1 if this part is healthy, else 0.", ["part"], registry=registry)
        self._database = Gauge("extendbot_database_bytes", "Size of the database.", registry=registry)
        self._files = Gauge(
            "extendbot_files_bytes", "Files of running tasks, and stored videos.", ["of"], registry=registry
        )
        self._free = Gauge("extendbot_disk_free_bytes", "Free space on the disk of DATA_DIR.", registry=registry)
        self._shards = Gauge(
            "extendbot_shard_open",
            "1 if this shard of the gateway is open, else 0.",
            ["shard"],
            registry=registry,
        )
        self._running = Gauge("extendbot_media_running", "Running ffmpeg processes.", registry=registry)
        self._running.set_function(lambda: sources.ffmpeg.running)
        registry.register(ChildProcessCollector())

    async def read(self) -> None:
        """Update the gauges. Values that cannot be read are left out."""
        status = await self._checks.check()
        for part, well in status.parts.items():
            self._ready.labels(part).set(well)
        for shard, is_open in self._sources.shards_open().items():
            self._shards.labels(str(shard)).set(is_open)
        await asyncio.gather(self._read_store(), self._read_disk())

    async def _read_store(self) -> None:
        try:
            counts = await self._sources.store.reports.read_task_counts()
        except Exception as error:  # the database can raise anything, and the other metrics are still wanted
            log.warning("the store cannot be read for metrics: %s", error)
            self._tasks.clear()
            self._oldest.clear()
            self._database.set(float("nan"))
            return
        now = self._sources.now()
        for state, number in counts.tasks.items():
            since = counts.since.get(state)
            self._tasks.labels(state.value).set(number)
            self._oldest.labels(state.value).set(max(0.0, (now - since).total_seconds()) if since else 0)
        self._database.set(counts.database_bytes)

    async def _read_disk(self) -> None:
        workspaces = self._sources.workspaces
        self._files.labels("work").set(await workspaces.count_used_bytes())
        self._files.labels("kept").set(await asyncio.to_thread(workspaces.film_store.get_size))
        try:
            self._free.set((await asyncio.to_thread(shutil.disk_usage, self._sources.data)).free)
        except FileNotFoundError:  # the folder is created with the first file
            self._free.set(float("nan"))


class ChildProcessCollector(Collector):
    """The CPU time of ffmpeg, whose processes are this process's only children."""

    def collect(self) -> list[CounterMetricFamily]:
        """Called by prometheus_client at each scrape."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        family = CounterMetricFamily("extendbot_media_cpu_seconds", "CPU time of finished ffmpeg processes.")
        family.add_metric([], used.ru_utime + used.ru_stime)
        return [family]
