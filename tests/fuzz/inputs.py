"""Examples of untrusted input of each kind, and functions that mutate them."""

from __future__ import annotations

import random
import re

Dice = random.Random

LINKS = (
    *("https://a..b/x.mp4", "https://cdn.example.com/a%20b.mp4?sig=a%2Fb&x=%7E#t", "http://127.0.0.1:8080/x"),
    *(
        "https://[2606:4700::1111]:8443/x",
        "http://[::ffff:10.0.0.1]/",
        "https://xn--bcher-kva.example/x",
        "http://0x7f.1/",
    ),
    *(
        "https://me:secret@example.com/x",
        "https://a.b:65536/",
        "https://a.b:\u0663/",
        "https://\uff11\uff12\uff17.0.0.1/",
    ),
    *(
        "https://a\u3002b/",
        "https://%61.com/%zz",
        "//a.b/c",
        "../x?y#z",
        "https://" + "a" * 64 + ".com/",
        "http://[v1.a]/",
    ),
    *("https://discord.com/channels/1/2/3", "https://discord.com/channels/@me/" + "9" * 30 + "/1", "javascript:x"),
    "https://cdn.discordapp.com/attachments/1/2/a.mp4?ex=6789abcd&is=6789abcd&hm=00ff&",
)
WAITS = (
    *("7", "-1", "1e999", "inf", "nan", "9" * 400, "0x10", "1_0", " 5 ", "\u0661", "", ",", "Thu", "\udcff"),
    *("Thu, 01 Jan 2026 00:00:30 GMT", "Thu, 01 Jan 0000 00:00:30 GMT", "Thu, 01 Jan 2026 00:00:30"),
    *("Thu, 01 Jan 99999 00:00:30 GMT", "Thu, 32 Jan 2026 00:00:30 GMT", "Thu, 01 Jan 2026 00:00:30 +9999"),
    *("Thu, 01 Jan 0001 00:00:30 +2300", "Fri, 31 Dec 9999 23:59:30 -2300", "Thu, 01 Jan 2026 99999999999:00:30 GMT"),
)
JSONS = (
    b'{"id":"task-unified-1757165031-u","status":"pending","progress":0,"task_info":{"estimated_time":45}}',
    b'{"id":"t","status":"completed","progress":100,"results":[{"url":"https://x.test/a.mp4"}],"usage":{"credits_reserved":5}}',
    b'{"status":"failed","error":{"code":"content_policy_violation","message":"no \\ud800 \\u0000","type":"x"}}',
    b'{"error":{"message":"m","type":"t","code":17}}',
    b'{"output":{"urls":["https://x.test/a.mp4\\ud800"]},"status":"completed","progress":1e400}',
    b'{"data":[{"id":"grok-imagine-video-extension"}],"url":"https://x.test/b.mp4"}',
    *(b"[" * 3000, b"<html>no</html>", b'{"a":' * 2000, b'{"progress":' + b"9" * 5000 + b"}", b"NaN", b"\xff\xfe{}"),
)
ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 5\r\n\r\nabcde",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\nzz\r\nabcde\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /o\xff%zz\r\nSet-Cookie: a=b; expires=\xff; Path=/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 307 X\r\nLocation: https://a..b/x.mp4\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 301 X\r\nLocation: //[::1\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 No\r\nRetry-After: Thu, 01 Jan 0000 00:00:30 GMT\r\nContent-Length: 2\r\n\r\nno",
    b"HTTP/1.0 429 \xff\r\nRetry-After: 1e999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/\xffhtml; charset=\x80\r\nContent-Length: -1\r\n\r\n",
    b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n{"id":"t","url":"https://x.test/a"}',
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 0000 00:00:30 GMT\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 9000 + b"\r\n\r\n",
    b"HTTP/9.9 999 OK\r\n\r\n",
)
CUSTOM_IDS = (
    *("task:more:12", "task:nothing:1", "task:cancel:999999999999999999", "task:cancel:9999999999999999999"),
    *(
        "limits:member:99999999999999999999",
        "limits:block",
        "limits:no_such_deed:1",
        "limits:page:7",
        "limits:language:5",
    ),
    *("gallery:next:week:9999", "gallery:span:never:0", "share:undo:\u0661\u0662", "share:more:", "delete:0"),
    *("tasks:page:0", "tasks:page:999999999999999999", "tasks:open:1", "privacy:sure", "privacy:", "task::", ":", ""),
)
NUMBERS = ("0", "3", "-3", "9" * 10, "9" * 5000, "\u0663", "1_0", " 1", "0x1", "")
_ODD = (
    *(
        "\0",
        "\n",
        "\r",
        "\x1b[31m",
        "\u0661",
        "\u00b2",
        "\uff0e",
        "\u3002",
        "\u00df",
        "\u200d",
        "\ud800",
        "\udcff",
        "\u2028",
    ),
    *(
        "..",
        "//",
        "[",
        "]",
        ":",
        "@",
        "%",
        "%zz",
        "%00",
        "#",
        "?",
        "\\",
        "-1",
        "0",
        "9" * 25,
        "1e999",
        "nan",
        "N/A",
        "xn--",
    ),
    *(
        "\n  Stream #0:0: Video: h264, yuv420p, 64x64, 30 fps",
        "\n  Duration: 99:59:59.99, start",
        "rotation of 1.2.3 degrees",
    ),
    *(
        "0x0",
        "16384x16384",
        "1/0",
        "-9223372036854775808",
        "0 fps",
        "90000k fps",
        "\nOutput #0, framecrc, to 'pipe:1':\n",
    ),
)
_ODD_NUMBERS = (
    *("0", "00:00:00.00", "1", "-1", "0x0", "1x1", "16384x16384", "9" * 30, "1/0", "0/1", "4294967295", "1.2.3", "N/A"),
    *("9223372036854775807", "-9223372036854775808", "nan", "inf", "\u0663", "1e5", "0:0", "1:99999999", "0.00"),
)


def spoil_text(good: str, dice: Dice) -> str:
    """Return the text with a few characters removed, repeated, or replaced by odd ones."""
    text = good
    for _ in range(dice.choice([0, 1, 1, 2, 3, 6])):
        at = dice.randrange(len(text) + 1)
        to = min(len(text), at + dice.choice([0, 0, 1, 1, 2, 5, 20]))
        new = dice.choice(
            ["", text[at:to] * 2, dice.choice(_ODD), chr(dice.randrange(0x300)), chr(dice.randrange(0x110000))]
        )
        text = text[:at] + new + text[to:]
    return text


def spoil_numbers(good: str, dice: Dice) -> str:
    """Return the text with some numbers replaced by odd ones."""
    places = list(re.finditer(r"[0-9][0-9.:x/]*", good))
    text = good
    for found in sorted(
        dice.sample(places, min(len(places), dice.choice([0, 1, 2, 5]))), key=re.Match.start, reverse=True
    ):
        text = text[: found.start()] + dice.choice(_ODD_NUMBERS) + text[found.end() :]
    return text


def spoil_bytes(good: bytes, dice: Dice) -> bytes:
    """Like :func:`spoil_text`, for bytes, which need not be text."""
    content = bytearray(good)
    for _ in range(dice.choice([0, 1, 1, 2, 3, 8])):
        at = dice.randrange(len(content) + 1)
        to = min(len(content), at + dice.choice([0, 0, 1, 1, 2, 5, 20]))
        odd = dice.choice(_ODD).encode("utf-8", "surrogatepass")
        content[at:to] = dice.choice([b"", bytes(content[at:to]) * 2, odd, dice.randbytes(dice.randrange(1, 4))])
    return bytes(content[: dice.randrange(len(content) + 1)] if dice.random() < 0.1 else content)
