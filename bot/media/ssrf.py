"""SSRF guard: links may lead only to public addresses and to hosts that the operator trusts.

The IPv4 networks come from IANA's special-purpose registries (RFC 6890 and its successors). For IPv6 the rule is
reversed: only global unicast (2000::/3) is allowed, except for the parts that embed an IPv4 address or are reserved.
IPv4-mapped, IPv4-compatible and NAT64 addresses, which could bypass the first list, therefore need no extra rule.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.i18n.text import tr
from bot.media.errors import UnusableVideo

PRIVATE = tr("That link leads to a private network, which is not allowed. Attach the video, or link to a public file.")
NOT_A_LINK = tr("That is not a link to a file on the web. It must begin with https:// or http://.")

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network, and "unspecified"
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; clouds serve credentials there
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_ALLOWED_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID and so on
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?")
_NUMBERS = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?")
_MAX_URL = 4096
_MAX_NAME, _MAX_LABEL = 253, 63
"""Limits of DNS names (RFC 1035, 2.3.4)."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether `address` is publicly routable."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return (
        address in _ALLOWED_V6 and address.scope_id is None and not any(address in network for network in _REFUSED_V6)
    )


def format_host_port(host: str, port: int) -> str:
    """Format `host:port` as in the setting TRUSTED_MEDIA_HOSTS."""
    return f"[{host}]:{port}".lower() if ":" in host else f"{host}:{port}".lower()


def check_url(text: str, trusted: frozenset[str]) -> URL:
    """Parse `text` as a URL that may be requested, as far as that can be decided before its name is resolved.

    The text is kept unchanged, because re-encoding it would break a signature. Raises :class:`UnusableVideo` if it is
    not an http(s) link, contains a user name or password, or names a private address.
    """
    if len(text) > _MAX_URL or any(ord(character) <= 0x20 or ord(character) == 0x7F for character in text):
        raise UnusableVideo(NOT_A_LINK)
    try:
        url = URL(text, encoded=text.isascii())
        host, port = url.raw_host, url.port
    except (ValueError, TypeError):  # raised by yarl and its IDNA helpers: UnicodeError is a ValueError
        raise UnusableVideo(NOT_A_LINK) from None
    if url.scheme not in {"http", "https"} or not host or not port:
        raise UnusableVideo(NOT_A_LINK)
    if url.raw_user is not None or url.raw_password is not None:
        raise UnusableVideo(tr("That link contains a user name or password. Use a link that works without them."))
    if format_host_port(host, port) not in trusted:
        _check_literal(host.lower())
    return url


def _check_literal(host: str) -> None:
    """Reject a host that is a private address. Names pass; the resolver checks their addresses."""
    try:
        address = ip_address(host)
    except ValueError:
        # System resolvers read 0x7f.1 and 2130706433 as 127.0.0.1; nobody writes public addresses like that.
        if _NUMBERS.fullmatch(host):
            raise UnusableVideo(PRIVATE) from None
        labels = host.removesuffix(".").split(".")
        proper = all(0 < len(label) <= _MAX_LABEL for label in labels) and len(host) <= _MAX_NAME
        if not proper or not _NAME.fullmatch(host):
            raise UnusableVideo(NOT_A_LINK) from None
    else:
        if not is_public(address):
            raise UnusableVideo(PRIVATE)


class PublicResolver(AbstractResolver):
    """Resolves names and returns only public addresses, so that connections go only to checked addresses."""

    def __init__(self, inner: AbstractResolver, trusted: frozenset[str]) -> None:
        self._inner = inner
        self._trusted = trusted

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve `host`. Raises :class:`UnusableVideo` if all its addresses are private, OSError if it has none."""
        found = await self._inner.resolve(host, port, family)
        if format_host_port(host, port) in self._trusted:
            return found
        allowed = [result for result in found if is_public(ip_address(result["host"]))]
        if found and not allowed:
            raise UnusableVideo(PRIVATE)
        return allowed

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()
