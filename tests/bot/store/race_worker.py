"""One of several processes that submit tasks against the same limits at once; see test_limit_races.py.

`python -m tests.bot.store.race_worker DATABASE_URL NUMBER OF` prints "ready", waits for a line, and prints how many
tasks were accepted in each race.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta

from bot.domain.errors import RequestRefused
from bot.domain.events import EventQueue
from bot.services import TaskService
from bot.store import Store
from tests.bot.store.test_limit_races import COMMANDS, HELPERS, MEMBERS, OVER_PROCESSES, RACES, Race
from tests.support.builders import NOON, a_place, a_requester, an_order


async def submit_all(store: Store, race: Race, number: int, mine: range) -> int:
    """Submit the commands `mine` of the hundred at once; return how many were accepted."""
    now = NOON + timedelta(days=2 * number)
    service = TaskService(store, lambda: now, lambda _: None, race.limits, race.operator_limits, EventQueue())

    async def command(message: int) -> bool:
        who = {"user_id": 1 + message % MEMBERS, "guild_id": 1000 + number}
        requester = a_requester(**who, role_ids=frozenset({HELPERS}))
        try:
            await service.submit(an_order(**who), a_place(1 + message + number * COMMANDS), requester)
        except RequestRefused:
            return False
        return True

    return sum(await asyncio.gather(*map(command, mine)))


async def main(url: str, number: int, of: int) -> None:
    """Take part in every race."""
    mine = range(number * COMMANDS // of, (number + 1) * COMMANDS // of)
    async with Store.open(url) as store:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        results = {name: await submit_all(store, RACES[name], at, mine) for at, name in enumerate(OVER_PROCESSES)}
        print(json.dumps(results))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
