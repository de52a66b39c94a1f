"""Reads request bodies like Discord: JSON, or a form with `payload_json` and `files[n]`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from bot.sandbox.discord.api.validation_errors import ValidationErrors
from bot.sandbox.discord.state.errors import DiscordError
from bot.sandbox.discord.state.files import Files
from bot.sandbox.discord.state.model import Json, Upload

_FILE = re.compile(r"files\[(\d+)\]")


@dataclass(slots=True)
class Form:
    """A request body: its JSON, and the files by index."""

    body: Any
    files: dict[int, Upload] = field(default_factory=dict)


async def read_form(request: web.Request, files: Files, owner_id: str, folder: str, limit: int) -> Form:
    """Read the body; files go to `folder`. Raises 413/40005 for a file over `limit` bytes, 50109 for invalid JSON."""
    if not request.content_type.startswith("multipart/"):
        return Form(_parse_json(await request.text()))
    form = Form({})
    refused: DiscordError | None = None
    reader = await request.multipart()
    async for part in reader:
        if not isinstance(part, BodyPartReader):
            continue
        found = _FILE.fullmatch(part.name or "")
        if part.name == "payload_json":
            form.body = _parse_json(await part.text())
        elif found:
            try:
                form.files[int(found[1])] = await files.store_upload(part, owner_id, folder, limit)
            except DiscordError as too_large:
                refused = too_large
    if refused:
        raise refused
    return form


async def read_json(request: web.Request) -> object:
    """Read the request's JSON; raises 400/50109 if it is invalid."""
    return _parse_json(await request.text())


async def read_record(request: web.Request) -> Json:
    """Read the request's JSON object; raises 400/50109 otherwise."""
    body = await read_json(request)
    if not isinstance(body, dict):
        raise DiscordError(400, 50109, "The request body contains no JSON object.")
    return body


def _parse_json(text: str) -> object:
    try:
        return json.loads(text) if text else {}
    except ValueError:
        raise DiscordError(400, 50109, "The request body contains invalid JSON.") from None


def apply_attachments(
    form: Json, files: dict[int, Upload], present: list[Upload], path: tuple[str, ...] = ()
) -> list[Upload]:
    """The attachments of a message after this body is applied.

    Without `attachments`, present ones are kept and new files are added. With it, only the listed ones remain, and new
    files are listed by index (Discord docs, Uploading Files). Raises 50035 for an unknown id.
    """
    if "attachments" not in form:
        return _check_count([*present, *files.values()])
    by_id = {each.id: each for each in present} | {str(index): each for index, each in files.items()}
    errors = ValidationErrors()
    remain = []
    for at, entry in enumerate(form["attachments"] or []):
        found = by_id.get(str(entry.get("id")))
        if found is None:
            errors.add((*path, "attachments", at), "ATTACHMENT_NOT_FOUND", "Attachment data not found")
            continue
        if "description" in entry:
            found.description = entry["description"]
        remain.append(found)
    errors.raise_if_any()
    return _check_count(remain)


def _check_count(uploads: list[Upload]) -> list[Upload]:
    errors = ValidationErrors()
    if len(uploads) > 10:
        errors.add(("attachments",), "BASE_TYPE_BAD_LENGTH", "Must be between 0 and 10 in length.")
    errors.raise_if_any()
    return uploads
