"""Redact secrets, tokens, and everything of a link except its host.

Used for the log, for `check` and for FoxAPI's error messages. The time is linear in the length of the text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

HIDDEN: Final = "[secret]"
_LINK = re.compile(r"://(?:[^\s/?#'\"<>]*@)?([^\s/?#'\"<>)\],;]*)([/?#][^\s'\"<>]*)?")
"""Starts at the colon, because a leading scheme of any length would be retried at each of its letters."""
_PATH = re.compile(r"(/(?:webhooks|interactions)/\d+/)[^\s/?'\"]+")
_TOKEN = re.compile(r"\baW50ZXJhY3Rpb246[\w=+/-]+")
"""An interaction's token: base64 that starts with "interaction:"."""
_LIKE_KEYS = re.compile(
    r"\bsk-[\w-]{8,}"  # a key in the usual format
    r"|\bsk-[\w-]{0,40}(?:[*•…]|\.\.)[\w*•….-]*"  # the same with its middle elided
    r"|\b(?P<scheme>bearer)\s+[^\s'\"“”<>,;]{8,}",
    re.IGNORECASE,
)
_SEPARATORS = re.compile(r"[\W_]+")
_SHORTEST = 4
"""Characters; shorter values are not secret, and hiding them would damage ordinary words."""
_LONG = 20
"""Characters from which on a secret is also recognised by its pieces: it is random, so no other text contains them."""
_PIECE = 8
"""The number of letters and digits in such a piece."""


class Redactor:
    """Redacts texts. This is the last line of defence: do not log secrets in the first place."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """`secrets`: known secrets, such as the bot's token."""
        forms = {form for secret in secrets for form in _encode_forms(secret) if len(form) >= _SHORTEST}
        whole = sorted(forms, key=len, reverse=True)
        self._whole = re.compile("|".join(map(re.escape, whole))) if whole else None
        self._pieces = {piece for form in whole if len(form) >= _LONG for piece in _split_pieces(_normalise(form)[0])}

    def __call__(self, text: str) -> str:
        """Redact secrets, interaction tokens, and everything of links except their hosts."""
        return _TOKEN.sub("[token]", _PATH.sub(r"\1[token]", _LINK.sub(_keep_host, self.hide(text))))

    def hide(self, text: str) -> str:
        """Redact secrets only; links stay as they are."""
        if self._whole:
            text = self._whole.sub(HIDDEN, text)
        if self._pieces and not self._pieces.isdisjoint(_split_pieces(_SEPARATORS.sub("", text).lower())):
            text = self._without_split_pieces(text)
        return _LIKE_KEYS.sub(lambda key: f"{key['scheme']} {HIDDEN}" if key["scheme"] else HIDDEN, text)

    def _without_split_pieces(self, text: str) -> str:
        """Redact pieces of secrets: truncated, split by other characters, or in another case."""
        bare, places = _normalise(text)
        spans: list[tuple[int, int]] = []
        for at in (at for at, piece in enumerate(_split_pieces(bare)) if piece in self._pieces):
            begin, end = places[at], places[at + _PIECE - 1] + 1
            if spans and begin <= spans[-1][1]:
                begin = spans.pop()[0]
            spans.append((begin, end))
        parts, done = [], 0
        for begin, end in spans:
            parts += [text[done:begin], HIDDEN]
            done = end
        return "".join([*parts, text[done:]])


def extract_passwords(address: str) -> list[str]:
    """Return the password in a URL, encoded and decoded; an empty list if there is none."""
    try:
        written = urlsplit(address).password
    except ValueError:
        return []
    return [written, unquote(written)] if written else []


def _keep_host(link: re.Match[str]) -> str:
    return f"://{link[1]}{'/…' if link[2] else ''}"


def _encode_forms(secret: str) -> Iterator[str]:
    """Yield the forms in which a secret can appear: plain, URL-encoded, hex, and base64 at any offset."""
    yield from (secret, quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1])
    content = secret.encode()
    if len(secret) < _PIECE:
        return
    yield content.hex()
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Three bytes are four characters. Characters that also encode neighbouring bytes are left out.
            written = encode(b"\0" * before + content).decode()
            yield written[4 * bool(before) : 4 * ((before + len(content)) // 3)]


def _normalise(text: str) -> tuple[str, list[int]]:
    """Return the letters and digits of `text` in lower case, and the index of each."""
    found = [(small, at) for at, char in enumerate(text) if char.isalnum() for small in char.lower()]
    return "".join(small for small, _ in found), [at for _, at in found]


def _split_pieces(bare: str) -> Iterator[str]:
    return (bare[at : at + _PIECE] for at in range(len(bare) - _PIECE + 1))
