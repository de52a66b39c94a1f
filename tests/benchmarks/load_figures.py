"""Summarizes a run's recorded times as a column of the Markdown table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from tests.benchmarks.load_harness import BenchStage, Timestamps
from tests.benchmarks.load_process import Cpu


@dataclass(frozen=True, slots=True)
class Run:
    """One run's figures; times in seconds, memory in bytes."""

    bot: str
    tasks: int
    delivered: int
    unanswered: int
    first: Sequence[float]
    """Seconds from the interaction to its first response, sorted."""
    noticed: Sequence[float]
    """Seconds from FoxAPI's completion to the first query that reported it, sorted."""
    delivery: Sequence[float]
    """Seconds from FoxAPI's completion to Discord's acceptance of the film, sorted."""
    last: float
    """Seconds from the last command to the delivery of the last film; NaN if there is none."""
    queries: float
    """FoxAPI queries per task."""
    calls: float
    """Discord API calls per task, including first responses."""
    refused: int
    """Discord's 429 responses."""
    cpu: Cpu
    """CPU seconds per task."""
    idle: int
    """Memory before the first command, in bytes."""
    max_memory: int
    """The largest memory during the run, in bytes."""


def summarize(bot: str, stage: BenchStage, cpu: Cpu, idle: int, max_memory: int) -> Run:
    """Summarize a run; `cpu` is the CPU time of the whole run."""
    timestamps = list(stage.timestamps.values())
    count, calls = len(timestamps), sum(stage.calls[kind] for kind in ("first", "edit", "film", "other"))
    return Run(
        bot=bot,
        tasks=count,
        delivered=sum(each.delivered is not None for each in timestamps),
        unanswered=sum(each.answered is None for each in timestamps),
        first=sorted(each.answered - each.sent for each in timestamps if each.answered is not None),
        noticed=_since_end(timestamps, "noticed"),
        delivery=_since_end(timestamps, "delivered"),
        last=_last_delivery(timestamps),
        queries=sum(each.queries for each in timestamps) / count,
        calls=calls / count,
        refused=stage.calls["429"],
        cpu=Cpu(cpu.own / count, cpu.children / count),
        idle=idle,
        max_memory=max_memory,
    )


def _since_end(timestamps: Iterable[Timestamps], what: str) -> list[float]:
    pairs = ((each.completed, getattr(each, what)) for each in timestamps)
    return sorted(then - end for end, then in pairs if end is not None and then is not None)


def _last_delivery(timestamps: Iterable[Timestamps]) -> float:
    delivered = [each for each in timestamps if each.delivered is not None]
    if not delivered:
        return float("nan")
    return max(each.delivered or 0.0 for each in delivered) - max(each.sent for each in delivered)


def quantile(values: Sequence[float], part: float) -> float:
    """Return the quantile `part` of the sorted `values`; NaN if there are none."""
    return values[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def format_table(runs: Sequence[Run]) -> str:
    """Format all runs as a Markdown table, one column per run, with the bot beside the baseline."""
    head = ["", *(f"{each.bot}, {each.tasks:,}" for each in runs)]
    lines = [_format_row(head), _format_row(["---", *("--:" for _ in runs)])]
    for name, value in _ROWS.items():
        lines.append(_format_row([name, *(value(each) for each in runs)]))
    naive_runs = {each.tasks: each for each in runs if each.bot == "naive"}
    ratios = [_format_ratio(each, naive_runs.get(each.tasks)) for each in runs]
    lines.append(_format_row(["CPU and queries, relative to the naive bot", *ratios]))
    return "\n".join(lines)


_ROWS: dict[str, Callable[[Run], str]] = {
    "delivered / never answered": lambda run: f"{run.delivered:,} / {run.unanswered:,}",
    "first response p50 / p99 / max": lambda run: _format_quantiles(run.first),
    "completed → noticed, mean / p99": lambda run: f"{_format_mean(run.noticed)} / {quantile(run.noticed, 0.99):.1f} s",
    "completed → delivered, mean / p50 / max": lambda run: (
        f"{_format_mean(run.delivery)} / {quantile(run.delivery, 0.5):.1f} / {quantile(run.delivery, 1.0):.1f} s"
    ),
    "the last one delivered after its command": lambda run: f"{run.last:.1f} s",
    "FoxAPI queries per task": lambda run: f"{run.queries:.1f}",
    "Discord calls per task": lambda run: f"{run.calls:.1f}",
    "Discord 429s": lambda run: f"{run.refused:,}",
    "CPU per task": lambda run: f"{run.cpu.own * 1000:.0f} ms",
    "its ffmpeg's CPU per task": lambda run: f"{run.cpu.children * 1000:.0f} ms",
    "memory, idle → max_memory": lambda run: f"{run.idle / 1e6:.0f} → {run.max_memory / 1e6:.0f} MB",
}


def _format_quantiles(values: Sequence[float]) -> str:
    return f"{quantile(values, 0.5):.2f} / {quantile(values, 0.99):.2f} / {quantile(values, 1.0):.2f} s"


def _format_mean(values: Sequence[float]) -> str:
    return f"{fmean(values):.1f}" if values else "–"


def _format_ratio(run: Run, baseline: Run | None) -> str:
    if baseline is None or baseline is run:
        return ""
    return f"{run.cpu.own / baseline.cpu.own:.1f} ×, {run.queries / baseline.queries:.2f} ×"


def _format_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
