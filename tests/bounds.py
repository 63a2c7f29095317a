"""How long a test waits for what never comes. A bound is for a hang: no machine is so busy that it is reached."""

from __future__ import annotations

import time
from collections.abc import Callable

HANG = 1200  # seconds


def happens(condition: Callable[[], object], every: float = 0.05) -> bool:
    """Look every so many seconds, until it holds or the time for a hang is over."""
    end = time.monotonic() + HANG
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
