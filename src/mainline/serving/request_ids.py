"""The ids of requests: the client's own where it is valid, and each id once in the log."""

from __future__ import annotations

import hashlib
import os

NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
LONGEST = 128  # characters of a client's
REMEMBERED = 20_000  # of the clients' ids at least, twice as many at most: 8 MB
LARGE = 64 * 1024  # bytes beyond which a hash that lets other threads run is worth its cost


class RequestIds:
    """Remembers the last ids that clients sent, each with the body that it came with."""

    def __init__(self) -> None:
        self.prefix = os.urandom(8).hex()
        self.number = 0
        self.young: dict[str, int | bytes] = {}
        self.old: dict[str, int | bytes] = {}

    def new(self) -> str:
        self.number += 1
        return f"{self.prefix}-{self.number:x}"

    def usable(self, given: str | None) -> bool:
        """Whether a client's id can be logged and sent back."""
        return bool(given) and len(given or "") <= LONGEST and NAME.issuperset(given or "")

    def once(self, given: str, mark: int | bytes) -> str | None:
        """The id to log a client's request by, or None where the same request was answered before.

        A retry has the same id and the same body. A known id with another body is another
        request, which gets a new id: the client's followed by one of ours.
        """
        known = self.young.get(given, self.old.get(given))
        if known is None and not given.startswith(self.prefix):
            self._remember(given, mark)
            return given
        if known == mark:
            return None
        return f"{given}.{self.new()}"

    def forget(self, given: str) -> None:
        """Forget the id of a request that was not answered."""
        self.young.pop(given, None)
        self.old.pop(given, None)

    def _remember(self, given: str, mark: int | bytes) -> None:
        if len(self.young) >= REMEMBERED:
            self.old, self.young = self.young, {}
        self.young[given] = mark


def mark(body: bytes) -> int | bytes:
    """A hash that identifies a body."""
    return hash(body) if len(body) <= LARGE else hashlib.blake2b(body, digest_size=16).digest()
