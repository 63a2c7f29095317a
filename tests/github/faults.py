"""What goes wrong at GitHub, on purpose: said of a method and a pattern of the path, a number of times."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

from tests.github.call import Answer


@dataclass
class Fault:
    """Answers `times` matching requests with something else; status 0 breaks the connection."""

    status: int
    times: int = 1
    method: str = ""
    path: str = ""
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0

    def hits(self, method: str, path: str) -> bool:
        hit = self.times > 0 and self.method in ("", method) and re.search(self.path, path) is not None
        self.times -= hit
        return hit

    def answer(self) -> Answer:
        return Answer(self.status, self.body, self.headers, self.delay)


def bad_gateway(times: int = 1, **where: str) -> Fault:
    return Fault(502, times, body={"message": "Server Error"}, **where)


def broken_connection(times: int = 1, **where: str) -> Fault:
    return Fault(0, times, **where)


def silence(seconds: float, times: int = 1, **where: str) -> Fault:
    """No answer for so long, and then none at all."""
    return Fault(0, times, delay=seconds, **where)


def rate_limit(reset_in: float = 30, times: int = 1, **where: str) -> Fault:
    """The hourly limit is used up, and comes back in so many seconds."""
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time() + reset_in))}
    return Fault(403, times, body={"message": "API rate limit exceeded for installation."}, headers=reset, **where)


def too_fast(retry_after: int = 7, times: int = 1, status: int = 429, **where: str) -> Fault:
    """The secondary limit: too much in a short time."""
    said = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
    return Fault(status, times, body=said, headers={"Retry-After": str(retry_after)}, **where)
