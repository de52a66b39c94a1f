"""Find the video file that a web page names in its head, as Tenor's and Giphy's do (Open Graph protocol, og:video)."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from yarl import URL

_NAMES = ("og:video:secure_url", "og:video:url", "og:video", "twitter:player:stream")
"""In order of preference."""
_VIDEO = re.compile(r"\.(?:mp4|m4v|mov|webm|mkv|gif|avi)$", re.IGNORECASE)
"""Many pages name a player there, which is a page too."""


class _Head(HTMLParser):
    """Collects the page's properties."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read a <meta> element."""
        given = dict(attrs)
        name = given.get("property") or given.get("name") or ""
        if tag == "meta" and name in _NAMES and given.get("content"):
            self.found.setdefault(name, str(given["content"]))


def find_page_video(page: bytes, address: URL) -> str | None:
    """Return the address of the video file that `page`, the beginning of the page at `address`, names; None if none.

    The page is a stranger's: the address must be checked like any other link.
    """
    head = _Head()
    head.feed(page.decode(errors="replace"))
    for name in _NAMES:
        try:
            found = address.join(URL(head.found[name]))
        except (KeyError, ValueError, TypeError):
            continue
        if _VIDEO.search(found.path):
            return str(found)
    return None
