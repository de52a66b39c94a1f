"""Validates message bodies (Discord docs, Create Message; Embed Limits; Allowed Mentions)."""

from __future__ import annotations

from bot.sandbox.discord.api.component_schema import check_message_components
from bot.sandbox.discord.api.validation_errors import Path, ValidationErrors, split_names
from bot.sandbox.discord.state.model import Json

# `tts` is not a field of an edit, but discord.py sends it with every edit and Discord accepts it.
EDIT = split_names("content embeds allowed_mentions components attachments flags tts")
INTERACTION = EDIT | {"poll"}
CREATE = EDIT | {"nonce", "enforce_nonce", "message_reference", "sticker_ids", "poll"}

COMPONENTS_V2 = 1 << 15
EMBED = split_names(
    "type flags url title color timestamp description author image thumbnail footer fields provider video"
)
# Fields of an attachment entry; discord.py sends complete attachment objects to keep them.
ATTACHMENT = split_names(
    "id filename description title duration_secs waveform is_spoiler is_remix proxy_url size url "
    "spoiler height width content_type ephemeral"
)


def parse_message(body: object, fields: frozenset[str]) -> Json:
    """Validate a message body; raises the 50035 error if Discord would reject it."""
    errors = ValidationErrors()
    form = errors.check_object((), body, fields)
    check_message(errors, (), form)
    errors.raise_if_any()
    return form


def check_message(errors: ValidationErrors, path: Path, form: Json) -> None:
    """Collect the errors of the message fields in `form`, located at `path`."""
    errors.check_text((*path, "content"), form.get("content"), 2000)
    errors.check_bool((*path, "tts"), form.get("tts"))
    _check_embeds(errors, (*path, "embeds"), form.get("embeds"))
    _check_mentions(errors, (*path, "allowed_mentions"), form.get("allowed_mentions"))
    check_message_components(errors, (*path, "components"), form.get("components"))
    entries = errors.check_list((*path, "attachments"), form.get("attachments"), 10)
    for at, entry in enumerate(entries):
        known = errors.check_object((*path, "attachments", at), entry, ATTACHMENT)
        errors.check_text((*path, "attachments", at, "description"), known.get("description"), 1024)
    flags = form.get("flags") or 0
    if not isinstance(flags, int):
        errors.add((*path, "flags"), "NUMBER_TYPE_COERCE", f'Value "{flags}" is not int.')
    elif flags & COMPONENTS_V2:
        errors.add((*path, "flags"), "UNSUPPORTED", "The Discord fake does not support Components V2")
    for name in ("poll", "sticker_ids"):
        if form.get(name):
            errors.add((*path, name), "UNSUPPORTED", "The Discord fake supports neither polls nor stickers")
    nonce = form.get("nonce")
    if nonce is not None and len(str(nonce)) > 25:
        errors.add((*path, "nonce"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")


def _check_embeds(errors: ValidationErrors, path: Path, value: object) -> None:
    total = 0
    for at, each in enumerate(errors.check_list(path, value, 10)):
        total += _check_embed(errors, (*path, at), errors.check_object((*path, at), each, EMBED))
    if total > 6000:
        errors.add(path, "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")


def _check_embed(errors: ValidationErrors, path: Path, embed: Json) -> int:
    """Check an embed; returns the characters that count towards the total limit."""
    used = len(errors.check_text((*path, "title"), embed.get("title"), 256))
    used += len(errors.check_text((*path, "description"), embed.get("description"), 4096))
    if embed.get("color") is not None:
        errors.check_int((*path, "color"), embed["color"], 0, 0xFFFFFF)
    for at, each in enumerate(errors.check_list((*path, "fields"), embed.get("fields"), 25)):
        here: Path = (*path, "fields", at)
        known = errors.check_object(here, each, ("name", "value", "inline"))
        used += len(errors.check_text((*here, "name"), known.get("name"), 256, low=1))
        used += len(errors.check_text((*here, "value"), known.get("value"), 1024, low=1))
        errors.check_bool((*here, "inline"), known.get("inline"))
    if embed.get("footer") is not None:
        footer = errors.check_object((*path, "footer"), embed["footer"], ("text", "icon_url", "proxy_icon_url"))
        used += len(errors.check_text((*path, "footer", "text"), footer.get("text"), 2048, low=1))
    if embed.get("author") is not None:
        author = errors.check_object((*path, "author"), embed["author"], ("name", "url", "icon_url", "proxy_icon_url"))
        used += len(errors.check_text((*path, "author", "name"), author.get("name"), 256, low=1))
        _check_link(errors, (*path, "author", "url"), author.get("url"))
    _check_link(errors, (*path, "url"), embed.get("url"))
    for name in ("image", "thumbnail"):
        if embed.get(name) is not None:
            fields = ("url", "proxy_url", "height", "width", "description", "flags")
            picture = errors.check_object((*path, name), embed[name], fields)
            _check_link(errors, (*path, name, "url"), picture.get("url"), attachment=True)
    return used


def _check_link(errors: ValidationErrors, path: Path, value: object, attachment: bool = False) -> None:
    schemes = ("http://", "https://", "attachment://") if attachment else ("http://", "https://")
    url = errors.check_text(path, value, 2048)
    if url and not url.startswith(schemes):
        allowed = ", ".join(repr(scheme.split(":")[0]) for scheme in schemes)
        errors.add(path, "URL_TYPE_INVALID_SCHEME", f"Scheme must be one of ({allowed}).")


def _check_mentions(errors: ValidationErrors, path: Path, value: object) -> None:
    if value is None:
        return
    rule = errors.check_object(path, value, ("parse", "users", "roles", "replied_user"))
    parse = errors.check_list((*path, "parse"), rule.get("parse"), 3)
    for at, each in enumerate(parse):
        errors.check_choice((*path, "parse", at), each, ("everyone", "users", "roles"))
    for name in ("users", "roles"):
        if errors.check_list((*path, name), rule.get(name), 100) and name in parse:
            message = f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.'
            errors.add(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
    errors.check_bool((*path, "replied_user"), rule.get("replied_user"))
