"""Downloading a member's link: what arrives complete, what is refused, and that nothing is left behind."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.http_time import parse_retry_after
from bot.media.download import Downloader
from bot.media.errors import DownloadFailed, UnusableVideo
from bot.media.ssrf import check_url, is_public
from tests.fuzz.server import raw_server
from tests.support.media_site import BODY, Phonebook, Site, open_site

PRIVATE_HOSTS = """
    127.0.0.1 0.0.0.0 10.0.0.1 100.64.0.1 169.254.169.254 172.31.0.1 192.168.1.1 224.0.0.1 255.255.255.255
    0x7f.1 0x7f000001 2130706433 127.1 0177.0.0.1 127.0.0.1. \uff11\uff12\uff17.0.0.1
    [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [fe80::1] [fd00::1] [ff02::1] [::ffff:8.8.8.8]
    [64:ff9b::7f00:1] [2002:7f00:1::] [2001:0:1::1] [100::1] [2001:db8::1]
"""
NO_LINKS = [
    *("", "clip.mp4", "ftp://example.com/x", "file:///etc/passwd", "http://", "http:///x", "https://exa mple.com/x"),
    *("http://example.com/\r\nHost: x", "http://example.com:99999/x", "http://[::1", "http://%31%32%37.0.0.1/"),
    *("http://example.com\\@127.0.0.1/", "http://" + "a" * 5000, "https://a..b/x", "https://" + "a" * 64 + ".com/"),
    *("https://" + "a." * 130 + "com/", "https://xn--/", "https://a%zz/", "https://\ud800.com/", "https://a.com/\0"),
]


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as site:
        yield site


async def fetch(
    site: Site,
    url: str,
    into: Path,
    *,
    trusted: frozenset[str] | None = None,
    names: Phonebook | None = None,
    seconds: float = 30,
    idle_seconds: float = 30,
) -> int:
    """Download with a small size limit; the site's own address is trusted by default."""
    here = frozenset({f"127.0.0.1:{site.port}"}) if trusted is None else trusted
    async with Downloader(
        trusted=here,
        max_bytes=len(BODY),
        resolver=names or Phonebook({}),
        seconds=seconds,
        idle_seconds=idle_seconds,
    ) as downloader:
        return await downloader.fetch(url, into)


def list_files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("how", ["video", "chunked", "again?left=4", "to?where=video"])
async def test_a_file_arrives_whole(site: Site, tmp_path: Path, how: str) -> None:
    """A file arrives byte for byte, with or without a known length, and after at most five redirects."""
    into = tmp_path / "clip"
    assert await fetch(site, site.url(how), into) == len(BODY)
    assert into.read_bytes() == BODY
    assert list_files(tmp_path) == ["clip"]


async def test_the_request_headers(site: Site, tmp_path: Path) -> None:
    """The request has our own User-Agent, asks for no compression, and carries no cookie, not even a fresh one."""
    await fetch(site, site.url("cookie"), tmp_path / "clip")
    assert len(site.seen) == 2
    for request in site.seen:
        assert request.headers["User-Agent"].startswith("extend-bot")
        assert request.headers["Accept-Encoding"] == "identity"
        assert "Cookie" not in request.headers


async def test_a_signature_is_kept_to_the_letter(site: Site, tmp_path: Path) -> None:
    """The query is sent as the member gave it, because re-encoding it would break a signature."""
    await fetch(site, site.url("video?sig=a%2Fb%2bc%3D&x=%7E"), tmp_path / "clip")
    assert site.seen[0].raw_path == "/video?sig=a%2Fb%2bc%3D&x=%7E"


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("endless", "larger than"),
        ("gzip", "compresses"),
        ("page", "web page"),
        ("disguised", "web page"),
        ("again?left=5", "redirects too often"),
        ("to?where=ftp://127.0.0.1/x", "not a link"),
        ("to?where=http://10.0.0.1/x", "private network"),
        ("to?where=http://[::ffff:127.0.0.1]/x", "private network"),
        ("to?where=http://localhost:1/x", "private network"),
        ("status?code=404", "nothing at that link"),
        ("status?code=403", "refuses access"),
        ("status?code=204", "refuses access"),
    ],
)
async def test_permanent_errors_are_unusable(site: Site, tmp_path: Path, how: str, words: str) -> None:
    """Permanent errors are refused with one sentence, and no file remains."""
    names = Phonebook({"localhost": ["127.0.0.1"]})
    with pytest.raises(UnusableVideo, match=words):
        await fetch(site, site.url(how), tmp_path / "clip", names=names)
    assert list_files(tmp_path) == []


@pytest.mark.parametrize(
    ("how", "words", "seconds", "idle_seconds"),
    [
        ("trickle", "too slow", 1, 30),
        ("silent", "too slow", 30, 0.4),
        ("short", "broke off", 30, 30),
        ("status?code=503", "503", 30, 30),
        ("status?code=429", "429", 30, 30),
    ],
)
async def test_transient_errors_may_be_retried(
    site: Site, tmp_path: Path, how: str, words: str, seconds: float, idle_seconds: float
) -> None:
    """Transient errors are distinguished, with the server's Retry-After, and no file remains."""
    with pytest.raises(DownloadFailed, match=words) as caught:
        await fetch(site, site.url(how), tmp_path / "clip", seconds=seconds, idle_seconds=idle_seconds)
    assert caught.value.retry_after == (7.0 if "status" in how else None)
    assert list_files(tmp_path) == []


async def test_a_caller_with_little_time_left(site: Site, tmp_path: Path) -> None:
    """The caller's remaining time bounds the whole download; no time at all is too slow."""
    into = tmp_path / "clip"
    async with Downloader(trusted=frozenset({f"127.0.0.1:{site.port}"}), resolver=Phonebook({})) as downloader:
        for left in (0.3, 0.0, -5.0):
            with pytest.raises(DownloadFailed, match="too slow"):
                await downloader.fetch(site.url("trickle"), into, seconds=left)
        assert await downloader.fetch(site.url("video"), into, seconds=30) == len(BODY)
    assert list_files(tmp_path) == ["clip"]


ODD_TARGETS = [
    *(b"//[::1", b"http://a..b/x", b"http://%zz/", b"http://[v1]/", b"http://x:99999/", b"javascript:x", b"data:,x"),
    *(
        b"http://\xff\xfe..x/",
        b"http://" + b"a" * 64 + b".com/",
        b"http://a b/",
        b"http://x:y/",
    ),
]


@pytest.mark.parametrize("where", ODD_TARGETS)
async def test_a_redirect_to_an_invalid_link(tmp_path: Path, where: bytes) -> None:
    """However a redirect's target is spelled, an invalid one is reported as such."""
    async with raw_server() as server:
        server.answer = (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + where + b"\r\n\r\n",)
        async with Downloader(trusted=frozenset({server.host}), resolver=Phonebook({})) as downloader:
            with pytest.raises(UnusableVideo, match=r"not a link|invalid address"):
                await downloader.fetch(f"http://{server.host}/x", tmp_path / "clip")
    assert list_files(tmp_path) == []


async def test_no_server_and_no_name_may_be_retried(site: Site, tmp_path: Path) -> None:
    """A closed port and an unknown name may work later; the sentence does not contain the link."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{free.getsockname()[1]}"
    for url in (f"http://{closed}/x?secret", "http://nowhere.example/x?secret"):
        with pytest.raises(DownloadFailed) as caught:
            await fetch(site, url, tmp_path / "clip", trusted=frozenset({closed}))
        assert "secret" not in str(caught.value.message)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["::1"], ["10.1.2.3", "169.254.169.254"], ["::ffff:127.0.0.1"]])
async def test_a_name_of_a_private_address_is_refused(site: Site, tmp_path: Path, answer: list[str]) -> None:
    """A name that resolves only to private addresses is refused without a connection."""
    with pytest.raises(UnusableVideo, match="private network"):
        await fetch(
            site, site.url("video", "evil.example"), tmp_path / "clip", names=Phonebook({"evil.example": answer})
        )
    assert site.seen == []


async def test_the_checked_address_is_the_one_connected_to(site: Site, tmp_path: Path) -> None:
    """A name is resolved once per connection and its private addresses are dropped, which prevents DNS rebinding."""
    names = Phonebook({"both.example": ["127.0.0.1", "10.0.0.1"]})
    with pytest.raises(UnusableVideo, match="private network"):
        await fetch(site, site.url("video", "both.example"), tmp_path / "clip", names=names)
    assert names.asked == 1
    assert site.seen == []


async def test_a_trusted_pair_must_match_exactly(site: Site, tmp_path: Path) -> None:
    """A private address is fetched only if its host and port are trusted together, under the given name."""
    names = Phonebook({"media.local": ["127.0.0.1"]})
    url = site.url("video", "media.local")
    good = frozenset({f"Media.Local:{site.port}"})
    assert await fetch(site, url, tmp_path / "clip", trusted=good, names=names) == len(BODY)
    for trusted in ({f"127.0.0.1:{site.port}"}, {f"media.local:{site.port + 1}"}, {"media.local"}):
        with pytest.raises(UnusableVideo, match="private network"):
            await fetch(site, url, tmp_path / "other", trusted=frozenset(trusted), names=names)


@pytest.mark.parametrize("link", NO_LINKS)
def test_what_is_no_link_is_refused(link: str) -> None:
    """Anything but an http or https URL is refused before a lookup."""
    with pytest.raises(UnusableVideo):
        check_url(link, frozenset())


@pytest.mark.parametrize("host", PRIVATE_HOSTS.split())
def test_private_addresses_are_refused_however_spelled(host: str) -> None:
    """Every private, special or disguised address is refused as a literal."""
    with pytest.raises(UnusableVideo, match="private network"):
        check_url(f"http://{host}/x", frozenset())


def test_credentials_are_refused_and_public_addresses_pass() -> None:
    """A link with credentials is refused; ordinary links are accepted, by name, IPv4 or IPv6."""
    with pytest.raises(UnusableVideo, match="name or password"):
        check_url("https://me:secret@example.com/x", frozenset())
    for link in ("https://example.com/a%20b.mp4?x=1", "http://93.184.216.34/x", "https://[2606:4700::1111]:8443/x"):
        assert str(check_url(link, frozenset())) == link
    assert not is_public(ip_address("fe80::1%eth0"))


def test_retry_after_in_both_spellings() -> None:
    """Retry-After is parsed as seconds or as a date, never negative and never more than an hour."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert parse_retry_after("12", now) == 12
    assert parse_retry_after("Thu, 01 Jan 2026 00:00:30 GMT", now) == 30
    assert parse_retry_after("Thu, 01 Jan 2015 00:00:30 GMT", now) == 0
    assert parse_retry_after("999999", now) == 3600
    assert parse_retry_after("soon", now) is None
    assert parse_retry_after("nan", now) is None
