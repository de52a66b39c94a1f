"""FoxAPI's errors in words for a member: what is wrong, and what to do. Never a promise about money."""

from __future__ import annotations

from bot.phrase import Phrase, say

_BY_CODE = {
    "content_policy_violation": say(
        "FoxAPI's moderation refused this prompt or clip: change the prompt, or use another clip."
    ),
    "invalid_parameters": say("FoxAPI could not use this clip: try another one, or save it anew as an MP4."),
    "generation_timeout": say("FoxAPI ran out of time on this one: try again."),
    "service_error": say("FoxAPI had an error of its own: try again in a few minutes."),
    "resource_exhausted": say("FoxAPI is overloaded: try again in a few minutes."),
    "quota_exceeded": say("The bot's FoxAPI account has used up its quota: tell whoever runs this bot."),
    "generation_failed_no_content": say(
        "FoxAPI finished without a video, which can mean that its moderation withheld it: change the prompt, try again."
    ),
    "unknown_error": say("FoxAPI failed without saying why: try again."),
    "model_not_found": say("The bot's FoxAPI key cannot use its video model: tell whoever runs this bot."),
    "no_compatible_channel": say("FoxAPI has no free channel for this model just now: try again in a few minutes."),
}

_BY_STATUS = {
    401: say("FoxAPI does not accept the bot's key: tell whoever runs this bot."),
    402: say("The bot's FoxAPI account has run out of credit: tell whoever runs this bot."),
    403: say("FoxAPI turned the bot away: tell whoever runs this bot."),
    404: say("FoxAPI does not know this task."),
    413: say("FoxAPI says that this clip is too large: use a smaller one."),
}


def sentence_for_status(status: int, code: str, message: str) -> Phrase:
    """One sentence for an HTTP error; unknown ones are shown by FoxAPI's own message."""
    if known := _BY_STATUS.get(status) or _BY_CODE.get(code):
        return known
    if said := _flat(message):
        return say("FoxAPI refused the request ({status}): “{words}”.", status=str(status), words=said)
    return say("FoxAPI refused the request ({status}), and did not say why: try again.", status=str(status))


def sentence_for_failure(code: str, message: str) -> Phrase:
    """One sentence for a task that FoxAPI ended as failed; the list of codes is open."""
    if known := _BY_CODE.get(code):
        return known
    if said := _flat(message or code):
        return say("FoxAPI could not make this video: “{words}”.", words=said)
    return say("FoxAPI could not make this video, and did not say why: try again.")


def _flat(message: str) -> str:
    return " ".join(message.split())
