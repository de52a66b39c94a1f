"""What is made of the moments: one row of the benchmark's table for each run, and its Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from tests.benchmarks.load_harness import BenchStage, Marks
from tests.benchmarks.load_process import Cpu


@dataclass(frozen=True, slots=True)
class Run:
    """One run's figures; times in seconds, memory in bytes."""

    bot: str
    tasks: int
    delivered: int
    unanswered: int
    first: Sequence[float]
    """From the interaction to its first answer, in order."""
    noticing: Sequence[float]
    """From FoxAPI's end to the first query that said so, in order."""
    delivering: Sequence[float]
    """From FoxAPI's end to Discord's word that it has the film, in order."""
    queries: float
    """Of FoxAPI, per task."""
    calls: float
    """Of Discord's API, per task; interactions' first answers are counted."""
    refused: int
    """429s of Discord."""
    cpu: Cpu
    """Per task."""
    idle: int
    """Memory before the first command..."""
    most: int
    """...and the most while they were worked on."""


def run_of(bot: str, stage: BenchStage, cpu: Cpu, idle: int, most: int) -> Run:
    """Sum a run up; `cpu` is that of the whole run."""
    marks = list(stage.marks.values())
    count, told = len(marks), sum(stage.calls[kind] for kind in ("first", "edit", "film", "other"))
    return Run(
        bot=bot,
        tasks=count,
        delivered=sum(each.delivered is not None for each in marks),
        unanswered=sum(each.answered is None for each in marks),
        first=sorted(each.answered - each.sent for each in marks if each.answered is not None),
        noticing=_since_end(marks, "noticed"),
        delivering=_since_end(marks, "delivered"),
        queries=sum(each.queries for each in marks) / count,
        calls=told / count,
        refused=stage.calls["429"],
        cpu=Cpu(cpu.own / count, cpu.children / count),
        idle=idle,
        most=most,
    )


def _since_end(marks: Iterable[Marks], what: str) -> list[float]:
    pairs = ((each.completed, getattr(each, what)) for each in marks)
    return sorted(then - end for end, then in pairs if end is not None and then is not None)


def share(values: Sequence[float], part: float) -> float:
    """The value below which `part` of the sorted `values` lie; not a number if there are none."""
    return values[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def table(runs: Sequence[Run]) -> str:
    """All runs as a Markdown table: a column for each, the bot beside its floor."""
    head = ["", *(f"{each.bot}, {each.tasks:,}" for each in runs)]
    lines = [_line(head), _line(["---", *("--:" for _ in runs)])]
    for name, value in _ROWS.items():
        lines.append(_line([name, *(value(each) for each in runs)]))
    floors = {each.tasks: each for each in runs if each.bot == "floor"}
    ratios = [_ratio(each, floors.get(each.tasks)) for each in runs]
    lines.append(_line(["CPU and queries, to the floor's", *ratios]))
    return "\n".join(lines)


_ROWS: dict[str, Callable[[Run], str]] = {
    "delivered / never answered": lambda run: f"{run.delivered:,} / {run.unanswered:,}",
    "first response p50 / p99 / max": lambda run: _three(run.first),
    "completed → noticed, mean / p99": lambda run: f"{_mean(run.noticing)} / {share(run.noticing, 0.99):.1f} s",
    "completed → delivered p50 / p99": lambda run: (
        f"{share(run.delivering, 0.5):.1f} / {share(run.delivering, 0.99):.1f} s"
    ),
    "FoxAPI queries per task": lambda run: f"{run.queries:.1f}",
    "Discord calls per task": lambda run: f"{run.calls:.1f}",
    "Discord 429s": lambda run: f"{run.refused:,}",
    "CPU per task": lambda run: f"{run.cpu.own * 1000:.0f} ms",
    "its ffmpeg's CPU per task": lambda run: f"{run.cpu.children * 1000:.0f} ms",
    "memory, idle → most": lambda run: f"{run.idle / 1e6:.0f} → {run.most / 1e6:.0f} MB",
}


def _three(values: Sequence[float]) -> str:
    return f"{share(values, 0.5):.2f} / {share(values, 0.99):.2f} / {share(values, 1.0):.2f} s"


def _mean(values: Sequence[float]) -> str:
    return f"{fmean(values):.1f}" if values else "–"


def _ratio(run: Run, floor: Run | None) -> str:
    if floor is None or floor is run:
        return ""
    return f"{run.cpu.own / floor.cpu.own:.1f} ×, {run.queries / floor.queries:.2f} ×"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
