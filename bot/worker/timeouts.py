"""Timeouts: all waits of the worker in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Every timeout and interval of the worker, in seconds."""

    clip_download: float = 120
    """For the download of the member's clip, including DNS look-ups, redirects and retries."""
    download: float = 180
    """For one download of a result."""
    download_idle: float = 20
    """For the next byte of a download."""
    submit_total: float = 3600
    """For retries of an upload or a submission that FoxAPI has certainly not accepted yet."""
    upload: float = 120
    """For FoxAPI's response to an upload, once all of it is sent."""
    submit_response: float = 90
    """For FoxAPI's response to the paid request; after that, nobody knows whether it was accepted."""
    poll_response: float = 20
    """For FoxAPI's response to a poll."""
    result_link: float = 600
    """For the result's link to appear after `completed`."""
    task_unknown: float = 300
    """For FoxAPI to find its own task again after it answered that there is none."""
    no_progress: float = 3600
    """For progress, while FoxAPI does respond."""
    overdue_poll: float = 600
    """Between two polls of an overdue task."""
    deadline: float = 24 * 3600
    """From submission to giving up: as long as FoxAPI's links work."""
    shutdown: float = 8
    """For a paid request or a delivery that is under way when the bot is stopped."""
    first_gap: float = 1
    """Before the first retry of anything; the gaps grow from there."""
    undeliverable_retry: float = 3600
    """Between two tries to deliver a result that cannot reach its member at present."""
    unexpected: float = 1200
    """The longest gap between two tries of a paid task after unexpected errors."""
    slot: float = 2
    """Between two tries to get a slot back for a task that gave its own away while it waited."""
    queue_scan: float = 5
    """Between two scans of the queue: slots may become free without a notification, and positions change."""
    retention: float = 3600
    """Between two runs of retention."""
