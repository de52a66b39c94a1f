"""The two ways in which media work ends badly: for good, or for now."""

from __future__ import annotations

from bot.domain.errors import TaskFailed
from bot.i18n.text import Translatable


class UnusableVideo(TaskFailed):
    """The video, or the link to it, cannot be used as it is: trying again would end the same way.

    Its phrase is one sentence for the member: what is wrong, and what to do.
    """


class DownloadFailed(Exception):
    """The file could not be fetched this time; the same call may succeed later.

    `sentence` is for the member, should it never succeed; `retry_after` is what the server asked for, in seconds.
    """

    def __init__(self, sentence: Translatable, retry_after: float | None = None) -> None:
        super().__init__(str(sentence))
        self.message = sentence
        self.retry_after = retry_after


class UnknownHost(DownloadFailed):
    """The server's name is not known. It was asked for often enough: to go on would only keep the member waiting."""
