"""Three small sample clips, drawn and encoded when the sandbox starts: no download, no third-party rights."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.sandbox.foxapi import ffmpeg
from bot.sandbox.samples import drawings

RATE = 24
SECONDS_LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One sample: `draw` writes its layers as PNGs, and the filter graph `graph` ([0:v]… to [v]) moves them.

    `sound` is an ffmpeg source expression, or empty for a silent clip.
    """

    name: str
    label: str
    seconds: int
    width: int
    height: int
    draw: Callable[[Path], list[Path]]
    graph: str
    sound: str = ""


class Samples:
    """The clips in `folder`. Their URLs work at once: requests wait until the file is ready."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = {scene.name: asyncio.Event() for scene in SCENES}

    def describe(self) -> list[dict[str, Any]]:
        """Describe each clip for the chat page (`url` and `poster_url` are paths on the page's server)."""
        return [
            {
                "name": f"{scene.name}.mp4",
                "label": scene.label,
                "seconds": scene.seconds,
                "url": f"/samples/{scene.name}.mp4",
                "poster_url": f"/samples/{scene.name}.jpg",
                "width": scene.width,
                "height": scene.height,
            }
            for scene in SCENES
        ]

    def routes(self) -> list[web.RouteDef]:
        """The samples' routes, for the page's server."""
        return [web.get(r"/samples/{name:\w+}.{kind:mp4|jpg}", self._serve)]

    async def make(self) -> None:
        """Draw and encode all clips; each takes about one second of one core."""
        await asyncio.gather(*(self._make(scene) for scene in SCENES))

    async def _make(self, scene: Scene) -> None:
        layers = self._folder / f"{scene.name}-layers"
        await asyncio.to_thread(layers.mkdir, parents=True)
        pictures = await asyncio.to_thread(scene.draw, layers)
        clip, poster = self._folder / f"{scene.name}.mp4", self._folder / f"{scene.name}.jpg"
        await ffmpeg.run(_build_clip_arguments(scene, pictures, clip), SECONDS_LIMIT)
        await ffmpeg.run(_build_poster_arguments(scene, clip, poster), SECONDS_LIMIT)
        self._made[scene.name].set()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        name, kind = request.match_info["name"], request.match_info["kind"]
        if name not in self._made:
            raise web.HTTPNotFound
        try:
            async with asyncio.timeout(SECONDS_LIMIT):
                await self._made[name].wait()
        except TimeoutError:
            raise web.HTTPServiceUnavailable(text="The sample clip could not be made.") from None
        return web.FileResponse(self._folder / f"{name}.{kind}")


def _build_clip_arguments(scene: Scene, pictures: list[Path], clip: Path) -> list[str | Path]:
    # The backmost layer sets the frame rate; ffmpeg repeats the single frame of the others without decoding it again.
    inputs: list[str | Path] = ["-loop", "1", "-framerate", str(RATE)]
    for picture in pictures:
        inputs += ["-i", picture]
    sound = ["-map", f"{len(pictures)}:a", "-c:a", "aac", "-b:a", "96k"] if scene.sound else ["-an"]
    if scene.sound:
        inputs += ["-f", "lavfi", "-i", scene.sound]
    return [
        *inputs,
        *("-filter_complex", scene.graph, "-map", "[v]", *sound, "-t", str(scene.seconds)),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-threads", "1", "-pix_fmt", "yuv420p"),
        *("-movflags", "+faststart", clip),
    ]


def _build_poster_arguments(scene: Scene, clip: Path, poster: Path) -> list[str | Path]:
    return ["-ss", f"{scene.seconds * 0.6:.1f}", "-i", clip, "-frames:v", "1", "-update", "1", "-q:v", "4", poster]


def _build_overlays(moves: list[str]) -> str:
    """Overlay inputs 1, 2, … on input 0, each at its moving position (`x=…:y=…`, `t` in seconds)."""
    last, steps = "[0:v]", []
    for number, move in enumerate(moves, start=1):
        name = "[v]" if number == len(moves) else f"[s{number}]"
        steps.append(f"{last}[{number}:v]overlay={move}{name}")
        last = name
    return ";".join(steps)


SCENES = (
    Scene(
        "sunrise",
        "Sunrise over the hills",
        6,
        640,
        360,
        drawings.draw_sunrise,
        # The tall sky slides up, and the sun rises from behind the hills.
        "[0:v]crop=640:360:0:'360-50*t'[sky];"
        + _build_overlays(
            ["x='250+9*t':y='205-27*t'", "x='-60+10*t':y=50", "x='380-6*t':y=95", "x='-4*t':y=190", "x='-60+8*t':y=245"]
        ).replace("[0:v]", "[sky]"),
        "aevalsrc='0.10*sin(2*PI*220*t)*min(1,t/2)+0.08*sin(2*PI*277.18*t)*min(1,max(0,t-1)/2)"
        "+0.07*sin(2*PI*329.63*t)*min(1,max(0,t-2)/2)':s=48000:d=6,afade=t=out:st=5:d=1",
    ),
    Scene(
        "sea",
        "A boat by moonlight",
        5,
        640,
        360,
        drawings.draw_sea,
        _build_overlays(
            [
                "x='-640+30*t':y='196+4*sin(1.9*t)'",
                "x='190+22*t':y='136+6*sin(1.7*t)'",
                "x='-42*t':y='224+5*sin(1.6*t+1)'",
                "x='-640+60*t':y='262+7*sin(1.4*t+2)'",
            ]
        ),
        "anoisesrc=color=brown:sample_rate=48000:duration=5:seed=7:amplitude=0.5,lowpass=f=900,tremolo=f=0.35:d=0.7",
    ),
    Scene(
        "balloon",
        "A balloon goes up",
        4,
        360,
        640,
        drawings.draw_balloon,
        _build_overlays(
            [
                "x='-30+8*t':y='90+14*t'",
                "x='-20-4*t':y='440+22*t'",
                "x='104+14*sin(0.9*t)':y='250-38*t'",
                "x='-130+16*t':y='505+16*t'",
            ]
        ),
    ),
)
