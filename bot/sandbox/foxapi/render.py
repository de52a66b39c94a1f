"""Renders the extension in one encoder run: the clip's last frame keeps moving, with the prompt as a caption."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.foxapi import ffmpeg
from bot.sandbox.foxapi.caption import draw_caption
from bot.sandbox.foxapi.probe import Clip

SHORT_SIDE = 720
SECONDS_LIMIT = 180.0
ENCODER = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "21", "-threads", "1")
SOUND = "aformat=sample_fmts=fltp:sample_rates=48000:channel_layouts=stereo"

OnPercent = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """One rendering: extends `source` (probed as `clip`) by `seconds` into `target`, taking at least `pace` seconds."""

    source: Path
    clip: Clip
    prompt: str
    seconds: int
    target: Path
    joined: bool = True
    pace: float = 0.0

    @property
    def length(self) -> float:
        """The length of the result in seconds."""
        return self.clip.seconds + self.seconds if self.joined else float(self.seconds)


async def render(job: Job, on_percent: OnPercent) -> None:
    """Write `job.target` (H.264, AAC if the clip has sound) and report the encoder's progress; raises FfmpegFailed."""
    width, height = fit_size(job.clip)
    caption = job.target.with_suffix(".png")
    await asyncio.to_thread(draw_caption, job.prompt, width, height, caption)
    best = 0

    async def on_time(done: float) -> None:
        nonlocal best
        best = max(best, min(99, int(100 * done / job.length)))
        await on_percent(best)

    try:
        await ffmpeg.run(_build_arguments(job, caption, width, height), SECONDS_LIMIT + job.pace, on_time)
    finally:
        caption.unlink(missing_ok=True)


def fit_size(clip: Clip) -> tuple[int, int]:
    """The size of the result: the clip's aspect ratio, at most 720p, even numbers as H.264 requires."""
    scale = min(1.0, SHORT_SIDE / min(clip.width, clip.height))
    return max(16, round(clip.width * scale / 2) * 2), max(16, round(clip.height * scale / 2) * 2)


def _build_arguments(job: Job, caption: Path, width: int, height: int) -> list[str | Path]:
    graph = [_build_video_graph(job, width, height), *([_build_audio_graph(job)] if job.clip.audio else [])]
    sound = ["-map", "[a]", "-c:a", "aac", "-b:a", "96k"] if job.clip.audio else ["-an"]
    return [
        # -xerror: a damaged clip is an error instead of a still picture for the missing part.
        *("-xerror", "-threads", "1", "-protocol_whitelist", "file", "-i", job.source),
        *("-protocol_whitelist", "file", "-i", caption),
        *("-filter_complex_threads", "1", "-filter_complex", ";".join(graph)),
        *("-map", "[v]", *sound, "-map_metadata", "-1", "-t", f"{job.length:.3f}"),
        *(*ENCODER, "-g", str(round(job.clip.rate * 2))),
        *("-movflags", "+faststart", "-f", "mp4", job.target),
    ]


def _build_video_graph(job: Job, width: int, height: int) -> str:
    """The clip, then its last frame, drifting and zooming (less than one pixel per frame), under the caption."""
    clip, start = job.clip, job.clip.seconds
    # From 0 at the joint to 1 at the end, starting slowly so that the joint is smooth.
    way = f"pow(clip((on-{start * clip.rate:.3f})/{job.seconds * clip.rate:.3f}\\,0\\,1)\\,1.4)"
    left, right, top, bottom = (f"{share}*{way}" for share in (0.02, 0.14, 0.05, 0.09))
    drift = (
        f"perspective=x0=W*{left}:y0=H*{top}:x1=W-W*{right}:y1=H*{top}"
        f":x2=W*{left}:y2=H-H*{bottom}:x3=W-W*{right}:y3=H-H*{bottom}:eval=frame:enable='gte(t,{start:.3f})'"
    )
    return (
        f"[0:v:0]fps={clip.rate:g}:start_time=0,scale={width}:{height},setsar=1,format=yuv420p,"
        f"tpad=stop_mode=clone:stop=-1,trim=end={start + job.seconds:.3f},{drift}[moving];"
        f"[moving][1:v]overlay=format=yuv420:enable='gte(t,{start:.3f})'"
        f"{_build_trim(job, '')}{_build_throttle(job)},format=yuv420p[v]"
    )


def _build_audio_graph(job: Job) -> str:
    """The clip's sound, then a quiet tone that fades in and out."""
    start, whole = job.clip.seconds, job.clip.seconds + job.seconds
    fade = min(1.0, job.seconds / 3)
    return (
        f"[0:a:0]aresample=async=1:first_pts=0,{SOUND},apad=whole_dur={whole:.3f},atrim=end={whole:.3f}[own];"
        f"sine=frequency=196:sample_rate=48000:duration={job.seconds},{SOUND},volume=0.25,"
        f"afade=t=in:d={fade:.2f},afade=t=out:st={job.seconds - fade:.2f}:d={fade:.2f},"
        f"adelay={round(start * 1000)}:all=1[tail];"
        f"[own][tail]amix=inputs=2:duration=first:normalize=0{_build_trim(job, 'a')}[a]"
    )


def _build_trim(job: Job, kind: str) -> str:
    return "" if job.joined else f",{kind}trim=start={job.clip.seconds:.3f},{kind}setpts=PTS-STARTPTS"


def _build_throttle(job: Job) -> str:
    """Slow the encoder down, so that the progress is still its real progress."""
    return f",realtime=limit=60:speed={job.length / job.pace:.4f}" if job.pace > 0 else ""
