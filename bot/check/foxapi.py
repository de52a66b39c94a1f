"""The account at FoxAPI: reachable, the key, the model, and what is left. Only questions that cost nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.check.http import HttpResponse, RequestFailed
from bot.check.report import CheckResult
from bot.foxapi import FoxError, Rejected, parse_response

_UNKNOWN = "FoxAPI does not tell"


@dataclass(frozen=True, slots=True)
class Responses:
    """What FoxAPI answered; without a key, `models` and `usage` were not asked for."""

    home: HttpResponse | RequestFailed
    models: HttpResponse | RequestFailed | None
    usage: HttpResponse | RequestFailed | None


def findings(asked: Responses, address: str, model: str) -> list[CheckResult]:
    """FoxAPI, key, model and account, each as far as the one before lets it be tried."""
    if isinstance(asked.home, RequestFailed):
        todo = "Check this machine's network, and FOXAPI_URL if you set it."
        first = CheckResult("FoxAPI", False, f"cannot be reached at {address}: {asked.home}", todo)
        return [first, *_skipped("FoxAPI cannot be reached")]
    first = CheckResult("FoxAPI", True, f"answers at {address}")
    if asked.models is None:
        return [first, *_skipped("not tried, for there is no key")]
    key, models = _key(asked.models)
    if key.ok is False:
        return [first, key, *_skipped("not known without the key")[1:]]
    return [first, key, _model(models, model), _account(asked.usage)]


def _skipped(why: str) -> list[CheckResult]:
    return [CheckResult(name, None, why) for name in ("key", "model", "account")]


def _key(answer: HttpResponse | RequestFailed) -> tuple[CheckResult, list[str] | None]:
    """What the list of models says of the key, and the models if it was given."""
    try:
        content = _content(answer)
    except Rejected as error:
        if error.status in {401, 403}:
            todo = "Put in the right key, from your FoxAPI account."
            return CheckResult("key", False, f"FoxAPI does not accept FOXAPI_KEY ({error.status})", todo), None
        todo = "Check FOXAPI_URL if you set it."
        return CheckResult("key", None, f"{_UNKNOWN} whether it is accepted ({error.status})", todo), None
    except (FoxError, RequestFailed) as error:
        return CheckResult("key", False, f"could not be tried: {error}", "Wait a little, and check again."), None
    items = content.get("data")
    if not isinstance(items, list):
        return CheckResult("key", True, "is accepted"), None
    return CheckResult("key", True, "is accepted"), [str(each.get("id")) for each in items if isinstance(each, dict)]


def _model(models: list[str] | None, model: str) -> CheckResult:
    if models is None:
        return CheckResult("model", None, f"{_UNKNOWN} which models this key can call")
    if model in models:
        return CheckResult("model", True, f"{model} can be called with this key")
    todo = "Have your FoxAPI account's group changed to one that offers it, or correct FOXAPI_MODEL."
    return CheckResult("model", False, f"{model} is not among the {len(models)} models that this key can call", todo)


def _account(answer: HttpResponse | RequestFailed | None) -> CheckResult:
    """What is left. This call is not documented, so that nothing is told is not a fault."""
    try:
        data = _content(answer).get("data") if answer else None
    except (FoxError, RequestFailed):
        data = None
    told: dict[str, Any] = data if isinstance(data, dict) else {}
    if told.get("unlimited_quota") is True:
        return CheckResult("account", True, "this key has no limit of its own")
    left = told.get("total_available")
    if isinstance(left, bool) or not isinstance(left, int | float):
        return CheckResult("account", None, f"{_UNKNOWN} what is left")
    if left <= 0:
        return CheckResult("account", False, "nothing is left on it", "Top up your FoxAPI account.")
    return CheckResult("account", True, f"{left:,} is left, in FoxAPI's own unit")


def _content(answer: HttpResponse | RequestFailed) -> dict[str, Any]:
    if isinstance(answer, RequestFailed):
        raise answer
    return parse_response(answer.status, answer.headers, answer.body)
