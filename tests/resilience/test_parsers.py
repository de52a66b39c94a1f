"""Every parser of external input raises only its own errors: property tests, and a short run of the fuzzer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.errors import RequestRefused
from bot.domain.http_time import RETRY_MOST, parse_http_date, parse_retry_after
from bot.foxapi import FoxError, parse_response
from bot.foxapi.protocol import parse_submission, parse_task
from bot.media import FfmpegResult, UnusableVideo, find_rejection
from bot.media.ffmpeg.file_type import read_major_brand
from bot.media.ffmpeg.filters import choose_format
from bot.media.ffmpeg.packets import parse_timelines
from bot.media.ffmpeg.probe import parse_probe
from bot.media.ssrf import check_url
from bot.services import make_request
from cogs.common.links import parse_expiry
from tests.fuzz.__main__ import fuzz, fuzz_all
from tests.fuzz.inputs import JSONS, LINKS, WAITS, Dice

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SAME = settings(derandomize=True, max_examples=300)
odd_text = st.text() | st.text(st.characters(codec=None, categories=None), max_size=30)
hosts = st.lists(odd_text, min_size=1, max_size=4).map(".".join)
urls = st.builds(
    "{}://{}{}/{}".format, st.sampled_from(["http", "https", "HTTPS", "ftp", ""]), hosts, odd_text, odd_text
)


@SAME
@given(urls | odd_text | st.sampled_from(LINKS))
@example("https://a..b/x.mp4")
@example("https://" + "a" * 64 + ".com/")
@example("https://" + "a." * 130 + "com/")
def test_a_link_is_accepted_or_unusable(text: str) -> None:
    """A link is accepted or raises UnusableVideo; an accepted one has a resolvable host name and keeps its text."""
    parse_expiry(text)
    try:
        url = check_url(text, frozenset())
    except UnusableVideo:
        return
    (url.raw_host or "").encode("idna")
    if text.isascii():
        assert url.raw_path == "/" or url.raw_path in text
        assert url.raw_query_string in text


numbers = st.integers(-(10**30), 10**30).map(str)
dates = st.builds(
    "Thu, {} Jan {} {}:{}:30 {}".format,
    *[st.integers(0, 10**6)] * 4,
    st.sampled_from(["GMT", "", "+9999", "-0000", "x"]),
)


@SAME
@given(odd_text | numbers | dates | st.sampled_from(WAITS))
@example("9" * 4500)
def test_retry_after_is_bounded_or_none(text: str) -> None:
    """A parsed Retry-After is None or 0 to 3600 s; a parsed date is time-zone aware."""
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or 0 <= seconds <= RETRY_MOST
    moment = parse_http_date(text)
    assert moment is None or math.isfinite((moment - NOW).total_seconds())


whole = st.sampled_from([0, 1, -1, 2**31, 2**63 - 1, -(2**63), 2**64, 10**40]) | st.integers(-5000, 5000)
packet = st.builds(
    "{},{},{},{},{},0x1{}".format, st.integers(0, 2), *[whole] * 4, st.sampled_from(["", ", F=0x4", ", F=x"])
)
base = st.builds("#tb {}: {}/{}".format, st.integers(0, 2), whole, whole)
listing = st.lists(packet | base | odd_text, max_size=12).map("\n".join)
LOG = """Input #0, {family}, from 'file:x':
  Duration: {duration}, start: 0.000000, bitrate: 1 kb/s
Stream mapping:
Output #0, framecrc, to 'pipe:1':
  Metadata:
    comment         : mark
  Stream #0:0: Video: {codec}, {pixels}, {size} [SAR {sar} DAR 16:9], q=2-31, {rate} fps, 30 tbr
    Side data:
      Display Matrix: rotation of {turn} degrees
"""
log = st.builds(
    LOG.format,
    family=st.sampled_from(["mov,mp4,m4a", "gif", "matroska,webm"]) | odd_text,
    duration=st.sampled_from(["N/A", "00:00:05.00", "-1:00:00.00", "999999:99:99.99"]) | odd_text,
    codec=st.sampled_from(["h264 (High)", "none", "gif"]) | odd_text,
    pixels=st.sampled_from(["yuv420p(tv, bt709)", "none", "p(a/b/c)"]) | odd_text,
    size=st.builds("{}x{}".format, whole, whole) | st.just("320x180"),
    sar=st.builds("{}:{}".format, whole, whole),
    rate=st.sampled_from(["30", "0", "0.00", "90k", "1000", "90000", "1.2.3", "9" * 400]) | odd_text,
    turn=st.sampled_from(["90.00", "nan", "1.2.3", "-0.00", "9" * 400 + ".0"]) | odd_text,
)


@SAME
@given(log | odd_text, listing, st.binary(max_size=40))
@example(
    LOG.format(family="gif", duration="N/A", codec="gif", pixels="bgra", size="9x9", sar="1:1", rate="0", turn="x"),
    "#tb 0: 1/100\n0,0,0,100,8,0x1\n0,100,100,200,8,0x1\n0,300,300,300,8,0x1",
    b"",
)
def test_ffmpeg_output_is_parsed_or_unusable(text: str, packets: str, beginning: bytes) -> None:
    """Any ffmpeg output is parsed into usable numbers or raises UnusableVideo."""
    read_major_brand(beginning)
    try:
        seen = parse_probe(FfmpegResult(0, packets.encode("utf-8", "replace"), text), "mark", beginning, 9)
    except UnusableVideo:
        return
    shape = choose_format(seen)
    assert 0 < shape.rate <= 60
    assert min(shape.width, shape.height, seen.clip.width, seen.clip.height) > 0
    assert seen.clip.seconds >= 0
    find_rejection(seen.clip)


@SAME
@given(listing)
def test_packets_give_ordered_timelines(text: str) -> None:
    """Any packet listing gives timelines with finite times in order."""
    for timeline in parse_timelines(text.encode("utf-8", "replace")).values():
        assert list(timeline.timestamps) == sorted(timeline.timestamps)
        assert math.isfinite(timeline.seconds)
        assert timeline.constant_rate is None or timeline.constant_rate > 0


RATES = [
    ((0, 100, 300), 10),
    ((0, 300, 301), 10),
    ((0, 4, 8, 12), 25),
    ((0, 0, 0), 10),
    ((0, 1, 2, 3), 10),
    ((0, 10**7), 10),
]


@pytest.mark.parametrize(("begins", "rate"), RATES)
def test_the_frame_rate_shows_every_frame(begins: Sequence[int], rate: int) -> None:
    """Frames of different durations, as in a GIF, get a rate that shows the shortest one as browsers do."""
    lines = ["#tb 0: 1/100", *(f"0,{at},{at},100,8,0x1" for at in begins)]
    text = LOG.format(
        family="gif", duration="N/A", codec="gif", pixels="bgra", size="9x9", sar="1:1", rate="0", turn="x"
    )
    assert choose_format(
        parse_probe(FfmpegResult(0, "\n".join(lines).encode(), text), "mark", b"GIF89a", 9)
    ).rate == Fraction(rate)


@SAME
@given(st.integers(100, 599), st.sampled_from(JSONS), st.binary(max_size=6), st.integers(0, 200))
def test_foxapi_texts_can_be_stored(status: int, body: bytes, noise: bytes, at: int) -> None:
    """Texts parsed from a response or its error can be stored in every database and sent in every message."""
    told: list[str] = []
    try:
        content = parse_response(status, {}, body[:at] + noise + body[at:])
        seen = parse_task(content)
        told += [seen.url or "", seen.code, str(seen.message or "")]
        told.append(parse_submission(content).remote_id)
    except FoxError as error:
        told += [str(error), str(getattr(error, "sentence", ""))]
    for text in told:
        text.encode()
        assert "\0" not in text


@SAME
@given(odd_text, odd_text, odd_text)
@example("go\0\ud800", "https://x.test/\0\ud800", "\udcff.mp4")
def test_member_texts_can_be_stored(prompt: str, url: str, name: str) -> None:
    """A member's request is refused, or its texts can be stored in every database."""
    with suppress(RequestRefused):
        order = make_request(user_id=1, guild_id=2, channel_id=3, prompt=prompt, source_url=url, source_name=name)
        for text in (order.prompt, order.source_url, order.source_name):
            text.encode()
            assert "\0" not in text
        assert type(order).model_validate_json(order.model_dump_json()) == order


async def test_the_fuzzer_finds_nothing() -> None:
    """A short run of the fuzzer covers every parser and finds no unexpected exception."""
    counts, wrong = await fuzz_all(4, seed=7)
    assert not wrong, wrong[0]
    assert len(counts) == 8
    assert all(counts.values())


async def test_the_fuzzer_reports_what_it_finds() -> None:
    """The fuzzer reports an unexpected exception with the parser's name, the input's number and the traceback."""

    async def bad(dice: Dice) -> None:
        if dice.random() < 0.5:
            raise ZeroDivisionError("as planted")

    counts, wrong = await fuzz({"bad": bad}, 1, seed=1)
    assert counts["bad"] > len(wrong) > 0
    assert "bad, input " in wrong[0]
    assert "as planted" in wrong[0]
