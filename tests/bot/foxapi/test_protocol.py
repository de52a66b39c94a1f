"""Parsing FoxAPI's responses: only our own errors are raised, and a task never moves backwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.task import TaskState
from bot.foxapi import (
    FoxError,
    RateLimited,
    Rejected,
    RemoteStatus,
    RemoteTask,
    SubmissionUncertain,
    TaskNotFound,
    TransientError,
    parse_response,
)
from bot.foxapi.protocol import parse_delay, parse_submission, parse_task

CREATED = {
    "created": 1757165031,
    "id": "task-unified-1757165031-uyujaw3d",
    "model": "grok-imagine-video-extension",
    "object": "video.generation.task",
    "progress": 0,
    "status": "pending",
    "task_info": {"can_cancel": True, "estimated_time": 45},
    "type": "video",
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
bodies = st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode())
headers = st.dictionaries(st.sampled_from(["Retry-After", "x-request-id", "Content-Type"]), st.text(max_size=40))
fox_objects = st.fixed_dictionaries(
    {},
    optional={
        "id": json_values,
        "status": st.sampled_from([*RemoteStatus, "cancelled", "odd"]) | json_values,
        "progress": json_values,
        "results": json_values | st.just([{"url": "https://x.test/a.mp4"}]),
        "output": json_values,
        "error": json_values | st.fixed_dictionaries({"code": json_values, "message": json_values}),
        "task_info": json_values | st.fixed_dictionaries({"estimated_time": json_values}),
    },
)


@given(st.integers(100, 599), headers, bodies)
@example(200, {}, b"[" * 5000)
@example(429, {"Retry-After": "nan"}, b"")
@example(429, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, b"{}")
def test_parse_response_raises_only_fox_errors(status: int, head: dict[str, str], body: bytes) -> None:
    """parse_response raises only FoxErrors, whatever status, header or body, and only a 2xx returns an object."""
    try:
        content = parse_response(status, head, body)
    except FoxError:
        return
    assert 200 <= status < 300
    assert isinstance(content, dict)


@given(fox_objects)
def test_parsing_an_object_raises_only_fox_errors(content: dict[str, Any]) -> None:
    """Any JSON object becomes a typed value or a FoxError; the percentage is within 0 to 100."""
    for read in (parse_submission, parse_task):
        try:
            answer = read(content)
        except FoxError:
            continue
        if isinstance(answer, RemoteTask):
            assert 0 <= answer.percent <= 100
            assert answer.message or answer.status is not RemoteStatus.FAILED


@given(st.lists(st.sampled_from(list(TaskState)), max_size=12))
def test_no_transition_leads_back(steps: list[TaskState]) -> None:
    """In any sequence of allowed transitions a task only moves forward, and never leaves a final state."""
    order = list(TaskState)
    state = TaskState.QUEUED
    for later in steps:
        if state.can_become(later):
            assert not state.is_final
            assert later.is_final or order.index(later) >= order.index(state)
            state = later


def test_the_documented_response_is_parsed() -> None:
    """The documented response of the create call yields the id, which suffices by itself."""
    assert parse_submission(CREATED).remote_id == "task-unified-1757165031-uyujaw3d"
    assert parse_submission({"id": "t", "status": "pending"}).remote_id == "t"
    with pytest.raises(SubmissionUncertain):
        parse_submission({"status": "pending"})


@pytest.mark.parametrize(
    "shape",
    [
        {"results": [{"url": "https://x.test/a.mp4"}]},
        {"results": ["https://x.test/a.mp4"]},
        {"results": None, "output": {"url": "https://x.test/a.mp4"}},
        {"output": {"urls": ["https://x.test/a.mp4"]}},
    ],
)
def test_every_known_result_format_is_parsed(shape: dict[str, Any]) -> None:
    """The result's URL is found in the current format and in each older or related one."""
    assert parse_task({"status": "completed", "progress": 100, **shape}).url == "https://x.test/a.mp4"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Rejected),
        (402, Rejected),
        (403, Rejected),
        (404, TaskNotFound),
        (413, Rejected),
        (422, Rejected),
        (429, RateLimited),
        (301, Rejected),
        (303, TransientError),
        (500, TransientError),
        (502, TransientError),
        (503, TransientError),
        (504, TransientError),
    ],
)
def test_the_status_decides(status: int, kind: type[FoxError]) -> None:
    """Each documented or seen status becomes its kind of error, with JSON, HTML and plain bodies alike."""
    for body in (b'{"error":{"message":"m","type":"t"}}', b"<html>no</html>", b"error code: 1010", b""):
        with pytest.raises(kind) as caught:
            parse_response(status, {}, body)
        assert type(caught.value) is kind


def test_retry_after_is_parsed_as_seconds_or_date() -> None:
    """Retry-After is parsed as seconds or a date, ignored if invalid, and limited to an hour."""
    soon = datetime.now(UTC) + timedelta(seconds=90)
    assert parse_delay({"retry-after": "7"}) == 7
    assert 80 < (parse_delay({"Retry-After": format_datetime(soon, usegmt=True)}) or 0) <= 90
    assert parse_delay({"Retry-After": "soon"}) is None
    assert parse_delay({"Retry-After": "999999"}) == 3600
    assert parse_delay({}) is None


def test_unknown_failures_are_shown_by_their_message() -> None:
    """A failed task's sentence is ours for known codes, FoxAPI's text for unknown ones, and never empty."""
    known = parse_task({"status": "failed", "error": {"code": "content_policy_violation", "message": "x"}})
    assert "moderation" in str(known.message)
    unknown = parse_task({"status": "failed", "error": {"code": "new_code", "message": "The moon is full"}})
    assert "The moon is full" in str(unknown.message)
    assert parse_task({"status": "cancelled", "error": None}).message
