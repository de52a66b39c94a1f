"""Checks what a member asked for, as far as that needs no store and no clip."""

from __future__ import annotations

from bot.domain.errors import RequestRefused
from bot.domain.task import PROMPT_MAX, SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN, ResultKind, TaskRequest
from bot.i18n.text import tr


def _make_storable(text: str) -> str:
    """Remove what databases reject: NULs and lone surrogates."""
    return text.replace("\0", "").encode(errors="replace").decode()


def make_request(
    *,
    user_id: int,
    guild_id: int | None,
    channel_id: int,
    prompt: str,
    source_url: str,
    source_name: str = "",
    source_bytes: int = 0,
    seconds: int | None = None,
    result: ResultKind = ResultKind.FILM,
    private: bool = False,
    spoiler: bool = False,
) -> TaskRequest:
    """Check what can be checked without the clip, and build the request; raises RequestRefused."""
    return TaskRequest(
        user_id=user_id,
        guild_id=guild_id,
        channel_id=channel_id,
        prompt=_check_prompt(prompt),
        seconds=_check_seconds(seconds),
        source_url=_make_storable(source_url),
        source_name=_make_storable(source_name)[:200],
        source_bytes=source_bytes,
        result=result,
        private=private,
        spoiler=spoiler,
    )


def _check_prompt(prompt: str) -> str:
    """Return the prompt as it is stored; raises RequestRefused."""
    prompt = _make_storable(prompt).strip()
    if not prompt:
        raise RequestRefused(tr("The prompt is empty: write what should happen next in the video."))
    if len(prompt) > PROMPT_MAX:
        raise RequestRefused(
            tr(
                "That prompt has {length} characters; FoxAPI accepts at most {most}: shorten it.",
                length=len(prompt),
                most=PROMPT_MAX,
            )
        )
    return prompt


def _check_seconds(seconds: int | None) -> int:
    """Return the seconds to add; raises RequestRefused."""
    seconds = SECONDS_DEFAULT if seconds is None else seconds
    if not SECONDS_MIN <= seconds <= SECONDS_MAX:
        raise RequestRefused(
            tr(
                "FoxAPI adds {least} to {most} seconds at a time: choose a number between them.",
                least=SECONDS_MIN,
                most=SECONDS_MAX,
            )
        )
    return seconds
