"""The expected failures of media work.

MediaError
├── UnusableVideo       the video or its link cannot be used; trying again would fail the same way (a TaskFailed)
│   └── TookTooLong     the work on it reached its time limit
├── DownloadFailed      the file could not be fetched this time; the same call may succeed later
│   └── UnknownHost     the host name of the link does not resolve
├── StorageError        the bucket for delivered films cannot be used
└── InvalidMp4          the boxes of an MP4 file contradict each other
"""

from __future__ import annotations

from bot.domain.errors import ExtendBotError, TaskFailed
from bot.i18n.text import Translatable


class MediaError(ExtendBotError):
    """Base class of the expected failures of media work."""


class UnusableVideo(MediaError, TaskFailed):
    """The video or its link cannot be used: trying again would fail the same way.

    `message` is one sentence for the member that says what is wrong and what to do.
    """


class TookTooLong(UnusableVideo):
    """The work on the video reached its time limit, so another way that is no faster is not worth trying."""


class DownloadFailed(MediaError):
    """The file could not be fetched this time; the same call may succeed later.

    `message` is for the member, in case every attempt fails; `retry_after` is the delay that the server asked for,
    in seconds.
    """

    def __init__(self, message: Translatable, retry_after: float | None = None) -> None:
        super().__init__(str(message))
        self.message = message
        self.retry_after = retry_after


class UnknownHost(DownloadFailed):
    """The host name does not resolve. The resolver has retried already, so the caller should not."""


class StorageError(MediaError):
    """The bucket cannot be used. Its text is one sentence for the operator."""


class InvalidMp4(MediaError):
    """The boxes of the file contradict each other, or a required one is missing."""
