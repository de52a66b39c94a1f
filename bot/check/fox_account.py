"""The account at FoxAPI: reachable, the key, the model, and what is left. Only questions that cost nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.check.finding import Finding
from bot.check.outside import Answer, Unreachable
from bot.foxapi import FoxError, Rejected, decipher

_UNTOLD = "FoxAPI does not tell"


@dataclass(frozen=True, slots=True)
class Asked:
    """What FoxAPI answered; without a key, `models` and `usage` were not asked for."""

    home: Answer | Unreachable
    models: Answer | Unreachable | None
    usage: Answer | Unreachable | None


def findings(asked: Asked, address: str, model: str) -> list[Finding]:
    """FoxAPI, key, model and account, each as far as the one before lets it be tried."""
    if isinstance(asked.home, Unreachable):
        todo = "Check this machine's network, and FOXAPI_URL if you set it."
        first = Finding("FoxAPI", False, f"cannot be reached at {address}: {asked.home}", todo)
        return [first, *_untried("FoxAPI cannot be reached")]
    first = Finding("FoxAPI", True, f"answers at {address}")
    if asked.models is None:
        return [first, *_untried("not tried, for there is no key")]
    key, models = _key(asked.models)
    if key.ok is False:
        return [first, key, *_untried("not known without the key")[1:]]
    return [first, key, _model(models, model), _account(asked.usage)]


def _untried(why: str) -> list[Finding]:
    return [Finding(name, None, why) for name in ("key", "model", "account")]


def _key(answer: Answer | Unreachable) -> tuple[Finding, list[str] | None]:
    """What the list of models says of the key, and the models if it was given."""
    try:
        content = _content(answer)
    except Rejected as error:
        if error.status in {401, 403}:
            todo = "Put in the right key, from your FoxAPI account."
            return Finding("key", False, f"FoxAPI does not accept FOXAPI_KEY ({error.status})", todo), None
        todo = "Check FOXAPI_URL if you set it."
        return Finding("key", None, f"{_UNTOLD} whether it is accepted ({error.status})", todo), None
    except (FoxError, Unreachable) as error:
        return Finding("key", False, f"could not be tried: {error}", "Wait a little, and check again."), None
    items = content.get("data")
    if not isinstance(items, list):
        return Finding("key", True, "is accepted"), None
    return Finding("key", True, "is accepted"), [str(each.get("id")) for each in items if isinstance(each, dict)]


def _model(models: list[str] | None, model: str) -> Finding:
    if models is None:
        return Finding("model", None, f"{_UNTOLD} which models this key can call")
    if model in models:
        return Finding("model", True, f"{model} can be called with this key")
    todo = "Have your FoxAPI account's group changed to one that offers it, or correct FOXAPI_MODEL."
    return Finding("model", False, f"{model} is not among the {len(models)} models that this key can call", todo)


def _account(answer: Answer | Unreachable | None) -> Finding:
    """What is left. This call is not documented, so that nothing is told is not a fault."""
    try:
        data = _content(answer).get("data") if answer else None
    except (FoxError, Unreachable):
        data = None
    told: dict[str, Any] = data if isinstance(data, dict) else {}
    if told.get("unlimited_quota") is True:
        return Finding("account", True, "this key has no limit of its own")
    left = told.get("total_available")
    if isinstance(left, bool) or not isinstance(left, int | float):
        return Finding("account", None, f"{_UNTOLD} what is left")
    if left <= 0:
        return Finding("account", False, "nothing is left on it", "Top up your FoxAPI account.")
    return Finding("account", True, f"{left:,} is left, in FoxAPI's own unit")


def _content(answer: Answer | Unreachable) -> dict[str, Any]:
    if isinstance(answer, Unreachable):
        raise answer
    return decipher(answer.status, answer.headers, answer.body)
