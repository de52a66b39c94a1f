"""FoxAPI's errors in words for a member: what is wrong, and what to do. Never a promise about money."""

from __future__ import annotations

_BY_CODE = {
    "content_policy_violation": (
        "FoxAPI's moderation refused this prompt or clip: change the prompt, or use another clip."
    ),
    "invalid_parameters": "FoxAPI could not use this clip: try another one, or save it anew as an MP4.",
    "generation_timeout": "FoxAPI ran out of time on this one: try again.",
    "service_error": "FoxAPI had an error of its own: try again in a few minutes.",
    "resource_exhausted": "FoxAPI is overloaded: try again in a few minutes.",
    "quota_exceeded": "The bot's FoxAPI account has used up its quota: tell whoever runs this bot.",
    "generation_failed_no_content": (
        "FoxAPI finished without a video, which can mean that its moderation withheld it: change the prompt, try again."
    ),
    "unknown_error": "FoxAPI failed without saying why: try again.",
    "model_not_found": "The bot's FoxAPI key cannot use its video model: tell whoever runs this bot.",
    "no_compatible_channel": "FoxAPI has no free channel for this model just now: try again in a few minutes.",
}

_BY_STATUS = {
    401: "FoxAPI does not accept the bot's key: tell whoever runs this bot.",
    402: "The bot's FoxAPI account has run out of credit: tell whoever runs this bot.",
    403: "FoxAPI turned the bot away: tell whoever runs this bot.",
    404: "FoxAPI does not know this task.",
    413: "FoxAPI says that this clip is too large: use a smaller one.",
}


def sentence_for_status(status: int, code: str, message: str) -> str:
    """One sentence for an HTTP error; unknown ones are shown by FoxAPI's own message."""
    known = _BY_STATUS.get(status) or _BY_CODE.get(code)
    return known or _quoted(f"FoxAPI refused the request ({status})", message)


def sentence_for_failure(code: str, message: str) -> str:
    """One sentence for a task that FoxAPI ended as failed; the list of codes is open."""
    return _BY_CODE.get(code) or _quoted("FoxAPI could not make this video", message or code)


def _quoted(beginning: str, message: str) -> str:
    said = " ".join(message.split())
    return f"{beginning}: “{said}”." if said else f"{beginning}, and did not say why: try again."
