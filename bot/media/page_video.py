"""Find the video file that a web page names in its head, as Tenor's and Giphy's do (Open Graph protocol, og:video)."""

from __future__ import annotations

from html.parser import HTMLParser

from yarl import URL

from bot.domain.video_files import is_video_name

_NAMES = ("og:video:secure_url", "og:video:url", "og:video", "twitter:player:stream")
"""In order of preference."""
_MAX_META = 4000
"""Bytes of a <meta> element. The rest of the page is not parsed: half a megabyte of it would take half a second."""


class _Meta(HTMLParser):
    """Collects the properties of <meta> elements."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read one element."""
        given = dict(attrs)
        name = given.get("property") or given.get("name") or ""
        if tag == "meta" and name in _NAMES and given.get("content"):
            self.found.setdefault(name, str(given["content"]))


def find_page_video(page: bytes, address: URL) -> str | None:
    """Return the address of the video file that `page`, the beginning of the page at `address`, names; None if none.

    Many pages name a player there, which is a page too and no file. The page is a stranger's: the address must be
    checked like any other link.
    """
    found = _read_properties(page)
    for name in _NAMES:
        try:  # spelled as the page spells it, because it may be signed
            video = address.join(URL(found[name], encoded=found[name].isascii()))
        except (KeyError, ValueError, TypeError):
            continue
        if is_video_name(video.path):
            return str(video)
    return None


def _read_properties(page: bytes) -> dict[str, str]:
    parser, lowered = _Meta(), page.lower()
    at = lowered.find(b"<meta")
    while at >= 0:
        end = page.find(b">", at, at + _MAX_META)
        element = page[at : end + 1] if end >= 0 else b""
        if any(name.encode() in element for name in _NAMES):
            parser.feed(element.decode(errors="replace"))
        at = lowered.find(b"<meta", at + 1)
    return parser.found
