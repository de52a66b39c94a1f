"""What one process does, where several share the work."""

from __future__ import annotations

from dataclasses import dataclass

from bot.client import Shards


@dataclass(frozen=True, slots=True)
class Role:
    """Everything, unless something is left to other processes."""

    name: str = "bot"
    runs_gateway: bool = True
    """Whether it connects to Discord's gateway and answers members."""
    runs_jobs: bool = True
    """Whether it moves tasks on: submits, asks, prepares, delivers."""
    shards: Shards | None = None
    """Those that it holds; None: all."""

    @property
    def is_standalone(self) -> bool:
        """Whether it needs no other process."""
        return self.runs_gateway and self.runs_jobs


STANDALONE = Role()
WORKER = Role("worker", runs_gateway=False)


def gateway_role(shards: Shards) -> Role:
    """It holds these shards, and leaves the work on tasks to others."""
    return Role("gateway", runs_jobs=False, shards=shards)
