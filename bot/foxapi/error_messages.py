"""FoxAPI's errors as sentences for members: what is wrong, and what to do. They never make promises about money."""

from __future__ import annotations

from bot.i18n.text import Translatable, tr

_BY_CODE = {
    "content_policy_violation": tr(
        "FoxAPI's moderation refused this prompt or clip. Change the prompt, or use another clip."
    ),
    "invalid_parameters": tr("FoxAPI could not use this clip. Try another one, or export it again as an MP4."),
    "generation_timeout": tr("FoxAPI timed out. Try again."),
    "service_error": tr("FoxAPI had an internal error. Try again in a few minutes."),
    "resource_exhausted": tr("FoxAPI is overloaded. Try again in a few minutes."),
    "quota_exceeded": tr("The bot's FoxAPI account has used up its quota. Tell the operator of this bot."),
    "generation_failed_no_content": tr(
        "FoxAPI finished without a video: its moderation may have withheld it. Change the prompt and try again."
    ),
    "unknown_error": tr("FoxAPI failed without giving a reason. Try again."),
    "model_not_found": tr("The bot's FoxAPI key cannot use its video model. Tell the operator of this bot."),
    "no_compatible_channel": tr("FoxAPI has no free channel for this model at the moment. Try again in a few minutes."),
}

_BY_STATUS = {
    401: tr("FoxAPI does not accept the bot's key. Tell the operator of this bot."),
    402: tr("The bot's FoxAPI account has run out of credit. Tell the operator of this bot."),
    403: tr("FoxAPI denied the bot access. Tell the operator of this bot."),
    404: tr("FoxAPI does not know this task."),
    413: tr("FoxAPI says that this clip is too large. Use a smaller one."),
}


def explain_status(status: int, code: str, message: str) -> Translatable:
    """Return one sentence for an HTTP error; unknown errors are quoted from FoxAPI."""
    if known := _BY_STATUS.get(status) or _BY_CODE.get(code):
        return known
    if detail := _collapse_spaces(message):
        return tr("FoxAPI refused the request ({status}): “{words}”.", status=str(status), words=detail)
    return tr("FoxAPI refused the request ({status}) without giving a reason. Try again.", status=str(status))


def explain_failure(code: str, message: str) -> Translatable:
    """Return one sentence for a task that FoxAPI reports as failed; the list of codes is open."""
    if known := _BY_CODE.get(code):
        return known
    if detail := _collapse_spaces(message or code):
        return tr("FoxAPI could not make this video: “{words}”.", words=detail)
    return tr("FoxAPI could not make this video and gave no reason. Try again.")


def _collapse_spaces(message: str) -> str:
    return " ".join(message.split())
