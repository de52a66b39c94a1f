"""Check the FoxAPI account: reachability, key, model and balance. Only free requests are sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.check.http import HttpResponse, RequestFailed
from bot.check.report import CheckResult
from bot.foxapi import FoxError, Rejected, parse_response

_UNKNOWN = "FoxAPI does not report"


@dataclass(frozen=True, slots=True)
class FoxResponses:
    """FoxAPI's responses; without a key, `models` and `usage` were not requested."""

    home: HttpResponse | RequestFailed
    models: HttpResponse | RequestFailed | None
    usage: HttpResponse | RequestFailed | None


def check_account(asked: FoxResponses, address: str, model: str) -> list[CheckResult]:
    """Check FoxAPI, key, model and account; a failure skips the checks that depend on it."""
    if isinstance(asked.home, RequestFailed):
        todo = "Check this machine's network, and FOXAPI_URL if you set it."
        first = CheckResult("FoxAPI", False, f"cannot be reached at {address}: {asked.home}", todo)
        return [first, *_skip("FoxAPI cannot be reached")]
    first = CheckResult("FoxAPI", True, f"responds at {address}")
    if asked.models is None:
        return [first, *_skip("skipped, because there is no key")]
    key, models = _check_key(asked.models)
    if key.ok is False:
        return [first, key, *_skip("unknown without the key")[1:]]
    return [first, key, _check_model(models, model), _check_balance(asked.usage)]


def _skip(why: str) -> list[CheckResult]:
    return [CheckResult(name, None, why) for name in ("key", "model", "account")]


def _check_key(answer: HttpResponse | RequestFailed) -> tuple[CheckResult, list[str] | None]:
    """Check the key with the list of models; return the result and the models, if they were returned."""
    try:
        content = _parse_content(answer)
    except Rejected as error:
        if error.status in {401, 403}:
            todo = "Set the right key, from your FoxAPI account."
            return CheckResult("key", False, f"FoxAPI does not accept FOXAPI_KEY ({error.status})", todo), None
        todo = "Check FOXAPI_URL if you set it."
        return CheckResult("key", None, f"{_UNKNOWN} whether it is accepted ({error.status})", todo), None
    except (FoxError, RequestFailed) as error:
        return CheckResult("key", False, f"could not be checked: {error}", "Wait a moment and check again."), None
    items = content.get("data")
    if not isinstance(items, list):
        return CheckResult("key", True, "is accepted"), None
    return CheckResult("key", True, "is accepted"), [str(each.get("id")) for each in items if isinstance(each, dict)]


def _check_model(models: list[str] | None, model: str) -> CheckResult:
    if models is None:
        return CheckResult("model", None, f"{_UNKNOWN} which models are available to this key")
    if model in models:
        return CheckResult("model", True, f"{model} is available to this key")
    todo = "Ask FoxAPI to change your account's group to one that offers it, or correct FOXAPI_MODEL."
    return CheckResult(
        "model", False, f"{model} is not among the {len(models)} models that are available to this key", todo
    )


def _check_balance(answer: HttpResponse | RequestFailed | None) -> CheckResult:
    """Check the balance. The endpoint is undocumented, so a missing value is not a failure."""
    try:
        data = _parse_content(answer).get("data") if answer else None
    except (FoxError, RequestFailed):
        data = None
    balance: dict[str, Any] = data if isinstance(data, dict) else {}
    if balance.get("unlimited_quota") is True:
        return CheckResult("account", True, "this key has no limit of its own")
    left = balance.get("total_available")
    if isinstance(left, bool) or not isinstance(left, int | float):
        return CheckResult("account", None, f"{_UNKNOWN} the balance")
    if left <= 0:
        return CheckResult("account", False, "the balance is used up", "Top up your FoxAPI account.")
    return CheckResult("account", True, f"the balance is {left:,}, in FoxAPI's own unit")


def _parse_content(answer: HttpResponse | RequestFailed) -> dict[str, Any]:
    if isinstance(answer, RequestFailed):
        raise answer
    return parse_response(answer.status, answer.headers, answer.body)
