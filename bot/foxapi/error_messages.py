"""FoxAPI's errors in words for a member: what is wrong, and what to do. Never a promise about money."""

from __future__ import annotations

from bot.i18n.text import Translatable, tr

_BY_CODE = {
    "content_policy_violation": tr(
        "FoxAPI's moderation refused this prompt or clip: change the prompt, or use another clip."
    ),
    "invalid_parameters": tr("FoxAPI could not use this clip: try another one, or save it anew as an MP4."),
    "generation_timeout": tr("FoxAPI ran out of time on this one: try again."),
    "service_error": tr("FoxAPI had an error of its own: try again in a few minutes."),
    "resource_exhausted": tr("FoxAPI is overloaded: try again in a few minutes."),
    "quota_exceeded": tr("The bot's FoxAPI account has used up its quota: tell whoever runs this bot."),
    "generation_failed_no_content": tr(
        "FoxAPI finished without a video, which can mean that its moderation withheld it: change the prompt, try again."
    ),
    "unknown_error": tr("FoxAPI failed without saying why: try again."),
    "model_not_found": tr("The bot's FoxAPI key cannot use its video model: tell whoever runs this bot."),
    "no_compatible_channel": tr("FoxAPI has no free channel for this model just now: try again in a few minutes."),
}

_BY_STATUS = {
    401: tr("FoxAPI does not accept the bot's key: tell whoever runs this bot."),
    402: tr("The bot's FoxAPI account has run out of credit: tell whoever runs this bot."),
    403: tr("FoxAPI turned the bot away: tell whoever runs this bot."),
    404: tr("FoxAPI does not know this task."),
    413: tr("FoxAPI says that this clip is too large: use a smaller one."),
}


def explain_status(status: int, code: str, message: str) -> Translatable:
    """One sentence for an HTTP error; unknown ones are shown by FoxAPI's own message."""
    if known := _BY_STATUS.get(status) or _BY_CODE.get(code):
        return known
    if detail := _collapse_spaces(message):
        return tr("FoxAPI refused the request ({status}): “{words}”.", status=str(status), words=detail)
    return tr("FoxAPI refused the request ({status}), and did not say why: try again.", status=str(status))


def explain_failure(code: str, message: str) -> Translatable:
    """One sentence for a task that FoxAPI ended as failed; the list of codes is open."""
    if known := _BY_CODE.get(code):
        return known
    if detail := _collapse_spaces(message or code):
        return tr("FoxAPI could not make this video: “{words}”.", words=detail)
    return tr("FoxAPI could not make this video, and did not say why: try again.")


def _collapse_spaces(message: str) -> str:
    return " ".join(message.split())
