"""Taking out of a text what nobody may read in it: secrets, tokens, and all of a link but its host.

One redactor serves the log, `check` and what FoxAPI says. Its work is linear in the text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

HIDDEN: Final = "[secret]"
_LINK = re.compile(r"://(?:[^\s/?#'\"<>]*@)?([^\s/?#'\"<>)\],;]*)([/?#][^\s'\"<>]*)?")
"""Begins at the colon: a pattern that begins with a scheme of any length is tried anew at each of its letters."""
_PATH = re.compile(r"(/(?:webhooks|interactions)/\d+/)[^\s/?'\"]+")
_TOKEN = re.compile(r"\baW50ZXJhY3Rpb246[\w=+/-]+")
"""An interaction's token, wherever it stands: base64 of "interaction:", and more."""
_LIKE_KEYS = re.compile(
    r"\bsk-[\w-]{8,}"  # a key of the usual make, whosever it is
    r"|\bsk-[\w-]{0,40}(?:[*•…]|\.\.)[\w*•….-]*"  # the same with its middle left out
    r"|\b(?P<scheme>bearer)\s+[^\s'\"“”<>,;]{8,}",
    re.IGNORECASE,
)
_DIVIDING = re.compile(r"[\W_]+")
_SHORTEST = 4
"""Characters: what is shorter is no secret, and hiding it would only spoil the words."""
_LONG = 20
"""Characters from which on a secret is known by its pieces too: it was drawn by lot, so no other word is like them."""
_PIECE = 8
"""Letters and digits of such a piece."""


class Redactor:
    """Takes out of a text what nobody may read there. The last line of defence: leave it out to begin with."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """`secrets`: the known ones, such as the bot's token."""
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORTEST}
        whole = sorted(forms, key=len, reverse=True)
        self._whole = re.compile("|".join(map(re.escape, whole))) if whole else None
        self._pieces = {piece for form in whole if len(form) >= _LONG for piece in _pieces(_bare(form)[0])}

    def __call__(self, text: str) -> str:
        """`text` without the secrets, without interactions' tokens, and with no more of any link than its host."""
        return _TOKEN.sub("[token]", _PATH.sub(r"\1[token]", _LINK.sub(_host_of, self.hide(text))))

    def hide(self, text: str) -> str:
        """`text` without the secrets, links being left as they are."""
        if self._whole:
            text = self._whole.sub(HIDDEN, text)
        if self._pieces and not self._pieces.isdisjoint(_pieces(_DIVIDING.sub("", text).lower())):
            text = self._without_pieces(text)
        return _LIKE_KEYS.sub(lambda key: f"{key['scheme']} {HIDDEN}" if key["scheme"] else HIDDEN, text)

    def _without_pieces(self, text: str) -> str:
        """A secret is found also where it is broken off, divided by other signs, or in other letters."""
        bare, places = _bare(text)
        spans: list[tuple[int, int]] = []
        for at in (at for at, piece in enumerate(_pieces(bare)) if piece in self._pieces):
            begin, end = places[at], places[at + _PIECE - 1] + 1
            if spans and begin <= spans[-1][1]:
                begin = spans.pop()[0]
            spans.append((begin, end))
        parts, done = [], 0
        for begin, end in spans:
            parts += [text[done:begin], HIDDEN]
            done = end
        return "".join([*parts, text[done:]])


def password_of(address: str) -> list[str]:
    """The password in an address, as it is written there and as it is meant; none if there is none."""
    try:
        written = urlsplit(address).password
    except ValueError:
        return []
    return [written, unquote(written)] if written else []


def _host_of(link: re.Match[str]) -> str:
    return f"://{link[1]}{'/…' if link[2] else ''}"


def _forms(secret: str) -> Iterator[str]:
    """The secret as it may come back: plain, as part of an address, and in base64 behind any other words."""
    yield from (secret, quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1])
    content = secret.encode()
    if len(secret) < _PIECE:
        return
    yield content.hex()
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Three bytes are four characters: those that also hold bits of what stands before and behind are left out.
            written = encode(b"\0" * before + content).decode()
            yield written[4 * bool(before) : 4 * ((before + len(content)) // 3)]


def _bare(text: str) -> tuple[str, list[int]]:
    """The letters and digits of `text` in small letters, and where each of them stands."""
    found = [(small, at) for at, char in enumerate(text) if char.isalnum() for small in char.lower()]
    return "".join(small for small, _ in found), [at for _, at in found]


def _pieces(bare: str) -> Iterator[str]:
    return (bare[at : at + _PIECE] for at in range(len(bare) - _PIECE + 1))
