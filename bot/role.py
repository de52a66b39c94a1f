"""What one process does, where several share the work."""

from __future__ import annotations

from dataclasses import dataclass

from bot.client import Shards


@dataclass(frozen=True, slots=True)
class Role:
    """Everything, unless something is left to other processes."""

    name: str = "bot"
    answers: bool = True
    """Whether it connects to Discord's gateway and answers members."""
    works: bool = True
    """Whether it moves tasks on: submits, asks, prepares, delivers."""
    shards: Shards | None = None
    """Those that it holds; None: all."""

    @property
    def alone(self) -> bool:
        """Whether it needs no other process."""
        return self.answers and self.works


EVERYTHING = Role()
WORKER = Role("worker", answers=False)


def gateway(shards: Shards) -> Role:
    """It holds these shards, and leaves the work on tasks to others."""
    return Role("gateway", works=False, shards=shards)
