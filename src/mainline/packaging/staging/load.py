"""A bounded load: a number of connections, each of which sends the next request after every answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

JSON = {"content-type": "application/json"}
PATIENCE = 30.0  # seconds after which a request counts as hanging


@dataclass
class Load:
    """`latencies` in seconds, of the requests that were answered; `statuses` by how often."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Requests answered a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def send_requests(url: str, bodies: list[bytes], connections: int, seconds: float) -> Load:
    """Send requests for `seconds` on a number of kept connections; the bodies take turns."""
    until = time.monotonic() + seconds
    return asyncio.run(_send_requests(url, bodies, connections, lambda asked: time.monotonic() < until))


def at_once(url: str, body: bytes, connections: int) -> Load:
    """As many requests as connections, all at the same time."""
    return asyncio.run(_send_requests(url, [body], connections, lambda asked: asked < 1))


def until_told(
    url: str, bodies: list[bytes], connections: int, begun: Callable[[], object], most: float = PATIENCE
) -> Load:
    """Ask until the server says `connection: close`, as a balancer's pool does, or for `most` seconds.

    `begun` is called under load.
    """
    until = time.monotonic() + most
    return asyncio.run(_send_requests(url, bodies, connections, lambda asked: time.monotonic() < until, begun))


async def _send_requests(
    url: str,
    bodies: list[bytes],
    connections: int,
    again: Callable[[int], bool],
    begun: Callable[[], object] | None = None,
) -> Load:
    import aiohttp

    load = Load()
    warm = asyncio.Event()

    async def client(number: int) -> None:
        asked = 0
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(PATIENCE)) as session:
            while again(asked):
                body = bodies[(number + asked) % len(bodies)]
                asked += 1
                at = time.perf_counter()
                try:
                    async with session.post(f"{url}/invocations", data=body, headers=JSON) as answer:
                        await answer.read()
                        load.statuses[answer.status] += 1
                        load.latencies.append(time.perf_counter() - at)
                        leave = answer.headers.get("connection") == "close"
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    load.errors["no answer" if isinstance(error, TimeoutError) else type(error).__name__] += 1
                    return
                if asked == 10:
                    warm.set()
                if leave:
                    return

    at = time.perf_counter()
    clients = [asyncio.ensure_future(client(number)) for number in range(connections)]
    if begun:
        await asyncio.wait([asyncio.ensure_future(warm.wait()), *clients], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(begun)
    await asyncio.gather(*clients)
    load.seconds = time.perf_counter() - at
    return load
