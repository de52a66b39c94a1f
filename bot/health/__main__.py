"""`python -m bot.health`: exit with 0 if the running bot is ready; for Docker's HEALTHCHECK.

It runs every half minute, so it imports nothing of the bot, starts fast, and reads its two variables by itself.
"""

from __future__ import annotations

import http.client
import os
import sys

_SECONDS = 8.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (an address to connect to, not to bind)


def main() -> int:
    """Request /healthz, print the response, and return the exit code."""
    host, port = os.environ.get("HTTP_HOST") or "127.0.0.1", os.environ.get("HTTP_PORT") or ""
    if not port.isdecimal():
        print("HTTP_PORT is not set, so the bot serves no health checks: set it.", file=sys.stderr)
        return 1
    asked = http.client.HTTPConnection(_EVERYWHERE.get(host, host), int(port), timeout=_SECONDS)
    try:
        asked.request("GET", "/healthz")
        answer = asked.getresponse()
        print(answer.read(10_000).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        print(f"The bot does not respond at HTTP_PORT {port}: {error}", file=sys.stderr)
        return 1
    finally:
        asked.close()
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
