"""Timeouts: every wait, in seconds, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for what, in seconds."""

    clip_download: float = 120
    """For the member's clip to be fetched: look-ups, redirects and new tries included."""
    download: float = 180
    """For one download of a result."""
    download_idle: float = 20
    """For the next byte of a download."""
    submit_total: float = 3600
    """For FoxAPI to take what it surely has not taken yet: a prepared clip, or a task."""
    upload: float = 120
    """For FoxAPI's answer to an upload, once all of it is sent."""
    submit_response: float = 90
    """For FoxAPI's answer to the paid request; after it nobody knows whether it was taken."""
    poll_response: float = 20
    """For FoxAPI's answer to a query."""
    result_link: float = 600
    """For the result's link to appear after `completed`."""
    task_unknown: float = 300
    """For FoxAPI to know its own task again."""
    no_progress: float = 3600
    """For progress, while FoxAPI does answer."""
    overdue_poll: float = 600
    """Between two queries of an overdue task."""
    deadline: float = 24 * 3600
    """From sending to giving up for good: as long as FoxAPI's links live."""
    shutdown: float = 8
    """For a paid request or a delivery under way when the bot is stopped."""
    first_gap: float = 1
    """Before the first new try of anything; the gaps grow from there."""
    undeliverable_retry: float = 3600
    """Between two tries to deliver a result when no way to its member is open."""
    unexpected: float = 1200
    """The longest gap between two tries of a paid task that an unexpected error keeps from its end."""
    slot: float = 2
    """Between two looks whether there is a slot again for a task that gave its own away while it waited."""
    queue_scan: float = 5
    """Between two looks at the line: slots may become free without a word, and those who wait see where they are."""
    retention: float = 3600
    """Between two times of taking away what is to be kept no longer."""
