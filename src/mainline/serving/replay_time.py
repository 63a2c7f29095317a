"""The time that a request states, for replays of past data: read only where MAINLINE_REPLAY=1."""

from __future__ import annotations

import datetime as dt

from mainline.serving.errors import invalid

HEADER = "x-replay-time"


def moment(given: str | None) -> float | None:
    """Seconds since 1970 of an RFC 3339 time; None where none is given. Raises Rejection for anything else."""
    if given is None:
        return None
    try:
        found = dt.datetime.fromisoformat(given)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        message = f"{HEADER}: {given[:40]!r} was sent, a time with its zone such as 2013-07-01T12:00:00Z is needed"
        raise invalid(message, reason="replay_time")
    return found.timestamp()
